// SPDX-License-Identifier: Apache-2.0
//! The list of commands to time: `NAME<TAB>COMMAND`, or `NAME<TAB>COMMAND<TAB>WRAPPER`, one a line.

use std::io;

use super::invalid;

/// One command. Words are split at blanks; there is no shell.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Case {
    /// What the table calls it.
    pub(super) name: String,
    /// The program and its arguments.
    pub(super) words: Vec<String>,
    /// A program that gives the command another view of the machine and executes its arguments;
    /// empty for none.
    pub(super) wrapper: Vec<String>,
}

impl Case {
    /// Reads a list; empty lines and those that start with `#` are skipped.
    pub(super) fn parse_list(text: &str) -> io::Result<Vec<Self>> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(Self::parse).collect()
    }

    fn parse(line: &str) -> io::Result<Self> {
        let mut fields = line.split('\t');
        let name = fields.next().unwrap_or_default().to_owned();
        let mut words = || -> Vec<String> {
            fields.next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        let case = Self { name, words: words(), wrapper: words() };
        if case.words.is_empty() {
            return Err(invalid(format!("`{line}` is not NAME<TAB>COMMAND")));
        }
        Ok(case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_list_without_tab_or_command_is_refused() {
        assert!(Case::parse_list("name command").is_err());
        assert!(Case::parse_list("name\t ").is_err());
    }

    #[test]
    fn parse_list_reads_the_wrapper() {
        let cases = Case::parse_list("# x\n\na\tb c\nd\te\tf g\n").unwrap();
        assert_eq!(cases[0].words, ["b", "c"]);
        assert!(cases[0].wrapper.is_empty());
        assert_eq!(cases[1].wrapper, ["f", "g"]);
    }
}
