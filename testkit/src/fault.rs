// SPDX-License-Identifier: Apache-2.0
//! The fault hook of brig's programs: stop, kill or fail one of them at a named step.
//!
//! `BRIG_FAULT=<point>=<action>` acts, `BRIG_FAULT_TRACE=<file>` collects the points passed.

use crate::{Invocation, Output};
use std::fs;
use std::path::Path;

/// What happens at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL to itself.
    Kill,
    /// SIGSTOP to itself.
    Stop,
    /// The step returns an error.
    Fail,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Fail => "fail",
        }
    }
}

/// The command with a fault in it.
#[must_use]
pub fn with_fault(invocation: &Invocation, point: &str, action: Action) -> Invocation {
    invocation.clone().env("BRIG_FAULT", format!("{point}={}", action.word()))
}

/// Runs the command once and returns its output and the points that it and its children passed, in
/// order, each once.
///
/// # Panics
/// When the trace cannot be read because no point was passed at all.
#[must_use]
pub fn fault_points(invocation: &Invocation, trace: &Path) -> (Output, Vec<String>) {
    drop(fs::remove_file(trace));
    let output = invocation.clone().env("BRIG_FAULT_TRACE", trace).output();
    let text = fs::read_to_string(trace)
        .unwrap_or_else(|error| panic!("no fault point was passed ({error}): {output}"));
    let mut points: Vec<String> = Vec::new();
    for line in text.lines() {
        if !points.iter().any(|point| point == line) {
            points.push(line.to_owned());
        }
    }
    (output, points)
}
