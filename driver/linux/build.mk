# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel module. Kbuild wants all sources in one folder, and so does DKMS: build/linux/src is that folder.

LINUX_SRC := $(BUILD)/linux/src
LINUX_FILES := $(wildcard driver/linux/*.[ch]) driver/linux/Kbuild driver/linux/dkms.conf \
	$(addprefix driver/common/,vesper_compat.h vesper_ring.h vesper_status.c vesper_status.h) driver/abi/vesper_abi.h \
	$(GEN)/vesper_regs.h
LINT_C += $(wildcard driver/linux/*.[ch])
KDIR ?= /lib/modules/$(shell uname -r)/build

$(LINUX_SRC)/.stamp: $(LINUX_FILES) $(wildcard driver/linux/shim/*.h)
	$(call say,COPY,$(LINUX_SRC))
	@rm -rf $(LINUX_SRC)
	@mkdir -p $(LINUX_SRC)
	@cp $(LINUX_FILES) $(LINUX_SRC)/
	@cp -r driver/linux/shim $(LINUX_SRC)/
	@sed -i 's/^PACKAGE_VERSION=.*/PACKAGE_VERSION="$(VERSION)"/' $(LINUX_SRC)/dkms.conf
	@touch $@

.PHONY: linux linux-install
linux: $(LINUX_SRC)/.stamp ## kernel module for KDIR (default: the running kernel's headers): build/linux/src/vesper.ko
	@test -d $(KDIR) || { echo 'linux: no kernel headers at $(KDIR): apt-get install linux-headers-amd64, or KDIR=' >&2; exit 1; }
	@$(MAKE) -C $(KDIR) M=$(CURDIR)/$(LINUX_SRC) modules

linux-install: linux ## install the kernel module for KDIR
	@$(MAKE) -C $(KDIR) M=$(CURDIR)/$(LINUX_SRC) modules_install
