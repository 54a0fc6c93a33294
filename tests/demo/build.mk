# SPDX-License-Identifier: BSD-2-Clause
DEMO := tests/demo/offices.py
DEMO_DEPS += hil-module

.PHONY: demo-card
demo-card: setup $(BUILD)/bin/vesper $(BUILD)/bin/vesper-sim ## real traffic through one card and back, compared byte for byte
	@$(PY) tests/demo/demo.py
