//! What a field shall hold, and the edit that gets a record there.

use cairn_agent::FieldEdit;
use cairn_model::{Field, Kind, RecordId, Value, Write};
use cairn_projection::{FieldState, Record};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// How a lookup's text is turned into a record of the kind's targets.
pub(crate) type Resolve<'a> = &'a mut dyn FnMut(&Kind, &str) -> Result<RecordId, String>;

/// What a field shall hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A register's value, or none.
    Value(Option<Value>),
    /// Exactly these elements.
    Elements(BTreeSet<Value>),
    /// A counter at this number; `None` leaves it alone.
    Count(Option<i64>),
    /// A document that reads like this.
    Document(Json),
}

impl Wanted {
    /// Reads what a field shall hold, in the shapes of [`Value::to_json`] or
    /// as text: a set as a list or text with commas, a counter as its number,
    /// rich text as a string, JSON as an object. Empty text and `null` are
    /// "nothing".
    pub(crate) fn from_json(
        field: &Field,
        json: &Json,
        resolve: Resolve<'_>,
    ) -> Result<Wanted, String> {
        let empty = json.is_null() || json.as_str() == Some("");
        match &field.kind {
            Kind::Counter if empty => Ok(Wanted::Count(None)),
            Kind::Counter => {
                let number = json.as_i64().or_else(|| json.as_str()?.trim().parse().ok());
                let number = number.ok_or_else(|| format!("{json} is not a whole number, such as 42"))?;
                Ok(Wanted::Count(Some(number)))
            }
            Kind::Set { .. } if empty => Ok(Wanted::Elements(BTreeSet::new())),
            Kind::Set { of } => elements(of, json, resolve).map(Wanted::Elements),
            Kind::RichText => match json {
                Json::Null => Ok(Wanted::Document("".into())),
                Json::String(_) => Ok(Wanted::Document(json.clone())),
                other => Ok(Wanted::Document(other.to_string().into())),
            },
            Kind::Json if empty => Ok(Wanted::Document(Json::Object(Default::default()))),
            Kind::Json => match json {
                Json::String(text) => serde_json::from_str(text).map(Wanted::Document).map_err(|error| {
                    format!("this is not JSON ({error}); it takes an object, such as {{\"step\": 1}}")
                }),
                other => Ok(Wanted::Document(other.clone())),
            },
            _ if empty && field.required => Err("it must not be empty".to_owned()),
            _ if empty => Ok(Wanted::Value(None)),
            kind => value(kind, json, resolve).map(|value| Wanted::Value(Some(value))),
        }
    }

    /// The write of a register, whatever it holds now.
    pub(super) fn written(self) -> FieldEdit {
        match self {
            Wanted::Value(Some(value)) => FieldEdit::Write(Write::Set(value)),
            Wanted::Value(None) => FieldEdit::Write(Write::Clear),
            Wanted::Elements(add) => FieldEdit::Write(Write::Change {
                add,
                remove: BTreeSet::new(),
            }),
            Wanted::Count(number) => FieldEdit::Write(Write::Add(number.unwrap_or_default())),
            Wanted::Document(json) => FieldEdit::Document(json),
        }
    }

    /// The edit that gets a field of a record there, `None` for a record to be
    /// created; `None` when it reads so already.
    pub(crate) fn towards(self, field: &Field, held: Option<&Record>) -> Option<FieldEdit> {
        let state = held.and_then(|record| record.field(field.id));
        match (&self, state) {
            (Wanted::Value(wanted), Some(FieldState::Register(register)))
                if register.value() == wanted.as_ref() =>
            {
                None
            }
            (Wanted::Value(None), None) if held.is_some() || field.default.is_none() => None,
            (Wanted::Elements(wanted), state) => {
                let held: BTreeSet<Value> = match state {
                    Some(FieldState::Set(set)) => set.elements().cloned().collect(),
                    _ => BTreeSet::new(),
                };
                let add: BTreeSet<Value> = wanted.difference(&held).cloned().collect();
                let remove: BTreeSet<Value> = held.difference(wanted).cloned().collect();
                let changes = !add.is_empty() || !remove.is_empty();
                changes.then_some(FieldEdit::Write(Write::Change { add, remove }))
            }
            (Wanted::Count(None), _) => None,
            (Wanted::Count(Some(wanted)), state) => {
                let now = match state {
                    Some(FieldState::Counter(total)) => *total,
                    _ => 0,
                };
                let change = wanted.saturating_sub(now);
                (change != 0).then_some(FieldEdit::Write(Write::Add(change)))
            }
            (Wanted::Document(wanted), state) => {
                let empty = match field.kind {
                    Kind::RichText => Json::from(""),
                    _ => Json::Object(Default::default()),
                };
                let now = state
                    .and_then(|state| state.to_json(&field.kind))
                    .unwrap_or(empty);
                (now != *wanted).then_some(FieldEdit::Document(wanted.clone()))
            }
            _ => Some(self.written()),
        }
    }
}

fn elements(of: &Kind, json: &Json, resolve: Resolve<'_>) -> Result<BTreeSet<Value>, String> {
    let mut elements = BTreeSet::new();
    let listed: Vec<Json> = match json {
        Json::Array(listed) => listed.clone(),
        Json::String(text) if text.trim_start().starts_with('[') => serde_json::from_str(text)
            .map_err(|error| format!("this is not a list in JSON ({error})"))?,
        Json::String(text) => text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Json::from)
            .collect(),
        other => vec![other.clone()],
    };
    for element in &listed {
        elements.insert(value(of, element, resolve)?);
    }
    Ok(elements)
}

pub(super) fn value(kind: &Kind, json: &Json, resolve: Resolve<'_>) -> Result<Value, String> {
    let value = match (kind, json) {
        (Kind::Lookup { .. }, Json::String(text)) => Value::Lookup(resolve(kind, text)?),
        (Kind::Lookup { .. }, Json::Number(number)) => {
            Value::Lookup(resolve(kind, &number.to_string())?)
        }
        _ => Value::from_json(kind, json).map_err(|error| error.to_string())?,
    };
    kind.accepts(&value)?;
    Ok(value)
}
