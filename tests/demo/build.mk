# SPDX-License-Identifier: BSD-2-Clause
DEMO := tests/demo/demo.py
DEMO_DEPS += $(BUILD)/bin/vesper $(BUILD)/bin/vesper-sim
