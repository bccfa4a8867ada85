#!/usr/bin/env bash
# What it costs on PostgreSQL that each write tells of its types (`gate_change`): `tests/bench-told.sh [SECONDS]`. pgbench
# runs the transaction of a created Patient, its versions and index rows, with and without, in turns, each way three times; MEDVAULT
# names another binary, which makes the tables.
set -euo pipefail
cd "$(dirname "$0")/.."
OPTIONS=
BENCH=/bin/true
# shellcheck source=tests/serving.sh
. tests/serving.sh

seconds=${1:-3}
pgbench=$(find /usr/lib/postgresql -path '*/bin/pgbench' 2>/dev/null | sort -V | tail -n 1)
[ -n "$pgbench" ] || { echo "pgbench is missing" >&2; exit 2; }
url=$(tests/postgres.sh start "$work/postgres")
psql -q "$url" -c "create database told" || exit 2
url=${url%/*}/told
start "$work/told" --auth open --database-url "$url"
stop

# $1: what stands before the insert
transaction() {
  cat <<SQL
\set res random(1, 9000000000000000)
begin; lock table search_parameter in row share mode;
$1 insert into resource (res, type, id, version, updated, method, body, commit_no)
  values (:res, 103, 'told-' || :res, 1, 1795400000000, 1, decode(repeat('5a', 700), 'hex'), :res)
  on conflict (type, id) do nothing returning res, type, id;
insert into idx_token (p, code, sys, res) select 2000 + n, 'c' || n, 0, :res from generate_series(1, 8) as n;
insert into idx_string (p, folded, exact, res) select 2100 + n, 'name' || n, 'Name' || n, :res from generate_series(1, 4) as n;
commit;
SQL
}
mkdir -p "$work/scripts"
transaction "" >"$work/scripts/without"
transaction "with told as (insert into gate_change (xid, type, at)
  select pg_current_xact_id(), told.type, 1795400000000 from unnest(array[103]::smallint[]) as told (type))" >"$work/scripts/with"
postmaster=$(head -n 1 "$work/postgres/data/postmaster.pid")
# processor time of the database's processes that have ended, in hundredths of a second
cpu() { awk '{ print $16 + $17 }' "/proc/$postmaster/stat"; }
for round in 1 2 3; do
  for which in without with; do
    before=$(cpu)
    done=$("$pgbench" -n -M prepared -c 8 -j 1 -T "$seconds" -f "$work/scripts/$which" "$url")
    sleep 0.5
    number=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$done")
    rate=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' <<<"$done")
    echo "round $round, $which: $rate transactions/s, $((($(cpu) - before) * 10000 / number)) us of the database's processors each"
  done
done
