// SPDX-License-Identifier: Apache-2.0
//! Privileges: capabilities, system call filter, hidden and read-only kernel files.

use crate::container::options::{Options, SeccompChoice};
use crate::error::{Error, Result};
use brig_policy::caps::{CapSet, process_capabilities};
use brig_policy::masks;
use brig_spec::runtime::{Capabilities, Seccomp};

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

/// Makes the policy of a process that runs as `uid`. `available`: capabilities that the engine
/// has itself and could hand on.
///
/// # Errors
/// When a capability is unknown, or a filter profile cannot be read.
pub fn policy(options: &Options, uid: u32, available: CapSet) -> Result<Policy> {
    if options.privileged {
        return Ok(Policy {
            capabilities: process_capabilities(available, available, true),
            seccomp: seccomp(options, CapSet::ALL)?,
            ..Policy::default()
        });
    }
    let granted = capabilities(options)?;
    let (asked, _) = CapSet::parse(&options.cap_add);
    let asked = if has_all(&options.cap_add) { granted } else { asked };
    Ok(Policy {
        capabilities: process_capabilities(granted, asked, uid == 0),
        no_new_privileges: !options.allow_new_privileges,
        seccomp: seccomp(options, granted)?,
        masked_paths: masks::masked_paths(),
        readonly_paths: masks::readonly_paths(),
    })
}

fn capabilities(options: &Options) -> Result<CapSet> {
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

fn seccomp(options: &Options, granted: CapSet) -> Result<Option<Seccomp>> {
    match &options.seccomp {
        SeccompChoice::Unconfined => Ok(None),
        SeccompChoice::Default if options.privileged => Ok(None),
        SeccompChoice::Default => Ok(default_filter(granted)),
        SeccompChoice::Profile(text) => serde_json::from_str(text).map(Some).map_err(|error| {
            Error::invalid(
                format!("invalid seccomp profile: {error}"),
                "give a profile in the OCI or Docker form, `unconfined`, or nothing",
            )
        }),
    }
}

fn default_filter(_granted: CapSet) -> Option<Seccomp> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn policy_of_root_has_the_default_set_and_nothing_to_gain() {
        let policy = policy(&Options::default(), 0, CapSet::ALL).unwrap();
        assert_eq!(policy.capabilities.bounding, CapSet::DEFAULT.names());
        assert!(policy.no_new_privileges && !policy.masked_paths.is_empty());
    }

    #[test]
    fn policy_of_another_user_has_only_what_was_asked_for() {
        let none = policy(&Options::default(), 1000, CapSet::ALL).unwrap();
        assert_eq!(none.capabilities, Capabilities::default());
        let options = Options { cap_add: strings(&["net_bind_service"]), ..Options::default() };
        let one = policy(&options, 1000, CapSet::ALL).unwrap();
        assert_eq!(one.capabilities.ambient, ["CAP_NET_BIND_SERVICE"]);
    }

    #[test]
    fn policy_privileged_has_what_the_engine_has_and_no_walls() {
        let options = Options { privileged: true, ..Options::default() };
        let (available, _) = CapSet::parse(&["CHOWN", "SYS_ADMIN"]);
        let policy = policy(&options, 0, available).unwrap();
        assert_eq!(policy.capabilities.bounding, ["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        assert!(!policy.no_new_privileges && policy.masked_paths.is_empty());
        assert_eq!(policy.seccomp, None);
    }

    #[test]
    fn policy_unknown_capability_or_profile_is_refused() {
        let options = Options { cap_add: strings(&["FLY"]), ..Options::default() };
        assert!(policy(&options, 0, CapSet::ALL).is_err());
        let options =
            Options { seccomp: SeccompChoice::Profile("{".into()), ..Options::default() };
        assert!(policy(&options, 0, CapSet::ALL).is_err());
    }
}
