#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# setup.sh [run | all]: installs the Debian packages that building and running need, with `all` those for testing and proving,
# too; and only those that are missing. Does nothing, quickly, when all are there. Wants root, or a user who may use sudo.
set -eu

packages="make gcc clang-19 lld-19 llvm-19 libclang-rt-19-dev libc6-dev linux-libc-dev meson ninja-build musl-dev musl-tools qemu-system-x86 seabios gdb python3
ca-certificates git"
if [ "${1:-all}" = all ]; then
	packages="$packages clang-format-19 clang-tidy-19 libcmocka-dev pkg-config cpio python3-pytest python3-pexpect
frama-c-base why3 z3 cvc4 cadical"
fi

missing=
for package in $packages; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	sudo=
elif command -v sudo >/dev/null; then
	sudo=sudo
else
	echo "tessera: missing packages:$missing" >&2
	echo "tessera: install them as root (apt-get install), or install sudo and run this again" >&2
	exit 1
fi

as_root() {
	if [ -n "$sudo" ]; then sudo env DEBIAN_FRONTEND=noninteractive "$@"; else env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

echo "tessera: installing:$missing" >&2
# The index may be absent or old. On a terminal apt draws its own progress bar.
as_root apt-get update -q >&2 || echo "tessera: apt-get update failed; trying with the index that is there" >&2
if [ -t 2 ]; then
	as_root apt-get install -y --no-install-recommends -o Dpkg::Progress-Fancy=1 $missing >&2
else
	as_root apt-get install -y -q --no-install-recommends $missing >&2
fi
