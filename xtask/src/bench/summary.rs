// SPDX-License-Identifier: Apache-2.0
//! Turns the times of each command into medians, minima and ratios to every other command.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};

/// The runs of one command.
pub(super) struct Row {
    name: String,
    times_ms: Vec<f64>,
    /// How many runs did not exit with 0.
    pub(super) failures: usize,
}

impl Row {
    /// A command that has not run yet.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), times_ms: Vec::new(), failures: 0 }
    }

    /// Adds one run.
    pub(super) fn add(&mut self, elapsed: Duration, success: bool) {
        self.times_ms.push(elapsed.as_secs_f64() * 1e3);
        self.failures += usize::from(!success);
    }

    /// The time that `percent` of the runs do not exceed.
    fn quantile(&self, percent: usize) -> f64 {
        let mut sorted = self.times_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(f64::NAN)
    }
}

/// Returns the table: one line a command, then the ratios of medians, row to column.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = format!("{:<24}{:>9}{:>9}{:>9}{:>6}", "ms", "median", "min", "p90", "fail");
    for row in rows {
        let _infallible = write!(
            text,
            "\n{:<24}{:>9.2}{:>9.2}{:>9.2}{:>6}",
            row.name,
            row.quantile(50),
            row.quantile(0),
            row.quantile(90),
            row.failures
        );
    }
    text.push_str("\n\nratio of medians (of minima)\n");
    for row in rows.iter().filter(|row| row.name.starts_with("brig")) {
        for peer in rows.iter().filter(|peer| peer.name != row.name) {
            let _infallible = writeln!(
                text,
                "{:<24}{:>7.3} ({:.3}) x {}",
                row.name,
                row.quantile(50) / peer.quantile(50),
                row.quantile(0) / peer.quantile(0),
                peer.name
            );
        }
    }
    text
}

/// Returns the same as JSON.
pub(super) fn json(rows: &[Row], rounds: usize) -> Value {
    let commands: Map<String, Value> = rows
        .iter()
        .map(|row| {
            let peers = rows.iter().filter(|peer| peer.name != row.name);
            let ratios: Map<String, Value> = peers
                .map(|peer| (peer.name.clone(), json!(row.quantile(50) / peer.quantile(50))))
                .collect();
            let value = json!({
                "median_ms": row.quantile(50),
                "min_ms": row.quantile(0),
                "p90_ms": row.quantile(90),
                "failures": row.failures,
                "ratio_to": ratios,
            });
            (row.name.clone(), value)
        })
        .collect();
    json!({ "rounds": rounds, "commands": commands })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, times_ms: &[u64]) -> Row {
        let mut row = Row::new(name);
        for time_ms in times_ms {
            row.add(Duration::from_millis(*time_ms), true);
        }
        row
    }

    #[test]
    fn json_has_the_ratio_of_medians() {
        let rows = [row("brig", &[9, 2, 1]), row("peer", &[4, 4, 8])];
        let value = json(&rows, 3);
        assert_eq!(value["commands"]["brig"]["median_ms"], 2.0);
        assert_eq!(value["commands"]["brig"]["ratio_to"]["peer"], 0.5);
        assert!(table(&rows).contains("0.500 (0.250) x peer"), "{}", table(&rows));
    }
}
