# SPDX-License-Identifier: BSD-2-Clause
"""Sources of the top dma_tb."""

from runner import ROOT

SOURCES = [
    "rtl/csr/csr_regs.vlt",
    "build/gen/vesper_abi_pkg.sv",
    "build/gen/vesper_csr_regs_pkg.sv",
    "build/gen/vesper_csr_regs.sv",
    "rtl/vesper_pkg.sv",
    "rtl/lib/fifo.sv",
    "rtl/lib/frame_arb.sv",
    *(ROOT / "rtl/dma/dma.f").read_text().split(),
    *(ROOT / "rtl/event/event.f").read_text().split(),
    *(ROOT / "rtl/csr/csr.f").read_text().split(),
    "tests/rtl/dma/dma_tb.sv",
]
