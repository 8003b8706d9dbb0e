#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building brig needs on Debian 12 or 13. Says nothing and needs no network when all is there.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh
export PATH="$PATH:${HOME:-/root}/.cargo/bin"

# cargo_is_recent: whether the cargo in PATH is at least the rust-version of the workspace.
cargo_is_recent() {
    local wanted have
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(cargo --version 2>/dev/null | awk '{print $2}') || return 1
    [ -n "$have" ] && [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ]
}

# cargo_package: the name of an apt package that carries a recent cargo. Debian 12 has one beside
# its old `cargo`: `cargo-web`, kept for browsers.
cargo_package() {
    local wanted package version
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    for package in cargo cargo-web; do
        version=$(candidate "$package")
        # Debian 12's cargo 0.66 is numbered apart from its rustc; it sorts below any 1.x, as it should.
        [ -n "$version" ] && dpkg --compare-versions "$version" ge "$wanted" && echo "$package" && return
    done
    return 1
}

command -v gcc >/dev/null && command -v make >/dev/null && [ -e /usr/include/stdlib.h ] &&
    [ -e /etc/ssl/certs/ca-certificates.crt ] || apt_install gcc libc6-dev make ca-certificates
if ! cargo_is_recent; then
    if command -v apt-cache >/dev/null && [ "$(id -u)" = 0 ]; then apt_refresh; fi
    package=$(cargo_package) || fail \
        "no cargo of version $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or later here or in apt" \
        "Debian 12 has one in its security updates: enable them in apt's sources; or use \`rustup\` (https://rustup.rs); then run \`make\` again"
    apt_install_newest "$package" "${package/cargo/rustc}"
    hash -r
    cargo_is_recent || fail "$package is installed, yet \`cargo --version\` says $(cargo --version 2>&1 | head -n 1)" \
        "an older cargo comes first in PATH: remove it, or put /usr/bin before it"
fi
