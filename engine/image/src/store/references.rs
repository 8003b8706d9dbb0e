// SPDX-License-Identifier: Apache-2.0
//! Tags: one small file each.

use super::Store;
use super::catalog::damaged;
use crate::error::Error;
use crate::hash::digest_of;
use brig_spec::digest::Digest;
use brig_spec::reference::Reference;
use brig_state::atomic;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

const VERSION: u32 = 1;

/// Longest file name stem that is the escaped reference itself.
const STEM_MAX: usize = 160;

/// A tag on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct TagRecord {
    version: u32,
    /// The whole reference, because a long one is not in the file name.
    reference: String,
    /// The image.
    id: Digest,
    /// When the tag was last set, seconds since 1970.
    tagged_at_s: u64,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Store {
    /// Gives an image a further name; returns the image that had the name before, if another.
    ///
    /// # Errors
    /// When `source` is no image or `target` no reference with a tag.
    pub fn tag(&self, source: &str, target: &str) -> Result<Option<Digest>, Error> {
        let target: Reference = target.parse()?;
        if target.digest().is_some() {
            return Err(brig_spec::reference::ReferenceError::Format.into());
        }
        let _lock = self.shared_lock()?;
        let id = self.find(source)?;
        self.set_tag(&target.with_default_tag(), &id)
    }

    /// Lists the names of an image, in the form that people type.
    ///
    /// # Errors
    /// When a tag cannot be read.
    pub fn references_of(&self, id: &Digest) -> Result<Vec<String>, Error> {
        let tags = self.tags()?;
        Ok(tags.iter().filter(|(_, to)| *to == id).map(|(tag, _)| tag.familiar()).collect())
    }

    /// Points a tag to an image; the caller holds the shared lock, so that the image stays.
    pub(super) fn set_tag(&self, tag: &Reference, id: &Digest) -> Result<Option<Digest>, Error> {
        let _lock = self.references_lock()?;
        let path = self.tag_path(tag);
        let earlier: Option<TagRecord> = match atomic::read_json(&path) {
            Ok(record) => Some(record),
            Err(error) if error.is_not_found() => None,
            // Whatever it was, it is replaced.
            Err(brig_state::Error::Parse { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        let previous = earlier.as_ref().map(|record| record.id).filter(|old| old != id);
        let record = TagRecord {
            version: VERSION,
            reference: tag.to_string(),
            id: *id,
            tagged_at_s: now,
            extra: earlier.map(|record| record.extra).unwrap_or_default(),
        };
        atomic::write_json(&path, &record)?;
        Ok(previous)
    }

    /// Returns the image that a tag names.
    pub(super) fn tag_target(&self, tag: &Reference) -> Result<Option<Digest>, Error> {
        match atomic::read_json::<TagRecord>(&self.tag_path(tag)) {
            Ok(record) if record.reference == tag.to_string() => Ok(Some(record.id)),
            Ok(record) => Err(damaged(&record.id, format!("the record of tag {tag} is another's"))),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes a tag; the caller holds the exclusive lock.
    pub(super) fn delete_tag(&self, tag: &Reference) -> Result<(), Error> {
        let _lock = self.references_lock()?;
        let path = self.tag_path(tag);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Os { operation: "remove", path, source })
            }
            _ => Ok(()),
        }
    }

    /// Lists all tags with their images.
    ///
    /// A tag file that cannot be parsed names no image and is passed over: `tag` or `load` of that
    /// name replaces it.
    pub(super) fn tags(&self) -> Result<BTreeMap<Reference, Digest>, Error> {
        let dir = self.references_dir();
        let failed = |source| Error::Os { operation: "list", path: dir.clone(), source };
        let mut tags = BTreeMap::new();
        for entry in std::fs::read_dir(&dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let record: TagRecord = match atomic::read_json(&path) {
                Ok(record) => record,
                Err(brig_state::Error::Parse { .. }) => continue,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            if let Ok(reference) = record.reference.parse() {
                tags.insert(reference, record.id);
            }
        }
        Ok(tags)
    }

    fn tag_path(&self, tag: &Reference) -> PathBuf {
        self.references_dir().join(format!("{}.json", stem(&tag.to_string())))
    }
}

/// Escapes a reference into a file name: `%` and two hexadecimal digits for all but letters, digits,
/// dots, hyphens and underscores. A long one is cut and told apart by its digest.
fn stem(reference: &str) -> String {
    let mut stem = String::new();
    for byte in reference.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            stem.push(char::from(byte));
        } else {
            stem.push_str(&format!("%{byte:02X}"));
        }
    }
    if stem.len() > STEM_MAX {
        stem.truncate(STEM_MAX - 65);
        stem.push('+');
        stem.push_str(&digest_of(reference.as_bytes()).hex());
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stem_is_a_safe_distinct_file_name() {
        assert_eq!(stem("docker.io/library/a:b"), "docker.io%2Flibrary%2Fa%3Ab");
        let long = format!("docker.io/{}:{}", "a/".repeat(120), "t".repeat(128));
        let other = format!("{}x", &long[..long.len() - 1]);
        assert!(stem(&long).len() <= STEM_MAX && stem(&long) != stem(&other));
    }
}
