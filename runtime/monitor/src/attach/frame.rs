// SPDX-License-Identifier: Apache-2.0
//! Frames of the attach socket, decoded as they arrive.
//!
//! Invariant: nothing is buffered but a header and the few bytes of a control payload, so a
//! client cannot make the monitor hold memory by announcing a large frame.

use brig_spec::monitor::frame::{PAYLOAD_MAX, RESIZE, STDERR, STDIN, STDIN_EOF, STDOUT, STREAMS};

/// Bytes of a header.
pub(crate) const HEADER_BYTES: usize = 8;

/// Largest payload of a control frame, bytes.
const CONTROL_BYTES_MAX: usize = 4;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Incoming<'a> {
    /// Bytes for stdin; a frame may arrive in several.
    Stdin(&'a [u8]),
    /// No more bytes for stdin.
    StdinEof,
    /// New size of the client's terminal.
    Resize {
        /// Rows.
        rows: u16,
        /// Columns.
        columns: u16,
    },
    /// Which output the client wants.
    Streams {
        /// Standard output, or the terminal.
        stdout: bool,
        /// Standard error.
        stderr: bool,
    },
}

/// A client that does not speak the protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// The kind is unknown or flows the other way.
    #[error("unexpected frame of kind {kind}")]
    Kind { kind: u8 },
    /// The payload is not as long as the kind wants it.
    #[error("frame of kind {kind} with a payload of {length} bytes")]
    Length { kind: u8, length: usize },
}

/// A client's position in the stream of frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    header: [u8; HEADER_BYTES],
    header_length: usize,
    /// Bytes of the current payload still to come; valid once the header is complete.
    payload_left: usize,
    control: [u8; CONTROL_BYTES_MAX],
    control_length: usize,
}

impl Decoder {
    /// Takes bytes from the front of `input` and returns the next event, or `None` when `input`
    /// is used up.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Incoming<'a>>, FrameError> {
        loop {
            if self.header_length < HEADER_BYTES && !self.read_header(input)? {
                return Ok(None);
            }
            if self.header[0] == STDIN {
                let bytes = take(input, self.payload_left);
                self.payload_left -= bytes.len();
                self.header_length = if self.payload_left == 0 { 0 } else { HEADER_BYTES };
                if !bytes.is_empty() {
                    return Ok(Some(Incoming::Stdin(bytes)));
                }
                if input.is_empty() {
                    return Ok(None);
                }
                continue;
            }
            let bytes = take(input, self.payload_left);
            let end = self.control_length + bytes.len();
            self.control[self.control_length..end].copy_from_slice(bytes);
            self.control_length = end;
            self.payload_left -= bytes.len();
            if self.payload_left > 0 {
                return Ok(None);
            }
            (self.header_length, self.control_length) = (0, 0);
            return Ok(Some(self.control_event()));
        }
    }

    /// Returns whether the header is complete, and checks it.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, FrameError> {
        let bytes = take(input, HEADER_BYTES - self.header_length);
        let end = self.header_length + bytes.len();
        self.header[self.header_length..end].copy_from_slice(bytes);
        self.header_length = end;
        if end < HEADER_BYTES {
            return Ok(false);
        }
        let kind = self.header[0];
        let [.., a, b, c, d] = self.header;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let allowed = match kind {
            STDIN => length <= PAYLOAD_MAX,
            STDIN_EOF => length == 0,
            STREAMS => length == 1,
            RESIZE => length == 4,
            _ => return Err(FrameError::Kind { kind }),
        };
        if !allowed {
            return Err(FrameError::Length { kind, length });
        }
        self.payload_left = length;
        Ok(true)
    }

    fn control_event(&self) -> Incoming<'static> {
        let [a, b, c, d] = self.control;
        match self.header[0] {
            STDIN_EOF => Incoming::StdinEof,
            STREAMS => {
                Incoming::Streams { stdout: a & (1 << STDOUT) != 0, stderr: a & (1 << STDERR) != 0 }
            }
            _ => Incoming::Resize {
                rows: u16::from_be_bytes([a, b]),
                columns: u16::from_be_bytes([c, d]),
            },
        }
    }
}

/// Splits up to `count` bytes off the front of `input`.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}

/// Returns the header of a frame whose payload has `length` bytes.
pub(crate) fn header(kind: u8, length: usize) -> [u8; HEADER_BYTES] {
    let length = u32::try_from(length).expect("no payload exceeds PAYLOAD_MAX");
    let [a, b, c, d] = length.to_be_bytes();
    [kind, 0, 0, 0, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use brig_spec::monitor::frame::EXIT;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&header(kind, payload.len()), payload].concat()
    }

    /// Decodes `bytes` in chunks of `size`, joining neighbouring stdin events.
    fn decode(bytes: &[u8], size: usize) -> Result<Vec<String>, FrameError> {
        let mut decoder = Decoder::default();
        let mut events: Vec<String> = Vec::new();
        let mut stdin_open = false;
        for mut chunk in bytes.chunks(size) {
            while let Some(event) = decoder.next(&mut chunk)? {
                if let Incoming::Stdin(bytes) = event {
                    let text = String::from_utf8_lossy(bytes);
                    match events.last_mut().filter(|_| stdin_open) {
                        Some(last) => last.push_str(&text),
                        None => events.push(format!("stdin {text}")),
                    }
                    stdin_open = true;
                } else {
                    events.push(format!("{event:?}"));
                    stdin_open = false;
                }
            }
        }
        Ok(events)
    }

    #[test]
    fn next_any_chunking_gives_the_same_events() {
        let bytes = [
            frame(STDIN, b"hello "),
            frame(STDIN, b""),
            frame(STDIN, b"world"),
            frame(RESIZE, &[0, 24, 0, 80]),
            frame(STREAMS, &[0b10]),
            frame(STDIN_EOF, b""),
        ]
        .concat();
        for size in 1..=bytes.len() {
            assert_eq!(
                decode(&bytes, size).unwrap(),
                [
                    "stdin hello world",
                    "Resize { rows: 24, columns: 80 }",
                    "Streams { stdout: true, stderr: false }",
                    "StdinEof",
                ],
                "chunks of {size}"
            );
        }
    }

    #[test]
    fn next_wrong_kind_or_length_is_an_error() {
        let kind = |kind| Err(FrameError::Kind { kind });
        assert_eq!(decode(&frame(STDOUT, b"x"), 99), kind(STDOUT));
        assert_eq!(decode(&frame(EXIT, b"x"), 99), kind(EXIT));
        let length = |kind, length| Err(FrameError::Length { kind, length });
        assert_eq!(decode(&frame(RESIZE, b"abc"), 99), length(RESIZE, 3));
        assert_eq!(decode(&frame(STDIN_EOF, b"a"), 99), length(STDIN_EOF, 1));
        let huge = header(STDIN, PAYLOAD_MAX + 1);
        assert_eq!(decode(&huge, 99), length(STDIN, PAYLOAD_MAX + 1));
        assert!(decode(&[STDIN, 0, 0, 0, 255, 255, 255, 255], 99).is_err());
    }
}
