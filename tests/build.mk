# SPDX-License-Identifier: BSD-2-Clause
#
# Only the harness' own tests: each folder's build.mk lists its C unit tests.

LINT_TOPS += counter
SOURCES_counter := tests/rtl/selftest/counter.sv

# Fails on purpose; tests/unit/test_harness.py wants to see that reported.
HARNESS_PROGRAM := $(BUILD)/unit/harness-fails
$(eval $(call program,$(HARNESS_PROGRAM),san,tests/unit/harness_fails.c,-lcmocka))
TEST_DEPS += $(HARNESS_PROGRAM)

# RTL tests read the generated constants and register blocks.
TEST_DEPS += $(ABI_SV) $(CSR_SV) $(MGMT_SV)

BENCHES += tests/bench/card.py tests/bench/fabric.py
BENCH_DEPS += $(BUILD)/bin/vesper $(BUILD)/bin/vesper-sim
