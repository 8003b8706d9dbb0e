// SPDX-License-Identifier: Apache-2.0
//! The runtime under test, `BRIG_UNDER_TEST=brig-oci|runc|crun`, and what the others lack.

use crate::{Invocation, TestRoot, binaries, cgroup};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Which runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    BrigOci,
    /// The reference.
    Runc,
    /// The fast one.
    Crun,
}

impl Kind {
    /// The name of its executable.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BrigOci => "brig-oci",
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }
}

/// What not every version of every runtime does. brig-oci is expected to do all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// `linux.timeOffsets`.
    TimeOffsets,
    /// The hooks `createRuntime`, `createContainer` and `startContainer`.
    NewHooks,
    /// Mounts that travel between the host and the container; not through a private view.
    HostPropagation,
    /// `process.user.umask`.
    Umask,
    /// Bind mounts with recursive attributes, `rro`.
    RecursiveAttributes,
    /// Joining a namespace by path while owning a new user namespace, and the like.
    Domainname,
    /// The device cgroup is applied to exec too, `mknod` follows it.
    SchedIdle,
    /// A hostile rootfs gets an error instead of a mount in another place of it.
    StrictTargets,
    /// The user of `exec --user` and of config.json may be checked before anything runs.
    RuncWords,
}

impl Feature {
    /// The feature that `needs!` calls by this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Some(match word {
            "time_offsets" => Self::TimeOffsets,
            "new_hooks" => Self::NewHooks,
            "host_propagation" => Self::HostPropagation,
            "umask" => Self::Umask,
            "recursive_attributes" => Self::RecursiveAttributes,
            "domainname" => Self::Domainname,
            "sched_idle" => Self::SchedIdle,
            "strict_targets" => Self::StrictTargets,
            "runc_words" => Self::RuncWords,
            _ => return None,
        })
    }
}

/// The runtime under test.
#[derive(Debug)]
pub struct Runtime {
    kind: Kind,
    program: PathBuf,
}

impl Runtime {
    /// The one that `BRIG_UNDER_TEST` names.
    ///
    /// # Panics
    /// When there is no such runtime.
    pub fn under_test() -> &'static Self {
        static RUNTIME: OnceLock<Runtime> = OnceLock::new();
        RUNTIME.get_or_init(|| {
            let kind = chosen();
            Self { kind, program: binaries::require(kind.name()) }
        })
    }

    /// Why there is none, as a need of tests.
    #[must_use]
    pub fn missing() -> Option<String> {
        let name = chosen().name();
        binaries::find(name).is_none().then(|| format!("no {name}; hint: `make build`"))
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Why it lacks a feature, `None` when it has it.
    #[must_use]
    pub fn lacks(&self, feature: Feature) -> Option<String> {
        let why = match (self.kind, feature) {
            (Kind::BrigOci, _) => return None,
            (Kind::Runc, Feature::TimeOffsets) => "runc 1.1 has no time namespace",
            (Kind::Runc, Feature::Domainname) => "runc 1.1 has no domainname",
            (Kind::Runc, Feature::RecursiveAttributes) => "runc 1.1 has no rro",
            (Kind::Runc, Feature::SchedIdle) => "runc 1.1 has no scheduler",
            (Kind::Crun, Feature::HostPropagation) => "crun runs in a private mount namespace here",
            (Kind::Crun, Feature::RuncWords) => "crun's command line differs from runc's",
            (Kind::Crun, Feature::SchedIdle) => "crun 1.8 has no scheduler",
            _ => return None,
        };
        Some(why.to_owned())
    }

    /// A command of the runtime, its state below `root`.
    #[must_use]
    pub fn command(&self, root: &TestRoot) -> Invocation {
        let invocation = root.invocation(&self.program);
        let state = root.path("state");
        match self.kind {
            Kind::BrigOci | Kind::Runc => invocation.args(["--root".as_ref(), state.as_os_str()]),
            Kind::Crun => {
                let crun = invocation.args([
                    "--cgroup-manager=cgroupfs".as_ref(),
                    "--root".as_ref(),
                    state.as_os_str(),
                ]);
                if cgroup::mode() == cgroup::Mode::Hybrid {
                    let probe = binaries::probe().as_os_str();
                    crun.wrapped([probe, "pure-v1".as_ref(), "--".as_ref()])
                } else {
                    crun
                }
            }
        }
    }
}

fn chosen() -> Kind {
    match std::env::var("BRIG_UNDER_TEST").as_deref() {
        Ok("runc") => Kind::Runc,
        Ok("crun") => Kind::Crun,
        Ok("brig-oci") | Err(_) => Kind::BrigOci,
        Ok(other) => panic!("BRIG_UNDER_TEST={other} is not brig-oci, runc or crun"),
    }
}
