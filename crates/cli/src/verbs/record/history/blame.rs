//! `cairn record blame`: the signed operation behind each value.

use super::signed::{Collected, Signed};
use crate::exit::Failure;
use crate::holding::Holding;
use crate::output::{Output, count};
use crate::render::issue::write_json;
use crate::render::{By, Titles, brief, json, titles_of, values_of};
use cairn_model::{FieldId, OperationId, Version, Write};
use cairn_projection::register::Register;
use cairn_projection::{FieldState, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Who is behind a record's values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BlameView {
    /// The record.
    record: String,
    /// Its type.
    #[serde(rename = "type")]
    record_type: String,
    /// Its title.
    title: String,
    /// Bundles whose signatures were verified.
    bundles_verified: usize,
    /// Value by value.
    values: Vec<ValueView>,
    /// Titles of the records that values point at, by id.
    titles: Titles,
}

/// A value, or a part of one, and who is behind it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ValueView {
    /// The field; none for the record itself.
    field: Option<String>,
    /// The value; for the record itself whether it is there. Sets element by
    /// element, counters addition by addition, documents edit by edit.
    value: Json,
    /// Whether it is what shows; otherwise it is a candidate of a conflict.
    shown: bool,
    /// Whose it is.
    #[serde(flatten)]
    by: By,
    /// The operation in its author's log.
    operation: String,
    /// Whether that operation is here, signed by its author, and verified.
    verified: bool,
}

impl BlameView {
    /// The view of a record as it is shown here.
    pub(super) fn of(holding: &dyn Holding, collected: &Collected) -> Result<BlameView, Failure> {
        let missing =
            || Failure::not_found(format!("record {} is not here any more", collected.record));
        let record = holding.record(collected.record)?.ok_or_else(missing)?;
        let record_type = crate::record_ref::type_of(holding, &record)?;
        let search = Search {
            holding,
            collected,
            record: &record,
        };
        let mut values: Vec<ValueView> = Vec::new();
        if record.is_alive() && record.life.open.is_none() {
            values.extend(search.value(None, true.into(), true, record.created));
        } else {
            values.extend(search.register(None, &record.life));
        }
        for field in record_type.live_fields() {
            let Some(slot) = record.slot(field.id) else {
                continue;
            };
            let name = Some(field.name.as_str());
            match &slot.state {
                FieldState::Register(register) => values.extend(search.register(name, register)),
                FieldState::Set(set) => {
                    for (element, additions) in &set.additions {
                        let last = additions.iter().max().copied().unwrap_or_default();
                        values.extend(search.value(name, element.to_json(), true, last));
                    }
                }
                FieldState::Counter(_) | FieldState::Document(_) => {
                    for (version, write) in search.writes(field.id) {
                        values.extend(search.value(name, write_json(write), true, version));
                    }
                }
            }
        }
        Ok(BlameView {
            record: record.id.to_string(),
            record_type: record_type.name.clone(),
            title: record.title(record_type),
            bundles_verified: collected.bundles,
            values,
            titles: titles_of(holding, values_of(&record))?,
        })
    }

    /// A table.
    pub(in crate::verbs::record) fn show(&self, output: &Output) -> Result<(), Failure> {
        let rows = self.values.iter().map(|value| {
            let [device_time, received] = value.by.times();
            let field = value
                .field
                .clone()
                .unwrap_or_else(|| "(the record is there)".to_owned());
            vec![
                if value.shown {
                    field
                } else {
                    format!("{field}, not shown")
                },
                brief(&value.value, &self.titles),
                value.by.version_words(),
                value.by.user.clone(),
                value.by.device.clone(),
                device_time,
                received,
                if value.verified {
                    "verified".to_owned()
                } else {
                    "not verified".to_owned()
                },
            ]
        });
        output.table(
            &[
                "field",
                "value",
                "version",
                "user",
                "device",
                "device time",
                "received",
                "signature",
            ],
            rows.collect(),
        )?;
        output.say(format!(
            "{} {}: signatures of {} verified.",
            self.record_type,
            self.title,
            count(self.bundles_verified as u64, "bundle")
        ));
        Ok(())
    }
}

/// Finds the operations behind versions.
struct Search<'a> {
    holding: &'a dyn Holding,
    collected: &'a Collected,
    record: &'a Record,
}

impl Search<'_> {
    /// The write that shows, and the candidates that say something else.
    fn register(&self, field: Option<&str>, register: &Register) -> Vec<ValueView> {
        let shown = register.shown();
        let told = register.writes.iter().filter_map(|write| match shown {
            Some(shown) if shown == write => Some((write, true)),
            Some(shown) if shown.value == write.value => None,
            _ => Some((write, false)),
        });
        told.filter_map(|(write, shown)| {
            self.value(field, json(write.value.as_ref()), shown, write.version)
        })
        .collect()
    }

    fn value(
        &self,
        field: Option<&str>,
        value: Json,
        shown: bool,
        version: Version,
    ) -> Option<ValueView> {
        // A default came with the operation that created the record.
        let version = if version == Version(0) {
            self.record.created
        } else {
            version
        };
        let signed = self
            .collected
            .all()
            .find(|signed| signed.origin.version == version);
        let origin = signed
            .map(|signed| &signed.origin)
            .or_else(|| self.record.origin(version))?;
        let log = signed.map(|signed| signed.id.log).or_else(|| {
            let (key, _) = self
                .holding
                .devices()
                .into_iter()
                .nth(origin.author.0 as usize)?;
            Some(cairn_model::LogId {
                device: key.device(),
                generation: origin.generation,
            })
        })?;
        Some(ValueView {
            field: field.map(str::to_owned),
            value,
            shown,
            by: By::origin(self.holding, origin),
            operation: OperationId {
                log,
                sequence: origin.sequence,
            }
            .to_string(),
            verified: signed.is_some(),
        })
    }

    /// The admitted writes of a field that merges, in order.
    fn writes(&self, field: FieldId) -> impl Iterator<Item = (Version, &Write)> {
        let admitted = self
            .collected
            .all()
            .filter(|signed| signed.rejected.is_none());
        admitted.flat_map(move |signed| writes(signed, self.record, field))
    }
}

fn writes<'a>(
    signed: &'a Signed,
    record: &'a Record,
    field: FieldId,
) -> impl Iterator<Item = (Version, &'a Write)> {
    let own = signed
        .mutations()
        .filter(|mutation| mutation.record == record.id);
    let all = own.flat_map(|mutation| mutation.change.writes());
    all.filter(move |(id, _)| *id == field)
        .map(|(_, write)| (signed.origin.version, write))
}
