# SPDX-License-Identifier: BSD-2-Clause
#
# vesper-sim: the server in C, one C++ file around the Verilated card.
#
#   build/bin/vesper-sim         the card, as fast as it gets
#   build/bin/vesper-sim-trace   the same with FST tracing and assertions (make vesper-sim-trace)
#   build/sim/vesper-sim-small   a small card with the same pins, ASan and UBSan, for the server's tests

SIM_QUEUES := 2
SIM_TOP_SOURCES = $(SOURCES_vesper_top)
SIM_FIRMWARE := $(BUILD)/firmware/vesper-fw.hex
SIM_SMALL_SOURCES := tests/integration/small_card/vesper_top.sv

SIM_SERVER := $(addprefix sim/,dma_map.c irq.c log.c pci_config.c vfio_user.c vfu_conn.c vfu_irq.c vfu_region.c)
SIM_CARD := sim/axi.c sim/card.c
SIM_MAIN := $(addprefix sim/,capture.c image.c main.c options.c sock.c stats.c wire.c wire_pcap.c wire_stream.c wire_tap.c)
SIM_C := $(SIM_SERVER) $(SIM_CARD) $(SIM_MAIN)

CFLAGS_sim/options.c := -DSIM_VERSION='"$(VERSION)"'

# Verilator's C++ for one top, compiled apart from the link: fast code is worth -O3 and this machine's instructions. Many
# files in few groups, because each group's headers cost seconds.
# Arguments: directory, sources, Verilator's switches, g++ switches.
SIM_VERILATE := --cc --top-module vesper_top --prefix Vvesper_top -Wno-fatal --timescale 1ns/1ps \
	--output-split 20000 --output-split-cfuncs 2000 --output-groups 3
define sim_model
$(1)/model.a: $$(VENV)/.stamp sim/build.mk $(2)
	$$(call say,MODEL,$$@)
	@rm -rf $(1)/cc && mkdir -p $(1)/cc
	@verilator $$(SIM_VERILATE) $(3) --Mdir $(1)/cc $$(filter-out %.stamp %.mk,$$^) > $(1)/cc/verilator.log 2>&1 || \
		{ cat $(1)/cc/verilator.log >&2; exit 1; }
# Minutes: say now and then how far it is.
	@make="env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C $(1)/cc -f Vvesper_top.mk libVvesper_top.a libverilated.a"; \
		total=$$$$($$$$make -n | grep -c ' -c '); \
		(while sleep 15; do echo "          $$$$(find $(1)/cc -name '*.o' | wc -l) of $$$$total files"; done) & \
		ticker=$$$$!; trap "kill $$$$ticker" EXIT; \
		$$$$make -j2 CFG_CXXFLAGS_PCH_I=-include $$(if $$(CCACHE),OBJCACHE=ccache) \
		OPT_FAST='$(4)' OPT_SLOW=-O1 OPT_GLOBAL='$(4)' > $(1)/cc/make.log 2>&1 || \
		{ tail -n 40 $(1)/cc/make.log >&2; exit 1; }
	@printf 'create %s\naddlib %s\naddlib %s\nsave\n' $$@ $(1)/cc/libVvesper_top.a $(1)/cc/libverilated.a | $$(AR) -M
endef

# A program: name, model's directory, variant of the C, g++ switches of the wrapper, image of the firmware.
SIM_INCLUDES = -isystem $(VERILATOR_ROOT)/include -isystem $(VERILATOR_ROOT)/include/vltstd
define sim_program
$(2)/wrapper.o: sim/card_model.cc sim/card_pins.h $(2)/model.a
	$$(call say,CXX,$$@)
	@$$(CXX) -std=c++17 -g $(4) $$(WARNINGS) -DCARD_QUEUES=$$(SIM_QUEUES) -Isim -isystem $(2)/cc $$(SIM_INCLUDES) -c -o $$@ $$<
$(2)/image_data.o: sim/image_data.S $(5)
	@$$(CC) $(if $(5),-DFIRMWARE='"$(5)"') -c -o $$@ $$<
$(2)/image_data.o: | $(2)/model.a
OBJS += $(call objects,$(3),$(SIM_C))
$(1): $(call objects,$(3),$(SIM_C)) $(2)/wrapper.o $(2)/image_data.o $(2)/model.a
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	@$$(CXX) $$(LDFLAGS) $(call variant_flags,$(3)) -o $$@ $$^ -lz -llz4
endef

SIM_FAST := -O3 -march=native
SIM_SWITCHES := -O3 --x-assign fast --x-initial fast -GQUEUES=$(SIM_QUEUES) -GBLOCKS=4
$(eval $(call sim_model,$(BUILD)/sim/small,$(SIM_SMALL_SOURCES),-Wall -O3 --assert --trace-fst,-O1))
$(eval $(call sim_program,$(BUILD)/sim/vesper-sim-small,$(BUILD)/sim/small,san,-O1 -DVM_TRACE=1,))
TEST_DEPS += $(BUILD)/sim/vesper-sim-small

# The engines by the processor's own AES, where it has that, and blocks without work stand still; the traced one shows
# every register at every edge.
$(eval $(call sim_model,$(BUILD)/sim/card,$$(SIM_TOP_SOURCES),$(SIM_SWITCHES) --noassert -DVESPER_CLOCK_GATES \
	$$(patsubst %.c,$(CURDIR)/%.c,$$(GCM_DPI)),$(SIM_FAST)))
$(eval $(call sim_program,$(BUILD)/bin/vesper-sim,$(BUILD)/sim/card,rel,$(SIM_FAST) -DVM_TRACE=0,$(SIM_FIRMWARE)))
$(eval $(call sim_model,$(BUILD)/sim/trace,$$(SIM_TOP_SOURCES),$(SIM_SWITCHES) --assert --trace-fst --trace-structs,-O1))
$(eval $(call sim_program,$(BUILD)/bin/vesper-sim-trace,$(BUILD)/sim/trace,rel,-O1 -DVM_TRACE=1,$(SIM_FIRMWARE)))
ALL_TARGETS += $(BUILD)/bin/vesper-sim
INSTALL_BIN += $(BUILD)/bin/vesper-sim
.PHONY: vesper-sim-trace
vesper-sim-trace: $(BUILD)/bin/vesper-sim-trace ## the simulator with signal traces (--trace) and assertions

$(eval $(call unit_test,sim_dma_map,tests/unit/sim_dma_map.c sim/dma_map.c,))
$(eval $(call unit_test,sim_region,tests/unit/sim_region.c $(filter-out sim/vfu_conn.c,$(SIM_SERVER)),))
