// SPDX-License-Identifier: Apache-2.0
//! Strict JSON, and blobs that are what their descriptors say.
//!
//! A key given twice is refused: one reader takes the first, another the last, and what was checked
//! is then not what is run. Depth is bounded by serde_json (128 levels).

use super::PlanError;
use crate::bundle::Bundle;
use crate::hash::digest_of;
use crate::limits::Limits;
use crate::printable::printable;
use brig_spec::image::{Descriptor, Index, Manifest, media_type};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Parses a document.
pub(super) fn parse<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, PlanError> {
    let failed = |source| PlanError::Json { what, source };
    let Strict(value) = serde_json::from_slice(bytes).map_err(failed)?;
    serde_json::from_value(value).map_err(failed)
}

/// Parses a manifest and refuses what could be something else as well.
pub(super) fn parse_manifest(bytes: &[u8], expected: &str) -> Result<Manifest, PlanError> {
    let what = "the manifest";
    refuse_confusion(what, bytes, &["manifests", "fsLayers", "signatures"])?;
    let manifest: Manifest = parse(what, bytes)?;
    check_kind(what, manifest.schema_version, manifest.media_type.as_deref(), expected)?;
    Ok(manifest)
}

/// Parses an index and refuses what could be something else as well.
pub(super) fn parse_index(bytes: &[u8], expected: &str) -> Result<Index, PlanError> {
    let what = "the index";
    refuse_confusion(what, bytes, &["layers", "config", "fsLayers", "signatures"])?;
    let index: Index = parse(what, bytes)?;
    check_kind(what, index.schema_version, index.media_type.as_deref(), expected)?;
    Ok(index)
}

/// Returns whether a media type is that of an index.
pub(super) fn is_index(media_type: &str) -> bool {
    matches!(media_type, media_type::OCI_INDEX | media_type::DOCKER_LIST)
}

/// Returns whether a media type is that of a manifest.
pub(super) fn is_manifest(media_type: &str) -> bool {
    matches!(media_type, media_type::OCI_MANIFEST | media_type::DOCKER_MANIFEST)
}

/// Reads a document that a descriptor points to: length first, digest before any parsing.
pub(super) fn read_verified(
    bundle: &dyn Bundle,
    what: &'static str,
    descriptor: &Descriptor,
    limits: &Limits,
) -> Result<Vec<u8>, PlanError> {
    let name = blob_name(descriptor);
    let limit = limits.document_bytes_max;
    if descriptor.size > limit {
        return Err(PlanError::Limit { what: "a document's length in bytes", limit });
    }
    let bytes = bundle.read(&name, limit)?.ok_or_else(|| missing(what, descriptor))?;
    check_size(what, descriptor, bytes.len() as u64)?;
    let actual = digest_of(&bytes);
    if actual != descriptor.digest {
        return Err(PlanError::Digest { what, expected: descriptor.digest, actual });
    }
    Ok(bytes)
}

/// Refuses a blob of another length than its descriptor's.
pub(super) fn check_size(
    what: &'static str,
    descriptor: &Descriptor,
    actual: u64,
) -> Result<(), PlanError> {
    let (digest, expected) = (descriptor.digest, descriptor.size);
    if actual == expected {
        return Ok(());
    }
    Err(PlanError::Size { what, digest, expected, actual })
}

/// Returns a blob's file name in an OCI layout.
pub(super) fn blob_name(descriptor: &Descriptor) -> String {
    format!("blobs/sha256/{}", descriptor.digest.hex())
}

pub(super) fn missing(what: &'static str, descriptor: &Descriptor) -> PlanError {
    PlanError::BlobMissing { what, name: descriptor.digest.to_string() }
}

fn refuse_confusion(what: &'static str, bytes: &[u8], foreign: &[&str]) -> Result<(), PlanError> {
    let document: Map<String, Value> = parse(what, bytes)?;
    // Go's parser takes `Layers` for `layers`, so letter case must not hide a key from us.
    if document.keys().any(|key| foreign.iter().any(|name| name.eq_ignore_ascii_case(key))) {
        return Err(PlanError::Confused { what });
    }
    let mut folded: Vec<String> = document.keys().map(|key| key.to_ascii_lowercase()).collect();
    folded.sort();
    if folded.windows(2).any(|pair| pair[0] == pair[1]) {
        let source = serde_json::Error::custom("a key is given twice in different letter case");
        return Err(PlanError::Json { what, source });
    }
    Ok(())
}

fn check_kind(
    what: &'static str,
    version: u32,
    actual: Option<&str>,
    expected: &str,
) -> Result<(), PlanError> {
    if version != 2 {
        return Err(PlanError::Version { what, version });
    }
    match actual {
        Some(actual) if actual != expected => Err(PlanError::MediaType {
            what,
            expected: printable(expected.as_bytes()),
            actual: printable(actual.as_bytes()),
        }),
        _ => Ok(()),
    }
}

/// A JSON value in which no object has a key twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
        Ok(Strict(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
        Ok(Strict(Value::from(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
        Ok(Strict(Number::from_f64(value).map_or(Value::Null, Value::Number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
        Ok(Strict(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = access.next_element()? {
            list.push(value);
        }
        Ok(Strict(Value::Array(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Strict, A::Error> {
        let mut map = Map::new();
        while let Some((key, Strict(value))) = access.next_entry::<String, Strict>()? {
            if map.contains_key(&key) {
                let key = printable(key.as_bytes());
                return Err(A::Error::custom(format!("key `{key}` is given twice")));
            }
            map.insert(key, value);
        }
        Ok(Strict(Value::Object(map)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_duplicate_key_or_depth_is_refused() {
        let value: Value = parse("x", br#"{"a":[1,-2,2.5,null,true,"s",{"b":{}}]}"#).unwrap();
        assert_eq!(value.to_string(), r#"{"a":[1,-2,2.5,null,true,"s",{"b":{}}]}"#);
        assert!(parse::<Value>("x", br#"{"a":{"b":1,"b":1}}"#).is_err());
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse::<Value>("x", deep.as_bytes()).is_err());
    }
}
