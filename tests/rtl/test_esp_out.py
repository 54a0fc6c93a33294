# SPDX-License-Identifier: BSD-2-Clause
"""Outbound ESP: against a model of the engine, and with the real one."""

import pytest
from gcm.sources import BY_INSTRUCTIONS, DEFINES, ENGINE
from runner import ROOT, run

BASE = ["build/gen/vesper_abi_pkg.sv", "rtl/vesper_pkg.sv", "rtl/lib/fifo.sv"]


def listed(name):
    return (ROOT / name).read_text().split()


TESTS = ["cocotb_esp_out", "cocotb_esp_out_rules"]


@pytest.mark.parametrize("tests", TESTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_with_engine_model(tests, seed):
    sources = [*BASE, "rtl/gcm/gcm_pkg.sv", *listed("rtl/esp/esp_out.f")]
    run("esp_out", sources, tests, seed=seed)


@pytest.mark.parametrize("tests", TESTS)
def test_with_engine(tests):
    sources = [
        *BASE,
        *ENGINE,
        *BY_INSTRUCTIONS,
        *listed("rtl/esp/esp_out.f"),
        "tests/rtl/esp/esp_out_gcm.sv",
    ]
    run("esp_out_gcm", sources, tests, defines=DEFINES)
