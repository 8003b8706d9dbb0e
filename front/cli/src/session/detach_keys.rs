// SPDX-License-Identifier: Apache-2.0
//! The key sequence that leaves a container running: ctrl-p ctrl-q unless told otherwise.

use crate::failure::Failure;

/// A sequence of bytes and how far it has been typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DetachKeys {
    keys: Vec<u8>,
    typed: usize,
}

/// What became of some input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// What goes to the container.
    pub(crate) forward: Vec<u8>,
    /// Whether the sequence was completed; what came after it is dropped.
    pub(crate) detach: bool,
}

impl DetachKeys {
    /// Reads Docker's spelling: single characters and `ctrl-<letter or @[\]^_>`, separated by
    /// commas; an empty text switches detaching off.
    pub(crate) fn parse(text: Option<&str>) -> Result<Self, Failure> {
        let text = text.unwrap_or("ctrl-p,ctrl-q");
        let mut keys = Vec::new();
        for key in text.split(',').filter(|_| !text.is_empty()) {
            keys.push(code(key).ok_or_else(|| {
                Failure::invalid(
                    format!("invalid detach keys `{}`", text.escape_debug()),
                    "write keys such as `a` or `ctrl-p`, separated by commas",
                )
            })?);
        }
        Ok(Self { keys, typed: 0 })
    }

    /// Takes input; a beginning of the sequence is held back until it is decided.
    pub(crate) fn scan(&mut self, input: &[u8]) -> Scanned {
        let mut forward = Vec::with_capacity(input.len());
        for &byte in input {
            if self.keys.is_empty() {
                forward.push(byte);
                continue;
            }
            if byte == self.keys[self.typed] {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    self.typed = 0;
                    return Scanned { forward, detach: true };
                }
                continue;
            }
            forward.extend_from_slice(&self.keys[..self.typed]);
            self.typed = 0;
            if byte == self.keys[0] {
                self.typed = 1;
            } else {
                forward.push(byte);
            }
        }
        Scanned { forward, detach: false }
    }
}

fn code(key: &str) -> Option<u8> {
    let bytes = key.as_bytes();
    match key.strip_prefix("ctrl-") {
        Some(control) => match control.as_bytes() {
            [letter @ b'a'..=b'z'] => Some(letter - b'a' + 1),
            [b'@'] => Some(0),
            [sign @ b'['..=b'_'] => Some(sign - b'[' + 27),
            _ => None,
        },
        None if bytes.len() == 1 && bytes[0].is_ascii() => Some(bytes[0]),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(keys: &mut DetachKeys, input: &[u8]) -> (Vec<u8>, bool) {
        let scanned = keys.scan(input);
        (scanned.forward, scanned.detach)
    }

    #[test]
    fn scan_default_sequence_detaches_even_when_split() {
        let mut keys = DetachKeys::parse(None).unwrap();
        assert_eq!(scan(&mut keys, b"ls\n"), (b"ls\n".to_vec(), false));
        assert_eq!(scan(&mut keys, b"a\x10"), (b"a".to_vec(), false));
        assert_eq!(scan(&mut keys, b"\x11rest"), (vec![], true));
    }

    #[test]
    fn scan_broken_off_sequence_is_forwarded() {
        let mut keys = DetachKeys::parse(None).unwrap();
        assert_eq!(scan(&mut keys, b"\x10x"), (b"\x10x".to_vec(), false));
        assert_eq!(scan(&mut keys, b"\x10\x10\x11"), (b"\x10".to_vec(), true));
    }

    #[test]
    fn parse_spellings() {
        assert_eq!(DetachKeys::parse(Some("ctrl-x,a,ctrl-_")).unwrap().keys, [24, b'a', 31]);
        assert!(!scan(&mut DetachKeys::parse(Some("")).unwrap(), b"\x10\x11").1);
        for text in ["ctrl-", "ctrl-1", "ab", ",", "é"] {
            assert!(DetachKeys::parse(Some(text)).is_err(), "{text}");
        }
    }
}
