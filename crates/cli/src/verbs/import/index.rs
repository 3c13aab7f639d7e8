//! What rows are looked up by: alternate keys, fields that a mapping names,
//! titles. Built once for a table, and kept up with what the table adds.

use super::plan::Plan;
use crate::holding::Holding;
use cairn_model::{FieldId, Kind, RecordId, RecordType, TypeId, Value};
use cairn_oplog::StorageError;
use std::collections::{BTreeMap, BTreeSet};

/// Records by what they are called.
#[derive(Debug, Default)]
struct Names(BTreeMap<String, Option<RecordId>>);

impl Names {
    /// Notes a name; `None` stands for several records.
    fn add(&mut self, name: String, record: RecordId) {
        let named = self.0.entry(name).or_insert(Some(record));
        if *named != Some(record) {
            *named = None;
        }
    }
}

/// Why a lookup cannot be resolved.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotFound {
    /// Nothing is called so.
    Missing,
    /// More than one record is called so.
    Several,
}

/// The indexes that one table needs.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Records of the table's type by the values of each of its keys.
    keys: Vec<BTreeMap<Vec<Value>, RecordId>>,
    /// Records by a field that a mapping names.
    fields: BTreeMap<(TypeId, FieldId), Names>,
    /// Records by the values of keys of one field.
    by_key: BTreeMap<TypeId, Names>,
    /// Records by title.
    by_title: BTreeMap<TypeId, Names>,
    own: Option<TypeId>,
}

/// A register's value in a record, as it is or as it will be.
pub(super) type ValueOf<'a> = &'a dyn Fn(FieldId) -> Option<Value>;

impl Index {
    /// Reads what is here.
    pub(super) fn build(plan: &Plan, holding: &dyn Holding) -> Result<Index, StorageError> {
        let mut index = Index {
            keys: plan
                .record_type
                .keys
                .iter()
                .map(|_| BTreeMap::new())
                .collect(),
            own: Some(plan.record_type.id),
            ..Index::default()
        };
        for field in &plan.fields {
            match field.lookup {
                Some(path) => {
                    index.fields.entry(path).or_default();
                }
                None => {
                    for target in targets(&field.field.kind) {
                        index.by_key.entry(target).or_default();
                        index.by_title.entry(target).or_default();
                    }
                }
            }
        }
        let types: BTreeSet<TypeId> = index
            .fields
            .keys()
            .map(|(target, _)| *target)
            .chain(index.by_key.keys().copied())
            .chain([plan.record_type.id])
            .collect();
        let definition = holding.definition();
        holding.visit(&mut |record| {
            let record_type = definition.types.get(&record.record_type);
            if let Some(record_type) = record_type
                .filter(|record_type| types.contains(&record_type.id) && record.is_alive())
            {
                index.add(record_type, record.id, &|field| {
                    record.value(field).cloned()
                });
            }
        })?;
        Ok(index)
    }

    /// Notes a record.
    pub(super) fn add(&mut self, record_type: &RecordType, id: RecordId, value_of: ValueOf<'_>) {
        if self.own == Some(record_type.id) {
            for (key, records) in record_type.keys.iter().zip(&mut self.keys) {
                if let Some(values) = key.fields.iter().map(|field| value_of(*field)).collect() {
                    records.insert(values, id);
                }
            }
        }
        let from = (record_type.id, FieldId(0));
        let to = (record_type.id, FieldId(u16::MAX));
        for ((_, field), names) in self.fields.range_mut(from..=to) {
            if let Some(value) = value_of(*field) {
                names.add(value.to_string(), id);
            }
        }
        if let Some(names) = self.by_key.get_mut(&record_type.id) {
            for key in record_type.keys.iter().filter(|key| key.fields.len() == 1) {
                if let Some(value) = value_of(key.fields[0]) {
                    names.add(value.to_string(), id);
                }
            }
        }
        if let Some(names) = self.by_title.get_mut(&record_type.id)
            && let Some(value) = record_type.title.and_then(value_of)
        {
            names.add(value.to_string(), id);
        }
    }

    /// The record of the table's type that has these values in its key of this
    /// place.
    pub(super) fn with_key(&self, key: usize, values: &[Value]) -> Option<RecordId> {
        self.keys.get(key)?.get(values).copied()
    }

    /// The record that has `text` in a field.
    pub(super) fn by_field(
        &self,
        path: (TypeId, FieldId),
        kind: &Kind,
        text: &str,
    ) -> Result<RecordId, NotFound> {
        let text = Value::from_text(kind, text.trim())
            .map_or_else(|_| text.to_owned(), |value| value.to_string());
        let named = self.fields.get(&path).and_then(|names| names.0.get(&text));
        named.ok_or(NotFound::Missing)?.ok_or(NotFound::Several)
    }

    /// The record of one of these types with `text` as its key, or else as its
    /// title.
    pub(super) fn by_name(
        &self,
        types: &BTreeSet<TypeId>,
        text: &str,
    ) -> Result<RecordId, NotFound> {
        for names in [&self.by_key, &self.by_title] {
            let mut named = types
                .iter()
                .filter_map(|id| names.get(id)?.0.get(text.trim()));
            match (named.next(), named.next()) {
                (None, _) => {}
                (Some(Some(record)), None) => return Ok(*record),
                _ => return Err(NotFound::Several),
            }
        }
        Err(NotFound::Missing)
    }
}

fn targets(kind: &Kind) -> BTreeSet<TypeId> {
    match kind {
        Kind::Lookup { targets, .. } => targets.clone(),
        Kind::Set { of } => targets(of),
        _ => BTreeSet::new(),
    }
}
