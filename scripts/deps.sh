#!/usr/bin/env bash
# Checks and installs what Fluxbase needs besides Go, Node and git.
#   deps.sh node   check that Node is there and new enough
#   deps.sh vips   install libvips, which bin/fluxbase-images is built with
#   deps.sh test   install Redis, Chromium, libvips and (on Debian) PostgreSQL 15, which the tests use
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

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# apt installs packages on Debian and Ubuntu, as root or with sudo.
apt() {
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "Install these as root, then run this again: apt-get install $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
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

have_vips() {
  command -v pkg-config >/dev/null && pkg-config --exists 'vips >= 8.13' || return 1
  command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || return 1
  [ ${#vips_missing[@]} = 0 ]
}

# vips_plugins: newer systems keep what reads and writes AVIF and HEIC apart from libheif, as packages that are recommended only.
vips_plugins() {
  local name
  vips_missing=()
  command -v apt-cache >/dev/null || return 0
  for name in $(apt-cache pkgnames libheif-plugin- | grep -xE 'libheif-plugin-(aomenc|aomdec|libde265)' || true); do
    dpkg -s "$name" >/dev/null 2>&1 || vips_missing+=("$name")
  done
}

# need_vips: the program for images is built with libvips by a C compiler. "fluxbase-images -check" tells what it can do.
need_vips() {
  vips_plugins
  have_vips && return
  echo "installing libvips"
  if command -v apt-get >/dev/null; then
    apt gcc libc6-dev pkg-config libvips-dev
    vips_plugins
    [ ${#vips_missing[@]} = 0 ] || apt "${vips_missing[@]}"
    vips_missing=()
  elif command -v brew >/dev/null; then
    brew install -q pkgconf vips
  else
    fail "libvips 8.13 or newer, pkg-config or a C compiler is missing, and this system has neither apt-get nor brew: install them by your package manager, then run this again."
  fi
  have_vips || fail "This system's libvips is too old: version 8.13 or newer is needed (Debian 12, Ubuntu 24.04 or newer have it)."
}

# need_postgres15: the cases of PostgREST's protocol, where they lie beside the repository, want PostgreSQL 15 with PostGIS and
# Python.
need_postgres15() {
  [ -d ../shared/conformance/postgrest ] || return 0
  command -v python3 >/dev/null || ! command -v apt-get >/dev/null || apt python3
  [ -x /usr/lib/postgresql/15/bin/initdb ] && [ -e /usr/share/postgresql/15/extension/postgis.control ] && return 0
  if ! apt-cache show postgresql-15-postgis-3 >/dev/null 2>&1 && ! { as_root apt-get update -qq && apt-cache show postgresql-15-postgis-3 >/dev/null 2>&1; }; then
    fail "This system has no package of PostgreSQL 15 with PostGIS, which the cases in ../shared/conformance want: run the tests on Debian 12."
  fi
  echo "installing PostgreSQL 15"
  # The package would make a cluster and start it on port 5432, which is nobody's wish.
  local conf=/etc/postgresql-common/createcluster.d/fluxbase-tests.conf code=0
  as_root mkdir -p "${conf%/*}"
  echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null
  apt postgresql-15 postgresql-15-postgis-3 || code=$?
  as_root rm -f "$conf"
  return "$code"
}

cd "$(dirname "$0")/.."
case "${1:-}" in
  node) need_node ;;
  vips) need_vips ;;
  test) need_node; need_test; need_vips; need_postgres15 ;;
  *) fail "usage: scripts/deps.sh node|vips|test" ;;
esac
