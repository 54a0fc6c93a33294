# SPDX-License-Identifier: BSD-2-Clause
"""Inbound ESP with the real engine, against a model of docs/esp.md."""

import sys
from pathlib import Path

import pytest
from gcm.sources import BY_INSTRUCTIONS, DEFINES, ENGINE
from runner import run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
for folder in (HERE, HERE / "esp_in"):
    sys.path.insert(0, str(folder))

LISTED = [
    "build/gen/vesper_abi_pkg.sv",
    "rtl/vesper_pkg.sv",
    *ENGINE,
    *BY_INSTRUCTIONS,
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


def bench(tests, testcase, **how):
    run("esp_in_bench", SOURCES, tests, defines=DEFINES, testcase=testcase, **how)


@pytest.mark.parametrize("testcase", CASES)
def test_esp_in(testcase):
    bench("cocotb_esp_in", testcase)


@pytest.mark.parametrize("testcase", INNER_CASES)
def test_esp_in_inner(testcase):
    bench("cocotb_esp_in_inner", testcase)


@pytest.mark.parametrize("testcase", SHAKEN)
def test_esp_in_shaken(testcase):
    """The same with gaps, back-pressure and an engine and a table that stop now and then."""
    bench("cocotb_esp_in", testcase, env={"LOAD": "0.3 0.4 0.2"})
