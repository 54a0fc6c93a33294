# SPDX-License-Identifier: BSD-2-Clause
#
# libvesper: the public calls, ESP in software, and the userspace driver inside.

LIB_SRC := $(addprefix lib/,vesper.c soft.c soft_sa.c sa_state.c event_queue.c card.c failover.c failover_crypt.c keystore.c esp_in.c esp_out.c esp_crypt.c packet.c selector.c policy.c replay.c crypto_openssl.c)
LIB_A := $(BUILD)/lib/libvesper.a
LIB_SO := $(BUILD)/lib/libvesper.so.1

# Only what vesper.h declares can be seen from outside.
LIB_MAP := -Wl,--version-script=lib/libvesper.map

$(eval $(call archive,$(LIB_A),rel,$(LIB_SRC) $(DRIVER_SRC)))
$(eval $(call shared,$(LIB_SO),rel,$(LIB_SRC) $(DRIVER_SRC),$(LIB_MAP) -lcrypto))
$(LIB_SO): lib/libvesper.map

ALL_TARGETS += $(LIB_A) $(LIB_SO)
INSTALL_LIB += $(LIB_A) $(LIB_SO)
INSTALL_HEADERS += lib/include/vesper.h driver/abi/vesper_abi.h

# The command. It is linked with the archive, so that it runs from the build tree as it is.
CLI_SRC := $(addprefix lib/cli/,main.c sa_file.c fields.c capture.c tally.c cmd_info.c cmd_sa.c cmd_policy.c cmd_crypt.c cmd_bench.c cmd_bind.c cards.c)
CFLAGS_lib/cli/main.c := -DVESPER_VERSION='"$(VERSION)"'
$(eval $(call program,$(BUILD)/bin/vesper,rel,$(CLI_SRC),$(LIB_A) -lpcap -lpci -lcrypto))

ALL_TARGETS += $(BUILD)/bin/vesper
INSTALL_BIN += $(BUILD)/bin/vesper

# Tests go to the library's inside too: they are linked with its sources.
LIB_TESTED := $(LIB_SRC) $(DRIVER_SRC)
LIB_TESTED_LIBS := -lcrypto
$(eval $(call unit_test,lib_esp,tests/unit/lib_esp.c tests/unit/lib_frame.c $(LIB_TESTED),$(LIB_TESTED_LIBS)))
$(eval $(call unit_test,lib_drops,tests/unit/lib_drops.c tests/unit/lib_frame.c $(LIB_TESTED),$(LIB_TESTED_LIBS)))
$(eval $(call unit_test,lib_policy,tests/unit/lib_policy.c lib/policy.c driver/common/vesper_policy.c,))
$(eval $(call unit_test,lib_replay,tests/unit/lib_replay.c lib/replay.c,))
$(eval $(call unit_test,lib_table,tests/unit/lib_table.c tests/unit/lib_frame.c $(LIB_TESTED),$(LIB_TESTED_LIBS)))
$(eval $(call unit_test,lib_failover,tests/unit/lib_failover.c tests/unit/lib_frame.c $(FAKE_CARD) $(LIB_TESTED),$(LIB_TESTED_LIBS)))
$(eval $(call unit_test,lib_keystore,tests/unit/lib_keystore.c lib/keystore.c,$(LIB_TESTED_LIBS)))
LIB_WRAP := -Wl,--wrap=free
# Whoever frees memory is looked at.
$(eval $(call unit_test,lib_erase,tests/unit/lib_erase.c tests/unit/lib_frame.c $(LIB_TESTED),$(LIB_WRAP) $(LIB_TESTED_LIBS)))

SW_BENCH := $(BUILD)/bench-bin/sw_openssl
$(eval $(call program,$(SW_BENCH),rel,tests/bench/sw_openssl.c $(LIB_TESTED),$(LIB_TESTED_LIBS)))
BENCHES += $(SW_BENCH)
BENCH_DEPS += $(SW_BENCH)

# The program of lib/README.md: built with the library as a user would, and run by the tests.
EXAMPLE := $(BUILD)/example/gateway
$(eval $(call program,$(EXAMPLE),rel,lib/example/gateway.c,$(LIB_A) -lcrypto))
ALL_TARGETS += $(EXAMPLE)
