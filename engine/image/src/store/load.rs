// SPDX-License-Identifier: Apache-2.0
//! Entrances for images: an archive as a stream or a file, a layout in a directory.

use super::Store;
use super::event::{LoadEvent, LoadedImage};
use super::staging::Staging;
use crate::bundle::{Archive, Bundle, BundleError, Layout, Spool};
use crate::error::Error;
use crate::plan::plan;
use std::fs::File;
use std::io::Read;
use std::path::Path;

impl Store {
    /// Loads the images of a docker-archive or an OCI layout in a tar, plain or compressed with gzip
    /// or zstd, from a stream.
    ///
    /// The stream is copied to a file without a name in `staging/` first, because its documents may
    /// come last. An image that is complete stays loaded when a later one fails.
    ///
    /// # Errors
    /// When the archive is refused, or the store cannot take it; nothing of the failing image stays.
    pub fn load(
        &self,
        reader: impl Read,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Vec<LoadedImage>, Error> {
        self.load_archive(|spool| Archive::from_reader(reader, spool), progress)
    }

    /// Loads as [`Store::load`] from a file, from its present position; a plain tar is read in place
    /// and not copied. Anything but a regular file is read as a stream.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load_file(
        &self,
        file: File,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Vec<LoadedImage>, Error> {
        self.load_archive(|spool| Archive::from_file(file, spool), progress)
    }

    /// Loads the images of an OCI layout in a directory.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn load_dir(
        &self,
        path: &Path,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Vec<LoadedImage>, Error> {
        let layout = Layout::open(path)?;
        let staging = Staging::create(&self.staging())?;
        self.load_bundle(&layout, &staging, progress)
    }

    fn load_archive(
        &self,
        open: impl FnOnce(&mut Spool<'_>) -> Result<Archive, BundleError>,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Vec<LoadedImage>, Error> {
        let staging = Staging::create(&self.staging())?;
        let archive = open(&mut Spool {
            dir: staging.path(),
            limits: self.limits(),
            progress: &mut |bytes| progress(LoadEvent::Spooled { bytes }),
        })?;
        self.load_bundle(&archive, &staging, progress)
    }

    fn load_bundle(
        &self,
        bundle: &dyn Bundle,
        staging: &Staging,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Vec<LoadedImage>, Error> {
        let plans = plan(bundle, self.limits())?;
        plans.iter().map(|plan| self.load_image(plan, staging, progress)).collect()
    }
}
