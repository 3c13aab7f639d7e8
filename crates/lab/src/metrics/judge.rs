//! A folded state held against what is known of its ledger.

use super::Tally;
use super::sequence::{distance, tokens};
use crate::door::{Resolution, Resolved, Truth};
use crate::trace::{ConflictSet, Effect, Key, StandingWrite, Trace};
use cairn_model::{FieldId, Kind, RecordId, Value, Version};
use cairn_projection::register::Register;
use cairn_projection::{Code, Conflict, FieldState, Outcome, Record, State};
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
    pub classes: BTreeMap<String, Tally>,
}

/// What became of a standing write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Satisfied,
    Surfaced,
    Silent,
}

type Place = (RecordId, Option<FieldId>);

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
        judged: Judged::default(),
    };
    judge.read_journal();
    judge.read_issues();
    judge.contention();
    let lost = judge.writes();
    judge.operations(&lost);
    judge.conflicts();
    judge.people();
    judge.invariants();
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
    judged: Judged,
}

impl Judge<'_> {
    fn add(&mut self, place: Place, tally: &Tally) {
        self.judged.whole.add(tally);
        if let Some(block) = self.truth.block_of.get(&place.0) {
            self.judged.blocks.entry(*block).or_default().add(tally);
        }
        let class = self.class(place);
        self.judged.classes.entry(class).or_default().add(tally);
    }

    fn class(&self, (record, field): Place) -> String {
        let known = field.and_then(|field| self.truth.class_of.get(&(record, field)));
        if let Some(class) = known {
            return self.truth.classes[*class as usize].clone();
        }
        let types = &self.state.definition().types;
        let held = self.state.record(record);
        let Some(record_type) = held.and_then(|held| types.get(&held.record_type)) else {
            return "unknown".to_owned();
        };
        match field.map(|field| record_type.fields.get(&field)) {
            None => format!("{} itself", record_type.name),
            Some(Some(field)) => format!("{}.{}", record_type.name, field.name),
            Some(None) => format!("{}.unknown", record_type.name),
        }
    }

    fn read_journal(&mut self) {
        for conflict in self.state.journal() {
            let place = (conflict.record, conflict.field);
            let is_open = conflict.outcome == Outcome::Open;
            let mut tally = Tally::default();
            if conflict.outcome == Outcome::Superseded {
                let newest = conflict.sides.iter().map(|side| side.version).max();
                tally.flips = u64::from(newest == Some(conflict.shown));
                let losing = conflict
                    .sides
                    .iter()
                    .filter(|s| s.version != conflict.shown);
                self.lost_once
                    .extend(losing.map(|side| (place, side.version)));
            } else {
                tally.questions = 1;
                tally.waits.push(self.wait(conflict));
                let sides = conflict.sides.iter().map(|side| side.version);
                self.asked.entry(place).or_default().extend(sides.clone());
                if is_open {
                    tally.open = 1;
                    tally.siblings = conflict.sides.len() as u64;
                    self.open.extend(sides.map(|version| (place, version)));
                }
            }
            self.add(place, &tally);
        }
    }

    /// For how long a conflict was open, and whether it was closed then.
    fn wait(&self, conflict: &Conflict) -> (u64, bool) {
        let since = conflict.sides.get(1).map(|side| side.received);
        let until = match conflict.outcome {
            Outcome::Resolved { by } | Outcome::Overwritten { by } => self.trace.received(by),
            Outcome::Open | Outcome::Superseded => None,
        };
        let end = until.unwrap_or(self.state.received());
        (end.since(since.unwrap_or(end)), until.is_some())
    }

    fn read_issues(&mut self) {
        for issue in self.state.issues() {
            if issue.code != Code::Superseded {
                self.judged.whole.refused += 1 + issue.dependents.len() as u64;
                self.refused.extend(issue.records());
                continue;
            }
            let question = Tally {
                questions: 1,
                ..Tally::default()
            };
            if let Some(record) = issue.record {
                self.add((record, issue.field), &question);
            }
            for record in issue.records() {
                self.told.entry(record).or_default().insert(issue.version);
            }
        }
    }

    fn contention(&mut self) {
        for (key, [writes, contested, disputed]) in self.trace.contention() {
            let tally = Tally {
                writes,
                contested,
                disputed,
                ..Tally::default()
            };
            self.add((key.record, key.field), &tally);
        }
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
    }

    /// Judges every standing write. Gives how many each operation lost.
    fn writes(&mut self) -> BTreeMap<Version, u32> {
        let mut lost: BTreeMap<Version, u32> = BTreeMap::new();
        let mut best = Best::default();
        for (key, standing) in self.trace.standing() {
            if best.record != Some(key.record) {
                self.add_best(&mut best);
                best = Best::of(key.record);
            }
            best.take(standing);
            let place = (key.record, key.field);
            let mut tally = Tally::default();
            for write in standing {
                let fate = self.fate(&key, write);
                self.count(&mut tally, &key, write, fate);
                if fate != Fate::Satisfied {
                    *lost.entry(write.version).or_default() += 1;
                    self.judged.whole.authors.entry(write.author).or_default().1 += 1;
                }
            }
            self.add(place, &tally);
        }
        self.add_best(&mut best);
        lost
    }

    fn count(&self, tally: &mut Tally, key: &Key, write: &StandingWrite, fate: Fate) {
        let at = ((key.record, key.field), write.version);
        let is_lost = fate != Fate::Satisfied;
        tally.standing += 1;
        tally.satisfied += u64::from(!is_lost);
        tally.lost_surfaced += u64::from(fate == Fate::Surfaced);
        tally.lost_silently += u64::from(fate == Fate::Silent);
        tally.contested_lost_silently += u64::from(fate == Fate::Silent && write.contested);
        tally.bytes_lost += u64::from(is_lost) * u64::from(write.bytes);
        let vanished = is_lost && !self.open.contains(&at) || self.lost_once.contains(&at);
        tally.surprises += u64::from(vanished);
        let device = &self.trace.authors()[write.author as usize].device;
        let is_value = matches!(write.effect, Effect::Shows(_)) && write.contested;
        if let Some(offset) = self.truth.offsets.get(device).filter(|_| is_value) {
            let clock = tally.clocks.entry(*offset).or_default();
            *clock = (clock.0 + 1, clock.1 + u64::from(!is_lost));
        }
        let deletes = matches!(write.effect, Effect::Lives(false) | Effect::Lacks);
        tally.resurrected += u64::from(is_lost && deletes);
    }

    fn fate(&self, key: &Key, write: &StandingWrite) -> Fate {
        let place = (key.record, key.field);
        let is_asked = |asked: &BTreeSet<Version>| asked.contains(&write.version);
        if self.holds(key, write) {
            Fate::Satisfied
        } else if self.asked.get(&place).is_some_and(is_asked)
            || self.state.issue_of(write.version).is_some()
        {
            Fate::Surfaced
        } else {
            Fate::Silent
        }
    }

    fn holds(&self, key: &Key, write: &StandingWrite) -> bool {
        let record = self.state.record(key.record);
        let alive = record.filter(|record| record.is_alive());
        let field = key.field.and_then(|id| Some((id, alive?.field(id)?)));
        match (&write.effect, field) {
            (Effect::Lives(lives), _) => alive.is_some() == *lives,
            (Effect::Lacks, None) => true,
            (Effect::Merges, _) => {
                alive.is_some() && self.state.verdict(write.version).rejected.is_none()
            }
            (Effect::Shows(value), Some((id, FieldState::Register(register)))) => {
                let kind = self.kind(alive, id);
                let widened = |value: &Value| match kind {
                    Some(kind) => kind.widened(value.clone()),
                    None => value.clone(),
                };
                register.value() == value.as_ref().map(widened).as_ref()
            }
            (Effect::Shows(value), None) => alive.is_some() && value.is_none(),
            (Effect::Contains | Effect::Lacks, Some((_, FieldState::Set(set)))) => {
                let has = key
                    .element
                    .as_ref()
                    .is_some_and(|e| set.additions.contains_key(e));
                has == (write.effect == Effect::Contains)
            }
            _ => false,
        }
    }

    fn kind(&self, record: Option<&Record>, field: FieldId) -> Option<&Kind> {
        let record_type = self.state.definition().types.get(&record?.record_type)?;
        Some(&record_type.fields.get(&field)?.kind)
    }

    fn add_best(&mut self, best: &mut Best) {
        let Some(record) = best.record.take() else {
            return;
        };
        let tally = Tally {
            satisfiable: best.alive.max(best.dead),
            ..Tally::default()
        };
        self.judged.whole.add(&tally);
        if let Some(block) = self.truth.block_of.get(&record) {
            self.judged.blocks.entry(*block).or_default().add(&tally);
        }
    }

    fn operations(&mut self, lost: &BTreeMap<Version, u32>) {
        for (version, writes) in self.trace.transactions() {
            let lost = lost.get(&version).copied().unwrap_or(0);
            self.judged.whole.transactions += 1;
            self.judged.whole.fractured += u64::from(0 < lost && lost < writes);
        }
    }

    /// Judges every set of writes that met.
    fn conflicts(&mut self) {
        self.read_resolutions();
        let standing: BTreeMap<Key, &[StandingWrite]> = self.trace.standing().collect();
        for (key, sets, width) in self.trace.conflicts() {
            let place = (key.record, key.field);
            let stand = standing.get(&key).copied().unwrap_or_default();
            let mut tally = Tally {
                width_max: width as u64,
                ..Tally::default()
            };
            for set in sets {
                self.judge_set(&mut tally, &key, set, stand);
            }
            self.add(place, &tally);
        }
    }

    fn judge_set(&self, tally: &mut Tally, key: &Key, set: &ConflictSet, stand: &[StandingWrite]) {
        let place = (key.record, key.field);
        let within = set.first..=set.last;
        let met: Vec<&StandingWrite> = stand
            .iter()
            .filter(|write| within.contains(&write.version))
            .collect();
        let disagree = met.windows(2).any(|pair| pair[0].effect != pair[1].effect);
        let is_deletion = met.iter().any(|write| write.effect == Effect::Lives(false));
        let harmful = disagree || is_deletion && met.iter().all(|write| write.contested);
        let touches = |versions: Option<&BTreeSet<Version>>| {
            versions.is_some_and(|versions| versions.range(within.clone()).next().is_some())
        };
        let asked = touches(self.asked.get(&place)) || touches(self.told.get(&key.record));
        let displaced = met
            .iter()
            .any(|write| self.fate(key, write) == Fate::Silent);
        let wrong = match self.resolved.get(&place) {
            Some(agrees) => !agrees,
            None => displaced,
        };
        tally.conflict_sets += 1;
        tally.depth += u64::from(set.depth);
        tally.window_ms += set.gathered.since(set.began);
        tally.asked += u64::from(asked);
        tally.harmful += u64::from(harmful);
        tally.asked_rightly += u64::from(asked && harmful);
        tally.wrong += u64::from(!asked && wrong);
    }

    fn read_resolutions(&mut self) {
        for resolution in &self.truth.resolutions {
            let place = (resolution.record, resolution.field);
            let agrees = shown(self.state, resolution) == resolution.value;
            self.resolved.insert(place, agrees);
        }
    }

    /// Compares with what people did.
    fn people(&mut self) {
        for resolution in &self.truth.resolutions {
            let known = match self.asks_for_arrival {
                true => resolution.arrival_known,
                false => resolution.times_known,
            };
            if !known || self.refused.contains(&resolution.record) {
                continue;
            }
            let place = (resolution.record, resolution.field);
            let is_open = self.open.range((place, Version(0))..).next();
            let asked = is_open.is_some_and(|(open, _)| *open == place)
                || resolution.conflict && self.told.contains_key(&resolution.record);
            let found = shown(self.state, resolution);
            let agrees = found == resolution.value;
            let (found, wanted) = (words(&found), words(&resolution.value));
            let (found, wanted) = (tokens(&found), tokens(&wanted));
            let mut tally = Tally {
                edits: distance(&found, &wanted) as u64,
                tokens: found.len().max(wanted.len()) as u64,
                ..Tally::default()
            };
            tally.fields.count(asked, agrees);
            if resolution.conflict && !resolution.sequel {
                tally.conflicts.count(asked, agrees);
            }
            self.add(place, &tally);
        }
    }

    fn invariants(&mut self) {
        let definition = self.state.definition();
        let mut taken = BTreeSet::new();
        let mut parents: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
        let whole = &mut self.judged.whole;
        for record in self.state.records().filter(|record| record.is_alive()) {
            let Some(record_type) = definition.types.get(&record.record_type) else {
                continue;
            };
            for key in &record_type.keys {
                if let Some(values) = record.key_values(&key.fields) {
                    whole.keyed += 1;
                    let is_new = taken.insert((record_type.id, key.id, values));
                    whole.duplicates += u64::from(!is_new);
                }
            }
            for target in record.fields.iter().filter_map(|slot| lookup(&slot.state)) {
                let target_record = self.state.record(target).filter(|t| t.is_alive());
                whole.lookups += 1;
                whole.orphans += u64::from(target_record.is_none());
                if target_record.is_some_and(|t| t.record_type == record.record_type) {
                    parents.entry(record.id).or_default().push(target);
                }
            }
        }
        whole.treed = parents.len() as u64;
        whole.circular = on_circles(&parents);
    }
}

