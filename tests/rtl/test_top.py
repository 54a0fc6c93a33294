# SPDX-License-Identifier: BSD-2-Clause
"""The whole card with its firmware: host memory and registers by cocotbext-axi's rules, scapy as the other end."""

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
for folder in ("dma", "esp_in", "event", "policy", "sa", "wire", "top"):
    sys.path.insert(0, str(HERE / folder))

import card_model  # noqa: E402

TESTS = [
    "everything",
    "axiram",
    "numbered",
    "wrong_descriptors",
    "wrong_frames_of_both_doors",
    "wrong_messages",
    "reset_under_load",
    "events",
]


@pytest.mark.parametrize("testcase", TESTS)
def test_card(testcase):
    assert card_model.simulate(card_model.build(), "cocotb_top", testcase) == 1


@pytest.mark.xdist_group("one_block")  # a model of its own
def test_one_block_a_cycle():
    # A run so short is over before optimising would have paid.
    assert card_model.simulate(card_model.build(blocks=1, opt="-O0"), "cocotb_top", "smoke") == 1


def test_latency():
    assert card_model.simulate(card_model.build(), "cocotb_latency", "latency") == 1
