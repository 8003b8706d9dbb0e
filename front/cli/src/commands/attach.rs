// SPDX-License-Identifier: Apache-2.0
//! `brig attach`.

use super::run::{check_terminal, converse, session};
use crate::failure::Outcome;
use crate::options::ClientArguments;
use crate::session::DetachKeys;
use brig_engine::Engine;
use brig_sys::signal::block_all;
use clap::Args;

/// Arguments of `attach`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    /// Do not attach stdin
    #[arg(long)]
    pub(crate) no_stdin: bool,
    /// Container: name, id or beginning of an id
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}

/// Attaches to a running container.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let detach_keys = DetachKeys::parse(arguments.client.detach_keys.as_deref())?;
    let id = engine.find(&arguments.container)?;
    let record = engine.record(&id)?;
    let stdin = !arguments.no_stdin && record.options.stdin_open;
    check_terminal(record.options.terminal, stdin)?;
    let signals = if arguments.client.sig_proxy() { Some(block_all()?) } else { None };
    let socket = engine.attach(&id)?;
    let session = session(socket, stdin, record.options.terminal, detach_keys, signals);
    converse(engine, &id, session)
}
