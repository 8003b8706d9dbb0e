# SPDX-License-Identifier: Apache-2.0
# Every recipe does its own set-up; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: help setup build demo test check lint fmt tidy bench

help:  ## list the recipes
	@sed -n 's/^\([a-z]*\):.*##/  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16
setup:  ## install what building needs (Debian 12 and 13); quiet when nothing is missing
	@scripts/setup.sh
build: setup  ## static executables in target/release/: brig, brig-oci, brig-monitor, brig-probe
	@scripts/build.sh
demo: build  ## load a busybox image made here and run real containers (root)
	@scripts/demo.sh
test:  ## set-up, format, lint, build, unit, root and emulated-VM tests (root)
	@scripts/test.sh
check: setup  ## the tests that need no root, in seconds
	@cargo test -q --workspace --exclude brig-tests
lint: setup  ## clippy, warnings are errors
	@cargo clippy --workspace --all-targets -- -D warnings
fmt: setup  ## format the code
	@cargo fmt --all
tidy: setup  ## the rules of the house: layers, budgets, permits, sizes
	@cargo run -q -p xtask -- tidy
bench: build  ## interleaved start-up times against crun, runc and docker (root)
	@bench/start
