// SPDX-License-Identifier: Apache-2.0
//! `brig kill`.

use super::for_each;
use crate::failure::Outcome;
use brig_engine::Engine;
use clap::Args;

/// Arguments of `kill`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Signal to send
    #[arg(short, long, value_name = "SIGNAL", default_value = "KILL")]
    pub(crate) signal: String,
    /// Containers: names, ids or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// Sends a signal to containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let signal = brig_engine::signal::parse(&arguments.signal)?;
    for_each(&arguments.containers, |name| Ok(engine.kill(&engine.find(name)?, signal)?))
}
