#!/usr/bin/env bash
# What searches cost while a nation grows: `tests/bench-search.sh [sqlite|postgres|both]`. Starts the release
# server on an empty database, runs `bench search` against it and leaves target/bench-search-DATABASE.md and
# .json. OPTIONS are further options of `bench search`, as OPTIONS="--patients 1000,4000 --sets peer";
# MEDVAULT and BENCH name other binaries. Exits with 1 when a goal is missed.
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
# once much was written and nobody writes any more, the vault has PostgreSQL tidy, which takes some seconds
settle=15

work=$(mktemp -d /tmp/medvault-search.XXXXXX)
chmod 755 "$work"
server=
stop() {
  if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi
  server=
}
end() {
  stop
  if [ -d "$work/postgres" ]; then tests/postgres.sh stop "$work/postgres" || true; fi
  rm -rf "$work"
}
trap end EXIT

# starts the server with further arguments; sets `server` and `base`
start() {
  local dir=$1
  shift
  mkdir -p "$dir"
  "$medvault" serve --auth open --listen 127.0.0.1:0 --data-dir "$dir" "$@" >"$dir/out" 2>"$dir/log" &
  server=$!
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
  if [ "$database" = postgres ]; then
    url=$(tests/postgres.sh start "$work/postgres")
    start "$work/$database" --database-url "$url"
    own=("${options[@]}")
    [[ " ${OPTIONS:-} " == *" --settle"* ]] || own+=(--settle "$settle")
  else
    start "$work/$database"
    own=("${options[@]}")
  fi
  echo "== $database" >&2
  mkdir -p target
  "$bench" search --base-url "$base" --server-pid "$server" --markdown "target/bench-search-$database.md" \
    --json "target/bench-search-$database.json" ${own[@]+"${own[@]}"} || outcome=$?
  stop
done
exit "$outcome"
