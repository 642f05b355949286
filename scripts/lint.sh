#!/usr/bin/env bash
# What "make test" leaves out because its tools take minutes to build: linters, and generating anew to compare.
#   lint.sh BASE   BASE is the branch that protos are compared with
set -uo pipefail
cd "$(dirname "$0")/.."
base=$1
failed=0
step() {
  printf '── %s\n' "$1"
  shift
  "$@" || failed=1
}

breaking() {
  local ref
  for ref in "origin/$base" "$base"; do
    git rev-parse --verify --quiet "$ref" >/dev/null || continue
    if [ -z "$(git ls-tree "$ref" proto/fluxbase)" ]; then
      echo "$ref has no protos: nothing can break"
      return 0
    fi
    buf breaking --against ".git#ref=$(git rev-parse "$ref")"
    return
  done
  echo "there is no branch $base here: not compared"
}

# fresh generates into a copy, so that a stale file is shown and nothing here is changed.
fresh() {
  local copy code
  copy=$(mktemp -d)
  git ls-files -z | while IFS= read -r -d '' f; do [ -e "$f" ] && printf '%s\0' "$f"; done | tar --null -T - -cf - | tar -xf - -C "$copy"
  ln -s "$PWD/bin" "$copy/bin"
  ln -s "$PWD/console/node_modules" "$copy/console/node_modules"
  (cd "$copy" && buf generate && git -C "$OLDPWD" ls-files '*sqlc.yaml' | while read -r f; do (cd "$(dirname "$f")" && sqlc generate) || exit 1; done)
  code=$?
  for f in internal/gen console/src/gen $(git ls-files '*sqlc.yaml' | xargs -rn1 dirname); do
    diff -r "$f" "$copy/$f" >/dev/null || { echo "$f is stale: run make generate"; code=1; }
  done
  rm -rf "$copy"
  return $code
}

step "buf lint" buf lint
step "buf breaking against $base" breaking
step "golangci-lint" golangci-lint run ./...
step "console" bash -c 'cd console && npm run --silent typecheck && npm run --silent lint'
step "generated code" fresh
[ "$failed" = 0 ] && echo "LINT PASSED" || echo "LINT FAILED"
exit "$failed"
