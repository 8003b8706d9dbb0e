// SPDX-License-Identifier: Apache-2.0
//! The containers' state directories: `<root>/<id>/{state.json, config.json, start.sock}`.

use crate::record::{Init, Record};
use brig_report::{Kind, Report};
use brig_sandbox::execute;
use brig_spec::runtime::{Spec, Status};
use brig_state::{atomic, lock, tree};
use rustix::fs::{CWD, Mode, mkdirat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

const STATE: &str = "state.json";
const CONFIG: &str = "config.json";
const FREEZER_STATE: &str = "freezer.state";

/// The state directory of one container.
#[derive(Debug, Clone)]
pub(crate) struct Container {
    /// Absolute path.
    pub(crate) directory: PathBuf,
}

/// Held by `create` for its whole time: a container without a pid whose lock is free was left by
/// a killed invocation.
pub(crate) struct Creating(#[expect(dead_code, reason = "held for its lock")] lock::Lock);

fn internal(error: &brig_state::Error) -> Report {
    Report::from_error(Kind::Internal, error)
}

/// Checks an id by runc's rule.
///
/// # Errors
/// When it could be anything but one plain file name.
pub(crate) fn check_id(id: &str) -> Result<(), Report> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_+-.".contains(&b);
    if id.is_empty() || id.len() > 1024 || matches!(id, "." | "..") || !id.bytes().all(plain) {
        return Err(Report::new(Kind::Invalid, format!("invalid container id format: {id:?}"))
            .hint("an id consists of letters, digits and `_+-.`"));
    }
    Ok(())
}

impl Container {
    /// Names a container's directory.
    ///
    /// # Errors
    /// When the id is malformed.
    pub(crate) fn named(root: &Path, id: &str) -> Result<Self, Report> {
        check_id(id)?;
        Ok(Self { directory: root.join(id) })
    }

    /// Makes the directory; exactly one of several callers succeeds.
    ///
    /// # Errors
    /// When the container exists already.
    pub(crate) fn make(&self, root: &Path, id: &str) -> Result<Creating, Report> {
        let mode = Mode::from_raw_mode(0o700);
        let mut made = mkdirat(CWD, &self.directory, mode);
        if made == Err(Errno::NOENT) {
            std::fs::create_dir_all(root).map_err(|error| {
                Report::new(Kind::Unavailable, format!("make `{}`: {error}", root.display()))
            })?;
            made = mkdirat(CWD, &self.directory, mode);
        }
        match made {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                return Err(Report::new(
                    Kind::Conflict,
                    format!("container with given ID already exists: {id}"),
                ));
            }
            Err(errno) => {
                let text = format!("make `{}`: {errno}", self.directory.display());
                return Err(Report::new(Kind::Unavailable, text));
            }
        }
        match lock::try_exclusive_dir(&self.directory) {
            Ok(Some(lock)) => Ok(Creating(lock)),
            Ok(None) => {
                Err(Report::new(Kind::Conflict, format!("container {id} is being deleted")))
            }
            Err(error) => Err(internal(&error)),
        }
    }

    /// Writes the record.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn save(&self, record: &Record) -> Result<(), Report> {
        atomic::write_json(&self.directory.join(STATE), record).map_err(|error| internal(&error))
    }

    /// Keeps the configuration for `exec` and for the hooks of `delete`.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn save_config(&self, bytes: &[u8]) -> Result<(), Report> {
        atomic::replace(&self.directory.join(CONFIG), bytes).map_err(|error| internal(&error))
    }

    /// Reads the record.
    ///
    /// # Errors
    /// When the container does not exist or its record is damaged.
    pub(crate) fn load(&self) -> Result<Record, Report> {
        atomic::read_json(&self.directory.join(STATE)).map_err(|error| {
            if error.is_not_found() {
                Report::new(Kind::NotFound, "container does not exist")
            } else {
                internal(&error)
            }
        })
    }

    /// Reads the configuration the container was made from.
    ///
    /// # Errors
    /// When it is gone or damaged.
    pub(crate) fn config(&self) -> Result<Spec, Report> {
        atomic::read_json(&self.directory.join(CONFIG)).map_err(|error| internal(&error))
    }

    /// Returns whether the directory is there, with or without a record.
    pub(crate) fn is_there(&self) -> bool {
        std::fs::symlink_metadata(&self.directory).is_ok()
    }

    /// Returns the container's status from what lives, not from what was written.
    ///
    /// # Errors
    /// When the state directory is unreadable.
    pub(crate) fn status(&self, record: &Record) -> Result<Status, Report> {
        let Some(init) = record.init else {
            return match lock::try_exclusive_dir(&self.directory) {
                Ok(None) => Ok(Status::Creating),
                _ => Ok(Status::Stopped),
            };
        };
        if !init.is_alive() {
            return Ok(Status::Stopped);
        }
        let waits = execute::probe(&self.directory).map_err(|error| error.to_report())?;
        if waits {
            return Ok(Status::Created);
        }
        match is_frozen(&record.cgroup) {
            true => Ok(Status::Paused),
            false => Ok(Status::Running),
        }
    }

    /// Returns who made the container: the owner of its directory, without a name service.
    pub(crate) fn owner(&self) -> String {
        use std::os::unix::fs::MetadataExt;
        match std::fs::symlink_metadata(&self.directory).map(|metadata| metadata.uid()) {
            Ok(0) => "root".to_owned(),
            Ok(uid) => format!("#{uid}"),
            Err(_) => String::new(),
        }
    }

    /// Removes the directory.
    ///
    /// # Errors
    /// When an entry cannot be removed.
    pub(crate) fn remove(&self) -> Result<(), Report> {
        tree::remove(&self.directory).map_err(|error| internal(&error))
    }
}

