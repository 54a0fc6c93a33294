# SPDX-License-Identifier: BSD-2-Clause
"""The wire port and the frame primitives beneath it."""

import sys
from pathlib import Path

import pytest
from runner import run

sys.path.insert(0, str(Path(__file__).parent / "wire"))

SOURCES = [
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    "rtl/offload/rx_pkg.sv",
    "rtl/lib/fifo.sv",
    "rtl/lib/skid_buffer.sv",
    "rtl/lib/frame_fifo.sv",
    "rtl/lib/frame_arb.sv",
    "rtl/lib/frame_demux.sv",
    "rtl/wire/wire_rx.sv",
    "rtl/wire/wire_tx.sv",
    "tests/rtl/wire/wire_cross.sv",
]


@pytest.mark.parametrize(
    "testcase",
    [
        "every_length",
        "bad_frames_cost_themselves",
        "broken_beats_cost_their_frame",
        "overflow_is_counted",
        "closed_port_takes_nothing",
        "full_rate",
        "filter",
    ],
)
def test_wire(testcase):
    run("wire_cross", SOURCES, "cocotb_wire", testcase=testcase)
