// SPDX-License-Identifier: Apache-2.0
//! `brig stop`.

use super::for_each;
use crate::failure::Outcome;
use brig_engine::Engine;
use clap::Args;

/// Arguments of `stop`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Signal to send first [default: the container's]
    #[arg(short, long, value_name = "SIGNAL")]
    pub(crate) signal: Option<String>,
    /// Seconds to wait before killing; -1 waits for ever [default: the container's, or 10]
    #[arg(short, long, visible_alias = "time", value_name = "SECONDS", allow_hyphen_values = true)]
    pub(crate) timeout: Option<i64>,
    /// Containers: names, ids or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// Stops containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let signal = arguments.signal.as_deref().map(brig_engine::signal::parse).transpose()?;
    for_each(&arguments.containers, |name| {
        engine.stop(&engine.find(name)?, signal, arguments.timeout)?;
        Ok(())
    })
}
