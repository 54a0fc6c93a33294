# SPDX-License-Identifier: BSD-2-Clause
"""Host DMA and registers, with a driver model and a strict host memory in Python."""

import sys
from pathlib import Path

import pytest
from runner import ROOT, run

sys.path.insert(0, str(Path(__file__).parent / "dma"))

SOURCES = [
    "rtl/csr/csr_regs.vlt",
    "build/gen/vesper_abi_pkg.sv",
    "build/gen/vesper_csr_regs_pkg.sv",
    "build/gen/vesper_csr_regs.sv",
    "rtl/vesper_pkg.sv",
    "rtl/lib/fifo.sv",
    "rtl/lib/frame_arb.sv",
    *(ROOT / "rtl/dma/dma.f").read_text().split(),
    *(ROOT / "rtl/csr/csr.f").read_text().split(),
    "tests/rtl/dma/dma_tb.sv",
]

FRAMES = [
    "every_alignment",
    "long_frames",
    "mixed_traffic",
    "mixed_traffic_small_rings",
    "mixed_traffic_axiram",
    "index_wrap",
    "refused_descriptors",
    "missing_buffers",
    "buffers_on_their_way",
    "largest_buffer",
    "result_before_completion",
    "completions_do_not_wait",
]


@pytest.mark.parametrize("testcase", FRAMES)
def test_dma_frames(testcase):
    run("dma_tb", SOURCES, "cocotb_dma", testcase=testcase)


FAULTS = [
    "unreadable_frames",
    "unwritable_buffers",
    "ring_errors_halt_one_pair",
    "doorbells_beyond_the_ring",
    "refused_configuration",
    "bus_master_off",
    "disable_under_load",
    "interrupts",
]


@pytest.mark.parametrize("testcase", FAULTS)
def test_dma_faults(testcase):
    run("dma_tb", SOURCES, "cocotb_dma_faults", testcase=testcase)


def test_dma_speed():
    assert run("dma_tb", SOURCES, "cocotb_dma_speed") == 5