/// What one state could satisfy of a record at most.
#[derive(Default)]
struct Best {
    record: Option<RecordId>,
    alive: u64,
    dead: u64,
}

impl Best {
    fn of(record: RecordId) -> Best {
        Best {
            record: Some(record),
            ..Best::default()
        }
    }

    /// Takes in a key: of its writes, the most that want the same.
    fn take(&mut self, standing: &[StandingWrite]) {
        let want = |effect: &Effect| standing.iter().filter(|w| w.effect == *effect).count() as u64;
        self.dead += want(&Effect::Lives(false)) + want(&Effect::Lacks);
        let living = standing.iter().filter(|w| w.effect != Effect::Lives(false));
        self.alive += living.map(|write| want(&write.effect)).max().unwrap_or(0);
    }
}

/// What the state shows where a person decided.
fn shown(state: &State, resolution: &Resolution) -> Option<Resolved> {
    let record = state.record(resolution.record).filter(|r| r.is_alive());
    let Some(field) = resolution.field else {
        return Some(Resolved::Value(Value::Boolean(record.is_some())));
    };
    match record?.field(field)? {
        FieldState::Register(register) => register.value().cloned().map(Resolved::Value),
        FieldState::Set(set) => {
            let elements: BTreeSet<Value> = set.elements().cloned().collect();
            let wanted = matches!(resolution.value, Some(Resolved::Set(_)));
            (wanted || !elements.is_empty()).then_some(Resolved::Set(elements))
        }
        FieldState::Counter(_) | FieldState::Document(_) => None,
    }
}

