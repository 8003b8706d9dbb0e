#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real containers, shown command by command, in roots of their own. Fails when any step does not do
# what its line says, or when anything is left behind.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh
[ "$(id -u)" = 0 ] || fail "containers need root for now" "run \`sudo make demo\`"
[ -x /bin/busybox ] && /bin/busybox --list >/dev/null || apt_install busybox-static

# Overlayfs refuses an upper directory on another overlay: there, take a tmpfs.
parent=${TMPDIR:-/var/tmp}
[ "$(stat -f -c %T "$parent")" != overlayfs ] || parent=/dev/shm
work=$(mktemp -d "$parent/brig-demo.XXXXXX")
export BRIG_ROOT=$work/root BRIG_RUN=$work/run BRIG_CONFIG=$work/none.toml
export PATH="${CARGO_TARGET_DIR:-$PWD/target}/release:$PATH"
out=$work/out

cleanup() {
    local left
    # Only what this script started: its roots are its own.
    left=$(brig ps -aq 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$left" ] || brig rm -f $left >/dev/null 2>&1 || true
    # The empty parent group that the engine keeps for the next container; refused when in use.
    rmdir /sys/fs/cgroup/brig /sys/fs/cgroup/*/brig 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

bold='' plain=''
[ ! -t 1 ] || { bold=$'\033[1m' plain=$'\033[0m'; }
title() { printf '\n%s# %s%s\n' "$bold" "$1" "$plain"; }

# run STATUS COMMAND: prints the command as a person would type it, runs it, checks its exit code.
run() {
    local wanted=$1 status=0
    printf '$ %s\n' "$2"
    (eval "$2") >"$out" 2>&1 </dev/null || status=$?
    cat "$out"
    [ "$status" = "$wanted" ] || fail "exit code $status, expected $wanted: $2"
}

# says PATTERN: the last command must have printed it.
says() {
    grep -qE -- "$1" "$out" || fail "expected \`$1\` in the output above"
}

# cgroup_file CONTROLLER V1_NAME V2_NAME PID: the host's file of a limit.
cgroup_file() {
    local path
    path=$(awk -F: -v c="$1" '{ n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == c) print $3 }' "/proc/$4/cgroup")
    if [ -n "$path" ]; then
        echo "/sys/fs/cgroup/$1$path/$2"
    else
        echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$4/cgroup")/$3"
    fi
}

# What would be a leak: named so that everything else on the machine may change meanwhile.
cgroups_of_containers() { find /sys/fs/cgroup -type d 2>/dev/null | grep -E '[0-9a-f]{64}' | sort || true; }
cgroups_of_containers > "$work/cgroups.before"

title "an image, made here from Debian's busybox-static, with tar alone"
run 0 "scripts/busybox-image.sh $work/busybox.tar && tar -tf $work/busybox.tar"
run 0 "brig load -i $work/busybox.tar"; says busybox:latest
run 0 "brig images"; says '^busybox +latest'

title "the first container; there is no daemon"
run 0 "brig run --rm busybox echo hello from a container"; says '^hello from a container$'
run 0 "printf 'pear\napple\n' | brig run --rm -i busybox sh -c 'sort | tr a-z A-Z'"; says '^APPLE$'
run 7 "brig run --rm busybox sh -c 'exit 7'"
run 127 "brig run --rm busybox no-such-command"
run 0 "script -qec \"brig run --rm -it busybox sh -c 'tty; ps'\" /dev/null"; says '/dev/(pts/|console)'

title "in the background: logs, then an exec"
run 0 "brig run -d --name counter busybox sh -c 'for i in 1 2 3; do echo line \$i; sleep 1; done'"
run 0 "brig logs -f counter"; says '^line 3$'
run 0 "brig wait counter"; says '^0$'
run 0 "brig run -d --name web -e GREETING=hi busybox sh -c 'mkdir /www; echo \$GREETING > /www/index.html; exec httpd -f -p 8080 -h /www'"
run 0 "for i in \$(seq 50); do brig exec web wget -qO- http://127.0.0.1:8080/ 2>/dev/null && break; sleep 0.1; done"; says '^hi$'
run 0 "brig exec web ps"; says httpd

title "limits, from inside and from the host"
run 0 "brig run -d --name small --memory 32m --pids-limit 20 --cpus 0.5 busybox sleep 1000"
run 0 "brig exec small sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max cpu.max 2>/dev/null || cat memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us'"; says '^33554432$'
pid=$(brig inspect -f '{{.State.Pid}}' small)
run 0 "cat $(cgroup_file memory memory.limit_in_bytes memory.max "$pid")"; says '^33554432$'
run 0 "cat $(cgroup_file pids pids.max pids.max "$pid")"; says '^20$'
run 0 "cat $(cgroup_file cpu cpu.cfs_quota_us cpu.max "$pid")"; says '^50000'
run 2 "brig run --rm --pids-limit 20 busybox sh -c 'i=0; while [ \$i -lt 40 ]; do sleep 9 & i=\$((i+1)); done'"; says "can't fork"
run 137 "brig run --rm --memory 16m busybox dd if=/dev/zero of=/dev/null bs=64M count=1"

title "what isolates it: namespaces, host on the left"
run 0 "for n in cgroup ipc mnt net pid user uts; do printf '%-7s %-24s %s\n' \$n \"\$(readlink /proc/self/ns/\$n)\" \"\$(brig exec small readlink /proc/self/ns/\$n)\"; done"
awk '$2 == $3 || $3 == "" { print "shared: " $1; bad = 1 } END { exit bad }' "$out" || fail "a namespace is shared with the host"
title "root inside, nobody outside"
run 0 "brig exec small sh -c 'id -u; cat /proc/self/uid_map'"; says '^0$'
run 0 "stat -c 'the same process on the host: uid %u' /proc/$pid"
says 'uid [1-9][0-9]+$'
title "capabilities, seccomp (mode 2: a filter), what is masked"
run 0 "brig exec small grep -E '^(CapEff|CapBnd|Seccomp):' /proc/self/status"; says 'Seccomp:.*2$'
run 0 "brig exec small sh -c 'for f in kcore keys timer_list; do [ ! -e /proc/\$f ] || echo \$f: \$(head -c 9 /proc/\$f | wc -c) bytes; done'"
! grep -v ' 0 bytes$' "$out" || fail "a kernel file that should be masked can be read"
run 1 "brig exec small sh -c 'echo x > /proc/sys/kernel/core_pattern'"; says 'Read-only|denied'
run 1 "brig exec small mount -t tmpfs none /tmp"; says 'denied|not permitted'
run 0 "brig exec small ls /dev"; says 'null'

title "the whole list, then the end of it"
run 0 "brig ps -a"; says 'counter'
run 0 "brig stop -t 1 small web"
run 0 "brig rm small web counter"
run 0 "brig ps -aq | wc -l"; says '^0$'
run 0 "brig rmi busybox"

title "nothing is left"
run 1 "cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c $work"; says '^0$'
run 1 "pgrep -af $work/run"
cgroups_of_containers > "$work/cgroups.after"
run 0 "comm -13 $work/cgroups.before $work/cgroups.after | wc -l"; says '^0$'
run 0 "find $BRIG_ROOT/containers $BRIG_RUN/containers -mindepth 1 2>/dev/null | wc -l"; says '^0$'
printf '\ndemo: every step did what it said\n'
