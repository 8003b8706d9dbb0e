// SPDX-License-Identifier: Apache-2.0
//! `brig inspect`.

use crate::failure::{Outcome, say};
use crate::render::{line, template};
use brig_engine::{Engine, Error};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

/// What can be inspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A container.
    Container,
    /// An image.
    Image,
}

/// Arguments of `inspect`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Only objects of this type
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<Kind>,
    #[command(flatten)]
    pub(crate) common: OneKind,
}

/// Arguments of `container inspect` and `image inspect`.
#[derive(Debug, Clone, Args)]
pub(crate) struct OneKind {
    /// Format by a Go template, or `json`
    #[arg(short, long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Names, ids or beginnings of ids
    #[arg(value_name = "NAME|ID", required = true)]
    pub(crate) names: Vec<String>,
}

/// Shows containers and images.
pub(crate) fn run(engine: &Engine, arguments: &Arguments) -> Outcome {
    show(engine, &arguments.common, arguments.kind)
}

/// Shows objects of one kind.
pub(crate) fn run_kind(engine: &Engine, arguments: &OneKind, kind: Kind) -> Outcome {
    show(engine, arguments, Some(kind))
}

fn show(engine: &Engine, arguments: &OneKind, kind: Option<Kind>) -> Outcome {
    let (mut documents, mut failures) = (Vec::new(), Vec::new());
    for name in &arguments.names {
        match document(engine, name, kind) {
            Ok(document) => documents.push(document),
            Err(failure) => failures.push(failure),
        }
    }
    match arguments.format.as_deref() {
        None | Some("") => line(&pretty(&documents)),
        Some("json") => documents.iter().for_each(|document| line(document)),
        Some(format) => {
            for document in &documents {
                let json: Value = serde_json::from_str(document).unwrap_or_default();
                line(&template::document(format, &json)?);
            }
        }
    }
    for failure in &failures {
        say(failure);
    }
    Ok(u8::from(!failures.is_empty()))
}

/// Returns the object's JSON on one line, fields in Docker's order.
fn document(
    engine: &Engine,
    name: &str,
    kind: Option<Kind>,
) -> Result<String, brig_report::Report> {
    if kind != Some(Kind::Image) {
        match engine.find(name).and_then(|id| engine.inspect(&id)) {
            Ok(document) => return Ok(compact(&document)),
            Err(Error::NoSuchContainer(_)) if kind.is_none() => {}
            Err(error) => return Err(error.report()),
        }
    }
    match engine.inspect_image(name) {
        Ok(document) => Ok(compact(&document)),
        Err(Error::Image(
            brig_image::Error::NoSuchImage { .. } | brig_image::Error::Reference(_),
        )) if kind.is_none() => Err(brig_report::Report::new(
            brig_report::Kind::NotFound,
            format!("No such object: {}", name.escape_debug()),
        )
        .hint("list containers with `brig ps -a` and images with `brig images`")),
        Err(error) => Err(error.report()),
    }
}

fn compact(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("documents are strings, numbers and lists of them")
}

/// Docker's indentation: four spaces, also of the outer list.
fn pretty(documents: &[String]) -> String {
    if documents.is_empty() {
        return "[]".to_owned();
    }
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let raw: Vec<Ordered> =
        documents.iter().filter_map(|document| serde_json::from_str(document).ok()).collect();
    raw.serialize(&mut serializer).expect("JSON that was parsed can be written");
    String::from_utf8_lossy(&out).into_owned()
}

/// JSON whose objects keep the order of their fields.
enum Ordered {
    Plain(Value),
    List(Vec<Ordered>),
    Object(Vec<(String, Ordered)>),
}

impl<'de> serde::Deserialize<'de> for Ordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderedVisitor)
    }
}

struct OrderedVisitor;

impl<'de> serde::de::Visitor<'de> for OrderedVisitor {
    type Value = Ordered;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, value: bool) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Ordered, E> {
        Ok(Ordered::Plain(value.into()))
    }
    fn visit_unit<E>(self) -> Result<Ordered, E> {
        Ok(Ordered::Plain(Value::Null))
    }
    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Ordered, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Ordered::List(list))
    }
    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Ordered, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = map.next_entry()? {
            object.push(entry);
        }
        Ok(Ordered::Object(object))
    }
}

impl Serialize for Ordered {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(value) => value.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
            Self::Object(object) => {
                serializer.collect_map(object.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}
