// SPDX-License-Identifier: Apache-2.0
//! What is remembered of a container between invocations.

use brig_spec::runtime::{State, Status};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Version of the record.
pub(crate) const VERSION: u32 = 1;

/// `state.json` in the container's state directory.
///
/// It is written before anything is made, so that whatever a killed invocation left is found by
/// `delete`, and again with the pid before init does anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// [`VERSION`].
    pub(crate) version: u32,
    /// Specification version of the configuration.
    pub(crate) oci_version: String,
    /// Container id.
    pub(crate) id: String,
    /// Absolute path of the bundle.
    pub(crate) bundle: PathBuf,
    /// Absolute path of the root file system on the host.
    pub(crate) rootfs: PathBuf,
    /// RFC 3339, UTC.
    pub(crate) created: String,
    /// The configuration's annotations.
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
    /// Cgroup directories, absolute.
    pub(crate) cgroup: Vec<PathBuf>,
    /// Kinds of namespaces that the container does not share with the host.
    pub(crate) namespaces: Vec<String>,
    /// Host pid of init and its start time in clock ticks, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) init: Option<Init>,
}

/// An init process, told from any later one with the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Init {
    /// Host pid.
    pub(crate) pid: i32,
    /// Field 22 of `/proc/<pid>/stat`.
    pub(crate) start_ticks: u64,
}

impl Init {
    /// Returns whether this very process lives.
    pub(crate) fn is_alive(self) -> bool {
        brig_sys::proc::is_alive(self.pid, self.start_ticks)
    }
}

impl Record {
    /// Returns the specification's state document.
    pub(crate) fn state(&self, status: Status) -> State {
        let pid = match status {
            Status::Stopped | Status::Creating => 0,
            _ => self.init.map_or(0, |init| init.pid),
        };
        State {
            oci_version: self.oci_version.clone(),
            id: self.id.clone(),
            status,
            pid,
            bundle: self.bundle.display().to_string(),
            annotations: self.annotations.clone(),
        }
    }
}
