#!/usr/bin/env bash
# What tokens cost: `tests/bench-gate.sh [sqlite|postgres|both]`. Starts two release servers on empty databases, one with
# --auth open and one with --auth smart, and lets `bench gate` ask them in turns as everybody, an operator, a patient and
# a practitioner. Leaves target/bench-gate-DATABASE.md and .json. OPTIONS are further options of `bench gate`; MEDVAULT
# and BENCH name other binaries. Exits with 1 when less than 80 % of the rate is left.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/serving.sh
. tests/serving.sh

databases=$(databases_of "${1:-both}")
outcome=0
for database in $databases; do
  open_args=() smart_args=()
  if [ "$database" = postgres ]; then
    url=$(tests/postgres.sh start "$work/postgres")
    for name in gate_open gate_smart; do psql -q "$url" -c "create database $name" || exit 2; done
    open_args=(--database-url "${url%/*}/gate_open")
    smart_args=(--database-url "${url%/*}/gate_smart")
  fi
  start "$work/$database-open" --auth open ${open_args[@]+"${open_args[@]}"}
  open=$base open_pid=$server
  start "$work/$database-smart" --auth smart ${smart_args[@]+"${smart_args[@]}"}
  smart=$base smart_pid=$server
  vault() { "$medvault" "$@" --data-dir "$work/$database-smart" ${smart_args[@]+"${smart_args[@]}"}; }
  vault user add --login gate --role doctor --fhir-user Practitioner/gate-d --password gate-is-open-1 >/dev/null
  operator=$(vault token --scope 'user/*.cruds')
  patient=$(vault token --scope 'patient/*.rs' --patient gate-p0)
  practitioner=$(vault token --scope 'user/*.rs' --user gate)
  echo "== $database" >&2
  mkdir -p target
  "$bench" gate --base-url "$smart" --server-pid "$smart_pid" --token "$operator" --open "$open" --open-pid "$open_pid" \
    --patient "$patient" --practitioner "$practitioner" --markdown "target/bench-gate-$database.md" \
    --json "target/bench-gate-$database.json" ${options[@]+"${options[@]}"} || outcome=$?
  stop
done
exit "$outcome"
