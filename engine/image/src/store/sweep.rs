// SPDX-License-Identifier: Apache-2.0
//! Mark and sweep: what no manifest and no container names goes.

use super::Store;
use super::catalog::hex_names;
use super::remove::Containers;
use super::staging::Staging;
use crate::error::Error;
use brig_spec::digest::Digest;
use std::collections::BTreeSet;

/// What a sweep removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Layers, by diff id.
    pub layers: Vec<Digest>,
    /// Configurations.
    pub configs: Vec<Digest>,
}

/// Removed layers on their way out; dropping it deletes their trees.
pub(super) struct Rubbish {
    swept: Swept,
    _staging: Option<Staging>,
}

/// What images need.
#[derive(Default)]
struct Needed {
    layers: BTreeSet<Digest>,
    configs: BTreeSet<Digest>,
}

impl Store {
    /// Deletes layers and configurations that no image and no container needs.
    ///
    /// # Errors
    /// When the store or the containers cannot be read.
    pub fn sweep(&self, containers: &dyn Containers) -> Result<Swept, Error> {
        let lock = self.exclusive_lock()?;
        let rubbish = self.collect(containers)?;
        drop(lock);
        Ok(rubbish.swept.clone())
    }

    /// Moves what nothing needs out of sight; the caller holds the exclusive lock.
    ///
    /// An image that cannot be read might need anything, so then nothing is taken.
    pub(super) fn collect(&self, containers: &dyn Containers) -> Result<Rubbish, Error> {
        let mut rubbish = Rubbish { swept: Swept::default(), _staging: None };
        let Some(needed) = self.needed()? else { return Ok(rubbish) };
        let in_use = containers.layers().map_err(Error::Containers)?;
        for digest in hex_names(&self.configs())? {
            if !needed.configs.contains(&digest) {
                let path = self.config_path(&digest);
                std::fs::remove_file(&path).map_err(|source| Error::Os {
                    operation: "remove",
                    path,
                    source,
                })?;
                rubbish.swept.configs.push(digest);
            }
        }
        let doomed: Vec<Digest> = hex_names(&self.layers())?
            .into_iter()
            .filter(|digest| !needed.layers.contains(digest) && !in_use.contains(digest))
            .collect();
        if doomed.is_empty() {
            return Ok(rubbish);
        }
        let staging = Staging::create(&self.staging())?;
        for digest in doomed {
            let path = self.layer_dir(&digest);
            rustix::fs::rename(&path, staging.path().join(digest.hex()))
                .map_err(Error::os("remove", &path))?;
            rubbish.swept.layers.push(digest);
        }
        rubbish._staging = Some(staging);
        Ok(rubbish)
    }

    /// Lists the layers and configurations of all images; `None` when an image cannot be read.
    fn needed(&self) -> Result<Option<Needed>, Error> {
        let mut needed = Needed::default();
        for id in self.ids()? {
            let config = match self.manifest(&id) {
                Ok(None) => continue,
                Ok(Some(manifest)) => {
                    needed.configs.insert(manifest.config.digest);
                    self.config(&id, &manifest)
                }
                Err(error) => Err(error),
            };
            match config {
                Ok(config) => needed.layers.extend(config.rootfs.diff_ids),
                Err(Error::Damaged { .. } | Error::State(_)) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(Some(needed))
    }
}
