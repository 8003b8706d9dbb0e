// SPDX-License-Identifier: Apache-2.0
//! A user's seccomp profile: Docker's form, whose rules depend on capabilities, processor and
//! kernel, or the form of `config.json`, which is the same without the conditions.

use crate::caps::CapSet;
use crate::seccomp::Arch;
use brig_spec::runtime::{Seccomp, SeccompArg, SeccompRule};
use serde::Deserialize;

/// What the conditions of a profile are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// The container's bounding set.
    pub caps: CapSet,
    /// The ABI of the host.
    pub arch: Arch,
    /// The first two numbers of the kernel's version.
    pub kernel: (u32, u32),
}

/// A profile that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not JSON, or a field of the wrong type.
    #[error("cannot parse the seccomp profile")]
    Json(#[from] serde_json::Error),
    /// Two fields say the same thing in two ways.
    #[error("the seccomp profile has both `{first}` and `{second}`")]
    Both {
        /// One field.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A kernel version is not `NUMBER.NUMBER`.
    #[error("the seccomp profile has the kernel version `{version}`, which is not NUMBER.NUMBER")]
    KernelVersion {
        /// The profile's text.
        version: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Custom {
    default_action: String,
    default_errno_ret: Option<u32>,
    architectures: Option<Vec<String>>,
    arch_map: Option<Vec<CustomArch>>,
    flags: Option<Vec<String>>,
    listener_path: String,
    listener_metadata: String,
    brig_foreign_abi: String,
    syscalls: Option<Vec<CustomRule>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CustomArch {
    architecture: String,
    sub_architectures: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct CustomRule {
    name: String,
    names: Option<Vec<String>>,
    action: String,
    errno_ret: Option<u32>,
    args: Option<Vec<SeccompArg>>,
    includes: Option<Conditions>,
    excludes: Option<Conditions>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conditions {
    caps: Option<Vec<String>>,
    arches: Option<Vec<String>>,
    min_kernel: Option<String>,
}

/// Reads a user's profile for a container; `None` where it says nothing, which Docker takes for
/// "no filter".
///
/// # Errors
/// The text is not a profile, or contradicts itself.
pub fn custom_seccomp(text: &str, at: &Circumstances) -> Result<Option<Seccomp>, ProfileError> {
    let custom: Custom = serde_json::from_str(text)?;
    let rules = custom.syscalls.unwrap_or_default();
    if custom.default_action.is_empty() && rules.is_empty() {
        return Ok(None);
    }
    let mut architectures = custom.architectures.unwrap_or_default();
    let map = custom.arch_map.unwrap_or_default();
    if !architectures.is_empty() && !map.is_empty() {
        return Err(ProfileError::Both { first: "architectures", second: "archMap" });
    }
    if let Some(entry) = map.into_iter().find(|entry| entry.architecture == at.arch.name()) {
        architectures.push(entry.architecture);
        architectures.extend(entry.sub_architectures.unwrap_or_default());
    }
    let mut syscalls = Vec::with_capacity(rules.len());
    for rule in rules {
        syscalls.extend(rule.at(at)?);
    }
    Ok(Some(Seccomp {
        default_action: custom.default_action,
        default_errno_ret: custom.default_errno_ret,
        architectures,
        flags: custom.flags.unwrap_or_default(),
        listener_path: custom.listener_path,
        listener_metadata: custom.listener_metadata,
        foreign_abi: custom.brig_foreign_abi,
        syscalls,
    }))
}

impl CustomRule {
    /// Returns the rule if its conditions hold.
    fn at(self, at: &Circumstances) -> Result<Option<SeccompRule>, ProfileError> {
        let mut names = self.names.unwrap_or_default();
        if !self.name.is_empty() {
            if !names.is_empty() {
                return Err(ProfileError::Both { first: "name", second: "names" });
            }
            names.push(self.name);
        }
        let (includes, excludes) =
            (self.includes.unwrap_or_default(), self.excludes.unwrap_or_default());
        if excludes.any(at)? || !includes.all(at)? {
            return Ok(None);
        }
        let args = self.args.unwrap_or_default();
        Ok(Some(SeccompRule { names, action: self.action, errno_ret: self.errno_ret, args }))
    }
}

impl Conditions {
    /// Whether every condition holds; those that are not there do.
    fn all(&self, at: &Circumstances) -> Result<bool, ProfileError> {
        let (needed, unknown) = self.capabilities();
        let arches = self.arches.as_deref().unwrap_or_default();
        Ok(unknown.is_empty()
            && needed.without(at.caps).is_empty()
            && (arches.is_empty() || names_arch(arches, at.arch))
            && self.kernel_is_met(at)?.unwrap_or(true))
    }

    /// Whether any condition holds; those that are not there do not.
    fn any(&self, at: &Circumstances) -> Result<bool, ProfileError> {
        Ok(self.capabilities().0.meets(at.caps)
            || names_arch(self.arches.as_deref().unwrap_or_default(), at.arch)
            || self.kernel_is_met(at)?.unwrap_or(false))
    }

    fn capabilities(&self) -> (CapSet, Vec<String>) {
        CapSet::parse(self.caps.as_deref().unwrap_or_default())
    }

    /// Whether the kernel is at least the one named, if one is.
    fn kernel_is_met(&self, at: &Circumstances) -> Result<Option<bool>, ProfileError> {
        let Some(version) = self.min_kernel.as_deref().filter(|version| !version.is_empty()) else {
            return Ok(None);
        };
        let parsed = version
            .split_once('.')
            .and_then(|(first, second)| Some((first.parse().ok()?, second.parse().ok()?)));
        let wanted: (u32, u32) =
            parsed.ok_or_else(|| ProfileError::KernelVersion { version: version.to_owned() })?;
        Ok(Some(at.kernel >= wanted))
    }
}

/// Whether a list in Docker's words has the processor.
fn names_arch(list: &[String], arch: Arch) -> bool {
    let word = match arch {
        Arch::X86_64 => "amd64",
        Arch::X86 => "x86",
        Arch::X32 => "x32",
        Arch::Aarch64 => "arm64",
        Arch::Arm => "arm",
    };
    list.iter().any(|name| name == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, caps: &[&str]) -> Result<Option<Seccomp>, ProfileError> {
        let (caps, _) = CapSet::parse(caps);
        custom_seccomp(text, &Circumstances { caps, arch: Arch::X86_64, kernel: (6, 1) })
    }

    /// Names of the calls whose rules apply.
    fn names(rules: &str, caps: &[&str]) -> Vec<String> {
        let text = format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rules}]}}"#);
        let profile = read(&text, caps).unwrap().unwrap();
        profile.syscalls.into_iter().flat_map(|rule| rule.names).collect()
    }

    #[test]
    fn plain_profile_is_read_as_it_is() {
        let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
            "architectures": ["SCMP_ARCH_X86"], "flags": null, "brigForeignAbi": "errno",
            "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null},
                {"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
                 "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}]}"#;
        assert_eq!(read(text, &[]).unwrap(), serde_json::from_str(text).unwrap());
        assert_eq!(read("{}", &[]).unwrap(), None);
        assert_eq!(read(r#"{"syscalls": []}"#, &[]).unwrap(), None);
    }

    #[test]
    fn architectures_come_from_the_map_of_the_host() {
        let text = r#"{"defaultAction": "SCMP_ACT_ERRNO", "archMap": [
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
            {"architecture": "SCMP_ARCH_S390X", "subArchitectures": null}]}"#;
        let profile = read(text, &[]).unwrap().unwrap();
        assert_eq!(profile.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    }

    #[test]
    fn rules_apply_by_capability_processor_and_kernel() {
        let rules = r#"
            {"names": ["a"], "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["b"], "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_KILL"]}},
            {"names": ["c"], "includes": {"caps": ["CAP_SYS_ADMIN", "CAP_KILL"]}},
            {"names": ["d"], "includes": {"arches": ["amd64", "x32"]}},
            {"names": ["e"], "includes": {"arches": ["arm64"]}},
            {"names": ["f"], "excludes": {"arches": ["amd64"]}},
            {"names": ["g"], "includes": {"minKernel": "6.1"}},
            {"names": ["h"], "includes": {"minKernel": "6.10"}},
            {"names": ["i"], "excludes": {"minKernel": "4.8"}},
            {"names": ["j"], "includes": {"caps": ["CAP_OF_TOMORROW"]}},
            {"name": "k", "includes": {}, "excludes": {"caps": null}}"#;
        assert_eq!(names(rules, &[]), ["b", "d", "g", "k"]);
        assert_eq!(names(rules, &["SYS_ADMIN"]), ["a", "d", "g", "k"]);
        assert_eq!(names(rules, &["SYS_ADMIN", "KILL"]), ["a", "c", "d", "g", "k"]);
    }

    #[test]
    fn contradictions_are_refused() {
        for (text, message) in [
            ("{", "cannot parse the seccomp profile"),
            (r#"{"defaultAction": 1}"#, "cannot parse the seccomp profile"),
            (
                r#"{"defaultAction": "A", "architectures": ["B"], "archMap": [{}]}"#,
                "the seccomp profile has both `architectures` and `archMap`",
            ),
            (
                r#"{"syscalls": [{"name": "a", "names": ["b"]}]}"#,
                "the seccomp profile has both `name` and `names`",
            ),
            (
                r#"{"syscalls": [{"names": ["b"], "includes": {"minKernel": "6"}}]}"#,
                "the seccomp profile has the kernel version `6`, which is not NUMBER.NUMBER",
            ),
        ] {
            assert_eq!(read(text, &[]).unwrap_err().to_string(), message);
        }
    }
}
