// SPDX-License-Identifier: Apache-2.0
//! `brig rm`.

use super::for_each;
use crate::failure::Outcome;
use brig_engine::{Engine, Error};
use clap::Args;

/// Arguments of `rm`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Remove running containers, too, and do not mind missing ones
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Remove anonymous volumes: brig's containers have none, so there is nothing more to remove
    #[arg(short, long)]
    pub(crate) volumes: bool,
    /// Containers: names, ids or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// Removes containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    engine.sweep()?;
    for_each(&arguments.containers, |name| {
        match engine.find(name).and_then(|id| engine.remove(&id, arguments.force)) {
            // Docker: what is not there is as good as removed, but said.
            Err(error @ Error::NoSuchContainer(_)) if arguments.force => {
                crate::failure::say(&error);
                Ok(())
            }
            other => Ok(other?),
        }
    })
}
