# What people do with this repository. `make test` is what CI runs.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: run test test-fhirbolt check bench conformance

run: ## the server with demo data, on http://127.0.0.1:8080
	cargo run --release --package medvault -- demo

check: ## formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

test: check ## everything, on SQLite and on a PostgreSQL of its own
	dir=$$(mktemp -d /tmp/medvault-postgres.XXXXXX); \
	trap 'tests/postgres.sh stop '$$dir EXIT; \
	export MEDVAULT_TEST_POSTGRES=$$(tests/postgres.sh start $$dir); \
	cargo test --workspace

test-fhirbolt: ## our JSON and XML against fhirbolt's typed resources (three minutes to compile, so apart)
	cargo test --package fhir-model --features fhirbolt --test fhirbolt
	cargo test --package fhir-model --features fhirbolt --doc

bench: ## the figures of the README, in one run (about ten minutes)
	cargo build --release --package medvault --package bench
	tests/bench.sh

conformance: ## what the server returns, judged by HL7's own validator (needs a JDK)
	tests/hl7-validator.sh
