// SPDX-License-Identifier: Apache-2.0
//! Names of containers: Docker's alphabet, its adjective_surname convention, one owner each.

use super::record::ContainerRecord;
use super::reservation::{Reserve, reserve};
use super::words::{ADJECTIVES, SURNAMES};
use crate::error::{Error, Result};
use crate::layout::{Layout, files};
use std::path::PathBuf;

/// Longest name; file names end at 255 bytes.
const LENGTH_MAX: usize = 200;
/// Attempts at a free name before a number is appended, as Docker does.
const ATTEMPTS: u32 = 6;

/// Reserves the name `wanted`, or a generated one, for container `id`; returns it.
pub(crate) fn allocate(layout: &Layout, id: &str, wanted: Option<&str>) -> Result<String> {
    let Some(wanted) = wanted else { return generate(layout, id) };
    let name = wanted.strip_prefix('/').unwrap_or(wanted);
    validate(name)?;
    match reserve(layout, &layout.names(), name, id)? {
        Reserve::Taken => Ok(name.to_owned()),
        Reserve::Held(holder) => Err(Error::NameInUse { name: name.to_owned(), id: holder }),
    }
}

/// Makes sure that container `id` still has `name`; only a crash in the middle of a removal can
/// have taken it away.
pub(crate) fn confirm(layout: &Layout, id: &str, name: &str) -> Result<()> {
    allocate(layout, id, Some(name)).map(drop)
}

fn generate(layout: &Layout, id: &str) -> Result<String> {
    for attempt in 0.. {
        let mut name = candidate(id, attempt);
        if attempt >= ATTEMPTS {
            name.push_str(&(attempt - ATTEMPTS).to_string());
        }
        if reserve(layout, &layout.names(), &name, id)? == Reserve::Taken {
            return Ok(name);
        }
    }
    unreachable!("the numbers end after all names do")
}

/// Derives a name from the id, which is random.
fn candidate(id: &str, attempt: u32) -> String {
    let digits = |from: usize| {
        usize::from_str_radix(id.get(from..from + 6).unwrap_or_default(), 16).unwrap_or(0)
    };
    let step = usize::try_from(attempt).unwrap_or(0);
    let adjective = ADJECTIVES[(digits(16) + step * 7) % ADJECTIVES.len()];
    let surname = SURNAMES[(digits(32) + step * 11) % SURNAMES.len()];
    format!("{adjective}_{surname}")
}

/// Checks Docker's alphabet: `[a-zA-Z0-9][a-zA-Z0-9_.-]+`.
///
/// # Errors
/// [`Error::Invalid`] with Docker's sentence.
pub fn validate(name: &str) -> Result<()> {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    let rest =
        name.bytes().skip(1).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if first && rest && (2..=LENGTH_MAX).contains(&name.len()) {
        return Ok(());
    }
    Err(Error::invalid(
        format!(
            "Invalid container name ({}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
            name.escape_debug()
        ),
        format!("use 2 to {LENGTH_MAX} of these characters"),
    ))
}

/// Returns the path of a name's reservation.
pub(crate) fn path(layout: &Layout, name: &str) -> PathBuf {
    layout.names().join(name)
}

/// Returns whether a reservation for `name` is the leftover of a rename that died halfway: its
/// container has another name, and nobody is renaming it now.
pub(crate) fn is_left_by_rename(layout: &Layout, name: &str, id: &str) -> Result<bool> {
    let dir = layout.container(id);
    let free = match brig_state::lock::try_exclusive_dir(&dir) {
        Ok(lock) => lock,
        Err(error) if error.is_not_found() => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    if free.is_none() {
        return Ok(false);
    }
    let record: std::result::Result<ContainerRecord, _> =
        brig_state::atomic::read_json(&dir.join(files::RECORD));
    match record {
        Ok(record) => Ok(record.name != name),
        // A record that cannot be read says nothing; the container still owns the name.
        Err(_) => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn validate_hostile_names_are_refused() {
        for name in ["", "a", "../x", "a/b", ".hidden", "a b", "a\0b", "-x", "é", "a\nb"] {
            assert!(validate(name).is_err(), "{name:?}");
        }
        assert!(validate(&"x".repeat(201)).is_err());
        for name in ["ab", "a.b-c_d", "0x"] {
            validate(name).unwrap();
        }
    }

    #[test]
    fn allocate_taken_name_reports_dockers_conflict() {
        let scratch = Scratch::new("names");
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        scratch.fake_container(&a, "web");
        assert_eq!(allocate(&scratch.layout, &a, Some("/web")).unwrap(), "web");
        let error = allocate(&scratch.layout, &b, Some("web")).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "Conflict. The container name \"/web\" is already in use by container \"{a}\". \
                 You have to remove (or rename) that container to be able to reuse that name."
            )
        );
    }

    #[test]
    fn allocate_name_left_by_a_dead_rename_is_taken() {
        let scratch = Scratch::new("names-rename");
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        scratch.fake_container(&a, "old");
        assert_eq!(allocate(&scratch.layout, &a, Some("new")).unwrap(), "new");
        assert_eq!(allocate(&scratch.layout, &b, Some("new")).unwrap(), "new");
    }

    #[test]
    fn allocate_without_a_wish_gives_adjective_and_surname() {
        let scratch = Scratch::new("names-generate");
        let id = brig_state::id::random().unwrap();
        let name = allocate(&scratch.layout, &id, None).unwrap();
        let (adjective, surname) = name.split_once('_').unwrap();
        assert!(ADJECTIVES.contains(&adjective) && SURNAMES.contains(&surname));
    }

    #[test]
    fn words_make_valid_and_distinct_names() {
        for list in [ADJECTIVES, SURNAMES] {
            let mut sorted = list.to_vec();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), list.len());
            assert!(list.iter().all(|w| w.bytes().all(|b| b.is_ascii_lowercase())));
        }
    }
}
