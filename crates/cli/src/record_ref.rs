//! A record as a person names it: its id, the beginning of its id, or its type
//! and key, such as `work_order:WO-5001`.

use crate::exit::Failure;
use crate::holding::Holding;
use cairn_model::{RecordId, RecordType, TypeId, Value};
use cairn_oplog::StorageError;
use cairn_projection::Record;
use std::collections::BTreeSet;

/// Digits of an id that are enough to name a record, if no other begins so.
const PREFIX_DIGITS_MIN: usize = 8;
/// Records named in a message about several.
const CANDIDATES_SHOWN_MAX: usize = 5;

/// Why no record is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RefError {
    /// Not a way to name a record.
    #[error(
        "`{0}` does not name a record: give its id, at least {PREFIX_DIGITS_MIN} digits of it, or TYPE:KEY such as work_order:WO-5001"
    )]
    Unreadable(String),
    /// The type does not exist.
    #[error("there is no record type `{given}`; there are {known}")]
    UnknownType {
        /// What was asked for.
        given: String,
        /// The types there are.
        known: String,
    },
    /// Nothing is called so.
    #[error("there is no {types} with the id, key or title `{text}` here")]
    Missing {
        /// What was looked for.
        types: String,
        /// By which name.
        text: String,
    },
    /// Several are called so.
    #[error("`{text}` could be {candidates}; name one by its id")]
    Several {
        /// The name.
        text: String,
        /// Their titles and ids.
        candidates: String,
    },
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The type called `name`.
pub(crate) fn type_named<'a>(
    holding: &'a dyn Holding,
    name: &str,
) -> Result<&'a RecordType, RefError> {
    let definition = holding.definition();
    definition.type_named(name).ok_or_else(|| {
        let known: Vec<&str> = definition
            .types
            .values()
            .filter(|t| !t.retired)
            .map(|record_type| record_type.name.as_str())
            .collect();
        RefError::UnknownType {
            given: name.to_owned(),
            known: known.join(", "),
        }
    })
}

/// The type of a record.
pub(crate) fn type_of<'a>(
    holding: &'a dyn Holding,
    record: &Record,
) -> Result<&'a RecordType, RefError> {
    let retired = || RefError::UnknownType {
        given: record.record_type.to_string(),
        known: "others".to_owned(),
    };
    holding
        .definition()
        .types
        .get(&record.record_type)
        .ok_or_else(retired)
}

impl From<RefError> for Failure {
    fn from(error: RefError) -> Failure {
        match error {
            RefError::Storage(error) => error.into(),
            RefError::Unreadable(_) | RefError::Several { .. } => Failure::usage(error),
            RefError::UnknownType { .. } | RefError::Missing { .. } => Failure::not_found(error),
        }
    }
}

/// The record that `text` names on the command line, deleted or not.
pub(crate) fn find(holding: &dyn Holding, text: &str) -> Result<Record, RefError> {
    let missing = |id: RecordId| RefError::Missing {
        types: "record".to_owned(),
        text: id.to_string(),
    };
    if let Ok(id) = text.parse::<RecordId>() {
        return holding.record(id)?.ok_or_else(|| missing(id));
    }
    let id = match text.split_once(':') {
        Some((type_name, name)) => {
            let record_type = type_named(holding, type_name)?;
            lookup(holding, &[record_type.id].into(), name)?
        }
        None if is_prefix(text) => one(
            holding,
            text,
            search(holding, &BTreeSet::new(), text)?,
            &BTreeSet::new(),
        )?,
        None => return Err(RefError::Unreadable(text.to_owned())),
    };
    holding.record(id)?.ok_or_else(|| missing(id))
}

/// The record of one of these types that `text` names: by id, unique key,
/// exact title, or the beginning of its id. One that is not deleted, if there
/// is one.
pub(crate) fn lookup(
    holding: &dyn Holding,
    types: &BTreeSet<TypeId>,
    text: &str,
) -> Result<RecordId, RefError> {
    let text = text.trim();
    if let Some((type_name, name)) = text.split_once(':')
        && let Some(record_type) = holding.definition().type_named(type_name)
        && types.contains(&record_type.id)
    {
        return lookup(holding, &[record_type.id].into(), name);
    }
    if let Ok(id) = text.parse::<RecordId>() {
        return match holding.type_of(id) {
            Some(found) if types.contains(&found) => Ok(id),
            _ => Err(missing(holding, types, text)),
        };
    }
    for record_type in types
        .iter()
        .filter_map(|id| holding.definition().types.get(id))
    {
        for key in &record_type.keys {
            let values = key_values(record_type, &key.fields, text);
            if let Some(id) = values.and_then(|values| holding.with_key(record_type, key, values)) {
                return Ok(id);
            }
        }
    }
    if let Some(id) = imported(holding, types, text)? {
        return Ok(id);
    }
    one(holding, text, search(holding, types, text)?, types)
}

