# SPDX-License-Identifier: BSD-2-Clause
"""The SA table: install, remove, lookups, commits, handles, erasure."""

import sys
from pathlib import Path

import pytest
from runner import build, run, simulate

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "sa"))
sys.path.insert(0, str(HERE))

SOURCES = [
    "tests/rtl/sa/sa_public.vlt",
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    "rtl/lib/fifo.sv",
    *(HERE.parents[1] / "rtl/sa/sa_table.f").read_text().split(),
]

CASES = [
    "fields",
    "random_commands",
    "handles",
    "generations",
    "keys_are_erased",
    "exhausted",
    "rate",
    "management_under_load",
    "counted_bytes",
    "idle",
    "install_cost",
    "nearly_full",
    "both_rows_full",
    "listing",
]


RULES = [
    "lengths",
    "largest_that_fits",
    "limits",
    "wide_counters",
    "leases",
    "drop_reasons",
    "encapsulation",
    "snapshot",
    "events_wait",
]


@pytest.mark.parametrize("testcase", CASES)
def test_sa_table(testcase):
    run("sa_table", SOURCES, "cocotb_sa_table", parameters={"ENTRIES": 64}, testcase=testcase)


@pytest.mark.parametrize("testcase", RULES)
def test_sa_rules(testcase):
    run("sa_table", SOURCES, "cocotb_sa_rules", parameters={"ENTRIES": 64}, testcase=testcase)


def test_sa_table_1024():
    """All 1,024 entries of the card as it is built, both directions."""
    run(
        "sa_table",
        SOURCES,
        "cocotb_sa_table",
        parameters={"ENTRIES": 1024},
        testcase="nearly_full",
        env={"STYLES": "sequential"},
    )


def filled(entries):
    """The model of sa_fill. The ring of a window is memory only: a large table makes do with small ones."""
    parameters = {"ENTRIES": entries, "WINDOW_MAX": 4096 if entries == 1024 else 128}
    sources = [*SOURCES, "tests/rtl/sa/sa_filler.sv", "tests/rtl/sa/sa_fill.sv"]
    return build("sa_fill", sources, parameters)


@pytest.mark.parametrize("entries", [1024, 65536])
def test_sa_fill(entries):
    """What the table costs does not depend on how full it is, up to the largest there is."""
    simulate("sa_fill", filled(entries), "cocotb_sa_fill")
