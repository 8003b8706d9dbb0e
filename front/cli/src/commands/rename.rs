// SPDX-License-Identifier: Apache-2.0
//! `brig rename`.

use crate::failure::Outcome;
use brig_engine::Engine;
use clap::Args;

/// Arguments of `rename`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Container: name, id or beginning of an id
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
    /// The new name
    #[arg(value_name = "NEW_NAME")]
    pub(crate) new_name: String,
}

/// Renames a container.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    engine.rename(&engine.find(&arguments.container)?, &arguments.new_name)?;
    Ok(0)
}
