# SPDX-License-Identifier: BSD-2-Clause
"""Runs the C unit tests that make built (build/unit-tests.txt); each cmocka test counts as one."""

import os
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "build" / "unit-tests.txt"
PROGRAMS = LIST.read_text().split() if LIST.is_file() else []
TIMEOUT = 180


def run_program(program, results_dir):
    """Run a cmocka program; return [(test, None or "skipped" or failure's text)] and its own output.

    A crash, a leak or a sanitizer's report is a failure named after the program.
    """
    program = Path(program)
    pattern = results_dir / "%g.xml"
    env = dict(os.environ)
    env["CMOCKA_MESSAGE_OUTPUT"] = "XML"
    env["CMOCKA_XML_FILE"] = str(pattern)
    env["ASAN_OPTIONS"] = "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1"
    env["UBSAN_OPTIONS"] = "print_stacktrace=1"
    try:
        run = subprocess.run([program], cwd=ROOT, env=env, capture_output=True, text=True, timeout=TIMEOUT)
        status, output = run.returncode, run.stdout + run.stderr
    except subprocess.TimeoutExpired as late:
        status, output = f"none within {TIMEOUT} s", str(late.stderr or "")
    found = []
    for path in sorted(results_dir.glob("*.xml")):
        for case in ElementTree.parse(path).iter("testcase"):
            trouble = [child for child in case if child.tag in ("failure", "error")]
            if trouble:
                found.append((case.get("name"), "\n".join(t.text or t.get("message", "") for t in trouble)))
            else:
                found.append((case.get("name"), "skipped" if case.find("skipped") is not None else None))
    failures = sum(1 for _, verdict in found if verdict not in (None, "skipped"))
    if status != 0 and not failures:
        found.append((program.name, f"{program} ended with status {status}:\n{output[-4000:]}"))
    return found, output


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: Path(p).name)
def test_c(program, tmp_path, subtests):
    found, output = run_program(ROOT / program, tmp_path)
    assert found, f"{program} reported no test:\n{output[-4000:]}"
    for name, verdict in found:
        with subtests.test(msg=name):
            if verdict == "skipped":
                pytest.skip(f"{name} skips itself")
            elif verdict is not None:
                pytest.fail(f"{name}: {verdict}\n{output[-2000:]}", pytrace=False)
