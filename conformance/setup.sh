#!/usr/bin/env bash
# Creates the Python environments the conformance suites run in.
#
#   conformance/setup.sh [v3] [v2] [mcp] [compat]      default: v3 v2
#
# v3      the pinned recent mlflow            requirements-v3.txt
# v2      mlflow 2.20.2, the v2 trace routes  requirements-v2.txt
# mcp     the MCP client, with mlflow       requirements-mcp.txt
# compat  the newest mlflow of the day, otherwise the packages of v3
#
# Each environment lives in $CONFORMANCE_CACHE/venv-NAME (default: .cache in the
# checkout, which git ignores) and is kept as long as its requirement file and
# its interpreter stay the same; compat is refreshed once a day.
# PYTHON names the interpreter to use; otherwise the first usable one is found.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CONFORMANCE_CACHE:-$(dirname "$here")/.cache}

# A name on PATH proves nothing (version managers leave shims), so each
# candidate is run, and must be able to make an environment with pip in it.
usable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not ((3, 10) <= sys.version_info < (3, 14)))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.12 python3.11 python3.13 python3.10 python3 python; do
    if usable "$candidate"; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  echo "setup: no Python 3.10 to 3.13 with venv and pip on PATH; set PYTHON" >&2
  return 1
}

digest() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }

make_venv() {
  local name=$1 requirements=$2 day=$3
  local dir=$cache/venv-$name want
  want=$( (cat "$requirements"; "$python" -V; echo "$day") | digest)
  if [ "$(cat "$dir/.digest" 2>/dev/null)" = "$want" ]; then
    echo "setup: $name is ready ($dir)"
    return
  fi
  echo "setup: installing $name into $dir"
  rm -rf "$dir"
  "$python" -m venv "$dir"
  # Interpreters from 3.12 on no longer bring setuptools, which older packages
  # still import as pkg_resources.
  if ! "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "setuptools<81" wheel -r "$requirements"; then
    echo "setup: $name could not be installed" >&2
    return 1
  fi
  echo "$want" >"$dir/.digest"
}

python=$(find_python)
mkdir -p "$cache"
[ $# -gt 0 ] || set -- v3 v2
for name in "$@"; do
  case $name in
  v3 | v2 | mcp) make_venv "$name" "$here/requirements-$name.txt" pinned ;;
  compat)
    # Everything but mlflow stays pinned, so that a failure names mlflow.
    # The three parts are named so that pip takes a version that has them all.
    newest=$cache/requirements-compat.txt
    {
      echo "mlflow"
      echo "mlflow-skinny"
      echo "mlflow-tracing"
      grep -v '^mlflow==' "$here/requirements-v3.txt"
    } >"$newest"
    make_venv compat "$newest" "$(date -u +%F)"
    ;;
  *)
    echo "setup: unknown environment $name (v3, v2, compat)" >&2
    exit 2
    ;;
  esac
done