/// The record that an import made of a row with this key, if it still has it:
/// found without looking at every record.
fn imported(
    holding: &dyn Holding,
    types: &BTreeSet<TypeId>,
    text: &str,
) -> Result<Option<RecordId>, StorageError> {
    for record_type in types
        .iter()
        .filter_map(|id| holding.definition().types.get(id))
    {
        let id = RecordId::derive(record_type.name.as_bytes(), text);
        if let Some(record) = holding.record(id)?.filter(Record::is_alive)
            && has_key(record_type, &record, text)
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn has_key(record_type: &RecordType, record: &Record, text: &str) -> bool {
    record_type.keys.iter().any(|key| {
        let wanted = key_values(record_type, &key.fields, text);
        wanted.is_some() && record.key_values(&key.fields) == wanted
    })
}

fn missing(holding: &dyn Holding, types: &BTreeSet<TypeId>, text: &str) -> RefError {
    let names: Vec<&str> = types
        .iter()
        .filter_map(|id| holding.definition().types.get(id))
        .map(|t| t.name.as_str())
        .collect();
    let types = if names.is_empty() {
        "record".to_owned()
    } else {
        names.join(" or ")
    };
    RefError::Missing {
        types,
        text: text.to_owned(),
    }
}

fn is_prefix(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    digits >= PREFIX_DIGITS_MIN
        && text
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The values of a key: of several fields, with commas between.
fn key_values(
    record_type: &RecordType,
    fields: &[cairn_model::FieldId],
    text: &str,
) -> Option<Vec<Value>> {
    let parts: Vec<&str> = match fields {
        [_] => vec![text],
        _ => text.split(',').map(str::trim).collect(),
    };
    if parts.len() != fields.len() {
        return None;
    }
    let kinds = fields
        .iter()
        .map(|field| record_type.fields.get(field).map(|field| &field.kind));
    kinds
        .zip(parts)
        .map(|(kind, part)| Value::from_text(kind?, part).ok())
        .collect()
}

/// How well a record fits a name; the best counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Key,
    Title,
    DeletedKey,
    DeletedTitle,
    Prefix,
}

/// The records that fit best, each with its title.
fn search(
    holding: &dyn Holding,
    types: &BTreeSet<TypeId>,
    text: &str,
) -> Result<Vec<(RecordId, String)>, RefError> {
    let definition = holding.definition();
    let prefix = is_prefix(text).then(|| text.replace('-', "").to_lowercase());
    let mut best: Option<Fit> = None;
    let mut found = Vec::new();
    holding.visit(&mut |record| {
        let Some(record_type) = definition.types.get(&record.record_type) else {
            return;
        };
        if !types.is_empty() && !types.contains(&record.record_type) {
            return;
        }
        let named = !types.is_empty();
        let has_key = || has_key(record_type, record, text);
        let has_title = || record_type.title.is_some() && record.title(record_type) == text;
        let begins = || {
            prefix.as_ref().is_some_and(|p| {
                record
                    .id
                    .to_string()
                    .replace('-', "")
                    .starts_with(p.as_str())
            })
        };
        let fit = match record.is_alive() {
            true if named && has_key() => Fit::Key,
            true if named && has_title() => Fit::Title,
            false if named && has_key() => Fit::DeletedKey,
            false if named && has_title() => Fit::DeletedTitle,
            _ if begins() => Fit::Prefix,
            _ => return,
        };
        if best.is_none_or(|best| fit < best) {
            best = Some(fit);
            found.clear();
        }
        if best == Some(fit) {
            found.push((record.id, record.title(record_type)));
        }
    })?;
    Ok(found)
}

fn one(
    holding: &dyn Holding,
    text: &str,
    found: Vec<(RecordId, String)>,
    types: &BTreeSet<TypeId>,
) -> Result<RecordId, RefError> {
    match found.as_slice() {
        [] => Err(missing(holding, types, text)),
        [(id, _)] => Ok(*id),
        several => {
            let mut candidates: Vec<String> = several
                .iter()
                .take(CANDIDATES_SHOWN_MAX)
                .map(|(id, title)| format!("{title} ({id})"))
                .collect();
            if several.len() > CANDIDATES_SHOWN_MAX {
                candidates.push(format!("{} more", several.len() - CANDIDATES_SHOWN_MAX));
            }
            Err(RefError::Several {
                text: text.to_owned(),
                candidates: candidates.join(", "),
            })
        }
    }
}
