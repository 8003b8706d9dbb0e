// SPDX-License-Identifier: Apache-2.0
//! `brig-probe`: answers questions from inside a container, `brig-probe VERB ARG.. -- VERB ARG..`.
//!
//! One static file is the whole root file system of a test. Each verb prints stable text or one line
//! of JSON; a verb that cannot answer says `brig-probe: VERB: ERRNO` on standard error, exit code 1,
//! and ends the chain. `try-*` verbs print `OK` or the name of the error and go on. It trusts its
//! arguments, which come from the test, and nothing else.

mod attempt;
mod capability;
mod errno;
mod files;
mod host;
mod identity;
mod load;
mod mounts;
mod net;
mod raw;
mod seccomp;
mod signals;
mod status;
mod syscalls;
mod terminal;

use std::io::{self, Write};
use std::process::ExitCode;

/// Why a verb has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A call failed.
    Errno(i32),
    /// The verb was called wrongly, or met something it does not understand.
    Text(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        error.raw_os_error().map_or_else(|| Self::Text(error.to_string()), Self::Errno)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Errno(errno.raw_os_error())
    }
}

/// An answer: what to print, one line or several, without the last newline.
pub(crate) type Answer = Result<String, Failure>;

/// The arguments of one verb.
pub(crate) struct Args<'a> {
    verb: &'a str,
    rest: &'a [String],
}

impl Args<'_> {
    /// The argument at `index`.
    pub(crate) fn text(&self, index: usize) -> Result<&str, Failure> {
        self.rest
            .get(index)
            .map(String::as_str)
            .ok_or_else(|| Failure::Text(format!("argument {} is missing", index + 1)))
    }

    /// The argument at `index` as a number, with `0x` and `0o` understood.
    pub(crate) fn number(&self, index: usize) -> Result<u64, Failure> {
        let text = self.text(index)?;
        let parsed = if let Some(hex) = text.strip_prefix("0x") {
            u64::from_str_radix(hex, 16)
        } else if let Some(octal) = text.strip_prefix("0o") {
            u64::from_str_radix(octal, 8)
        } else {
            text.parse()
        };
        parsed.map_err(|_| Failure::Text(format!("not a number: {text}")))
    }

    /// All arguments.
    pub(crate) fn all(&self) -> &[String] {
        self.rest
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect();
    for part in arguments.get(1..).unwrap_or_default().split(|word| word == "--") {
        let Some((verb, rest)) = part.split_first() else { continue };
        let args = Args { verb, rest };
        // These end the chain: what follows is not theirs to interpret.
        match verb.as_str() {
            "exit" => return exit_code(&args),
            "pty-exec" | "in-ns" | "pure-v1" | "exec" => {
                let from = arguments.iter().position(|word| word == "--").map_or(0, |at| at + 1);
                let failure = host::run(&args, arguments.get(from..).unwrap_or_default());
                return complain(verb, &failure);
            }
            _ => {}
        }
        match answer(&args) {
            Ok(text) => say(&text),
            Err(failure) => return complain(verb, &failure),
        }
    }
    ExitCode::SUCCESS
}

fn answer(args: &Args<'_>) -> Answer {
    const GROUPS: &[fn(&Args<'_>) -> Option<Answer>] = &[
        files::answer,
        identity::answer,
        status::answer,
        mounts::answer,
        attempt::answer,
        seccomp::answer,
        signals::answer,
        terminal::answer,
        load::answer,
        net::answer,
    ];
    GROUPS
        .iter()
        .find_map(|group| group(args))
        .unwrap_or_else(|| Err(Failure::Text("no such verb".to_owned())))
}

/// Prints an answer; an empty one prints nothing.
pub(crate) fn say(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut out = io::stdout().lock();
    // Nobody listens any more: there is nobody to tell.
    drop(writeln!(out, "{text}").and_then(|()| out.flush()));
}

fn complain(verb: &str, failure: &Failure) -> ExitCode {
    let text = match failure {
        Failure::Errno(number) => errno::name(*number),
        Failure::Text(text) => text.clone(),
    };
    drop(writeln!(io::stderr(), "brig-probe: {verb}: {text}"));
    ExitCode::FAILURE
}

fn exit_code(args: &Args<'_>) -> ExitCode {
    match args.number(0).map(u8::try_from) {
        Ok(Ok(code)) => ExitCode::from(code),
        _ => complain(args.verb, &Failure::Text("not an exit code".to_owned())),
    }
}
