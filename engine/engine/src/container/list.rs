// SPDX-License-Identifier: Apache-2.0
//! The list of containers, and what the image store asks of it.

use super::record::ContainerRecord;
use super::status::{self, State, Status};
use super::{lookup, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lifecycle::repair;
use brig_image::{ContainerUse, Containers};
use brig_spec::digest::Digest;
use std::collections::BTreeSet;

/// A container in a list.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its record.
    pub record: ContainerRecord,
    /// What is true of it now.
    pub status: Status,
}

/// A container that could not be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its id.
    pub id: String,
    /// Why.
    pub error: Error,
}

/// All containers.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that could be read, newest first.
    pub containers: Vec<Summary>,
    /// The others: damaged records.
    pub unreadable: Vec<Unreadable>,
}

impl Engine {
    /// Lists all containers, newest first.
    ///
    /// # Errors
    /// When the data root cannot be read.
    pub fn list(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for id in sweep::entries(&self.layout.containers())? {
            if !brig_state::id::is_full(&id) {
                continue;
            }
            match self.summary(&id) {
                Ok(summary) => listing.containers.push(summary),
                // Removed since it was listed, unless only its record is.
                Err(Error::NoSuchContainer(_)) if !lookup::exists(&self.layout, &id) => {}
                Err(error) => listing.unreadable.push(Unreadable { id, error }),
            }
        }
        listing.containers.sort_by(|a, b| {
            (&b.record.created_at, &b.record.id).cmp(&(&a.record.created_at, &a.record.id))
        });
        Ok(listing)
    }

    fn summary(&self, id: &str) -> Result<Summary> {
        let record = self.record(id)?;
        let mut status = status::read(&self.layout, id)?;
        if repair::needs_repair(status.state, &record) {
            repair::repair_if_free(self, id)?;
            status = status::read(&self.layout, id)?;
            // Repairing may have removed it.
            lookup::record(&self.layout, id)?;
        }
        Ok(Summary { record, status })
    }
}

impl Containers for Engine {
    fn of_image(
        &self,
        image: &Digest,
    ) -> std::result::Result<Vec<ContainerUse>, Box<dyn std::error::Error + Send + Sync>> {
        let mut users = Vec::new();
        for record in records(self)? {
            if record.image_id == *image {
                let state = self.status(&record.id).map_or(State::Created, |status| status.state);
                users.push(ContainerUse { id: record.id, running: state.is_running() });
            }
        }
        Ok(users)
    }

    fn layers(
        &self,
    ) -> std::result::Result<BTreeSet<Digest>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(records(self)?.into_iter().flat_map(|record| record.layers).collect())
    }
}

fn records(engine: &Engine) -> Result<Vec<ContainerRecord>> {
    let mut records = Vec::new();
    for id in sweep::entries(&engine.layout.containers())? {
        if !brig_state::id::is_full(&id) {
            continue;
        }
        match lookup::record(&engine.layout, &id) {
            Ok(record) => records.push(record),
            Err(Error::NoSuchContainer(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}
