// SPDX-License-Identifier: Apache-2.0
//! What people read: tables, templates, sizes, ages.

pub(crate) mod size;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod time;

use std::borrow::Cow;
use std::io::Write;

/// Prints a line to stdout. A reader that has left ends the process (SIGPIPE); other failures have
/// nowhere to be told.
pub(crate) fn line(text: &str) {
    let text = for_terminal(text, crate::session::terminal::stdout_is_terminal());
    let mut stdout = std::io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")));
}

/// Shows control characters as escapes where they would command a terminal: names, labels and
/// messages come from images and containers.
pub(crate) fn for_terminal(text: &str, is_terminal: bool) -> Cow<'_, str> {
    let is_command = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if !is_terminal || !text.contains(is_command) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_command(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_terminal_escapes_commands_only_there() {
        let hostile = "a\u{1b}[2Jb\tc\n\u{9b}x";
        assert_eq!(for_terminal(hostile, false), hostile);
        assert_eq!(for_terminal(hostile, true), "a\\u{1b}[2Jb\tc\n\\u{9b}x");
    }
}
