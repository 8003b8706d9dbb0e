// SPDX-License-Identifier: Apache-2.0
//! Options before the verb.

use crate::arguments::{Flag, switch, value};
use brig_report::{Kind, Report};
use std::path::PathBuf;

/// Options that hold for every verb.
#[derive(Debug, Clone, Default)]
pub(crate) struct Global {
    /// Directory of the containers' records.
    pub(crate) root: PathBuf,
    /// File that errors are logged to, besides stderr.
    pub(crate) log: Option<PathBuf>,
    /// Whether the log is JSON.
    pub(crate) log_json: bool,
}

const FLAGS: [Flag; 10] = [
    value("root", 0),
    value("log", 0),
    value("log-format", 0),
    value("log-level", 0),
    value("rootless", 0),
    value("criu", 0),
    switch("systemd-cgroup", 0),
    switch("debug", 0),
    switch("help", b'h'),
    switch("version", b'v'),
];

/// Splits the words into global options and the verb with its own words.
///
/// In place of the verb it returns what is wrong: an unknown option, or one whose meaning this release
/// does not have. The options hold then, too: a caller reads the reason from the log it asked for.
pub(crate) fn parse(words: &[String]) -> (Global, Result<&[String], Report>) {
    let mut global = Global { root: default_root(), ..Global::default() };
    let mut rest = words;
    let mut refused = None;
    while let Some((word, tail)) = rest.split_first() {
        if !word.starts_with('-') || matches!(word.as_str(), "-h" | "--help" | "-v" | "--version") {
            break;
        }
        let bare = word.trim_start_matches('-');
        let (name, inline) = match bare.split_once('=') {
            Some((name, text)) => (name, Some(text.to_owned())),
            None => (bare, None),
        };
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else {
            let unknown = Report::new(Kind::Invalid, format!("unknown flag: {word}"));
            // Whether it takes a value is unknown as well: nothing after it can be read.
            return (global, Err(refused.unwrap_or(unknown)));
        };
        let needs_word = flag.value && inline.is_none();
        let text = if needs_word { tail.first().cloned() } else { inline };
        if let Err(report) = set(&mut global, flag.name, text) {
            refused.get_or_insert(report);
        }
        rest = if needs_word { tail.get(1..).unwrap_or_default() } else { tail };
    }
    (global, refused.map_or(Ok(rest), Err))
}

fn set(global: &mut Global, name: &str, text: Option<String>) -> Result<(), Report> {
    let missing = || Report::new(Kind::Invalid, format!("flag needs an argument: --{name}"));
    match name {
        "root" => global.root = text.ok_or_else(missing)?.into(),
        "log" => global.log = Some(text.ok_or_else(missing)?.into()),
        "log-format" => global.log_json = text.ok_or_else(missing)? == "json",
        "systemd-cgroup" if text.as_deref() != Some("false") => {
            return Err(Report::new(
                Kind::Unavailable,
                "the systemd cgroup driver is not supported by this release",
            )
            .hint("use the cgroupfs driver: leave out `--systemd-cgroup`"));
        }
        // Nothing is logged below errors, rootless is detected, checkpoints come later.
        _ => {}
    }
    Ok(())
}

fn default_root() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/run/brig-oci");
    }
    match std::env::var_os("XDG_RUNTIME_DIR") {
        Some(dir) => PathBuf::from(dir).join("brig-oci"),
        None => {
            PathBuf::from(format!("/run/user/{}/brig-oci", rustix::process::geteuid().as_raw()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_global_options_end_at_the_verb() {
        let words: Vec<String> = ["--root", "/r", "--log-format=json", "create", "--root", "x"]
            .map(str::to_owned)
            .to_vec();
        let (global, rest) = parse(&words);
        assert_eq!(global.root, PathBuf::from("/r"));
        assert!(global.log_json);
        assert_eq!(rest.unwrap(), ["create", "--root", "x"]);
    }

    #[test]
    fn parse_of_a_refused_option_still_knows_the_log() {
        let words = ["--systemd-cgroup", "--log=/l", "--log-format", "json", "create", "x"];
        let words = words.map(str::to_owned);
        let (global, rest) = parse(&words);
        assert!(rest.unwrap_err().message.contains("systemd"));
        assert_eq!((global.log, global.log_json), (Some(PathBuf::from("/l")), true));
    }
}
