// SPDX-License-Identifier: Apache-2.0
//! `brig tag`.

use crate::failure::Outcome;
use brig_engine::Engine;
use clap::Args;

/// Arguments of `tag`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Image: name, id or beginning of an id
    #[arg(value_name = "SOURCE_IMAGE[:TAG]")]
    pub(crate) source: String,
    /// The further name
    #[arg(value_name = "TARGET_IMAGE[:TAG]")]
    pub(crate) target: String,
}

/// Gives an image a further name.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    engine.store()?.tag(&arguments.source, &arguments.target)?;
    Ok(0)
}
