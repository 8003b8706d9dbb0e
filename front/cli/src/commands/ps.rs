// SPDX-License-Identifier: Apache-2.0
//! `brig ps`.

use crate::failure::{Outcome, say};
use crate::render::template::{self, Row};
use crate::render::{line, table, time};
use brig_engine::Engine;
use brig_engine::container::list::Summary;
use brig_engine::container::options::MountRequest;
use brig_engine::container::status::{State, Status};
use clap::Args;
use filter::Filters;
use jiff::Timestamp;

mod filter;

const DEFAULT: &str = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t\
    {{.Ports}}\t{{.Names}}";
const HEADERS: &[(&str, &str)] = &[
    ("Command", "COMMAND"),
    ("CreatedAt", "CREATED AT"),
    ("ID", "CONTAINER ID"),
    ("Image", "IMAGE"),
    ("Labels", "LABELS"),
    ("LocalVolumes", "LOCAL VOLUMES"),
    ("Mounts", "MOUNTS"),
    ("Names", "NAMES"),
    ("Networks", "NETWORKS"),
    ("Ports", "PORTS"),
    ("RunningFor", "CREATED"),
    ("State", "STATE"),
    ("Status", "STATUS"),
];

/// Arguments of `ps`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Show all containers, not only running ones
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show only what fits: id, name, label, status, ancestor, exited, before, since, network
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) filter: Vec<String>,
    /// Format by a Go template, `table TEMPLATE` or `json`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Show the COUNT containers created last, in any state
    #[arg(short = 'n', long, value_name = "COUNT", allow_hyphen_values = true)]
    pub(crate) last: Option<i64>,
    /// Show the container created last, in any state
    #[arg(short, long)]
    pub(crate) latest: bool,
    /// Do not shorten ids and commands
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Show ids only
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Lists containers.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let filters = Filters::parse(&arguments.filter)?;
    let listing = engine.list()?;
    for unreadable in &listing.unreadable {
        say(&format!(
            "container {} cannot be read: {}\nhint: remove it with `brig rm -f {}`",
            &unreadable.id[..12],
            unreadable.error.report().message,
            &unreadable.id[..12]
        ));
    }
    let last = match (arguments.latest, arguments.last) {
        (true, _) => Some(1),
        (false, last) => last.and_then(|count| usize::try_from(count).ok()).filter(|&n| n > 0),
    };
    let any_state = arguments.all || last.is_some() || filters.names_states();
    let mut shown: Vec<&Summary> = listing
        .containers
        .iter()
        .filter(|summary| any_state || summary.status.state.is_running())
        .filter(|summary| filters.fit(summary, &listing.containers))
        .collect();
    shown.truncate(last.unwrap_or(usize::MAX));
    if arguments.quiet {
        for summary in shown {
            line(id(summary, arguments.no_trunc));
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows: Vec<Row> =
        shown.iter().map(|summary| row(summary, arguments.no_trunc, now)).collect();
    let text = template::rows(arguments.format.as_deref(), DEFAULT, HEADERS, &rows)?;
    if !text.is_empty() {
        line(text.trim_end_matches('\n'));
    }
    Ok(0)
}

fn id(summary: &Summary, whole: bool) -> &str {
    if whole { &summary.record.id } else { summary.record.short_id() }
}

fn row(summary: &Summary, no_trunc: bool, now: Timestamp) -> Row {
    let record = &summary.record;
    let mut command = record.path.clone();
    for arg in &record.args {
        command.push(' ');
        command.push_str(arg);
    }
    let command = if no_trunc { command } else { table::ellipsis(&command, 20) };
    let command: String = command.chars().flat_map(char::escape_debug).collect();
    let labels = record.config.labels.clone();
    let text = |text: String| serde_json::Value::String(text);
    let fields = [
        ("Command", text(format!("\"{command}\""))),
        ("CreatedAt", text(time::moment(&record.created_at))),
        ("ID", text(id(summary, no_trunc).to_owned())),
        ("Image", text(record.image.clone())),
        (
            "Labels",
            text(labels.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")),
        ),
        ("LocalVolumes", text("0".into())),
        ("Mounts", text(mounts(summary, no_trunc))),
        ("Names", text(record.name.clone())),
        ("Networks", text(record.options.network.as_str().into())),
        ("Ports", text(String::new())),
        ("RunningFor", text(ago(&record.created_at, now))),
        ("State", text(summary.status.as_str().into())),
        ("Status", text(status(&summary.status, now))),
    ];
    Row { fields: fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(), labels }
}

fn ago(moment: &str, now: Timestamp) -> String {
    time::since(moment, now).map_or_else(String::new, |age| format!("{age} ago"))
}

/// Docker's words for a state.
pub(crate) fn status(status: &Status, now: Timestamp) -> String {
    let age = |moment: &Option<String>| {
        moment.as_deref().and_then(|moment| time::since(moment, now)).unwrap_or_default()
    };
    match status.state {
        State::Created | State::Starting => "Created".to_owned(),
        State::Exited if status.record.started_at.is_none() => "Created".to_owned(),
        State::Running => format!("Up {}", age(&status.record.started_at)),
        State::Orphaned => format!("Up {} (monitor lost)", age(&status.record.started_at)),
        State::Ending => "Exited (not recorded yet)".to_owned(),
        State::Exited => format!(
            "Exited ({}) {} ago",
            status.record.exit_code.unwrap_or(0),
            age(&status.record.finished_at)
        ),
        State::Broken => "Dead".to_owned(),
    }
}

fn mounts(summary: &Summary, no_trunc: bool) -> String {
    let sources = summary.record.options.mounts.iter().filter_map(|mount| match mount {
        MountRequest::Bind { source, .. } if no_trunc => Some(source.clone()),
        MountRequest::Bind { source, .. } => Some(table::ellipsis(source, 15)),
        MountRequest::Tmpfs { .. } => None,
    });
    sources.collect::<Vec<_>>().join(",")
}
