# SPDX-License-Identifier: BSD-2-Clause
#
# Proofs of the RTL: `make formal`; FORMAL='fifo sa_in' proves these alone. `make formal-break` breaks the RTL on
# purpose and expects each proof to notice. Needs deps/apt-formal.txt beside the other tools.

FORMAL ?=

.PHONY: formal formal-break formal-tools
formal-tools: setup $(YOSYS_READY)
	@deps/install deps/apt-formal.txt

formal: formal-tools $(ABI_SV) ## prove properties of the RTL; ends with "N proved, N failed, N skipped"
	$(call say,FORMAL,k-induction with z3)
	@$(PY) tests/formal/prove.py $(FORMAL)

formal-break: formal-tools $(ABI_SV) ## break the RTL on purpose: each proof must notice
	@$(PY) tests/formal/prove.py --break $(FORMAL)
