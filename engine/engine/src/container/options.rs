// SPDX-License-Identifier: Apache-2.0
//! What a user can ask of a container, typed; kept in its record.
//!
//! Invariants: no defaults of the host or of the image in here, and nothing that a user did not
//! say; `container::create` merges it with the image.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that `run` and `create` accept, front ends alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// Command and arguments after the image's name.
    pub command: Vec<String>,
    /// Replaces the image's entry point; an empty list removes it.
    pub entrypoint: Option<Vec<String>>,
    /// `NAME=value`, or `NAME` alone to remove what the image sets.
    pub env: Vec<String>,
    /// Labels besides the image's.
    pub labels: BTreeMap<String, String>,
    /// Working directory, absolute; empty: the image's.
    pub workdir: String,
    /// `user[:group]`, names or numbers; empty: the image's.
    pub user: String,
    /// Further groups, names or numbers.
    pub group_add: Vec<String>,
    /// Host name; empty: the short id.
    pub hostname: String,
    /// Whether the process has a pseudo terminal.
    pub terminal: bool,
    /// Rows and columns of the terminal at its start, if the user has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub console_size: Option<(u16, u16)>,
    /// Whether stdin stays open.
    pub stdin_open: bool,
    /// Whether the end of the first client's stdin closes the container's.
    pub stdin_once: bool,
    /// Signal that `stop` sends first; empty: the image's, else SIGTERM.
    pub stop_signal: String,
    /// Seconds that `stop` waits before it kills.
    pub stop_timeout_s: Option<u32>,
    /// Bind mounts and temporary file systems.
    pub mounts: Vec<MountRequest>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Limits.
    pub resources: ResourceOptions,
    /// Capabilities to add, Docker's spelling (`NET_RAW`, `ALL`).
    pub cap_add: Vec<String>,
    /// Capabilities to drop.
    pub cap_drop: Vec<String>,
    /// System call filter.
    pub seccomp: SeccompChoice,
    /// Whether `exec` may gain privileges (set-user-id programs work).
    pub allow_new_privileges: bool,
    /// Whether the container is Docker's `--privileged`.
    pub privileged: bool,
    /// Network.
    pub network: NetworkMode,
    /// Whether the container shares the host's user namespace.
    pub userns_host: bool,
    /// Resource limits of the process.
    pub ulimits: Vec<Ulimit>,
    /// Name or path of the runtime; absent: the default one.
    pub runtime: Option<String>,
    /// Whether the container is removed when it ends.
    pub auto_remove: bool,
    /// Cgroup below which the container's is made.
    pub cgroup_parent: Option<String>,
    /// Size of `/dev/shm`, bytes.
    pub shm_size_bytes: Option<u64>,
    /// Log driver; absent: the configured one.
    pub log_driver: Option<String>,
    /// Options of the log driver.
    pub log_opts: BTreeMap<String, String>,
    /// Lines for `/etc/hosts`, `name:address`.
    pub extra_hosts: Vec<String>,
}

/// One mount that a user asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum MountRequest {
    /// A directory or file of the host.
    #[serde(rename_all = "camelCase")]
    Bind {
        /// Absolute path on the host.
        source: String,
        /// Absolute path in the container.
        target: String,
        /// Whether writing is forbidden.
        read_only: bool,
        /// Propagation, such as `rslave`; empty: `rprivate`.
        propagation: String,
        /// Whether a missing source is made as a directory (`-v`, not `--mount`).
        create_source: bool,
        /// Whether ids are taken as they are on disk although the container has its own range.
        no_id_map: bool,
    },
    /// A temporary file system.
    #[serde(rename_all = "camelCase")]
    Tmpfs {
        /// Absolute path in the container.
        target: String,
        /// Mount options, comma-separated words such as `size=64m`.
        options: Vec<String>,
    },
}

impl MountRequest {
    /// Returns the path in the container.
    #[must_use]
    pub fn target(&self) -> &str {
        match self {
            Self::Bind { target, .. } | Self::Tmpfs { target, .. } => target,
        }
    }
}

/// Limits on the container's cgroup; absent: not limited, or brig's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceOptions {
    /// Memory, bytes.
    pub memory_bytes: Option<i64>,
    /// Memory and swap together, bytes; -1: unlimited.
    pub memory_swap_bytes: Option<i64>,
    /// Soft limit of memory, bytes.
    pub memory_reservation_bytes: Option<i64>,
    /// CPUs, in units of 10^-9.
    pub nano_cpus: Option<i64>,
    /// Relative weight.
    pub cpu_shares: Option<u64>,
    /// CPU list.
    pub cpuset_cpus: String,
    /// Memory node list.
    pub cpuset_mems: String,
    /// Tasks; -1 or 0: unlimited; absent: brig's default.
    pub pids_limit: Option<i64>,
}

/// Which system call filter applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "profile")]
pub enum SeccompChoice {
    /// brig's own for the container's capabilities.
    #[default]
    Default,
    /// None at all.
    Unconfined,
    /// A profile in the OCI or Docker form, its JSON text.
    Profile(String),
}

/// Network of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// A network namespace with a loopback device only.
    #[default]
    None,
    /// The host's network namespace.
    Host,
}

impl NetworkMode {
    /// Returns Docker's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
        }
    }
}

/// One `--ulimit`; -1 means unlimited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ulimit {
    /// Name without `RLIMIT_`, lower case, such as `nofile`.
    pub name: String,
    /// Soft limit.
    pub soft: i64,
    /// Hard limit.
    pub hard: i64,
}
