# SPDX-License-Identifier: BSD-2-Clause
#
# The ESP pipes. Each .f lists its pipe's sources in order; the tests read the same lists.

ESP_COMMON := $(ABI_SV) rtl/vesper_pkg.sv rtl/gcm/gcm_pkg.sv rtl/lib/fifo.sv

ESP_OUT_SOURCES := $(shell cat rtl/esp/esp_out.f)
LINT_TOPS += esp_out
SYNTH_TOPS += esp_out
SOURCES_esp_out := $(ESP_COMMON) $(ESP_OUT_SOURCES)

ESP_IN_SOURCES := $(shell cat rtl/esp/esp_in.f)
LINT_TOPS += esp_in
SYNTH_TOPS += esp_in
SOURCES_esp_in := $(ESP_COMMON) $(ESP_IN_SOURCES)

LINT_TOPS += ip_parse
SYNTH_TOPS += ip_parse
SOURCES_ip_parse := $(ABI_SV) rtl/esp/ip_pkg.sv rtl/esp/ip_parse.sv
