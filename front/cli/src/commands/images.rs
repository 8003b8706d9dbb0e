// SPDX-License-Identifier: Apache-2.0
//! `brig images`.

use crate::failure::{Failure, Outcome, say};
use crate::render::template::{self, Row};
use crate::render::{line, size, time};
use brig_engine::Engine;
use brig_image::ImageSummary;
use brig_spec::reference::Reference;
use clap::Args;
use jiff::Timestamp;

const DEFAULT: &str = "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const DIGESTS: &str =
    "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
const HEADERS: &[(&str, &str)] = &[
    ("Containers", "CONTAINERS"),
    ("CreatedAt", "CREATED AT"),
    ("CreatedSince", "CREATED"),
    ("Digest", "DIGEST"),
    ("ID", "IMAGE ID"),
    ("Repository", "REPOSITORY"),
    ("SharedSize", "SHARED SIZE"),
    ("Size", "SIZE"),
    ("Tag", "TAG"),
    ("UniqueSize", "UNIQUE SIZE"),
    ("VirtualSize", "VIRTUAL SIZE"),
];
const NONE: &str = "<none>";

/// Arguments of `images`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Show all images: brig keeps no intermediate ones, so these are the same
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show digests
    #[arg(long)]
    pub(crate) digests: bool,
    /// Show only what fits: dangling=true|false, label=..., reference=...
    #[arg(short, long, value_name = "NAME=VALUE")]
    pub(crate) filter: Vec<String>,
    /// Format by a Go template, `table TEMPLATE` or `json`
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Do not shorten ids
    #[arg(long)]
    pub(crate) no_trunc: bool,
    /// Show ids only
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Show images of this repository, or this one
    #[arg(value_name = "REPOSITORY[:TAG]")]
    pub(crate) repository: Option<String>,
}

/// One line: an image under one of its names.
struct Entry<'a> {
    image: &'a ImageSummary,
    repository: String,
    tag: String,
}

/// Lists images.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    let filters = parse_filters(&arguments.filter)?;
    let mut images = engine.store()?.list()?;
    images.sort_by(|a, b| (&b.created, &b.id).cmp(&(&a.created, &a.id)));
    for image in images.iter().filter(|image| image.damage.is_some()) {
        let what = image.damage.as_deref().unwrap_or_default();
        say(&format!(
            "image {} is damaged: {what}\nhint: remove it with `brig rmi {}` and load it again",
            image.id.short(),
            image.id.short()
        ));
    }
    let mut entries: Vec<Entry<'_>> = images.iter().flat_map(entries).collect();
    entries.retain(|entry| filters.iter().all(|filter| filter.fits(entry)));
    if let Some(wanted) = &arguments.repository {
        entries.retain(|entry| is_wanted(entry, wanted));
    }
    if arguments.quiet {
        let mut seen = std::collections::BTreeSet::new();
        for entry in entries.iter().filter(|entry| seen.insert(entry.image.id)) {
            line(&id(entry.image, arguments.no_trunc));
        }
        return Ok(0);
    }
    let now = Timestamp::now();
    let rows: Vec<Row> = entries.iter().map(|entry| row(entry, arguments.no_trunc, now)).collect();
    let default = if arguments.digests { DIGESTS } else { DEFAULT };
    let text = template::rows(arguments.format.as_deref(), default, HEADERS, &rows)?;
    if !text.is_empty() {
        line(text.trim_end_matches('\n'));
    }
    Ok(0)
}

fn entries(image: &ImageSummary) -> Vec<Entry<'_>> {
    let named = image.references.iter().filter_map(|name| {
        let reference: Reference = name.parse().ok()?;
        Some(Entry {
            image,
            repository: reference.familiar_repository(),
            tag: reference.tag().unwrap_or(NONE).to_owned(),
        })
    });
    let mut entries: Vec<Entry<'_>> = named.collect();
    if entries.is_empty() {
        entries.push(Entry { image, repository: NONE.to_owned(), tag: NONE.to_owned() });
    }
    entries
}

fn id(image: &ImageSummary, whole: bool) -> String {
    if whole { image.id.to_string() } else { image.id.short() }
}

fn row(entry: &Entry<'_>, no_trunc: bool, now: Timestamp) -> Row {
    let image = entry.image;
    let created = image.created.as_deref().unwrap_or_default();
    let size = size::human(image.size_bytes);
    let since = time::since(created, now).map_or_else(|| "N/A".into(), |age| format!("{age} ago"));
    let fields = [
        ("Containers", "N/A".to_owned()),
        ("CreatedAt", if created.is_empty() { "N/A".into() } else { time::moment(created) }),
        ("CreatedSince", since),
        ("Digest", image.id.to_string()),
        ("ID", id(image, no_trunc)),
        ("Repository", entry.repository.clone()),
        ("SharedSize", "N/A".to_owned()),
        ("Size", size.clone()),
        ("Tag", entry.tag.clone()),
        ("UniqueSize", "N/A".to_owned()),
        ("VirtualSize", size),
    ];
    Row {
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
        labels: image.labels.clone(),
    }
}

fn is_wanted(entry: &Entry<'_>, wanted: &str) -> bool {
    let Ok(reference) = wanted.parse::<Reference>() else { return false };
    reference.familiar_repository() == entry.repository
        && reference.tag().is_none_or(|tag| tag == entry.tag)
}

/// One `--filter`.
enum Filter {
    Dangling(bool),
    Label(String),
    Reference(String),
}

impl Filter {
    fn fits(&self, entry: &Entry<'_>) -> bool {
        match self {
            Self::Dangling(wanted) => entry.image.references.is_empty() == *wanted,
            Self::Label(wanted) => match wanted.split_once('=') {
                Some((name, value)) => {
                    entry.image.labels.get(name).is_some_and(|label| label == value)
                }
                None => entry.image.labels.contains_key(wanted),
            },
            Self::Reference(pattern) => {
                let whole = format!("{}:{}", entry.repository, entry.tag);
                glob(pattern, &whole) || glob(pattern, &entry.repository)
            }
        }
    }
}

fn parse_filters(texts: &[String]) -> Result<Vec<Filter>, Failure> {
    texts
        .iter()
        .map(|text| match text.split_once('=') {
            Some(("dangling", value)) => crate::arguments::parse_bool(value)
                .map(Filter::Dangling)
                .map_err(|why| Failure::invalid(format!("invalid filter: {why}"), "")),
            Some(("label", value)) => Ok(Filter::Label(value.to_owned())),
            Some(("reference", value)) => Ok(Filter::Reference(value.to_owned())),
            _ => Err(Failure::invalid(
                format!("invalid filter '{}'", text.escape_debug()),
                "known are dangling=true|false, label=NAME[=VALUE], reference=PATTERN",
            )),
        })
        .collect()
}

/// Matches `*` (within a path component) and `?`.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(&c) if (c == '?' && text[t] != '/') || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, at)) if text[at] != '/' => {
                    retry = Some((after, at + 1));
                    p = after;
                    t = at + 1;
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_stars_stay_within_a_component() {
        for (pattern, text, fits) in [
            ("busybox", "busybox", true),
            ("busy*", "busybox:1", true),
            ("*/app:*", "team/app:1", true),
            ("*", "team/app:1", false),
            ("b?sybox:*", "busybox:latest", true),
            ("*:latest", "busybox:1", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
