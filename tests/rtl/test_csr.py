# SPDX-License-Identifier: BSD-2-Clause
"""BAR0 as cocotbext-axi's AXI4-Lite master sees it."""

import sys
from pathlib import Path

from runner import ROOT, run

sys.path.insert(0, str(Path(__file__).parent / "csr"))

SOURCES = [
    "rtl/csr/csr_regs.vlt",
    "build/gen/vesper_abi_pkg.sv",
    "build/gen/vesper_csr_regs_pkg.sv",
    "build/gen/vesper_csr_regs.sv",
    "rtl/dma/dma_pkg.sv",
    "rtl/event/event_pkg.sv",
    "rtl/offload/rx_pkg.sv",
    *(ROOT / "rtl/csr/csr.f").read_text().split(),
]


def test_csr():
    assert run("vesper_csr", SOURCES, "cocotb_csr") == 9
