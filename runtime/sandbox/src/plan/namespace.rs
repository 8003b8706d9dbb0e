// SPDX-License-Identifier: Apache-2.0
//! Namespaces: which are made, which are joined.

use crate::{Error, Result};
use brig_spec::runtime::Namespace;
use brig_sys::process::flags;
use std::path::PathBuf;

/// A kind of namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamespaceKind {
    /// `user`.
    User,
    /// `mount`.
    Mount,
    /// `pid`.
    Pid,
    /// `network`.
    Network,
    /// `ipc`.
    Ipc,
    /// `uts`.
    Uts,
    /// `cgroup`.
    Cgroup,
    /// `time`.
    Time,
}

impl NamespaceKind {
    /// Parses the specification's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "user" => Self::User,
            "mount" => Self::Mount,
            "pid" => Self::Pid,
            "network" => Self::Network,
            "ipc" => Self::Ipc,
            "uts" => Self::Uts,
            "cgroup" => Self::Cgroup,
            "time" => Self::Time,
            _ => return None,
        })
    }

    /// Returns the specification's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Mount => "mount",
            Self::Pid => "pid",
            Self::Network => "network",
            Self::Ipc => "ipc",
            Self::Uts => "uts",
            Self::Cgroup => "cgroup",
            Self::Time => "time",
        }
    }

    /// Returns the name below `/proc/<pid>/ns`.
    #[must_use]
    pub fn proc_name(self) -> &'static str {
        match self {
            Self::Mount => "mnt",
            Self::Network => "net",
            other => other.as_str(),
        }
    }

    /// Returns the `CLONE_NEW*` flag.
    #[must_use]
    pub fn flag(self) -> u64 {
        match self {
            Self::User => flags::NEWUSER,
            Self::Mount => flags::NEWNS,
            Self::Pid => flags::NEWPID,
            Self::Network => flags::NEWNET,
            Self::Ipc => flags::NEWIPC,
            Self::Uts => flags::NEWUTS,
            Self::Cgroup => flags::NEWCGROUP,
            Self::Time => flags::NEWTIME,
        }
    }
}

/// What the configuration says of all eight namespaces.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    list: Vec<(NamespaceKind, Option<PathBuf>)>,
}

impl Namespaces {
    pub(super) fn parse(list: &[Namespace]) -> Result<Self> {
        let mut out = Self::default();
        for namespace in list {
            let kind = NamespaceKind::parse(&namespace.kind).ok_or_else(|| {
                Error::config("linux.namespaces", format!("unknown type `{}`", namespace.kind))
            })?;
            if out.has(kind) {
                let reason = format!("`{}` is given twice", namespace.kind);
                return Err(Error::config("linux.namespaces", reason));
            }
            let path = (!namespace.path.is_empty()).then(|| PathBuf::from(&namespace.path));
            if path.as_ref().is_some_and(|path| !path.is_absolute()) {
                let reason = format!("path `{}` is not absolute", namespace.path);
                return Err(Error::config("linux.namespaces", reason));
            }
            out.list.push((kind, path));
        }
        Ok(out)
    }

    /// Returns whether the kind is made or joined.
    pub(super) fn has(&self, kind: NamespaceKind) -> bool {
        self.list.iter().any(|(k, _)| *k == kind)
    }

    /// Returns whether the kind is made new.
    pub(super) fn is_new(&self, kind: NamespaceKind) -> bool {
        self.list.iter().any(|(k, path)| *k == kind && path.is_none())
    }

    /// Returns the path by which the kind is joined.
    pub(super) fn joined(&self, kind: NamespaceKind) -> Option<&PathBuf> {
        self.list.iter().find(|(k, _)| *k == kind).and_then(|(_, path)| path.as_ref())
    }

    /// Returns the kinds made by `clone3`: all new ones but cgroup (made by init once it is in
    /// its cgroup) and time (made by the creator, for children).
    pub(super) fn cloned(&self) -> Vec<NamespaceKind> {
        let mut kinds: Vec<_> = self
            .list
            .iter()
            .filter(|(kind, path)| {
                path.is_none() && !matches!(kind, NamespaceKind::Cgroup | NamespaceKind::Time)
            })
            .map(|(kind, _)| *kind)
            .collect();
        kinds.sort_unstable();
        kinds
    }

    /// Returns the kinds that the creator joins before the clone, with their paths. Joining
    /// them as the caller, before any user namespace is made, keeps the caller's rights for it.
    pub(super) fn joined_by_creator(&self) -> impl Iterator<Item = (NamespaceKind, &PathBuf)> {
        self.list.iter().filter_map(|(kind, path)| match (kind, path) {
            (NamespaceKind::User | NamespaceKind::Mount, _) | (_, None) => None,
            (kind, Some(path)) => Some((*kind, path)),
        })
    }
}
