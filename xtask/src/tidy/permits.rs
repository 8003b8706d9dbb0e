// SPDX-License-Identifier: Apache-2.0
//! `unsafe` only where a permit says so.

use super::Finding;
use super::mask::{line_of, words};
use super::source::Source;

/// The folders in which a permit can be given at all.
const PLACES: &[&str] = &["base/sys/src/", "testkit/src/"];

/// Checks the sources against the permits: one path a line, then the reason.
pub(crate) fn check(sources: &[Source], permits: &str) -> Vec<Finding> {
    let permits: Vec<(&str, &str)> = permits
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .collect();
    let mut findings: Vec<Finding> =
        sources.iter().filter_map(|source| judge(source, &permits)).collect();
    for (path, reason) in permits {
        let used = sources.iter().any(|source| source.path == path && first(source).is_some());
        if !used {
            findings.push(finding(
                format!("the permit for `{path}` is not used"),
                "xtask/permits.txt",
                "remove it: permits may only shrink, or grow with a reason",
            ));
        }
        if reason.trim().is_empty() {
            findings.push(finding(
                format!("the permit for `{path}` gives no reason"),
                "xtask/permits.txt",
                "say after the path why no safe wrapper does it",
            ));
        }
        if !PLACES.iter().any(|place| path.starts_with(place)) {
            findings.push(finding(
                format!("`{path}` cannot have a permit"),
                "xtask/permits.txt",
                "write a safe function in base/sys and call that",
            ));
        }
    }
    findings
}

fn first(source: &Source) -> Option<usize> {
    words(&source.masked, "unsafe").next()
}

fn judge(source: &Source, permits: &[(&str, &str)]) -> Option<Finding> {
    let line = line_of(&source.masked, first(source)?);
    if !permits.iter().any(|(path, _)| *path == source.path) {
        return Some(finding(
            "`unsafe` in a file without a permit".to_owned(),
            &format!("{}:{line}", source.path),
            "call a safe function of brig-sys or rustix; a new file of base/sys that cannot goes \
             into xtask/permits.txt",
        ));
    }
    let explained = source.text.lines().any(|line| line.starts_with("// UNSAFETY: "));
    (!explained).then(|| {
        finding(
            "a file with a permit does not say why it needs `unsafe`".to_owned(),
            &source.path,
            "put `// UNSAFETY: why` above its `#![expect(unsafe_code, reason = ...)]`",
        )
    })
}

fn finding(what: String, place: &str, instead: &str) -> Finding {
    Finding { what, place: place.to_owned(), instead: instead.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(files: &[(&str, &str)], permits: &str) -> usize {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text)).collect();
        check(&sources, permits).len()
    }

    const CODE: &str = "// UNSAFETY: clone3 is not in rustix\nfn f() { unsafe { g() } }";

    #[test]
    fn check_a_permitted_file_with_its_reason_passes() {
        assert_eq!(count(&[("base/sys/src/clone.rs", CODE)], "base/sys/src/clone.rs clone3"), 0);
    }

    #[test]
    fn check_without_a_permit_fails() {
        assert_eq!(count(&[("base/sys/src/clone.rs", CODE)], ""), 1);
        assert_eq!(count(&[("runtime/oci/src/a.rs", "fn f() { unsafe { g() } }")], ""), 1);
    }

    #[test]
    fn check_the_word_in_comments_and_lints_is_free() {
        let text = "#![forbid(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";";
        assert_eq!(count(&[("a.rs", text)], ""), 0);
    }

    #[test]
    fn check_permits_without_use_reason_or_place_fail() {
        assert_eq!(count(&[("base/sys/src/a.rs", "fn f() {}")], "base/sys/src/a.rs why"), 1);
        assert_eq!(count(&[("base/sys/src/a.rs", CODE)], "base/sys/src/a.rs"), 1);
        assert_eq!(count(&[("engine/image/src/a.rs", CODE)], "engine/image/src/a.rs why"), 1);
    }

    #[test]
    fn check_without_an_unsafety_line_fails() {
        let text = "fn f() { unsafe { g() } }";
        assert_eq!(count(&[("base/sys/src/a.rs", text)], "base/sys/src/a.rs why"), 1);
    }
}