fn words(resolved: &Option<Resolved>) -> String {
    match resolved {
        None => String::new(),
        Some(Resolved::Value(value)) => value.to_string(),
        Some(Resolved::Set(elements)) => {
            let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
            elements.join(" ")
        }
    }
}

fn lookup(state: &FieldState) -> Option<RecordId> {
    match state {
        FieldState::Register(register) => target(register),
        _ => None,
    }
}

fn target(register: &Register) -> Option<RecordId> {
    match register.value()? {
        Value::Lookup(target) => Some(*target),
        _ => None,
    }
}

/// Records that come back to themselves. What points at nothing further is
/// taken away until the rest lies on circles or leads from one to another; what
/// nothing points at is then taken away likewise.
fn on_circles(points_at: &BTreeMap<RecordId, Vec<RecordId>>) -> u64 {
    let mut left: BTreeSet<RecordId> = points_at.keys().copied().collect();
    loop {
        let before = left.len();
        let leads_on: BTreeSet<RecordId> = left
            .iter()
            .filter(|record| {
                points_at[*record]
                    .iter()
                    .any(|target| left.contains(target))
            })
            .copied()
            .collect();
        let targets: BTreeSet<RecordId> = leads_on
            .iter()
            .flat_map(|record| &points_at[record])
            .copied()
            .collect();
        left = leads_on.intersection(&targets).copied().collect();
        if left.len() == before {
            return left.len() as u64;
        }
    }
}
