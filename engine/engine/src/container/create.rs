// SPDX-License-Identifier: Apache-2.0
//! What a container will be: a pure function of request, image and facts.
//!
//! Invariants: no I/O, no clock, no randomness; whatever comes from outside is in [`Facts`].
//! Image metadata selects no host path, device, mount option or privilege.

use super::idmap::mappings;
use super::options::{NetworkMode, Options};
use super::record::{ContainerRecord, IDS_PER_SLOT, VERSION};
use crate::error::{Error, Result};
use crate::runtimes::OWN_RUNTIME;
use crate::spec::{mounts, network, process, resources, security, user};
use crate::{signal, size};
use brig_policy::caps::CapSet;
use brig_spec::digest::Digest;
use brig_spec::image::ContainerConfig;
use brig_spec::runtime::{ConsoleSize, Linux, Namespace, Process, Root, Spec};
use std::collections::BTreeMap;
use std::path::Path;

/// Version of the OCI runtime specification that `config.json` follows: the oldest that has all
/// its fields, since older runtimes (crun 1.8) refuse a later one.
const OCI_VERSION: &str = "1.1.0";
/// Seconds that `stop` waits unless told otherwise.
const STOP_TIMEOUT_S: u32 = 10;
/// Longest host name, the kernel's limit.
const HOSTNAME_BYTES_MAX: usize = 64;
/// Bounds of the log unless told otherwise.
const LOG_SIZE_BYTES: u64 = 10 * 1024 * 1024;
const LOG_FILES: u32 = 5;

/// What a user asks of the engine.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// Image: name, id or id prefix.
    pub image: String,
    /// Name of the container; absent: a generated one.
    pub name: Option<String>,
    /// Everything else.
    pub options: Options,
}

/// The image, as far as a container depends on it.
#[derive(Debug, Clone, Copy)]
pub struct ImageFacts<'a> {
    /// Its id.
    pub id: Digest,
    /// Its configuration.
    pub config: &'a ContainerConfig,
    /// Layers, top first.
    pub layers: &'a [Digest],
    /// Their directories, top first.
    pub lower: &'a [String],
    /// Highest user and group id that owns a file.
    pub ids_max: (u32, u32),
    /// `/etc/passwd` of its merged view.
    pub passwd: &'a str,
    /// `/etc/group` of its merged view.
    pub group: &'a str,
}

/// The runtime that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenRuntime {
    /// Name, such as `brig-oci`.
    pub name: String,
    /// Absolute path.
    pub path: String,
    /// Arguments before the verb.
    pub args: Vec<String>,
}

/// What the machine and the engine's configuration say.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Id of the new container.
    pub id: &'a str,
    /// Its reserved name.
    pub name: &'a str,
    /// Now, RFC 3339 with nanoseconds, UTC.
    pub created_at: &'a str,
    /// Its directory.
    pub container_dir: &'a Path,
    /// Mount point of its root file system.
    pub rootfs_path: &'a Path,
    /// Its reserved slot of ids.
    pub id_slot: Option<u32>,
    /// Its runtime.
    pub runtime: &'a ChosenRuntime,
    /// Cgroup below which its own is made, absolute.
    pub cgroup_parent: &'a str,
    /// Configured log driver.
    pub log_driver: &'a str,
    /// Configured options of the log driver.
    pub log_opts: &'a BTreeMap<String, String>,
    /// Number of CPUs of the machine.
    pub cpus: u32,
    /// Host name of the machine.
    pub host_name: &'a str,
    /// Name files of the machine.
    pub host_files: &'a network::HostFiles,
    /// Capabilities that the engine itself could hand out, for `--privileged`.
    pub available_caps: CapSet,
    /// What the system call filter depends on.
    pub filter: security::FilterFacts,
    /// Device nodes of the machine, for `--privileged`.
    pub devices: &'a [brig_spec::runtime::Device],
}

/// Everything that is written when the container is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// `record.json`.
    pub record: ContainerRecord,
    /// `bundle/config.json`.
    pub spec: Spec,
    /// Name files.
    pub name_files: network::NameFiles,
}

