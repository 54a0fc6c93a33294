# SPDX-License-Identifier: BSD-2-Clause
"""Host DMA and registers, with a driver model and a strict host memory in Python."""

import sys
from pathlib import Path

import pytest
from runner import run

sys.path.insert(0, str(Path(__file__).parent / "dma"))

from dma_model import SOURCES  # noqa: E402

CASES = {
    "cocotb_dma": [
        "every_alignment",
        "long_frames",
        "mixed_traffic",
        "mixed_traffic_small_rings",
        "mixed_traffic_axiram",
        "index_wrap",
        "refused_descriptors",
        "contexts",
        "numbers",
        "completion_fields",
        "missing_buffers",
        "buffers_on_their_way",
        "largest_buffer",
        "result_before_completion",
        "completions_do_not_wait",
    ],
    "cocotb_dma_faults": [
        "unreadable_frames",
        "unwritable_buffers",
        "ring_errors_halt_one_pair",
        "doorbells_beyond_the_ring",
        "refused_configuration",
        "bus_master_off",
        "bus_master_off_within_a_frame",
        "bus_master_off_for_long",
        "disable_under_load",
        "interrupts",
    ],
    "cocotb_dma_moderation": [
        "by_delay",
        "by_number",
        "orders",
        "errors_do_not_wait",
        "driver",
    ],
    "cocotb_rx_class": [
        "published_hashes",
        "checksums",
        "whose_hash",
        "flows",
        "mixed",
        "switched_under_load",
        "rate",
    ],
    "cocotb_dma_pieces": [
        "pieces",
        "faults_anywhere",
        "faults_anywhere_small_rings",
        "rules",
        "frames_without_end",
        "disable_within_a_frame",
        "checksums",
    ],
    "cocotb_dma_tso": [
        "segments",
        "most_segments",
        "faults",
        "rules",
    ],
}


@pytest.mark.parametrize(
    ("module", "testcase"), [(module, case) for module, cases in CASES.items() for case in cases]
)
def test_dma(module, testcase):
    run("dma_tb", SOURCES, module, testcase=testcase)


def test_dma_speed():
    assert run("dma_tb", SOURCES, "cocotb_dma_speed") == 8
