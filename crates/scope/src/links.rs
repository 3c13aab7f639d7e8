//! Who points at whom by one lookup field, both ways.

use cairn_model::{FieldId, RecordId, TypeId, Value};
use cairn_projection::{FieldState, Record};
use std::collections::{BTreeMap, BTreeSet};

/// A lookup field, or a set of lookups: its type, and which field of it.
pub(crate) type LinkKey = (TypeId, FieldId);

/// The records that `record` points at by a field.
pub(crate) fn pointed_at(record: &Record, field: FieldId) -> Vec<RecordId> {
    let target = |value: &Value| match value {
        Value::Lookup(target) => Some(*target),
        _ => None,
    };
    match record.field(field) {
        Some(FieldState::Register(register)) => {
            register.value().and_then(target).into_iter().collect()
        }
        Some(FieldState::Set(set)) => set.elements().filter_map(target).collect(),
        _ => Vec::new(),
    }
}

/// The pairs of one field. Only records that are there to be seen point.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    forth: BTreeSet<(u32, u32)>,
    back: BTreeSet<(u32, u32)>,
    /// Who points at records that do not exist yet.
    waiting: BTreeMap<RecordId, BTreeSet<u32>>,
}

fn after(pairs: &BTreeSet<(u32, u32)>, one: u32) -> impl Iterator<Item = u32> + '_ {
    pairs
        .range((one, 0)..=(one, u32::MAX))
        .map(|(_, other)| *other)
}

impl Links {
    /// The links of many records at once; `found` numbers the records.
    pub(crate) fn of(
        records: &[(u32, &Record)],
        field: FieldId,
        found: impl Fn(RecordId) -> Option<u32>,
    ) -> Links {
        let mut links = Links::default();
        let mut pairs = Vec::new();
        for (source, record) in records {
            for target in pointed_at(record, field) {
                match found(target) {
                    Some(target) => pairs.push((*source, target)),
                    None => {
                        links.waiting.entry(target).or_default().insert(*source);
                    }
                }
            }
        }
        links.back = pairs.iter().map(|(from, to)| (*to, *from)).collect();
        links.forth = pairs.into_iter().collect();
        links
    }

    /// The records that `source` points at.
    pub(crate) fn targets(&self, source: u32) -> impl Iterator<Item = u32> + '_ {
        after(&self.forth, source)
    }

    /// The records that point at `target`.
    pub(crate) fn sources(&self, target: u32) -> impl Iterator<Item = u32> + '_ {
        after(&self.back, target)
    }

    /// Makes `source` point at `targets` and nothing else.
    pub(crate) fn set(
        &mut self,
        source: u32,
        targets: &[RecordId],
        found: impl Fn(RecordId) -> Option<u32>,
    ) {
        let known: BTreeSet<u32> = targets.iter().filter_map(|target| found(*target)).collect();
        let gone: Vec<u32> = self
            .targets(source)
            .filter(|at| !known.contains(at))
            .collect();
        for target in gone {
            self.forth.remove(&(source, target));
            self.back.remove(&(target, source));
        }
        for target in known {
            if self.forth.insert((source, target)) {
                self.back.insert((target, source));
            }
        }
        if !self.waiting.is_empty() {
            self.waiting.retain(|_, sources| {
                sources.remove(&source);
                !sources.is_empty()
            });
        }
        for target in targets.iter().filter(|target| found(**target).is_none()) {
            self.waiting.entry(*target).or_default().insert(source);
        }
    }

    /// Whether anybody has pointed at a record before it came to be.
    pub(crate) fn awaits(&self, record: RecordId) -> bool {
        !self.waiting.is_empty() && self.waiting.contains_key(&record)
    }

    /// Makes those who point at `record` point at its number.
    pub(crate) fn arrived(&mut self, record: RecordId, target: u32) {
        for source in self.waiting.remove(&record).unwrap_or_default() {
            self.forth.insert((source, target));
            self.back.insert((target, source));
        }
    }
}
