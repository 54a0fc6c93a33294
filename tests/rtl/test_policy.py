# SPDX-License-Identifier: BSD-2-Clause
"""The policy table: lookups against a linear search, masks, places, handles, all under traffic, and its speed."""

import sys
from pathlib import Path

import pytest
from runner import run

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "policy"))
sys.path.insert(0, str(HERE))

SOURCES = [
    "tests/rtl/policy/policy_public.vlt",
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    "rtl/lib/fifo.sv",
    *(HERE.parents[1] / "rtl/policy/policy.f").read_text().split(),
]

CASES = [
    "fields",
    "every_bit",
    "priorities",
    "duplicates",
    "mask_limit",
    "full_table",
    "both_rows_full",
    "same_fingerprint",
    "generations",
    "listing",
    "under_traffic",
    "under_slow_traffic",
    "wipe_amid_traffic",
    "rate",
]


def policy(testcase, entries, masks=16, **env):
    run(
        "policy_table",
        SOURCES,
        "cocotb_policy",
        parameters={"ENTRIES": entries, "MASKS": masks},
        testcase=testcase,
        env={"ENTRIES": entries, "MASKS": masks, **env},
    )


@pytest.mark.parametrize("testcase", CASES)
def test_policy(testcase):
    policy(testcase, 64)


@pytest.mark.parametrize("testcase", ["priorities", "mask_limit", "under_traffic"])
def test_policy_four_masks(testcase):
    policy(testcase, 64, masks=4)


@pytest.mark.parametrize("testcase", ["full_table", "rate"])
def test_policy_4096(testcase):
    """The table as the card has it."""
    policy(testcase, 4096, STYLES="grid")


@pytest.mark.parametrize("masks", [4, 16])
def test_policy_spread(masks):
    policy("spread", 4096, MASKS_USED=masks)
