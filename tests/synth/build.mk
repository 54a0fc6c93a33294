# SPDX-License-Identifier: BSD-2-Clause
#
# Area and speed: `make synth` writes docs/hardware.md. Takes hours on two cores; each part's result is kept in
# build/synth until one of its sources changes. Needs deps/apt-synth.txt and deps/pip-synth.txt beside the other tools.

.PHONY: synth synth-tools
synth-tools: setup
	@deps/install deps/apt-synth.txt
	@$(PY) -m pip install --disable-pip-version-check -q --prefer-binary -r deps/pip-synth.txt

synth: synth-tools $(ABI_SV) ## synthesize, place and route; writes docs/hardware.md
	$(call say,SYNTH,xcup and ECP5)
	@$(PY) tests/synth/synth.py
