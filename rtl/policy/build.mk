# SPDX-License-Identifier: BSD-2-Clause
#
# Policy table. POLICY_SOURCES in this order, packages first; the tests read the same list.

POLICY_SOURCES := $(shell cat rtl/policy/policy.f)

LINT_TOPS += policy_table
SYNTH_TOPS += policy_table
SOURCES_policy_table := $(ABI_SV) rtl/vesper_pkg.sv rtl/lib/fifo.sv $(POLICY_SOURCES)

BENCHES += tests/bench/policy.py
BENCH_DEPS += $(ABI_SV)
