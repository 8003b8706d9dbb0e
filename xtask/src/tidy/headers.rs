// SPDX-License-Identifier: Apache-2.0
//! What each Rust file starts with, and what an ignored test must say.

use super::Finding;
use super::mask::{closing, line_of};
use super::source::Source;

const LICENCE: &str = "// SPDX-License-Identifier: Apache-2.0";

/// Checks the first line, the module doc and the `#[ignore]`s of every source.
pub(crate) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_one).collect()
}

fn check_one(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.text.lines().next() != Some(LICENCE) {
        findings.push(finding(
            "no licence line",
            format!("{}:1", source.path),
            &format!("start the file with `{LICENCE}`"),
        ));
    }
    if !has_module_doc(&source.text) {
        findings.push(finding(
            "no module doc",
            source.path.clone(),
            "say in `//!` lines what it is for, what it relies on, where it runs",
        ));
    }
    for (at, _) in source.masked.match_indices("#[ignore") {
        let end = closing(&source.masked, at + 1).unwrap_or(source.text.len());
        if !names_an_issue(&source.text[at..end]) {
            findings.push(finding(
                "an ignored test without an issue",
                format!("{}:{}", source.path, line_of(&source.text, at)),
                "write `#[ignore = \"issue N: what is missing\"]`, or mend the test",
            ));
        }
    }
    findings
}

/// Whether a `//!` line comes before the first item, attribute lines and comments aside.
fn has_module_doc(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.find(|line| {
        line.starts_with("//!") || !(line.starts_with("//") || line.starts_with("#!"))
    });
    first.is_some_and(|line| line.starts_with("//!") && line.len() > "//! ".len())
}

fn names_an_issue(attribute: &str) -> bool {
    ["issue ", "#"].iter().any(|mark| {
        // The first `#` is the attribute's own.
        attribute
            .get(1..)
            .unwrap_or_default()
            .split(mark)
            .skip(1)
            .any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
    })
}

fn finding(what: &str, place: String, instead: &str) -> Finding {
    Finding { what: what.to_owned(), place, instead: instead.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check(&[Source::new("a.rs", text)]).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn check_licence_and_module_doc() {
        assert!(found(&format!("{LICENCE}\n// UNSAFETY: x\n#![expect(a)]\n//! Doc.\n")).is_empty());
        assert!(found(&format!("{LICENCE}\n\n//! Doc.\nfn a() {{}}\n")).is_empty());
        assert_eq!(found("//! Doc.\n"), ["no licence line"]);
        assert_eq!(found(&format!("{LICENCE}\nfn a() {{}}\n//! Late.\n")), ["no module doc"]);
        assert_eq!(found(&format!("{LICENCE}\n//!\nfn a() {{}}\n")), ["no module doc"]);
    }

    #[test]
    fn check_ignore_needs_an_issue() {
        let file = |attribute: &str| format!("{LICENCE}\n//! Doc.\n{attribute}\nfn a() {{}}\n");
        assert!(found(&file("#[ignore = \"issue 12: no cgroup v2\"]")).is_empty());
        assert!(found(&file("#[ignore = \"#12\"]")).is_empty());
        assert!(found(&file("// #[ignore]")).is_empty());
        for bad in ["#[ignore]", "#[ignore = \"flaky\"]", "#[ignore = \"this issue is old\"]"] {
            assert_eq!(found(&file(bad)), ["an ignored test without an issue"], "{bad}");
        }
    }
}
