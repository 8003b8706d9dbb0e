// SPDX-License-Identifier: Apache-2.0
//! `pause` and `resume`.

use super::Outcome;
use crate::arguments::Arguments;
use crate::global::Global;
use crate::store::{self, Container};
use brig_report::{Kind, Report};
use brig_spec::runtime::Status;

pub(super) fn pause(global: &Global, words: &[String]) -> Outcome {
    switch(global, words, true)
}

pub(super) fn resume(global: &Global, words: &[String]) -> Outcome {
    switch(global, words, false)
}

fn switch(global: &Global, words: &[String], frozen: bool) -> Outcome {
    let arguments = Arguments::parse(words, &[], None)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    let status = container.status(&record)?;
    let allowed = match frozen {
        true => matches!(status, Status::Running | Status::Created),
        false => status == Status::Paused,
    };
    if !allowed {
        let wanted = if frozen { "container not running" } else { "container not paused" };
        return Err(Report::new(Kind::Conflict, wanted).into());
    }
    if !store::freeze(&record.cgroup, frozen)? {
        let text = "no hierarchy of the container's cgroup has a freezer";
        return Err(Report::new(Kind::Unavailable, text).into());
    }
    Ok(0)
}
