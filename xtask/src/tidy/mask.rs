// SPDX-License-Identifier: Apache-2.0
//! Blanks out comments and the insides of literals, so that what remains can be searched as code.
//!
//! Invariant: the result has the length and the line ends of the input, so an offset found in the
//! one is an offset in the other.

/// Returns `text` with every comment and the inside of every string, byte string and character
/// literal replaced by spaces; the quotes stay.
pub(crate) fn mask(text: &str) -> String {
    let mut scanner = Scanner { bytes: text.as_bytes(), out: text.as_bytes().to_vec(), at: 0 };
    while scanner.at < scanner.bytes.len() {
        scanner.step();
    }
    String::from_utf8(scanner.out).expect("whole characters are blanked, byte for byte")
}

struct Scanner<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn step(&mut self) {
        match self.peek(0) {
            b'/' if self.peek(1) == b'/' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'"' => self.string(),
            b'\'' => self.quote(),
            b'r' if !self.inside_word() => self.raw_string_or_word(),
            b'b' | b'c' if !self.inside_word() && self.peek(1) == b'r' => {
                self.at += 1;
                self.raw_string_or_word();
            }
            _ => self.at += 1,
        }
    }

    fn inside_word(&self) -> bool {
        self.at > 0 && is_word(self.bytes[self.at - 1])
    }

    fn blank(&mut self, end: usize) {
        let end = end.min(self.bytes.len());
        for byte in &mut self.out[self.at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        self.at = end;
    }

    fn line_comment(&mut self) {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        self.blank(self.at + length);
    }

    fn block_comment(&mut self) {
        let (mut depth, mut end) = (0usize, self.at);
        while end < self.bytes.len() {
            match &self.bytes[end..] {
                [b'/', b'*', ..] => {
                    depth += 1;
                    end += 2;
                }
                [b'*', b'/', ..] => {
                    depth -= 1;
                    end += 2;
                    if depth == 0 {
                        break;
                    }
                }
                _ => end += 1,
            }
        }
        self.blank(end);
    }

    fn string(&mut self) {
        self.at += 1;
        let mut end = self.at;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.blank(end);
        self.at += 1;
    }

    /// A character literal, or the mark of a lifetime or label, which is left alone.
    fn quote(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let length = match rest.first() {
            Some(b'\\') => rest.iter().skip(2).position(|&byte| byte == b'\'').map(|end| end + 2),
            Some(&first) => {
                let width = character_width(first);
                (rest.get(width) == Some(&b'\'')).then_some(width)
            }
            None => None,
        };
        self.at += 1;
        if let Some(length) = length {
            self.blank(self.at + length);
            self.at += 1;
        }
    }

    /// At an `r`: a raw string with its hashes, or a word such as `r#fn` or `read`.
    fn raw_string_or_word(&mut self) {
        let hashes = self.bytes[self.at + 1..].iter().take_while(|&&byte| byte == b'#').count();
        if self.peek(1 + hashes) != b'"' {
            self.at += 1;
            return;
        }
        self.at += 2 + hashes;
        let mut close = vec![b'"'];
        close.resize(1 + hashes, b'#');
        let rest = &self.bytes[self.at..];
        let length = rest.windows(close.len()).position(|end| end == close).unwrap_or(rest.len());
        self.blank(self.at + length);
        self.at = (self.at + close.len()).min(self.bytes.len());
    }
}

fn character_width(first: u8) -> usize {
    match first {
        0xf0.. => 4,
        0xe0.. => 3,
        0xc0.. => 2,
        _ => 1,
    }
}

/// Returns whether a byte can be part of an identifier.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Returns the offsets at which `word` stands in `masked` as a whole word.
pub(crate) fn words<'a>(masked: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = masked.as_bytes();
    masked.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).is_some_and(|index| is_word(bytes[index]));
        let after = bytes.get(at + word.len()).is_some_and(|&byte| is_word(byte));
        !before && !after
    })
}

/// Returns the offset just past the bracket that closes the one at `open`.
pub(crate) fn closing(masked: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, byte) in masked.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// Returns the 1-based line of an offset.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_literals_and_comments_keeps_only_code() {
        let text = "let a = \"{ // \\\" }\"; // {\nlet b = '{'; /* { /* { */ } */ let c = b'}';";
        let masked = mask(text);
        assert_eq!(masked.len(), text.len());
        assert!(!masked.contains(['{', '}']), "{masked}");
        assert!(masked.contains("let c = b' '"), "{masked}");
    }

    #[test]
    fn mask_raw_strings_respects_hashes() {
        let masked = mask("r#\"a \" { \"# + br\"}\" + r#fn + '\\'' + var\"}\"");
        assert!(!masked.contains(['{', '}']), "{masked}");
        assert!(masked.contains("r#fn"), "{masked}");
    }

    #[test]
    fn mask_lifetimes_are_not_characters() {
        let masked = mask("fn f<'a, 'b>(x: &'a str) { '{'; 'é'; 'label: loop {} }");
        assert_eq!(masked.matches('{').count(), 2, "{masked}");
    }

    #[test]
    fn words_inside_identifiers_are_not_found() {
        assert_eq!(words("unsafe_code unsafe {} not_unsafe", "unsafe").count(), 1);
    }
}
