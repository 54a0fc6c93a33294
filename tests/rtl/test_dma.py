# SPDX-License-Identifier: BSD-2-Clause
"""Host DMA and registers, with a driver model and a strict host memory in Python."""

import sys
from pathlib import Path

import pytest
from runner import run

sys.path.insert(0, str(Path(__file__).parent / "dma"))

from dma_model import SOURCES  # noqa: E402

FRAMES = [
    "every_alignment",
    "long_frames",
    "mixed_traffic",
    "mixed_traffic_small_rings",
    "mixed_traffic_axiram",
    "index_wrap",
    "refused_descriptors",
    "contexts",
    "completion_fields",
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
    "bus_master_off_within_a_frame",
    "bus_master_off_for_long",
    "disable_under_load",
    "interrupts",
]


@pytest.mark.parametrize("testcase", FAULTS)
def test_dma_faults(testcase):
    run("dma_tb", SOURCES, "cocotb_dma_faults", testcase=testcase)


MODERATION = ["by_delay", "by_number", "orders", "errors_do_not_wait", "driver"]


@pytest.mark.parametrize("testcase", MODERATION)
def test_dma_moderation(testcase):
    run("dma_tb", SOURCES, "cocotb_dma_moderation", testcase=testcase)


RX_CLASS = [
    "published_hashes",
    "checksums",
    "whose_hash",
    "flows",
    "mixed",
    "switched_under_load",
    "rate",
]


@pytest.mark.parametrize("testcase", RX_CLASS)
def test_rx_class(testcase):
    run("dma_tb", SOURCES, "cocotb_rx_class", testcase=testcase)


PIECES = [
    "pieces",
    "faults_anywhere",
    "faults_anywhere_small_rings",
    "rules",
    "frames_without_end",
    "disable_within_a_frame",
    "checksums",
]


@pytest.mark.parametrize("testcase", PIECES)
def test_dma_pieces(testcase):
    run("dma_tb", SOURCES, "cocotb_dma_pieces", testcase=testcase)


@pytest.mark.parametrize("testcase", ["segments", "faults", "rules"])
def test_dma_tso(testcase):
    run("dma_tb", SOURCES, "cocotb_dma_tso", testcase=testcase)


def test_dma_speed():
    assert run("dma_tb", SOURCES, "cocotb_dma_speed") == 7
