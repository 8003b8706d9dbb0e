// SPDX-License-Identifier: Apache-2.0
//! Seccomp profiles for a container: brig's default and Docker's (`profiles/seccomp-*.json`) made to
//! measure, and a user's own.
//!
//! Runs in the engine only; the runtime reads the result from `config.json`.

mod custom;

pub use custom::{Circumstances, ProfileError, custom_seccomp};

use crate::caps::{CapSet, Capability};
use crate::seccomp::Arch;
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};
use serde::Deserialize;

/// The profile for the default capabilities, in the form of `linux.seccomp`, with brig's words.
pub const DEFAULT_SECCOMP_JSON: &str = include_str!("../../../../profiles/seccomp-default.json");

/// What Docker lets a container call, in Docker's form.
pub const DOCKER_SECCOMP_JSON: &str = include_str!("../../../../profiles/seccomp-docker.json");

/// The file of the default: words that the specification does not have start with `brig`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    default_action: String,
    default_errno_ret: u32,
    brig_foreign_abi: String,
    syscalls: Vec<SourceRule>,
    brig_grants: Vec<SourceRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceRule {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Vec<SeccompArg>,
    #[serde(default)]
    brig_needs: Vec<String>,
    #[serde(default)]
    brig_unless: Vec<String>,
}

/// Returns the default profile for a container with these capabilities and programs of this ABI.
///
/// A capability opens the calls that are useless without it, as in Docker, so that `--cap-add`
/// has effect. i386 and x32 programs are refused unless `arch` is theirs.
#[must_use]
pub fn default_seccomp(caps: CapSet, arch: Arch) -> Seccomp {
    let source: Source =
        serde_json::from_str(DEFAULT_SECCOMP_JSON).expect("the unit tests read the same text");
    // What is granted comes first: of several unconditional rules for a call the first counts.
    let rules = source.brig_grants.into_iter().chain(source.syscalls);
    Seccomp {
        default_action: source.default_action,
        default_errno_ret: Some(source.default_errno_ret),
        architectures: vec![arch.name().to_owned()],
        foreign_abi: source.brig_foreign_abi,
        syscalls: rules.filter(|rule| rule.is_for(caps)).map(SourceRule::into_rule).collect(),
        ..Seccomp::default()
    }
}

/// Returns the profile of the `docker` level: the same calls as in Docker, i386 and x32 included.
#[must_use]
pub fn docker_seccomp(at: &Circumstances) -> Seccomp {
    custom_seccomp(DOCKER_SECCOMP_JSON, at)
        .expect("the unit tests read the same text")
        .expect("it has a default action")
}

impl SourceRule {
    fn is_for(&self, caps: CapSet) -> bool {
        let any = |names: &[String]| {
            let mut known = names.iter().filter_map(|name| Capability::from_name(name));
            known.any(|capability| caps.has(capability))
        };
        (self.brig_needs.is_empty() || any(&self.brig_needs)) && !any(&self.brig_unless)
    }

    fn into_rule(self) -> SeccompRule {
        let Self { names, action, errno_ret, args, .. } = self;
        SeccompRule { names, action, errno_ret, args }
    }
}

#[cfg(test)]
mod tests;
