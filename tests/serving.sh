# Release servers for the measuring scripts, which source this file: where the binaries are, a directory `work` that goes
# away in the end with all servers, and `start DIRECTORY ARGUMENTS`, which sets `server` (a process) and `base` (an address).

medvault=${MEDVAULT:-target/release/medvault}
bench=${BENCH:-target/release/bench}
for binary in "$medvault" "$bench"; do
  [ -x "$binary" ] || { echo "$binary is missing: cargo build --release -p medvault -p bench" >&2; exit 2; }
done
read -ra options <<<"${OPTIONS:-}"

# the databases that an argument asks for
databases_of() {
  case $1 in
  sqlite | postgres) echo "$1" ;;
  both) echo "sqlite postgres" ;;
  *)
    echo "sqlite, postgres or both, not $1" >&2
    exit 2
    ;;
  esac
}

work=$(mktemp -d /tmp/medvault-serving.XXXXXX)
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
