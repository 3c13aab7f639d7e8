//! Indexes over the records that are there to be seen: who has which alternate
//! key, and who points at whom. They follow from the records alone, so that a
//! state folded entry by entry and one loaded from a checkpoint have the same.

use crate::record::{FieldState, Record};
use crate::records::Records;
use crate::rules::Rules;
use crate::state::State;
use cairn_model::Kind;
use cairn_model::{Definition, FieldId, KeyId, OnDelete, RecordId, RecordType, TypeId, Value};
use std::collections::BTreeSet;

/// An alternate key's values in one record.
pub(crate) type KeyEntry = (TypeId, KeyId, Vec<Value>);

/// The indexes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Indexes {
    /// Contests can leave two records with one key, so each has all its holders.
    keys: BTreeSet<(KeyEntry, RecordId)>,
    /// Target, the record that points at it, and by which field.
    lookups: BTreeSet<(RecordId, RecordId, FieldId)>,
}

const FIRST: RecordId = RecordId([0; 16]);
const LAST: RecordId = RecordId([0xff; 16]);

/// What a record contributes to the indexes.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    keys: Vec<KeyEntry>,
    lookups: Vec<(RecordId, FieldId)>,
}

impl Entries {
    /// What `record` contributes while it is alive.
    pub(crate) fn of(record: &Record, record_type: &RecordType) -> Entries {
        let keys = record_type.keys.iter().filter_map(|key| {
            let values = record.key_values(&key.fields)?;
            Some((record_type.id, key.id, values))
        });
        let lookups = record.fields.iter().filter_map(|slot| match &slot.state {
            FieldState::Register(register) => match register.value() {
                Some(Value::Lookup(target)) => Some((*target, slot.id)),
                _ => None,
            },
            _ => None,
        });
        Entries {
            keys: keys.collect(),
            lookups: lookups.collect(),
        }
    }
}

impl Indexes {
    /// The indexes over `records`.
    pub(crate) fn of(records: &Records, definition: &Definition) -> Indexes {
        let mut indexes = Indexes::default();
        for held in records.iter().filter(|held| held.record.is_alive()) {
            if let Some(record_type) = definition.types.get(&held.record.record_type) {
                indexes.add(held.record.id, Entries::of(&held.record, record_type));
            }
        }
        indexes
    }

    pub(crate) fn add(&mut self, record: RecordId, entries: Entries) {
        self.keys
            .extend(entries.keys.into_iter().map(|entry| (entry, record)));
        let lookups = entries.lookups.into_iter();
        self.lookups
            .extend(lookups.map(|(target, field)| (target, record, field)));
    }

    pub(crate) fn remove(&mut self, record: RecordId, entries: Entries) {
        for entry in entries.keys {
            self.keys.remove(&(entry, record));
        }
        for (target, field) in entries.lookups {
            self.lookups.remove(&(target, record, field));
        }
    }

    /// The records that have these values in an alternate key, by id.
    pub(crate) fn holders(&self, entry: &KeyEntry) -> impl Iterator<Item = RecordId> {
        self.keys
            .range((entry.clone(), FIRST)..=(entry.clone(), LAST))
            .map(|(_, record)| *record)
    }

    /// The records that point at `target`, by id, and by which field.
    pub(crate) fn referrers(&self, target: RecordId) -> impl Iterator<Item = (RecordId, FieldId)> {
        self.lookups
            .range((target, FIRST, FieldId(0))..=(target, LAST, FieldId(u16::MAX)))
            .map(|(_, record, field)| (*record, *field))
    }
}

impl State {
    /// Who points at a record, and what their lookup does when it is deleted.
    pub(crate) fn referrers_of(
        &self,
        record: RecordId,
        rules: &Rules,
    ) -> impl Iterator<Item = (RecordId, FieldId, OnDelete)> {
        self.indexes.referrers(record).filter_map(|(by, field)| {
            let (record_type, _) = rules.get(self.record(by)?.record_type)?;
            match record_type
                .fields
                .get(&field)
                .filter(|field| !field.retired)?
                .kind
            {
                Kind::Lookup { on_delete, .. } => Some((by, field, on_delete)),
                _ => None,
            }
        })
    }
}