/// Plans a container.
///
/// # Errors
/// When request, image and facts do not go together.
pub fn plan(request: &RunRequest, image: ImageFacts<'_>, facts: Facts<'_>) -> Result<Plan> {
    let options = &request.options;
    let config = process::merge(image.config, options);
    let hostname = hostname(options, facts)?;
    let args = process::args(&config)?;
    let spec = spec(options, &config, &hostname, &args, image, facts)?;
    let (log_size_bytes_max, log_files_max) = log_bounds(options, facts)?;
    let record = ContainerRecord {
        version: VERSION,
        id: facts.id.to_owned(),
        name: facts.name.to_owned(),
        renaming: None,
        created_at: facts.created_at.to_owned(),
        image: request.image.clone(),
        image_id: image.id,
        layers: image.layers.to_vec(),
        lower: image.lower.to_vec(),
        options: options.clone(),
        path: args[0].clone(),
        args: args[1..].to_vec(),
        hostname: hostname.clone(),
        id_slot: facts.id_slot,
        runtime_path: facts.runtime.path.clone(),
        runtime_args: facts.runtime.args.clone(),
        runtime_name: facts.runtime.name.clone(),
        cgroups_path: cgroups_path(options, facts),
        log_driver: log_driver(options, facts)?,
        log_size_bytes_max,
        log_files_max,
        stop_signal: config.stop_signal.as_deref().map_or(Ok(signal::TERM), signal::parse)?,
        stop_timeout_s: stop_timeout_s(options, &config),
        config,
        extra: serde_json::Map::new(),
    };
    let name_files =
        network::name_files(options.network, &hostname, &options.extra_hosts, facts.host_files);
    Ok(Plan { record, spec, name_files })
}

fn spec(
    options: &Options,
    config: &ContainerConfig,
    hostname: &str,
    args: &[String],
    image: ImageFacts<'_>,
    facts: Facts<'_>,
) -> Result<Spec> {
    check_ids(image, facts)?;
    let identity = user::resolve(&config.user, &options.group_add, image.passwd, image.group)?;
    let id_map = mappings(facts.id_slot);
    let security = security::policy(options, identity.uid, facts.available_caps, facts.filter)?;
    let process = Process {
        terminal: options.terminal,
        console_size: options.console_size.map(|(height, width)| ConsoleSize { height, width }),
        user: identity.to_user(),
        args: args.to_vec(),
        env: process::env(config, hostname, options.terminal, &identity.home)?,
        cwd: process::cwd(config, &options.workdir)?,
        capabilities: Some(security.capabilities),
        rlimits: resources::process_rlimits(&options.ulimits),
        no_new_privileges: security.no_new_privileges,
        ..Process::default()
    };
    let mount_facts = mounts::MountFacts { container_dir: facts.container_dir, id_map: &id_map };
    let linux = Linux {
        resources: Some(resources::resources(&options.resources, options.privileged, facts.cpus)?),
        cgroups_path: cgroups_path(options, facts),
        namespaces: namespaces(options.network, !id_map.is_empty()),
        uid_mappings: id_map.clone(),
        gid_mappings: id_map.clone(),
        seccomp: security.seccomp,
        masked_paths: security.masked_paths,
        readonly_paths: security.readonly_paths,
        devices: if options.privileged { facts.devices.to_vec() } else { Vec::new() },
        sysctl: sysctl(options, facts)?,
        ..Linux::default()
    };
    Ok(Spec {
        oci_version: OCI_VERSION.to_owned(),
        process: Some(process),
        root: Some(Root {
            path: facts.rootfs_path.to_string_lossy().into_owned(),
            readonly: options.read_only,
        }),
        hostname: hostname.to_owned(),
        mounts: mounts::mounts(options, mount_facts)?,
        linux: Some(linux),
        ..Spec::default()
    })
}

/// Limits on nested namespaces (runc and crun refuse parameters of a user namespace), and the
/// network's own parameters.
fn sysctl(options: &Options, facts: Facts<'_>) -> Result<BTreeMap<String, String>> {
    let mut parameters = match facts.id_slot.is_some() && facts.runtime.name == OWN_RUNTIME {
        true => security::namespace_limits(options)?,
        false => BTreeMap::new(),
    };
    if options.network != NetworkMode::Host {
        parameters.extend(network::parameters());
    }
    Ok(parameters)
}

