// SPDX-License-Identifier: Apache-2.0
//! The rules of the house, as one check that runs as an ordinary test.
//!
//! Each check is a pure function over what [`Tree`] has read and has tests that make it fail. A
//! finding says what is wrong, where, and what to do instead.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

mod budgets;
mod documents;
mod function;
mod headers;
mod layers;
mod ledger;
mod lengths;
mod licence;
mod mask;
mod messages;
mod metadata;
mod modules;
mod permits;
mod source;
mod supply;

/// One breach of a rule.
#[derive(Debug)]
pub(crate) struct Finding {
    /// What is wrong.
    pub(crate) what: String,
    /// The file, and the line where there is one.
    pub(crate) place: String,
    /// What to do instead.
    pub(crate) instead: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  instead: {}", self.place, self.what, self.instead)
    }
}

/// The work tree as the checks see it.
struct Tree {
    root: PathBuf,
    graph: metadata::Graph,
    sources: Vec<source::Source>,
}

/// Runs every check on the work tree at `root`.
pub(crate) fn run(root: &Path) -> io::Result<Vec<Finding>> {
    let tree = Tree {
        root: root.to_owned(),
        graph: metadata::Graph::load(root)?,
        sources: source::read_all(root)?,
    };
    let text = |path: &str| fs::read_to_string(tree.root.join(path));
    let mut findings = layers::check(&tree.graph);
    findings.extend(budgets::check_crates(&tree.graph));
    findings.extend(supply::check(&tree.graph, &supply::Lists::parse(&text("deny.toml")?)));
    findings.extend(headers::check(&tree.sources));
    findings.extend(permits::check(&tree.sources, &text("xtask/permits.txt")?));
    findings.extend(lengths::check(&tree.sources, &text("xtask/exceptions.txt")?));
    findings.extend(messages::check(&tree.sources));
    findings.extend(modules::check(&tree.graph, &tree.sources));
    findings.extend(ledger::check(&tree.sources, &text("tests/skips.allowed").unwrap_or_default()));
    findings.extend(documents::check(&tree.root, &tree.graph));
    findings.extend(budgets::check_sizes(&release_folder(&tree.root)));
    Ok(findings)
}

fn release_folder(root: &Path) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("release")
}

/// Returns the root of the work tree that this program was built from.
pub(crate) fn root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().expect("xtask lies in the work tree").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let findings = run(&root()).expect("the work tree can be read");
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(findings.is_empty(), "{} findings\n{}", lines.len(), lines.join("\n"));
    }
}
