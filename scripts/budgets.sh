#!/usr/bin/env bash
# The budgets of the interface, in a real browser against seeded stores: a
# table of measured and budget, and 1 if one is passed by more than a quarter.
# Long; nothing else should run.
#
#   scripts/budgets.sh [pages table trace payload live]
#   BUDGET_DATA=DIR   measure over this data directory (copied before) instead
#                     of a server with the sample
set -euo pipefail
cd "$(dirname "$0")/.."
work="$(mktemp -d "${TMPDIR:-/tmp}/assay-budgets.XXXXXX")"
server=
trap '[[ -z $server ]] || { kill $server 2>/dev/null; wait $server 2>/dev/null; }; rm -rf "$work"' EXIT
data="$work/data"
[[ -z ${BUDGET_DATA:-} ]] || cp -a "$BUDGET_DATA" "$data"
port="$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
bin/assay serve --addr "127.0.0.1:$port" --otlp-grpc-addr "" --otlp-http-addr "" --data "$data" >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do curl -fsS "http://127.0.0.1:$port/health" >/dev/null 2>&1 && break; sleep 0.1; done
[[ -n ${BUDGET_DATA:-} ]] || bin/assay demo --server "http://127.0.0.1:$port"
cd ui && ASSAY_URL="http://127.0.0.1:$port" node e2e/budgets/run.mjs "$@"
