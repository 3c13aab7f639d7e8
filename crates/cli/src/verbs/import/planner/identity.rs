//! Which record a row is of, and that no other has its keys.

use super::super::plan::Identity;
use super::super::rows::{Row, RowFault};
use super::values::text;
use super::{Left, Planner};
use crate::fields::Wanted;
use crate::holding::Holding;
use cairn_model::{FieldId, Hash, RecordId, Value};
use cairn_projection::Record;
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl Planner {
    /// The row's record: its id, and what it is now.
    pub(super) fn record(
        &mut self,
        holding: &dyn Holding,
        row: &Row,
        cells: &[Option<Json>],
        wanted: &BTreeMap<FieldId, Wanted>,
    ) -> Result<(RecordId, Option<Record>), Left> {
        let record_type = &self.plan.record_type;
        let id = match &self.plan.identity {
            Identity::Key(columns) => {
                let mut parts = Vec::with_capacity(columns.len());
                for column in columns {
                    match row
                        .cells
                        .get(column)
                        .map(text)
                        .filter(|text| !text.is_empty())
                    {
                        Some(part) => parts.push(part),
                        None => {
                            return Err(RowFault::cell(
                                row.line,
                                column,
                                "it is empty, and rows are told apart by it",
                            )
                            .into());
                        }
                    }
                }
                RecordId::derive(record_type.name.as_bytes(), &parts.join("\u{1f}"))
            }
            Identity::Id(column) => {
                let text = row.cells.get(column).map(text).unwrap_or_default();
                text.parse()
                    .map_err(|error| RowFault::cell(row.line, column, format!("{error}")))?
            }
            Identity::Content => {
                let content = Hash::of(&serde_json::to_vec(cells).unwrap_or_default());
                let times = self.contents.entry(content).or_default();
                *times += 1;
                RecordId::derive(
                    record_type.name.as_bytes(),
                    &format!("content\u{1f}{content}\u{1f}{times}"),
                )
            }
        };
        let (id, held) = match holding.record(id)? {
            None => match self.same_key(wanted) {
                Some(id) => (id, holding.record(id)?),
                None => (id, None),
            },
            held => (id, held),
        };
        match &held {
            Some(record) if record.record_type != record_type.id => Err(self
                .key_fault(row, format!("record {id} is not a {}", record_type.name))
                .into()),
            Some(record) if !record.is_alive() => {
                let words = format!(
                    "its record was deleted; restore it with `cairn record restore {id}`, or leave the row out"
                );
                Err(self.key_fault(row, words).into())
            }
            None if self.plan.update_only => Err(self
                .key_fault(
                    row,
                    format!(
                        "there is no such {}, and this table only changes records",
                        record_type.name
                    ),
                )
                .into()),
            _ => Ok((id, held)),
        }
    }

    /// The record that has the row's values in an alternate key.
    fn same_key(&self, wanted: &BTreeMap<FieldId, Wanted>) -> Option<RecordId> {
        self.keys(|field| match wanted.get(&field) {
            Some(Wanted::Value(value)) => value.clone(),
            _ => None,
        })
        .find_map(|(_, holder, _)| holder)
        .filter(|id| !self.met.contains_key(id))
    }

    /// The alternate keys that `value_of` fills: the key's place, who has the
    /// values now, and the values.
    fn keys(
        &self,
        value_of: impl Fn(FieldId) -> Option<Value>,
    ) -> impl Iterator<Item = (usize, Option<RecordId>, Vec<Value>)> {
        let keys = self.plan.record_type.keys.iter().enumerate();
        let filled = keys.filter_map(|(place, key)| {
            let values: Vec<Value> = key
                .fields
                .iter()
                .map(|field| value_of(*field))
                .collect::<Option<_>>()?;
            Some((place, self.index.with_key(place, &values), values))
        });
        filled.collect::<Vec<_>>().into_iter()
    }

    /// No two records share an alternate key.
    pub(super) fn check_keys(
        &self,
        row: &Row,
        id: RecordId,
        held: Option<&Record>,
        wanted: &BTreeMap<FieldId, Wanted>,
    ) -> Result<(), RowFault> {
        let value_of = |field: FieldId| match wanted.get(&field) {
            Some(Wanted::Value(value)) => value.clone(),
            _ => held?.value(field).cloned(),
        };
        for (place, holder, values) in self.keys(value_of) {
            let Some(holder) = holder.filter(|holder| *holder != id) else {
                continue;
            };
            let record_type = &self.plan.record_type;
            let key = &record_type.keys[place];
            let plan = self
                .plan
                .fields
                .iter()
                .find(|plan| key.fields.contains(&plan.field.id));
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            let by = match self.met.get(&holder) {
                Some(first) => format!("row {first}"),
                None => format!("record {holder}"),
            };
            let words = format!(
                "{by} has {} {} already, and no two {} records share it",
                key.name,
                values.join(", "),
                record_type.name
            );
            return Err(RowFault {
                row: row.line,
                column: plan.map(|plan| plan.column().to_owned()),
                reason: words,
            });
        }
        Ok(())
    }

    /// A fault in what tells rows apart.
    pub(super) fn key_fault(&self, row: &Row, reason: String) -> RowFault {
        let column = match &self.plan.identity {
            Identity::Key(columns) => Some(columns.join(", ")),
            Identity::Id(column) => Some(column.clone()),
            Identity::Content => None,
        };
        RowFault {
            row: row.line,
            column,
            reason,
        }
    }
}
