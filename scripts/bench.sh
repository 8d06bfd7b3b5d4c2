#!/usr/bin/env bash
# Peers side by side: installs what is compared with, builds Assay and runs
# every benchmark. Long. Results go to bench/*/RESULTS.md and .cache/bench.
#
#   scripts/bench.sh [flags of bench/tracking, such as --only log-batch]
set -euo pipefail
cd "$(dirname "$0")/.."
export CGO_ENABLED=0
results=.cache/bench
mkdir -p "$results"

conformance/setup.sh v3
[[ -x bin/assay ]] || make build

echo "=== tracking: stock MLflow and Assay"
markdown=(--markdown bench/tracking/RESULTS.md)
(($# == 0)) || markdown=() # a part of it does not replace the whole
go run ./bench/tracking --assay bin/assay --mlflow "${CONFORMANCE_CACHE:-.cache}/venv-v3/bin/mlflow" \
  --json "$results/tracking.json" "${markdown[@]}" "$@"

(($# == 0)) || exit 0
echo "=== tracing: the trace store without a wire"
go test ./bench/tracing -run '^$' -bench . -benchtime 5s | tee "$results/tracing.txt"
