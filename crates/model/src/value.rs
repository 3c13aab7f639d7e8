//! Field values, and how they are read from and shown to people and programs.

use crate::definition::Kind;
use crate::id::{Hash, RecordId};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The value of a register, or one element of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// UTF-8 text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// An exact decimal number.
    Decimal(Decimal),
    /// An exact amount in a currency. It and files stand apart, so that the
    /// values that there are many of stay small.
    Money(Box<Money>),
    /// Yes or no.
    Boolean(bool),
    /// A calendar day, in days since 1970-01-01.
    Date(i32),
    /// An instant.
    Timestamp(Timestamp),
    /// One option of a choice field, by its name.
    Choice(String),
    /// Several options, by their names.
    MultiChoice(BTreeSet<String>),
    /// Another record.
    Lookup(RecordId),
    /// A file, by its content.
    File(Box<FileRef>),
}

/// An exact decimal number of up to 28 digits, kept without trailing zeros so
/// that equal numbers have equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(rust_decimal::Decimal);

/// An amount and its ISO 4217 currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// Three upper-case letters.
    pub currency: String,
}

/// A file by the blake3 hash of its bytes; the bytes travel apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileRef {
    /// blake3 of the content.
    pub hash: Hash,
    /// Bytes.
    pub size: u64,
    /// What people call it.
    pub name: String,
}

impl From<Money> for Value {
    fn from(money: Money) -> Value {
        Value::Money(Box::new(money))
    }
}

impl From<FileRef> for Value {
    fn from(file: FileRef) -> Value {
        Value::File(Box::new(file))
    }
}

impl Decimal {
    /// The number, normalized.
    pub fn new(number: rust_decimal::Decimal) -> Decimal {
        Decimal(number.normalize())
    }

    /// The number with the other sign.
    pub fn negated(self) -> Decimal {
        Decimal(-self.0)
    }

    /// Digits after the point.
    pub fn scale(self) -> u32 {
        self.0.scale()
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Decimal {
        Decimal::new(number.into())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Decimal {
    type Err = rust_decimal::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        rust_decimal::Decimal::from_str_exact(text).map(Decimal::new)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0.mantissa(), self.0.scale() as u8).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (mantissa, scale) = <(i128, u8)>::deserialize(deserializer)?;
        rust_decimal::Decimal::try_from_i128_with_scale(mantissa, u32::from(scale))
            .map(Decimal::new)
            .map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

/// Why a text or a JSON value is not a value of a field's kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {expected}")]
pub struct ValueError {
    /// What was given, shortened.
    pub given: String,
    /// What the field takes, with an example.
    pub expected: String,
}

impl ValueError {
    /// An error about `given`, of which the first 60 characters are quoted.
    pub fn new(given: impl fmt::Display, expected: impl Into<String>) -> ValueError {
        let given = given.to_string();
        let shortened = match given.char_indices().nth(60) {
            Some((end, _)) => format!("{}…", &given[..end]),
            None => given,
        };
        ValueError {
            given: shortened,
            expected: expected.into(),
        }
    }
}

impl Value {
    /// Reads a value of `kind` as a person types it. Lookups are read as record
    /// ids: names of records are the caller's to resolve.
    ///
    /// Sets are read element by element with the kind of their elements;
    /// counters, rich text and JSON have no register value and are refused.
    pub fn from_text(kind: &Kind, text: &str) -> Result<Value, ValueError> {
        let wrong = |expected: &str| ValueError::new(text, expected);
        match kind {
            Kind::Text { .. } => Ok(Value::Text(text.to_owned())),
            Kind::Integer { .. } => text
                .trim()
                .parse()
                .map(Value::Integer)
                .map_err(|_| wrong("a whole number, such as 42")),
            Kind::Decimal { .. } => text
                .trim()
                .parse()
                .map(Value::Decimal)
                .map_err(|_| wrong("a decimal number, such as 12.50")),
            Kind::Money { currency, .. } => money_from_text(text, currency)
                .ok_or_else(|| wrong("an amount of money, such as 12.50 or 12.50 EUR")),
            Kind::Boolean => match text.trim() {
                "true" | "yes" | "1" => Ok(Value::Boolean(true)),
                "false" | "no" | "0" => Ok(Value::Boolean(false)),
                _ => Err(wrong("yes or no")),
            },
            Kind::Date => date_from_text(text.trim())
                .map(Value::Date)
                .ok_or_else(|| wrong("a date, such as 2026-05-04")),
            Kind::Timestamp => text
                .trim()
                .parse()
                .map(Value::Timestamp)
                .map_err(|_| wrong("a time with its zone, such as 2026-05-04T09:30:00Z")),
            Kind::Choice { options } => {
                if options.iter().any(|option| option == text) {
                    Ok(Value::Choice(text.to_owned()))
                } else {
                    Err(wrong(&format!("one of {}", options.join(", "))))
                }
            }
            Kind::MultiChoice { options } => multi_choice(
                text.split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty()),
                options,
            ),
            Kind::Lookup { .. } => text
                .trim()
                .parse()
                .map(Value::Lookup)
                .map_err(|_| wrong("the id of a record")),
            Kind::File => serde_json::from_str(text)
                .map_err(|_| wrong(FILE_EXPECTED))
                .and_then(|value: serde_json::Value| Value::from_json(kind, &value)),
            Kind::Set { of } => Value::from_text(of, text),
            Kind::Counter => Err(wrong("a change of a counter, such as +1")),
            Kind::RichText | Kind::Json => Err(wrong("a register value")),
        }
    }

    /// Reads a value of `kind` from JSON, with the shapes [`Value::to_json`] writes.
    /// Floating-point numbers are taken by their decimal text, exactly.
    pub fn from_json(kind: &Kind, json: &serde_json::Value) -> Result<Value, ValueError> {
        use serde_json::Value as Json;
        match (kind, json) {
            (Kind::Boolean, Json::Bool(value)) => Ok(Value::Boolean(*value)),
            (Kind::MultiChoice { options }, Json::Array(parts)) => {
                let names: Option<Vec<&str>> = parts.iter().map(Json::as_str).collect();
                let names = names.ok_or_else(|| ValueError::new(json, "a list of option names"))?;
                multi_choice(names.into_iter(), options)
            }
            (Kind::File, Json::Object(parts)) => {
                let text = |name: &str| parts.get(name).and_then(Json::as_str);
                let hash = text("hash").and_then(|hash| hash.parse().ok());
                let size = parts.get("size").and_then(Json::as_u64);
                match (hash, size, text("name")) {
                    (Some(hash), Some(size), Some(name)) => Ok(FileRef {
                        hash,
                        size,
                        name: name.to_owned(),
                    }
                    .into()),
                    _ => Err(ValueError::new(json, FILE_EXPECTED)),
                }
            }
            (_, Json::String(text)) => Value::from_text(kind, text),
            (_, Json::Number(number)) if !matches!(kind, Kind::Boolean) => {
                Value::from_text(kind, &number.to_string())
            }
            _ => Err(ValueError::new(json, kind.describe())),
        }
    }

    /// The value as JSON: numbers of any size as text unless whole, times in
    /// RFC 3339, lookups as ids.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Integer(number) => json!(number),
            Value::Boolean(value) => json!(value),
            Value::MultiChoice(names) => json!(names),
            Value::File(file) => {
                json!({"hash": file.hash.to_string(), "size": file.size, "name": file.name})
            }
            other => json!(other.to_string()),
        }
    }
}

