// SPDX-License-Identifier: Apache-2.0
//! `start`: lets a created container's init go on to the user's program.

use super::{Failure, Outcome};
use crate::arguments::Arguments;
use crate::global::Global;
use crate::store::Container;
use brig_report::{Kind, Report};
use brig_sandbox::execute;
use brig_spec::runtime::Status;

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &[], None)?;
    let container = Container::named(&global.root, arguments.id()?)?;
    let record = container.load()?;
    brig_sys::fault::point("oci.start").map_err(|e| Report::from_error(Kind::Internal, &e))?;
    if !execute::start(&container.directory)? {
        return Err(refusal(container.status(&record)?));
    }
    let hooks = container.config()?.hooks.unwrap_or_default().poststart;
    let state = execute::state_document(&record.state(Status::Running), Status::Running);
    execute::run_hooks("poststart", &hooks, &state)?;
    Ok(0)
}

fn refusal(status: Status) -> Failure {
    let text = match status {
        Status::Stopped => "cannot start a container that has stopped".to_owned(),
        Status::Running | Status::Paused => "cannot start an already running container".to_owned(),
        other => format!("cannot start a container in the {} state", other.as_str()),
    };
    Report::new(Kind::Conflict, text).into()
}
