// SPDX-License-Identifier: Apache-2.0
//! `brig-oci`: an OCI runtime with runc's command line.
//!
//! One invocation is one verb on one container; nothing stays behind but the container's record
//! (see `store`) and its init. Synchronous, single-threaded: it forks by `clone3`.
#![forbid(unsafe_code)]

mod arguments;
mod commands;
mod foreground;
mod global;
mod log;
mod record;
mod store;
mod terminal;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> =
        match std::env::args_os().map(std::ffi::OsString::into_string).collect() {
            Ok(words) => words,
            Err(_) => vec![String::new(), "invalid-utf8".to_owned()],
        };
    let (global, rest) = global::parse(&words[1..]);
    let rest = match rest {
        Ok(rest) => rest,
        Err(report) => return log::fail(&global, &report, 1),
    };
    match commands::run(&global, rest) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => log::fail(&global, &failure.report, failure.exit_code),
    }
}
