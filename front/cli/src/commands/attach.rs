// SPDX-License-Identifier: Apache-2.0
//! `brig attach`.

use super::run::{check_terminal, converse, session};
use crate::failure::Outcome;
use crate::session::DetachKeys;
use brig_engine::Engine;
use brig_sys::signal::block_all;
use clap::Args;

/// Arguments of `attach`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Key sequence for leaving a container with a terminal [default: ctrl-p,ctrl-q]
    #[arg(long, value_name = "KEYS")]
    pub(crate) detach_keys: Option<String>,
    /// Do not attach stdin
    #[arg(long)]
    pub(crate) no_stdin: bool,
    /// Pass signals on to the container [default: true]
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = crate::arguments::parse_bool
    )]
    sig_proxy: Option<bool>,
    /// Container: name, id or beginning of an id
    #[arg(value_name = "CONTAINER")]
    pub(crate) container: String,
}

/// Attaches to a running container.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let detach_keys = DetachKeys::parse(arguments.detach_keys.as_deref())?;
    let id = engine.find(&arguments.container)?;
    let record = engine.record(&id)?;
    let stdin = !arguments.no_stdin && record.options.stdin_open;
    check_terminal(record.options.terminal, stdin)?;
    let signals = if arguments.sig_proxy.unwrap_or(true) { Some(block_all()?) } else { None };
    let socket = engine.attach(&id)?;
    let session = session(socket, stdin, record.options.terminal, detach_keys, signals);
    converse(engine, &id, session)
}
