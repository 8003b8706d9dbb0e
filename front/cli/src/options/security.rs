// SPDX-License-Identifier: Apache-2.0
//! `--security-opt`.

use crate::arguments::parse_bool;
use crate::failure::Failure;
use brig_engine::container::options::{Options, SeccompChoice};
use std::path::Path;

/// Largest profile that is read, bytes.
const PROFILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Applies one option; `=` and, as Docker still takes it, `:` separate its value.
pub(crate) fn apply(options: &mut Options, text: &str) -> Result<(), Failure> {
    let (name, value) = match text.split_once(['=', ':']) {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    match (name, value) {
        ("no-new-privileges", None) => options.allow_new_privileges = false,
        ("no-new-privileges", Some(value)) => {
            let on = parse_bool(value).map_err(|why| invalid(text, &why))?;
            options.allow_new_privileges = !on;
        }
        ("seccomp", Some("unconfined")) => options.seccomp = SeccompChoice::Unconfined,
        ("seccomp", Some("builtin" | "default")) => options.seccomp = SeccompChoice::Default,
        ("seccomp", Some(path)) => {
            let bytes = brig_state::atomic::read(Path::new(path), PROFILE_BYTES_MAX)
                .map_err(brig_engine::Error::from)?;
            let profile = String::from_utf8_lossy(&bytes).into_owned();
            options.seccomp = SeccompChoice::Profile(profile);
        }
        _ => return Err(invalid(text, "it is not known")),
    }
    Ok(())
}

fn invalid(text: &str, why: &str) -> Failure {
    Failure::invalid(
        format!("invalid --security-opt `{}`: {why}", text.escape_debug()),
        "known are seccomp=unconfined, seccomp=FILE and no-new-privileges[=true|false]",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apply_both_separators() {
        let mut options = Options::default();
        apply(&mut options, "no-new-privileges:false").unwrap();
        apply(&mut options, "seccomp=unconfined").unwrap();
        assert!(options.allow_new_privileges);
        assert_eq!(options.seccomp, SeccompChoice::Unconfined);
        apply(&mut options, "no-new-privileges").unwrap();
        assert!(!options.allow_new_privileges);
    }

    #[test]
    fn apply_unknown_is_refused() {
        for text in ["", "apparmor=x", "seccomp", "seccomp=/nonexistent", "no-new-privileges=2"] {
            assert!(apply(&mut Options::default(), text).is_err(), "{text}");
        }
    }
}
