#!/usr/bin/env bash
# The figures of the README, in one run on this machine: SQLite, PostgreSQL and the floor beneath them.
# BUNDLES names a folder of Synthea transaction Bundles (.json or .json.gz).
set -euo pipefail
cd "$(dirname "$0")/.."

bundles=${BUNDLES:-../shared/data/synthea-r4}
rounds=${ROUNDS:-3}
[ -d "$bundles" ] || { echo "BUNDLES must name a folder of transaction Bundles; $bundles is none" >&2; exit 2; }

work=$(mktemp -d /tmp/medvault-bench.XXXXXX)
trap 'tests/postgres.sh stop "$work/postgres" || true; rm -rf "$work"' EXIT
chmod 755 "$work"
url=$(tests/postgres.sh start "$work/postgres")

target/release/bench suite --server-binary target/release/medvault --folder "$bundles" --rounds "$rounds" \
  --work-dir "$work" --postgres "$url" --markdown target/bench.md --json target/bench.json
python3 docs/chart.py target/bench.json docs/bench.svg
