// SPDX-License-Identifier: Apache-2.0
//! Scratch stores, and archives of every kind.

mod image;
mod tarball;

pub(crate) use image::{
    CONFIG, INDEX, LAYER, Layout, MANIFEST, config, docker_archive, image_archive, sha256,
};
pub(crate) use tarball::{Entry, Tar};

use brig_image::{Error, ImageRecord, Limits, LoadedImage, Store};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that vanishes with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("brig-image-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        brig_state::tree::remove(&self.0).unwrap();
    }
}

/// A store in a scratch directory, with a canary beside it that no archive may touch.
pub(crate) struct Fixture {
    pub(crate) scratch: Scratch,
    pub(crate) store: Store,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path().join("canary")).unwrap();
        std::fs::write(scratch.path().join("canary/secret"), "untouched").unwrap();
        let store = Store::open_with(&scratch.path().join("root"), limits).unwrap();
        Self { scratch, store }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    pub(crate) fn canary(&self) -> PathBuf {
        self.scratch.path().join("canary")
    }

    pub(crate) fn load(&self, archive: &[u8]) -> Result<Vec<LoadedImage>, Error> {
        self.store.load(archive, &mut |_| {})
    }

    /// Loads one layer as an image and returns its tree.
    pub(crate) fn load_layer(&self, layer: Vec<u8>) -> Result<PathBuf, Error> {
        let loaded = self.load(&docker_archive(&[("layer:test", &[layer])]))?;
        let image = self.store.resolve(&loaded[0].id.to_string())?;
        Ok(image.layers[0].path.clone())
    }

    /// Loads one layer that must be refused, and checks that nothing of it is left anywhere.
    pub(crate) fn refuse_layer(&self, layer: Vec<u8>) -> String {
        let error = self.load_layer(layer).unwrap_err();
        self.assert_untouched();
        text(&error)
    }

    pub(crate) fn refuse(&self, archive: &[u8]) -> String {
        let error = self.load(archive).unwrap_err();
        self.assert_untouched();
        text(&error)
    }

    /// Checks that the store is empty and the canary alone and unchanged.
    pub(crate) fn assert_untouched(&self) {
        for dir in ["staging", "layers", "images/manifests", "images/configs", "images/refs"] {
            assert_eq!(names(&self.root().join(dir)), Vec::<String>::new(), "in {dir}");
        }
        self.assert_canary();
    }

    pub(crate) fn assert_canary(&self) {
        assert_eq!(names(&self.canary()), ["secret"]);
        assert_eq!(std::fs::read(self.canary().join("secret")).unwrap(), b"untouched");
        assert_eq!(names(self.scratch.path()), ["canary", "root"]);
    }

    pub(crate) fn resolve(&self, name: &str) -> ImageRecord {
        self.store.resolve(name).unwrap()
    }
}

/// An error with its causes, as the CLI shows it.
pub(crate) fn text(error: &Error) -> String {
    brig_report::chain::chain(error)
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Returns whether a test can go on; says so when it cannot.
pub(crate) fn is_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("SKIP needs root: {test}");
    }
    root
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, part: &str) {
    assert!(text.contains(part), "`{part}` is not in: {text}");
}
