// SPDX-License-Identifier: Apache-2.0
//! An error at the edge of a program.

use crate::Kind;
use std::error::Error;
use std::fmt;

/// A failure ready to be shown: one sentence, the causes joined to it, and remedies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What kind of failure; decides exit code and HTTP status.
    pub kind: Kind,
    /// The sentence: what failed, on which object, and why; lower case, no full stop.
    pub message: String,
    /// What to do about it, one entry a line.
    pub hints: Vec<String>,
}

impl Report {
    /// Makes a report of one sentence.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Makes a report of an error and all its sources, joined by `: `.
    pub fn from_error(kind: Kind, error: &(dyn Error + 'static)) -> Self {
        Self::new(kind, chain(error))
    }

    /// Adds a remedy; an equal one is not repeated.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() && !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
        self
    }
}

/// Joins an error and its sources by `: `.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for hint in &self.hints {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for Report {}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("read the record")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn from_error_with_source_joins_the_chain_once() {
        let error = Outer(std::io::Error::other("disk on fire"));
        let report =
            Report::from_error(Kind::Internal, &error).hint("buy a disk").hint("buy a disk");
        assert_eq!(report.to_string(), "read the record: disk on fire\nhint: buy a disk");
    }
}
