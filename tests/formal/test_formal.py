# SPDX-License-Identifier: BSD-2-Clause
"""The quick proofs, and that each fails on a broken copy of its module; `make formal` runs all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import prove  # noqa: E402
from proofs import PROOFS  # noqa: E402

QUICK = {p.name: p for p in PROOFS if p.quick}
OUT = prove.ROOT / "build" / "formal" / "test"  # not below /tmp, which yosys in its sandbox has of its own


def verdict_of(name, mutation=None, suffix=""):
    OUT.mkdir(parents=True, exist_ok=True)
    verdict = prove.run(QUICK[name], OUT, mutation, suffix)
    if verdict == prove.UNDECIDED:
        pytest.skip(f"{name} undecided within {prove.TIMEOUT} s of processor time")
    return verdict


@pytest.mark.parametrize("name", QUICK)
def test_proof(name):
    assert verdict_of(name) == "PASS", prove.why(OUT / f"{name}.log")


@pytest.mark.parametrize("name", QUICK)
def test_broken(name):
    assert verdict_of(name, QUICK[name].mutations[0], ".broken") == "FAIL"
