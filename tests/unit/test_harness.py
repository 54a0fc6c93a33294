# SPDX-License-Identifier: BSD-2-Clause
"""What judges the other tests is tested itself: the C harness, the verdict, the benchmark collector."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cmocka import run_program

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "build" / "unit" / "harness-fails"
MERGE = ROOT / "tests" / "bench" / "merge.py"


@pytest.mark.skipif(
    not HARNESS.is_file(), reason="build/unit/harness-fails is not built (make test builds it)"
)
class TestC:
    def verdicts(self, tmp_path):
        return {name: verdict for name, verdict in run_program(HARNESS, tmp_path)[0]}

    def test_success(self, tmp_path):
        assert self.verdicts(tmp_path) == {
            "passes": None,
            "skips": "skipped",
            "fails": None,
            "overruns": None,
        }

    def test_failure(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_FAIL", "1")
        verdicts = self.verdicts(tmp_path)
        assert verdicts["passes"] is None
        assert "harness_fails.c" in verdicts["fails"]

    def test_sanitizer(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HARNESS_OVERRUN", "1")
        report = self.verdicts(tmp_path)["harness-fails"]
        # Whichever of the two sanitizers sees it first.
        assert "heap-buffer-overflow" in report or "insufficient space for an object" in report
        assert "harness_fails.c" in report


def pytest_in(folder, text, *args):
    """Run pytest with our conftest on one test file; return (status, last line)."""
    (folder / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(text)
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "--basetemp", str(folder / "t"), *args]
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    return run.returncode, run.stdout.splitlines()[-1]


MIXED = """
import pytest

def test_passes(): pass

def test_fails(): assert 0

@pytest.fixture
def broken(): raise RuntimeError

def test_error(broken): pass

@pytest.mark.skip(reason="shows a skip")
def test_skipped(): pass

def test_subtests(subtests):
    for i in range(4):
        with subtests.test(msg=str(i)):
            assert i != 2
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_verdict(tmp_path, workers):
    assert pytest_in(tmp_path, MIXED, "-n", workers) == (1, "4 passed, 3 failed, 1 skipped")


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ("def test_a(): pass\n", 0, "1 passed, 0 failed"),
        (
            "import pytest\n@pytest.mark.skip(reason='r')\ndef test_a(): pass\n",
            1,
            "0 passed, 0 failed, 1 skipped",
        ),
        ("", 5, "0 passed, 0 failed"),
        ("import absent_module\n", 2, "0 passed, 1 failed"),
    ],
    ids=["good", "only skipped", "empty", "does not import"],
)
def test_verdict_of(tmp_path, text, status, line):
    assert pytest_in(tmp_path, text) == (status, line)


def merge(tmp_path, *benches):
    paths = []
    for number, text in enumerate(benches):
        path = tmp_path / f"bench{number}.py"
        path.write_text("import json, sys\n" + text)
        paths.append(str(path))
    out = tmp_path / "out"
    command = [sys.executable, str(MERGE), "--out", str(out), *paths]
    run = subprocess.run(command, capture_output=True, text=True)
    results = out / "results.json"
    return run, json.loads(results.read_text()) if results.is_file() else None


def writes(entries):
    return f"open(sys.argv[1], 'w').write({json.dumps(json.dumps(entries))})\n"


def test_merge(tmp_path):
    first = {"name": "b", "value": 2, "unit": "cycles", "limit": 4, "ratio": 0.5}
    second = {"name": "a", "value": 1.5, "unit": "ns"}
    run, results = merge(tmp_path, writes([first]), writes([second]))
    assert run.returncode == 0, run.stderr
    assert results == [second, first]
    assert "cycles" in run.stdout


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sys.exit(3)\n", "status 3"),
        ("pass\n", "did not write"),
        (writes([]), "non-empty"),
        (writes([{"name": "x", "value": "fast", "unit": "s"}]), "'value'"),
        (writes([{"name": "x", "value": 1, "unit": "s", "speed": 1}]), "'speed'"),
        (writes([{"name": "good", "value": 1, "unit": "s"}]), "already measured"),
    ],
)
def test_merge_reports(tmp_path, text, complaint):
    run, results = merge(tmp_path, writes([{"name": "good", "value": 1, "unit": "s"}]), text)
    assert run.returncode == 1
    assert complaint in run.stderr
    assert [entry["name"] for entry in results] == ["good"]
