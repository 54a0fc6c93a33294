# SPDX-License-Identifier: BSD-2-Clause
#
# AES-GCM engine. GCM_SOURCES in this order, packages first; tests and benchmarks read the same list.

GCM_SOURCES := $(shell cat rtl/gcm/gcm_engine.f)

LINT_TOPS += gcm_engine
SYNTH_TOPS += gcm_engine
SOURCES_gcm_engine := $(GCM_SOURCES)

BENCHES += tests/bench/engine.py
