// SPDX-License-Identifier: Apache-2.0
//! The store: its directories, and the operations on them.
//!
//! ```text
//! ROOT/images/manifests/HEX      one per image; the file name is the image id
//! ROOT/images/configs/HEX
//! ROOT/images/refs/NAME.json     one per tag
//! ROOT/images/lock               shared: something appears; exclusive: something vanishes
//! ROOT/images/refs.lock          exclusive: a tag changes
//! ROOT/layers/HEX/fs             a layer's tree, by diff id
//! ROOT/layers/HEX/layer.json     what was recorded about it
//! ROOT/staging/PID-RANDOM/       unfinished work, locked by its writer
//! ```
//!
//! Locks. `load` works in staging without a lock and takes the shared one only to move its results
//! into place. Creating a container takes it too (`shared_lock`) from resolving the image until the
//! container's record is on disk. `remove` takes it exclusively, so that it sees either the
//! finished record or no container at all, and no layer that just came and is not yet named by a
//! manifest. A thread that holds the shared lock must not call `remove`.
//!
//! What a kill leaves behind: staging directories (removed by the next `open`), layers and
//! configurations no manifest names (removed by the next `remove`), an image without a tag.

mod catalog;
pub(crate) mod event;
mod load;
mod loading;
pub(crate) mod lock;
pub(crate) mod record;
mod references;
pub(crate) mod remove;
mod resolve;
mod staging;
pub(crate) mod sweep;

use crate::error::Error;
use crate::limits::Limits;
use brig_spec::digest::Digest;
use rustix::fs::{Mode, mkdir};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// The image store below a data root.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    limits: Limits,
}

impl Store {
    /// Opens the store below `root`, making its directories (mode 0700) when missing.
    ///
    /// What killed writers left in `staging/` is removed; finding none costs one directory listing.
    ///
    /// # Errors
    /// When a directory cannot be made.
    pub fn open(root: &Path) -> Result<Self, Error> {
        Self::open_with(root, Limits::DEFAULT)
    }

    /// Opens the store with bounds of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(root: &Path, limits: Limits) -> Result<Self, Error> {
        let store = Self { root: root.to_owned(), limits };
        let images = store.images();
        let dirs = [
            store.root.clone(),
            images.clone(),
            store.manifests(),
            store.configs(),
            store.references_dir(),
            store.layers(),
            store.staging(),
        ];
        // The last one is made last: if it is there, so are all.
        if rustix::fs::access(store.staging(), rustix::fs::Access::EXISTS).is_err() {
            if let Some(above) = root.parent() {
                std::fs::create_dir_all(above).map_err(|source| Error::Os {
                    operation: "create",
                    path: above.to_owned(),
                    source,
                })?;
            }
            dirs.iter().try_for_each(|dir| make_private(dir))?;
        }
        staging::remove_abandoned(&store.staging());
        Ok(store)
    }

    /// Returns the bounds in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Returns the directory of a layer's tree, whether or not it exists.
    #[must_use]
    pub fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.layer_dir(diff_id).join("fs")
    }

    fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    fn manifests(&self) -> PathBuf {
        self.images().join("manifests")
    }

    fn configs(&self) -> PathBuf {
        self.images().join("configs")
    }

    fn references_dir(&self) -> PathBuf {
        self.images().join("refs")
    }

    fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    fn layer_dir(&self, diff_id: &Digest) -> PathBuf {
        self.layers().join(diff_id.hex())
    }

    fn manifest_path(&self, id: &Digest) -> PathBuf {
        self.manifests().join(id.hex())
    }

    fn config_path(&self, digest: &Digest) -> PathBuf {
        self.configs().join(digest.hex())
    }
}

fn make_private(path: &Path) -> Result<(), Error> {
    match mkdir(path, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(Error::os("create", path)(errno)),
    }
}
