// SPDX-License-Identifier: Apache-2.0
//! The configuration file: Docker's words in TOML.
//!
//! Invariants: an unknown key is an error, since a key that does nothing would lie; a missing
//! file means the defaults and costs one system call.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest configuration file, bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the configuration file says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Runtimes by name, for `--runtime NAME`.
    pub runtimes: BTreeMap<String, Runtime>,
    /// Name of the runtime for containers that ask for none.
    pub default_runtime: Option<String>,
    /// Cgroup below which the cgroups of containers are made.
    pub cgroup_parent: Option<String>,
    /// Log driver for containers that ask for none.
    pub log_driver: Option<String>,
    /// Options of the log driver, `max-size` and `max-file`.
    pub log_opts: BTreeMap<String, String>,
    /// Labels of this engine, shown by `info`.
    pub labels: Vec<String>,
}

/// One entry of `runtimes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runtime {
    /// Path of the program, or a name to look for in `PATH`.
    pub path: String,
    /// Arguments before the verb.
    #[serde(rename = "runtimeArgs", alias = "runtime-args")]
    pub runtime_args: Vec<String>,
}

impl Config {
    /// Reads the file at `path`; a missing one gives the defaults.
    ///
    /// # Errors
    /// When it cannot be read, is not TOML, or has a key that brig does not know.
    pub fn load(path: &Path) -> Result<Self> {
        match brig_state::atomic::read(path, FILE_BYTES_MAX) {
            Ok(bytes) => Self::parse(path, &String::from_utf8_lossy(&bytes)),
            Err(error) if error.is_not_found() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(path: &Path, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|source| Error::Config { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_dockers_words_fills_the_fields() {
        let text = r#"
            default-runtime = "crun"
            cgroup-parent = "/tests"
            labels = ["a=b"]
            [log-opts]
            max-size = "1m"
            [runtimes.crun]
            path = "/usr/bin/crun"
            runtimeArgs = ["--debug"]
        "#;
        let config = Config::parse(Path::new("c"), text).unwrap();
        assert_eq!(config.runtimes["crun"].runtime_args, ["--debug"]);
        assert_eq!(config.cgroup_parent.as_deref(), Some("/tests"));
        assert_eq!(config.log_opts["max-size"], "1m");
    }

    #[test]
    fn parse_unknown_key_is_refused_by_name() {
        let error = Config::parse(Path::new("c.toml"), "live-restore = true").unwrap_err();
        let shown = error.report().message;
        assert!(shown.contains("c.toml") && shown.contains("live-restore"), "{shown}");
    }

    #[test]
    fn load_missing_file_gives_defaults() {
        assert_eq!(Config::load(Path::new("/nonexistent/c.toml")).unwrap(), Config::default());
    }
}
