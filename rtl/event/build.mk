# SPDX-License-Identifier: BSD-2-Clause
#
# The event ring. Before the files of its list come vesper_abi_pkg, vesper_pkg, dma_pkg and the FIFO.

LINT_TOPS += event_ring
SYNTH_TOPS += event_ring
SOURCES_event_ring = $(ABI_SV) rtl/vesper_pkg.sv rtl/dma/dma_pkg.sv rtl/lib/fifo.sv rtl/lib/clock_gate.sv $(shell cat rtl/event/event.f)
