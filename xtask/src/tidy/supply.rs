// SPDX-License-Identifier: Apache-2.0
//! Licences, banned crates and duplicate versions, by the lists in deny.toml.
//!
//! The same lists serve `cargo deny check`; compiling that tool costs CI minutes, reading them here
//! costs none.

use std::collections::BTreeMap;

use super::Finding;
use super::licence::satisfied;
use super::metadata::Graph;

/// The lists of deny.toml.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    licences: Vec<String>,
    banned: Vec<(String, String)>,
    skipped: Vec<(String, String)>,
}

impl Lists {
    /// Reads the arrays `allow`, `deny` and `skip`: one element a line, as the file is written.
    pub(crate) fn parse(text: &str) -> Self {
        let mut lists = Self::default();
        let mut array = String::new();
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            match (array.as_str(), line) {
                ("", _) => array = line.strip_suffix(" = [").unwrap_or_default().to_owned(),
                (_, "]") => array.clear(),
                ("allow", _) => lists.licences.extend(quoted(line)),
                ("deny", _) => lists.banned.extend(pair(line, "reason")),
                ("skip", _) => lists.skipped.extend(pair(line, "version")),
                _ => {}
            }
        }
        lists
    }
}

fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

fn pair(line: &str, second: &str) -> Option<(String, String)> {
    let value = |key: &str| quoted(line.split_once(&format!("{key} = "))?.1);
    Some((value("name")?, value(second)?))
}

/// Checks every package that Cargo resolved.
pub(crate) fn check(graph: &Graph, lists: &Lists) -> Vec<Finding> {
    let mut findings = Vec::new();
    if lists.licences.is_empty() || lists.banned.is_empty() {
        findings.push(finding(
            "no licences or no bans found in deny.toml".to_owned(),
            "write one element a line, as xtask/src/tidy/supply.rs reads them",
        ));
    }
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in graph.packages.values() {
        let (name, version) = (package.name.as_str(), package.version.as_str());
        versions.entry(name).or_default().push(version);
        if !satisfied(&package.licence, &lists.licences) {
            findings.push(finding(
                format!("`{name} {version}` has the licence `{}`", package.licence),
                "use another crate; a licence as free as Apache-2.0 may join the list",
            ));
        }
        if let Some((_, reason)) = lists.banned.iter().find(|(banned, _)| banned == name) {
            findings.push(finding(format!("`{name}` is banned"), reason));
        }
    }
    findings.extend(duplicates(&versions, &lists.skipped));
    findings
}

fn duplicates(versions: &BTreeMap<&str, Vec<&str>>, skipped: &[(String, String)]) -> Vec<Finding> {
    let is_skipped = |name: &str, version: &str| {
        skipped.iter().any(|(crate_name, skip)| crate_name == name && skip == version)
    };
    let mut findings = Vec::new();
    for (name, found) in versions {
        let kept = found.iter().filter(|version| !is_skipped(name, version)).count();
        if kept > 1 {
            findings.push(finding(
                format!("`{name}` is there in the versions {}", found.join(" and ")),
                "make the dependents agree (`cargo tree -d`), or add a skip with its reason",
            ));
        }
    }
    for (name, version) in skipped {
        let found = versions.get(name.as_str()).map(Vec::as_slice).unwrap_or_default();
        if found.len() < 2 || !found.contains(&version.as_str()) {
            findings.push(finding(
                format!("the skip of `{name} {version}` is no longer needed"),
                "remove it: exceptions may only shrink",
            ));
        }
    }
    findings
}

fn finding(what: String, instead: &str) -> Finding {
    Finding { what, place: "deny.toml".to_owned(), instead: instead.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    const DENY: &str = "[licenses]\nallow = [\n    \"MIT\",\n]\n[bans]\ndeny = [\n    { name = \
        \"tokio-tar\", reason = \"use tar\" },\n]\nskip = [\n    { name = \"winnow\", version = \
        \"0.7.1\", reason = \"toml\" },\n]\n";

    fn found(packages: &[(&str, &str, &str)]) -> Vec<String> {
        let packages: Vec<Value> = packages
            .iter()
            .map(|(name, version, licence)| {
                json!({"id": format!("{name}{version}"), "name": name, "version": version,
                    "license": licence, "source": "registry"})
            })
            .collect();
        let graph = Graph::parse(&json!({"packages": packages}), Path::new("/r"));
        check(&graph, &Lists::parse(DENY)).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn check_licences_bans_and_duplicates() {
        let what = found(&[
            ("winnow", "0.7.1", "MIT"),
            ("winnow", "1.0.0", "MIT"),
            ("gpl", "1.0.0", "GPL-3.0"),
            ("tokio-tar", "1.0.0", "MIT"),
            ("syn", "2.0.0", "MIT"),
            ("syn", "3.0.0", "MIT"),
        ]);
        assert_eq!(what.len(), 3, "{what:?}");
        assert!(what.iter().any(|what| what.contains("licence `GPL-3.0`")));
        assert!(what.contains(&"`tokio-tar` is banned".to_owned()));
        assert!(what.iter().any(|what| what.starts_with("`syn` is there")));
    }

    #[test]
    fn check_a_skip_without_its_duplicate_must_go() {
        let what = found(&[("winnow", "1.0.0", "MIT")]);
        assert_eq!(what, ["the skip of `winnow 0.7.1` is no longer needed"]);
    }

    #[test]
    fn check_unreadable_lists_are_a_finding() {
        let graph = Graph::parse(&json!({"packages": []}), Path::new("/r"));
        assert_eq!(check(&graph, &Lists::parse("allow = [\"MIT\"]")).len(), 1);
    }
}
