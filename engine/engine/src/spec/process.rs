// SPDX-License-Identifier: Apache-2.0
//! Command, environment and working directory: the image's words merged with the user's.

use crate::container::options::Options;
use crate::error::{Error, Result};
use brig_spec::image::ContainerConfig;
use std::collections::BTreeMap;

/// Search path of an image that sets none.
pub const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Merges the image's configuration with the options, as Docker's `Config` shows it.
#[must_use]
pub fn merge(image: &ContainerConfig, options: &Options) -> ContainerConfig {
    let mut merged = image.clone();
    match &options.entrypoint {
        Some(entrypoint) => {
            // The image's arguments were meant for the image's entry point.
            merged.entrypoint = (!entrypoint.is_empty()).then(|| entrypoint.clone());
            merged.cmd = (!options.command.is_empty()).then(|| options.command.clone());
        }
        None if !options.command.is_empty() => merged.cmd = Some(options.command.clone()),
        None => {}
    }
    merge_env(&mut merged.env, &options.env);
    merged.labels.extend(options.labels.clone());
    if !options.user.is_empty() {
        merged.user = options.user.clone();
    }
    if !options.workdir.is_empty() {
        merged.working_dir = options.workdir.clone();
    }
    if !options.stop_signal.is_empty() {
        merged.stop_signal = Some(options.stop_signal.clone());
    }
    merged
}

/// Replaces or appends `NAME=value`; a bare `NAME` removes.
fn merge_env(env: &mut Vec<String>, changes: &[String]) {
    for change in changes {
        let name = change.split('=').next().unwrap_or_default();
        let is_same = |entry: &String| entry.split('=').next() == Some(name);
        match (change.contains('='), env.iter().position(is_same)) {
            (true, Some(at)) => env[at].clone_from(change),
            (true, None) => env.push(change.clone()),
            (false, _) => env.retain(|entry| !is_same(entry)),
        }
    }
}

/// Returns the argument vector.
///
/// # Errors
/// When neither the image nor the user names a command.
pub fn args(config: &ContainerConfig) -> Result<Vec<String>> {
    let parts = [&config.entrypoint, &config.cmd];
    let args: Vec<String> = parts.into_iter().flatten().flatten().cloned().collect();
    if args.first().is_none_or(String::is_empty) {
        return Err(Error::invalid(
            "no command specified",
            "the image names no command: give one after the image's name",
        ));
    }
    no_nul("an argument", &args)?;
    Ok(args)
}

/// Returns the environment: Docker's defaults, overridden by the configuration, and `HOME` where
/// nobody sets it.
///
/// # Errors
/// When an entry has no name.
pub fn env(
    config: &ContainerConfig,
    hostname: &str,
    terminal: bool,
    home: &str,
) -> Result<Vec<String>> {
    let mut env = vec![format!("PATH={PATH_DEFAULT}"), format!("HOSTNAME={hostname}")];
    if terminal {
        env.push("TERM=xterm".to_owned());
    }
    let set: Vec<String> = config.env.iter().filter(|e| e.contains('=')).cloned().collect();
    if let Some(bad) = set.iter().find(|entry| entry.starts_with('=')) {
        return Err(Error::invalid(
            format!("invalid environment variable: {}", bad.escape_debug()),
            "write `NAME=value`",
        ));
    }
    no_nul("an environment variable", &set)?;
    merge_env(&mut env, &set);
    if !env.iter().any(|entry| entry.starts_with("HOME=")) {
        env.push(format!("HOME={home}"));
    }
    Ok(env)
}

/// Returns the working directory, cleaned lexically.
///
/// # Errors
/// When it is relative. Where it leads is for the runtime to check, inside the root.
pub fn cwd(config: &ContainerConfig, asked: &str) -> Result<String> {
    if !asked.is_empty() && !asked.starts_with('/') {
        return Err(Error::invalid(
            format!(
                "the working directory '{}' is invalid, it needs to be an absolute path",
                asked.escape_debug()
            ),
            "begin it with `/`",
        ));
    }
    no_nul("the working directory", std::slice::from_ref(&config.working_dir))?;
    let mut parts = Vec::new();
    for part in config.working_dir.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

fn no_nul(what: &str, texts: &[String]) -> Result<()> {
    if texts.iter().any(|text| text.contains('\0')) {
        return Err(Error::invalid(format!("{what} has a NUL byte in it"), "remove it"));
    }
    Ok(())
}

/// Splits an environment into a map, the last one of a name winning.
#[must_use]
pub fn env_map(env: &[String]) -> BTreeMap<&str, &str> {
    env.iter().filter_map(|entry| entry.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    fn image() -> ContainerConfig {
        ContainerConfig {
            entrypoint: Some(strings(&["/entry"])),
            cmd: Some(strings(&["serve", "-v"])),
            env: strings(&["PATH=/bin", "A=1", "B=2"]),
            working_dir: "/srv/../app/.".into(),
            ..ContainerConfig::default()
        }
    }

    fn argv(options: Options) -> Vec<String> {
        args(&merge(&image(), &options)).unwrap()
    }

    #[test]
    fn args_follow_dockers_rules_of_entrypoint_and_command() {
        assert_eq!(argv(Options::default()), ["/entry", "serve", "-v"]);
        let command = strings(&["test"]);
        assert_eq!(
            argv(Options { command: command.clone(), ..Options::default() }),
            ["/entry", "test"]
        );
        let entrypoint = Some(strings(&["/other"]));
        assert_eq!(
            argv(Options { entrypoint: entrypoint.clone(), ..Options::default() }),
            ["/other"]
        );
        let both = Options { entrypoint, command: command.clone(), ..Options::default() };
        assert_eq!(argv(both), ["/other", "test"]);
        let reset = Options { entrypoint: Some(vec![]), command, ..Options::default() };
        assert_eq!(argv(reset), ["test"]);
        let nothing = Options { entrypoint: Some(vec![]), ..Options::default() };
        assert!(args(&merge(&image(), &nothing)).is_err());
    }

    #[test]
    fn env_merges_defaults_image_and_user_and_removes_bare_names() {
        let options =
            Options { env: strings(&["B=3", "A", "C=x=y", "HOSTNAME=mine"]), ..Options::default() };
        let merged = merge(&image(), &options);
        assert_eq!(merged.env, ["PATH=/bin", "B=3", "C=x=y", "HOSTNAME=mine"]);
        assert_eq!(
            env(&merged, "box", true, "/root").unwrap(),
            ["PATH=/bin", "HOSTNAME=mine", "TERM=xterm", "B=3", "C=x=y", "HOME=/root"]
        );
    }

    #[test]
    fn env_hostile_image_entries_are_refused_or_skipped() {
        let mut config = ContainerConfig { env: strings(&["NONAME"]), ..Default::default() };
        assert_eq!(env(&config, "h", false, "/").unwrap().len(), 3);
        for bad in ["=x", "A=\0"] {
            config.env = strings(&[bad]);
            assert!(env(&config, "h", false, "/").is_err());
        }
    }

    #[test]
    fn cwd_is_absolute_and_clean() {
        assert_eq!(cwd(&image(), "").unwrap(), "/app");
        let relative = ContainerConfig { working_dir: "../../x".into(), ..Default::default() };
        assert_eq!(cwd(&relative, "").unwrap(), "/x");
        assert_eq!(cwd(&ContainerConfig::default(), "").unwrap(), "/");
        assert!(cwd(&relative, "x").is_err());
    }
}
