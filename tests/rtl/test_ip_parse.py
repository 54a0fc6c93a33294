# SPDX-License-Identifier: BSD-2-Clause
"""The header parser of both ESP pipes."""

import pytest
from runner import run


@pytest.mark.parametrize("seed", [1, 2])
def test_ip_parse(seed):
    sources = ["build/gen/vesper_abi_pkg.sv", "rtl/esp/ip_pkg.sv", "rtl/esp/ip_parse.sv"]
    assert run("ip_parse", sources, "cocotb_ip_parse", seed=seed) == 1
