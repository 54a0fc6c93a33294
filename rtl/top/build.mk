# SPDX-License-Identifier: BSD-2-Clause
#
# The whole card. Packages first; each block's own list says the rest. vesper_abi_pkg and the register blocks are
# generated (driver/abi/build.mk).

TOP_LIB := $(addprefix rtl/lib/,fifo.sv skid_buffer.sv frame_fifo.sv frame_arb.sv frame_demux.sv clock_gate.sv)
TOP_PKGS := rtl/vesper_pkg.sv rtl/gcm/gcm_pkg.sv rtl/dma/dma_pkg.sv rtl/event/event_pkg.sv rtl/csr/csr_pkg.sv rtl/offload/rx_pkg.sv
TOP_BLOCKS := $(foreach list,rtl/gcm/gcm_engine.f rtl/dma/dma.f rtl/event/event.f rtl/csr/csr.f rtl/mgmt/vesper_mgmt.f \
	rtl/sa/sa_table.f rtl/policy/policy.f rtl/esp/esp_out.f rtl/esp/esp_in.f,$(shell cat $(list) 2>/dev/null))
TOP_OWN := rtl/wire/wire_rx.sv rtl/wire/wire_tx.sv rtl/top/vesper_datapath.sv rtl/top/vesper_top.sv

# Each file once, in the order in which it is first named.
once = $(if $(1),$(firstword $(1)) $(call once,$(filter-out $(firstword $(1)),$(1))))
SOURCES_vesper_top := rtl/csr/csr_regs.vlt $(call once,$(ABI_SV) $(TOP_PKGS) $(TOP_LIB) $(CSR_SV) $(TOP_BLOCKS) $(TOP_OWN))

LINT_TOPS += vesper_top
SYNTH_TOPS += vesper_top
# The CPU core sets a time scale, ours do not.
LINT_ARGS_vesper_top := --timescale 1ns/1ps
