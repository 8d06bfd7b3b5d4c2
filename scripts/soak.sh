#!/usr/bin/env bash
# The long runs: 50 kills of a writing server, 50 of the trace store, every
# fuzz target for a minute, and the store suites three times over under the race detector.
set -uo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
failed=0
part() { echo; echo "=== $1"; shift; "$@" || failed=1; }

part "a server killed ${ASSAY_CRASHES:=50} times while runs and spans are written" \
  env ASSAY_CRASHES="$ASSAY_CRASHES" go test ./cmd/assay -run TestKilledServer -count=1 -v -timeout 60m
part "the trace store killed 50 times" env ASSAY_TEST_CRASHES=50 go test ./internal/storetest ./internal/sqlstore -run 'Crash|Kill' -count=1 -timeout 60m
part "no answer before its sync, ten times" go test ./cmd/assay -run TestNoAcknowledgement -count=10 -timeout 30m
if command -v gcc >/dev/null; then
  part "suites under the race detector, three times" env CGO_ENABLED=1 go test -race -count=3 -timeout 120m ./internal/...
fi
part "every fuzz target for a minute" env FUZZTIME=60s scripts/fuzz.sh
exit $failed
