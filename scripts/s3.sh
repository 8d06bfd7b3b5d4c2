#!/usr/bin/env bash
# A scratch S3 server for tests: `s3.sh start DIR` prints a bucket URL for
# ASSAY_TEST_S3 and the credentials it needs as shell assignments; `s3.sh stop
# DIR` ends it.
set -euo pipefail
cd "$(dirname "$0")/.."
dir="$2"
case "$1" in
start)
  server="$PWD/.cache/bin/versitygw"
  [[ -x $server ]] || GOBIN="$PWD/.cache/bin" CGO_ENABLED=0 go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 >&2
  port="$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')"
  mkdir -p "$dir/objects/assay-test" "$dir/sidecar"
  "$server" --access assaytest --secret assaytestsecret --port "127.0.0.1:$port" posix --sidecar "$dir/sidecar" "$dir/objects" >"$dir/log" 2>&1 &
  echo $! >"$dir/pid"
  for _ in $(seq 50); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $port), 1)" 2>/dev/null && break
    sleep 0.1
  done
  echo "export AWS_ACCESS_KEY_ID=assaytest AWS_SECRET_ACCESS_KEY=assaytestsecret AWS_REGION=us-east-1"
  echo "export ASSAY_TEST_S3='s3://assay-test?endpoint=http://127.0.0.1:$port&region=us-east-1&use_path_style=true'"
  ;;
stop)
  [[ ! -f $dir/pid ]] || kill "$(cat "$dir/pid")" 2>/dev/null || true
  ;;
*) echo "usage: $0 start|stop DIR" >&2; exit 2 ;;
esac
