#!/usr/bin/env bash
# Runs the real clients against the Assay of this checkout.
#
#   conformance/run.sh [all|agent|mlflow|otel|replay|guides|import|mcp|compat] ...     default: all
#
# agent    the finance assistant, whole, with both client versions
# mlflow   the client suites, with both client versions
# replay   the same requests to stock MLflow and Assay, answers compared
# otel     the OpenTelemetry SDKs of Python and Go over HTTP and gRPC
# guides   the examples of docs/guides
# import   assay import from a stock server and from a directory, interrupted
# mcp      the MCP clients of Python and Go over HTTP and standard input
# compat   agent and mlflow with the newest mlflow of the day
#
# ASSAY_BIN names a binary to test instead of one built here; ASSAY_URL a server
# that already runs (not for replay, which needs an empty one). Ends with a
# summary and fails if any part failed.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
export CONFORMANCE_CACHE=${CONFORMANCE_CACHE:-$root/.cache}
export MLFLOW_HTTP_REQUEST_MAX_RETRIES=1 PYTHONDONTWRITEBYTECODE=1 CGO_ENABLED=0
cd "$here"

summary=()
failed=0

part() { # part NAME COMMAND...
  local name=$1 began=$SECONDS result=ok
  shift
  printf '\n== %s\n' "$name"
  "$@" || { result=FAILED failed=1; }
  summary+=("$(printf '%-28s %-7s %4d s' "$name" "$result" $((SECONDS - began)))")
}

python() { echo "$CONFORMANCE_CACHE/venv-$1/bin/python"; }
suite() { "$(python "$1")" -m pytest -q --target assay "${@:2}"; }

setup() {
  if ! ./setup.sh "$@"; then
    echo "conformance: the clients could not be installed" >&2
    exit 1
  fi
}

run() {
  case $1 in
  all) for each in agent mlflow otel replay guides import mcp; do run "$each"; done ;;
  agent | mlflow)
    setup v3 v2
    for version in v3 v2; do part "$1, client $version" suite "$version" "$1"; done
    ;;
  replay)
    setup v3
    part replay "$(python v3)" replay/replay.py --report "$root/docs/compat/mlflow.md"
    ;;
  otel)
    setup v3
    part "otel" suite v3 otel
    ;;
  mcp)
    setup mcp
    part mcp suite mcp mcp
    ;;
  guides)
    setup v3
    part guides suite v3 guides
    ;;
  import)
    setup v3 v2
    part import suite v3 import
    ;;
  compat)
    setup compat
    for each in agent mlflow; do part "$each, newest client" suite compat "$each"; done
    ;;
  *)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$0" >&2
    exit 2
    ;;
  esac
}

# One build for every part.
if [ -z "${ASSAY_BIN:-}" ] && [ -z "${ASSAY_URL:-}" ]; then
  export ASSAY_BIN=$CONFORMANCE_CACHE/conformance/assay
  mkdir -p "$(dirname "$ASSAY_BIN")"
  (cd "$root" && go build -o "$ASSAY_BIN" ./cmd/assay) || exit 1
fi

[ $# -gt 0 ] || set -- all
for name in "$@"; do run "$name"; done

printf '\nconformance:\n'
printf '  %s\n' "${summary[@]}"
exit $failed
