#!/usr/bin/env bash
# Everything that must hold, with a summary at the end. A step that fails does not keep the others from running.
set -uo pipefail
cd "$(dirname "$0")/.."
begun=$SECONDS
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
summary=()
broken=()
failed=0

note() { # name, exit code, seconds, file with its output
  local state=ok
  if [ "$2" != 0 ]; then state=FAILED; failed=1; broken+=("$1" "$4"); fi
  summary+=("$(printf '%-28s %-7s %4d s' "$1" "$state" "$3")")
}

step() { # name, command…
  local name=$1 start=$SECONDS code
  shift
  printf '\n── %s\n' "$name"
  "$@" 2>&1 | tee "$logs/step-${#summary[@]}"
  code=${PIPESTATUS[0]}
  note "$name" "$code" $((SECONDS - start)) "$logs/step-${#summary[@]}"
  return "$code"
}

# Of a failed step's output what tells why: of each failed test its name and the message, and what a browser's page showed
# (from the file that Playwright writes of it), or else the last lines.
excerpt() { # file, bytes
  local plain
  plain=$(sed -e 's/\x1b\[[0-9;]*[A-Za-z]//g' -e 's/ *\(─\)*$//' "$1" | tr -d '\r')
  awk '
    function begin(kind) { in_test = kind; lines = 0 }
    function page(file,    line, shown) {
      while ((getline line <("console/" file)) > 0 && line != "# Test source") {
        if (line ~ /^ *- (main|dialog)/) shown = 1
        if (shown && shown <= 20 && line !~ /^$|^```|\/url:/) { print "    page: " line; shown++ }
      }
    }
    /^ +[0-9]+\) .*\.spec\.ts/ { begin("browser"); print; next }    # Playwright
    /^--- FAIL: /             { begin("go"); print; next }                          # go test
    /^--- |^(ok  |FAIL)\t|^Failed:$/ { in_test = ""; next }
    in_test == "" || /^[ \t]*$/ { next }
    in_test == "browser" && /Error Context:/ { page($3); in_test = ""; next }
    in_test == "browser" && /attachment #|^ +[0-9]+ (failed|passed|flaky|did not run)/ { in_test = ""; next }
    in_test == "browser" && /^ +([0-9]+ )?\|/ { next }                               # source around the line
    in_test == "browser" && /^ +(> +[0-9]+ \||at )/ { print; next }                  # the line, and where it is
    ++lines <= (in_test == "go" ? 10 : 14) { print }
  ' <<<"$plain" | cut -c -220 >"$1.excerpt"
  [ -s "$1.excerpt" ] || tail -n 15 <<<"$plain" | cut -c -220 >"$1.excerpt"
  head -c "$2" "$1.excerpt"
  echo
}

finish() {
  local i
  # Before the summary, because CI may show the end only; short for the same reason.
  for ((i = 0; i < ${#broken[@]}; i += 2)); do
    printf '\n── What failed: %s\n' "${broken[i]}"
    excerpt "${broken[i + 1]}" $((3200 / ${#broken[@]}))
  done
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

console_checks() { (cd console && npm run --silent typecheck && npm run --silent lint && npm run --silent test:unit && npm run --silent bundle); }

# Tests of the step before that passed at the second try only: no failure, and a race to mend, so each is named with what went wrong.
name_second_tries() {
  local log=$logs/step-$((${#summary[@]} - 1)) tests
  tests=$(sed -e 's/\x1b\[[0-9;]*[A-Za-z]//g' "$log" | sed -n '/^ *[0-9]* flaky$/,/^ *[0-9]* passed/{/\.spec\.ts/p}' | sed 's/ *─*$//')
  [ -n "$tests" ] || return 0
  summary+=("  at the second try only:" "$tests")
  broken+=("at the first try" "$log")
}

# Without go test's own vet: the step before has done all of it. Whole processes are those of the program that was built.
go_tests() {
  FLUXBASE_BIN="$PWD/bin/fluxbase" go run ./internal/testkit/run -- go test -vet=off -tags vips -json -timeout 15m ./... | go run ./internal/testkit/report
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
step "go vet" go vet -tags vips ./...
step "go test" go_tests
wait "$beside"
printf '\n── console: types, lint, unit tests\n'
cat "$logs/console"
note "console: types, lint, units" "$(cat "$logs/console.code")" "$(cat "$logs/console.seconds")" "$logs/console"
# Around it the services of the Go tests: one is the second cluster that an operator registers.
step "console in a browser" go run ./internal/testkit/run -- env FLUXBASE_BIN="$PWD/bin/fluxbase" bash -c 'cd console && npm run --silent test:e2e -- --retries=1' && name_second_tries
finish
