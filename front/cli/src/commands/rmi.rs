// SPDX-License-Identifier: Apache-2.0
//! `brig rmi`.

use crate::failure::{Failure, Outcome};
use crate::render::line;
use brig_engine::Engine;
use brig_image::Removed;
use clap::Args;

/// Arguments of `rmi`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Remove an image with several names, or one that stopped containers use
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Images: names, ids or beginnings of ids
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<String>,
}

/// Removes images.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let store = engine.store()?;
    let mut worst = 0;
    for image in &arguments.images {
        match store.remove(image, arguments.force, engine) {
            Ok(steps) => steps.iter().for_each(|step| match step {
                Removed::Untagged(name) => line(&format!("Untagged: {name}")),
                Removed::Deleted(id) => line(&format!("Deleted: {id}")),
            }),
            Err(error) => {
                Failure::from(error).print_code();
                worst = 1;
            }
        }
    }
    Ok(worst)
}
