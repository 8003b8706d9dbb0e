// SPDX-License-Identifier: Apache-2.0
//! One engine: roots, configuration, image store. A value per command, without state of its own.

use crate::config::Config;
use crate::container::record::ContainerRecord;
use crate::container::status::{State, Status};
use crate::container::{lookup, status};
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::lifecycle::repair;
use brig_image::Store;
use brig_state::dirs::Dirs;
use std::path::{Path, PathBuf};

/// The engine below one pair of roots.
#[derive(Debug)]
pub struct Engine {
    pub(crate) layout: Layout,
    pub(crate) config: Config,
    config_path: PathBuf,
}

impl Engine {
    /// Reads the configuration; touches nothing else.
    ///
    /// # Errors
    /// When the configuration file is wrong.
    pub fn open(dirs: &Dirs) -> Result<Self> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(Error::io("resolve", path));
        let layout = Layout { root: absolute(&dirs.root)?, run: absolute(&dirs.run)? };
        Ok(Self { layout, config: Config::load(&dirs.config)?, config_path: dirs.config.clone() })
    }

    /// Opens the image store.
    ///
    /// # Errors
    /// When its directories cannot be made.
    pub fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.layout.root)?)
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the path of the configuration file, which need not exist.
    #[must_use]
    pub fn config_path(&self) -> &Path {
        &self.config_path
    }

    /// Returns the paths below the roots.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns the id of the container that `text` means: name, id, unique id prefix.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub fn find(&self, text: &str) -> Result<String> {
        lookup::find(&self.layout, text)
    }

    /// Returns the record of container `id`.
    ///
    /// # Errors
    /// When it does not exist or its record cannot be read.
    pub fn record(&self, id: &str) -> Result<ContainerRecord> {
        lookup::record(&self.layout, id)
    }

    /// Returns what is true of container `id` now, after repairing what a killed monitor left.
    ///
    /// # Errors
    /// When its records cannot be read.
    pub fn status(&self, id: &str) -> Result<Status> {
        let status = status::read(&self.layout, id)?;
        if status.state != State::Broken {
            return Ok(status);
        }
        repair::repair_if_free(self, id)?;
        status::read(&self.layout, id)
    }
}
