#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes a docker-archive of Debian's static busybox, as `docker save busybox` would, with tar alone.
# usage: busybox-image.sh OUTPUT.tar
set -euo pipefail
output=$(realpath "${1:?usage: busybox-image.sh OUTPUT.tar}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=ustar -cf "$@"; }

mkdir -p "$work"/rootfs/{bin,dev,etc,proc,sys,root,run,var} "$work/image"
mkdir -m 1777 "$work/rootfs/tmp"
cp /bin/busybox "$work/rootfs/bin/"
for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln -s busybox "$work/rootfs/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$work/rootfs/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$work/rootfs/etc/group"

pack "$work/layer.tar" -C "$work/rootfs" .
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
mkdir "$work/image/$layer"
mv "$work/layer.tar" "$work/image/$layer/layer.tar"
architecture=$(dpkg --print-architecture 2>/dev/null || echo amd64)
cat > "$work/config.json" <<J
{"architecture":"$architecture","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:$layer"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"busybox-static of Debian"}]}
J
config=$(sha256sum "$work/config.json" | cut -d' ' -f1)
mv "$work/config.json" "$work/image/$config.json"
echo "[{\"Config\":\"$config.json\",\"RepoTags\":[\"busybox:latest\"],\"Layers\":[\"$layer/layer.tar\"]}]" > "$work/image/manifest.json"
pack "$output" -C "$work/image" "$layer" "$config.json" manifest.json
