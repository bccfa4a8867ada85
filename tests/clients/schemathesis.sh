#!/usr/bin/env bash
# The API against its own OpenAPI document, by Schemathesis (https://schemathesis.readthedocs.io): once as the
# operator of an open vault, once with a token, at least 20,000 cases together. A status, a media type, a header or a
# body that the document does not know fails it, and so does any 5xx.
# `tests/clients/schemathesis.sh [target/release/medvault]`. EXAMPLES (cases of an operation at most, besides those that
# cover its parameters), CASES (how many there have to be), MODES (open, smart) and WORKERS may be set; several workers
# trip over a fault of Python 3.11. Of the resource types, which all take one way, those that begin like these take part:
# Patient, Observation, ServiceRequest, Location, Task. Everything goes into a directory that goes away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
medvault=$(realpath "${1:-$here/../../target/debug/medvault}")
cases=${CASES:-20000}
dir=$(mktemp -d /tmp/medvault-schemathesis.XXXXXX)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$dir"' EXIT

python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install -q 'schemathesis==4.32.5'
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks+=,response_headers_conformance,response_schema_conformance

types='/fhir/(?!Patient|Observation/|ServiceRequest|Location|Task)[A-Z]'
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# attack NAME EXAMPLES SERVE-ARGUMENT...
attack() {
  local name=$1 examples=$2 port headers=()
  shift 2
  port=$(free_port)
  at=(--data-dir "$dir/$name" --listen "127.0.0.1:$port" "$@")
  "$medvault" serve "${at[@]}" >"$dir/$name.log" 2>&1 &
  server=$!
  until curl -sf "http://127.0.0.1:$port/health/ready" >/dev/null; do sleep 0.1; done
  if [ "$name" = smart ]; then
    headers=(-H "Authorization: Bearer $("$medvault" token "${at[@]}" --scope 'system/*.cruds' --expires 86400)")
  fi
  (cd "$dir" && venv/bin/schemathesis run "http://127.0.0.1:$port/openapi.json" --checks "$checks" \
    --phases examples,coverage,fuzzing --exclude-path-regex "$types" --max-examples "$examples" --workers "${WORKERS:-1}" --seed 1 --no-color \
    --continue-on-failure --suppress-health-check all --warnings off --generation-database none \
    "${headers[@]}" ${SCHEMATHESIS_ARGUMENTS:-}) | tee "$dir/$name.txt"
  kill "$server"
  wait "$server" || true
  server=
}

for mode in ${MODES:-open smart}; do attack "$mode" "${EXAMPLES:-45}" --auth "$mode"; done
ran=$(cat "$dir"/*.txt | grep -oE '[0-9]+ generated' | awk '{ n += $1 } END { print n }')
echo "$ran cases"
[ "$ran" -ge "$cases" ]
