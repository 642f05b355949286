#!/usr/bin/env bash
# Checks and installs what Fluxbase needs besides Go, Node and git.
#   deps.sh node   check that Node is there and new enough
#   deps.sh test   install Redis and Chromium, which the tests use
set -euo pipefail

fail() { printf '%s\n' "$*" >&2; exit 1; }

need_node() {
  command -v node >/dev/null || fail "Node is missing: install Node 20.19 or newer (https://nodejs.org)."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "Node $(node -v) is too old: install Node 20.19 or newer (https://nodejs.org)."
}

browser() {
  local name
  for name in "${FLUXBASE_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    [ -n "$name" ] && command -v "$name" >/dev/null && return 0
  done
  [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ]
}

# apt installs packages on Debian and Ubuntu, as root or with sudo.
apt() {
  local sudo=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "Install these as root, then run this again: apt-get install $*"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# chromium_apt: Debian has a package; Ubuntu's is a wrapper around a snap, which containers cannot run, so Playwright's build
# is taken there.
chromium_apt() {
  # shellcheck source=/dev/null
  if [ "$(. /etc/os-release && echo "$ID")" = debian ]; then
    apt chromium
  else
    (cd console && npx playwright install --with-deps chromium)
  fi
}

need_test() {
  local missing=()
  command -v redis-server >/dev/null || missing+=(redis)
  browser || missing+=(chromium)
  [ ${#missing[@]} = 0 ] && return
  echo "installing ${missing[*]}"
  for what in "${missing[@]}"; do
    if command -v apt-get >/dev/null; then
      if [ "$what" = redis ]; then apt redis-server; else chromium_apt; fi
    elif command -v brew >/dev/null; then
      if [ "$what" = redis ]; then brew install -q redis; else brew install -q --cask google-chrome; fi
    else
      fail "$what is missing, and this system has neither apt-get nor brew: install it by your package manager, then run this again."
    fi
  done
}

cd "$(dirname "$0")/.."
case "${1:-}" in
  node) need_node ;;
  test) need_node; need_test ;;
  *) fail "usage: scripts/deps.sh node|test" ;;
esac
