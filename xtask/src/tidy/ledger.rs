// SPDX-License-Identifier: Apache-2.0
//! The list of skips that continuous integration accepts: `tests/skips.allowed`.
//!
//! One `test reason` a line, where the test is its full name in the e2e executable, or `lint::tool`
//! for a tool that this Rust version lacks. The run itself
//! compares its skips with this list (scripts/test.sh); here it is kept free of lines that excuse
//! nothing.

use super::Finding;
use super::function::functions;
use super::source::Source;

const PLACE: &str = "tests/skips.allowed";

/// Checks that every line names a test that exists and says why it may be skipped.
pub(crate) fn check(sources: &[Source], ledger: &str) -> Vec<Finding> {
    let functions = sources.iter().flat_map(functions);
    let tests: Vec<String> = functions.filter(|f| f.test).map(|f| f.name).collect();
    let lines = ledger.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| judge(line, &tests)).collect()
}

fn judge(line: &str, tests: &[String]) -> Option<Finding> {
    let (name, reason) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let function = name.rsplit("::").next().unwrap_or(name);
    let what = if reason.trim().is_empty() {
        format!("the allowed skip `{name}` gives no reason")
    } else if !name.starts_with("lint::") && !tests.iter().any(|test| test == function) {
        format!("the allowed skip `{name}` names no test")
    } else {
        return None;
    };
    Some(Finding {
        what,
        place: PLACE.to_owned(),
        instead: "write `module::test reason`, one a line; remove what is no longer skipped"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_lines_need_a_test_and_a_reason() {
        let sources = [Source::new("tests/tests/limits.rs", "#[test]\nfn memory_limit_kills() {}")];
        assert!(
            check(&sources, "# why\n\nlimits::memory_limit_kills no memory controller").is_empty()
        );
        assert_eq!(check(&sources, "limits::memory_limit_kills").len(), 1);
        assert_eq!(check(&sources, "limits::gone no memory controller").len(), 1);
    }
}
