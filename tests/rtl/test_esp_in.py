# SPDX-License-Identifier: BSD-2-Clause
"""Inbound ESP with the real engine, against a model of docs/esp.md."""

import sys
from pathlib import Path

import pytest
from runner import run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
for folder in (HERE, HERE / "esp_in"):
    sys.path.insert(0, str(folder))

LISTED = [
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    *(ROOT / "rtl/gcm/gcm_engine.f").read_text().split(),
    "rtl/lib/fifo.sv",
    *(ROOT / "rtl/esp/esp_in.f").read_text().split(),
    "tests/rtl/esp_in/esp_in_bench.sv",
]
SOURCES = list(dict.fromkeys(LISTED))

CASES = [
    "scapy_encrypts",
    "every_size",
    "headers",
    "padding",
    "refused",
    "udp",
    "in_place",
    "forged",
    "table_says",
    "to_host",
    "damaged",
    "mixed",
    "full_buffer",
    "rate",
    "rate_plain",
    "latency",
]
INNER_CASES = [
    "inner_packets",
    "ecn_table",
    "ecn_at_random",
    "selectors",
    "selectors_at_random",
    "checksum_of_every_change",
]
SHAKEN = ["every_size", "refused", "in_place", "table_says", "to_host", "damaged", "mixed"]


@pytest.mark.parametrize("testcase", CASES)
def test_esp_in(testcase):
    run("esp_in_bench", SOURCES, "cocotb_esp_in", testcase=testcase)


@pytest.mark.parametrize("testcase", INNER_CASES)
def test_esp_in_inner(testcase):
    run("esp_in_bench", SOURCES, "cocotb_esp_in_inner", testcase=testcase)


@pytest.mark.parametrize("testcase", SHAKEN)
def test_esp_in_shaken(testcase):
    """The same with gaps, back-pressure and an engine and a table that stop now and then."""
    run("esp_in_bench", SOURCES, "cocotb_esp_in", testcase=testcase, env={"LOAD": "0.3 0.4 0.2"})
