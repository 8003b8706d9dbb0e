#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests use beside brig itself: peers as oracles, tools that make and inspect images.
# Services that a package brings are kept from starting. Quiet, and without network, when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
. scripts/apt.sh
export PATH="$PATH:${HOME:-/root}/.cargo/bin"
PACKAGES="busybox-static crun runc debootstrap skopeo strace jq e2fsprogs iproute2 procps util-linux tmux xz-utils gcc libseccomp2 golang-github-containers-common podman"

policy=/usr/sbin/policy-rc.d
if [ "$(id -u)" = 0 ] && [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
# shellcheck disable=SC2086
apt_install $PACKAGES

# rustfmt and clippy of the same Rust: rustup brings both, Debian 13 has packages, Debian 12 has no clippy.
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
offer() {
    local package
    for package in "$@"; do
        dpkg --compare-versions "$(candidate "$package" | sed 's/^$/0/')" ge "$wanted" || continue
        apt_install "$package"
        return
    done
}
cargo fmt --version >/dev/null 2>&1 || offer rustfmt rustfmt-web
cargo clippy --version >/dev/null 2>&1 || offer rust-clippy

# Debian and Alpine themselves. Without them the tests that run them are skips, which are counted.
[ "$(id -u)" != 0 ] || (scripts/real-images.sh) || echo "note: no genuine Debian and Alpine for the tests" >&2
