//! Records, conflicts, issues and history as programs and people read them.
//!
//! Each view is made where the directory is held, travels to the command line
//! as it is, and is what `--json` prints.

pub(crate) mod conflict;
pub(crate) mod issue;
pub(crate) mod record;

pub(crate) use conflict::ConflictView;
pub(crate) use issue::IssueView;
pub(crate) use record::RecordView;

use crate::holding::Holding;
use cairn_model::{HybridTime, RecordId, Timestamp, Value, Version};
use cairn_oplog::StorageError;
use cairn_projection::{FieldState, Origin, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Titles of the records that lookups point at, by id.
pub(crate) type Titles = BTreeMap<String, String>;

/// Whose operation something is, and when it was made and received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct By {
    /// Its version; none while the relay has not acknowledged it.
    pub(crate) version: Option<u64>,
    /// The user's login.
    pub(crate) user: String,
    /// What people call the device.
    pub(crate) device: String,
    /// The device's clock.
    pub(crate) device_time: String,
    /// When the relay received it; none while it has not.
    pub(crate) received: Option<String>,
}

impl By {
    /// From the operation behind a write.
    pub(crate) fn origin(holding: &dyn Holding, origin: &Origin) -> By {
        By::new(
            holding,
            origin.version,
            origin.author,
            origin.time,
            origin.received,
        )
    }

    /// From its parts.
    pub(crate) fn new(
        holding: &dyn Holding,
        version: Version,
        author: cairn_model::AuthorId,
        time: HybridTime,
        received: Timestamp,
    ) -> By {
        let person = holding.person(author);
        let pending = version.is_pending();
        By {
            version: (!pending).then_some(version.0),
            user: person.user,
            device: person.device,
            device_time: time.wall().to_string(),
            received: (!pending).then(|| received.to_string()),
        }
    }

    /// `version 17`, or that it is on its way.
    pub(crate) fn version_words(&self) -> String {
        self.version
            .map_or_else(|| "unsent".to_owned(), |version| version.to_string())
    }

    /// `user on device`.
    pub(crate) fn person_words(&self) -> String {
        if self.user == self.device {
            self.user.clone()
        } else {
            format!("{} on {}", self.user, self.device)
        }
    }

    /// Device time and received time.
    pub(crate) fn times(&self) -> [String; 2] {
        [
            time_words(&self.device_time),
            self.received
                .as_deref()
                .map_or_else(|| "not yet".to_owned(), time_words),
        ]
    }
}

/// A time to the second, as people read it.
pub(crate) fn time_words(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{}Z", seconds.replace('T', " ")),
        None => time.to_owned(),
    }
}

/// A value as people read it: lookups with the title of what they point at.
pub(crate) fn words(value: &Json, titles: &Titles) -> String {
    match value {
        Json::Null => "(empty)".to_owned(),
        Json::Bool(true) => "yes".to_owned(),
        Json::Bool(false) => "no".to_owned(),
        Json::String(text) => match titles.get(text) {
            Some(title) => format!("{title} ({text})"),
            None => text.clone(),
        },
        Json::Array(elements) => {
            let elements: Vec<String> = elements
                .iter()
                .map(|element| words(element, titles))
                .collect();
            elements.join(", ")
        }
        Json::Object(file) if file.len() == 3 && file.contains_key("hash") => {
            let part = |name: &str| {
                file.get(name)
                    .map(|part| words(part, titles))
                    .unwrap_or_default()
            };
            format!("{} ({} bytes)", part("name"), part("size"))
        }
        other => other.to_string(),
    }
}

/// A value on one line, shortened for a table.
pub(crate) fn brief(value: &Json, titles: &Titles) -> String {
    let text = match value {
        // In a table the title is enough; the id is in `record get`.
        Json::String(text) => titles.get(text).unwrap_or(text).clone(),
        other => words(other, titles),
    };
    shortened(&text, BRIEF_CHARACTERS_MAX)
}

/// Characters of a value in a table.
const BRIEF_CHARACTERS_MAX: usize = 60;
/// Characters of a title in a table.
pub(crate) const TITLE_CHARACTERS_MAX: usize = 60;

/// Text on one line, at most so many characters.
pub(crate) fn shortened(text: &str, characters_max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters_max) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A register's value, or nothing.
pub(crate) fn json(value: Option<&Value>) -> Json {
    value.map_or(Json::Null, Value::to_json)
}

/// The titles of all records that these values point at.
pub(crate) fn titles_of<'a>(
    holding: &dyn Holding,
    values: impl IntoIterator<Item = &'a Value>,
) -> Result<Titles, StorageError> {
    let targets: BTreeSet<RecordId> = values
        .into_iter()
        .filter_map(|value| match value {
            Value::Lookup(target) => Some(*target),
            _ => None,
        })
        .collect();
    let titles = crate::holding::titles(holding, &targets)?;
    Ok(titles
        .into_iter()
        .map(|(id, title)| (id.to_string(), title))
        .collect())
}

/// Every value a record holds, shown or not.
pub(crate) fn values_of(record: &Record) -> impl Iterator<Item = &Value> {
    record
        .fields
        .iter()
        .flat_map(|slot| -> Box<dyn Iterator<Item = &Value>> {
            match &slot.state {
                FieldState::Register(register) => Box::new(
                    register
                        .writes
                        .iter()
                        .filter_map(|write| write.value.as_ref()),
                ),
                FieldState::Set(set) => Box::new(set.elements()),
                FieldState::Counter(_) | FieldState::Document(_) => Box::new(std::iter::empty()),
            }
        })
}

/// The title of a record, and the name of its type.
pub(crate) fn named(
    holding: &dyn Holding,
    id: RecordId,
) -> Result<Option<(String, String)>, StorageError> {
    let Some(record) = holding.record(id)? else {
        return Ok(None);
    };
    let record_type = holding.definition().types.get(&record.record_type);
    Ok(record_type.map(|record_type| (record_type.name.clone(), record.title(record_type))))
}
