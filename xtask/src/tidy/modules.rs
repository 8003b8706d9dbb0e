// SPDX-License-Identifier: Apache-2.0
//! Every Rust file is reached by a `mod` line from some target, tests included.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Finding;
use super::mask::{closing, is_word, words};
use super::metadata::Graph;
use super::source::Source;

/// Files that Cargo must see as part of one test executable, never as targets of their own.
const E2E: (&str, &str) = ("brig-tests", "e2e");

/// Checks that no file is forgotten.
pub(crate) fn check(graph: &Graph, sources: &[Source]) -> Vec<Finding> {
    let by_path: BTreeMap<&str, &Source> =
        sources.iter().map(|source| (source.path.as_str(), source)).collect();
    let mut reached = BTreeSet::new();
    for target in graph.ours().flat_map(|package| &package.targets) {
        reach(&target.path, true, &by_path, &mut reached);
    }
    let orphans = sources.iter().filter(|source| !reached.contains(source.path.as_str()));
    orphans.map(orphan).chain(stray_test_targets(graph)).collect()
}

fn orphan(source: &Source) -> Finding {
    let instead = if source.is_test() {
        "add `mod name;` to the `main.rs` or `mod.rs` beside it: a forgotten test never fails"
    } else {
        "add its `mod` line, or delete the file"
    };
    Finding {
        what: "no `mod` line leads to this file, so it is not compiled".to_owned(),
        place: source.path.clone(),
        instead: instead.to_owned(),
    }
}

fn stray_test_targets(graph: &Graph) -> Vec<Finding> {
    let package = graph.find(E2E.0);
    let targets = package.iter().flat_map(|package| &package.targets);
    targets
        .filter(|target| target.kind == "test" && target.name != E2E.1)
        .map(|target| Finding {
            what: format!("`{}` is a test executable of its own", target.name),
            place: target.path.clone(),
            instead: format!("make it a module of the `{}` executable: one link, one run", E2E.1),
        })
        .collect()
}

fn reach<'a>(
    path: &str,
    is_root: bool,
    by_path: &BTreeMap<&'a str, &'a Source>,
    reached: &mut BTreeSet<&'a str>,
) {
    let Some((&path, source)) = by_path.get_key_value(path) else { return };
    if !reached.insert(path) {
        return;
    }
    for candidate in children(source, is_root) {
        reach(&candidate, false, by_path, reached);
    }
}

/// The paths at which the modules declared in a file can be.
fn children(source: &Source, is_root: bool) -> Vec<String> {
    let path = Path::new(&source.path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = path.file_stem().unwrap_or_default();
    let base = if is_root || stem == "mod" { folder.to_owned() } else { folder.join(stem) };
    let inline = inline_modules(&source.masked);
    let mut candidates = Vec::new();
    for (at, name) in declarations(&source.masked) {
        if let Some(given) = path_attribute(source, at) {
            candidates.push(folder.join(given));
            continue;
        }
        let around = inline.iter().filter(|(range, _)| range.contains(&at));
        let base = around.fold(base.clone(), |base, (_, name)| base.join(name));
        candidates.push(base.join(format!("{name}.rs")));
        candidates.push(base.join(&name).join("mod.rs"));
    }
    candidates.into_iter().map(|path| path.to_string_lossy().into_owned()).collect()
}

fn module_words(masked: &str) -> impl Iterator<Item = (usize, String, usize)> + '_ {
    words(masked, "mod").filter_map(|at| {
        let rest = masked[at + 3..].trim_start();
        let rest = rest.strip_prefix("r#").unwrap_or(rest);
        let length = rest.bytes().take_while(|&byte| is_word(byte)).count();
        let after = masked.len() - rest.len() + length;
        let next = after + masked[after..].find(|c: char| !c.is_whitespace())?;
        (length > 0).then(|| (at, rest[..length].to_owned(), next))
    })
}

/// `mod name;`: where and which.
fn declarations(masked: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    module_words(masked)
        .filter(|(_, _, next)| masked.as_bytes()[*next] == b';')
        .map(|(at, name, _)| (at, name))
}

/// `mod name { ... }`: the range of the body and the name, outer ones first.
fn inline_modules(masked: &str) -> Vec<(std::ops::Range<usize>, String)> {
    module_words(masked)
        .filter(|(_, _, next)| masked.as_bytes()[*next] == b'{')
        .filter_map(|(_, name, next)| Some((next..closing(masked, next)?, name)))
        .collect()
}

/// The file named by a `#[path = "..."]` directly before the `mod` at `at`.
fn path_attribute(source: &Source, at: usize) -> Option<String> {
    let start = source.masked[..at].rfind("#[path")?;
    let end = closing(&source.masked, start + 1)?;
    let between = source.masked.get(end..at)?.trim();
    let direct = between.is_empty() || between.starts_with("pub");
    let value = source.text[start..end].split('"').nth(1)?;
    direct.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(files: &[(&str, &str)], targets: &[(&str, &str, &str)]) -> Vec<String> {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text)).collect();
        let targets: Vec<_> = targets
            .iter()
            .map(|(kind, name, path)| {
                json!({"kind": [kind], "name": name, "src_path": format!("/r/{path}")})
            })
            .collect();
        let document = json!({"packages": [{"id": "t", "name": "brig-tests", "source": null,
            "manifest_path": "/r/t/Cargo.toml", "targets": targets}]});
        let graph = Graph::parse(&document, Path::new("/r"));
        check(&graph, &sources).into_iter().map(|finding| finding.place).collect()
    }

    #[test]
    fn check_follows_files_folders_inline_modules_and_paths() {
        let files = [
            ("t/src/lib.rs", "mod a;\npub(crate) mod b { mod c; }\n#[path = \"x/y.rs\"]\nmod z;"),
            ("t/src/a.rs", "mod deep;"),
            ("t/src/a/deep.rs", ""),
            ("t/src/b/c/mod.rs", "mod inner;"),
            ("t/src/b/c/inner.rs", ""),
            ("t/src/x/y.rs", ""),
        ];
        assert_eq!(found(&files, &[("lib", "t", "t/src/lib.rs")]), Vec::<String>::new());
    }

    #[test]
    fn check_a_forgotten_file_is_found_even_when_a_comment_names_it() {
        let files = [
            ("t/tests/main.rs", "// mod lost;\nmod kept;"),
            ("t/tests/kept.rs", ""),
            ("t/tests/lost.rs", ""),
        ];
        assert_eq!(found(&files, &[("test", "e2e", "t/tests/main.rs")]), ["t/tests/lost.rs"]);
    }

    #[test]
    fn check_a_second_test_executable_is_found() {
        let files = [("t/tests/main.rs", ""), ("t/tests/other.rs", "")];
        let targets = [("test", "e2e", "t/tests/main.rs"), ("test", "other", "t/tests/other.rs")];
        assert_eq!(found(&files, &targets), ["t/tests/other.rs"]);
    }
}
