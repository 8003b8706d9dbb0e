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

/// What tests may ask of a runtime that a peer does not do, and why not. brig-oci does all of it.
/// With `BRIG_PEERS_LACK_NOTHING` set the tests run nevertheless, to see whether they still fail.
const LACKS: &[(&str, Kind, &str)] = &[
    ("bounded_passwd", Kind::Crun, "crun 1.8 waits for ever at a fifo"),
    ("bounded_passwd", Kind::Runc, "runc 1.1 waits for ever at a fifo"),
    ("cleans_up_after_limits", Kind::Crun, "crun 1.8 leaves the cgroups"),
    ("domainname", Kind::Runc, "runc 1.1 has none"),
    ("events", Kind::Crun, "crun has no events"),
    ("refuses_lost_limits", Kind::Crun, "crun 1.8 was not tried with these on v2"),
    ("refuses_lost_limits", Kind::Runc, "runc 1.1 passes over what v2 lacks"),
    ("exec_inherits_all", Kind::Crun, "crun 1.8 takes only environment and capabilities"),
    ("failing_poststop", Kind::Crun, "crun 1.8 keeps the container"),
    ("fault_hook", Kind::Crun, "brig's programs only"),
    ("fault_hook", Kind::Runc, "brig's programs only"),
    ("features", Kind::Crun, "crun 1.8 has no features"),
    ("foreground_size", Kind::Crun, "crun 1.8 does not pass the size on"),
    ("host_propagation", Kind::Crun, "crun runs in a private mount namespace here"),
    ("idmapped_mounts", Kind::Runc, "runc 1.1 has none"),
    ("listen_fds_variable", Kind::Crun, "crun wants LISTEN_PID to be its own"),
    ("options_after_id", Kind::Crun, "crun's parser takes options first"),
    ("options_after_id", Kind::Runc, "runc's parser takes options first"),
    ("poststart_at_start", Kind::Runc, "runc 1.1 runs it at the end of create"),
    ("ps_table", Kind::Crun, "crun prints pids only"),
    ("readonly_keeps_flags", Kind::Crun, "crun 1.8 drops nosuid and the like"),
    ("recursive_attributes", Kind::Runc, "runc 1.1 has no rro"),
    ("restores_terminal", Kind::Crun, "crun 1.8 does so half the time"),
    ("safe_dev_links", Kind::Runc, "runc 1.1 follows /dev out of the root"),
    ("safe_dev_nodes", Kind::Crun, "crun 1.8 follows /dev out of the root"),
    ("safe_dev_nodes", Kind::Runc, "runc 1.1 follows /dev out of the root"),
    ("shared_root", Kind::Runc, "runc 1.1 leaves the root private"),
    ("size_before_start", Kind::Crun, "crun 1.8 passes the size on late or never"),
    ("size_before_start", Kind::Runc, "runc 1.1 sets the size while the process runs"),
    ("strict_console", Kind::Crun, "crun 1.8 ignores a socket without a terminal"),
    ("strict_cwd", Kind::Crun, "crun 1.8 takes a relative one"),
    ("strict_devices", Kind::Crun, "crun 1.8 takes any type"),
    ("strict_ids", Kind::Crun, "crun takes any name of a file"),
    ("strict_mappings", Kind::Crun, "crun 1.8 ignores them"),
    ("strict_mappings", Kind::Runc, "runc 1.1 ignores them"),
    ("strict_namespaces", Kind::Crun, "crun 1.8 takes one twice"),
    ("strict_rlimits", Kind::Crun, "crun 1.8 takes the last one of a type"),
    ("strict_rlimits", Kind::Runc, "runc 1.1 takes the last one of a type"),
    ("strict_signals", Kind::Crun, "crun 1.8 ignores a signal it does not know"),
    ("strict_user_ids", Kind::Crun, "crun 1.8 cuts them to size"),
    ("strict_users", Kind::Crun, "crun 1.8 cuts them to size"),
    ("strict_users", Kind::Runc, "runc 1.1 cuts 4294967296 to 0"),
    ("survives_corruption", Kind::Crun, "not asked of peers"),
    ("survives_corruption", Kind::Runc, "not asked of peers"),
    ("time_offsets", Kind::Crun, "crun 1.8 does not apply them"),
    ("time_offsets", Kind::Runc, "runc 1.1 has no time namespace"),
    ("userns_path_alone", Kind::Runc, "runc 1.1 wants mappings beside the path"),
];

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

    /// Why it lacks what `need` names, `None` when it has it.
    ///
    /// # Panics
    /// For a word that no peer is known to lack.
    #[must_use]
    pub fn lacks(&self, need: &str) -> Option<String> {
        assert!(LACKS.iter().any(|(word, _, _)| *word == need), "no such need: {need}");
        let mut all = LACKS.iter();
        if std::env::var_os("BRIG_PEERS_LACK_NOTHING").is_some() {
            return None;
        }
        all.find(|(word, kind, _)| *word == need && *kind == self.kind)
            .map(|(_, _, why)| (*why).to_owned())
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
