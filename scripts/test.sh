#!/usr/bin/env bash
# Everything that must hold, with a summary at the end. A step that fails does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.."
begun=$SECONDS
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=()
failed=0

note() { # name, exit code, seconds
  local state=ok
  if [ "$2" != 0 ]; then state=FAILED; failed=1; fi
  summary+=("$(printf '%-28s %-7s %4d s' "$1" "$state" "$3")")
}

step() { # name, command…
  local name=$1 start=$SECONDS code
  shift
  printf '\n── %s\n' "$name"
  "$@"
  code=$?
  note "$name" "$code" $((SECONDS - start))
  return "$code"
}

finish() {
  printf '\n── Summary\n'
  printf '%s\n' "${summary[@]}"
  printf '%-36s %4d s\n' all $((SECONDS - begun))
  if [ "$failed" = 0 ]; then echo "PASSED"; else echo "FAILED"; fi
  exit "$failed"
}

unformatted() {
  local files
  files=$(git ls-files -z '*.go' | xargs -0 gofmt -l)
  [ -z "$files" ] || { printf 'not gofmt-clean (run make format):\n%s\n' "$files"; return 1; }
}

console_checks() { (cd console && npm run --silent typecheck && npm run --silent lint && npm run --silent --if-present test:unit); }

go_tests() {
  go run ./internal/testkit/run -- go test -json -timeout 15m ./... | go run ./internal/testkit/report
}

step "dependencies" scripts/deps.sh test || finish
for lock in console internal/e2e/supabase; do
  if [ -f "$lock/package-lock.json" ]; then step "npm ci in $lock" make "$lock/node_modules/.stamp" || finish; fi
done
step "build" make build || finish

# The console's checks need Node only: they run beside Go's.
start=$SECONDS
(console_checks >"$logs/console" 2>&1; echo $? >"$logs/console.code"; echo $((SECONDS - start)) >"$logs/console.seconds") &
beside=$!
step "gofmt" unformatted
step "go vet" go vet ./...
step "go test" go_tests
wait "$beside"
printf '\n── console: types, lint, unit tests\n'
cat "$logs/console"
note "console: types, lint, units" "$(cat "$logs/console.code")" "$(cat "$logs/console.seconds")"
step "console in a browser" env FLUXBASE_BIN="$PWD/bin/fluxbase" bash -c 'cd console && npm run --silent test:e2e'
finish
