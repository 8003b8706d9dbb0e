// SPDX-License-Identifier: Apache-2.0
//! `brig`: the command line. Docker's commands and words; works without any server.
//!
//! Invariants: single-threaded unless a command says otherwise (it starts monitors by `clone3`);
//! errors are printed here and nowhere else; no logic that a server would need, too.
#![forbid(unsafe_code)]

mod absent;
mod arguments;
mod cli;
mod commands;
mod failure;
mod options;
mod render;
mod session;

use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    // A reader that goes away ends a listing as it ends any other program; a session that has to
    // outlive its readers blocks the signal itself.
    drop(brig_sys::signal::reset_for_exec());
    brig_sys::process::umask(0o022);
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => failure.print(),
    }
}

fn run() -> Result<u8, Failure> {
    let cli = cli::parse(std::env::args_os())?;
    commands::dispatch(cli)
}
