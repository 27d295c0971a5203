# The front door: each command does on this machine what CI does.

CARGO ?= cargo
# Runs the tests that need root through sudo, and nothing else.
RUNNER = --config 'target."cfg(unix)".runner = "$(CURDIR)/scripts/runner"'

.PHONY: help needs build test demo bench campaign lint

help:
	@echo 'make test      run every test, with real daemons, sshd, sudo, su, login, radclient and VPN gateways'
	@echo 'make demo      see the whole story in half a minute; DEMO_STAY=1 keeps it running'
	@echo 'make lint      format, clippy, documentation, dependencies'
	@echo 'make bench     measure speed and memory; writes target/bench/figures.json'
	@echo 'make campaign  run the racing, crash and restore tests for days; CAMPAIGN=10 for less'

needs:
	@scripts/needs

# With --all-targets the features are those of the tests, so that nothing is built twice.
build: needs
	$(CARGO) build --locked --workspace --all-targets

test: build
	$(CARGO) test --locked --workspace --no-fail-fast $(RUNNER)

# The same build as the tests: after one of them the other starts at once.
demo: build
	@CARGO_PKG_NAME=sekisho-tests scripts/runner "$${CARGO_TARGET_DIR:-target}/debug/sekisho-demo"

BENCH_PACKAGES = -p sekisho-bench -p sekisho-verifier-daemon -p sekisho-radius-server \
	-p sekisho-admin-cli -p sekisho-pam-module

# BENCH_QUICK=1 leaves out the million tokens and repeats nothing.
bench: needs
	$(CARGO) build --locked --release $(BENCH_PACKAGES)
	@bench/run "$${CARGO_TARGET_DIR:-target}/release/sekisho-bench"

# Rows a, b, c, d, e, g, h, i: how many times as much as `make test` tries. Of f and j there is no more.
# All of it together takes days. CAMPAIGN=10 sets every one of them to 10.
CAMPAIGN ?=
# a: 500 kills; 20,000
CAMPAIGN_KILLS ?= $(or $(CAMPAIGN),40)
# b: 2,000 images of a disk after a power cut; 1,000,000. e: 100,000 random flips; 10,000,000 need 100.
# c, d: all ways to fail, and 10,000 events, whatever the number is.
CAMPAIGN_STORE ?= $(or $(CAMPAIGN),500)
# g: 500 canaries; 10,000, and no more
CAMPAIGN_CANARIES ?= $(or $(CAMPAIGN),20)
# h: 100 cycles of backup and restore; 10,000
CAMPAIGN_RESTORES ?= $(or $(CAMPAIGN),100)
# i: 10,000 tokens; 1,000,000
CAMPAIGN_TOKENS ?= $(or $(CAMPAIGN),100)
# Races and what peers got wrong
CAMPAIGN_RACES ?= $(or $(CAMPAIGN),10)

CAMPAIGN_TESTS = $(CARGO) test --locked -p sekisho-tests $(RUNNER) --test it --

campaign: build
	SEKISHO_CAMPAIGN=$(CAMPAIGN_STORE) $(CARGO) test --locked --release -p sekisho-store-embedded --lib
	SEKISHO_CAMPAIGN=$(CAMPAIGN_KILLS) $(CAMPAIGN_TESTS) crashes
	SEKISHO_CAMPAIGN=$(CAMPAIGN_CANARIES) $(CAMPAIGN_TESTS) canaries
	SEKISHO_CAMPAIGN=$(CAMPAIGN_RESTORES) $(CAMPAIGN_TESTS) backup
	SEKISHO_CAMPAIGN=$(CAMPAIGN_TOKENS) $(CAMPAIGN_TESTS) keys
	SEKISHO_CAMPAIGN=$(CAMPAIGN_RACES) $(CAMPAIGN_TESTS) races peer_failures

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline check bans licenses sources; \
	else echo 'cargo-deny is not installed: licences and bans were not checked'; fi
