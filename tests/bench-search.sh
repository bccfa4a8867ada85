#!/usr/bin/env bash
# What searches cost while a nation grows: `tests/bench-search.sh [sqlite|postgres|both]`. Starts the release
# server on an empty database, runs `bench search` against it and leaves target/bench-search-DATABASE.md and
# .json. OPTIONS are further options of `bench search`, as OPTIONS="--patients 1000,4000 --sets peer";
# MEDVAULT and BENCH name other binaries. Exits with 1 when a goal is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/serving.sh
. tests/serving.sh

databases=$(databases_of "${1:-both}")
# once much was written and nobody writes any more, the vault has PostgreSQL tidy, which takes some seconds
settle=15
outcome=0
for database in $databases; do
  arguments=() own=(${options[@]+"${options[@]}"})
  if [ "$database" = postgres ]; then
    url=$(tests/postgres.sh start "$work/postgres")
    arguments=(--database-url "$url")
    [[ " ${OPTIONS:-} " == *" --settle"* ]] || own+=(--settle "$settle")
  fi
  start "$work/$database" --auth open ${arguments[@]+"${arguments[@]}"}
  echo "== $database" >&2
  mkdir -p target
  "$bench" search --base-url "$base" --server-pid "$server" --markdown "target/bench-search-$database.md" \
    --json "target/bench-search-$database.json" ${own[@]+"${own[@]}"} || outcome=$?
  stop
done
exit "$outcome"
