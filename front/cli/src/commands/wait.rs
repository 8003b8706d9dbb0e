// SPDX-License-Identifier: Apache-2.0
//! `brig wait`.

use crate::failure::{Failure, Outcome};
use crate::render::line;
use brig_engine::Engine;
use clap::Args;

/// Arguments of `wait`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Containers: names, ids or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// Waits for containers and prints their exit codes.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let mut worst = 0;
    for name in &arguments.containers {
        let code = engine.find(name).and_then(|id| engine.wait(&id));
        match code {
            Ok(code) => line(&code.to_string()),
            Err(error) => {
                Failure::from(error).print_code();
                worst = 1;
            }
        }
    }
    Ok(worst)
}
