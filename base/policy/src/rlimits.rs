// SPDX-License-Identifier: Apache-2.0
//! Resource limits: names and numbers.

use brig_spec::runtime::Rlimit;

/// Names by number, without `RLIMIT_`; the numbers hold on x86, arm and arm64.
const NAMES: [&str; 16] = [
    "CPU",
    "FSIZE",
    "DATA",
    "STACK",
    "CORE",
    "RSS",
    "NPROC",
    "NOFILE",
    "MEMLOCK",
    "AS",
    "LOCKS",
    "SIGPENDING",
    "MSGQUEUE",
    "NICE",
    "RTPRIO",
    "RTTIME",
];

/// Limits on open files where none is asked for.
const NOFILE_HARD: u64 = 65_536;
const NOFILE_SOFT: u64 = 1_024;

/// Returns the kernel's number of a limit such as `RLIMIT_NOFILE`, the form of `config.json`.
#[must_use]
pub fn rlimit_number(name: &str) -> Option<u32> {
    let word = name.strip_prefix("RLIMIT_")?;
    (0..).zip(NAMES).find(|(_, known)| *known == word).map(|(number, _)| number)
}

/// Returns the name in `config.json` of Docker's `--ulimit` word, such as `nofile`.
#[must_use]
pub fn rlimit_of_ulimit(word: &str) -> Option<String> {
    let known = NAMES.iter().find(|known| known.eq_ignore_ascii_case(word))?;
    Some(format!("RLIMIT_{known}"))
}

/// Returns brig's default limits: open files, and no core files.
///
/// A soft limit above 1,024 breaks programs that use select(2) or close every possible
/// descriptor at start; whoever needs more raises it up to the hard limit.
#[must_use]
pub fn default_rlimits() -> Vec<Rlimit> {
    let limit = |kind: &str, soft, hard| Rlimit { kind: kind.to_owned(), soft, hard };
    vec![limit("RLIMIT_CORE", 0, 0), limit("RLIMIT_NOFILE", NOFILE_SOFT, NOFILE_HARD)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rlimit_number_knows_the_specifications_names_only() {
        assert_eq!(rlimit_number("RLIMIT_CPU"), Some(0));
        assert_eq!(rlimit_number("RLIMIT_NOFILE"), Some(7));
        assert_eq!(rlimit_number("RLIMIT_RTTIME"), Some(15));
        for bad in ["NOFILE", "nofile", "RLIMIT_", "RLIMIT_nofile", "RLIMIT_FILES", ""] {
            assert_eq!(rlimit_number(bad), None, "{bad}");
        }
        assert_eq!(rlimit_of_ulimit("nofile").as_deref(), Some("RLIMIT_NOFILE"));
        assert_eq!(rlimit_of_ulimit("files"), None);
        assert!(default_rlimits().iter().all(|limit| rlimit_number(&limit.kind).is_some()));
    }
}
