# SPDX-License-Identifier: BSD-2-Clause
#
# Host DMA. DMA_SOURCES in this order, packages first; the tests read the same list.

DMA_SOURCES := $(shell cat rtl/dma/dma.f)

LINT_TOPS += vesper_dma
SYNTH_TOPS += vesper_dma
SOURCES_vesper_dma = $(ABI_SV) rtl/vesper_pkg.sv rtl/lib/fifo.sv $(DMA_SOURCES)
