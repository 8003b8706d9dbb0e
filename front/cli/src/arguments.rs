// SPDX-License-Identifier: Apache-2.0
//! Go's spelling of switches: `--rm=false`, `-i=true`.
//!
//! Switches take no value in help and completion. Only a command line that has such a spelling
//! is parsed by definitions in which every switch takes an optional one.

use clap::{Arg, ArgAction, Command};
use std::ffi::{OsStr, OsString};
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns whether a command line gives a switch a value.
pub(crate) fn has_switch_value(args: &[OsString]) -> bool {
    args.iter().any(|arg| is_switch_value(arg))
}

fn is_switch_value(arg: &OsStr) -> bool {
    let Some((flag, value)) = arg.to_str().and_then(|text| text.split_once('=')) else {
        return false;
    };
    flag.starts_with('-') && parse_bool(value).is_ok()
}

/// Whether switches take values, decided once before the definitions are made. A command's own
/// are made late, by a plain function that can be told nothing.
static SWITCH_VALUES: AtomicBool = AtomicBool::new(false);

/// Makes every definition from here on let switches take a value after `=`.
pub(crate) fn allow_switch_values() {
    SWITCH_VALUES.store(true, Ordering::Relaxed);
}

/// Lets the switches of `command` take a value after `=`, if that was asked for.
pub(crate) fn with_switch_values(command: Command) -> Command {
    match SWITCH_VALUES.load(Ordering::Relaxed) {
        true => command.mut_args(optional_value),
        false => command,
    }
}

fn optional_value(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .default_value("false")
        .value_parser(parse_bool)
}

/// Reads a truth value as Go's `strconv.ParseBool` does.
pub(crate) fn parse_bool(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_switch_value_sees_gos_spelling_only() {
        let has =
            |args: &[&str]| has_switch_value(&args.iter().map(OsString::from).collect::<Vec<_>>());
        assert!(has(&["run", "--rm=false"]) && has(&["run", "-i=1"]));
        assert!(!has(&["run", "--name=web", "-e", "A=true"]));
    }
}
