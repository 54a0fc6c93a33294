# SPDX-License-Identifier: BSD-2-Clause
#
# Mutated input for everything that reads what others wrote: card, simulator, command.
# FUZZ_SEED=n for other mutations; a failure prints the arguments with which it comes again.

FUZZ := $(BUILD)/fuzz/card
FUZZ_SRC := $(addprefix tests/fuzz/fuzz_,main.c rng.c sas.c gen.c frames.c check.c mailbox.c mailbox_model.c)
$(eval $(call program,$(FUZZ),san,$(FUZZ_SRC) $(LIB_TESTED),$(LIB_TESTED_LIBS)))

FUZZ_FILES := $(BUILD)/fuzz/files
FUZZ_FILES_SRC := $(addprefix tests/fuzz/fuzz_,files.c rng.c sas.c gen.c) lib/cli/sa_file.c lib/cli/fields.c lib/cli/capture.c
$(eval $(call program,$(FUZZ_FILES),san,$(FUZZ_FILES_SRC) $(LIB_TESTED),-lpcap $(LIB_TESTED_LIBS)))

TEST_DEPS += $(FUZZ) $(FUZZ_FILES)

FUZZ_SEED ?= 1
FUZZ_COUNT ?= 1000000
.PHONY: fuzz
fuzz: setup $(ALL_TARGETS) $(FUZZ) $(FUZZ_FILES) ## a million mutated frames and a million mailbox messages
	@$(PY) tests/fuzz/fuzz.py --seed $(FUZZ_SEED) --frames $(FUZZ_COUNT) --messages $(FUZZ_COUNT)