/// An id beyond the range would show as nobody's and could not be changed back.
fn check_ids(image: ImageFacts<'_>, facts: Facts<'_>) -> Result<()> {
    let highest = image.ids_max.0.max(image.ids_max.1);
    if facts.id_slot.is_none() || highest < IDS_PER_SLOT {
        return Ok(());
    }
    Err(Error::invalid(
        format!(
            "the image has files owned by id {highest}, beyond the {IDS_PER_SLOT} ids of a \
             container's own range"
        ),
        "use `--userns host`",
    ))
}

fn namespaces(network: NetworkMode, user: bool) -> Vec<Namespace> {
    let mut kinds = vec!["mount", "uts", "ipc", "pid", "cgroup"];
    if network != NetworkMode::Host {
        kinds.push("network");
    }
    if user {
        kinds.push("user");
    }
    kinds.into_iter().map(|kind| Namespace { kind: kind.to_owned(), path: String::new() }).collect()
}

fn hostname(options: &Options, facts: Facts<'_>) -> Result<String> {
    if options.hostname.is_empty() {
        return Ok(match options.network {
            NetworkMode::Host => facts.host_name.to_owned(),
            NetworkMode::None => facts.id[..12].to_owned(),
        });
    }
    let fits = options.hostname.len() <= HOSTNAME_BYTES_MAX
        && options.hostname.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        && !options.hostname.starts_with(['-', '.']);
    if fits {
        return Ok(options.hostname.clone());
    }
    Err(Error::invalid(
        format!("invalid hostname: {}", options.hostname.escape_debug()),
        "use letters, digits, `-` and `.`, 64 at most",
    ))
}

/// The parent is the user's or the configuration's: a plain path below each hierarchy.
fn cgroups_path(options: &Options, facts: Facts<'_>) -> String {
    let parent = options.cgroup_parent.as_deref().unwrap_or(facts.cgroup_parent);
    let parent = parent.trim_matches('/');
    format!("/{parent}/{}", facts.id)
}

/// Checks a cgroup parent: absolute, no `..`, not the root.
///
/// # Errors
/// [`Error::Invalid`] naming the parent.
pub fn validate_cgroup_parent(parent: &str) -> Result<()> {
    let mut parts = parent.trim_matches('/').split('/');
    let fits = parent.starts_with('/')
        && parts.all(|p| !p.is_empty() && p != "." && p != ".." && !p.contains('\0'));
    if fits {
        return Ok(());
    }
    Err(Error::invalid(
        format!("invalid cgroup parent `{}`", parent.escape_debug()),
        "give an absolute path such as `/brig`",
    ))
}

fn log_driver(options: &Options, facts: Facts<'_>) -> Result<String> {
    let driver = options.log_driver.as_deref().unwrap_or(facts.log_driver);
    match driver {
        "json-file" | "none" => Ok(driver.to_owned()),
        _ => Err(Error::invalid(
            format!("unknown log driver `{}`", driver.escape_debug()),
            "use `json-file` or `none`",
        )),
    }
}

fn log_bounds(options: &Options, facts: Facts<'_>) -> Result<(u64, u32)> {
    let (mut bytes, mut files) = (LOG_SIZE_BYTES, LOG_FILES);
    for (key, value) in facts.log_opts.iter().chain(&options.log_opts) {
        let bad = || {
            Error::invalid(
                format!("invalid log option `{}={}`", key.escape_debug(), value.escape_debug()),
                "known are `max-size=SIZE` and `max-file=COUNT`",
            )
        };
        match key.as_str() {
            "max-size" => {
                bytes =
                    u64::try_from(size::parse(value)?).ok().filter(|&n| n > 0).ok_or_else(bad)?;
            }
            "max-file" => files = value.parse().ok().filter(|&n| n > 0).ok_or_else(bad)?,
            _ => return Err(bad()),
        }
    }
    Ok((bytes, files))
}

fn stop_timeout_s(options: &Options, config: &ContainerConfig) -> u32 {
    let image = config.stop_timeout.and_then(|seconds| u32::try_from(seconds).ok());
    options.stop_timeout_s.or(image).unwrap_or(STOP_TIMEOUT_S)
}

#[cfg(test)]
mod tests;
