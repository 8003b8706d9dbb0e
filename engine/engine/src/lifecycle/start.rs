// SPDX-License-Identifier: Apache-2.0
//! Create and start.

use super::remains::Remains;
use crate::container::create::RunRequest;
use crate::container::record::ContainerRecord;
use crate::container::status::{self, State};
use crate::container::transition::Transition;
use crate::container::{bind_sources, make};
use crate::container::{idmap, lookup, names, sweep};
use crate::engine::Engine;
use crate::error::Result;
use crate::launch::{Launched, launch};
use std::os::fd::OwnedFd;

/// A container that was started.
#[derive(Debug)]
pub struct Started {
    /// Its id.
    pub id: String,
    /// Its first attach client, if one was asked for: speaks `brig_spec::monitor::frame`.
    pub client: Option<OwnedFd>,
}

/// A container that was made and may be started by its maker without anybody coming between.
#[derive(Debug)]
pub struct Created {
    record: ContainerRecord,
    transition: Transition,
}

impl Created {
    /// Returns its record.
    #[must_use]
    pub fn record(&self) -> &ContainerRecord {
        &self.record
    }
}

impl Engine {
    /// Creates a container.
    ///
    /// # Errors
    /// When the image is missing, the name is taken, or the request cannot be met.
    pub fn create(&self, request: &RunRequest) -> Result<Created> {
        bind_sources::check(&request.options)?;
        self.layout.make_data()?;
        sweep::sweep(&self.layout)?;
        let (record, transition) = make::make(self, request)?;
        Ok(Created { record, transition })
    }

    /// Starts a container that [`Engine::create`] has just made.
    ///
    /// # Errors
    /// As [`Engine::start`].
    pub fn start_created(&self, created: Created, attach: bool) -> Result<Started> {
        let Created { record, transition } = created;
        let started = self.launch(&record, &transition, attach)?;
        Ok(started.expect("nobody else can start it under the lock of its maker"))
    }

    /// Starts container `id`; `None` when it runs already.
    ///
    /// # Errors
    /// When it does not exist, or its process cannot be started.
    pub fn start(&self, id: &str, attach: bool) -> Result<Option<Started>> {
        sweep::sweep(&self.layout)?;
        let transition = Transition::begin(&self.layout, id)?;
        // A start whose starter was killed goes on without it, and its outcome decides.
        self.settled_state(id)?;
        let mut status = status::read(&self.layout, id)?;
        if status.state == State::Broken {
            super::repair::repair(self, id, &transition)?;
            status = status::read(&self.layout, id)?;
        }
        if status.state.is_running() {
            return Ok(None);
        }
        let mut record = lookup::record(&self.layout, id)?;
        super::remove::refuse_if_leaving(&record, status.state)?;
        self.settle_rename(&mut record)?;
        // The last run's monitor may still be removing files that the next one needs.
        let remains = Remains::of(&self.layout, id);
        remains.await_monitor();
        if remains.is_known_to_runtime() {
            remains.clear()?;
        }
        names::confirm(&self.layout, id, &record.name)?;
        if let Some(slot) = record.id_slot {
            idmap::confirm(&self.layout, id, slot)?;
        }
        self.launch(&record, &transition, attach)
    }

    fn launch(
        &self,
        record: &ContainerRecord,
        transition: &Transition,
        attach: bool,
    ) -> Result<Option<Started>> {
        let launched =
            bind_sources::make(&record.options).and_then(|()| launch(&self.layout, record, attach));
        match launched {
            Ok(Launched::Started(client)) => Ok(Some(Started { id: record.id.clone(), client })),
            Ok(Launched::AlreadyRunning) => {
                self.settled_state(&record.id)?;
                Ok(None)
            }
            Err(error) => {
                // The start's own failure is what is told; what cannot be tidied up now is by the
                // next command that sees it.
                drop(self.tidy_failed_start(record, transition));
                Err(error)
            }
        }
    }

    /// A monitor that was killed has left something, and one that never began has not removed
    /// what was to be removed.
    fn tidy_failed_start(&self, record: &ContainerRecord, transition: &Transition) -> Result<()> {
        // What was told to have failed must not run.
        if self.settled_state(&record.id)?.is_running() {
            Remains::of(&self.layout, &record.id).end()?;
        }
        super::repair::repair(self, &record.id, transition)?;
        if record.options.auto_remove {
            super::remove::discard(self, &record.id)?;
        }
        Ok(())
    }
}
