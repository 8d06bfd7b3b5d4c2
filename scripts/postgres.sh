#!/usr/bin/env bash
# A scratch PostgreSQL for tests: `postgres.sh start DIR` prints its URL,
# `postgres.sh stop DIR` ends it. It listens on a free loopback port and keeps
# everything in DIR. fsync is off: crash safety is not what these tests test.
set -euo pipefail
bin="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1 || true)"
[[ -n $bin ]] || bin="$(dirname "$(readlink -f "$(command -v postgres)")")"
dir="$2"
as() { if [[ $(id -u) == 0 ]]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi; }
case "$1" in
start)
  port="$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
  mkdir -p "$dir"
  [[ $(id -u) != 0 ]] || { chown postgres "$dir"; chmod a+x "$(dirname "$dir")"; }
  (cd "$dir" && as "$bin/initdb" -D "$dir/data" -U assay --auth=trust -E UTF8 --locale=C.UTF-8 >"$dir.log" 2>&1)
  (cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/server.log" -o \
    "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200 -c max_pred_locks_per_transaction=256" start >>"$dir.log" 2>&1)
  echo "postgres://assay@127.0.0.1:$port/postgres?sslmode=disable"
  ;;
stop)
  (cd "$dir" && as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1) || true
  ;;
*) echo "usage: $0 start|stop DIR" >&2; exit 2 ;;
esac
