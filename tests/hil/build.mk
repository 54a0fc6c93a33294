# SPDX-License-Identifier: BSD-2-Clause
#
# The laboratory: virtual machines with stock kernels and simulated cards.

HIL := $(BUILD)/hil

# Debian's source package of the kernel, for whoever needs it.
HIL_SOURCE := $(HIL)/source

.PHONY: hil hil-bench hil-iommufd hil-module hil-root hil-selftests hil-test
hil-root: | apt
	@deps/install tests/hil/apt.txt
	@tests/hil/build-root $(HIL)/root $(HIL_KERNELS)

# Goes into the guest of scenario vfio.
VFIO_DMA := $(BUILD)/hil-bin/vfio-dma
$(eval $(call program,$(VFIO_DMA),rel,tests/hil/vfio_dma.c $(DRIVER_SRC),))

hil-module: hil-root $(LINUX_SRC)/.stamp
	@tests/hil/build-module $(HIL)/root $(LINUX_SRC) $(BUILD)/linux

# For the scenarios that are part of `make test`.
hil-test: $(LINUX_SRC)/.stamp | apt
	@tests/hil/build-for-tests $(HIL)/root
	@[ -e $(HIL)/root.missing ] || tests/hil/build-module $(HIL)/root $(LINUX_SRC) $(BUILD)/linux
TEST_DEPS += hil-test

# For scenario selftests.
hil-selftests: hil-root
	@tests/hil/build-selftests $(HIL)/root $(HIL_SOURCE) $(HIL)/selftests

# For scenario vfio.
hil-iommufd: hil-root
	@tests/hil/build-iommufd $(HIL)/root $(HIL_SOURCE) $(HIL)/iommufd

# Some scenarios run with the oldest and the newest kernel, too; the demo does without them.
hil hil-bench: HIL_KERNELS := all

# SCENARIOS='link' runs some.
hil: all hil-module hil-selftests hil-iommufd $(VFIO_DMA) ## stock kernels in virtual machines drive the card: all scenarios
	@$(PY) tests/hil/run $(SCENARIOS)

hil-bench: all hil-module ## the card beside QEMU's e1000e, ESP offloads beside software: build/hil/bench*.json
	@$(PY) tests/hil/run bench bench_ipsec
