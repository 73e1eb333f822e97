# `make demo` and `make test` each do all of their own set-up. `make help` lists the rest.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# One profile and one target folder for everything that needs the store, so that RocksDB compiles
# once. The pure rooms are tested in the debug profile as well: there overflow is caught.
ENV := . scripts/env;
# A few cases each: an interpreter is some thousand times slower. Files are read for proptest's seeds.
MIRI := PROPTEST_CASES=2 MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked \
	--no-default-features --lib --
RELEASE := --locked --release
# A comparison with peers that pip installs; the name of its package follows.
PEER := PLIMSOLL="$$(realpath "$${CARGO_TARGET_DIR:-target}/release/plimsoll")"; cd benches/peers; \
	python3 -m venv target/venv; \
	target/venv/bin/pip install --quiet --requirement tsbs/requirements.txt; \
	target/venv/bin/python -m

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## install a C++ compiler and libclang where they are missing
	@scripts/setup

demo: setup ## simulated fleet -> store -> capacity plan on the screen, and as a page
	@$(ENV) cargo build $(RELEASE)
	@$(ENV) "$${CARGO_TARGET_DIR:-target}/release/plimsoll" demo

test: setup test-pure crate-count ## all tests
	@$(ENV) cargo test $(RELEASE)
	@$(ENV) cargo check $(RELEASE) --lib --no-default-features --features store

test-pure: ## the rooms that need no C++, with overflow checks; and the shape of the source
	@$(ENV) cargo test --locked --no-default-features --lib --test tidy

test-miri: ## codecs and kernels under Miri: portable loops, then those for AVX2 (nightly with miri; an hour)
	@$(ENV) $(MIRI) kernel::avx2 kernel::lists kernel::simd codec::
	@$(ENV) RUSTFLAGS="-C target-feature=+avx2,+bmi2,+fma" $(MIRI) kernel::avx2 kernel::lists kernel::simd codec::

test-slow: setup ## the long suites: all data, 20 demo seeds, hundreds of random histories
	@$(ENV) PLIMSOLL_SLOW=1 cargo test $(RELEASE)

test-faults: setup ## plants faults in the store, one at a time: the tests must find each
	@$(ENV) RUSTC_WORKSPACE_WRAPPER="$$PWD/scripts/rustc-with-faults" \
	    cargo test $(RELEASE) --test integration -- --nocapture faults::

test-bits: ## a hundred million random bit patterns through both forms of the codec
	@$(ENV) PLIMSOLL_SLOW=1 cargo test $(RELEASE) --no-default-features --lib -- --nocapture random_bit

test-axe: setup ## the long form of what stops, fails and damages a store: about an hour
	@$(ENV) PLIMSOLL_SLOW=1 cargo test $(RELEASE) --test integration -- --nocapture \
	    bytes:: corruption:: crash:: failing:: kill:: replay:: sim_db:: swaps::

test-page: setup ## the report in a headless Chromium: quiet, asks for nothing; pictures into docs/images
	@$(ENV) cargo build $(RELEASE)
	@$(ENV) scripts/test-page "$${CARGO_TARGET_DIR:-target}/release/plimsoll" docs/images

test-soak: setup ## records this machine for an hour, or PLIMSOLL_SOAK_MINUTES, with kills: nothing may grow
	@$(ENV) PLIMSOLL_SOAK_MINUTES="$${PLIMSOLL_SOAK_MINUTES:-60}" cargo test $(RELEASE) --test integration -- \
	    --nocapture soak::

fuzz: setup ## each fuzz target for 60 s (needs cargo-fuzz)
	@$(ENV) for target in $$(ls fuzz/seeds); do \
	    mkdir -p "fuzz/corpus/$$target"; \
	    RUSTC_BOOTSTRAP=1 cargo fuzz run --features store --sanitizer none "$$target" \
	        "fuzz/corpus/$$target" "fuzz/seeds/$$target" -- -max_total_time=60; \
	done

crate-count: ## the lean library stays lean
	@scripts/crate-count

bench: setup ## criterion benchmarks; figures in docs/BENCHMARKS.md
	@$(ENV) cargo bench --locked

bench-peers: ## the codec beside pco, fastalp and zstd
	@$(ENV) cd benches/peers && cargo run --release

bench-queries: setup ## the TSBS queries beside DuckDB and ClickHouse; options in ARGS="--hosts 1000"
	@$(ENV) cargo build $(RELEASE)
	@$(ENV) $(PEER) tsbs --plimsoll "$$PLIMSOLL" $(ARGS)

bench-bitbrains: setup ## every answer on real data compared with DuckDB's; options in ARGS
	@$(ENV) cargo build $(RELEASE)
	@$(ENV) $(PEER) bitbrains --plimsoll "$$PLIMSOLL" $(ARGS)

bench-forecast: ## forecasts beside statsforecast, augurs and anofox-forecast; options in ARGS="--every 1"
	@$(ENV) cd benches/peers; cargo build --release --features forecast --bin plimsoll-forecast-peers; \
	    python3 -m venv target/forecast-venv; \
	    target/forecast-venv/bin/pip install --quiet --requirement forecast/requirements.txt; \
	    target/forecast-venv/bin/python -m forecast \
	        --program "$${CARGO_TARGET_DIR:-target}/release/plimsoll-forecast-peers" $(ARGS)

lint: setup ## format and clippy, warnings are errors
	@$(ENV) cargo fmt --check
	@$(ENV) cargo clippy $(RELEASE) --all-targets -- -D warnings
	@$(ENV) cargo clippy --locked --no-default-features --all-targets -- -D warnings

docs: setup ## the library's documentation, warnings are errors
	@$(ENV) RUSTDOCFLAGS="-D warnings" cargo doc $(RELEASE) --no-deps

deny: ## licences, sources and advisories of the crates (needs cargo-deny)
	@$(ENV) cargo deny check

.PHONY: help setup demo test test-pure test-miri test-slow test-faults test-bits test-axe test-page test-soak fuzz crate-count bench bench-peers bench-queries bench-bitbrains bench-forecast lint docs deny
