# SPDX-License-Identifier: BSD-2-Clause
#
# AES-GCM engine. GCM_SOURCES in this order, packages first; tests and benchmarks read the same list.

GCM_SOURCES := $(shell cat rtl/gcm/gcm_engine.f)

LINT_TOPS += gcm_engine
SYNTH_TOPS += gcm_engine
SOURCES_gcm_engine := $(GCM_SOURCES)

# For a simulator: AES and products by the processor's instructions, same cycles and bits, where it
# has them. Give these to Verilator beside the sources; empty elsewhere.
GCM_DPI := $(if $(shell grep -m1 -w aes /proc/cpuinfo | grep -w pclmulqdq),-DVESPER_DPI rtl/gcm/gcm_dpi.c)

BENCHES += tests/bench/engine.py
