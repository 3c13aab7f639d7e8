//! From what a person types or a file holds to what happens to a field.
//!
//! Two steps: [`Wanted`] is what a field shall hold, and [`Wanted::towards`]
//! is the edit that gets a record there. `name=value` arguments may also name
//! a change instead of an outcome: `+1` for a counter, `+a,-b` for a set.

mod wanted;

pub(crate) use wanted::{Resolve, Wanted};

use crate::exit::Failure;
use crate::holding::Holding;
use crate::record_ref::{self, RefError};
use cairn_agent::FieldEdit;
use cairn_model::{Field, FieldId, FileRef, Hash, Kind, RecordId, RecordType, Write};
use cairn_projection::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use wanted::value;

/// Bytes of a file whose text becomes a value; no field takes more.
const FILE_TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// One `name=value` argument, a file it names already read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// The field's name.
    pub(crate) field: String,
    /// What was given for it.
    pub(crate) given: Given,
}

/// What was given for a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Given {
    /// Text as typed.
    Text(String),
    /// A file named with `@`.
    File {
        /// Its name, for file fields.
        name: String,
        /// blake3 of its bytes, for file fields.
        hash: Hash,
        /// Its length in bytes.
        size: u64,
        /// Its text, if it is UTF-8.
        text: Option<String>,
    },
}

/// Why a field cannot be edited as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FieldError {
    /// No such field.
    #[error("{record_type} has no field `{field}`; its fields are {known}")]
    Unknown {
        /// The type's name.
        record_type: String,
        /// What was asked for.
        field: String,
        /// The fields there are.
        known: String,
    },
    /// Named more than once.
    #[error("`{0}` is given twice; give it once")]
    Twice(String),
    /// The value does not fit.
    #[error("{field}: {reason}")]
    Value {
        /// The field's name.
        field: String,
        /// What is wrong, and what the field takes.
        reason: String,
    },
    /// A lookup cannot be resolved.
    #[error("{field}: {source}")]
    Lookup {
        /// The field's name.
        field: String,
        /// Why not.
        source: RefError,
    },
}

impl From<FieldError> for Failure {
    fn from(error: FieldError) -> Failure {
        match error {
            FieldError::Lookup {
                source: RefError::Storage(error),
                ..
            } => error.into(),
            error => Failure::usage(error),
        }
    }
}

impl Assignment {
    /// Reads `name=value`. `@path` stands for what is in a file, `@@` for a
    /// value that begins with `@`.
    pub(crate) fn read(argument: &str) -> Result<Assignment, String> {
        let (field, value) = argument
            .split_once('=')
            .filter(|(field, _)| !field.trim().is_empty())
            .ok_or_else(|| format!("`{argument}` is not NAME=VALUE, such as status=completed"))?;
        let given = match value.strip_prefix('@') {
            None => Given::Text(value.to_owned()),
            Some(rest) if rest.starts_with('@') => Given::Text(rest.to_owned()),
            Some(path) => read_file(path).map_err(|error| {
                format!("{field}: `{path}` cannot be read: {error} (write @@ for a value that begins with @)")
            })?,
        };
        Ok(Assignment {
            field: field.trim().to_owned(),
            given,
        })
    }
}

fn read_file(path: &str) -> std::io::Result<Given> {
    let mut hasher = blake3::Hasher::new();
    let mut file = std::fs::File::open(path)?;
    let size = std::io::copy(&mut file, &mut hasher)?;
    let text = match size <= FILE_TEXT_BYTES_MAX {
        true => String::from_utf8(std::fs::read(path)?).ok(),
        false => None,
    };
    let name = std::path::Path::new(path)
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Given::File {
        name,
        hash: Hash(*hasher.finalize().as_bytes()),
        size,
        text,
    })
}

/// The field called `name`.
pub(crate) fn field_named<'a>(
    record_type: &'a RecordType,
    name: &str,
) -> Result<&'a Field, FieldError> {
    record_type.field_named(name).ok_or_else(|| {
        let known: Vec<&str> = record_type
            .live_fields()
            .map(|field| field.name.as_str())
            .collect();
        FieldError::Unknown {
            record_type: record_type.name.clone(),
            field: name.to_owned(),
            known: known.join(", "),
        }
    })
}

