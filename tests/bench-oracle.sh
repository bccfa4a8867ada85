#!/usr/bin/env bash
# Whether the time of an answer tells what is hidden from what is not there: `tests/bench-oracle.sh [sqlite|postgres|both]`.
# Starts a release server on an empty database and lets `bench oracle` ask it as a patient. Leaves
# target/bench-oracle-DATABASE.md. OPTIONS are further options of `bench oracle`; MEDVAULT and BENCH name other binaries.
# Exits with 1 when Welch's t is 4.5 or more. Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/serving.sh
. tests/serving.sh

databases=$(databases_of "${1:-both}")
outcome=0
for database in $databases; do
  args=(--data-dir "$work/$database")
  if [ "$database" = postgres ]; then
    url=$(tests/postgres.sh start "$work/postgres")
    psql -q "$url" -c "create database oracle" || exit 2
    args+=(--database-url "${url%/*}/oracle")
  fi
  start "$work/$database" --auth smart "${args[@]:2}"
  operator=$("$medvault" token --scope 'user/*.cruds' "${args[@]}")
  patient=$("$medvault" token --scope 'patient/*.rs' --patient oracle-p0 "${args[@]}")
  echo "== $database" >&2
  mkdir -p target
  "$bench" oracle --base-url "$base" --server-pid "$server" --token "$operator" --patient "$patient" \
    --markdown "target/bench-oracle-$database.md" ${options[@]+"${options[@]}"} || outcome=$?
  stop
done
exit "$outcome"
