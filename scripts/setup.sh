#!/usr/bin/env bash
# Installs what the tests need and the machine lacks (Debian): a PostgreSQL
# server, Chromium, Python's venv. Go and Node are expected.
set -euo pipefail
need=()
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || need+=(postgresql)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || need+=(chromium)
command -v strace >/dev/null || need+=(strace)
python3 -c 'import venv, ensurepip' 2>/dev/null || need+=(python3-venv)
if ((${#need[@]})); then
  sudo=; [[ $(id -u) == 0 ]] || sudo=sudo
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "${need[@]}"
fi
for tool in go node npm python3 git; do
  command -v "$tool" >/dev/null || { echo "$tool is missing: install it first" >&2; exit 1; }
done
