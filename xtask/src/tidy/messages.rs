// SPDX-License-Identifier: Apache-2.0
//! Error messages that repeat their source: the chain is printed once, at the edge.

use super::Finding;
use super::mask::{closing, is_word, line_of};
use super::source::Source;

/// Checks every `#[error("...")]` of `thiserror`.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_one).collect()
}

fn check_one(source: &Source) -> Vec<Finding> {
    let marks = source.masked.match_indices("#[error(");
    marks
        .filter_map(|(at, mark)| {
            let end = closing(&source.masked, at + 1)?;
            let message = &source.text[at + mark.len()..end];
            let field = source_field(&source.masked[end..])?;
            repeats(message, &field).then(|| Finding {
                what: format!("the message of this error repeats its source `{field}`"),
                place: format!("{}:{}", source.path, line_of(&source.text, at)),
                instead: "name what failed on which object; the cause is printed from the chain"
                    .to_owned(),
            })
        })
        .collect()
}

/// The name or index of the field that is the source of the variant or struct that follows.
fn source_field(masked: &str) -> Option<String> {
    let open = masked.find(['(', '{', ',', ';', '}', '#'])?;
    let (open, bytes) = match masked.as_bytes()[open] {
        // Another attribute of the same variant comes first.
        b'#' => {
            let end = closing(masked, open + 1)?;
            return source_field(&masked[end..]);
        }
        // `pub(crate) struct`: the parenthesis of the visibility.
        b'(' if masked[..open].trim_end().ends_with("pub") => {
            return source_field(&masked[closing(masked, open)?..]);
        }
        byte => (open, byte),
    };
    let body = &masked[open + 1..closing(masked, open)? - 1];
    let fields = split_fields(body);
    match bytes {
        b'(' => fields.iter().position(|field| is_marked(field)).map(|index| index.to_string()),
        b'{' => fields.iter().find_map(|field| {
            let name = field_name(field)?;
            (is_marked(field) || name == "source").then_some(name)
        }),
        _ => None,
    }
}

fn is_marked(field: &str) -> bool {
    field.contains("#[source]") || field.contains("#[from]")
}

/// Splits at the commas outside all brackets, angle brackets included.
fn split_fields(body: &str) -> Vec<&str> {
    let (mut depth, mut start, mut fields) = (0i32, 0, Vec::new());
    for (index, byte) in body.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' | b'<' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth -= 1,
            b',' if depth == 0 => {
                fields.push(&body[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    fields.push(&body[start..]);
    fields.retain(|field| !field.trim().is_empty());
    fields
}

fn field_name(field: &str) -> Option<String> {
    let mut rest = field.trim();
    while rest.starts_with('#') {
        rest = rest[closing(rest, 1)?..].trim_start();
    }
    let before = rest.split(':').next()?.trim();
    before.rsplit(|c: char| !c.is_ascii() || !is_word(c as u8)).next().map(str::to_owned)
}

fn repeats(message: &str, field: &str) -> bool {
    ["{", "."].iter().any(|mark| {
        message.match_indices(&format!("{mark}{field}")).any(|(at, found)| {
            let next = message.as_bytes().get(at + found.len()).copied().unwrap_or(b' ');
            match *mark {
                // `{0}`, `{0:?}`, `{source}`.
                "{" => next == b'}' || next == b':',
                // An argument: `, .0`, `, .source.kind()`.
                _ => !is_word(next) && message[..at].trim_end().ends_with([',', '=', '(']),
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(variant: &str) -> usize {
        check(&[Source::new("a.rs", &format!("enum E {{\n{variant}\n}}"))]).len()
    }

    #[test]
    fn check_display_of_the_source_is_found() {
        assert_eq!(count("#[error(\"cannot open: {0}\")]\nOpen(#[from] io::Error),"), 1);
        assert_eq!(count("#[error(\"cannot: {source:?}\")]\nOpen { source: io::Error },"), 1);
        assert_eq!(
            count("#[error(\"cannot: {cause}\")]\nOpen { path: P, #[source] cause: E },"),
            1
        );
        assert_eq!(count("#[error(\"cannot: {}\", .0)]\nOpen(#[source] io::Error),"), 1);
        assert_eq!(count("#[error(\"{1}\")]\n/// Doc (x).\nOpen(Map<A, B>, #[source] E),"), 1);
    }

    #[test]
    fn check_other_fields_are_free() {
        assert_eq!(
            count("#[error(\"cannot open `{0}`\")]\nOpen(PathBuf, #[source] io::Error),"),
            0
        );
        assert_eq!(count("#[error(\"open `{path}`\")]\nOpen { path: P, source: io::Error },"), 0);
        assert_eq!(count("#[error(transparent)]\nOpen(#[from] io::Error),"), 0);
        assert_eq!(count("#[error(\"{0}\")]\nPlain(String),\n#[error(\"b\")]\nB(#[from] E),"), 0);
        assert_eq!(count("#[error(\"v1.0 {a}\")]\nA { a: u8 },"), 0);
        assert_eq!(count("#[error(\"no such thing\")]\nUnit,"), 0);
    }
}
