// SPDX-License-Identifier: Apache-2.0
//! Finds the functions of a file and how many lines each has.

use super::mask::{closing, is_word, line_of, words};
use super::source::Source;

/// One function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// The bare name.
    pub(crate) name: String,
    /// The 1-based line of the `fn` keyword.
    pub(crate) line: usize,
    /// The number of lines from the keyword to the closing brace, both included.
    pub(crate) lines: usize,
    /// Whether it is test code.
    pub(crate) test: bool,
}

/// Returns the functions of a file, nested ones included.
pub(crate) fn functions(source: &Source) -> Vec<Function> {
    let masked = &source.masked;
    let ranges = source.test_ranges();
    words(masked, "fn")
        .filter_map(|at| {
            let name = name_after(masked, at + 2)?;
            let open = body(masked, at)?;
            let end = closing(masked, open)?;
            let line = line_of(masked, at);
            Some(Function {
                name,
                line,
                lines: line_of(masked, end - 1) - line + 1,
                test: source.is_test() || ranges.iter().any(|range| range.contains(&at)),
            })
        })
        .collect()
}

/// The identifier after `fn`, none for a function pointer type.
fn name_after(masked: &str, from: usize) -> Option<String> {
    let rest = masked[from..].trim_start();
    let rest = rest.strip_prefix("r#").unwrap_or(rest);
    let length = rest.bytes().take_while(|&byte| is_word(byte)).count();
    (length > 0).then(|| rest[..length].to_owned())
}

/// The offset of the brace that opens the body, none for a declaration without one.
fn body(masked: &str, from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let next = at + masked[at..].find(['(', '[', '{', ';'])?;
        match masked.as_bytes()[next] {
            b'{' => return Some(next),
            b';' => return None,
            _ => at = closing(masked, next)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, usize, bool)> {
        let source = Source::new("a.rs", text);
        functions(&source).into_iter().map(|f| (f.name, f.lines, f.test)).collect()
    }

    #[test]
    fn functions_braces_in_literals_do_not_end_a_body() {
        let text =
            "fn a(x: [u8; 4]) -> u8 {\n  let s = \"}\";\n  let c = '}'; // }\n  0\n}\nfn b() {}";
        assert_eq!(found(text), [("a".into(), 5, false), ("b".into(), 1, false)]);
    }

    #[test]
    fn functions_pointers_and_declarations_have_no_body() {
        assert_eq!(
            found("trait T { fn a(&self); }\ntype F = fn(u8) -> u8;\nstruct S { f: fn() }"),
            []
        );
    }

    #[test]
    fn functions_under_cfg_test_are_test_code() {
        assert_eq!(found("#[cfg(test)]\nmod tests {\n fn a() {\n }\n}"), [("a".into(), 2, true)]);
    }
}