/// The edits that arguments ask for on a record, `None` for one to be created.
/// A field that would stay as it is is left out.
pub(crate) fn edits(
    holding: &dyn Holding,
    record_type: &RecordType,
    held: Option<&Record>,
    assignments: &[Assignment],
) -> Result<Vec<(FieldId, FieldEdit)>, FieldError> {
    let mut edits = BTreeMap::new();
    for assignment in assignments {
        let field = field_named(record_type, &assignment.field)?;
        if edits.contains_key(&field.id) {
            return Err(FieldError::Twice(field.name.clone()));
        }
        edits.insert(field.id, edit(holding, field, held, &assignment.given)?);
    }
    Ok(edits
        .into_iter()
        .filter_map(|(id, edit)| Some((id, edit?)))
        .collect())
}

fn edit(
    holding: &dyn Holding,
    field: &Field,
    held: Option<&Record>,
    given: &Given,
) -> Result<Option<FieldEdit>, FieldError> {
    let value = |reason: String| FieldError::Value {
        field: field.name.clone(),
        reason,
    };
    let text = match given {
        Given::File {
            name, hash, size, ..
        } if field.kind == Kind::File => {
            let file = FileRef {
                hash: *hash,
                size: *size,
                name: name.clone(),
            };
            return Ok(Some(FieldEdit::Write(Write::Set(file.into()))));
        }
        Given::File {
            text: None, name, ..
        } => {
            return Err(value(format!(
                "the file {name} is not UTF-8 text of at most {FILE_TEXT_BYTES_MAX} bytes"
            )));
        }
        Given::Text(text)
        | Given::File {
            text: Some(text), ..
        } => text.as_str(),
    };
    let mut missing = None;
    let mut resolve = |kind: &Kind, text: &str| resolve(holding, kind, text, &mut missing);
    let outcome = match &field.kind {
        Kind::Counter => {
            counter_change(held, text).map(|change| Some(FieldEdit::Write(Write::Add(change))))
        }
        Kind::Set { of } if is_set_change(text) => {
            set_change(of, text, &mut resolve).map(|write| Some(FieldEdit::Write(write)))
        }
        // A register is written as asked, even if it reads so already: the
        // person saw other candidates, and says this one.
        kind if kind.is_register() => Wanted::from_json(field, &Json::from(text), &mut resolve)
            .map(|wanted| Some(wanted.written())),
        _ => Wanted::from_json(field, &Json::from(text), &mut resolve)
            .map(|wanted| wanted.towards(field, held)),
    };
    match (outcome, missing) {
        (_, Some(source)) => Err(FieldError::Lookup {
            field: field.name.clone(),
            source,
        }),
        (outcome, None) => outcome.map_err(value),
    }
}

/// A record as a lookup names it. The error is kept apart, so that the caller
/// knows a missing record from a wrong value.
fn resolve(
    holding: &dyn Holding,
    kind: &Kind,
    text: &str,
    missing: &mut Option<RefError>,
) -> Result<RecordId, String> {
    let Kind::Lookup { targets, .. } = kind else {
        return Err(format!("it takes {}", kind.describe()));
    };
    record_ref::lookup(holding, targets, text).map_err(|error| {
        let words = error.to_string();
        *missing = Some(error);
        words
    })
}

fn counter_change(held: Option<&Record>, text: &str) -> Result<i64, String> {
    let text = text.trim();
    let number = text
        .parse::<i64>()
        .map_err(|_| format!("`{text}` is not a change of a counter, such as +1 or -2"))?;
    match held {
        Some(_) if !text.starts_with(['+', '-']) => Err(format!(
            "a counter takes a change, so that everyone's add up: write +{number} or -{number}"
        )),
        _ => Ok(number),
    }
}

/// Whether each element is marked with `+` or `-`.
fn is_set_change(text: &str) -> bool {
    let mut elements = text
        .split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .peekable();
    elements.peek().is_some() && elements.all(|element| element.starts_with(['+', '-']))
}

fn set_change(of: &Kind, text: &str, resolve: Resolve<'_>) -> Result<Write, String> {
    let (mut add, mut remove) = (BTreeSet::new(), BTreeSet::new());
    for element in text
        .split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
    {
        let (mark, name) = element.split_at(1);
        let value = value(of, &Json::from(name.trim()), resolve)?;
        if mark == "+" { &mut add } else { &mut remove }.insert(value);
    }
    Ok(Write::Change { add, remove })
}

#[cfg(test)]
mod tests;
