// SPDX-License-Identifier: Apache-2.0
//! The roots below which brig keeps everything (DESIGN.md section 4).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The three roots of one engine. Two engines with different roots never meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dirs {
    /// Data root: images, containers. `BRIG_ROOT`, default `/var/lib/brig`.
    pub root: PathBuf,
    /// Run root: live state, gone after a reboot. `BRIG_RUN`, default `/run/brig`.
    pub run: PathBuf,
    /// Configuration file. `BRIG_CONFIG`, default `/etc/brig/config.toml`.
    pub config: PathBuf,
}

/// What the caller's environment says; a value so that tests need not change the real one.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `BRIG_ROOT`.
    pub brig_root: Option<OsString>,
    /// `BRIG_RUN`.
    pub brig_run: Option<OsString>,
    /// `BRIG_CONFIG`.
    pub brig_config: Option<OsString>,
    /// `HOME`.
    pub home: Option<OsString>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<OsString>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<OsString>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<OsString>,
    /// Effective user id; other than 0 selects the XDG paths.
    pub euid: u32,
}

impl Environment {
    /// Reads the process's environment.
    #[must_use]
    pub fn of_process() -> Self {
        let get = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            brig_root: get("BRIG_ROOT"),
            brig_run: get("BRIG_RUN"),
            brig_config: get("BRIG_CONFIG"),
            home: get("HOME"),
            xdg_data_home: get("XDG_DATA_HOME"),
            xdg_runtime_dir: get("XDG_RUNTIME_DIR"),
            xdg_config_home: get("XDG_CONFIG_HOME"),
            euid: rustix::process::geteuid().as_raw(),
        }
    }
}

impl Dirs {
    /// Derives the roots from the environment.
    #[must_use]
    pub fn from_environment(env: &Environment) -> Self {
        let home = PathBuf::from(env.home.clone().unwrap_or_else(|| "/".into()));
        let (root, run, config) = if env.euid == 0 {
            ("/var/lib/brig".into(), "/run/brig".into(), "/etc/brig/config.toml".into())
        } else {
            (
                xdg(env.xdg_data_home.as_ref(), &home.join(".local/share")).join("brig"),
                xdg(env.xdg_runtime_dir.as_ref(), Path::new(&format!("/run/user/{}", env.euid)))
                    .join("brig"),
                xdg(env.xdg_config_home.as_ref(), &home.join(".config")).join("brig/config.toml"),
            )
        };
        Self {
            root: env.brig_root.clone().map_or(root, PathBuf::from),
            run: env.brig_run.clone().map_or(run, PathBuf::from),
            config: env.brig_config.clone().map_or(config, PathBuf::from),
        }
    }
}

fn xdg(value: Option<&OsString>, default: &Path) -> PathBuf {
    value.map_or_else(|| default.to_owned(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_environment_as_root_uses_system_paths() {
        let dirs = Dirs::from_environment(&Environment::default());
        assert_eq!(dirs.root, Path::new("/var/lib/brig"));
        assert_eq!(dirs.run, Path::new("/run/brig"));
        assert_eq!(dirs.config, Path::new("/etc/brig/config.toml"));
    }

    #[test]
    fn from_environment_rootless_uses_xdg_paths_and_overrides() {
        let env = Environment {
            euid: 1000,
            home: Some("/home/u".into()),
            xdg_runtime_dir: Some("/run/user/1000".into()),
            brig_config: Some("/c.toml".into()),
            ..Environment::default()
        };
        let dirs = Dirs::from_environment(&env);
        assert_eq!(dirs.root, Path::new("/home/u/.local/share/brig"));
        assert_eq!(dirs.run, Path::new("/run/user/1000/brig"));
        assert_eq!(dirs.config, Path::new("/c.toml"));
    }
}
