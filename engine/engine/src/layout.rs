// SPDX-License-Identifier: Apache-2.0
//! Where the engine keeps what: every path below the two roots is made here.

use brig_state::dirs::Dirs;
use std::path::{Path, PathBuf};

/// Names inside a container's directory (`BRIG_ROOT/containers/<id>/`).
pub mod files {
    /// The container's record.
    pub const RECORD: &str = "record.json";
    /// The monitor's status record.
    pub const STATUS: &str = "status.json";
    /// OCI bundle.
    pub const BUNDLE: &str = "bundle";
    /// Writable layer.
    pub const UPPER: &str = "upper";
    /// Overlay's work directory.
    pub const WORK: &str = "work";
    /// Log directory.
    pub const LOG: &str = "log";
    /// Current log file inside [`LOG`].
    pub const LOG_FILE: &str = "container.log";
    /// `/etc/hosts` of the container.
    pub const HOSTS: &str = "hosts";
    /// `/etc/hostname` of the container.
    pub const HOSTNAME: &str = "hostname";
    /// `/etc/resolv.conf` of the container.
    pub const RESOLV_CONF: &str = "resolv.conf";
}

/// Paths below the roots of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Data root.
    pub root: PathBuf,
    /// Run root.
    pub run: PathBuf,
}

impl Layout {
    /// Takes the roots from `dirs`.
    #[must_use]
    pub fn new(dirs: &Dirs) -> Self {
        Self { root: dirs.root.clone(), run: dirs.run.clone() }
    }

    /// All containers.
    #[must_use]
    pub fn containers(&self) -> PathBuf {
        self.root.join("containers")
    }

    /// One container.
    #[must_use]
    pub fn container(&self, id: &str) -> PathBuf {
        self.containers().join(id)
    }

    /// Containers being made; apart from the image store's `staging`, since what a dead maker
    /// leaves here has reservations to give back.
    #[must_use]
    pub fn making(&self) -> PathBuf {
        self.root.join("making")
    }

    /// What is being deleted.
    #[must_use]
    pub fn trash(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// Name reservations.
    #[must_use]
    pub fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    /// Id-map slot reservations.
    #[must_use]
    pub fn idmap(&self) -> PathBuf {
        self.root.join("idmap")
    }

    /// Live state of one container.
    #[must_use]
    pub fn run_container(&self, id: &str) -> PathBuf {
        self.run.join("containers").join(id)
    }

    /// State directory of the runtime called `name`.
    #[must_use]
    pub fn runtime_root(&self, name: &str) -> PathBuf {
        self.run.join("oci").join(name)
    }

    /// Makes the directories of the data root that are missing; only root may enter.
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn make_data(&self) -> crate::Result<()> {
        let all = [self.containers(), self.making(), self.names(), self.idmap(), self.trash()];
        for dir in &all {
            // One look decides the usual case; they may be lost one by one.
            if !std::fs::symlink_metadata(dir).is_ok_and(|meta| meta.is_dir()) {
                make_dir_all(dir, 0o700)?;
            }
        }
        Ok(())
    }

    /// Makes the live directory of one container.
    ///
    /// Everybody may pass through it: a container's own root, who is nobody on the host, has to
    /// reach the mount point of its root file system. Nobody may list or write.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make_run_container(&self, id: &str) -> crate::Result<PathBuf> {
        let dir = self.run_container(id);
        match make_dir(&dir, 0o711) {
            Err(crate::Error::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                make_dir_all(&dir, 0o711)?;
            }
            other => other?,
        }
        Ok(dir)
    }
}

/// Makes one directory; an existing one is fine.
pub(crate) fn make_dir(path: &Path, mode: u32) -> crate::Result<()> {
    use rustix::fs::{Mode, mkdir};
    match mkdir(path, Mode::from_raw_mode(mode)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(errno) => Err(crate::Error::errno("create the directory", path)(errno)),
    }
}

/// Makes a directory and its missing parents.
pub(crate) fn make_dir_all(path: &Path, mode: u32) -> crate::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(crate::Error::io("create the directory", path))
}
