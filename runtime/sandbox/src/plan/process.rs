// SPDX-License-Identifier: Apache-2.0
//! The user's process: everything that is set between `start` and `execve`.

use crate::{Error, Result};
use brig_policy::caps::CapSet;
use brig_spec::runtime::{Capabilities, ConsoleSize, Process, Rlimit};
use rustix::process::Resource;
use std::ffi::CString;

/// A resource limit: resource, soft, hard (`None`: unlimited).
pub type RlimitPlan = (Resource, Option<u64>, Option<u64>);

/// The user's process, checked and converted.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessPlan {
    /// argv, at least one element.
    pub args: Vec<CString>,
    /// Environment.
    pub env: Vec<CString>,
    /// Working directory, absolute inside the container.
    pub cwd: CString,
    /// Identity.
    pub user: UserPlan,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Initial size of the terminal.
    pub console_size: Option<ConsoleSize>,
    /// Capability sets.
    pub caps: CapPlan,
    /// Resource limits: resource, soft, hard (`None`: unlimited).
    pub rlimits: Vec<RlimitPlan>,
    /// Whether privileges can no longer be gained.
    pub no_new_privileges: bool,
    /// AppArmor profile, empty: none.
    pub apparmor: String,
    /// SELinux label, empty: none.
    pub selinux: String,
    /// OOM score adjustment.
    pub oom_score_adj: Option<i32>,
}

/// Identity of the user's process, ids inside the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserPlan {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, exactly these.
    pub groups: Vec<u32>,
    /// File mode creation mask.
    pub umask: Option<u32>,
}

/// Capability sets as bit masks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CapPlan {
    /// Bounding set.
    pub bounding: u64,
    /// Effective set.
    pub effective: u64,
    /// Permitted set.
    pub permitted: u64,
    /// Inheritable set.
    pub inheritable: u64,
    /// Ambient set.
    pub ambient: u64,
}

impl ProcessPlan {
    /// Checks and converts the process part of a configuration, or an `exec` document.
    ///
    /// # Errors
    /// For a value that cannot be what the kernel takes.
    pub fn compile(process: &Process) -> Result<Self> {
        if process.args.first().is_none_or(String::is_empty) {
            return Err(Error::config("process.args", "there is no command to execute"));
        }
        if !process.cwd.starts_with('/') {
            let reason = format!("`{}` is not an absolute path", process.cwd);
            return Err(Error::config("process.cwd", reason));
        }
        if let Some(bad) = process.env.iter().find(|word| !word.contains('=')) {
            return Err(Error::config("process.env", format!("`{bad}` is not NAME=value")));
        }
        Ok(Self {
            args: strings("process.args", &process.args)?,
            env: strings("process.env", &process.env)?,
            cwd: string("process.cwd", &process.cwd)?,
            user: user(process),
            terminal: process.terminal,
            console_size: process.console_size,
            caps: process.capabilities.as_ref().map(cap_plan).transpose()?.unwrap_or_default(),
            rlimits: rlimits(&process.rlimits)?,
            no_new_privileges: process.no_new_privileges,
            apparmor: process.apparmor_profile.clone(),
            selinux: process.selinux_label.clone(),
            oom_score_adj: process.oom_score_adj,
        })
    }
}

fn user(process: &Process) -> UserPlan {
    let user = &process.user;
    UserPlan {
        uid: user.uid,
        gid: user.gid,
        groups: user.additional_gids.clone(),
        umask: user.umask,
    }
}

fn string(field: &str, text: &str) -> Result<CString> {
    CString::new(text).map_err(|_| Error::config(field, format!("{text:?} contains a zero byte")))
}

fn strings(field: &str, list: &[String]) -> Result<Vec<CString>> {
    list.iter().map(|text| string(field, text)).collect()
}

/// Converts names to masks. A name that this build does not know is an error: dropping it
/// silently would give a container other rights than asked.
fn cap_plan(sets: &Capabilities) -> Result<CapPlan> {
    let mask = |names: &[String]| match CapSet::parse(names) {
        (set, unknown) if unknown.is_empty() => Ok(set.bits()),
        (_, unknown) => {
            let reason = format!("unknown {}", unknown.join(", "));
            Err(Error::config("process.capabilities", reason))
        }
    };
    let (permitted, inheritable) = (mask(&sets.permitted)?, mask(&sets.inheritable)?);
    Ok(CapPlan {
        bounding: mask(&sets.bounding)?,
        effective: mask(&sets.effective)?,
        permitted,
        inheritable,
        // The kernel lets nothing else be ambient; runc, whose `spec` asks for more, passes over
        // the refusal.
        ambient: mask(&sets.ambient)? & permitted & inheritable,
    })
}

fn rlimits(list: &[Rlimit]) -> Result<Vec<RlimitPlan>> {
    for (index, limit) in list.iter().enumerate() {
        if list[..index].iter().any(|earlier| earlier.kind == limit.kind) {
            let reason = format!("`{}` is given twice", limit.kind);
            return Err(Error::config("process.rlimits", reason));
        }
    }
    list.iter().map(rlimit).collect()
}

fn rlimit(limit: &Rlimit) -> Result<RlimitPlan> {
    let resource = match limit.kind.as_str() {
        "RLIMIT_AS" => Resource::As,
        "RLIMIT_CORE" => Resource::Core,
        "RLIMIT_CPU" => Resource::Cpu,
        "RLIMIT_DATA" => Resource::Data,
        "RLIMIT_FSIZE" => Resource::Fsize,
        "RLIMIT_LOCKS" => Resource::Locks,
        "RLIMIT_MEMLOCK" => Resource::Memlock,
        "RLIMIT_MSGQUEUE" => Resource::Msgqueue,
        "RLIMIT_NICE" => Resource::Nice,
        "RLIMIT_NOFILE" => Resource::Nofile,
        "RLIMIT_NPROC" => Resource::Nproc,
        "RLIMIT_RSS" => Resource::Rss,
        "RLIMIT_RTPRIO" => Resource::Rtprio,
        "RLIMIT_RTTIME" => Resource::Rttime,
        "RLIMIT_SIGPENDING" => Resource::Sigpending,
        "RLIMIT_STACK" => Resource::Stack,
        other => {
            return Err(Error::config("process.rlimits", format!("unknown limit `{other}`")));
        }
    };
    let value = |value: u64| (value != u64::MAX).then_some(value);
    Ok((resource, value(limit.soft), value(limit.hard)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process() -> Process {
        Process { args: vec!["/bin/true".into()], cwd: "/".into(), ..Process::default() }
    }

    #[test]
    fn compile_without_command_is_refused() {
        let bad = Process { args: vec![], ..process() };
        assert!(ProcessPlan::compile(&bad).unwrap_err().to_string().contains("process.args"));
    }

    #[test]
    fn compile_unknown_capability_is_refused() {
        let sets = Capabilities { bounding: vec!["CAP_FLY".into()], ..Capabilities::default() };
        let bad = Process { capabilities: Some(sets), ..process() };
        assert!(ProcessPlan::compile(&bad).unwrap_err().to_string().contains("CAP_FLY"));
    }

    #[test]
    fn compile_zero_byte_in_argument_is_refused() {
        let bad = Process { args: vec!["a\0b".into()], ..process() };
        assert!(ProcessPlan::compile(&bad).is_err());
    }
}
