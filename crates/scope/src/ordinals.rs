//! Records by number, so that sets of them are bitmaps.

use cairn_model::{RecordId, TypeId};
use cairn_projection::{Record, State};
use std::collections::BTreeMap;

/// Dense numbers for records, by the version that created them and then by id:
/// the same after a restart, from a checkpoint, and on every machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ordinals {
    of: BTreeMap<RecordId, u32>,
    records: Vec<RecordId>,
    types: Vec<TypeId>,
}

impl Ordinals {
    /// The numbers of all records of a state, and the records by number.
    pub(crate) fn of_all(state: &State) -> (Ordinals, Vec<&Record>) {
        let mut records: Vec<&Record> = state.records().collect();
        records.sort_unstable_by_key(|record| (record.created, record.id));
        let ordinals = Ordinals {
            of: (0..)
                .zip(&records)
                .map(|(ordinal, record)| (record.id, ordinal))
                .collect(),
            types: records.iter().map(|record| record.record_type).collect(),
            records: records.iter().map(|record| record.id).collect(),
        };
        (ordinals, records)
    }

    /// Numbers those of `changed` that have none yet. Gives the new ones.
    pub(crate) fn take_in(&mut self, changed: &[&Record]) -> Vec<u32> {
        let is_new = |record: &&&Record| !self.of.contains_key(&record.id);
        let mut fresh: Vec<&&Record> = changed.iter().filter(is_new).collect();
        fresh.sort_unstable_by_key(|record| (record.created, record.id));
        let mut ordinals = Vec::with_capacity(fresh.len());
        for record in fresh {
            let ordinal = self.records.len() as u32;
            self.of.insert(record.id, ordinal);
            self.records.push(record.id);
            self.types.push(record.record_type);
            ordinals.push(ordinal);
        }
        ordinals
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn get(&self, record: RecordId) -> Option<u32> {
        self.of.get(&record).copied()
    }

    /// # Panics
    /// If no record has this number.
    pub(crate) fn record(&self, ordinal: u32) -> RecordId {
        self.records[ordinal as usize]
    }

    pub(crate) fn type_of(&self, ordinal: u32) -> TypeId {
        self.types[ordinal as usize]
    }
}
