// SPDX-License-Identifier: Apache-2.0
//! Files of at most 600 lines, functions of at most 60; named exceptions that may only shrink.

use super::Finding;
use super::function::functions;
use super::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 60;
/// A test tells a story from top to bottom; it may take longer.
const TEST_FUNCTION_LINES_MAX: usize = 100;
/// How far an exception may stand above what it excuses before it has to be lowered.
const SLACK_LINES: usize = 10;

/// One line of the exceptions file: name, limit, reason.
struct Exception<'a> {
    name: &'a str,
    limit: usize,
    reason: &'a str,
}

/// Something with a length.
struct Measured {
    name: String,
    place: String,
    lines: usize,
    limit: usize,
}

/// Checks all sources; `exceptions` has one `name limit reason` a line, where the name is a path,
/// or a path, `::` and a function.
pub(crate) fn check(sources: &[Source], exceptions: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let exceptions = parse(exceptions, &mut findings);
    let measured: Vec<Measured> = sources.iter().flat_map(measure).collect();
    for item in &measured {
        let exception = exceptions.iter().find(|exception| exception.name == item.name);
        let limit = exception.map_or(item.limit, |exception| exception.limit);
        if item.lines > limit {
            findings.push(Finding {
                what: format!("{} lines, {limit} are allowed", item.lines),
                place: item.place.clone(),
                instead: "split it by concept (a file) or by step (a function)".to_owned(),
            });
        }
    }
    findings.extend(exceptions.iter().filter_map(|exception| stale(exception, &measured)));
    findings
}

fn measure(source: &Source) -> Vec<Measured> {
    let mut measured = vec![Measured {
        name: source.path.clone(),
        place: source.path.clone(),
        lines: source.text.lines().count(),
        limit: FILE_LINES_MAX,
    }];
    measured.extend(functions(source).into_iter().map(|function| Measured {
        name: format!("{}::{}", source.path, function.name),
        place: format!("{}:{} `{}`", source.path, function.line, function.name),
        lines: function.lines,
        limit: if function.test { TEST_FUNCTION_LINES_MAX } else { FUNCTION_LINES_MAX },
    }));
    measured
}

fn parse<'a>(text: &'a str, findings: &mut Vec<Finding>) -> Vec<Exception<'a>> {
    let mut exceptions = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut fields = line.splitn(3, ' ');
        let name = fields.next().unwrap_or_default();
        let limit = fields.next().and_then(|limit| limit.parse().ok());
        match (limit, fields.next().map(str::trim)) {
            (Some(limit), Some(reason)) if !reason.is_empty() => {
                exceptions.push(Exception { name, limit, reason });
            }
            _ => findings.push(Finding {
                what: format!("unreadable exception `{line}`"),
                place: "xtask/exceptions.txt".to_owned(),
                instead: "write `path limit reason` or `path::function limit reason`".to_owned(),
            }),
        }
    }
    exceptions
}

fn stale(exception: &Exception<'_>, measured: &[Measured]) -> Option<Finding> {
    // Two functions of one name in a file share an exception: the longest one sets it.
    let longest =
        measured.iter().filter(|item| item.name == exception.name).max_by_key(|item| item.lines);
    let instead = match longest {
        None => "remove it: there is nothing of that name".to_owned(),
        Some(item) if item.lines <= item.limit => {
            format!("remove it: {} lines are within the rule", item.lines)
        }
        Some(item) if item.lines + SLACK_LINES <= exception.limit => {
            format!("lower its limit to {}: exceptions may only shrink", item.lines)
        }
        Some(_) => return None,
    };
    Some(Finding {
        what: format!(
            "the exception `{} {}` ({}) is larger than needed",
            exception.name, exception.limit, exception.reason
        ),
        place: "xtask/exceptions.txt".to_owned(),
        instead,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    fn found(text: &str, exceptions: &str) -> Vec<String> {
        let findings = check(&[Source::new("a/src/b.rs", text)], exceptions);
        findings.into_iter().map(|f| format!("{}: {}; {}", f.place, f.what, f.instead)).collect()
    }

    #[test]
    fn check_function_limit_is_sixty() {
        assert_eq!(found(&function("f", 60), ""), Vec::<String>::new());
        assert_eq!(found(&function("f", 61), "").len(), 1);
    }

    #[test]
    fn check_file_limit_is_six_hundred() {
        assert!(found(&"// a\n".repeat(600), "").is_empty());
        assert_eq!(found(&"// a\n".repeat(601), "").len(), 1);
    }

    #[test]
    fn check_exception_covers_and_ratchets() {
        let text = function("f", 80);
        assert!(found(&text, "a/src/b.rs::f 80 one syscall table").is_empty());
        assert_eq!(found(&text, "a/src/b.rs::f 79 one syscall table").len(), 1);
        assert!(found(&text, "a/src/b.rs::f 95 one syscall table")[0].contains("to 80"));
    }

    #[test]
    fn check_exception_no_longer_needed_or_unreadable_fails() {
        assert!(found(&function("f", 9), "a/src/b.rs::f 80 why")[0].contains("within the rule"));
        assert!(found("", "a/src/gone.rs 800 why")[0].contains("nothing of that name"));
        assert_eq!(found("", "a/src/b.rs 800").len(), 1);
    }
}