const FILE_EXPECTED: &str = r#"a file reference, such as {"hash":"<blake3 in hexadecimal>","size":1024,"name":"photo.jpg"}"#;

/// Whether `code` has the form of an ISO 4217 currency.
pub(crate) fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn money_from_text(text: &str, default_currency: &str) -> Option<Value> {
    let mut parts = text.split_whitespace();
    let amount = parts.next()?.parse().ok()?;
    let currency = parts.next().unwrap_or(default_currency).to_owned();
    (is_currency(&currency) && parts.next().is_none()).then(|| Money { amount, currency }.into())
}

fn multi_choice<'a>(
    names: impl Iterator<Item = &'a str>,
    options: &[String],
) -> Result<Value, ValueError> {
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    match names.iter().find(|name| !options.contains(name)) {
        Some(unknown) => Err(ValueError::new(
            unknown,
            format!("one of {}", options.join(", ")),
        )),
        None => Ok(Value::MultiChoice(names)),
    }
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

fn date_from_text(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.since((jiff::Unit::Day, EPOCH)).ok()?.get_days())
}

fn date_to_text(days: i32) -> String {
    jiff::Span::new()
        .try_days(days)
        .and_then(|span| EPOCH.checked_add(span))
        .map_or_else(|_| format!("day {days}"), |date| date.to_string())
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) | Value::Choice(text) => f.write_str(text),
            Value::Integer(number) => number.fmt(f),
            Value::Decimal(number) => number.fmt(f),
            Value::Money(money) => money.fmt(f),
            Value::Boolean(true) => f.write_str("yes"),
            Value::Boolean(false) => f.write_str("no"),
            Value::Date(days) => f.write_str(&date_to_text(*days)),
            Value::Timestamp(time) => time.fmt(f),
            Value::MultiChoice(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                f.write_str(&names.join(", "))
            }
            Value::Lookup(record) => record.fmt(f),
            Value::File(file) => write!(f, "{} ({} bytes)", file.name, file.size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds() -> Vec<(Kind, &'static str)> {
        let options = vec!["low".to_owned(), "high".to_owned()];
        vec![
            (Kind::text(), "hello"),
            (Kind::integer(), "-42"),
            (Kind::decimal(), "12.5"),
            (Kind::money("EUR"), "12.5 USD"),
            (Kind::Date, "1969-12-31"),
            (Kind::Timestamp, "2026-05-04T09:30:00.000Z"),
            (
                Kind::Choice {
                    options: options.clone(),
                },
                "high",
            ),
            (Kind::MultiChoice { options }, "high, low"),
        ]
    }

    #[test]
    fn values_survive_text_json_and_bytes() {
        for (kind, text) in kinds() {
            let value = Value::from_text(&kind, text).expect(text);
            assert_eq!(value.to_string(), text);
            assert_eq!(Value::from_json(&kind, &value.to_json()), Ok(value.clone()));
            let bytes = crate::codec::encode(&value);
            assert_eq!(crate::codec::decode("value", &bytes), Ok(value));
        }
    }

    #[test]
    fn equal_decimals_have_equal_bytes() {
        let one: Decimal = "1.500".parse().unwrap();
        let other: Decimal = "1.5".parse().unwrap();
        assert_eq!(crate::codec::encode(&one), crate::codec::encode(&other));
    }

    #[test]
    fn wrong_values_say_what_is_expected() {
        let wrong = |kind: Kind, text: &str| Value::from_text(&kind, text).unwrap_err().to_string();
        assert_eq!(
            wrong(Kind::decimal(), "NaN"),
            "`NaN` is not a decimal number, such as 12.50"
        );
        assert_eq!(
            wrong(Kind::Date, "2026-02-30"),
            "`2026-02-30` is not a date, such as 2026-05-04"
        );
        let choice = Kind::Choice {
            options: vec!["a".into(), "b".into()],
        };
        assert_eq!(wrong(choice, "c"), "`c` is not one of a, b");
        assert!(wrong(Kind::integer(), &"9".repeat(500)).len() < 150);
    }
}
