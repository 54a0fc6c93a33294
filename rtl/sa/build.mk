# SPDX-License-Identifier: BSD-2-Clause
#
# SA table. SA_SOURCES in this order, packages first; the tests read the same list.

SA_SOURCES := $(shell cat rtl/sa/sa_table.f)

LINT_TOPS += sa_table
SYNTH_TOPS += sa_table
SOURCES_sa_table := $(ABI_SV) rtl/vesper_pkg.sv rtl/lib/fifo.sv $(SA_SOURCES)
