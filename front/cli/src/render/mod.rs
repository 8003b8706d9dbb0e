// SPDX-License-Identifier: Apache-2.0
//! What people read: tables, templates, sizes, ages.

pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod time;

use std::io::Write;

/// Prints a line to stdout. A reader that has left ends the process (SIGPIPE); other failures have
/// nowhere to be told.
pub(crate) fn line(text: &str) {
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")));
}
