// SPDX-License-Identifier: Apache-2.0
//! One image on its way in: its layers unpacked side by side, then everything moved into place.
//!
//! Power failures: nothing is synced, as with Docker and as with brig's other records. Measured, one
//! `syncfs` costs 0.15 s on an idle disk and tens of milliseconds to seconds for the smallest image
//! while others write. `layer.json` counts entries and bytes, so a check can find what was lost.

use super::Store;
use super::event::{LoadEvent, LoadedImage};
use super::staging::Staging;
use crate::error::Error;
use crate::layer::{LayerSource, Signal, unpack};
use crate::plan::ImagePlan;
use brig_spec::digest::Digest;
use brig_sys::fault;
use rustix::fs::{Mode, RenameFlags, mkdir, renameat_with};
use rustix::io::Errno;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// Layers unpacked at the same time; more would only make the disk seek.
const WORKERS: usize = 2;

/// Bytes between two reports of progress.
const REPORT_BYTES: u64 = 1 << 20;

impl Store {
    /// Brings one image in.
    pub(super) fn load_image(
        &self,
        plan: &ImagePlan,
        staging: &Staging,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<LoadedImage, Error> {
        let mut ready = BTreeSet::new();
        let present = plan.layers.iter().filter(|source| self.has_layer(&source.diff_id));
        present.for_each(|source| progress(LoadEvent::LayerPresent { diff_id: source.diff_id }));
        loop {
            // Once more only when a removal took a layer between this look and the lock; such a
            // layer is then unpacked here, so the loop ends.
            let wanted = self.missing(plan, &ready);
            self.unpack_all(&wanted, staging, progress)?;
            fault::point("image.unpacked")?;
            ready.extend(wanted.iter().map(|source| source.diff_id));
            let _lock = self.shared_lock()?;
            if self.missing(plan, &ready).is_empty() {
                self.commit(plan, &ready, staging)?;
                return self.name(plan, progress);
            }
        }
    }

    fn missing<'p>(&self, plan: &'p ImagePlan, ready: &BTreeSet<Digest>) -> Vec<&'p LayerSource> {
        let is_missing =
            |s: &&LayerSource| !ready.contains(&s.diff_id) && !self.has_layer(&s.diff_id);
        plan.layers.iter().filter(is_missing).collect()
    }

    /// Moves layers and documents into place; the caller holds the shared lock. The manifest comes
    /// last, for it makes the image.
    fn commit(
        &self,
        plan: &ImagePlan,
        ready: &BTreeSet<Digest>,
        staging: &Staging,
    ) -> Result<(), Error> {
        for diff_id in ready {
            let from = staging.path().join(diff_id.hex());
            move_into_place(&from, &self.layer_dir(diff_id))?;
            fault::point("image.layer-placed")?;
        }
        self.put(&plan.config, &self.config_path(&plan.config_digest), staging)?;
        fault::point("image.config-placed")?;
        self.put(&plan.manifest, &self.manifest_path(&plan.id), staging)?;
        Ok(fault::point("image.manifest-placed")?)
    }

    fn put(&self, bytes: &[u8], path: &Path, staging: &Staging) -> Result<(), Error> {
        let from = staging.path().join("document");
        brig_state::atomic::replace(&from, bytes)?;
        rustix::fs::rename(&from, path).map_err(Error::os("create", path))
    }

    fn name(
        &self,
        plan: &ImagePlan,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<LoadedImage, Error> {
        for tag in &plan.references {
            if let Some(previous) = self.set_tag(tag, &plan.id)? {
                progress(LoadEvent::Renamed { reference: tag.familiar(), previous });
            }
            fault::point("image.tagged")?;
        }
        let references = plan.references.iter().map(|tag| tag.familiar()).collect();
        Ok(LoadedImage { references, id: plan.id })
    }

    /// Unpacks layers into staging, some at a time; the first failure stops the others.
    fn unpack_all(
        &self,
        sources: &[&LayerSource],
        staging: &Staging,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<(), Error> {
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let (events, reports) = sync_channel(64);
            let workers: Vec<_> = (0..WORKERS.min(sources.len()))
                .map(|_| {
                    let work = Work { sources, next: &next, stop: &stop, events: events.clone() };
                    scope.spawn(move || self.work(&work, staging))
                })
                .collect();
            drop(events);
            for event in reports {
                progress(event);
            }
            let failures = workers.into_iter().filter_map(|worker| {
                worker
                    .join()
                    .expect("a panic aborts the process, so a joined thread has returned")
                    .err()
            });
            // The cause is reported, not the layers that were abandoned because of it.
            match failures.min_by_key(is_abandoned) {
                Some(error) => Err(error),
                None => Ok(()),
            }
        })
    }

    fn work(&self, work: &Work<'_>, staging: &Staging) -> Result<(), Error> {
        loop {
            let n = work.next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = work.sources.get(n) else { return Ok(()) };
            let diff_id = source.diff_id;
            let dir = staging.path().join(diff_id.hex());
            mkdir(&dir, Mode::RWXU).map_err(Error::os("create", &dir))?;
            let report = Report { work, source, read: Cell::new(0), reported: Cell::new(0) };
            report.send(0);
            if let Err(source) = unpack(source, &dir, self.limits(), &report) {
                work.stop.store(true, Ordering::Relaxed);
                return Err(Error::Layer { diff_id, source });
            }
            // Nobody listens any more when the caller's thread has gone, which ends this one too.
            drop(work.events.send(LoadEvent::LayerDone { diff_id }));
        }
    }
}

fn is_abandoned(error: &Error) -> bool {
    matches!(error, Error::Layer { source: crate::layer::LayerError::Abandoned, .. })
}

/// What the workers share.
struct Work<'w> {
    sources: &'w [&'w LayerSource],
    next: &'w AtomicUsize,
    stop: &'w AtomicBool,
    events: SyncSender<LoadEvent>,
}

/// Turns bytes read into events.
struct Report<'r> {
    work: &'r Work<'r>,
    source: &'r LayerSource,
    read: Cell<u64>,
    reported: Cell<u64>,
}

impl Report<'_> {
    fn send(&self, bytes: u64) {
        let (diff_id, bytes_total) = (self.source.diff_id, self.source.blob.bytes);
        // As above: without a listener there is nothing to tell.
        drop(self.work.events.send(LoadEvent::LayerProgress { diff_id, bytes, bytes_total }));
    }
}

impl Signal for Report<'_> {
    fn advance(&self, bytes: u64) -> bool {
        let read = self.read.get() + bytes;
        self.read.set(read);
        let is_end = read == self.source.blob.bytes && bytes > 0;
        if is_end || read - self.reported.get() >= REPORT_BYTES {
            self.reported.set(read);
            self.send(read);
        }
        !self.work.stop.load(Ordering::Relaxed)
    }
}

/// Renames a layer to its final name. If another loader was faster, its copy is as good as ours:
/// both were verified against the same digest.
fn move_into_place(from: &Path, to: &Path) -> Result<(), Error> {
    let cwd = rustix::fs::CWD;
    match renameat_with(cwd, from, cwd, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(Errno::EXIST) => Ok(brig_state::tree::remove(from)?),
        Err(errno) => Err(Error::os("create", to)(errno)),
    }
}
