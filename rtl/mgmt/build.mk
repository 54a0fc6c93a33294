# SPDX-License-Identifier: BSD-2-Clause
#
# Management: our modules, and the CPU core out of its Python package.

# Under a name that does not depend on the Python version.
PICORV32 := $(BUILD)/gen/picorv32.v
$(PICORV32): $(VENV)/.stamp
	@mkdir -p $(@D)
	@cp $$($(PY) -c 'import pythondata_cpu_picorv32 as p; print(p.data_location)')/picorv32.v $@

# Packages and register block that they need come first.
MGMT_RTL := rtl/mgmt/mgmt.vlt $(MGMT_SV) $(PICORV32) \
	$(addprefix rtl/mgmt/,mgmt_cpu.sv mgmt_mailbox.sv vesper_stats_bank.sv vesper_stats.sv vesper_mgmt.sv)

LINT_TOPS += vesper_mgmt gcm_inject
SYNTH_TOPS += vesper_mgmt gcm_inject
SOURCES_vesper_mgmt = $(ABI_SV) rtl/vesper_pkg.sv rtl/gcm/gcm_pkg.sv $(MGMT_RTL)
# The core sets a time scale, ours do not.
LINT_ARGS_vesper_mgmt = --timescale 1ns/1ps
SOURCES_gcm_inject = rtl/gcm/gcm_pkg.sv rtl/mgmt/gcm_inject.sv
