// SPDX-License-Identifier: Apache-2.0
//! `brig restart`.

use super::{for_each, stop};
use crate::failure::Outcome;
use brig_engine::Engine;

/// Arguments of `restart`: those of `stop`.
pub(crate) type Arguments = stop::Arguments;

/// Restarts containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let signal = arguments.signal.as_deref().map(brig_engine::signal::parse).transpose()?;
    for_each(&arguments.containers, |name| {
        engine.restart(&engine.find(name)?, signal, arguments.timeout)?;
        Ok(())
    })
}
