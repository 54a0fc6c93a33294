# SPDX-License-Identifier: BSD-2-Clause
#
# The management CPU's firmware: RV32I, with picolibc's headers; nothing of it but what GCC calls is linked in.

FW := $(BUILD)/firmware/vesper-fw
FW_TESTED := card.c mailbox.c handlers_sa.c handlers_policy.c pipes.c stage.c table.c stats.c kat.c crypto.c
FW_COMMON := driver/common/vesper_sa.c driver/common/vesper_policy.c
FW_SOURCES := $(addprefix firmware/,crt0.S main.c mem.c $(FW_TESTED)) \
	$(FW_COMMON)
FW_OBJS := $(patsubst %,$(BUILD)/firmware/%.o,$(basename $(notdir $(FW_SOURCES))))
FW_CROSS := riscv64-unknown-elf-
FW_ARCH := -march=rv32i -mabi=ilp32
FW_CFLAGS := $(FW_ARCH) --specs=picolibc.specs -std=gnu11 -O3 -funroll-loops -flto -g -ffunction-sections \
	-fdata-sections -fno-strict-aliasing -fno-tree-pre -fno-tree-loop-distribute-patterns $(WARNINGS) -Ifirmware -Idriver/abi -Idriver/common -I$(BUILD)/gen

# Calls between files cost the small CPU much, and so do values loaded ahead for a refusal that does not come (tree-pre).
# GCC itself calls what is in mem.c, so that is no part of it.
ALL_TARGETS += $(FW).elf $(FW).hex
OBJS += $(FW_OBJS)

define fw_rule
$(BUILD)/firmware/$(basename $(notdir $(1))).o: $(1) firmware/build.mk | $(VENV)/.stamp $(GEN_H)
	$$(call say,FWCC,$$@)
	@mkdir -p $$(@D)
	@$$(FW_CROSS)gcc $$(FW_CFLAGS) $(if $(filter %/mem.c,$(1)),-fno-lto) -MMD -MP -c -o $$@ $$<
endef
$(foreach s,$(FW_SOURCES),$(eval $(call fw_rule,$(s))))

$(FW).elf: $(FW_OBJS) firmware/vesper-fw.ld
	$(call say,FWLD,$@)
	@$(FW_CROSS)gcc $(FW_CFLAGS) -nostartfiles -Wl,--gc-sections \
		-Wl,--fatal-warnings -T firmware/vesper-fw.ld -o $@ $(FW_OBJS)

# One 32-bit word a line, from address 0, for $readmemh.
$(FW).hex: $(FW).elf
	$(call say,HEX,$@)
	@$(FW_CROSS)objcopy -O binary $< $(FW).bin
	@od -An -v -tx4 -w4 $(FW).bin | tr -d ' ' > $@

# Unit tests on the host: the same sources on mocked registers.
FW_MOCKED := $(addprefix tests/unit/firmware_,mock.c host.c mailbox.c requests.c crypto.c)
FW_MOCK_SRC := tests/unit/firmware_mock.c tests/unit/firmware_host.c $(addprefix firmware/,$(FW_TESTED)) $(FW_COMMON)
$(foreach s,$(addprefix firmware/,$(FW_TESTED)) $(FW_MOCKED),$(eval CFLAGS_$(s) := -DVESPER_FW_MOCK -iquote firmware))
$(foreach t,mailbox requests crypto,$(eval $(call unit_test,firmware_$(t),tests/unit/firmware_$(t).c $(FW_MOCK_SRC),-lcrypto)))
