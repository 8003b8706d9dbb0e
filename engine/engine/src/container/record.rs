// SPDX-License-Identifier: Apache-2.0
//! The record of a container: what was asked, what the image said, what was chosen.
//!
//! Invariants: written once at creation (only `rename` replaces it, with another name); what
//! changes while a container lives is in the monitor's status record.

use super::options::Options;
use brig_spec::digest::Digest;
use brig_spec::image::ContainerConfig;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of [`ContainerRecord`].
pub const VERSION: u32 = 1;

/// First host id of slot 0; below lie the ids of people and of distributions' subid ranges.
pub const ID_BASE: u32 = 536_870_912;
/// Ids in one slot.
pub const IDS_PER_SLOT: u32 = 65_536;

/// `record.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerRecord {
    /// [`VERSION`].
    pub version: u32,
    /// 64 hexadecimal digits.
    pub id: String,
    /// Name, without Docker's leading slash.
    pub name: String,
    /// A further name that a rename holds as long as it lasts: the new one, then the old one. What
    /// is here without a rename was left by one that was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renaming: Option<String>,
    /// RFC 3339 with nanoseconds, UTC.
    pub created_at: String,
    /// Image as the user wrote it.
    pub image: String,
    /// Image id.
    pub image_id: Digest,
    /// Layers, top first.
    pub layers: Vec<Digest>,
    /// Their directories, top first.
    pub lower: Vec<String>,
    /// What the user asked.
    pub options: Options,
    /// The image's configuration merged with the options, Docker's `Config`.
    pub config: ContainerConfig,
    /// Executable as it will be called.
    pub path: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Host name inside.
    pub hostname: String,
    /// Slot of the id map; absent: the host's user namespace.
    pub id_slot: Option<u32>,
    /// Absolute path of the OCI runtime.
    pub runtime_path: String,
    /// Arguments before the verb, `--root` among them.
    pub runtime_args: Vec<String>,
    /// Name of the runtime.
    pub runtime_name: String,
    /// Path of the cgroup below each hierarchy.
    pub cgroups_path: String,
    /// Log driver.
    pub log_driver: String,
    /// Size after which a log file is rotated, bytes.
    pub log_size_bytes_max: u64,
    /// Number of log files kept.
    pub log_files_max: u32,
    /// Signal number that `stop` sends first.
    pub stop_signal: i32,
    /// Seconds that `stop` waits before it kills.
    pub stop_timeout_s: u32,
    /// Fields of a newer writer, kept when the record is replaced.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl ContainerRecord {
    /// Returns the first twelve digits of the id.
    #[must_use]
    pub fn short_id(&self) -> &str {
        &self.id[..12]
    }

    /// Returns the first host id of the container's range.
    #[must_use]
    pub fn id_base(&self) -> Option<u32> {
        self.id_slot.map(slot_base)
    }
}

/// Returns the first host id of a slot.
#[must_use]
pub fn slot_base(slot: u32) -> u32 {
    ID_BASE + slot * IDS_PER_SLOT
}
