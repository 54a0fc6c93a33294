# SPDX-License-Identifier: BSD-2-Clause
#
# Management. MGMT_SOURCES in this order, after the packages (ABI_SV, vesper_pkg, gcm_pkg, csr_pkg); the tests read
# the same list. The CPU core comes out of its Python package.

MGMT_SOURCES := $(shell cat rtl/mgmt/vesper_mgmt.f)

# Under a name that does not depend on the Python version.
$(BUILD)/gen/picorv32.v: $(VENV)/.stamp
	@mkdir -p $(@D)
	@cp $$($(PY) -c 'import pythondata_cpu_picorv32 as p; print(p.data_location)')/picorv32.v $@

LINT_TOPS += vesper_mgmt gcm_inject
SYNTH_TOPS += vesper_mgmt gcm_inject
SOURCES_vesper_mgmt = $(ABI_SV) rtl/vesper_pkg.sv rtl/gcm/gcm_pkg.sv rtl/csr/csr_pkg.sv \
	$(filter-out %/gcm_inject.sv,$(MGMT_SOURCES))
# The core sets a time scale, ours do not.
LINT_ARGS_vesper_mgmt = --timescale 1ns/1ps
SOURCES_gcm_inject = rtl/gcm/gcm_pkg.sv rtl/mgmt/gcm_inject.sv

BENCHES += tests/bench/sa_add.py
