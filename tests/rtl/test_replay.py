# SPDX-License-Identifier: BSD-2-Clause
"""The replay window, through the SA table's lookup and commit."""

import pytest
from runner import run
from test_sa_table import SOURCES

CASES = [
    "random_walk",
    "every_position",
    "zero_is_refused",
    "forged_packet_moves_nothing",
    "resumed",
    "highest_number",
    "index_reused",
    "esn_inference",
    "esn_subspaces",
    "esn_walk",
]


@pytest.mark.parametrize("testcase", CASES)
def test_replay(testcase):
    run("sa_table", SOURCES, "cocotb_replay", parameters={"ENTRIES": 64}, testcase=testcase)


def test_small_rings():
    """A card with rings of 256 numbers."""
    run(
        "sa_table",
        SOURCES,
        "cocotb_replay",
        parameters={"ENTRIES": 64, "WINDOW_MAX": 256},
        testcase="clipped",
    )
