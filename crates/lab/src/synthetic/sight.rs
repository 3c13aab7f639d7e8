//! What people see: what is at the relay as of their last sync, under what they
//! did since.
//!
//! In open loop nobody knows any policy, so a register shows what arrived last
//! and a deleted record is gone; counters, sets and documents are what the fold
//! makes of them. In closed loop people see what the fold under the policy on
//! trial shows.

use cairn_model::{Change, FieldId, Kind, RecordId, RecordType, TypeId, Value, Version, Write};
use cairn_projection::{FieldState, Record, document};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody can look at.
pub(crate) trait Sight {
    fn is_there(&self, record: RecordId) -> bool;
    fn records(&self, record_type: TypeId) -> Vec<RecordId>;
    fn cell(&self, record: RecordId, field: FieldId) -> Option<&Cell>;

    fn value(&self, record: RecordId, field: FieldId) -> Option<Value> {
        match self.cell(record, field)? {
            Cell::Value(value) => value.clone(),
            _ => None,
        }
    }

    fn count(&self, record: RecordId, field: FieldId) -> i64 {
        match self.cell(record, field) {
            Some(Cell::Count(count)) => *count,
            _ => 0,
        }
    }

    fn has(&self, record: RecordId, field: FieldId, element: &Value) -> bool {
        match self.cell(record, field) {
            Some(Cell::Set(elements)) => elements.contains(element),
            _ => false,
        }
    }

    /// A document as it is saved.
    fn saved(&self, record: RecordId, field: FieldId) -> &[u8] {
        match self.cell(record, field) {
            Some(Cell::Document(saved)) => saved,
            _ => &[],
        }
    }

    fn document(&self, record: RecordId, field: FieldId, kind: &Kind) -> Json {
        document::read(kind, self.saved(record, field)).unwrap_or_default()
    }
}

/// What a field holds, as far as people at work must know.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Value(Option<Value>),
    Count(i64),
    Set(BTreeSet<Value>),
    Document(Vec<u8>),
}

impl Cell {
    /// What a field becomes by a write.
    pub(crate) fn after(before: Option<&Cell>, kind: &Kind, write: &Write) -> Cell {
        match write {
            Write::Set(value) => Cell::Value(Some(kind.widened(value.clone()))),
            Write::Clear => Cell::Value(None),
            Write::Add(change) => match before {
                Some(Cell::Count(count)) => Cell::Count(count.saturating_add(*change)),
                _ => Cell::Count(*change),
            },
            Write::Change { add, remove } => {
                let mut elements = match before {
                    Some(Cell::Set(elements)) => elements.clone(),
                    _ => BTreeSet::new(),
                };
                elements.retain(|element| !remove.contains(element));
                elements.extend(add.iter().cloned());
                Cell::Set(elements)
            }
            Write::Merge(changes) => {
                let saved: &[u8] = match before {
                    Some(Cell::Document(saved)) => saved,
                    _ => &[],
                };
                let merged = document::merge(kind, saved, changes);
                Cell::Document(merged.unwrap_or_else(|_| saved.to_vec()))
            }
        }
    }

    fn of(state: &FieldState) -> Cell {
        match state {
            FieldState::Register(register) => Cell::Value(register.value().cloned()),
            FieldState::Counter(count) => Cell::Count(*count),
            FieldState::Set(set) => Cell::Set(set.elements().cloned().collect()),
            FieldState::Document(saved) => Cell::Document(saved.clone()),
        }
    }
}

type Place = (RecordId, FieldId);

/// What was at the relay after each version, whatever the policy.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// Whether anybody looks at fields; lives are always of interest.
    looks: bool,
    cells: BTreeMap<Place, Vec<(Version, Cell)>>,
    lives: BTreeMap<RecordId, (TypeId, Vec<(Version, bool)>)>,
    /// Alternate keys that are taken: who comes second has no record.
    keys: BTreeSet<(TypeId, usize, Vec<Value>)>,
}

impl Arrived {
    pub(crate) fn new(looks: bool) -> Arrived {
        Arrived {
            looks,
            cells: BTreeMap::new(),
            lives: BTreeMap::new(),
            keys: BTreeSet::new(),
        }
    }

    /// Takes in what arrived.
    pub(crate) fn take(
        &mut self,
        version: Version,
        record: RecordId,
        record_type: &RecordType,
        change: &Change,
    ) {
        if let Change::Create(writes) = change {
            if !self.takes_keys(record_type, writes) {
                return;
            }
            let life = vec![(version, true)];
            self.lives.insert(record, (record_type.id, life));
        }
        let Some((_, life)) = self.lives.get_mut(&record) else {
            return;
        };
        match change {
            Change::Delete => life.push((version, false)),
            Change::Restore => life.push((version, true)),
            _ => {}
        }
        if !self.looks {
            return;
        }
        for (field, write) in change.writes() {
            let Some(known) = record_type.fields.get(field) else {
                continue;
            };
            let cells = self.cells.entry((record, *field)).or_default();
            let before = cells.last().map(|(_, cell)| cell);
            let after = Cell::after(before, &known.kind, write);
            cells.push((version, after));
        }
    }

