// SPDX-License-Identifier: Apache-2.0
//! Docker's `json-file` records: one JSON object a line.

use super::lines::Line;

/// Which of the container's streams a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// Appends the record of one line to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, stream: Stream, line: &Line<'_>) {
    out.extend_from_slice(b"{\"log\":\"");
    push_escaped(out, line.bytes);
    if line.complete {
        out.extend_from_slice(b"\\n");
    }
    out.extend_from_slice(b"\",\"stream\":\"");
    out.extend_from_slice(stream.as_str().as_bytes());
    out.extend_from_slice(b"\",\"time\":\"");
    out.extend_from_slice(line.time.to_log().as_bytes());
    out.extend_from_slice(b"\"}\n");
}

/// Appends hostile bytes as the inside of a JSON string; what is not UTF-8 becomes U+FFFD.
fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        push_escaped_text(out, chunk.valid());
        // Docker writes one replacement for each byte.
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
}

fn push_escaped_text(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut plain_from = 0;
    let mut at = 0;
    while at < bytes.len() {
        let taken = match bytes[at] {
            b'"' | b'\\' | b'<' | b'>' | b'&' | 0..=0x1F => 1,
            // U+2028 and U+2029, which old JavaScript takes for line ends.
            0xE2 if bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xA8 | 0xA9) => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[plain_from..at]);
        push_escape(out, &bytes[at..at + taken]);
        at += taken;
        plain_from = at;
    }
    out.extend_from_slice(&bytes[plain_from..]);
}

fn push_escape(out: &mut Vec<u8>, character: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match character {
        [byte @ (b'"' | b'\\')] => out.extend_from_slice(&[b'\\', *byte]),
        b"\n" => out.extend_from_slice(b"\\n"),
        b"\r" => out.extend_from_slice(b"\\r"),
        [byte] => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        [.., 0xA8] => out.extend_from_slice(b"\\u2028"),
        _ => out.extend_from_slice(b"\\u2029"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use brig_state::time::Timestamp;

    fn record(bytes: &[u8], complete: bool) -> String {
        let time = Timestamp { seconds: 1_709_164_801, nanoseconds: 500 };
        let mut out = Vec::new();
        encode(&mut out, Stream::Stderr, &Line { bytes, complete, time });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn encode_plain_line_is_dockers() {
        assert_eq!(
            record(b"hello", true),
            "{\"log\":\"hello\\n\",\"stream\":\"stderr\",\"time\":\"2024-02-29T00:00:01.0000005Z\"}\n"
        );
        assert!(record(b"part", false).starts_with("{\"log\":\"part\",\"stream\""));
    }

    #[test]
    fn encode_special_characters_uses_dockers_escapes() {
        let text = "q\" b\\ n\n r\r t\t e\u{1b} <&> \u{2028}\u{2029} é\u{7f}";
        let expected =
            r#"{"log":"q\" b\\ n\n r\r t\u0009 e\u001b \u003c\u0026\u003e \u2028\u2029 é"#;
        assert!(record(text.as_bytes(), true).starts_with(expected));
    }

    #[test]
    fn encode_any_bytes_is_valid_json_on_one_line() {
        let all: Vec<u8> = (0..=255_u8).chain(b"\xE2\x80".iter().copied()).collect();
        let record = record(&all, true);
        assert_eq!(record.matches('\n').count(), 1);
        let value: serde_json::Value = serde_json::from_str(&record).unwrap();
        let log = value["log"].as_str().unwrap();
        assert!(log.starts_with("\0\u{1}"));
        assert!(log.ends_with("\u{FFFD}\n"));
    }
}
