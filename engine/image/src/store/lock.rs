// SPDX-License-Identifier: Apache-2.0
//! The two locks of the store; [`crate::store`] says who takes which.

use super::Store;
use crate::error::Error;
use brig_state::lock::{self, Lock};

/// Holds off removal: while it lives, no image and no layer vanishes.
#[derive(Debug)]
pub struct StoreLock {
    _lock: Lock,
}

impl Store {
    /// Waits until no removal is at work and holds off the next one.
    ///
    /// Container creation holds it from resolving the image until its own record, which names the
    /// layers, is on disk. Not to be held while calling [`Store::remove`] or [`Store::sweep`].
    ///
    /// # Errors
    /// When the lock file cannot be opened.
    pub fn shared_lock(&self) -> Result<StoreLock, Error> {
        Ok(StoreLock { _lock: lock::shared(&self.images().join("lock"))? })
    }

    pub(super) fn exclusive_lock(&self) -> Result<StoreLock, Error> {
        Ok(StoreLock { _lock: lock::exclusive(&self.images().join("lock"))? })
    }

    pub(super) fn references_lock(&self) -> Result<StoreLock, Error> {
        Ok(StoreLock { _lock: lock::exclusive(&self.images().join("refs.lock"))? })
    }
}
