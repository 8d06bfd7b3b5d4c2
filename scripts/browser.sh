#!/usr/bin/env bash
# The pages of the real binary, filled with the sample, in a real browser.
set -euo pipefail
cd "$(dirname "$0")/.."
data="$(mktemp -d "${TMPDIR:-/tmp}/assay-browser.XXXXXX")"
port="$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
bin/assay serve --addr "127.0.0.1:$port" --otlp-grpc-addr "" --otlp-http-addr "" --data "$data" >"$data.log" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null; wait $server 2>/dev/null; rm -rf "$data" "$data.log"' EXIT
for _ in $(seq 100); do curl -fsS "http://127.0.0.1:$port/health" >/dev/null 2>&1 && break; sleep 0.1; done
bin/assay demo --server "http://127.0.0.1:$port"
cd ui && ASSAY_URL="http://127.0.0.1:$port" npm run e2e
