# SPDX-License-Identifier: BSD-2-Clause
#
# The laboratory: virtual machines with stock kernels and simulated cards.

HIL := $(BUILD)/hil

.PHONY: hil hil-root hil-module
hil-root: | apt
	@deps/install tests/hil/apt.txt
	@tests/hil/build-root $(HIL)/root

hil-module: hil-root $(LINUX_SRC)/.stamp
	@tests/hil/build-module $(HIL)/root $(LINUX_SRC) $(BUILD)/linux

# SCENARIOS='link' runs some.
hil: all hil-module ## stock kernels in virtual machines drive the card: all scenarios
	@$(PY) tests/hil/run $(SCENARIOS)
