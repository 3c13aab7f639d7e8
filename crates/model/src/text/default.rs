//! The default of a field: a TOML value that the field's kind takes, and back.

use super::section::Section;
use crate::definition::Kind;
use crate::value::{Value, ValueError};
use serde_json::json;
use toml_edit::{Array, InlineTable, Value as Toml};

/// Reads `default`. Its limits are checked with the rest of the definition.
pub(super) fn read(section: Section<'_>, kind: &Kind) -> Option<Value> {
    if !kind.is_register() {
        if section.has("default") {
            let wrong = format!("a {} starts empty and cannot have a default", kind.name());
            section.fault("default", wrong, "remove `default`");
        }
        return None;
    }
    let expected = expected(kind);
    let given = section.raw("default", expected)?;
    let read = value(section, kind, given);
    match read {
        None => {
            let found = given.type_name();
            section.fault(
                "default",
                format!("the default is of the wrong type: {found}"),
                format!("write {expected}"),
            );
            None
        }
        Some(Err(error)) => {
            section.fault(
                "default",
                format!("the default {error}"),
                "give a value the field takes",
            );
            None
        }
        Some(Ok(value)) => Some(value),
    }
}

fn expected(kind: &Kind) -> &'static str {
    match kind {
        Kind::Text { .. } => "a text in quotes",
        Kind::Integer { .. } => "a whole number, such as 42",
        Kind::Decimal { .. } => "a decimal number, such as 12.50",
        Kind::Money { .. } => "an amount, such as 12.50 or \"12.50 EUR\"",
        Kind::Boolean => "true or false",
        Kind::Date => "a date, such as \"2026-05-04\"",
        Kind::Timestamp => "a time with its zone, such as \"2026-05-04T09:30:00Z\"",
        Kind::Choice { .. } => "one of the options, in quotes",
        Kind::MultiChoice { .. } => "a list of options, such as [\"one\", \"two\"]",
        Kind::Lookup { .. } => "the id of a record, in quotes",
        Kind::File => "a file reference, { hash = \"…\", size = 1024, name = \"photo.jpg\" }",
        Kind::Counter | Kind::Set { .. } | Kind::RichText | Kind::Json => "nothing",
    }
}

/// `None` where the TOML type is not one the kind is written in.
fn value(section: Section<'_>, kind: &Kind, given: &Toml) -> Option<Result<Value, ValueError>> {
    let text = |text: &str| Some(Value::from_text(kind, text));
    match (kind, given) {
        (Kind::Text { .. } | Kind::Choice { .. } | Kind::Lookup { .. }, Toml::String(given)) => {
            text(given.value())
        }
        (Kind::Integer { .. }, Toml::Integer(given)) => Some(Ok(Value::Integer(*given.value()))),
        (Kind::Decimal { .. } | Kind::Money { .. }, given) => text(&section.digits(given)?),
        (Kind::Boolean, Toml::Boolean(given)) => Some(Ok(Value::Boolean(*given.value()))),
        (Kind::Date | Kind::Timestamp, Toml::String(given)) => text(given.value()),
        (Kind::Date | Kind::Timestamp, Toml::Datetime(given)) => text(&given.value().to_string()),
        (Kind::MultiChoice { .. }, Toml::Array(given)) => {
            let names: Option<Vec<&str>> = given.iter().map(Toml::as_str).collect();
            Some(Value::from_json(kind, &json!(names?)))
        }
        (Kind::File, Toml::InlineTable(given)) => {
            let text = |key: &str| given.get(key).and_then(Toml::as_str);
            let size = given.get("size").and_then(Toml::as_integer);
            let parts = json!({"hash": text("hash"), "size": size, "name": text("name")});
            Some(Value::from_json(kind, &parts))
        }
        _ => None,
    }
}

/// How a default is written, so that [`read`] gives it back.
pub(super) fn write(kind: &Kind, value: &Value) -> Toml {
    match (kind, value) {
        (_, Value::Integer(number)) => (*number).into(),
        (_, Value::Boolean(value)) => (*value).into(),
        (_, Value::Decimal(number)) => decimal(&number.to_string()),
        (Kind::Money { currency, .. }, Value::Money(money)) if *currency == money.currency => {
            decimal(&money.amount.to_string())
        }
        (_, Value::MultiChoice(names)) => Array::from_iter(names).into(),
        (_, Value::File(file)) => {
            let mut parts = InlineTable::new();
            parts.insert("hash", file.hash.to_string().into());
            parts.insert("size", i64::try_from(file.size).unwrap_or(i64::MAX).into());
            parts.insert("name", file.name.as_str().into());
            parts.into()
        }
        (_, other) => other.to_string().into(),
    }
}

/// A decimal as a TOML number, or as a text where TOML has no such number.
pub(super) fn decimal(digits: &str) -> Toml {
    let number = digits.parse::<Toml>().ok();
    let number = number.filter(|number| number.is_integer() || number.is_float());
    number.unwrap_or_else(|| digits.into())
}
