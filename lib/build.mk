# SPDX-License-Identifier: BSD-2-Clause
#
# libvesper: the public calls, ESP in software, and the userspace driver inside.

LIB_SRC := $(addprefix lib/,vesper.c soft.c soft_sa.c card.c esp_in.c esp_out.c ipv4.c replay.c crypto_openssl.c)
LIB_A := $(BUILD)/lib/libvesper.a
LIB_SO := $(BUILD)/lib/libvesper.so.0

$(eval $(call archive,$(LIB_A),rel,$(LIB_SRC) $(DRIVER_SRC)))
$(eval $(call shared,$(LIB_SO),rel,$(LIB_SRC) $(DRIVER_SRC),-lcrypto))

ALL_TARGETS += $(LIB_A) $(LIB_SO)
INSTALL_LIB += $(LIB_A) $(LIB_SO)
INSTALL_HEADERS += lib/include/vesper.h driver/abi/vesper_abi.h

# The command. It is linked with the archive, so that it runs from the build tree as it is.
CLI_SRC := $(addprefix lib/cli/,main.c sa_file.c capture.c tally.c cmd_info.c cmd_sa.c cmd_crypt.c cmd_bench.c)
CFLAGS_lib/cli/main.c := -DVESPER_VERSION='"$(VERSION)"'
$(eval $(call program,$(BUILD)/bin/vesper,rel,$(CLI_SRC),$(LIB_A) -lpcap -lcrypto))

ALL_TARGETS += $(BUILD)/bin/vesper
INSTALL_BIN += $(BUILD)/bin/vesper
