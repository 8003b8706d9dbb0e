// SPDX-License-Identifier: Apache-2.0
//! `brig start`.

use super::for_each;
use super::run::{converse, session};
use crate::failure::{Failure, Outcome};
use crate::session::DetachKeys;
use brig_engine::Engine;
use brig_sys::signal::block_all;
use clap::Args;

/// Arguments of `start`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Attach stdout and stderr and pass signals on
    #[arg(short, long)]
    pub(crate) attach: bool,
    /// Attach stdin as well
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// Key sequence for leaving a container with a terminal [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub(crate) detach_keys: Option<String>,
    /// Containers: names, ids or beginnings of ids
    #[arg(value_name = "CONTAINER", required = true)]
    pub(crate) containers: Vec<String>,
}

/// Starts containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    if arguments.attach || arguments.interactive {
        return start_attached(engine, arguments);
    }
    for_each(&arguments.containers, |name| {
        engine.start(&engine.find(name)?, false)?;
        Ok(())
    })
}

fn start_attached(engine: &Engine, arguments: &Arguments) -> Outcome {
    let [name] = &arguments.containers[..] else {
        return Err(Failure::invalid(
            "you cannot start and attach multiple containers at once",
            "start them without `-a` and `-i`, or one by one",
        ));
    };
    let detach_keys = DetachKeys::parse(arguments.detach_keys.as_deref())?;
    let id = engine.find(name)?;
    let record = engine.record(&id)?;
    let stdin = arguments.interactive && record.options.stdin_open;
    super::run::check_terminal(record.options.terminal, stdin)?;
    let signals = block_all()?;
    let socket = match engine.start(&id, true)?.and_then(|started| started.client) {
        Some(socket) => socket,
        // It runs already: join it.
        None => engine.attach(&id)?,
    };
    let session = session(socket, stdin, record.options.terminal, detach_keys, Some(signals));
    converse(engine, &id, session)
}
