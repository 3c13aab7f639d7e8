//! A folded state held against what is known of its ledger.

mod conflicts;
mod fates;
mod people;

use super::promises::{self, Place};
use super::{Tally, confluence, sequence, trust, visibility};
use crate::door::{Run, Truth};
use crate::trace::Trace;
use cairn_model::{FieldId, Kind, RecordId, TypeId, Version};
use cairn_projection::{FieldState, State, document};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A policy's counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Of the whole ledger.
    pub whole: Tally,
    /// By block, where the history has blocks.
    pub blocks: BTreeMap<u32, Tally>,
    /// By kind of field.
    pub classes: BTreeMap<String, Class>,
}

/// Counts of a kind of field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Class {
    /// Of the whole ledger.
    pub whole: Tally,
    /// Its conflict sets by block, where the history has blocks: those with
    /// none are not there.
    pub sets: BTreeMap<u32, Sets>,
}

/// Conflict sets, and what a policy did to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    /// How many.
    pub all: u64,
    /// … that people were asked about.
    pub asked: u64,
    /// … that were decided without asking, and wrongly.
    pub wrong: u64,
}

impl Sets {
    /// Adds another's counts.
    pub fn add(&mut self, other: Sets) {
        self.all += other.all;
        self.asked += other.asked;
        self.wrong += other.wrong;
    }
}

impl From<&Tally> for Sets {
    fn from(tally: &Tally) -> Sets {
        Sets {
            all: tally.conflict_sets,
            asked: tally.asked,
            wrong: tally.wrong,
        }
    }
}

/// Judges a state. Where the policy's outcome depends on which side arrived
/// last (`asks_for_arrival`), fields of which that is not known do not count
/// for agreement; where it does not, those do not whose times are not known.
/// Nor do records of which an operation was rejected, as over a limit: no
/// policy saw what was written.
pub fn judge(trace: &Trace, state: &State, truth: &Truth, asks_for_arrival: bool) -> Judged {
    let mut judge = Judge {
        trace,
        state,
        truth,
        asks_for_arrival,
        asked: BTreeMap::new(),
        told: BTreeMap::new(),
        open: BTreeSet::new(),
        lost_once: BTreeSet::new(),
        refused: BTreeSet::new(),
        resolved: BTreeMap::new(),
        counts: BTreeMap::new(),
        judged: Judged::default(),
    };
    judge.read_journal();
    judge.read_issues();
    judge.read_resolutions();
    judge.contention();
    let lost = judge.writes();
    judge.operations(&lost);
    judge.conflicts();
    judge.people();
    judge.promises();
    judge.add_up();
    judge.ledger();
    judge.judged
}

struct Judge<'a> {
    trace: &'a Trace,
    state: &'a State,
    truth: &'a Truth,
    asks_for_arrival: bool,
    /// Sides of conflicts that were ever left open.
    asked: BTreeMap<Place, BTreeSet<Version>>,
    /// Operations whose authors were told that they were set aside.
    told: BTreeMap<RecordId, BTreeSet<Version>>,
    /// Sides of conflicts that still are.
    open: BTreeSet<(Place, Version)>,
    /// Sides that a policy once decided against.
    lost_once: BTreeSet<(Place, Version)>,
    /// Records of which an operation was rejected.
    refused: BTreeSet<RecordId>,
    /// What people decided, and whether the state agrees.
    resolved: BTreeMap<Place, bool>,
    /// What is booked, by block.
    counts: Counts,
    judged: Judged,
}

/// Counts by block, and by what they are of.
type Counts = BTreeMap<(Option<u32>, Subject), Tally>;

/// What counts are of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// A record, and none of its fields.
    Whole,
    /// A kind of fields that the history names, by number.
    Class(u32),
    /// A field of records of a type; `None` for their life.
    Field(TypeId, Option<FieldId>),
    /// A record that never came into being.
    Unknown,
}

