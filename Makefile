# SPDX-License-Identifier: Apache-2.0
MINUTES ?= 10
PACKAGES = $(wildcard Package.swift Sources Tests Benchmarks)
.PHONY: help setup build test demo soak bench check fmt tsan clean

help: ## list the targets
	@awk -F '## ' '/^[a-z]+:.*## / { sub(/:.*/, "", $$1); printf "%-8s %s\n", $$1, $$2 }' Makefile

setup: ## install the Debian packages that are missing (as root)
	@scripts/setup

build: setup ## build the daemon and its tools, optimised
	swift build -c release

check: setup ## what every commit must pass: the format and the rules of the house
	swift format lint --strict --parallel --recursive $(PACKAGES)
	swift build --build-tests
	swift test --skip-build --disable-xctest --filter TidyTests

test: check ## check, then every test
	swift test --skip-build --disable-xctest

demo: build ## guests, a bridge, traffic, and a kill, on this machine and without Xen
	.build/release/netbackd demo

soak: build ## traffic and faults for MINUTES (10)
	.build/release/netbackd soak --minutes $(MINUTES)

bench: setup ## measure, and print tables
	scripts/bench

fmt: ## format the sources in place
	swift format --in-place --parallel --recursive $(PACKAGES)

tsan: setup ## the tests with two threads on one page, under the thread sanitizer
	SWIFT_BACKTRACE=enable=no swift test --sanitize=thread --scratch-path .build-tsan \
	    --disable-xctest --filter 'RingTests|HeartbeatTests'

clean: ## remove everything that was built
	rm -rf .build .build-tsan
