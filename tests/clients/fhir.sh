#!/usr/bin/env bash
# Real FHIR clients against a running vault, each through what its users do: create, read, search with paging,
# update with If-Match, history, transaction, delete. From PyPI: fhirpy, fhirclient and the hospital's days of
# sekmet-fhir; from npm: fhir-kit-client, fhirclient and @medplum/core.
# `tests/clients/fhir.sh [target/release/medvault] [DATABASE-URL]`; what it installs goes away with its directory.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
medvault=$(realpath "${1:-$here/../../target/debug/medvault}")
dir=$(mktemp -d /tmp/medvault-clients.XXXXXX)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT

at=(--data-dir "$dir/vault" --listen 127.0.0.1:0 --auth open)
if [ $# -gt 1 ]; then at+=(--database-url "$2"); fi
"$medvault" serve "${at[@]}" >"$dir/out" 2>"$dir/log" &
server=$!
base=
for _ in $(seq 100); do
  base=$(sed -n 's/^listening on //p' "$dir/out")
  if [ -n "$base" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.1
done
[ -n "$base" ] || { echo "the server did not start: $(cat "$dir/log")" >&2; exit 2; }

cd "$dir"
python3 -m venv venv
venv/bin/pip install -q 'fhirpy==2.3.1' 'fhirclient==4.4.0' 'sekmet-fhir==0.1.1'
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts fhir-kit-client@2.0.3 fhirclient@2.6.3 @medplum/core@5.2.13 >/dev/null
cp "$here/fhir-clients.mjs" .
venv/bin/python "$here/fhir_clients.py" "$base"
node fhir-clients.mjs "$base"

printf 'peers:\n  vault:\n    base_url: %s\n' "$base" >settings.yaml
# not of this issue: a payer's answers, Subscriptions, bulk export, messaging
scenarios=(conformance_smoke adt_admit_transfer_discharge adt_merge_update appointment_book_cancel billing_claim
  clinical_documentation lab_order_to_result medication_order_dispense rad_order_imaging_report)
for scenario in "${scenarios[@]}"; do
  TERM=dumb NO_COLOR=1 venv/bin/sekmet scenario run "$scenario" --peer vault --no-serve --config settings.yaml >sekmet.log 2>&1 ||
    { cat sekmet.log; exit 1; }
  echo "sekmet-fhir $scenario: $(grep -c PASSED sekmet.log) passed, $(grep -c SKIPPED sekmet.log || true) not the vault's"
  # its hospital sends nobody home and cleans nothing; the vault puts no two people into one bed
  venv/bin/python "$here/fhir_clients.py" "$base" housekeeping
done
