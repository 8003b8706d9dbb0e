// SPDX-License-Identifier: Apache-2.0
//! Options of `run` and `create`: what was typed, and what it means to the engine.

mod client;
pub(crate) mod env;
mod mount;
mod request;
mod security;
mod ulimit;

pub(crate) use client::ClientArguments;
pub(crate) use request::request;

use clap::Args;
use std::path::PathBuf;

/// Options that `run` and `create` share.
#[derive(Debug, Clone, Default, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct ContainerArguments {
    /// Add a custom host-to-IP mapping (host:ip)
    #[arg(long, value_name = "HOST:IP")]
    pub(crate) add_host: Vec<String>,
    /// Add Linux capabilities
    #[arg(long, value_name = "CAP")]
    pub(crate) cap_add: Vec<String>,
    /// Drop Linux capabilities
    #[arg(long, value_name = "CAP")]
    pub(crate) cap_drop: Vec<String>,
    /// Cgroup below which the container's is made [default: /brig]
    #[arg(long, value_name = "PATH")]
    pub(crate) cgroup_parent: Option<String>,
    /// Write the container's id to a file
    #[arg(long, value_name = "FILE")]
    pub(crate) cidfile: Option<PathBuf>,
    /// CPU shares (relative weight)
    #[arg(short = 'c', long, value_name = "WEIGHT")]
    pub(crate) cpu_shares: Option<u64>,
    /// Number of CPUs
    #[arg(long, value_name = "DECIMAL")]
    pub(crate) cpus: Option<String>,
    /// CPUs in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub(crate) cpuset_cpus: String,
    /// Memory nodes in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "LIST", default_value = "", hide_default_value = true)]
    pub(crate) cpuset_mems: String,
    /// Overwrite the image's entry point
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    pub(crate) entrypoint: Option<String>,
    /// Set an environment variable; a name alone takes the caller's value
    #[arg(short, long, value_name = "NAME[=VALUE]", allow_hyphen_values = true)]
    pub(crate) env: Vec<String>,
    /// Read environment variables from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Add additional groups to join
    #[arg(long, value_name = "GROUP")]
    pub(crate) group_add: Vec<String>,
    /// Host name of the container
    #[arg(short = 'h', long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub(crate) hostname: String,
    /// Keep stdin open even if not attached
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Set a label
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    pub(crate) label: Vec<String>,
    /// Read labels from a file
    #[arg(long, value_name = "FILE")]
    pub(crate) label_file: Vec<PathBuf>,
    /// Log driver: json-file or none [default: json-file]
    #[arg(long, value_name = "DRIVER")]
    pub(crate) log_driver: Option<String>,
    /// Log driver options: max-size, max-file [default: 10m, 5]
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) log_opt: Vec<String>,
    /// Memory limit
    #[arg(short, long, value_name = "BYTES")]
    pub(crate) memory: Option<String>,
    /// Memory soft limit
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory_reservation: Option<String>,
    /// Limit of memory and swap together; -1 for unlimited swap
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) memory_swap: Option<String>,
    /// Attach a file system: type=bind|tmpfs,source=...,target=...[,readonly]
    #[arg(long, value_name = "MOUNT")]
    pub(crate) mount: Vec<String>,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Network: none or host
    #[arg(long, visible_alias = "net", value_name = "NETWORK", default_value = "none")]
    pub(crate) network: String,
    /// Limit on the number of tasks; -1 for unlimited [default: 4096]
    #[arg(long, value_name = "COUNT", allow_hyphen_values = true)]
    pub(crate) pids_limit: Option<i64>,
    /// Give extended privileges to this container: every capability, no filter, the host's ids
    #[arg(long)]
    pub(crate) privileged: bool,
    /// Pull the image: only `never` and `missing` of a loaded image work yet
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pub(crate) pull: String,
    /// Mount the container's root file system read-only
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Runtime: brig-oci, runc, crun, a configured name, or a path
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) runtime: Option<String>,
    /// Security options: seccomp=unconfined|FILE, no-new-privileges[=true|false] [default: true]
    #[arg(long, value_name = "OPTION")]
    pub(crate) security_opt: Vec<String>,
    /// Size of /dev/shm [default: 64m]
    #[arg(long, value_name = "BYTES")]
    pub(crate) shm_size: Option<String>,
    /// Signal to stop the container [default: the image's, or SIGTERM]
    #[arg(long, value_name = "SIGNAL", default_value = "", hide_default_value = true)]
    pub(crate) stop_signal: String,
    /// Seconds to wait before a stopped container is killed [default: 10]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) stop_timeout: Option<u32>,
    /// Mount a tmpfs directory: PATH[:OPTIONS]
    #[arg(long, value_name = "PATH")]
    pub(crate) tmpfs: Vec<String>,
    /// Allocate a pseudo terminal
    #[arg(short, long)]
    pub(crate) tty: bool,
    /// Resource limits of the process: NAME=SOFT[:HARD]
    #[arg(long, value_name = "LIMIT")]
    pub(crate) ulimit: Vec<String>,
    /// User name or id: USER[:GROUP]
    #[arg(
        short,
        long,
        value_name = "USER",
        default_value = "",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) user: String,
    /// User namespace: `host` shares the host's; otherwise the container has ids of its own
    #[arg(long, value_name = "MODE", default_value = "", hide_default_value = true)]
    pub(crate) userns: String,
    /// Bind mount a directory or file of the host: SOURCE:TARGET[:OPTIONS]
    #[arg(short, long, value_name = "VOLUME")]
    pub(crate) volume: Vec<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "DIR", default_value = "", hide_default_value = true)]
    pub(crate) workdir: String,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}
