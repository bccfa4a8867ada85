#!/usr/bin/env bash
# Real SMART clients against a running vault: npm's fhirclient in Chromium, PyPI's fhirclient scripted, and PyPI's
# cumulus-fhir-support as a backend service.
# `tests/clients/run.sh [target/release/medvault]`; installs the clients into a directory that goes away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
medvault=$(realpath "${1:-$here/../../target/debug/medvault}")
dir=$(mktemp -d /tmp/medvault-clients.XXXXXX)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$dir"' EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
export VAULT=http://127.0.0.1:$(free_port) APP=http://127.0.0.1:$(free_port)
at=(--data-dir "$dir/vault" --listen "${VAULT#http://}")
"$medvault" serve "${at[@]}" >"$dir/log" 2>&1 &
server=$!
until curl -sf "$VAULT/health/ready" >/dev/null; do sleep 0.1; done

operator=$("$medvault" token "${at[@]}" --scope 'system/*.cruds')
store() { # TYPE ID BODY
  curl -sf -o /dev/null -X PUT "$VAULT/fhir/$1/$2" -H "Authorization: Bearer $operator" \
    -H 'Content-Type: application/fhir+json' -d "$3"
}
store Patient rao '{"resourceType":"Patient","id":"rao","name":[{"family":"Rao","given":["Anjali"]}]}'
store Practitioner sen '{"resourceType":"Practitioner","id":"sen","name":[{"family":"Sen"}]}'
store CareTeam t '{"resourceType":"CareTeam","id":"t","status":"active","subject":{"reference":"Patient/rao"},"participant":[{"member":{"reference":"Practitioner/sen"}}]}'
store Observation o '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"pulse"},"subject":{"reference":"Patient/rao"}}'
store Organization h '{"resourceType":"Organization","id":"h","name":"City Hospital","type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/organization-type","code":"prov"}]}]}'
store Consent c '{"resourceType":"Consent","id":"c","status":"active","scope":{"coding":[{"code":"patient-privacy"}]},"category":[{"text":"privacy"}],"policyRule":{"text":"own"},"patient":{"reference":"Patient/rao"},"provision":{"type":"permit","actor":[{"role":{"text":"reader"},"reference":{"reference":"Organization/h"}}]}}'
export PASSWORD='correct horse battery' OPERATOR=$operator
"$medvault" user add "${at[@]}" --login rao --role patient --fhir-user Patient/rao --password "$PASSWORD"
"$medvault" user add "${at[@]}" --login sen --role doctor --fhir-user Practitioner/sen --password "$PASSWORD"
"$medvault" client add "${at[@]}" --id browser-app --redirect-uri "$APP/app.html" --launch-uri "$APP/launch.html"
"$medvault" client add "${at[@]}" --id python-app --redirect-uri "$APP/cb" --secret 'a secret'

cd "$dir"
python3 -m venv venv && venv/bin/pip install -q 'fhirclient==4.4.0' 'cumulus-fhir-support==1.12.2'
venv/bin/python "$here/scripted.py"
venv/bin/python "$here/backend.py" keys .
for algorithm in RS384 ES384; do
  "$medvault" client add "${at[@]}" --id "system-$algorithm" --jwks "public-$algorithm.json" --scope 'system/*.rs' \
    --organization Organization/h
done
venv/bin/python "$here/backend.py" ask .
npm install --silent --no-audit --no-fund --ignore-scripts fhirclient@2.6.3 puppeteer-core >/dev/null
cp "$here/in-chromium.mjs" .
node in-chromium.mjs
