# SPDX-License-Identifier: BSD-2-Clause
"""The event ring behind the card's registers and beside its DMA, with a strict host memory in Python."""

import sys
from pathlib import Path

import pytest
from runner import run

for folder in ("dma", "event"):
    sys.path.insert(0, str(Path(__file__).parent / folder))

from dma_model import SOURCES  # noqa: E402

TESTS = [
    "records",
    "index_wrap",
    "rate_limit",
    "limit_by_chance",
    "full_ring",
    "enable_and_disable",
    "bus_master_off",
    "write_error",
    "interrupts",
]


@pytest.mark.parametrize("testcase", TESTS)
def test_event(testcase):
    run("dma_tb", SOURCES, "cocotb_event", testcase=testcase)
