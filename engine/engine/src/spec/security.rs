// SPDX-License-Identifier: Apache-2.0
//! Privileges: capabilities, system call filter, hidden and read-only kernel files.

use crate::container::options::{Options, SeccompChoice};
use crate::error::{Error, Result};
use brig_policy::caps::{CapSet, process_capabilities};
use brig_policy::masks;
use brig_policy::profile::{Circumstances, custom_seccomp, default_seccomp};
use brig_policy::seccomp::Arch;
use brig_spec::runtime::{Capabilities, Seccomp};
use std::collections::BTreeMap;

/// What a process may do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// Capability sets.
    pub capabilities: Capabilities,
    /// Whether `exec` gains nothing.
    pub no_new_privileges: bool,
    /// System call filter.
    pub seccomp: Option<Seccomp>,
    /// Paths hidden.
    pub masked_paths: Vec<String>,
    /// Paths read-only.
    pub readonly_paths: Vec<String>,
}

/// What a filter depends on besides the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterFacts {
    /// ABI of the image's programs.
    pub arch: Arch,
    /// First two numbers of the kernel's version.
    pub kernel: (u32, u32),
}

/// Makes the policy of a container whose process runs as `uid`. `available`: capabilities that
/// the engine has itself and could hand on.
///
/// # Errors
/// When a capability is unknown, or a filter profile cannot be read.
pub fn policy(
    options: &Options,
    uid: u32,
    available: CapSet,
    facts: FilterFacts,
) -> Result<Policy> {
    let (capabilities, no_new_privileges) = privileges(options, uid, available)?;
    let granted = if options.privileged { available } else { granted(options)? };
    let paths = |paths: Vec<String>| if options.privileged { Vec::new() } else { paths };
    Ok(Policy {
        capabilities,
        no_new_privileges,
        seccomp: seccomp(options, granted, facts)?,
        masked_paths: paths(masks::masked_paths()),
        readonly_paths: paths(masks::readonly_paths()),
    })
}

/// Makes the capability sets of a process that runs as `uid`, and whether `exec` gains nothing.
///
/// # Errors
/// When a capability is unknown.
pub fn privileges(options: &Options, uid: u32, available: CapSet) -> Result<(Capabilities, bool)> {
    if options.privileged {
        return Ok((process_capabilities(available, available, true), false));
    }
    let granted = granted(options)?;
    let asked = match has_all(&options.cap_add) {
        true => granted,
        false => CapSet::parse(&options.cap_add).0,
    };
    let sets = process_capabilities(granted, asked, uid == 0);
    Ok((sets, !options.allow_new_privileges))
}

/// Returns kernel parameters that forbid namespaces inside the container's own user namespace:
/// unlike a filter they also stop `clone3`, whose flags a filter cannot see. Who grants
/// CAP_SYS_ADMIN wants them.
///
/// # Errors
/// When a capability is unknown.
pub fn namespace_limits(options: &Options) -> Result<BTreeMap<String, String>> {
    const KINDS: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
    let admin = CapSet::parse(&["CAP_SYS_ADMIN"]).0;
    if options.privileged || granted(options)?.meets(admin) {
        return Ok(BTreeMap::new());
    }
    let limit = |kind| (format!("user.max_{kind}_namespaces"), "0".to_owned());
    Ok(KINDS.into_iter().map(limit).collect())
}

fn granted(options: &Options) -> Result<CapSet> {
    CapSet::DEFAULT.adjust(&options.cap_add, &options.cap_drop).map_err(|error| {
        Error::invalid(
            format!("invalid CapAdd or CapDrop: {error}"),
            "names are those of capabilities(7), with or without `CAP_`, or `ALL`",
        )
    })
}

fn has_all(names: &[String]) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case("ALL"))
}

fn seccomp(options: &Options, granted: CapSet, facts: FilterFacts) -> Result<Option<Seccomp>> {
    match &options.seccomp {
        SeccompChoice::Unconfined => Ok(None),
        SeccompChoice::Default if options.privileged => Ok(None),
        SeccompChoice::Default => Ok(Some(default_seccomp(granted, facts.arch))),
        SeccompChoice::Profile(text) => {
            let FilterFacts { arch, kernel } = facts;
            let at = Circumstances { caps: granted, arch, kernel };
            custom_seccomp(text, &at).map_err(|error| {
                Error::invalid(
                    brig_report::chain::chain(&error),
                    "give a profile in the OCI or Docker form, `unconfined`, or nothing",
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: FilterFacts = FilterFacts { arch: Arch::X86_64, kernel: (6, 18) };

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn policy_of_root_has_the_default_set_and_nothing_to_gain() {
        let policy = policy(&Options::default(), 0, CapSet::ALL, FACTS).unwrap();
        assert_eq!(policy.capabilities.bounding, CapSet::DEFAULT.names());
        assert!(policy.no_new_privileges && !policy.masked_paths.is_empty());
        assert!(policy.seccomp.is_some_and(|filter| filter.syscalls.len() > 1));
    }

    #[test]
    fn policy_of_another_user_has_only_what_was_asked_for() {
        let none = policy(&Options::default(), 1000, CapSet::ALL, FACTS).unwrap();
        assert_eq!(none.capabilities, Capabilities::default());
        let options = Options { cap_add: strings(&["net_bind_service"]), ..Options::default() };
        let one = policy(&options, 1000, CapSet::ALL, FACTS).unwrap();
        assert_eq!(one.capabilities.ambient, ["CAP_NET_BIND_SERVICE"]);
    }

    #[test]
    fn policy_privileged_has_what_the_engine_has_and_no_walls() {
        let options = Options { privileged: true, ..Options::default() };
        let (available, _) = CapSet::parse(&["CHOWN", "SYS_ADMIN"]);
        let policy = policy(&options, 0, available, FACTS).unwrap();
        assert_eq!(policy.capabilities.bounding, ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert!(!policy.no_new_privileges && policy.masked_paths.is_empty());
        assert_eq!(policy.seccomp, None);
    }

    #[test]
    fn policy_unknown_capability_or_profile_is_refused() {
        let options = Options { cap_add: strings(&["FLY"]), ..Options::default() };
        assert!(policy(&options, 0, CapSet::ALL, FACTS).is_err());
        let options = Options { seccomp: SeccompChoice::Profile("{".into()), ..Options::default() };
        assert!(policy(&options, 0, CapSet::ALL, FACTS).is_err());
    }
}
