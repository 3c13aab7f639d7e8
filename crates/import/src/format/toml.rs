//! TOML.

use serde_json::{Map, Number, Value as Json};
use toml_edit::{DocumentMut, Item, Value};

pub(super) fn read(text: &str) -> Result<Json, String> {
    let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        let error = error.to_string();
        error.lines().next().unwrap_or_default().to_owned()
    })?;
    item(document.as_item(), 0)
}

fn item(item: &Item, depth: usize) -> Result<Json, String> {
    super::check_depth(depth)?;
    match item {
        Item::None => Ok(Json::Null),
        Item::Value(inner) => value(inner, depth),
        Item::Table(table) => {
            let members = table.iter();
            members
                .map(|(key, inner)| Ok((key.to_owned(), self::item(inner, depth + 1)?)))
                .collect::<Result<Map<_, _>, String>>()
                .map(Json::Object)
        }
        Item::ArrayOfTables(tables) => {
            let tables = tables.iter();
            tables
                .map(|table| self::item(&Item::Table(table.clone()), depth + 1))
                .collect::<Result<_, _>>()
                .map(Json::Array)
        }
    }
}

fn value(inner: &Value, depth: usize) -> Result<Json, String> {
    super::check_depth(depth)?;
    Ok(match inner {
        Value::String(text) => text.value().as_str().into(),
        Value::Integer(number) => (*number.value()).into(),
        // What JSON has no number for is a text.
        Value::Float(number) => Number::from_f64(*number.value())
            .map_or_else(|| number.value().to_string().into(), Json::Number),
        Value::Boolean(yes) => (*yes.value()).into(),
        Value::Datetime(time) => time.value().to_string().into(),
        Value::Array(list) => {
            let items = list.iter().map(|item| value(item, depth + 1));
            Json::Array(items.collect::<Result<_, _>>()?)
        }
        Value::InlineTable(table) => {
            let members = table
                .iter()
                .map(|(key, inner)| Ok((key.to_owned(), value(inner, depth + 1)?)));
            Json::Object(members.collect::<Result<_, String>>()?)
        }
    })
}
