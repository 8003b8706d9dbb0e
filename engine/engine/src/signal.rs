// SPDX-License-Identifier: Apache-2.0
//! Signals by name and number, as `docker kill -s` takes them.

use crate::error::{Error, Result};

/// First and last real-time signal, as the C library numbers them.
const RTMIN: i32 = 34;
const RTMAX: i32 = 64;

/// Names of the signals 1 to 31 on Linux, without `SIG`.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// SIGKILL.
pub const KILL: i32 = 9;
/// SIGTERM.
pub const TERM: i32 = 15;

/// Reads `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`.
///
/// # Errors
/// When there is no such signal, in Docker's words.
pub fn parse(text: &str) -> Result<i32> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let number = match name.parse::<i32>() {
        Ok(number) if upper == name => Some(number),
        _ => by_name(name),
    };
    number.filter(|number| (1..=RTMAX).contains(number)).ok_or_else(|| {
        Error::invalid(
            format!("invalid signal: {}", text.escape_debug()),
            "give a name such as `TERM` or a number from 1 to 64",
        )
    })
}

fn by_name(name: &str) -> Option<i32> {
    if let Some(at) = NAMES.iter().position(|&known| known == name) {
        return i32::try_from(at + 1).ok();
    }
    let real_time = |base: i32, rest: &str, sign: i32| -> Option<i32> {
        if rest.is_empty() {
            return Some(base);
        }
        let offset: i32 = rest.strip_prefix(if sign > 0 { '+' } else { '-' })?.parse().ok()?;
        let number = base.checked_add(sign * offset)?;
        (RTMIN..=RTMAX).contains(&number).then_some(number)
    };
    match name {
        "IOT" => Some(6),
        "CLD" => Some(17),
        "POLL" => Some(29),
        _ => name
            .strip_prefix("RTMIN")
            .and_then(|rest| real_time(RTMIN, rest, 1))
            .or_else(|| name.strip_prefix("RTMAX").and_then(|rest| real_time(RTMAX, rest, -1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_names_and_numbers() {
        for (text, number) in [
            ("9", 9),
            ("KILL", 9),
            ("sigterm", 15),
            ("SIGUSR1", 10),
            ("RTMIN", 34),
            ("SIGRTMIN+3", 37),
            ("RTMAX-1", 63),
            ("64", 64),
            ("SYS", 31),
        ] {
            assert_eq!(parse(text).unwrap(), number, "{text}");
        }
    }

    #[test]
    fn parse_unknown_signals_are_refused() {
        for text in ["", "0", "-1", "65", "SIG9", "NOPE", "RTMIN+99", "RTMIN3", "SIG"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
