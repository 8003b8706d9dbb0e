// SPDX-License-Identifier: Apache-2.0
//! Who may depend on whom: front -> engine -> base <- runtime, and the walls around libraries.

use super::Finding;
use super::metadata::{Graph, Kind, Package};

/// What our crates may depend on, by folder: crate folder, folders or crates it may use.
/// The first row whose name is the crate's folder, or a parent of it, counts.
const EDGES: &[(&str, &[&str])] = &[
    ("base/report", &[]),
    ("base/spec", &["base/report"]),
    ("base/policy", &["base/report", "base/spec"]),
    ("base/sys", &["base/report"]),
    ("base/state", &["base/report", "base/sys"]),
    ("runtime/sandbox", &["base"]),
    ("runtime/monitor", &["base"]),
    ("runtime", &["base", "runtime/sandbox"]),
    ("engine/image", &["base"]),
    ("engine/network", &["base"]),
    ("engine/build", &["base", "engine/image"]),
    ("engine/engine", &["base", "engine/image", "engine/build", "engine/network"]),
    ("front/cli", &["base", "engine", "front"]),
    ("front", &["base", "engine"]),
    ("testkit", &["base"]),
    ("tests", &["base", "testkit"]),
    ("xtask", &[]),
];

/// Libraries that only the crates below these folders may name in their manifests.
const WALLS: &[(&str, &[&str], &str)] = &[
    ("libc", &["base/sys", "testkit"], "call through brig-sys, the only home of raw system calls"),
    ("linux-raw-sys", &["base/sys", "testkit"], "take the constant from brig-sys"),
    ("tokio", &["engine", "front"], "stay synchronous: runtime/ and base/ have no executor"),
    ("hyper", &["engine/image", "front/docker"], "HTTP belongs to the registry client and the API"),
    ("rustls", &["engine/image", "front/docker"], "TLS belongs to the registry client and the API"),
    ("tonic", &["engine/build", "front/cri"], "gRPC belongs to BuildKit's protocol and CRI"),
    ("clap", &["front/cli"], "parse arguments by hand: small executables start in a millisecond"),
    ("indicatif", &["front/cli"], "return data or events: only the CLI owns the terminal"),
    (
        "tar",
        &["engine/image", "engine/build", "front/docker"],
        "layers are the image store's matter",
    ),
];

/// Checks every edge between our crates and every wall.
pub(crate) fn check(graph: &Graph) -> Vec<Finding> {
    graph.ours().flat_map(|package| edges(graph, package).chain(walls(package))).collect()
}

fn edges<'a>(graph: &'a Graph, package: &'a Package) -> impl Iterator<Item = Finding> + 'a {
    let folder = package.folder.as_deref().unwrap_or_default();
    package.declared.iter().filter_map(move |(name, kind)| {
        let to = graph.find(name)?.folder.as_deref()?;
        let row = EDGES.iter().find(|(from, _)| within(folder, from));
        let allowed = row.is_some_and(|(_, targets)| targets.iter().any(|t| within(to, t)))
            || (*kind == Kind::Dev && (to == "testkit" || to == folder));
        (!allowed).then(|| Finding {
            what: format!("`{}` depends on `{name}`, an edge that the layers forbid", package.name),
            place: format!("{folder}/Cargo.toml"),
            instead: "move the shared part down into base/, or pass it as data (argv, JSON, \
                      descriptors); a new layer rule goes into xtask/src/tidy/layers.rs with \
                      ARCHITECTURE.md"
                .to_owned(),
        })
    })
}

fn walls(package: &Package) -> impl Iterator<Item = Finding> + '_ {
    let folder = package.folder.as_deref().unwrap_or_default();
    WALLS.iter().filter_map(move |(library, allowed, instead)| {
        let named =
            package.declared.iter().any(|(name, kind)| name == library && *kind != Kind::Dev);
        let permitted = allowed.iter().any(|place| within(folder, place));
        (named && !permitted).then(|| Finding {
            what: format!("`{}` depends on `{library}`", package.name),
            place: format!("{folder}/Cargo.toml"),
            instead: (*instead).to_owned(),
        })
    })
}

/// Whether `folder` is `ancestor` or lies below it.
fn within(folder: &str, ancestor: &str) -> bool {
    folder.strip_prefix(ancestor).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::*;

    fn graph(folders: &[(&str, &[(&str, &str)])]) -> Graph {
        let packages: Vec<Value> = folders
            .iter()
            .map(|(folder, dependencies)| {
                let declared: Vec<Value> = dependencies
                    .iter()
                    .map(|(name, kind)| match *kind {
                        "normal" => json!({"name": name, "kind": null}),
                        kind => json!({"name": name, "kind": kind}),
                    })
                    .collect();
                json!({"id": folder, "name": folder.replace('/', "-"), "version": "0.1.0",
                    "source": null, "manifest_path": format!("/r/{folder}/Cargo.toml"),
                    "dependencies": declared, "targets": []})
            })
            .collect();
        Graph::parse(&json!({"packages": packages}), Path::new("/r"))
    }

    #[test]
    fn check_engine_on_runtime_is_refused_in_both_directions() {
        let graph = graph(&[
            ("engine/engine", &[("runtime-sandbox", "normal")]),
            ("runtime/sandbox", &[("engine-engine", "normal")]),
        ]);
        assert_eq!(check(&graph).len(), 2);
    }

    #[test]
    fn check_base_rows_are_exact() {
        let graph = graph(&[
            ("base/report", &[]),
            ("base/sys", &[("base-report", "normal")]),
            ("base/spec", &[("base-sys", "normal")]),
            ("base/state", &[("base-sys", "normal"), ("base-spec", "normal")]),
        ]);
        let found: Vec<String> = check(&graph).into_iter().map(|f| f.what).collect();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("`base-spec` depends on `base-sys`"));
        assert!(found[1].contains("`base-state` depends on `base-spec`"));
    }

    #[test]
    fn check_testkit_is_for_tests_only() {
        let dev = graph(&[("testkit", &[]), ("base/sys", &[("testkit", "dev")])]);
        assert!(check(&dev).is_empty());
        let normal = graph(&[("testkit", &[]), ("base/sys", &[("testkit", "normal")])]);
        assert_eq!(check(&normal).len(), 1);
    }

    #[test]
    fn check_walls_stop_tokio_and_libc() {
        let graph = graph(&[
            ("runtime/oci", &[("tokio", "normal"), ("libc", "normal"), ("rustix", "normal")]),
            ("engine/engine", &[("tokio", "normal")]),
        ]);
        assert_eq!(check(&graph).len(), 2);
    }

    #[test]
    fn check_an_unknown_folder_may_use_nothing_of_ours() {
        let graph = graph(&[("base/report", &[]), ("misc/new", &[("base-report", "normal")])]);
        assert_eq!(check(&graph).len(), 1);
    }
}
