// SPDX-License-Identifier: Apache-2.0
//! Frames of the attach socket, from the client's side.

use brig_spec::monitor::frame;
use std::collections::VecDeque;

const HEADER_BYTES: usize = 8;

/// A piece of what the monitor sends; a payload may come in several pieces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received<'a> {
    /// Bytes of stdout.
    Stdout(&'a [u8]),
    /// Bytes of stderr.
    Stderr(&'a [u8]),
    /// The exit code; nothing comes after it.
    Exit(i32),
}

/// The monitor speaks another protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// Splits the stream into frames without holding their payloads.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    header: Vec<u8>,
    left: usize,
    exit: Vec<u8>,
}

impl Decoder {
    /// Takes the next piece off `input`; `None` when more input is needed.
    pub(crate) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Received<'a>>, Garbled> {
        loop {
            if self.header.len() < HEADER_BYTES {
                let count = (HEADER_BYTES - self.header.len()).min(input.len());
                self.header.extend_from_slice(&input[..count]);
                *input = &input[count..];
                if self.header.len() < HEADER_BYTES {
                    return Ok(None);
                }
                let length: [u8; 4] = self.header[4..].try_into().expect("a header has 8 bytes");
                self.left = usize::try_from(u32::from_be_bytes(length)).map_err(|_| Garbled)?;
                if self.left > frame::PAYLOAD_MAX {
                    return Err(Garbled);
                }
            }
            if self.left > 0 && input.is_empty() {
                return Ok(None);
            }
            let count = self.left.min(input.len());
            let (payload, rest) = input.split_at(count);
            *input = rest;
            self.left -= count;
            let kind = self.header[0];
            if self.left == 0 {
                self.header.clear();
            }
            match kind {
                frame::STDOUT if count > 0 => return Ok(Some(Received::Stdout(payload))),
                frame::STDERR if count > 0 => return Ok(Some(Received::Stderr(payload))),
                frame::STDOUT | frame::STDERR => {}
                frame::EXIT => {
                    self.exit.extend_from_slice(payload);
                    if self.left == 0 {
                        let code: [u8; 4] = self.exit[..].try_into().map_err(|_| Garbled)?;
                        return Ok(Some(Received::Exit(i32::from_be_bytes(code))));
                    }
                }
                // A newer monitor may say more.
                _ => {}
            }
        }
    }
}

/// What is on its way to the monitor.
#[derive(Debug, Default)]
pub(crate) struct Outgoing(VecDeque<u8>);

impl Outgoing {
    /// Appends stdin.
    pub(crate) fn stdin(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(frame::PAYLOAD_MAX) {
            self.push(frame::STDIN, chunk);
        }
    }

    /// Appends the end of stdin.
    pub(crate) fn stdin_eof(&mut self) {
        self.push(frame::STDIN_EOF, &[]);
    }

    /// Appends a terminal size.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        let (rows, columns) = (rows.to_be_bytes(), columns.to_be_bytes());
        self.push(frame::RESIZE, &[rows[0], rows[1], columns[0], columns[1]]);
    }

    fn push(&mut self, kind: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("a chunk is at most PAYLOAD_MAX");
        let length = length.to_be_bytes();
        self.0.extend([kind, 0, 0, 0]);
        self.0.extend(length);
        self.0.extend(payload);
    }

    /// Returns whether everything is sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the next bytes to send.
    pub(crate) fn front(&self) -> &[u8] {
        self.0.as_slices().0
    }

    /// Forgets bytes that were sent.
    pub(crate) fn sent(&mut self, count: usize) {
        self.0.drain(..count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame_of(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn next_reads_a_stream_cut_anywhere() {
        let mut stream = frame_of(frame::STDOUT, b"hello");
        stream.extend(frame_of(frame::STDERR, b""));
        stream.extend(frame_of(99, b"later"));
        stream.extend(frame_of(frame::STDERR, b"!"));
        stream.extend(frame_of(frame::EXIT, &137_i32.to_be_bytes()));
        for cut in 0..stream.len() {
            let mut decoder = Decoder::default();
            let (mut out, mut err, mut exit) = (Vec::new(), Vec::new(), None);
            for mut part in [&stream[..cut], &stream[cut..]] {
                while let Some(received) = decoder.next(&mut part).unwrap() {
                    match received {
                        Received::Stdout(bytes) => out.extend(bytes),
                        Received::Stderr(bytes) => err.extend(bytes),
                        Received::Exit(code) => exit = Some(code),
                    }
                }
            }
            assert_eq!((&out[..], &err[..], exit), (&b"hello"[..], &b"!"[..], Some(137)), "{cut}");
        }
    }

    #[test]
    fn next_oversized_frame_is_garbled() {
        let mut header: &[u8] = &[1, 0, 0, 0, 0xff, 0, 0, 0];
        assert_eq!(Decoder::default().next(&mut header), Err(Garbled));
    }

    #[test]
    fn outgoing_frames_are_the_specifications() {
        let mut outgoing = Outgoing::default();
        outgoing.stdin(b"x");
        outgoing.resize(24, 80);
        outgoing.stdin_eof();
        let bytes: Vec<u8> = outgoing.0.into_iter().collect();
        assert_eq!(
            bytes,
            [
                0, 0, 0, 0, 0, 0, 0, 1, b'x', 17, 0, 0, 0, 0, 0, 0, 4, 0, 24, 0, 80, 16, 0, 0, 0,
                0, 0, 0, 0
            ]
        );
    }
}
