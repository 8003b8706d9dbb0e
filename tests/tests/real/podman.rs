// SPDX-License-Identifier: Apache-2.0
//! Debian's podman with `brig-oci` as its runtime.

use brig_testkit::{TestRoot, binaries, needs};
use std::fs;
use std::time::Duration;

/// Run in namespaces of its own by one shell: podman's mounts are seen by its next command only
/// there. Each line of output is judged.
const SESSION: &str = r#"
mount -t tmpfs none /run
mkdir -p /var/lib/containers && mount -t tmpfs none /var/lib/containers
ip link set lo up
p() { timeout 30 podman --runtime "$OCI" "$@"; }
in="--cgroup-parent $PARENT/podman --network none"
p load -qi "$ARCHIVE" >/dev/null
p run --rm $in busybox echo hello
echo input | p run --rm -i $in busybox cat
p run --rm $in busybox sh -c 'exit 7' || echo "exit $?"
p run --rm $in busybox no-such-command 2>/dev/null || echo "missing $?"
p run --rm $in busybox /etc 2>/dev/null || echo "directory $?"
p run --rm $in --memory 64m --pids-limit 30 --cap-drop all --read-only -u nobody busybox sh -c \
    'id -u; grep CapEff /proc/self/status; touch /x 2>/dev/null || echo read-only'
p run -d --name service $in --memory 64m busybox sh -c 'trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
until p logs service | grep -q up; do sleep 0.05; done
p exec -u nobody -w /tmp -e A=b service sh -c 'echo $(id -u) $(pwd) $A'
p exec service sh -c 'exit 9' || echo "exec $?"
p pause service >/dev/null; p ps -a --format '{{.Names}} {{.Status}}'; p unpause service >/dev/null
p update --memory 48m service >/dev/null
p inspect -f '{{.State.Status}} {{.OCIRuntime}}' service | sed "s|$OCI|brig-oci|"
p stop -t 10 service >/dev/null; p inspect -f 'stopped with {{.State.ExitCode}}' service; p logs service
p start service >/dev/null; p kill service >/dev/null; p wait service
p rm service >/dev/null
p ps -aq
ls -A /run/brig-oci
find /sys/fs/cgroup -depth -type d -path "*$PARENT/podman*" -exec rmdir {} +
"#;

const EXPECTED: &str = "hello\ninput\nexit 7\nmissing 127\ndirectory 126\n65534\n\
    CapEff:\t0000000000000000\nread-only\n65534 /tmp b\nexec 9\nservice Paused\n\
    running brig-oci\nstopped with 5\nup\nbye\n137\n";

/// A hard limit that the machine's root cannot raise is not asked for.
fn write_configuration(root: &TestRoot) {
    let dir = root.dir().display();
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    let files = files.map_or(1_048_576, |maximum| maximum.min(1_048_576));
    // Podman's own monitor has 32768 at most.
    let processes = 30_000;
    let containers = format!(
        "[containers]\ndefault_ulimits = [\"nofile={files}:{files}\",\"nproc={processes}:{processes}\"]\n\
         [engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\ntmp_dir = \"{dir}/tmp\"\n\
         [network]\nnetwork_config_dir = \"{dir}/net\"\n"
    );
    fs::write(root.path("containers.conf"), containers).expect("the root takes files");
    let storage = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{dir}/graph\"\nrunroot = \"{dir}/runroot\"\n"
    );
    fs::write(root.path("storage.conf"), storage).expect("the root takes files");
}

#[test]
fn podman_drives_the_runtime() {
    needs!(root, brig_oci, busybox, podman, unshare, ip);
    let root = TestRoot::new();
    write_configuration(&root);
    let archive = super::busybox_archive(&root);
    let session = root.invocation("unshare").args(["--net", "--mount", "--propagation", "private"]);
    let session = session
        .args(["bash", "-euo", "pipefail", "-c", SESSION])
        .env("OCI", binaries::require("brig-oci"))
        .env("ARCHIVE", archive)
        .env("PARENT", root.cgroup_parent())
        .env("CONTAINERS_CONF", root.path("containers.conf"))
        .env("CONTAINERS_STORAGE_CONF", root.path("storage.conf"))
        .timeout(Duration::from_secs(60));
    let output = session.output().ok();
    assert_eq!(output.stdout(), EXPECTED, "{output}");
    root.finish();
}
