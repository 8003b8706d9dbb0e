// SPDX-License-Identifier: Apache-2.0
//! `brig completion`.

use crate::cli::Cli;
use crate::failure::Outcome;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::{Shell, generate};
use std::io::Write;

/// Shells that completion is made for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Name {
    /// The Bourne-again shell.
    Bash,
    /// The Z shell.
    Zsh,
    /// The friendly interactive shell.
    Fish,
}

/// Arguments of `completion`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: source <(brig completion bash)")]
pub(crate) struct Arguments {
    /// The shell
    pub(crate) shell: Name,
}

/// Prints a completion script.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let shell = match arguments.shell {
        Name::Bash => Shell::Bash,
        Name::Zsh => Shell::Zsh,
        Name::Fish => Shell::Fish,
    };
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "brig", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(0)
}
