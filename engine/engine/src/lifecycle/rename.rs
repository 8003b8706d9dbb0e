// SPDX-License-Identifier: Apache-2.0
//! Renaming: reserve the new name, replace the record, release the old name.

use crate::container::record::ContainerRecord;
use crate::container::transition::Transition;
use crate::container::{lookup, names, reservation, status, sweep};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::layout::files;
use brig_sys::fault;

impl Engine {
    /// Gives container `id` the name `new_name`.
    ///
    /// # Errors
    /// When the name is malformed, taken, or the old one, or the container is one that its monitor
    /// removes under its old name.
    pub fn rename(&self, id: &str, new_name: &str) -> Result<()> {
        sweep::sweep(&self.layout)?;
        let _transition = Transition::begin(&self.layout, id)?;
        let mut record = lookup::record(&self.layout, id)?;
        let old = record.name.clone();
        if new_name.strip_prefix('/').unwrap_or(new_name) == old {
            return Err(Error::invalid(
                "Renaming a container with the same name as its current name",
                "choose another name",
            ));
        }
        let state = status::read(&self.layout, id)?.state;
        super::remove::refuse_if_leaving(&record, state)?;
        if record.options.auto_remove && state.is_running() {
            return Err(Error::state(
                format!("container {old} was started with `--rm` and runs"),
                "its monitor knows it by its name; rename it before it is started",
            ));
        }
        let new = new_name.strip_prefix('/').unwrap_or(new_name).to_owned();
        names::validate(&new)?;
        self.settle_rename(&mut record)?;
        // The record says at every step which reservations are the container's.
        record.renaming = Some(new.clone());
        self.write_record(&record)?;
        if let Err(error) = names::allocate(&self.layout, id, Some(&new)) {
            record.renaming = None;
            self.write_record(&record)?;
            return Err(error);
        }
        fault::point("brig.rename-reserved")?;
        record.name = new;
        record.renaming = Some(old);
        self.write_record(&record)?;
        fault::point("brig.rename-recorded")?;
        self.settle_rename(&mut record)
    }

    /// Gives back the name that an ended or killed rename still holds; the caller holds the
    /// transition lock.
    pub(super) fn settle_rename(&self, record: &mut ContainerRecord) -> Result<()> {
        let Some(spare) = record.renaming.take() else { return Ok(()) };
        reservation::release(&self.layout, &self.layout.names(), &spare, &record.id)?;
        self.write_record(record)
    }

    fn write_record(&self, record: &ContainerRecord) -> Result<()> {
        let path = self.layout.container(&record.id).join(files::RECORD);
        Ok(brig_state::atomic::write_json(&path, record)?)
    }
}
