# SPDX-License-Identifier: BSD-2-Clause
#
# Line and toggle coverage of the RTL by its own tests: `make coverage` writes build/coverage; COVERAGE='tests/rtl/test_wire.py
# -k frame' runs a part. The forms of AES and GF(2^128) that only a simulator has (DPI) or only synthesis (LUT6) are left out.
# Its tool is installed by it alone: deps/apt-coverage.txt.

COVERAGE ?= tests/rtl -k 'not dpi and not form and not runner and not True'

.PHONY: coverage coverage-tools
coverage-tools: setup
	@deps/install deps/apt-coverage.txt

coverage: coverage-tools $(TEST_DEPS) ## line and toggle coverage of the RTL; build/coverage
	$(call say,COVERAGE,models that count; the RTL tests)
	@mkdir -p $(BUILD)/coverage && touch $(BUILD)/coverage/.start
	@VESPER_COVERAGE=1 $(PY) -m pytest -q -n $(JOBS) --dist loadgroup $(COVERAGE)
	@$(PY) tests/coverage/report.py --since $(BUILD)/coverage/.start
