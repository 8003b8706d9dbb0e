// SPDX-License-Identifier: Apache-2.0
//! `run`: create and start in one go; in the foreground also wait and delete.

use super::{Failure, Outcome, delete, make};
use crate::arguments::Arguments;
use crate::foreground;
use crate::global::Global;
use brig_sandbox::execute;
use brig_spec::runtime::{Spec, Status};

pub(super) fn run(global: &Global, words: &[String]) -> Outcome {
    let arguments = Arguments::parse(words, &make::FLAGS, None)?;
    arguments.id()?;
    let bundle = make::read_bundle(&arguments)?;
    let detach = arguments.is_set("detach");
    let signals = foreground::block_signals()?;
    let (made, created) = make::make(global, &arguments, &bundle, false)?;
    let poststart = bundle.spec.hooks.clone().unwrap_or_default().poststart;
    let state = execute::state_document(&made.record.state(Status::Running), Status::Running);
    if let Err(error) = execute::run_hooks("poststart", &poststart, &state) {
        drop(finish(&made, &bundle.spec, true));
        return Err(error.into());
    }
    if detach {
        return Ok(0);
    }
    let code = foreground::wait(created, &signals)?;
    if !arguments.is_set("keep") {
        finish(&made, &bundle.spec, false)?;
    }
    Ok(code)
}

/// Removes the container of a foreground run.
fn finish(made: &make::Made, spec: &Spec, force: bool) -> Result<(), Failure> {
    delete::remove(&made.container, &made.record, Some(spec), force)
}
