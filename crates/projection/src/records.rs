//! Every record, by id.

use crate::history::History;
use crate::record::{Origin, Record};
use cairn_model::{RecordId, Version};
use std::collections::BTreeMap;

/// A record with what only the relay keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The record.
    pub(crate) record: Record,
    /// Its memory.
    pub(crate) history: History,
    /// What the record weighs.
    pub(crate) weight: usize,
    /// What of the record stands on each of its origins.
    pub(crate) uses: Uses,
    /// Whether it changed since the last checkpoint.
    dirty: bool,
}

impl Held {
    pub(crate) fn new(record: Record, history: History) -> Held {
        Held {
            weight: record.weight(),
            uses: Uses::of(&record),
            record,
            history,
            dirty: false,
        }
    }
}

/// Fields and origins of one record that are looked at: those of most.
const GAZE_MAX: usize = 16;

/// How many standing writes come from each origin of a record, so that one
/// that none comes from any more is found without asking every field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uses(Vec<(Version, u32)>);

impl Uses {
    /// Counts all of a record's.
    pub(crate) fn of(record: &Record) -> Uses {
        let none = |origin: &Origin| (origin.version, 0);
        let mut uses = Uses(record.origins.iter().map(none).collect());
        uses.count(record.sources());
        uses
    }

    /// Takes in the origin of what will be counted next.
    pub(crate) fn add(&mut self, version: Version) {
        if self.0.last().is_none_or(|(last, _)| *last < version) {
            self.0.push((version, 0));
        }
    }

    /// Counts writes that stand now.
    pub(crate) fn count(&mut self, sources: impl Iterator<Item = Version>) {
        for version in sources {
            if let Some(uses) = self.of_origin(version) {
                *uses += 1;
            }
        }
    }

    /// Discounts writes before they are changed.
    pub(crate) fn discount(&mut self, sources: impl Iterator<Item = Version>) {
        for version in sources {
            if let Some(uses) = self.of_origin(version) {
                *uses -= 1;
            }
        }
    }

    /// A default value comes from no operation.
    fn of_origin(&mut self, version: Version) -> Option<&mut u32> {
        let at = self.0.binary_search_by_key(&version, |(of, _)| *of).ok()?;
        Some(&mut self.0[at].1)
    }
}

impl Held {
    /// Reads from each part of what is held together.
    pub(crate) fn glance(&self) -> u64 {
        let Held {
            record, history, ..
        } = self;
        let parts = [record.origins.len(), history.touched.len(), self.weight];
        let sum = parts.into_iter().fold(0, usize::wrapping_add) as u64;
        sum.wrapping_add(record.version.0)
            .wrapping_add(record.life_changed.0)
    }

    /// Reads from each part that is held apart.
    pub(crate) fn gaze(&self) -> u64 {
        let Held {
            record, history, ..
        } = self;
        let fields = record.fields.iter().step_by(2).map(|slot| slot.changed.0);
        let origins = record
            .origins
            .iter()
            .step_by(2)
            .map(|origin| origin.version.0);
        let uses = self.uses.0.first().map_or(0, |(version, _)| version.0);
        let touched = history.touched.last().map_or(0, |version| version.0);
        let sum = fields
            .chain(origins)
            .take(GAZE_MAX)
            .fold(0, u64::wrapping_add);
        sum.wrapping_add(uses).wrapping_add(touched)
    }

    /// Forgets the operations that no standing write comes from, as
    /// [`Record::prune_origins`] does.
    pub(crate) fn prune_origins(&mut self) {
        let created = self.record.created;
        let is_used = |(version, uses): &(Version, u32)| *uses > 0 || *version == created;
        let Uses(uses) = &mut self.uses;
        if uses.len() < 2 || uses.iter().all(is_used) {
            return;
        }
        uses.retain(is_used);
        let is_kept = |origin: &Origin| uses.binary_search_by_key(&origin.version, |u| u.0).is_ok();
        self.record.origins.retain(is_kept);
    }
}

/// Where a record is kept; never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

/// Records, each in a place of its own, found by id. A small index over large
/// records stays in the processor's cache.
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    places: BTreeMap<RecordId, Place>,
    held: Vec<Held>,
    dirty: Vec<Place>,
}

impl Records {
    pub(crate) fn len(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn place(&self, id: RecordId) -> Option<Place> {
        self.places.get(&id).copied()
    }

    pub(crate) fn get(&self, id: RecordId) -> Option<&Held> {
        self.place(id).map(|place| self.at(place))
    }

    pub(crate) fn at(&self, place: Place) -> &Held {
        &self.held[place.0 as usize]
    }

    pub(crate) fn at_mut(&mut self, place: Place) -> &mut Held {
        &mut self.held[place.0 as usize]
    }

    /// Takes in a record that is not here yet.
    pub(crate) fn insert(&mut self, held: Held) -> Place {
        let place = Place(self.held.len() as u32);
        let before = self.places.insert(held.record.id, place);
        assert!(before.is_none(), "a record is taken in once");
        self.held.push(held);
        place
    }

    /// Notes that a record must be written with the next checkpoint.
    pub(crate) fn mark_dirty(&mut self, place: Place) {
        let held = &mut self.held[place.0 as usize];
        if !std::mem::replace(&mut held.dirty, true) {
            self.dirty.push(place);
        }
    }

    /// The records that changed since the last call, by id.
    pub(crate) fn take_dirty(&mut self) -> Vec<&Held> {
        let places = std::mem::take(&mut self.dirty);
        for place in &places {
            self.held[place.0 as usize].dirty = false;
        }
        let mut dirty: Vec<&Held> = places.iter().map(|place| self.at(*place)).collect();
        dirty.sort_unstable_by_key(|held| held.record.id);
        dirty
    }

    /// By id, from `from` on.
    pub(crate) fn range(&self, from: RecordId) -> impl Iterator<Item = &Held> {
        self.places.range(from..).map(|(_, place)| self.at(*place))
    }

    /// By id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.places.values().map(|place| self.at(*place))
    }

    /// By place, for changes whose order does not matter.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Held> {
        self.held.iter_mut()
    }
}

/// Which records changed when, in ledger order; a record's newest change counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    noted: Vec<(Version, Place)>,
}

/// Notes kept at least before outdated ones are dropped.
const NOTES_KEPT: usize = 4096;

impl Changes {
    /// What every record says of itself.
    pub(crate) fn of(records: &Records) -> Changes {
        let mut noted: Vec<(Version, Place)> = (0..)
            .zip(&records.held)
            .map(|(place, held)| (held.record.version, Place(place)))
            .collect();
        noted.sort_unstable_by_key(|(version, _)| *version);
        Changes { noted }
    }

    /// Notes that a record has just changed.
    pub(crate) fn note(&mut self, version: Version, place: Place, records: &Records) {
        self.noted.push((version, place));
        if self.noted.len() > NOTES_KEPT && self.noted.len() > 4 * records.len() {
            self.noted
                .retain(|(version, place)| records.at(*place).record.version == *version);
        }
    }

    /// The places of records that changed after `since` and not again later,
    /// oldest change first.
    pub(crate) fn since<'a>(
        &'a self,
        since: Version,
        records: &'a Records,
    ) -> impl Iterator<Item = &'a Record> {
        let from = self.noted.partition_point(|(version, _)| *version <= since);
        self.noted[from..]
            .iter()
            .map(move |(version, place)| (version, &records.at(*place).record))
            .filter(|(version, record)| record.version == **version)
            .map(|(_, record)| record)
    }
}
