# SPDX-License-Identifier: BSD-2-Clause
#
# The two ends of the wire.

LINT_TOPS += wire_rx wire_tx
SYNTH_TOPS += wire_rx wire_tx
SOURCES_wire_rx := $(ABI_SV) rtl/vesper_pkg.sv rtl/offload/rx_pkg.sv rtl/lib/fifo.sv rtl/lib/frame_fifo.sv rtl/wire/wire_rx.sv
SOURCES_wire_tx := $(ABI_SV) rtl/vesper_pkg.sv rtl/lib/skid_buffer.sv rtl/wire/wire_tx.sv
