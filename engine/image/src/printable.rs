// SPDX-License-Identifier: Apache-2.0
//! Hostile bytes made fit for an error message: bounded, no control characters.

const CHARACTERS_MAX: usize = 256;

/// Returns `bytes` as text for people; never parsed again and never used as a path.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    for (n, character) in text.chars().enumerate() {
        if n == CHARACTERS_MAX {
            out.push_str("...");
            break;
        }
        if character.is_control() || is_direction(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Marks that reorder the text around them on a terminal.
fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printable_with_escapes_and_length_is_harmless() {
        assert_eq!(printable(b"a\x1b[31m\n\xff"), "a\\u{1b}[31m\\n\u{fffd}");
        assert!(printable(&[b'x'; 5000]).len() < 300);
    }
}
