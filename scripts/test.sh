#!/usr/bin/env bash
# Everything that proves Assay works, from a fresh clone. Prints each part's
# time and ends non-zero if any part failed.
set -uo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
work="$(mktemp -d "${TMPDIR:-/tmp}/assay-test.XXXXXX")"
chmod 755 "$work"
results=()
failed=0
cleanup() {
  scripts/postgres.sh stop "$work/postgres"
  scripts/s3.sh stop "$work/s3"
  rm -rf "$work"
}
trap cleanup EXIT

part() { # part NAME COMMAND...
  local name="$1" start=$SECONDS; shift
  echo; echo "=== $name"
  if "$@"; then results+=("ok    $((SECONDS - start)) s  $name"); else results+=("FAIL  $((SECONDS - start)) s  $name"); failed=1; fi
}

services() {
  ASSAY_TEST_POSTGRES="$(scripts/postgres.sh start "$work/postgres")" || return 1
  export ASSAY_TEST_POSTGRES
  eval "$(scripts/s3.sh start "$work/s3")" || return 1
  [[ -n ${ASSAY_TEST_S3:-} ]]
}

ui() { make ui/node_modules/.installed && (cd ui && npm run lint && npm test && npm run build && touch dist/.built); }
# Fuzz targets run on their seeds here; make fuzz and make soak explore.
gotests() { go test -timeout 20m ./...; }
race() { # needs a C compiler, which the binary does not
  command -v gcc >/dev/null || { echo "no C compiler: race tests skipped"; return 0; }
  CGO_ENABLED=1 go test -race -short -timeout 20m ./internal/sqlstore ./internal/web/... ./internal/wire/otlp/... ./internal/job/...
}

part "install what the machine lacks" scripts/setup.sh
part "services: PostgreSQL and S3" services
part "user interface: types, lint, unit tests, build" ui
part "format, vet, lint, architecture" make check
part "Go tests on SQLite, PostgreSQL, disk and S3" gotests
part "Go tests under the race detector" race
part "linux and macOS, amd64 and arm64" make cross
part "binary" make build
part "real clients" conformance/run.sh all
part "browser" scripts/browser.sh

echo
printf '%s\n' "${results[@]}"
exit $failed
