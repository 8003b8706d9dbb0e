// SPDX-License-Identifier: Apache-2.0
//! The list of mounts: Docker's default ones, the name files, what the user asked for.
//!
//! Invariants: a user's mount replaces a default one with the same target; parents come before
//! children; a bind of host files gets the container's id map, so that ids on disk stay natural.

use crate::container::options::{MountRequest, NetworkMode, Options};
use crate::error::{Error, Result};
use crate::layout::files;
use brig_policy::masks;
use brig_spec::runtime::{IdMapping, Mount};
use std::path::Path;

/// What the list depends on besides the options.
#[derive(Debug, Clone, Copy)]
pub struct MountFacts<'a> {
    /// The container's directory, which holds the name files.
    pub container_dir: &'a Path,
    /// Id map of the container; empty: the host's user namespace.
    pub id_map: &'a [IdMapping],
}

/// Makes the mounts in order.
///
/// # Errors
/// When a target is not a path that can be mounted on, or is given twice.
pub fn mounts(options: &Options, facts: MountFacts<'_>) -> Result<Vec<Mount>> {
    let mut asked = Vec::new();
    for request in &options.mounts {
        let mount = user_mount(request, facts)?;
        if asked.iter().any(|m: &Mount| m.destination == mount.destination) {
            return Err(Error::invalid(
                format!("Duplicate mount point: {}", mount.destination),
                "mount one thing at one place",
            ));
        }
        asked.push(mount);
    }
    let mut list = defaults(options, facts);
    list.extend(name_file_mounts(facts));
    list.retain(|mount| !asked.iter().any(|m| m.destination == mount.destination));
    list.extend(asked);
    // Stable: among equals the order above stays.
    list.sort_by_key(|mount| mount.destination.split('/').filter(|s| !s.is_empty()).count());
    Ok(list)
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Mount {
    Mount {
        destination: destination.to_owned(),
        kind: kind.to_owned(),
        source: source.to_owned(),
        options: options.iter().map(|&option| option.to_owned()).collect(),
        ..Mount::default()
    }
}

fn defaults(options: &Options, facts: MountFacts<'_>) -> Vec<Mount> {
    let mut list = masks::default_mounts(options.shm_size_bytes.unwrap_or(masks::SHM_BYTES));
    // A user namespace may mount sysfs only with a network namespace of its own; with the host's
    // it gets the host's, read-only.
    if options.network == NetworkMode::Host && !facts.id_map.is_empty() {
        let flags = ["rbind", "rprivate", "nosuid", "noexec", "nodev", "ro", "rro"];
        list.retain(|m| m.destination != "/sys");
        list.push(mount("/sys", "bind", "/sys", &flags));
    }
    if options.privileged {
        for option in list.iter_mut().flat_map(|m| &mut m.options) {
            if option == "ro" {
                "rw".clone_into(option);
            }
        }
    }
    list
}

fn name_file_mounts(facts: MountFacts<'_>) -> Vec<Mount> {
    [
        ("/etc/resolv.conf", files::RESOLV_CONF),
        ("/etc/hostname", files::HOSTNAME),
        ("/etc/hosts", files::HOSTS),
    ]
    .into_iter()
    .map(|(target, name)| {
        let source = facts.container_dir.join(name);
        mount(target, "bind", &source.to_string_lossy(), &["rbind", "rprivate"])
    })
    .collect()
}

fn user_mount(request: &MountRequest, facts: MountFacts<'_>) -> Result<Mount> {
    let target = clean_target(request.target())?;
    match request {
        MountRequest::Tmpfs { options, .. } => {
            let mut words = vec!["noexec", "nosuid", "nodev"];
            for word in options.iter().map(String::as_str) {
                // The positive word takes the default back.
                words.retain(|w| *w != format!("no{word}"));
                words.push(word);
            }
            Ok(mount(&target, "tmpfs", "tmpfs", &words))
        }
        MountRequest::Bind { source, read_only, propagation, no_id_map, .. } => {
            let propagation =
                if propagation.is_empty() { "rprivate" } else { propagation.as_str() };
            let mut words = vec!["rbind", propagation];
            if *read_only {
                words.extend(["ro", "rro"]);
            }
            let mut made = mount(&target, "bind", source, &words);
            if !no_id_map {
                made.uid_mappings = facts.id_map.to_vec();
                made.gid_mappings = facts.id_map.to_vec();
            }
            Ok(made)
        }
    }
}

/// Cleans a target lexically: absolute, no `..` above the root, not the root itself.
fn clean_target(target: &str) -> Result<String> {
    let refuse = |why: &str| {
        Error::invalid(
            format!("invalid mount target `{}`: {why}", target.escape_debug()),
            "give an absolute path inside the container",
        )
    };
    if !target.starts_with('/') {
        return Err(refuse("mount path must be absolute"));
    }
    if target.bytes().any(|b| b == 0) {
        return Err(refuse("a path has no NUL"));
    }
    let mut parts = Vec::new();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    if parts.is_empty() {
        return Err(refuse("destination can't be '/'"));
    }
    Ok(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIR: &str = "/var/lib/brig/containers/x";

    fn facts(id_map: &[IdMapping]) -> MountFacts<'_> {
        MountFacts { container_dir: Path::new(DIR), id_map }
    }

    fn bind(target: &str, read_only: bool) -> MountRequest {
        MountRequest::Bind {
            source: "/srv".into(),
            target: target.into(),
            read_only,
            propagation: String::new(),
            create_source: true,
            no_id_map: false,
        }
    }

    fn targets(list: &[Mount]) -> Vec<&str> {
        list.iter().map(|m| m.destination.as_str()).collect()
    }

    #[test]
    fn mounts_by_default_are_dockers() {
        let list = mounts(&Options::default(), facts(&[])).unwrap();
        assert_eq!(
            targets(&list),
            [
                "/proc",
                "/dev",
                "/sys",
                "/dev/pts",
                "/dev/mqueue",
                "/dev/shm",
                "/etc/resolv.conf",
                "/etc/hostname",
                "/etc/hosts",
                "/sys/fs/cgroup",
            ]
        );
        assert_eq!(list[6].source, format!("{DIR}/resolv.conf"));
    }

    #[test]
    fn mounts_of_the_user_replace_defaults_and_come_after_parents() {
        let tmpfs =
            MountRequest::Tmpfs { target: "/dev/shm/".into(), options: vec!["exec".into()] };
        let options = Options {
            mounts: vec![bind("/a/b", true), bind("/a", false), tmpfs],
            ..Options::default()
        };
        let list = mounts(&options, facts(&[])).unwrap();
        let at = |target: &str| list.iter().position(|m| m.destination == target).unwrap();
        assert!(at("/a") < at("/a/b"));
        assert_eq!(list.iter().filter(|m| m.destination == "/dev/shm").count(), 1);
        assert_eq!(list[at("/dev/shm")].options, ["nosuid", "nodev", "exec"]);
        assert_eq!(list[at("/a/b")].options, ["rbind", "rprivate", "ro", "rro"]);
    }

    #[test]
    fn mounts_in_a_user_namespace_map_binds_of_the_user_only() {
        let map = [IdMapping { container_id: 0, host_id: 536_870_912, size: 65_536 }];
        let options = Options {
            mounts: vec![bind("/data", false)],
            network: NetworkMode::Host,
            ..Options::default()
        };
        let list = mounts(&options, facts(&map)).unwrap();
        let get = |target: &str| list.iter().find(|m| m.destination == target).unwrap();
        assert_eq!(get("/data").uid_mappings, map);
        assert!(get("/etc/hosts").uid_mappings.is_empty());
        assert_eq!(get("/sys").kind, "bind");
    }

    #[test]
    fn mounts_bad_targets_are_refused() {
        for target in ["", "data", "/", "/..", "/a/../..", "/a\0b"] {
            let options = Options { mounts: vec![bind(target, false)], ..Options::default() };
            assert!(mounts(&options, facts(&[])).is_err(), "{target:?}");
        }
        let options = Options {
            mounts: vec![bind("/a", false), bind("/b/../a", true)],
            ..Options::default()
        };
        let error = mounts(&options, facts(&[])).unwrap_err();
        assert_eq!(error.to_string(), "Duplicate mount point: /a");
    }
}
