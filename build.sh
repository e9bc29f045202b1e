#!/bin/sh
# The entry point for a machine that has nothing but Rust: gets a linker if there is none, installs the host tools,
# runs the commands of one target. What the commands do is decided there, not here.
set -eu
cd "$(dirname "$0")"

usage() {
    cat <<'END'
usage: ./build.sh --target TARGET [--arch x86_64]
  iso       the bootable ISO                            -> out/ashlar-minimal-x86_64.iso
  image     the container image of the service `hello`  -> out/hello
  base      the container image with a BusyBox shell    -> out/base
  check     recipes, images and profiles are valid; builds nothing
  test      all of these, and the tests
  test-all  the same with every boot scenario, each layer off in turn, and starts under load
END
}

refuse() {
    echo "build.sh: $1" >&2
    usage >&2
    exit 2
}

target='' arch=x86_64
while [ "$#" -gt 0 ]; do
    case $1 in
    --target) target=${2:-} && shift ;;
    --target=*) target=${1#*=} ;;
    --arch) arch=${2:-} && shift ;;
    --arch=*) arch=${1#*=} ;;
    -h | --help) usage && exit 0 ;;
    *) refuse "unknown option $1" ;;
    esac
    [ "$#" -gt 0 ] && shift
done
case $target in iso | image | base | check | test) ;; test-all) export ASHLAR_TEST_ALL=1 ;; *) refuse "--target must be one of iso, image, base, check, test, test-all" ;; esac
[ "$arch" = x86_64 ] || refuse "there is only --arch x86_64"

command -v cargo > /dev/null || { echo 'build.sh: Rust is missing; https://rustup.rs installs it' >&2 && exit 50; }
if ! command -v cc > /dev/null && command -v apt-get > /dev/null; then
    [ "$(id -u)" = 0 ] && sudo='' || sudo=sudo
    $sudo apt-get update && $sudo apt-get install --yes --no-install-recommends gcc libc6-dev
fi

# One profile for everything, so that nothing is compiled twice.
xtask() { cargo run --locked --release --package xtask -- "$@"; }
xtask setup
case $target in
iso) xtask iso ;;
image) xtask image hello ;;
base) xtask image base ;;
check) xtask check ;;
test | test-all)
    # Our own programs are another workspace. Their tests run as their packages' builds run them: unoptimised, with checks.
    cargo test --locked --manifest-path programs/Cargo.toml
    xtask check && xtask iso && xtask image hello && xtask image base && cargo test --locked --workspace --release
    ;;
esac
