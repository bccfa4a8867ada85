#!/usr/bin/env bash
# What tokens cost: `tests/bench-gate.sh [sqlite|postgres|both]`. Starts two release servers on empty databases, one with
# --auth open and one with --auth smart, and lets `bench gate` ask them in turns as everybody, an operator, a patient and
# a practitioner. Leaves target/bench-gate-DATABASE.md and .json. OPTIONS are further options of `bench gate`; MEDVAULT
# and BENCH name other binaries. Exits with 1 when less than 80 % of the rate is left.
set -euo pipefail
cd "$(dirname "$0")/.."

databases=${1:-both}
case $databases in
sqlite | postgres) ;;
both) databases="sqlite postgres" ;;
*)
  echo "sqlite, postgres or both, not $databases" >&2
  exit 2
  ;;
esac
medvault=${MEDVAULT:-target/release/medvault}
bench=${BENCH:-target/release/bench}
for binary in "$medvault" "$bench"; do
  [ -x "$binary" ] || { echo "$binary is missing: cargo build --release -p medvault -p bench" >&2; exit 2; }
done
read -ra options <<<"${OPTIONS:-}"

work=$(mktemp -d /tmp/medvault-gate.XXXXXX)
chmod 755 "$work"
servers=()
stop() {
  for server in ${servers[@]+"${servers[@]}"}; do kill "$server" && wait "$server" || true; done
  servers=()
}
end() {
  stop
  if [ -d "$work/postgres" ]; then tests/postgres.sh stop "$work/postgres" || true; fi
  rm -rf "$work"
}
trap end EXIT

# starts a server with these arguments on a directory; sets `server` and `base`
start() {
  local dir=$1
  shift
  mkdir -p "$dir"
  "$medvault" serve --listen 127.0.0.1:0 --data-dir "$dir" "$@" >"$dir/out" 2>"$dir/log" &
  server=$!
  servers+=("$server")
  base=
  for _ in $(seq 240); do
    base=$(sed -n 's/^listening on //p' "$dir/out")
    if [ -n "$base" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
    sleep 0.25
  done
  [ -n "$base" ] || { echo "the server did not start: $(cat "$dir/log")" >&2; exit 2; }
}

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
