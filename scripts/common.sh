# Shared by run and test, to be sourced: installs what a bare Debian 12 lacks, shows progress, and names the command that
# failed.

build_packages=(
  clang-19 lld-19 libstdc++-12-dev cmake ninja-build ccache pkg-config ca-certificates
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libsimdjson-dev libabsl-dev libsqlitecpp-dev libsqlite3-dev libpqxx-dev libpq-dev libtomlplusplus-dev libcli11-dev
  libspdlog-dev libfmt-dev libcurl4-openssl-dev libidn2-dev libc-ares-dev librabbitmq-dev libhiredis-dev libssl-dev
  zlib1g-dev libyaml-cpp-dev prometheus-cpp-dev
)
test_packages=(
  git llvm-19 libclang-rt-19-dev clang-format-19 libgtest-dev librapidcheck-dev python3
  postgresql-15 redis-server rabbitmq-server libpq-dev prometheus
)
long_packages=(g++-12 clang-tidy-19)
browser_packages=(chromium chromium-sandbox fonts-dejavu-core curl openssl)
perf_packages=(redis-server wrk nginx-light)

say() { printf '\033[1m== %s\033[0m\n' "$*"; }

# Runs a command; if it fails, prints the command and $hint, and exits.
step() {
  local status=0
  "$@" || status=$?
  if [ "$status" -ne 0 ]; then
    printf '\nFailed (exit code %s): %s\n' "$status" "$*" >&2
    [ -z "${hint:-}" ] || printf 'How to fix it: %s\n' "$hint" >&2
    exit "$status"
  fi
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# Installs the named Debian packages that are missing.
need_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ "${#missing[@]}" -gt 0 ] || return 0
  if ! command -v apt-get >/dev/null; then
    printf 'Pricewire builds on Debian 12; these packages are missing: %s\n' "${missing[*]}" >&2
    exit 1
  fi
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
    printf 'Run as root: apt-get install -y %s\n' "${missing[*]}" >&2
    exit 1
  fi
  say "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  hint="check the network and /etc/apt/sources.list (Debian 12 main), then retry"
  step as_root apt-get -qq update
  # Package scripts must not ask questions, and must not start servers on this machine.
  step as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -y --no-install-recommends \
    -o Dpkg::Use-Pty=0 install "${missing[@]}" >/dev/null
  hint=
}

# The oldest Node.js that today's tools run on; Debian 12's is older.
oldest_node=22.18

node_is_new_enough() {
  printf 'v%s\n%s\n' "$oldest_node" "$(node --version 2>/dev/null || true)" | sort -V -C
}

# Puts a Node.js that is new enough first in the PATH, from npm if the installed one is too old or missing. Installs npm if
# needed.
need_node() {
  if ! command -v npm >/dev/null; then need_packages nodejs npm; fi
  if node_is_new_enough; then return 0; fi
  npm_install web/node
  PATH=$(printf '%s:' "$PWD"/web/node/node_modules/node-linux-*/bin)$PATH
  hash -r
  if ! node_is_new_enough; then
    printf 'The Node.js from npm does not run here; put Node.js %s or newer in the PATH.\n' "$oldest_node" >&2
    exit 1
  fi
}

# Runs npm under the `node` of the PATH, which Debian's npm ignores: npm skips packages that need a newer Node.js than the
# one it runs on.
npm_here() {
  local npm
  npm=$(readlink -f "$(command -v npm)")
  if [ "${npm##*.}" = js ]; then node "$npm" "$@"; else "$npm" "$@"; fi
}

# npm_install FOLDER: installs the packages of its package-lock.json, unless they are installed already.
npm_install() {
  local folder=$1
  if cmp -s "$folder/package-lock.json" "$folder/node_modules/.installed"; then return 0; fi
  say "Installing the npm packages of $folder"
  hint="npm could not reach its registry or install a package; see the reason above"
  step npm_here --prefix "$folder" ci --no-audit --no-fund --loglevel=error
  cp "$folder/package-lock.json" "$folder/node_modules/.installed"
  hint=
}

# configure_and_build PRESET [cmake -D options --] [targets…]
configure_and_build() {
  local preset=$1 options=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
  [ $# -eq 0 ] || shift
  hint="read the compiler's message above; to remove a stale build folder: rm -rf build/$preset"
  if [ ! -f "build/$preset/build.ninja" ] || [ "${#options[@]}" -gt 0 ]; then
    step cmake --preset "$preset" --log-level=WARNING "${options[@]}"
  fi
  if [ $# -gt 0 ]; then
    step cmake --build "build/$preset" --target "$@"
  else
    step cmake --build "build/$preset"
  fi
  hint=
}
