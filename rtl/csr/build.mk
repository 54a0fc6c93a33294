# SPDX-License-Identifier: BSD-2-Clause
#
# BAR0. CSR_SOURCES in this order, packages first, after dma_pkg and event_pkg; the tests read the same list.

CSR_SOURCES := $(shell cat rtl/csr/csr.f)

LINT_TOPS += vesper_csr
SYNTH_TOPS += vesper_csr
SOURCES_vesper_csr = rtl/csr/csr_regs.vlt $(ABI_SV) $(CSR_SV) rtl/dma/dma_pkg.sv rtl/event/event_pkg.sv \
	rtl/offload/rx_pkg.sv $(CSR_SOURCES)
