// SPDX-License-Identifier: Apache-2.0
//! Cuts a stream of bytes into lines, and lines that are too long into parts.
//!
//! Invariant: at most [`PART_BYTES_MAX`] bytes are held back, whatever a container writes.

use brig_state::time::Timestamp;

/// Longest line that is kept whole, bytes; Docker's value. A longer one becomes several records,
/// of which only the last ends in a newline.
pub(crate) const PART_BYTES_MAX: usize = 16 * 1024;

/// One piece of output that becomes one record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// The bytes, without the newline.
    pub(crate) bytes: &'a [u8],
    /// Whether a newline followed.
    pub(crate) complete: bool,
    /// When it arrived; parts of one line share the first one's time.
    pub(crate) time: Timestamp,
}

/// What one stream has held back so far.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    pending: Vec<u8>,
    line_time: Option<Timestamp>,
}

impl Splitter {
    /// Takes the next bytes of the stream and hands each line or part to `emit`.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Timestamp, emit: &mut dyn FnMut(Line<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let newline = rest.iter().position(|&byte| byte == b'\n');
            let room = PART_BYTES_MAX - self.pending.len();
            match newline {
                Some(length) if length < room => {
                    self.emit_line(&rest[..length], now, emit);
                    rest = &rest[length + 1..];
                }
                _ if rest.len() >= room => {
                    self.pending.extend_from_slice(&rest[..room]);
                    rest = &rest[room..];
                    self.emit_part(now, emit);
                }
                _ => {
                    self.pending.extend_from_slice(rest);
                    return;
                }
            }
        }
    }

    /// Hands out what is held back when the stream has ended without a newline.
    pub(crate) fn finish(&mut self, now: Timestamp, emit: &mut dyn FnMut(Line<'_>)) {
        if !self.pending.is_empty() {
            let time = self.line_time.take().unwrap_or(now);
            emit(Line { bytes: &self.pending, complete: false, time });
            self.pending.clear();
        }
    }

    fn emit_line(&mut self, end: &[u8], now: Timestamp, emit: &mut dyn FnMut(Line<'_>)) {
        let time = self.line_time.take().unwrap_or(now);
        if self.pending.is_empty() {
            emit(Line { bytes: end, complete: true, time });
        } else {
            self.pending.extend_from_slice(end);
            emit(Line { bytes: &self.pending, complete: true, time });
            self.pending.clear();
        }
    }

    /// Emits the full buffer but for the beginning of a character that it cuts in two.
    fn emit_part(&mut self, now: Timestamp, emit: &mut dyn FnMut(Line<'_>)) {
        let time = *self.line_time.get_or_insert(now);
        let cut = self.pending.len() - cut_character_bytes(&self.pending);
        emit(Line { bytes: &self.pending[..cut], complete: false, time });
        self.pending.drain(..cut);
    }
}

/// Returns how many bytes at the end of `bytes` begin a UTF-8 sequence that is not finished.
fn cut_character_bytes(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needed = match bytes[bytes.len() - back] {
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            0x80..=0xBF => continue,
            _ => return 0,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp { seconds: 7, nanoseconds: 0 };

    fn split(chunks: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut splitter = Splitter::default();
        let mut lines = Vec::new();
        let mut emit = |line: Line<'_>| lines.push((line.bytes.to_vec(), line.complete));
        for chunk in chunks {
            splitter.push(chunk, NOW, &mut emit);
        }
        splitter.finish(NOW, &mut emit);
        lines
    }

    fn line(text: &str) -> (Vec<u8>, bool) {
        (text.as_bytes().to_vec(), true)
    }

    #[test]
    fn push_lines_over_chunk_borders_joins_them() {
        let lines = split(&[b"a\nb", b"c", b"\n\nd\n"]);
        assert_eq!(lines, [line("a"), line("bc"), line(""), line("d")]);
    }

    #[test]
    fn finish_without_newline_emits_an_incomplete_line() {
        assert_eq!(split(&[b"x\nprompt> "]), [line("x"), (b"prompt> ".to_vec(), false)]);
    }

    #[test]
    fn push_line_of_exactly_the_limit_is_cut_as_docker_cuts_it() {
        let long = vec![b'x'; PART_BYTES_MAX];
        let lines = split(&[&long, b"\n"]);
        assert_eq!(lines, [(long.clone(), false), line("")]);
        let shorter = vec![b'x'; PART_BYTES_MAX - 1];
        assert_eq!(split(&[&shorter, b"\n"]), [(shorter.clone(), true)]);
    }

    #[test]
    fn push_long_line_any_chunking_gives_the_same_parts() {
        let mut input = vec![b'y'; 2 * PART_BYTES_MAX + 10];
        input.push(b'\n');
        let whole = split(&[&input]);
        assert_eq!(whole.len(), 3);
        assert_eq!(whole[2], (vec![b'y'; 10], true));
        for size in [1, 1000, PART_BYTES_MAX, PART_BYTES_MAX + 1] {
            let chunks: Vec<&[u8]> = input.chunks(size).collect();
            assert_eq!(split(&chunks), whole, "chunks of {size}");
        }
    }

    #[test]
    fn push_long_line_of_wide_characters_cuts_none() {
        for width in ["é", "€", "𝄞"] {
            for shift in 0..4 {
                let text = "x".repeat(shift) + &width.repeat(PART_BYTES_MAX);
                let parts = split(&[text.as_bytes()]);
                for (bytes, _) in &parts {
                    assert!(std::str::from_utf8(bytes).is_ok(), "{width} shifted by {shift}");
                }
                let joined: Vec<u8> = parts.into_iter().flat_map(|part| part.0).collect();
                assert_eq!(joined, text.as_bytes());
            }
        }
    }

    #[test]
    fn push_part_time_is_the_first_ones() {
        let mut splitter = Splitter::default();
        let mut times = Vec::new();
        let mut emit = |line: Line<'_>| times.push(line.time.seconds);
        splitter.push(&[b'x'; PART_BYTES_MAX], NOW, &mut emit);
        let later = Timestamp { seconds: 9, nanoseconds: 0 };
        splitter.push(b"end\nnext\n", later, &mut emit);
        assert_eq!(times, [7, 7, 9]);
    }
}