/// Returns whether the cgroup is frozen: v1's freezer hierarchy or v2's `cgroup.freeze`.
pub(crate) fn is_frozen(cgroup: &[PathBuf]) -> bool {
    cgroup.iter().any(|directory| {
        let read = |name| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        let v1 = matches!(read(FREEZER_STATE).trim_end(), "FROZEN" | "FREEZING");
        v1 || read("cgroup.freeze").trim_end() == "1"
    })
}

/// Freezes or thaws the cgroup; returns whether any hierarchy could.
///
/// # Errors
/// When a file that exists refuses the write.
pub(crate) fn freeze(cgroup: &[PathBuf], frozen: bool) -> Result<bool, Report> {
    let (v1, v2) = if frozen { ("FROZEN", "1") } else { ("THAWED", "0") };
    let mut done = false;
    for directory in cgroup {
        for (name, value) in [(FREEZER_STATE, v1), ("cgroup.freeze", v2)] {
            let path = directory.join(name);
            match std::fs::OpenOptions::new().write(true).open(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                opened => opened
                    .and_then(|mut file| std::io::Write::write_all(&mut file, value.as_bytes()))
                    .map_err(|error| {
                        let text = format!("write `{}`: {error}", path.display());
                        Report::new(Kind::Unavailable, text)
                    })?,
            }
            done = true;
        }
    }
    Ok(done)
}

/// Returns all containers that have a directory, sorted by id.
///
/// # Errors
/// When the root is unreadable; a missing root has no containers.
pub(crate) fn list(root: &Path) -> Result<Vec<Container>, Report> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(|error| {
            Report::new(Kind::Unavailable, format!("read `{}`: {error}", root.display()))
        })?,
    };
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names.iter().map(|name| Container { directory: root.join(name) }).collect())
}

/// Identifies a fresh process.
///
/// # Errors
/// When it has ended already and was reaped.
pub(crate) fn identify(pid: i32) -> Result<Init, Report> {
    match brig_sys::proc::stat(pid) {
        Ok(Some(stat)) => Ok(Init { pid, start_ticks: stat.start_ticks }),
        Ok(None) => Err(Report::new(Kind::Internal, format!("process {pid} is gone"))),
        Err(error) => Err(Report::from_error(Kind::Internal, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_id_traversal_and_odd_bytes_are_refused() {
        for bad in ["", ".", "..", "a/b", "../x", "a b", "a\0", "ü"] {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
        assert!(check_id("c1_+-.X").is_ok());
    }
}
