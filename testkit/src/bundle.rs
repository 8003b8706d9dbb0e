// SPDX-License-Identifier: Apache-2.0
//! A bundle: a root file system that holds just the probe, and a config.json to edit.

use crate::{TestRoot, binaries};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the probe is inside.
pub const PROBE: &str = "/probe";

/// A bundle. Edit [`Bundle::config`]; it is written when a runtime is called.
#[derive(Debug)]
pub struct Bundle {
    /// The config.json.
    pub config: Value,
    name: String,
    dir: PathBuf,
}

impl Bundle {
    /// Makes one below `root`.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(root: &TestRoot, name: &str) -> Self {
        let dir = root.path(name);
        let config = base(&format!("{}/{name}", root.cgroup_parent()));
        let bundle = Self { config, name: name.to_owned(), dir };
        fs::DirBuilder::new().mode(0o711).create(&bundle.dir).expect("the name is new");
        fs::create_dir(bundle.rootfs()).expect("the bundle is new");
        for directory in ["proc", "sys", "dev", "etc", "tmp"] {
            bundle.mkdir(directory);
        }
        // By another process: a descriptor open for writing here could be inherited by a child of
        // another test's thread for a moment, and executing the file fails meanwhile (ETXTBSY).
        let copied = Command::new("cp").arg(binaries::probe()).arg(bundle.inside("probe")).status();
        assert!(copied.is_ok_and(|status| status.success()), "cannot copy the probe");
        bundle
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its name, also that of its cgroup.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its root file system.
    #[must_use]
    pub fn rootfs(&self) -> PathBuf {
        self.dir.join("rootfs")
    }

    /// The host's path of a file inside.
    #[must_use]
    pub fn inside(&self, path: &str) -> PathBuf {
        self.rootfs().join(path.trim_start_matches('/'))
    }

    /// Makes a directory inside, with its parents.
    ///
    /// # Panics
    /// When it cannot.
    pub fn mkdir(&self, path: &str) -> PathBuf {
        let path = self.inside(path);
        fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Writes a file inside.
    ///
    /// # Panics
    /// When it cannot.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.inside(path);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Makes a symbolic link inside, in place of an empty directory or file if need be.
    ///
    /// # Panics
    /// When it cannot.
    pub fn symlink(&self, path: &str, target: impl AsRef<Path>) {
        let path = self.inside(path);
        drop(fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)));
        symlink(target, &path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Sets the command: the probe with these arguments.
    pub fn probe(&mut self, args: &[&str]) {
        let words: Vec<&str> = std::iter::once(PROBE).chain(args.iter().copied()).collect();
        self.config["process"]["args"] = json!(words);
    }

    /// Adds a mount.
    pub fn mount(&mut self, mount: Value) {
        push(&mut self.config["mounts"], mount);
    }

    /// Adds a bind mount of a host path.
    pub fn bind(&mut self, source: &Path, destination: &str, options: &[&str]) {
        let options: Vec<&str> = ["bind"].iter().chain(options).copied().collect();
        self.mount(json!({"destination": destination, "type": "bind", "source": source, "options": options}));
    }

    /// Removes the mount on `destination`.
    pub fn unmount(&mut self, destination: &str) {
        if let Some(mounts) = self.config["mounts"].as_array_mut() {
            mounts.retain(|mount| mount["destination"] != destination);
        }
    }

    /// Adds a new namespace, or with a path one to join; replaces one of the same type.
    pub fn namespace(&mut self, kind: &str, path: Option<&str>) {
        self.without_namespace(kind);
        let mut entry = json!({"type": kind});
        if let Some(path) = path {
            entry["path"] = json!(path);
        }
        push(&mut self.config["linux"]["namespaces"], entry);
    }

    /// Shares a namespace with the host.
    pub fn without_namespace(&mut self, kind: &str) {
        if let Some(list) = self.config["linux"]["namespaces"].as_array_mut() {
            list.retain(|namespace| namespace["type"] != kind);
        }
    }

    /// A user namespace of its own: `count` ids from `host_id` on are 0, 1, .. inside; the root
    /// file system belongs to its root.
    ///
    /// # Panics
    /// When the files cannot be given away.
    pub fn user_namespace(&mut self, host_id: u32, count: u32) {
        self.namespace("user", None);
        let map = json!([{"containerID": 0, "hostID": host_id, "size": count}]);
        self.config["linux"]["uidMappings"] = map.clone();
        self.config["linux"]["gidMappings"] = map;
        chown_tree(&self.rootfs(), host_id);
    }

    /// Sets a hook; several of one kind run in order.
    pub fn hook(&mut self, kind: &str, hook: Value) {
        push(&mut self.config["hooks"][kind], hook);
    }

    /// Writes config.json.
    ///
    /// # Panics
    /// When it cannot.
    pub fn save(&self) {
        let text = serde_json::to_string_pretty(&self.config).expect("a JSON value can be written");
        fs::write(self.dir.join("config.json"), text).expect("the bundle can be written");
    }
}

/// Appends to a list, which is made if need be.
pub fn push(list: &mut Value, item: Value) {
    if !list.is_array() {
        *list = json!([]);
    }
    list.as_array_mut().expect("it is one now").push(item);
}

fn chown_tree(path: &Path, id: u32) {
    std::os::unix::fs::lchown(path, Some(id), Some(id)).expect("root may give files away");
    if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir()) {
        for entry in fs::read_dir(path).expect("readable").flatten() {
            chown_tree(&entry.path(), id);
        }
    }
}

/// What `runc spec` writes, without a terminal, a read-only root, ambient capabilities and the
/// mount of cgroups (which takes as long as the rest).
fn base(cgroup: &str) -> Value {
    let capabilities = json!(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": [PROBE],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
            },
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}],
            "noNewPrivileges": true,
        },
        "root": {"path": "rootfs", "readonly": false},
        "hostname": "testing",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
             "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
             "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
             "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
             "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["nosuid", "noexec", "nodev", "ro"]},
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "resources": {"devices": [{"allow": false, "access": "rwm"}]},
            "namespaces": [
                {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"},
                {"type": "mount"},
            ],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
                "/proc/scsi",
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        },
    })
}
