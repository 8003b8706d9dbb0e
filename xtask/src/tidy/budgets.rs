// SPDX-License-Identifier: Apache-2.0
//! What the small executables may link, crate by crate, and how large they may be.
//!
//! They start once per container or live as long as one, as root: each crate in them is start-up
//! time, memory and attack surface of every container.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::Finding;
use super::metadata::Graph;

/// What every small executable may link. `errno` is in Cargo's resolution for rustix, though no
/// Linux build of it compiles it.
const SHARED: &[&str] = &[
    "bitflags",
    "errno",
    "itoa",
    "libc",
    "linux-raw-sys",
    "memchr",
    "rustix",
    "serde",
    "serde_core",
    "serde_json",
    "thiserror",
    "zmij",
];

struct Budget {
    package: &'static str,
    binary: &'static str,
    /// Crates beyond [`SHARED`].
    crates: &'static [&'static str],
    size_bytes_max: u64,
}

const BUDGETS: &[Budget] = &[
    Budget {
        package: "brig-oci",
        binary: "brig-oci",
        crates: &[
            "brig-policy",
            "brig-report",
            "brig-sandbox",
            "brig-spec",
            "brig-state",
            "brig-sys",
        ],
        size_bytes_max: 5 << 19,
    },
    Budget {
        package: "brig-monitor",
        binary: "brig-monitor",
        crates: &["brig-report", "brig-spec", "brig-state", "brig-sys"],
        size_bytes_max: 5 << 19,
    },
    Budget {
        package: "brig-testkit",
        binary: "brig-probe",
        crates: &["brig-report", "brig-spec", "brig-state", "brig-sys"],
        size_bytes_max: 2 << 20,
    },
];

/// Crates that no small executable links, whatever its list says.
const NEVER: &[&str] = &["tokio", "clap", "hyper", "rustls", "openssl", "regex", "tracing"];

/// Checks the crates linked into each small executable.
pub(crate) fn check_crates(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for budget in BUDGETS {
        let Some(package) = graph.find(budget.package) else {
            findings.push(Finding {
                what: format!("no package `{}`, which has a dependency budget", budget.package),
                place: "Cargo.toml".to_owned(),
                instead: "keep xtask/src/tidy/budgets.rs in step with the workspace".to_owned(),
            });
            continue;
        };
        let linked = graph.linked(package);
        findings.extend(excess(budget, &linked).map(|name| Finding {
            what: format!("`{}` links `{name}`, which is not in its budget", budget.binary),
            place: format!("{}/Cargo.toml", package.folder.as_deref().unwrap_or_default()),
            instead: format!(
                "do without (`cargo tree -p {} -i {name}` shows the way in); a crate that is \
                 worth its cost to every container goes into xtask/src/tidy/budgets.rs",
                budget.package
            ),
        }));
    }
    findings
}

fn excess<'a>(budget: &Budget, linked: &'a BTreeSet<String>) -> impl Iterator<Item = &'a String> {
    linked.iter().filter(|name| {
        let name = name.as_str();
        NEVER.contains(&name) || !(SHARED.contains(&name) || budget.crates.contains(&name))
    })
}

/// Checks the size of each small executable that has been built in `release`.
pub(crate) fn check_sizes(release: &Path) -> Vec<Finding> {
    BUDGETS.iter().filter_map(|budget| oversize(budget, release)).collect()
}

fn oversize(budget: &Budget, release: &Path) -> Option<Finding> {
    let size = fs::metadata(release.join(budget.binary)).ok()?.len();
    (size > budget.size_bytes_max).then(|| Finding {
        what: format!(
            "`{}` has {size} bytes, {} over its budget of {}",
            budget.binary,
            size - budget.size_bytes_max,
            budget.size_bytes_max
        ),
        place: release.join(budget.binary).display().to_string(),
        instead: "look for what grew (`cargo tree`, formatting code, generics); SPECIFICATION.md \
                  promises this size"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excess_names_the_crate_beyond_the_budget() {
        let linked = ["rustix", "brig-sys", "brig-policy", "tokio"].map(str::to_owned).into();
        let monitor = &BUDGETS[1];
        let found: Vec<&String> = excess(monitor, &linked).collect();
        assert_eq!(found, ["brig-policy", "tokio"]);
    }

    #[test]
    fn linked_follows_normal_edges_and_skips_macros() {
        let document = serde_json::json!({
            "packages": [
                {"id": "a", "name": "brig-oci", "source": null, "manifest_path": "/r/a/Cargo.toml"},
                {"id": "b", "name": "b", "source": "registry"},
                {"id": "c", "name": "c", "source": "registry"},
                {"id": "d", "name": "d", "source": "registry"},
                {"id": "m", "name": "m", "source": "registry",
                 "targets": [{"kind": ["proc-macro"], "name": "m", "src_path": "/x"}]},
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]},
                                     {"pkg": "d", "dep_kinds": [{"kind": "dev"}]}]},
                {"id": "b", "deps": [{"pkg": "c", "dep_kinds": [{"kind": null}]},
                                     {"pkg": "m", "dep_kinds": [{"kind": null}]}]},
                {"id": "m", "deps": [{"pkg": "d", "dep_kinds": [{"kind": null}]}]},
            ]}
        });
        let graph = Graph::parse(&document, Path::new("/r"));
        let linked = graph.linked(graph.find("brig-oci").expect("listed"));
        assert_eq!(linked.into_iter().collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn oversize_measures_the_file() {
        let folder = std::env::temp_dir().join(format!("brig-tidy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = fs::File::create(folder.join("brig-probe")).unwrap();
        file.set_len(2 << 20).unwrap();
        assert!(check_sizes(&folder).is_empty());
        file.set_len((2 << 20) + 1).unwrap();
        assert_eq!(check_sizes(&folder).len(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
