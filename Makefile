# The front door: each command does on this machine what CI does.

CARGO ?= cargo
# Runs the tests that need root through sudo, and nothing else.
RUNNER = --config 'target."cfg(unix)".runner = "$(CURDIR)/scripts/runner"'

.PHONY: help needs build test demo bench campaign lint

help:
	@echo 'make test      run every test, with real daemons, real sshd, sudo, su, login and radclient'
	@echo 'make demo      see the whole story in half a minute; DEMO_STAY=1 keeps it running'
	@echo 'make lint      format, clippy, documentation, dependencies'
	@echo 'make bench     measure speed and memory; writes target/bench/figures.json'
	@echo 'make campaign  run the racing and crash tests ten times as long'

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

campaign: build
	SEKISHO_CAMPAIGN=10 $(CARGO) test --locked --workspace $(RUNNER) --test it -- \
		races crashes peer_failures backup canaries

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --offline check bans licenses sources; \
	else echo 'cargo-deny is not installed: licences and bans were not checked'; fi
