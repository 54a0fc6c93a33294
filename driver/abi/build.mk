# SPDX-License-Identifier: BSD-2-Clause
#
# What is generated from the ABI: SystemVerilog constants, register blocks,
# C headers, reference pages.

GEN := $(BUILD)/gen
LINT_C += driver/abi/vesper_abi.h driver/abi/gen_sv.c

ABI_SV := $(GEN)/vesper_abi_pkg.sv
CSR_SV := $(GEN)/vesper_csr_regs_pkg.sv $(GEN)/vesper_csr_regs.sv
MGMT_SV := $(GEN)/vesper_mgmt_regs_pkg.sv $(GEN)/vesper_mgmt_regs.sv
GEN_H := $(GEN)/vesper_regs.h $(GEN)/vesper_mgmt_regs.h

$(BUILD)/host/gen_sv: driver/abi/gen_sv.c driver/abi/vesper_abi.h
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O1 -Wall -Wextra -Werror -o $@ $<

$(ABI_SV): $(BUILD)/host/gen_sv
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	@$< > $@

# PeakRDL names the module after the address map; ours is the file's.
define peakrdl_rules
$(GEN)/$(1)_regs.sv: driver/abi/$(2).rdl $$(VENV)/.stamp
	@mkdir -p $$(@D)
	@echo "  GEN     $$@"
	@$$(VENV)/bin/peakrdl regblock --cpuif $(3) --module-name $(1)_regs --package-name $(1)_regs_pkg -o $$(@D) $$<
$(GEN)/$(1)_regs_pkg.sv: $(GEN)/$(1)_regs.sv
$(GEN)/$(2)_regs.h: driver/abi/$(2).rdl $$(VENV)/.stamp
	@mkdir -p $$(@D)
	@echo "  GEN     $$@"
	@$$(VENV)/bin/peakrdl c-header -b ltoh -o $$@ $$<
endef
$(eval $(call peakrdl_rules,vesper_csr,vesper,axi4-lite-flat))
$(eval $(call peakrdl_rules,vesper_mgmt,vesper_mgmt,passthrough))

.PHONY: gen html
gen: $(ABI_SV) $(CSR_SV) $(MGMT_SV) $(GEN_H)
html: $(VENV)/.stamp ## register reference as HTML, under build/html
	@$(VENV)/bin/peakrdl html -o $(BUILD)/html driver/abi/vesper.rdl
