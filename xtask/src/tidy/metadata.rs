// SPDX-License-Identifier: Apache-2.0
//! What `cargo metadata` says of the workspace: packages, targets and the resolved graph.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One package, ours or a registry's.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    /// Cargo's opaque identity.
    pub(crate) id: String,
    /// The crate name.
    pub(crate) name: String,
    /// The version.
    pub(crate) version: String,
    /// The SPDX expression of its licence, empty when the manifest has none.
    pub(crate) licence: String,
    /// The folder from the root of the work tree, none for a package that is not ours.
    pub(crate) folder: Option<String>,
    /// The declared dependencies: name and kind.
    pub(crate) declared: Vec<(String, Kind)>,
    /// The targets: kind, name, path from the root of the work tree.
    pub(crate) targets: Vec<Target>,
    /// The resolved dependencies: identity and kind.
    resolved: Vec<(String, Kind)>,
}

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Linked into the product.
    Normal,
    /// Used by a build script.
    Build,
    /// Used by tests.
    Dev,
}

/// One thing that Cargo compiles.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// `lib`, `bin`, `test`, `proc-macro`, ...
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// The file it starts from, relative to the root of the work tree where it lies inside.
    pub(crate) path: String,
}

/// The workspace and all it depends on.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    /// All packages by identity.
    pub(crate) packages: BTreeMap<String, Package>,
}

impl Graph {
    /// Asks Cargo for the host's part: packages of other systems need not have been downloaded. The
    /// network is used only where a package of this system has not been either.
    pub(crate) fn load(root: &Path) -> io::Result<Self> {
        let text =
            cargo_metadata(root, "--offline").or_else(|_| cargo_metadata(root, "--locked"))?;
        let document: Value = serde_json::from_slice(&text).map_err(io::Error::other)?;
        Ok(Self::parse(&document, root))
    }

    /// Reads a metadata document.
    pub(crate) fn parse(document: &Value, root: &Path) -> Self {
        let mut packages: BTreeMap<String, Package> = array(document, "packages")
            .map(|value| package(value, root))
            .map(|package| (package.id.clone(), package))
            .collect();
        for node in array(&document["resolve"], "nodes") {
            if let Some(package) = packages.get_mut(&text(node, "id")) {
                package.resolved = array(node, "deps").flat_map(edges).collect();
            }
        }
        Self { packages }
    }

    /// Returns the packages of the workspace.
    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.folder.is_some())
    }

    /// Returns our package of that name.
    pub(crate) fn find(&self, name: &str) -> Option<&Package> {
        self.ours().find(|package| package.name == name)
    }

    /// Returns the names of all packages that are linked into `package`: normal dependencies,
    /// transitively, without procedural macros, which run in the compiler.
    pub(crate) fn linked(&self, package: &Package) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![package];
        while let Some(package) = open.pop() {
            for (id, kind) in &package.resolved {
                let next = &self.packages[id];
                let is_macro = next.targets.iter().any(|target| target.kind == "proc-macro");
                if *kind == Kind::Normal && !is_macro && seen.insert(next.name.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    }
}

fn cargo_metadata(root: &Path, mode: &str) -> io::Result<Vec<u8>> {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", mode, "--format-version", "1", "--filter-platform"])
        .arg(host_triple()?)
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(output.stdout)
}

fn host_triple() -> io::Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned));
    host.ok_or_else(|| io::Error::other("`rustc -vV` names no host"))
}

fn package(value: &Value, root: &Path) -> Package {
    let manifest = text(value, "manifest_path");
    let folder = value["source"].is_null().then(|| {
        let folder = Path::new(&manifest).parent().unwrap_or(root);
        relative(folder, root)
    });
    Package {
        id: text(value, "id"),
        name: text(value, "name"),
        version: text(value, "version"),
        licence: text(value, "license"),
        folder,
        declared: array(value, "dependencies")
            .map(|dependency| (text(dependency, "name"), kind(&dependency["kind"])))
            .collect(),
        targets: array(value, "targets").flat_map(|target| targets(target, root)).collect(),
        resolved: Vec::new(),
    }
}

fn targets(value: &Value, root: &Path) -> Vec<Target> {
    let path = relative(Path::new(&text(value, "src_path")), root);
    let kinds = array(value, "kind").filter_map(Value::as_str);
    kinds
        .map(|kind| Target { kind: kind.to_owned(), name: text(value, "name"), path: path.clone() })
        .collect()
}

fn edges(dependency: &Value) -> Vec<(String, Kind)> {
    let id = text(dependency, "pkg");
    array(dependency, "dep_kinds").map(|value| (id.clone(), kind(&value["kind"]))).collect()
}

fn kind(value: &Value) -> Kind {
    match value.as_str() {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

fn array<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default().iter()
}
