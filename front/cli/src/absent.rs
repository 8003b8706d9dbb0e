// SPDX-License-Identifier: Apache-2.0
//! Docker's words that this release does not have, so that who types them learns why.

use brig_report::{Kind, Report};
use clap::error::{ContextKind, ContextValue, ErrorKind};

const REGISTRIES: &str = "registries are not available yet: `brig load` takes an image archive";
const NETWORKS: &str = "brig has no networks yet: `--network host` shares the host's";
const VOLUMES: &str =
    "named volumes are not available yet: `-v /host/path:/path` binds a directory";

/// Words of Docker's command line, and why they are not understood.
const WORDS: [(&str, &str); 27] = [
    ("pull", REGISTRIES),
    ("push", REGISTRIES),
    ("login", REGISTRIES),
    ("logout", REGISTRIES),
    ("search", REGISTRIES),
    ("build", "building images is not available yet: `brig load` takes an image archive"),
    ("network", NETWORKS),
    ("port", NETWORKS),
    ("-p", NETWORKS),
    ("--publish", NETWORKS),
    ("-P", NETWORKS),
    ("--publish-all", NETWORKS),
    ("--network-alias", NETWORKS),
    ("--dns", NETWORKS),
    ("--ip", NETWORKS),
    ("--link", NETWORKS),
    ("volume", VOLUMES),
    ("--volumes-from", VOLUMES),
    (
        "serve",
        "the Docker API is not available yet: every command of `brig` works without a server",
    ),
    ("jail", "`brig jail` is not available yet"),
    ("audit", "`brig audit` is not available yet"),
    (
        "--isolation",
        "containers are isolated by kernel primitives; other kinds are not available yet",
    ),
    ("--restart", "restart policies are not available yet"),
    ("--health-cmd", "health checks are not available yet"),
    ("--device", "devices are not available yet but by `--privileged`"),
    ("--init", "an init process is not available yet"),
    ("--gpus", "GPUs are not available yet"),
];

/// Returns the report for a flag or a command that does not exist; `None` for other errors.
pub(crate) fn report(error: &clap::Error) -> Option<Report> {
    let (context, what) = match error.kind() {
        ErrorKind::UnknownArgument => (ContextKind::InvalidArg, "unknown flag"),
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, "unknown command"),
        _ => return None,
    };
    let Some(ContextValue::String(word)) = error.get(context) else { return None };
    let report = Report::new(Kind::Invalid, format!("{what}: {word}"));
    let bare = word.split('=').next().unwrap_or(word);
    let known = WORDS.iter().find(|(absent, _)| *absent == bare).map(|(_, why)| *why);
    Some(match (known, suggestion(error)) {
        (Some(why), _) => report.hint(why),
        (None, Some(similar)) => report.hint(format!("did you mean `{similar}`?")),
        (None, None) => report.hint("`brig --help` and `brig COMMAND --help` list what there is"),
    })
}

fn suggestion(error: &clap::Error) -> Option<String> {
    [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].into_iter().find_map(|kind| {
        match error.get(kind)? {
            ContextValue::String(word) => Some(word.clone()),
            ContextValue::Strings(words) => words.first().cloned(),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, Command};

    fn refusal(words: &[&str]) -> String {
        let run = Command::new("run").arg(Arg::new("name").long("name"));
        let brig = Command::new("brig").subcommand(run);
        report(&brig.try_get_matches_from(words).unwrap_err()).unwrap().to_string()
    }

    #[test]
    fn report_of_dockers_words_says_why() {
        assert!(refusal(&["brig", "pull", "alpine"]).contains("brig load"));
        let text = refusal(&["brig", "run", "-p", "80:80"]);
        assert!(text.starts_with("unknown flag: -p\nhint: brig has no networks yet"), "{text}");
    }

    #[test]
    fn report_of_a_slip_names_the_nearest_word() {
        assert!(refusal(&["brig", "run", "--nam", "x"]).contains("did you mean `--name`?"));
        assert!(refusal(&["brig", "rum"]).contains("did you mean `run`?"));
    }
}
