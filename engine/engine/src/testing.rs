// SPDX-License-Identifier: Apache-2.0
//! Disposable roots for the unit tests of this crate.

use crate::container::record::ContainerRecord;
use crate::layout::{Layout, files};
use brig_state::dirs::Dirs;
use std::path::PathBuf;

/// Roots in a temporary directory that goes away with the value.
pub(crate) struct Scratch {
    base: PathBuf,
    pub(crate) layout: Layout,
}

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let base = std::env::temp_dir().join(format!("brig-engine-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&base));
        let dirs =
            Dirs { root: base.join("root"), run: base.join("run"), config: base.join("c.toml") };
        let layout = Layout::new(&dirs);
        layout.make_data().unwrap();
        Self { base, layout }
    }

    /// Puts down a container that was made but never started.
    pub(crate) fn fake_container(&self, id: &str, name: &str) -> ContainerRecord {
        let dir = self.layout.container(id);
        std::fs::create_dir_all(&dir).unwrap();
        let record = record(id, name);
        brig_state::atomic::write_json(&dir.join(files::RECORD), &record).unwrap();
        record
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.base));
    }
}

pub(crate) fn record(id: &str, name: &str) -> ContainerRecord {
    serde_json::from_value(serde_json::json!({
        "version": 1, "id": id, "name": name, "createdAt": "2026-01-02T03:04:05Z",
        "image": "busybox", "imageId": format!("sha256:{}", "0".repeat(64)), "layers": [], "lower": [],
        "options": {}, "config": {}, "path": "sh", "args": [], "hostname": &id[..12],
        "idSlot": null, "runtimePath": "/bin/false", "runtimeArgs": [], "runtimeName": "brig-oci",
        "cgroupsPath": format!("/brig/{id}"), "logDriver": "json-file", "logSizeBytesMax": 1,
        "logFilesMax": 1, "stopSignal": 15, "stopTimeoutS": 10
    }))
    .unwrap()
}
