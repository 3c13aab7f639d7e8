//! Whose records are, and whom they are shared with.

use cairn_model::security::Security;
use cairn_model::{Definition, RecordId};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

/// No owner.
const NOBODY: u32 = u32::MAX;

/// Owners of records: users and teams, each by the record that stands for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners {
    /// Owners in the order they were first seen.
    owners: Vec<Owner>,
    numbers: BTreeMap<RecordId, u32>,
    /// By ordinal.
    of: Vec<u32>,
    by_unit: BTreeMap<String, RoaringBitmap>,
    /// The unit of every user and team that has one.
    units: BTreeMap<RecordId, String>,
}

#[derive(Debug, Clone)]
struct Owner {
    id: RecordId,
    records: RoaringBitmap,
}

/// The business unit of every user and team that is in one, by its record.
pub(crate) fn units_of(definition: &Definition, security: &Security) -> BTreeMap<RecordId, String> {
    let users = definition.users.keys();
    let users = users.map(|login| Definition::user_record(login));
    let teams = definition.teams.keys();
    let teams = teams.map(|name| Definition::team_record(name));
    let unit = |id: RecordId| Some((id, security.unit_of(id)?.to_owned()));
    users.chain(teams).filter_map(unit).collect()
}

impl Owners {
    /// The unit of every user and team that has one.
    pub(crate) fn units(&self) -> &BTreeMap<RecordId, String> {
        &self.units
    }

    /// Has other units. Whether anybody moved who owns a record.
    pub(crate) fn have(&mut self, units: BTreeMap<RecordId, String>) -> bool {
        let last = std::mem::replace(&mut self.units, units);
        let mut with_records = self.owners.iter().filter(|owner| !owner.records.is_empty());
        let moved = with_records.any(|owner| last.get(&owner.id) != self.units.get(&owner.id));
        self.by_unit.clear();
        for owner in &self.owners {
            if let Some(unit) = self.units.get(&owner.id) {
                *self.by_unit.entry(unit.clone()).or_default() |= &owner.records;
            }
        }
        moved
    }

    /// Whose a record is.
    pub(crate) fn of(&self, ordinal: u32) -> Option<RecordId> {
        let number = *self.of.get(ordinal as usize)?;
        (number != NOBODY).then(|| self.owners[number as usize].id)
    }

    /// The unit of an owner.
    pub(crate) fn unit_of(&self, owner: RecordId) -> Option<&str> {
        self.units.get(&owner).map(String::as_str)
    }

    /// What an owner has.
    pub(crate) fn records_of(&self, owner: RecordId) -> Option<&RoaringBitmap> {
        let number = self.numbers.get(&owner)?;
        Some(&self.owners[*number as usize].records)
    }

    /// What is owned within a unit, the units below it aside.
    pub(crate) fn records_in(&self, unit: &str) -> Option<&RoaringBitmap> {
        self.by_unit.get(unit)
    }

    pub(crate) fn set(&mut self, ordinal: u32, owner: Option<RecordId>) {
        let number = owner.map_or(NOBODY, |owner| self.number(owner));
        let at = ordinal as usize;
        if self.of.len() <= at {
            if number == NOBODY {
                return;
            }
            self.of.resize(at + 1, NOBODY);
        }
        let last = std::mem::replace(&mut self.of[at], number);
        if last == number {
            return;
        }
        if let Some(last) = self.owners.get_mut(last as usize) {
            last.records.remove(ordinal);
            if let Some(unit) = self.units.get(&last.id)
                && let Some(records) = self.by_unit.get_mut(unit)
            {
                records.remove(ordinal);
            }
        }
        if let Some(next) = self.owners.get_mut(number as usize) {
            next.records.insert(ordinal);
            if let Some(unit) = self.units.get(&next.id) {
                let records = match self.by_unit.get_mut(unit) {
                    Some(records) => records,
                    None => self.by_unit.entry(unit.clone()).or_default(),
                };
                records.insert(ordinal);
            }
        }
    }

    fn number(&mut self, owner: RecordId) -> u32 {
        let next = self.owners.len() as u32;
        let number = *self.numbers.entry(owner).or_insert(next);
        if number == next {
            self.owners.push(Owner {
                id: owner,
                records: RoaringBitmap::new(),
            });
        }
        number
    }
}

/// Whom records are shared with, to read or to write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shares {
    of: BTreeMap<u32, BTreeSet<RecordId>>,
    with: BTreeMap<RecordId, RoaringBitmap>,
}

impl Shares {
    /// Whom a record is shared with.
    pub(crate) fn of(&self, ordinal: u32) -> Option<&BTreeSet<RecordId>> {
        self.of.get(&ordinal)
    }

    /// What is shared with a user or a team.
    pub(crate) fn with(&self, reader: RecordId) -> Option<&RoaringBitmap> {
        self.with.get(&reader)
    }

    pub(crate) fn set(&mut self, ordinal: u32, readers: BTreeSet<RecordId>) {
        if self.of.get(&ordinal).is_none_or(BTreeSet::is_empty) && readers.is_empty() {
            return;
        }
        for reader in self.of.remove(&ordinal).unwrap_or_default() {
            if let Some(records) = self.with.get_mut(&reader) {
                records.remove(ordinal);
            }
        }
        for reader in &readers {
            self.with.entry(*reader).or_default().insert(ordinal);
        }
        if !readers.is_empty() {
            self.of.insert(ordinal, readers);
        }
    }
}
