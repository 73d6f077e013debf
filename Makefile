# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The everyday targets. ./tessera does the work; this file makes sure that what it needs is installed.
.PHONY: build setup setup-run run test bench count prove docs fuzz fuzz-mutants lint clean
.DEFAULT_GOAL := build

setup:
	@tools/setup.sh all

# What a user needs who only runs it.
setup-run:
	@tools/setup.sh run

build: setup-run
	@./tessera build

run: build
	@./tessera run --no-build

test: setup
	@./tessera test

bench: setup
	@./tessera bench

# Reference pages of operations, protocols and system calls, into build/docs.
docs: setup
	@./tessera docs

# The derivation list, proved with Frama-C/WP, the run queue, with CBMC, and the check that the proofs mean something (docs/proofs.md).
prove: setup
	@python3 tools/prove.py

# Lines of the kernel, against the limits that the style suite enforces.
count:
	@./tessera count

# Ten million operations of the kernel core beside its specification (docs/fuzzing.md).
fuzz: setup
	@./tessera fuzz

# Each seeded bug must be found.
fuzz-mutants: setup
	@./tessera fuzz --mutants

lint: setup
	@./tessera lint

# What was downloaded is kept.
clean:
	rm -rf build/x86_64 build/host build/docs build/bench build/tests build/prove build/cbmc build/base.body build/manifest.bin
