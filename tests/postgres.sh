#!/usr/bin/env bash
# A PostgreSQL cluster of one's own for the tests: `tests/postgres.sh start DIR` prints its URL,
# `tests/postgres.sh stop DIR` ends it and removes DIR. Installs Debian's PostgreSQL when there is none.
set -euo pipefail

action=${1:?start or stop}
dir=${2:?a directory}

bin() { find /usr/lib/postgresql -maxdepth 3 -name "$1" -path '*/bin/*' 2>/dev/null | sort -V | tail -n 1; }

# PostgreSQL refuses to run as root
as_owner() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

if [ -z "$(bin initdb)" ]; then
  echo "installing PostgreSQL" >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -qq -y postgresql >&2
fi

case $action in
start)
  mkdir -p "$dir"
  if [ "$(id -u)" = 0 ]; then chown postgres "$dir"; fi
  as_owner "$(bin initdb)" -D "$dir/data" -U medvault -A trust -E UTF8 --locale=C >/dev/null
  # what PostgreSQL's manual begins with: a quarter of the memory, here at most 2 GiB
  buffers=$(awk '/^MemTotal/ { mib = int($2 / 4096); print (mib < 2048 ? mib : 2048) }' /proc/meminfo 2>/dev/null || true)
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  as_owner "$(bin pg_ctl)" -D "$dir/data" -w -l "$dir/log" \
    -o "-p $port -k $dir -c listen_addresses=127.0.0.1 -c max_connections=300 -c shared_buffers=${buffers:-256}MB" start >/dev/null
  echo "postgres://medvault@127.0.0.1:$port/postgres"
  ;;
stop)
  as_owner "$(bin pg_ctl)" -D "$dir/data" -m immediate stop >/dev/null || true
  rm -rf "$dir"
  ;;
*)
  echo "start or stop, not $action" >&2
  exit 2
  ;;
esac
