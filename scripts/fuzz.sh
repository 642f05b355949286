#!/usr/bin/env bash
# fuzz.sh [TIME]: runs every fuzz test of the Go packages, each for TIME (default 60s), one after the other. Those that need
# Postgres find it where internal/testkit/run has started it. A failing input is kept under the package's testdata/fuzz.
set -uo pipefail
cd "$(dirname "$0")/.."
time=${1:-60s}
failed=0
while IFS=: read -r file name; do
  dir=./$(dirname "$file")
  printf '── %s %s\n' "$dir" "$name"
  go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$dir" | tail -n 4 || failed=1
done < <(git ls-files '*_test.go' | xargs grep -oE '^func Fuzz[A-Za-z0-9_]+' | sed 's/func //')
exit "$failed"
