// SPDX-License-Identifier: Apache-2.0
//! The contract between the engine and `brig-monitor`: launch record, status record, wire frames.
//!
//! The engine writes `launch.json` into the container's run directory, starts
//! `brig-monitor DIR` and reads events from an inherited descriptor. The monitor alone writes
//! `status.json`. Each record carries `version`; a reader of N reads N-1.

use crate::runtime::IdMapping;
use serde::{Deserialize, Serialize};

/// Version of the records and of the wire protocol.
pub const VERSION: u32 = 1;

/// File names inside a container's run directory (`BRIG_RUN/containers/<id>/`).
pub mod run_files {
    /// Launch record, written by the engine before the monitor starts.
    pub const LAUNCH: &str = "launch.json";
    /// Lock file, flock-ed exclusively by the monitor for its whole life.
    pub const LOCK: &str = "monitor.lock";
    /// Unix stream socket for attach clients and control; bound and connected through
    /// `/proc/self/fd/N/` because the full path may exceed 108 bytes.
    pub const SOCKET: &str = "attach.sock";
    /// Mount point of the root file system inside the monitor's private mount namespace.
    pub const ROOTFS: &str = "rootfs";
}

/// Everything a monitor needs to run one container once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Launch {
    /// [`VERSION`].
    pub version: u32,
    /// Container id, 64 hexadecimal digits.
    pub id: String,
    /// OCI bundle directory, holding `config.json` whose `root.path` is [`Launch::rootfs_path`].
    pub bundle: String,
    /// Mount point for [`Rootfs::Overlay`], or the directory itself.
    pub rootfs_path: String,
    /// How the root file system comes about.
    pub rootfs: Rootfs,
    /// Absolute path of the OCI runtime.
    pub runtime: String,
    /// Arguments before the verb, such as `["--root", "/run/brig/oci"]`.
    pub runtime_args: Vec<String>,
    /// Whether the process has a pseudo terminal (`-t`).
    pub terminal: bool,
    /// Whether stdin stays open (`-i`); otherwise it is /dev/null.
    pub stdin_open: bool,
    /// Whether the first attach client's end of stdin closes the container's stdin.
    pub stdin_once: bool,
    /// Where output is logged.
    pub log: Log,
    /// Absolute path of `status.json`.
    pub status_path: String,
    /// Seconds; kept for `stop`.
    pub stop_timeout_s: u32,
    /// Directory to remove (renamed into `trash_dir` first) when the container ends: `--rm`.
    pub auto_remove: Option<AutoRemove>,
}

/// What auto-remove deletes after the end of the container.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoRemove {
    /// The container's directory below the data root.
    pub container_dir: String,
    /// Directory to rename it into, same file system; its leftovers are deleted by any later command.
    pub trash_dir: String,
    /// Further single files to unlink first (name reservation, id-map slot).
    pub files: Vec<String>,
}

/// How the root file system comes about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Rootfs {
    /// An overlay mounted by the monitor in its private mount namespace.
    #[serde(rename_all = "camelCase")]
    Overlay {
        /// Layer directories, top first, natural ids on disk.
        lower: Vec<String>,
        /// Writable directory, owned by the container's id range.
        upper: String,
        /// Overlay's work directory, beside `upper`.
        work: String,
        /// Id map by which the lower layers are idmapped; empty: none (host user namespace).
        uid_mappings: Vec<IdMapping>,
        /// Same for groups.
        gid_mappings: Vec<IdMapping>,
        /// Whether set-user-id bits and file capabilities are ignored; a file that carries a
        /// capability which the container lacks can then be executed all the same.
        #[serde(default)]
        nosuid: bool,
    },
    /// A directory used as it is.
    Directory,
}

/// Where the container's output is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// `json-file` (Docker's layout, one JSON object a line) or `none`.
    pub driver: String,
    /// Absolute path of the current file; rotated ones get `.1`, `.2`, ...
    pub path: String,
    /// Size after which the file is rotated, bytes.
    pub max_size_bytes: u64,
    /// Number of files kept, the current one included.
    pub max_files: u32,
}

/// What a container's monitor last knew. Written atomically, only by the monitor (and by the
/// engine at creation, before any monitor exists).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatusRecord {
    /// [`VERSION`].
    pub version: u32,
    /// Where the container is.
    pub phase: Phase,
    /// Host pid of the container's init while it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// Field 22 of `/proc/<pid>/stat`, to tell a reused pid, clock ticks since boot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_start_ticks: Option<u64>,
    /// `/proc/sys/kernel/random/boot_id` when `phase` was written.
    pub boot_id: String,
    /// Host pid of the monitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monitor_pid: Option<i32>,
    /// RFC 3339 with nanoseconds, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339 with nanoseconds, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// Exit code as Docker counts it: the code, or 128 + signal; 125, 126, 127 on a failed start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Whether the kernel's OOM killer struck inside the container.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub oom_killed: bool,
    /// Why the last start failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Log records lost to a full or broken disk in the last run; known at its end.
    #[serde(skip_serializing_if = "is_zero")]
    pub log_records_dropped: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Phase of a container, from the monitor's point of view.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Recorded, never started.
    #[default]
    Created,
    /// A monitor is preparing it.
    Starting,
    /// The user's process runs.
    Running,
    /// The user's process ended, or the start failed after the runtime was called.
    Exited,
}

/// One line of JSON that a monitor writes to its event descriptor (fd 3), then closes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum StartEvent {
    /// The process runs.
    Started {
        /// Host pid of the container's init.
        pid: i32,
    },
    /// The start failed; everything half-made is gone again.
    #[serde(rename_all = "camelCase")]
    Failed {
        /// Docker's code: 125 engine, 126 not executable, 127 not found.
        exit_code: i32,
        /// One sentence: what failed, on which object, why.
        message: String,
        /// What to do about it, if known.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        hint: String,
    },
    /// Another monitor runs the container: one whose starter was killed before it heard of it.
    AlreadyRunning,
}

/// Frames on the attach socket: 8-byte header `[kind, 0, 0, 0, length big-endian u32]`, payload.
/// Kinds 0 to 2 are Docker's multiplexed stream.
pub mod frame {
    /// Client to monitor: bytes for stdin. Monitor to client: never.
    pub const STDIN: u8 = 0;
    /// Monitor to client: bytes of stdout (of the terminal with `-t`).
    pub const STDOUT: u8 = 1;
    /// Monitor to client: bytes of stderr.
    pub const STDERR: u8 = 2;
    /// Client to monitor: end of stdin, no payload.
    pub const STDIN_EOF: u8 = 16;
    /// Client to monitor: terminal size, payload rows u16 BE, columns u16 BE.
    pub const RESIZE: u8 = 17;
    /// Monitor to client: exit code, payload i32 BE; the last frame.
    pub const EXIT: u8 = 18;
    /// Client to monitor: which output it wants, payload one byte, bit 1 stdout, bit 2 stderr;
    /// both when never sent. A client that only waits for [`EXIT`] sends 0.
    pub const STREAMS: u8 = 19;
    /// Largest payload of one frame, bytes.
    pub const PAYLOAD_MAX: usize = 64 * 1024;
}
