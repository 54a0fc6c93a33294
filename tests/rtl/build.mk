# SPDX-License-Identifier: BSD-2-Clause
#
# What the cocotb tests of the whole card need: its firmware, and its sources in their order.

TOP_LIST := $(BUILD)/gen/vesper_top.f

# Written only when it changes; a new source is a line in some block's list.
$(TOP_LIST): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(SOURCES_vesper_top) | cmp -s - $@ || printf '%s\n' $(SOURCES_vesper_top) > $@

TEST_DEPS += $(TOP_LIST) $(BUILD)/firmware/vesper-fw.hex
BENCHES += tests/bench/latency.py
BENCH_DEPS += $(TOP_LIST) $(BUILD)/firmware/vesper-fw.hex $(ABI_SV) $(CSR_SV) $(MGMT_SV)
