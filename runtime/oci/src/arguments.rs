// SPDX-License-Identifier: Apache-2.0
//! Options and operands of a verb. By hand: a parser library costs more than a whole `state`.

use brig_report::{Kind, Report};
use std::collections::BTreeMap;

/// An option that a verb knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    /// Long name without dashes.
    pub(crate) name: &'static str,
    /// One-letter name, or 0.
    pub(crate) short: u8,
    /// Whether it takes a value.
    pub(crate) value: bool,
}

/// An option without a value.
pub(crate) const fn switch(name: &'static str, short: u8) -> Flag {
    Flag { name, short, value: false }
}

/// An option with a value.
pub(crate) const fn value(name: &'static str, short: u8) -> Flag {
    Flag { name, short, value: true }
}

/// What was typed.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    values: BTreeMap<&'static str, Vec<String>>,
    /// Operands in order.
    pub(crate) operands: Vec<String>,
}

impl Arguments {
    /// Parses words. Options may stand before or after operands; with `command_after` given,
    /// everything after that many operands is an operand (the command of `exec`).
    ///
    /// # Errors
    /// An unknown option, or one without its value.
    pub(crate) fn parse(
        words: &[String],
        flags: &[Flag],
        command_after: Option<usize>,
    ) -> Result<Self, Report> {
        let mut out = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" || command_after.is_some_and(|n| out.operands.len() >= n) {
                out.operands.extend((word != "--").then(|| word.clone()));
                out.operands.extend(words.cloned());
                break;
            }
            if !word.starts_with('-') || word == "-" {
                out.operands.push(word.clone());
                continue;
            }
            let (flag, inline) = find(word, flags)?;
            let text = match (flag.value, inline) {
                (true, Some(text)) => text,
                (true, None) => words.next().cloned().ok_or_else(|| {
                    Report::new(Kind::Invalid, format!("flag needs an argument: {word}"))
                })?,
                (false, text) => text.unwrap_or_else(|| "true".to_owned()),
            };
            out.values.entry(flag.name).or_default().push(text);
        }
        Ok(out)
    }

    /// Returns the last value of an option.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// Returns all values of an option.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns whether a switch is on.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some_and(|text| text != "false")
    }

    /// Returns an option's number.
    ///
    /// # Errors
    /// When it is not one.
    pub(crate) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Report> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Report::new(Kind::Invalid, format!("invalid value {text:?} for flag --{name}"))
                })
            })
            .transpose()
    }

    /// Returns the container's id, the first operand.
    ///
    /// # Errors
    /// When it is missing.
    pub(crate) fn id(&self) -> Result<&str, Report> {
        self.operands.first().map(String::as_str).ok_or_else(|| {
            Report::new(Kind::Invalid, "the container id is missing")
                .hint("`brig-oci --help` lists each command with its arguments")
        })
    }
}

/// Finds an option by `--name`, `--name=value`, `-name` (Go's spelling) or `-n`.
fn find(word: &str, flags: &[Flag]) -> Result<(Flag, Option<String>), Report> {
    let bare = word.trim_start_matches('-');
    let (name, inline) = match bare.split_once('=') {
        Some((name, text)) => (name, Some(text.to_owned())),
        None => (bare, None),
    };
    let matches = |flag: &&Flag| {
        flag.name == name
            || (name.len() == 1 && flag.short != 0 && name.as_bytes()[0] == flag.short)
    };
    match flags.iter().find(matches) {
        Some(flag) => Ok((*flag, inline)),
        None => Err(Report::new(Kind::Invalid, format!("unknown flag: {word}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: [Flag; 3] = [value("bundle", b'b'), switch("detach", b'd'), value("env", b'e')];

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn parse_option_after_the_id_is_taken() {
        let parsed = Arguments::parse(&words("c1 --bundle /b -d"), &FLAGS, None).unwrap();
        assert_eq!(parsed.id().unwrap(), "c1");
        assert_eq!(parsed.get("bundle"), Some("/b"));
        assert!(parsed.is_set("detach"));
    }

    #[test]
    fn parse_command_after_the_id_keeps_its_options() {
        let parsed =
            Arguments::parse(&words("-e A=1 --env=B=2 c1 ls -d"), &FLAGS, Some(1)).unwrap();
        assert_eq!(parsed.operands, ["c1", "ls", "-d"]);
        assert_eq!(parsed.all("env"), ["A=1", "B=2"]);
        assert!(!parsed.is_set("detach"));
    }

    #[test]
    fn parse_unknown_flag_is_refused() {
        assert!(Arguments::parse(&words("--what c1"), &FLAGS, None).is_err());
        assert!(Arguments::parse(&words("c1 --bundle"), &FLAGS, None).is_err());
    }
}
