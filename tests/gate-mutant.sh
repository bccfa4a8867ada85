#!/usr/bin/env bash
# Takes the row predicate out of the gate and runs the tests of the gate: every one of them must fail. Prints those
# that did not notice, and fails if there are any.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(cargo test --package interactions --test gate --features auth/mutant-rows sqlite -- --skip audited 2>&1 || true)
passed=$(grep -E '^test .* \.\.\. ok$' <<<"$out" || true)
failed=$(grep -cE '^test .* \.\.\. FAILED$' <<<"$out" || true)
if [ "$failed" = 0 ]; then
  echo "$out" >&2
  echo "no test ran" >&2
  exit 1
fi
if [ -n "$passed" ]; then
  echo "these did not notice that the row predicate was gone:" >&2
  echo "$passed" >&2
  exit 1
fi
echo "all $failed tests notice that the row predicate is gone"
