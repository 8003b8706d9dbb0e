// SPDX-License-Identifier: Apache-2.0
//! `--ulimit NAME=SOFT[:HARD]`.

use crate::failure::Failure;
use brig_engine::container::options::Ulimit;

const NAMES: &[&str] = &[
    "as",
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Reads one limit; -1 means unlimited.
pub(crate) fn ulimit(text: &str) -> Result<Ulimit, Failure> {
    parse(text).ok_or_else(|| {
        Failure::invalid(
            format!("invalid ulimit argument: {}", text.escape_debug()),
            "write `nofile=1024:2048`; known names are those of getrlimit(2) in lower case",
        )
    })
}

fn parse(text: &str) -> Option<Ulimit> {
    let (name, limits) = text.split_once('=')?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let number = |text: &str| text.parse::<i64>().ok().filter(|&n| n >= -1);
    let ulimit = Ulimit { name: name.to_owned(), soft: number(soft)?, hard: number(hard)? };
    let fits = match (ulimit.soft, ulimit.hard) {
        (_, -1) => true,
        (-1, _) => false,
        (soft, hard) => soft <= hard,
    };
    (fits && NAMES.contains(&name)).then_some(ulimit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulimit_one_value_is_both() {
        let made = ulimit("nofile=1024").unwrap();
        assert_eq!((made.soft, made.hard), (1024, 1024));
        let made = ulimit("core=0:-1").unwrap();
        assert_eq!((made.soft, made.hard), (0, -1));
    }

    #[test]
    fn ulimit_nonsense_is_refused() {
        for text in ["nofile", "nofile=", "nofile=2:1", "files=1", "nofile=-2", "nofile=-1:5"] {
            assert!(ulimit(text).is_err(), "{text}");
        }
    }
}
