#!/usr/bin/env bash
# Runs every fuzz target of the module for FUZZTIME each (default 20s) and
# fails at the end if any found something.
set -uo pipefail
cd "$(dirname "$0")/.."
time="${FUZZTIME:-20s}"
failed=()
for dir in $(grep -rlE '^func Fuzz' --include='*_test.go' internal cmd | xargs -n1 dirname | sort -u); do
  for target in $(grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$dir"/*_test.go | sed 's/func //' | sort -u); do
    echo "== $dir $target"
    CGO_ENABLED=0 go test "./$dir" -run '^$' -fuzz "^$target\$" -fuzztime "$time" || failed+=("$dir $target")
  done
done
if ((${#failed[@]})); then
  printf 'found something: %s\n' "${failed[@]}"
  exit 1
fi
