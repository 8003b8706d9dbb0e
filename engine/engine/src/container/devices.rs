// SPDX-License-Identifier: Apache-2.0
//! The machine's device nodes, which `--privileged` hands to a container.

use crate::error::{Error, Result};
use brig_spec::runtime::Device;
use rustix::fs::{FileType, major, minor};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Entries of `/dev` that a container has of its own, or that belong to another one.
const OWN: &[&str] =
    &["console", "fd", "mqueue", "ptmx", "pts", "shm", "stderr", "stdin", "stdout"];
/// Directories below `/dev` are this deep at most.
const DEPTH_MAX: u32 = 4;

/// Lists the device nodes below `/dev`, by path.
///
/// # Errors
/// When `/dev` cannot be read.
pub(crate) fn of_host() -> Result<Vec<Device>> {
    let mut devices = Vec::new();
    collect(Path::new("/dev"), 0, &mut devices)?;
    devices.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(devices)
}

fn collect(dir: &Path, depth: u32, devices: &mut Vec<Device>) -> Result<()> {
    for entry in std::fs::read_dir(dir).map_err(Error::io("list", dir))? {
        let entry = entry.map_err(Error::io("list", dir))?;
        let name = entry.file_name();
        if depth == 0 && OWN.iter().any(|own| name == *own) {
            continue;
        }
        // One that vanishes while it is looked at is not there.
        let Ok(meta) = std::fs::symlink_metadata(entry.path()) else { continue };
        let kind = match FileType::from_raw_mode(meta.mode()) {
            FileType::CharacterDevice => "c",
            FileType::BlockDevice => "b",
            FileType::Directory if depth < DEPTH_MAX => {
                collect(&entry.path(), depth + 1, devices)?;
                continue;
            }
            _ => continue,
        };
        devices.push(Device {
            kind: kind.to_owned(),
            path: entry.path().to_string_lossy().into_owned(),
            major: major(meta.rdev()).into(),
            minor: minor(meta.rdev()).into(),
            file_mode: Some(meta.mode() & 0o777),
            uid: Some(meta.uid()),
            gid: Some(meta.gid()),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_host_has_null_and_no_terminals() {
        let devices = of_host().unwrap();
        let null = devices.iter().find(|device| device.path == "/dev/null").unwrap();
        assert_eq!((null.kind.as_str(), null.major, null.minor), ("c", 1, 3));
        assert!(devices.iter().all(|device| !device.path.starts_with("/dev/pts")));
    }
}
