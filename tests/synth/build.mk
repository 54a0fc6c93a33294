# SPDX-License-Identifier: BSD-2-Clause
#
# Area and speed: `make synth` writes tests/synth/measured.json and the tables of docs/hardware.md; SYNTH='gcm_engine_1
# esp_out' measures these alone. Takes an hour or more, one tool at a time; what was measured stays until a source of it
# changes. Its tools are installed by it alone: deps/apt-synth.txt, and Debian 13's in build/synth/root.

SYNTH ?=
SYNTH_BLOCKS = $(filter-out vesper_top,$(sort $(SYNTH_TOPS)))
synth_files = $(1)=$(subst $() ,$(comma),$(strip $(SOURCES_$(1))))

.PHONY: synth synth-tools
synth-tools: setup $(YOSYS_READY)
	@deps/install deps/apt-synth.txt
	@tests/synth/build-root build/synth/root

synth: synth-tools $(ABI_SV) $(CSR_SV) ## synthesize, place and route; docs/hardware.md
	$(call say,SYNTH,UltraScale+ and ECP5)
	@nice -n 15 $(PY) tests/synth/synth.py --debian build/synth/root $(if $(SYNTH),--only $(subst $() ,$(comma),$(strip $(SYNTH)))) \
		$(foreach top,$(SYNTH_BLOCKS),$(call synth_files,$(top)))
