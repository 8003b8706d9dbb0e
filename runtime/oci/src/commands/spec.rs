// SPDX-License-Identifier: Apache-2.0
//! `spec`: writes a `config.json` to start from.

use super::{Failure, Outcome};
use crate::arguments::{Arguments, switch, value};
use brig_report::{Kind, Report};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Newest version of the specification that this runtime knows.
pub(crate) const OCI_VERSION: &str = "1.2.1";

pub(super) fn run(words: &[String]) -> Outcome {
    let flags = [value("bundle", b'b'), switch("rootless", 0)];
    let arguments = Arguments::parse(words, &flags, None)?;
    if arguments.is_set("rootless") {
        let text = "`spec --rootless` is not supported by this release";
        return Err(Report::new(Kind::Unavailable, text).into());
    }
    let path = Path::new(arguments.get("bundle").unwrap_or(".")).join("config.json");
    let refused = |error: std::io::Error| -> Failure {
        let report = Report::new(Kind::Conflict, format!("create `{}`: {error}", path.display()));
        report.hint("an existing configuration is not overwritten").into()
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(refused)?;
    let text = serde_json::to_string_pretty(&document())
        .map_err(|error| Report::new(Kind::Internal, error.to_string()))?;
    file.write_all(text.as_bytes()).map_err(refused)?;
    Ok(0)
}

fn document() -> Value {
    let caps = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let namespaces =
        ["pid", "network", "ipc", "uts", "mount", "cgroup"].map(|kind| json!({ "type": kind }));
    json!({
        "ociVersion": OCI_VERSION,
        "process": {
            "terminal": true,
            "user": { "uid": 0, "gid": 0 },
            "args": ["sh"],
            "env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"
            ],
            "cwd": "/",
            "capabilities": { "bounding": caps, "effective": caps, "permitted": caps },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
            "noNewPrivileges": true
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "brig",
        "mounts": mounts(),
        "linux": {
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
            "namespaces": namespaces,
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
                "/proc/scsi"
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"
            ]
        }
    })
}

fn mounts() -> Value {
    json!([
        { "destination": "/proc", "type": "proc", "source": "proc" },
        { "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
          "options": ["nosuid", "strictatime", "mode=755", "size=65536k"] },
        { "destination": "/dev/pts", "type": "devpts", "source": "devpts",
          "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"] },
        { "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
          "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"] },
        { "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
          "options": ["nosuid", "noexec", "nodev"] },
        { "destination": "/sys", "type": "sysfs", "source": "sysfs",
          "options": ["nosuid", "noexec", "nodev", "ro"] },
        { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
          "options": ["nosuid", "noexec", "nodev", "relatime", "ro"] }
    ])
}
