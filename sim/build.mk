# SPDX-License-Identifier: BSD-2-Clause
#
# vesper-sim: the server in C, one C++ file around the Verilated card.
#
#   build/bin/vesper-sim         the card, as fast as it gets
#   build/bin/vesper-sim-trace   the same with FST tracing and assertions (make vesper-sim-trace)
#   build/sim/vesper-sim-small   a small card with the same pins, ASan and UBSan, for the server's tests

SIM_QUEUES := 2
SIM_TOP_SOURCES = $(SOURCES_vesper_top) sim/card_top.sv
SIM_FIRMWARE := $(BUILD)/firmware/vesper-fw.hex
SIM_SMALL_SOURCES := tests/integration/small_card/vesper_top.sv sim/card_top.sv

SIM_SERVER := $(addprefix sim/,dma_map.c irq.c log.c pci_config.c vfio_user.c vfu_conn.c vfu_irq.c vfu_region.c)
SIM_CARD := sim/axi.c sim/card.c
SIM_MAIN := $(addprefix sim/,capture.c image.c main.c options.c sock.c stats.c wire.c wire_pcap.c wire_stream.c wire_tap.c)
SIM_C := $(SIM_SERVER) $(SIM_CARD) $(SIM_MAIN)

CFLAGS_sim/options.c := -DSIM_VERSION='"$(VERSION)"'

# It knows what clang writes, and what GCC does.
SIM_AR := llvm-ar-19

# Verilator's C++ for one top. Arguments: directory, sources, Verilator's switches.
# Many files in few groups, because each group's headers cost seconds.
SIM_VERILATE := --cc --top-module card_top --prefix Vcard -Wno-fatal --timescale 1ns/1ps \
	--output-split 20000 --output-split-cfuncs 2000 --output-groups 3
define sim_verilate
$(1)/cc/.made: $$(VENV)/.stamp sim/build.mk $(2)
	$$(call say,MODEL,$(1))
	@rm -rf $(1)/cc && mkdir -p $(1)/cc
	@verilator $$(SIM_VERILATE) $(3) --Mdir $(1)/cc $$(filter-out %.stamp %.mk %.c,$$^) > $(1)/cc/verilator.log 2>&1 || \
		{ cat $(1)/cc/verilator.log >&2; exit 1; }
	@touch $$@
endef

# It is compiled apart from the link. Arguments: directory, archive, compiler, its switches, what must be there.
define sim_compile
$(2): $(1)/cc/.made $(5)
	$$(call say,CXX,$$@)
# Minutes: say now and then how far it is.
	@find $(1)/cc -name '*.[oa]' -delete; \
		make="env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C $(1)/cc -f Vcard.mk libVcard.a libverilated.a"; \
		total=$$$$($$$$make -n | grep -c ' -c '); \
		(while sleep 15; do echo "          $$$$(find $(1)/cc -name '*.o' | wc -l) of $$$$total files"; done) & \
		ticker=$$$$!; trap "kill $$$$ticker" EXIT; \
		$$$$make -j2 CXX=$(3) AR=$$(SIM_AR) CFG_CXXFLAGS_PCH_I=-include $$(if $$(CCACHE),OBJCACHE=ccache) \
		OPT_FAST='$(4)' OPT_SLOW=-O1 OPT_GLOBAL='$(4)' > $(1)/cc/make.log 2>&1 || \
		{ tail -n 40 $(1)/cc/make.log >&2; exit 1; }
	@rm -f $$@ && printf 'create %s\naddlib %s\naddlib %s\nsave\n' $$@ $(1)/cc/libVcard.a $(1)/cc/libverilated.a | $$(SIM_AR) -M
endef

# A program: name, model's archive, variant of the C, compiler and switches of wrapper and link, image of the firmware.
SIM_INCLUDES = -isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd
define sim_program
$(basename $(2))/wrapper.o: sim/card_model.cc sim/card_pins.h $(2)
	$$(call say,CXX,$$@)
	@mkdir -p $$(@D)
	@$(4) -std=c++17 -g $(5) $$(WARNINGS) -DCARD_QUEUES=$$(SIM_QUEUES) -Isim -isystem $(dir $(2))cc $$(SIM_INCLUDES) -c -o $$@ $$<
$(basename $(2))/image_data.o: sim/image_data.S $(6)
	@mkdir -p $$(@D)
	@$$(CC) $(if $(6),-DFIRMWARE='"$(6)"') -c -o $$@ $$<
OBJS += $(call objects,$(3),$(SIM_C))
$(1): $(call objects,$(3),$(SIM_C)) $(basename $(2))/wrapper.o $(basename $(2))/image_data.o $(2)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	@$(4) $$(LDFLAGS) $(call variant_flags,$(3)) $(5) -o $$@ $$^ -lz -llz4
endef

