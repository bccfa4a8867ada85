#!/usr/bin/env bash
# What searches cost while a nation grows: `tests/bench-search.sh [sqlite|postgres|both]`. Starts the release
# servers on empty databases, one for each population, so that both ends of a ratio are measured in the same seconds;
# runs `bench search` against them and leaves target/bench-search-DATABASE.md and .json. PATIENTS are the populations
# (1000,4000,16000), OPTIONS further options of `bench search`, as OPTIONS="--sets peer --rounds 1"; MEDVAULT and BENCH
# name other binaries; HOLD=1 holds SQLite's files in memory. Exits with 1 when a goal is missed.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/serving.sh
. tests/serving.sh

databases=$(databases_of "${1:-both}")
# once much was written and nobody writes any more, the vault has PostgreSQL tidy, which takes some seconds
settle=15
IFS=, read -ra populations <<<"${PATIENTS:-1000,4000,16000}"
patients=$(IFS=,; echo "${populations[*]}")
outcome=0
for database in $databases; do
  arguments=() own=(${options[@]+"${options[@]}"})
  if [ "$database" = postgres ]; then
    url=$(tests/postgres.sh start "$work/postgres")
    [[ " ${OPTIONS:-} " == *" --settle"* ]] || own+=(--settle "$settle")
  fi
  beside=()
  for population in "${populations[@]}"; do
    [ -z "${base:-}" ] || beside+=("$base")
    if [ "$database" = postgres ]; then
      psql -q "$url" -c "create database patients_$population"
      arguments=(--database-url "${url%/*}/patients_$population")
    fi
    start "$work/$database-$population" --auth open ${arguments[@]+"${arguments[@]}"}
  done
  if [ "$database" = sqlite ] && [ "${HOLD:-0}" = 1 ]; then
    tests/hold.py "$work/sqlite-*/medvault.sqlite" &
    servers+=("$!")
  fi
  if [ ${#beside[@]} -gt 0 ]; then own+=(--beside "$(IFS=,; echo "${beside[*]}")"); fi
  echo "== $database" >&2
  mkdir -p target
  "$bench" search --base-url "$base" --server-pid "$server" --patients "$patients" --markdown "target/bench-search-$database.md" \
    --json "target/bench-search-$database.json" ${own[@]+"${own[@]}"} || outcome=$?
  stop
  base=
done
exit "$outcome"