impl Judge<'_> {
    /// Books what is of a field, or of a record's life.
    fn add(&mut self, place: Place, tally: &Tally) {
        self.counts.entry(self.at(place)).or_default().add(tally);
    }

    /// Where it is booked.
    fn at(&self, place: Place) -> (Option<u32>, Subject) {
        let block = self.truth.block_of.get(&place.0).copied();
        (block, self.subject(place))
    }

    /// Adds up what is booked: of the whole, of blocks and of kinds of fields.
    fn add_up(&mut self) {
        for ((block, subject), tally) in std::mem::take(&mut self.counts) {
            self.judged.whole.add(&tally);
            if let Some(block) = block {
                self.judged.blocks.entry(block).or_default().add(&tally);
            }
            let Some(name) = self.name(subject) else {
                continue;
            };
            let class = self.judged.classes.entry(name).or_default();
            class.whole.add(&tally);
            if let Some(block) = block.filter(|_| tally.conflict_sets > 0) {
                class.sets.entry(block).or_default().add((&tally).into());
            }
        }
    }

    fn subject(&self, (record, field): Place) -> Subject {
        let known = field.and_then(|field| self.truth.class_of.get(&(record, field)));
        if let Some(class) = known {
            return Subject::Class(*class);
        }
        let held = self.state.record(record);
        held.map_or(Subject::Unknown, |held| {
            Subject::Field(held.record_type, field)
        })
    }

    /// What a kind of field is called; `None` for whole records.
    fn name(&self, subject: Subject) -> Option<String> {
        let unknown = || Some("unknown".to_owned());
        let (record_type, field) = match subject {
            Subject::Whole => return None,
            Subject::Class(class) => return Some(self.truth.classes[class as usize].clone()),
            Subject::Field(record_type, field) => (record_type, field),
            Subject::Unknown => return unknown(),
        };
        let Some(record_type) = self.state.definition().types.get(&record_type) else {
            return unknown();
        };
        Some(match field.map(|field| record_type.fields.get(&field)) {
            None => format!("{} itself", record_type.name),
            Some(Some(field)) => format!("{}.{}", record_type.name, field.name),
            Some(None) => format!("{}.unknown", record_type.name),
        })
    }

    fn contention(&mut self) {
        for (key, [writes, contested, disputed]) in self.trace.contention() {
            let place = (key.record, key.field);
            let (meetings, interleaved) = match contested {
                0 | 1 => (0, 0),
                _ => self.meetings(place),
            };
            let tally = self.counts.entry(self.at(place)).or_default();
            tally.writes += writes;
            tally.contested += contested;
            tally.disputed += disputed;
            tally.meetings += meetings;
            tally.interleaved += interleaved;
        }
    }

    /// Runs that met in a text, and the sum of their interleaving indices in
    /// millionths.
    fn meetings(&self, place: Place) -> (u64, u64) {
        let (record, field) = place;
        let record = self.state.record(record).filter(|record| record.is_alive());
        let found = record.zip(field).and_then(|(record, field)| {
            let FieldState::Document(saved) = record.field(field)? else {
                return None;
            };
            let types = &self.state.definition().types;
            let kind = &types.get(&record.record_type)?.fields.get(&field)?.kind;
            if *kind != Kind::RichText {
                return None;
            }
            let runs = self
                .truth
                .runs
                .iter()
                .filter(|run| (run.record, Some(run.field)) == place);
            let runs: Vec<&Run> = runs.collect();
            if runs.is_empty() {
                return Some(sequence::meetings(&document::authorship(saved).ok()?));
            }
            let text = document::read(kind, saved).ok()?;
            Some(sequence::meetings_of(text.as_str()?, &runs))
        });
        let (meetings, sum) = found.unwrap_or((0, 0.0));
        (meetings, (sum * 1e6).round() as u64)
    }

    /// Books what is of the ledger as a whole.
    fn ledger(&mut self) {
        let totals = self.trace.totals();
        let whole = &mut self.judged.whole;
        whole.operations = totals.operations;
        whole.bytes = totals.bytes;
        whole.deletions = totals.deletions;
        whole.lag_ms = totals.lag_ms;
        whole.log_bytes = totals.log_bytes;
        for (number, author) in (0..).zip(self.trace.authors()) {
            whole.authors.entry(number).or_default().0 = author.writes;
        }
        let survey = self.trace.survey();
        whole.answers = survey.answers();
        if let Some(skew) = deviation(self.truth.offsets.values()) {
            let lost = (whole.writes, whole.lost_silently);
            whole.skews.insert(skew, lost);
        }
        for (off, expected) in promises::sums(self.state, self.truth) {
            whole.sums_off += off;
            whole.sums_expected += expected;
        }
        if !visibility::is_of_merges(self.truth) {
            whole.add(&visibility::of(survey, self.truth));
            whole.add(&visibility::behind(survey));
        }
        whole.add(&trust::of(self.trace, self.state));
        whole.add(&confluence::risks(
            survey,
            self.state.definition(),
            self.truth,
        ));
    }

    fn promises(&mut self) {
        let mut found = Vec::new();
        promises::each(self.state, self.truth, &mut |place, promise| {
            found.push((place, promise));
        });
        for (place, promise) in found {
            let tally = Tally {
                keyed: promise.keyed,
                duplicates: promise.duplicates,
                lookups: promise.lookups,
                orphans: promise.orphans,
                treed: promise.treed,
                circular: promise.circular,
                stranded: promise.stranded,
                bounded: promise.bounded,
                overshot: promise.overshot,
                room: promise.room,
                beyond: promise.beyond,
                ..Tally::default()
            };
            self.add(place, &tally);
        }
    }
}

/// The standard deviation of clocks, in whole milliseconds. `None` of none.
fn deviation<'a>(offsets: impl ExactSizeIterator<Item = &'a i64> + Clone) -> Option<u64> {
    let count = offsets.len() as f64;
    let mean = offsets.clone().map(|offset| *offset as f64).sum::<f64>() / count;
    let squares = offsets.map(|offset| (*offset as f64 - mean).powi(2));
    (count > 0.0).then(|| (squares.sum::<f64>() / count).sqrt().round() as u64)
}
