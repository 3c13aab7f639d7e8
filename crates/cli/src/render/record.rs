//! A record as it is shown.

use super::{By, ConflictView, Titles, brief, titles_of, values_of, words};
use crate::exit::Failure;
use crate::holding::Holding;
use crate::output::Output;
use cairn_model::Version;
use cairn_oplog::StorageError;
use cairn_projection::{FieldState, Record};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A record as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RecordView {
    /// Its id.
    pub(crate) id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    /// Its title.
    pub(crate) title: String,
    /// The newest version that changed it, unsent edits apart.
    pub(crate) version: Option<u64>,
    /// Who changed it last.
    pub(crate) changed: Option<By>,
    /// Why it would have left this device, where only unsettled work keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    /// Whether it is deleted.
    pub(crate) deleted: bool,
    /// Whether edits of this device are on top that the relay has not
    /// acknowledged, or whose outcome has not come back.
    pub(crate) pending: bool,
    /// The fields with such edits.
    pub(crate) pending_fields: Vec<String>,
    /// Fields in definition order; empty ones are left out.
    pub(crate) fields: Map<String, Json>,
    /// Titles of the records that lookups point at, by id.
    pub(crate) titles: Titles,
    /// What waits for a person.
    pub(crate) conflicts: Vec<ConflictView>,
}

impl RecordView {
    /// The view of a record.
    pub(crate) fn of(holding: &dyn Holding, record: &Record) -> Result<RecordView, StorageError> {
        let definition = holding.definition();
        let record_type = definition.types.get(&record.record_type);
        let sent = record
            .origins
            .iter()
            .rev()
            .find(|origin| !origin.version.is_pending());
        let sent_version = if record.version.is_pending() {
            sent.map(|origin| origin.version)
        } else {
            Some(record.version)
        };
        let pending_fields = record_type
            .into_iter()
            .flat_map(|t| t.live_fields())
            .filter(|field| {
                record.slot(field.id).is_some_and(|slot| match &slot.state {
                    FieldState::Register(register) => register
                        .shown()
                        .is_some_and(|write| write.version.is_pending()),
                    _ => slot.changed.is_pending(),
                })
            });
        Ok(RecordView {
            id: record.id.to_string(),
            record_type: record_type
                .map_or_else(|| record.record_type.to_string(), |t| t.name.clone()),
            title: record_type.map_or_else(|| record.id.to_string(), |t| record.title(t)),
            version: sent_version.map(|Version(version)| version),
            changed: record
                .origins
                .last()
                .map(|origin| By::origin(holding, origin)),
            kept: holding.kept(record.id),
            deleted: !record.is_alive(),
            pending: record.version.is_pending(),
            pending_fields: pending_fields.map(|field| field.name.clone()).collect(),
            fields: record.to_json(definition),
            titles: titles_of(holding, values_of(record))?,
            conflicts: ConflictView::open_of(holding, record)?,
        })
    }

    /// How it stands, in a word or two; nothing for most.
    pub(crate) fn marks(&self) -> String {
        let marks = [
            (self.deleted, "deleted"),
            (!self.conflicts.is_empty(), "conflict"),
            (self.pending, "unsent"),
        ];
        let set: Vec<&str> = marks
            .into_iter()
            .filter(|(set, _)| *set)
            .map(|(_, mark)| mark)
            .collect();
        set.join(", ")
    }

    /// One field, shortened for a table.
    pub(crate) fn cell(&self, field: &str) -> String {
        self.fields
            .get(field)
            .map(|value| brief(value, &self.titles))
            .unwrap_or_default()
    }

    /// Everything about it.
    pub(crate) fn show(&self, output: &Output) -> Result<(), Failure> {
        let mut facts = vec![
            (self.record_type.as_str(), self.title.clone()),
            ("id", self.id.clone()),
        ];
        if let Some(version) = self.version {
            facts.push(("version", version.to_string()));
        }
        if let Some(by) = &self.changed {
            let [device_time, received] = by.times();
            facts.push((
                "changed by",
                format!(
                    "{}, {device_time} by its clock, received {received}",
                    by.person_words()
                ),
            ));
        }
        if !self.marks().is_empty() {
            facts.push(("state", self.marks()));
        }
        if let Some(words) = &self.kept {
            let words = format!("until your work on it is settled; then it leaves: {words}");
            facts.push(("here", words));
        }
        output.facts(&facts)?;
        output.line("")?;
        let in_conflict = |field: &str| {
            self.conflicts
                .iter()
                .any(|conflict| conflict.field.as_deref() == Some(field))
        };
        let fields: Vec<Vec<String>> = self
            .fields
            .iter()
            .map(|(name, value)| {
                let conflict = in_conflict(name).then_some("in conflict");
                let pending = self.pending_fields.contains(name).then_some("unsent");
                let marks: Vec<&str> = conflict.into_iter().chain(pending).collect();
                vec![name.clone(), words(value, &self.titles), marks.join(", ")]
            })
            .collect();
        output.table(&["field", "value", ""], fields)?;
        for conflict in &self.conflicts {
            output.line("")?;
            conflict.show(output)?;
        }
        Ok(())
    }
}
