# SPDX-License-Identifier: Apache-2.0
MINUTES ?= 10
SEEDS ?= 100000
PACKAGES = $(wildcard Package.swift Sources Tests Benchmarks)
.PHONY: help setup build test sim demo soak chaos bench failover-bench image xen-test xen-bench \
    inspect-bench check fmt tsan man clean

help: ## list the targets
	@awk -F '## ' '/^[a-z-]+:.*## / { sub(/:.*/, "", $$1); printf "%-14s %s\n", $$1, $$2 }' Makefile

setup: ## install the Debian packages that are missing (as root)
	@scripts/setup

build: setup ## build the daemon and its tools, optimised
	swift build -c release

check: setup ## what every commit must pass: the format and the rules of the house
	swift format lint --strict --parallel --recursive $(PACKAGES)
	swift build --build-tests
	swift test --skip-build --disable-xctest --filter TidyTests

test: check ## check, then every test, those on real Xen too
	swift test --skip-build --disable-xctest
	$(MAKE) xen-test

sim: setup ## backends that die at random: SEEDS=100000 of them, or SEED=17 again
	SIM_SEEDS=$(SEEDS) SIM_SEED=$(SEED) swift test --disable-xctest \
	    --filter SimulationTests.RandomSimulationTests

image: setup ## the driver domain's image, boot/out/netdd
	boot/testbed/fetch
	boot/build-kernel
	boot/build-image

xen-test: image ## real Xen in QEMU: JOBS="traffic frames" for some of the jobs
	boot/testbed/build
	boot/testbed/project
	boot/check-image
	boot/testbed/run $(JOBS)

xen-bench: image ## the kernel's backend and ours on real Xen: ROUNDS=5 TYPES="pvh pv"
	boot/testbed/build
	boot/testbed/bench

demo: build ## guests, a bridge, traffic, and a kill, on this machine and without Xen
	.build/release/netbackd demo

soak: build ## traffic and faults for MINUTES (10)
	.build/release/netbackd soak --minutes $(MINUTES)

chaos: build ## 1600 faults of a pair under traffic: CHAOS="--seed 7" for other flags
	.build/release/netbackd chaos --kills 1000 --stops 200 --hangs 200 --handovers 100 \
	    --crashes 50 --controls 50 $(CHAOS)

bench: setup ## measure, and print tables
	scripts/bench

failover-bench: setup ## what a takeover takes and what a pair costs: HOG_MINUTES=60 (1)
	scripts/failover-bench --minutes $(or $(HOG_MINUTES),1)

inspect-bench: build ## what ringctl costs a pair that it looks at
	scripts/inspect-bench

fmt: ## format the sources in place
	swift format --in-place --parallel --recursive $(PACKAGES)

man: setup ## man pages of the programs, below .build/plugins/GenerateManual
	swift package generate-manual --multi-page

tsan: setup ## the tests with two threads on one page, under the thread sanitizer
	SWIFT_BACKTRACE=enable=no swift test --sanitize=thread --scratch-path .build-tsan \
	    --disable-xctest --filter 'RingTests|HeartbeatTests'

clean: ## remove everything that was built
	rm -rf .build .build-tsan .build-static .build-testbed boot/out
