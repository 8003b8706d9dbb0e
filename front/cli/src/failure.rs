// SPDX-License-Identifier: Apache-2.0
//! The error edge: every message to stderr and every exit code other than a container's.

use crate::absent;
use crate::render::for_terminal;
use crate::session::terminal;
use brig_report::{Kind, Report};
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Exit code for a command line that cannot be understood, as Docker's.
const USAGE: u8 = 125;

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something to tell, with the exit code of one-shot commands.
    Report(Report),
    /// The same from `run`, `create` and `exec`, whose other codes are the container's.
    Run(Report),
    /// The command line is wrong.
    Usage(Box<clap::Error>),
}

/// Result of a command: its exit code.
pub(crate) type Outcome = Result<u8, Failure>;

impl Failure {
    pub(crate) fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Report(Report::new(Kind::Invalid, message).hint(hint))
    }

    /// Marks the failure as one of `run`, `create` or `exec`.
    pub(crate) fn of_run(self) -> Self {
        match self {
            Self::Report(report) => Self::Run(report),
            other => other,
        }
    }

    /// Prints it and returns the exit code.
    pub(crate) fn print(self) -> ExitCode {
        ExitCode::from(self.print_code())
    }

    pub(crate) fn print_code(self) -> u8 {
        match self {
            Self::Report(report) => {
                say(&report);
                report.kind.exit_code()
            }
            Self::Run(report) => {
                say(&report);
                report.kind.run_exit_code()
            }
            Self::Usage(error) => print_usage(&error),
        }
    }
}

/// Prints a message to stderr under the program's name.
pub(crate) fn say(message: &dyn Display) {
    let text = format!("brig: {message}");
    let text = for_terminal(&text, terminal::stderr_is_terminal());
    // Nobody is left to tell when stderr is gone.
    drop(writeln!(std::io::stderr(), "{text}"));
}

fn print_usage(error: &clap::Error) -> u8 {
    use clap::error::ErrorKind as E;
    if matches!(
        error.kind(),
        E::DisplayHelp | E::DisplayVersion | E::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        drop(error.print());
        return 0;
    }
    match absent::report(error) {
        Some(report) => say(&report),
        None => {
            let text = error.render().to_string();
            say(&text.strip_prefix("error: ").unwrap_or(&text).trim_end());
        }
    }
    match error.kind() {
        // Docker tells a missing argument from a wrong flag.
        E::MissingRequiredArgument | E::InvalidSubcommand | E::TooManyValues => 1,
        _ => USAGE,
    }
}

impl From<brig_engine::Error> for Failure {
    fn from(error: brig_engine::Error) -> Self {
        Self::Report(error.report())
    }
}

impl From<brig_image::Error> for Failure {
    fn from(error: brig_image::Error) -> Self {
        brig_engine::Error::from(error).into()
    }
}

impl From<brig_sys::SysError> for Failure {
    fn from(error: brig_sys::SysError) -> Self {
        Self::Report(Report::from_error(Kind::Internal, &error))
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self::Usage(Box::new(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Report(Report::from_error(Kind::Internal, &error))
    }
}
