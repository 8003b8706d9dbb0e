// SPDX-License-Identifier: Apache-2.0
//! `--format`: Go templates with Docker's functions, `json`, `table ...`.

use super::table;
use crate::failure::Failure;
use gotmpl::{Template, TemplateError, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row: its fields as JSON, and labels for `{{.Label "name"}}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    /// Fields by Docker's names.
    pub(crate) fields: Map<String, Json>,
    /// Labels.
    pub(crate) labels: BTreeMap<String, String>,
}

/// Renders rows by a format; `headers` are the columns' titles, `default` the format when none is
/// given.
pub(crate) fn rows(
    format: Option<&str>,
    default: &str,
    headers: &[(&str, &str)],
    rows: &[Row],
) -> Result<String, Failure> {
    let format = match format {
        None | Some("" | "table") => default,
        Some(format) => format,
    };
    if format == "json" {
        return Ok(rows
            .iter()
            .map(|row| format!("{}\n", Json::Object(row.fields.clone())))
            .collect());
    }
    let (template, is_table) = match format.strip_prefix("table") {
        Some(rest) if rest.starts_with(char::is_whitespace) || rest.starts_with('{') => {
            (rest.trim_start(), true)
        }
        _ => (format, false),
    };
    let template = parse(&unescape(template))?;
    let mut lines = Vec::new();
    if is_table {
        let fields =
            headers.iter().map(|(name, title)| ((*name).to_owned(), (*title).into())).collect();
        lines.push(execute(&template, &header_value(fields))?);
    }
    for row in rows {
        lines.push(execute(&template, &row_value(row))?);
    }
    Ok(if is_table {
        table::align(&lines)
    } else {
        lines.into_iter().map(|line| line + "\n").collect()
    })
}

/// Renders one document by a format other than `json`.
pub(crate) fn document(format: &str, document: &Json) -> Result<String, Failure> {
    let template = parse(&unescape(format))?;
    execute(&template, &to_value(document))
}

/// Docker's CLI takes `\t` and `\n` in a format for what they stand for.
fn unescape(format: &str) -> String {
    format.replace("\\t", "\t").replace("\\n", "\n")
}

fn parse(format: &str) -> Result<Template, Failure> {
    // A method with an argument, to Go; a function in a field, here.
    let format = format.replace(".Label \"", "call .Label \"");
    Template::new("")
        .missing_key(gotmpl::MissingKey::Error)
        .func("json", |args| Ok(Value::String(json_text(args.first()).into())))
        .func("join", |args| {
            let separator = args.get(1).map(ToString::to_string).unwrap_or_default();
            let list = match args.first() {
                Some(Value::List(list)) => list.to_vec(),
                _ => Vec::new(),
            };
            let words: Vec<String> = list.iter().map(ToString::to_string).collect();
            Ok(Value::String(words.join(&separator).into()))
        })
        .func("upper", |args| Ok(Value::String(text(args, 0).to_uppercase().into())))
        .func("lower", |args| Ok(Value::String(text(args, 0).to_lowercase().into())))
        .func("title", |args| Ok(Value::String(title(&text(args, 0)).into())))
        .func("split", |args| {
            let (whole, separator) = (text(args, 0), text(args, 1));
            let words = whole.split(&separator).map(|word| Value::String(word.into()));
            Ok(Value::List(words.collect::<Vec<_>>().into()))
        })
        .func("truncate", |args| {
            let length = args.get(1).and_then(Value::as_int).unwrap_or(0);
            let length = usize::try_from(length).unwrap_or(0);
            Ok(Value::String(text(args, 0).chars().take(length).collect::<String>().into()))
        })
        .parse(&format)
        .map_err(|error| template_failure(&error))
}

fn execute(template: &Template, value: &Value) -> Result<String, Failure> {
    template.execute_to_string(value).map_err(|error| template_failure(&error))
}

fn template_failure(error: &TemplateError) -> Failure {
    Failure::invalid(
        format!("template parsing error: {error}"),
        "formats are Go templates such as `{{.ID}}`; `json` shows all fields",
    )
}

fn text(args: &[Value], at: usize) -> String {
    args.get(at).map(ToString::to_string).unwrap_or_default()
}

fn title(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

fn row_value(row: &Row) -> Value {
    let labels = row.labels.clone();
    with_label(&row.fields, move |name| labels.get(name).cloned().unwrap_or_default())
}

/// In the heading, a label's column is titled by the last part of its name.
fn header_value(fields: Map<String, Json>) -> Value {
    with_label(&fields, |name| name.rsplit('.').next().unwrap_or(name).to_uppercase())
}

fn with_label(
    fields: &Map<String, Json>,
    label: impl Fn(&str) -> String + Send + Sync + 'static,
) -> Value {
    let mut map: BTreeMap<Arc<str>, Value> =
        fields.iter().map(|(name, value)| (name.as_str().into(), to_value(value))).collect();
    let function = move |args: &[Value]| Ok(Value::String(label(&text(args, 0)).into()));
    map.insert("Label".into(), Value::Function(Arc::new(function)));
    Value::Map(Arc::new(map))
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (_, Some(number)) => Value::Uint(number),
            _ => Value::Float(number.as_f64().unwrap_or(0.0)),
        },
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(list) => Value::List(list.iter().map(to_value).collect::<Vec<_>>().into()),
        Json::Object(map) => Value::Map(Arc::new(
            map.iter().map(|(name, value)| (name.as_str().into(), to_value(value))).collect(),
        )),
    }
}

fn json_text(value: Option<&Value>) -> String {
    value.map_or(Json::Null, to_json).to_string()
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Nil | Value::Function(_) => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(number) => (*number).into(),
        Value::Uint(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::String(text) => text.as_ref().into(),
        Value::List(list) => Json::Array(list.iter().map(to_json).collect()),
        Value::Map(map) => Json::Object(
            map.iter()
                .filter(|(_, value)| !matches!(value, Value::Function(_)))
                .map(|(name, value)| (name.to_string(), to_json(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, name: &str) -> Row {
        let fields = [("ID", id), ("Names", name)];
        Row {
            fields: fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).into())).collect(),
            labels: [("a.b".to_owned(), "c".to_owned())].into(),
        }
    }

    fn render(format: Option<&str>) -> Result<String, Failure> {
        let headers = [("ID", "CONTAINER ID"), ("Names", "NAMES")];
        rows(format, "table {{.ID}}\t{{.Names}}", &headers, &[row("1", "one"), row("2", "two")])
    }

    #[test]
    fn rows_table_has_a_heading_and_aligned_columns() {
        let expected = "CONTAINER ID   NAMES\n1              one\n2              two\n";
        assert_eq!(render(None).unwrap(), expected);
        assert_eq!(render(Some("table {{.ID}}\\t{{.Names}}")).unwrap(), expected);
    }

    #[test]
    fn rows_plain_format_json_and_functions() {
        assert_eq!(render(Some("{{.Names}}!")).unwrap(), "one!\ntwo!\n");
        assert_eq!(
            render(Some("json")).unwrap(),
            "{\"ID\":\"1\",\"Names\":\"one\"}\n{\"ID\":\"2\",\"Names\":\"two\"}\n"
        );
        assert_eq!(render(Some("{{json .Names}}")).unwrap(), "\"one\"\n\"two\"\n");
        assert_eq!(render(Some("{{upper .Names}}")).unwrap(), "ONE\nTWO\n");
        assert_eq!(render(Some("{{.Label \"a.b\"}}")).unwrap(), "c\nc\n");
        assert!(render(Some("table {{.Label \"a.b\"}}")).unwrap().starts_with("B\nc\n"));
    }

    #[test]
    fn rows_unknown_field_or_broken_template_is_an_error() {
        assert!(render(Some("{{.Nope}}")).is_err());
        assert!(render(Some("{{.ID")).is_err());
    }

    #[test]
    fn document_walks_nested_fields() {
        let json = serde_json::json!({"State": {"Pid": 7, "Tags": ["a", "b"]}, "M": {"k": null}});
        assert_eq!(document("{{.State.Pid}}", &json).unwrap(), "7");
        assert_eq!(document("{{join .State.Tags \",\"}}", &json).unwrap(), "a,b");
        assert_eq!(document("{{json .M}}", &json).unwrap(), "{\"k\":null}");
        assert_eq!(document("{{range .State.Tags}}{{.}};{{end}}", &json).unwrap(), "a;b;");
        assert_eq!(document("{{index .State.Tags 1}}", &json).unwrap(), "b");
    }
}
