// SPDX-License-Identifier: Apache-2.0
//! `--filter` of `ps`: values of one name are alternatives, different names must all fit.

use crate::failure::Failure;
use brig_engine::container::list::Summary;
use brig_engine::container::status::State;
use std::collections::BTreeMap;

const NAMES: &[&str] =
    &["ancestor", "before", "exited", "id", "label", "name", "network", "since", "status"];
const STATES: &[&str] =
    &["created", "restarting", "running", "removing", "paused", "exited", "dead"];

/// Parsed filters.
#[derive(Debug, Default)]
pub(super) struct Filters(BTreeMap<String, Vec<String>>);

impl Filters {
    pub(super) fn parse(texts: &[String]) -> Result<Self, Failure> {
        let mut filters = Self::default();
        for text in texts {
            let Some((name, value)) = text.split_once('=') else {
                return Err(Failure::invalid(
                    format!("bad format of filter `{}` (expected name=value)", text.escape_debug()),
                    "write such as `-f status=exited`",
                ));
            };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if !NAMES.contains(&name.as_str()) {
                return Err(Failure::invalid(
                    format!("invalid filter '{}'", name.escape_debug()),
                    format!("known are {}", NAMES.join(", ")),
                ));
            }
            if name == "status" && !STATES.contains(&value.as_str()) {
                return Err(Failure::invalid(
                    format!("invalid filter 'status={}'", value.escape_debug()),
                    format!("known are {}", STATES.join(", ")),
                ));
            }
            filters.0.entry(name).or_default().push(value);
        }
        Ok(filters)
    }

    /// Returns whether a filter speaks of states, so that stopped containers are meant, too.
    pub(super) fn names_states(&self) -> bool {
        self.0.contains_key("status") || self.0.contains_key("exited")
    }

    pub(super) fn fit(&self, summary: &Summary, all: &[Summary]) -> bool {
        self.0.iter().all(|(name, values)| match name.as_str() {
            // Every label must be there.
            "label" => values.iter().all(|value| has_label(summary, value)),
            _ => values.iter().any(|value| fits(name, value, summary, all)),
        })
    }
}

fn fits(name: &str, value: &str, summary: &Summary, all: &[Summary]) -> bool {
    let record = &summary.record;
    match name {
        "id" => record.id.starts_with(value),
        "name" => name_fits(&record.name, value),
        "network" => record.options.network.as_str() == value,
        "status" => summary.status.as_str() == value,
        "exited" => {
            summary.status.state == State::Exited
                && summary.status.record.exit_code.map(|code| code.to_string()).as_deref()
                    == Some(value)
        }
        "ancestor" => {
            let id = record.image_id.to_string();
            let tag = record.image.strip_suffix(":latest").unwrap_or(&record.image);
            value.strip_suffix(":latest").unwrap_or(value) == tag
                || (value.len() >= 4
                    && id.strip_prefix("sha256:").is_some_and(|hex| {
                        hex.starts_with(value.strip_prefix("sha256:").unwrap_or(value))
                    }))
        }
        "before" | "since" => all
            .iter()
            .find(|other| other.record.name == value || other.record.id.starts_with(value))
            .is_some_and(|other| match name {
                "before" => record.created_at < other.record.created_at,
                _ => record.created_at > other.record.created_at,
            }),
        _ => false,
    }
}

/// Docker matches a regular expression; the anchors are what people use of it.
fn name_fits(name: &str, pattern: &str) -> bool {
    let (start, rest) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest.strip_prefix('/').unwrap_or(rest)),
        None => (false, pattern.strip_prefix('/').unwrap_or(pattern)),
    };
    let (end, word) = match rest.strip_suffix('$') {
        Some(word) => (true, word),
        None => (false, rest),
    };
    match (start, end) {
        (true, true) => name == word,
        (true, false) => name.starts_with(word),
        (false, true) => name.ends_with(word),
        (false, false) => name.contains(word),
    }
}

fn has_label(summary: &Summary, wanted: &str) -> bool {
    let labels = &summary.record.config.labels;
    match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|label| label == value),
        None => labels.contains_key(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_fits_knows_anchors() {
        assert!(
            name_fits("web-1", "web") && name_fits("web-1", "^web") && name_fits("web-1", "1$")
        );
        assert!(name_fits("web", "^/web$") && !name_fits("web-1", "^web$"));
    }

    #[test]
    fn parse_unknown_filters_are_refused() {
        for text in ["status", "nope=1", "status=wat"] {
            assert!(Filters::parse(&[text.to_owned()]).is_err(), "{text}");
        }
        assert!(Filters::parse(&["status=exited".to_owned()]).unwrap().names_states());
    }
}
