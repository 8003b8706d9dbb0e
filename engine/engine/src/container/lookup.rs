// SPDX-License-Identifier: Apache-2.0
//! From what a user types to a container: full name, full id, unique id prefix, in Docker's order.

use super::record::ContainerRecord;
use super::reservation::holder;
use super::{names, sweep};
use crate::error::{Error, Result};
use crate::layout::{Layout, files};

/// Returns the id of the container that `text` means.
pub(crate) fn find(layout: &Layout, text: &str) -> Result<String> {
    let unknown = || Error::NoSuchContainer(text.escape_debug().to_string());
    if brig_state::id::is_full(text) && exists(layout, text) {
        return Ok(text.to_owned());
    }
    let name = text.strip_prefix('/').unwrap_or(text);
    if names::validate(name).is_ok()
        && let Some(id) = by_name(layout, name)?
    {
        return Ok(id);
    }
    if text.is_empty() || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(unknown());
    }
    let mut found = sweep::entries(&layout.containers())?;
    found.retain(|id| id.starts_with(text) && brig_state::id::is_full(id));
    match found.len() {
        0 => Err(unknown()),
        1 => Ok(found.remove(0)),
        _ => Err(Error::AmbiguousContainer(text.to_owned())),
    }
}

/// A reservation may be stale, so the container's own record decides.
fn by_name(layout: &Layout, name: &str) -> Result<Option<String>> {
    let Some(id) = holder(&names::path(layout, name))? else { return Ok(None) };
    if !brig_state::id::is_full(&id) {
        return Ok(None);
    }
    Ok(exists(layout, &id).then_some(id))
}

/// Returns whether there is a directory of container `id`.
pub(crate) fn exists(layout: &Layout, id: &str) -> bool {
    std::fs::symlink_metadata(layout.container(id)).is_ok()
}

/// Reads the record of container `id`.
pub(crate) fn record(layout: &Layout, id: &str) -> Result<ContainerRecord> {
    let path = layout.container(id).join(files::RECORD);
    match brig_state::atomic::read_json(&path) {
        Ok(record) => Ok(record),
        Err(error) if error.is_not_found() => Err(Error::NoSuchContainer(id.to_owned())),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scratch;

    #[test]
    fn find_by_name_id_and_prefix() {
        let scratch = Scratch::new("lookup");
        let (a, b) = (format!("ab{}", "0".repeat(62)), format!("ac{}", "0".repeat(62)));
        for (id, name) in [(&a, "one"), (&b, "two")] {
            scratch.fake_container(id, name);
            names::allocate(&scratch.layout, id, Some(name)).unwrap();
        }
        let find = |text: &str| find(&scratch.layout, text);
        assert_eq!(find("one").unwrap(), a);
        assert_eq!(find("/two").unwrap(), b);
        assert_eq!(find(&a).unwrap(), a);
        assert_eq!(find("ab").unwrap(), a);
        assert!(matches!(find("a"), Err(Error::AmbiguousContainer(_))));
        for text in ["", "ad", "../one", "nope", "AB", ".lock"] {
            assert!(matches!(find(text), Err(Error::NoSuchContainer(_))), "{text:?}");
        }
    }
}
