#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the executables, linked statically, and puts them into target/release/.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:${HOME:-/root}/.cargo/bin"
BINARIES="brig brig-oci brig-monitor brig-probe"

# musl where its standard library and a C compiler for it are installed (it starts faster), else
# glibc; both static, so that what brig executes starts without a dynamic linker.
arch=$(rustc -vV | sed -n 's/^host: \([^-]*\)-.*/\1/p')
target=$arch-unknown-linux-gnu
musl=$arch-unknown-linux-musl
if [ -d "$(rustc --print target-libdir --target "$musl" 2>/dev/null)" ] && command -v musl-gcc >/dev/null; then
    target=$musl
fi

arguments=()
for binary in $BINARIES; do arguments+=(--bin "$binary"); done
RUSTFLAGS="-C target-feature=+crt-static ${RUSTFLAGS:-}" \
    cargo build --release --target "$target" "${arguments[@]}"

built=${CARGO_TARGET_DIR:-target}/$target/release
placed=${CARGO_TARGET_DIR:-target}/release
mkdir -p "$placed"
for binary in $BINARIES; do
    cmp -s "$built/$binary" "$placed/$binary" && continue
    # A rename, so that a process that executes the old one now keeps it whole.
    install -m 755 "$built/$binary" "$placed/.$binary.new"
    mv -f "$placed/.$binary.new" "$placed/$binary"
done
