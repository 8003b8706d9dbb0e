// SPDX-License-Identifier: Apache-2.0
//! Documents that must agree with the workspace: crate READMEs, manifests and the code map.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Finding;
use super::metadata::{Graph, Package};

/// The only reasons for being a crate.
const REASONS: &[&str] =
    &["own process", "own dependency budget", "own trust level", "published API", "build time"];

/// Checks the README and manifest of every crate and the crate list of ARCHITECTURE.md.
pub(crate) fn check(root: &Path, graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in graph.ours() {
        let folder = root.join(package.folder.as_deref().unwrap_or_default());
        let text = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        findings.extend(readme(package, &text("README.md")));
        findings.extend(manifest(package, &text("Cargo.toml")));
    }
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let members = graph.ours().map(|package| package.name.as_str()).collect();
    findings.extend(code_map(&architecture, &members));
    findings
}

fn readme(package: &Package, text: &str) -> Option<Finding> {
    let paragraph = |label: &str| {
        let start = text.lines().position(|line| line.starts_with(label))?;
        let lines = text.lines().skip(start).take_while(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join(" "))
    };
    let reason = paragraph("Reason:").unwrap_or_default();
    let what = if !REASONS.iter().any(|known| reason.contains(known)) {
        format!("`{}` gives no reason for being a crate", package.name)
    } else if paragraph("Not here:").is_none() {
        format!("`{}` does not say what is kept out of it", package.name)
    } else {
        return None;
    };
    Some(Finding {
        what,
        place: format!("{}/README.md", package.folder.as_deref().unwrap_or_default()),
        instead: format!(
            "write `Reason: ` with one of ({}) and `Not here: `, or make it a module",
            REASONS.join(", ")
        ),
    })
}

fn manifest(package: &Package, text: &str) -> Option<Finding> {
    let mut lines = text.lines().skip_while(|line| *line != "[lints]").skip(1);
    (lines.next() != Some("workspace = true")).then(|| Finding {
        what: format!("`{}` does not take the lints of the workspace", package.name),
        place: format!("{}/Cargo.toml", package.folder.as_deref().unwrap_or_default()),
        instead: "end the manifest with `[lints]` and `workspace = true`".to_owned(),
    })
}

/// Compares the first column of the tables under `## Code map` with the members.
fn code_map(text: &str, members: &BTreeSet<&str>) -> Vec<Finding> {
    let section = text.lines().skip_while(|line| *line != "## Code map").skip(1);
    let rows = section.take_while(|line| !line.starts_with("## "));
    let listed: BTreeSet<&str> =
        rows.filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let finding = |what: String| Finding {
        what,
        place: "ARCHITECTURE.md".to_owned(),
        instead: "keep the tables under `## Code map` in step with Cargo.toml".to_owned(),
    };
    let missing =
        members.difference(&listed).map(|name| finding(format!("`{name}` is not listed")));
    let gone = listed.difference(members).map(|name| finding(format!("`{name}` is not a crate")));
    missing.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package() -> Package {
        let document = json!({"packages": [{"id": "a", "name": "a", "source": null,
            "manifest_path": "/r/a/Cargo.toml"}]});
        Graph::parse(&document, Path::new("/r")).find("a").expect("listed").clone()
    }

    #[test]
    fn manifest_must_take_the_lints() {
        assert!(manifest(&package(), "[package]\n\n[lints]\nworkspace = true\n").is_none());
        assert!(manifest(&package(), "[package]\n").is_some());
        assert!(manifest(&package(), "[lints]\nrust.unsafe_code = \"allow\"\n").is_some());
    }

    #[test]
    fn readme_needs_a_known_reason_and_what_is_absent() {
        let judge = |text: &str| readme(&package(), text).map(|finding| finding.what);
        assert_eq!(judge("# a\n\nReason: it is its\nown process.\n\nNot here: HTTP.\n"), None);
        assert!(judge("").is_some());
        assert!(judge("Reason: it is reusable and tidy.\n\nNot here: HTTP.\n").is_some());
        assert!(judge("Reason: own process.\n").is_some());
    }

    #[test]
    fn code_map_is_compared_both_ways() {
        let text =
            "| `no` |\n## Code map\n| crate | what |\n| `a` | x |\n| `c` | x |\n## Next\n| `b` |\n";
        let found = code_map(text, &BTreeSet::from(["a", "b"]));
        let what: Vec<String> = found.into_iter().map(|finding| finding.what).collect();
        assert_eq!(what, ["`b` is not listed", "`c` is not a crate"]);
    }
}