SIM_SMALL := $(BUILD)/sim/small
$(eval $(call sim_verilate,$(SIM_SMALL),$(SIM_SMALL_SOURCES),-Wall -O3 --assert --trace-fst))
$(eval $(call sim_compile,$(SIM_SMALL),$(SIM_SMALL)/model.a,$$(CXX),-O1,))
$(eval $(call sim_program,$(BUILD)/sim/vesper-sim-small,$(SIM_SMALL)/model.a,san,$$(CXX),-O1 -DVM_TRACE=1,))
TEST_DEPS += $(BUILD)/sim/vesper-sim-small

# The fast one has its engines by the processor's own AES, where there is that, and blocks without work stand still. It
# is compiled twice, by clang: some traffic through the first counts which branches are taken, and the second is laid out
# by that (README.md).
SIM_CXX := clang++-19
$(BUILD)/bin/vesper-sim: private LDFLAGS += -fuse-ld=lld-19
SIM_SWITCHES := -O3 --x-assign fast --x-initial fast -GQUEUES=$(SIM_QUEUES) -GBLOCKS=4
SIM_FAST := -O3 -march=native
SIM_FULL := $(BUILD)/sim/card
SIM_PROFILE := $(SIM_FULL)/profile
SIM_COUNT := $(SIM_FAST) -fprofile-generate=$(abspath $(SIM_PROFILE))
# Not every function is called in training.
SIM_USE := $(SIM_FAST) -flto -fprofile-use=$(abspath $(SIM_PROFILE))/counted -Wno-profile-instr-unprofiled
$(eval $(call sim_verilate,$(SIM_FULL),$$(SIM_TOP_SOURCES),$(SIM_SWITCHES) -GTOGGLE=1 --noassert -DVESPER_CLOCK_GATES \
	$$(patsubst %.c,$(CURDIR)/%.c,$$(GCM_DPI))))
$(SIM_FULL)/cc/.made: $(filter %.c,$(GCM_DPI))
$(eval $(call sim_compile,$(SIM_FULL),$(SIM_FULL)/counting.a,$(SIM_CXX),$(SIM_COUNT),))
$(eval $(call sim_program,$(SIM_FULL)/vesper-sim-counting,$(SIM_FULL)/counting.a,rel,$(SIM_CXX),$(SIM_COUNT) -DVM_TRACE=0,$(SIM_FIRMWARE)))
# Again when the model is another one, not whenever the server, the command or the firmware is.
$(SIM_PROFILE)/counted: $(SIM_FULL)/counting.a sim/train | $(SIM_FULL)/vesper-sim-counting $(BUILD)/bin/vesper
	$(call say,TRAIN,$@)
	@rm -rf $(@D) && mkdir -p $(@D)
	@sim/train $(SIM_FULL)/vesper-sim-counting $(BUILD)/bin/vesper > $(@D)/train.log 2>&1 && \
		llvm-profdata-19 merge -o $@ $(@D)/*.profraw >> $(@D)/train.log 2>&1 || { tail -n 20 $(@D)/train.log >&2; exit 1; }
$(eval $(call sim_compile,$(SIM_FULL),$(SIM_FULL)/model.a,$(SIM_CXX),$(SIM_USE),$(SIM_PROFILE)/counted))
$(eval $(call sim_program,$(BUILD)/bin/vesper-sim,$(SIM_FULL)/model.a,rel,$(SIM_CXX),$(SIM_FAST) -flto -DVM_TRACE=0,$(SIM_FIRMWARE)))

# The traced one shows every register at every edge.
SIM_TRACE := $(BUILD)/sim/trace
$(eval $(call sim_verilate,$(SIM_TRACE),$$(SIM_TOP_SOURCES),$(SIM_SWITCHES) --assert --trace-fst --trace-structs))
$(eval $(call sim_compile,$(SIM_TRACE),$(SIM_TRACE)/model.a,$$(CXX),-O1,))
$(eval $(call sim_program,$(BUILD)/bin/vesper-sim-trace,$(SIM_TRACE)/model.a,rel,$$(CXX),-O1 -DVM_TRACE=1,$(SIM_FIRMWARE)))
ALL_TARGETS += $(BUILD)/bin/vesper-sim
INSTALL_BIN += $(BUILD)/bin/vesper-sim
.PHONY: vesper-sim-trace
vesper-sim-trace: $(BUILD)/bin/vesper-sim-trace ## the simulator with signal traces (--trace) and assertions

$(eval $(call unit_test,sim_axi,tests/unit/sim_axi.c sim/axi.c,))
$(eval $(call unit_test,sim_dma_map,tests/unit/sim_dma_map.c sim/dma_map.c,))
$(eval $(call unit_test,sim_region,tests/unit/sim_region.c $(filter-out sim/vfu_conn.c,$(SIM_SERVER)),))