    fn takes_keys(&mut self, record_type: &RecordType, writes: &[(FieldId, Write)]) -> bool {
        let written = |field: &FieldId| {
            let write = writes.iter().find(|(id, _)| id == field);
            match write {
                Some((_, Write::Set(value))) => Some(value.clone()),
                _ => None,
            }
        };
        let keys = (0..).zip(&record_type.keys).filter_map(|(number, key)| {
            let values: Option<Vec<Value>> = key.fields.iter().map(written).collect();
            Some((record_type.id, number, values?))
        });
        let keys: Vec<_> = keys.collect();
        let free = keys.iter().all(|key| !self.keys.contains(key));
        if free {
            self.keys.extend(keys);
        }
        free
    }

    fn cell(&self, place: Place, base: Version) -> Option<&Cell> {
        let cells = self.cells.get(&place)?;
        let known = cells.partition_point(|(version, _)| *version <= base);
        Some(&cells.get(known.checked_sub(1)?)?.1)
    }

    fn lives(&self, record: RecordId, base: Version) -> bool {
        let life = self.lives.get(&record).map_or(&[][..], |(_, life)| life);
        let known = life.partition_point(|(version, _)| *version <= base);
        known > 0 && life[known - 1].1
    }
}

/// A table of records, without their past: a device's images, or what its
/// person did since the last sync.
#[derive(Debug, Default)]
pub(crate) struct Images {
    cells: BTreeMap<Place, Cell>,
    lives: BTreeMap<RecordId, (TypeId, bool)>,
}

impl Images {
    /// Takes in a record as the fold shows it.
    pub(crate) fn show(&mut self, record: &Record) {
        let life = (record.record_type, record.is_alive());
        self.lives.insert(record.id, life);
        for slot in &record.fields {
            let cell = Cell::of(&slot.state);
            self.cells.insert((record.id, slot.id), cell);
        }
    }
}

/// One person's sight.
pub(crate) struct Seen<'a> {
    pub(crate) arrived: &'a Arrived,
    pub(crate) base: Version,
    /// What the policy shows, where people look at that.
    pub(crate) images: Option<&'a Images>,
    /// What they did since.
    pub(crate) own: &'a Images,
}

impl Sight for Seen<'_> {
    fn is_there(&self, record: RecordId) -> bool {
        match (self.own.lives.get(&record), self.images) {
            (Some((_, alive)), _) => *alive,
            (None, Some(images)) => images.lives.get(&record).is_some_and(|(_, alive)| *alive),
            (None, None) => self.arrived.lives(record, self.base),
        }
    }

    fn records(&self, record_type: TypeId) -> Vec<RecordId> {
        let of = |lives: &BTreeMap<RecordId, (TypeId, bool)>| {
            let own = lives.iter().filter(|(_, life)| life.0 == record_type);
            own.map(|(id, _)| *id).collect::<BTreeSet<_>>()
        };
        let mut records = match self.images {
            Some(images) => of(&images.lives),
            None => {
                let all = self.arrived.lives.iter();
                let own = all.filter(|(_, life)| life.0 == record_type);
                own.map(|(id, _)| *id).collect()
            }
        };
        records.extend(of(&self.own.lives));
        let there = records.into_iter().filter(|record| self.is_there(*record));
        there.collect()
    }

    fn cell(&self, record: RecordId, field: FieldId) -> Option<&Cell> {
        let place = (record, field);
        self.own.cells.get(&place).or_else(|| match self.images {
            Some(images) => images.cells.get(&place),
            None => self.arrived.cell(place, self.base),
        })
    }
}

impl Images {
    /// Takes in what its person did, as it then looks to them.
    pub(crate) fn did(
        &mut self,
        record: RecordId,
        record_type: TypeId,
        change: &Change,
        cells: Vec<(FieldId, Cell)>,
    ) {
        let life = match change {
            Change::Create(_) | Change::Restore => Some(true),
            Change::Delete => Some(false),
            _ => None,
        };
        if let Some(alive) = life {
            self.lives.insert(record, (record_type, alive));
        }
        let cells = cells.into_iter();
        self.cells
            .extend(cells.map(|(field, cell)| ((record, field), cell)));
    }
}
