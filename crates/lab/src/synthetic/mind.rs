//! What people make of what a policy shows them.
//!
//! A person minds what became of their own writes of registers, of the records
//! they deleted, of the questions that they are a side of, and of the issues
//! that are raised to them. They look at their device when it has synced, and
//! answer a while later, if it is still called for then.

use super::agents::{Agents, Temper};
use super::folded::{Folded, Key};
use super::laws::Law;
use super::world::Altered;
use crate::stats::Stream;
use cairn_model::{
    Change, DeviceId, FieldId, RecordId, SettleOutcome, TypeId, Value, Version, Write,
};
use cairn_oplog::bundle::decode_operation;
use cairn_projection::register::Register;
use cairn_projection::{Code, FieldState, Issue, Record};
use std::collections::{BTreeMap, BTreeSet};

/// How often one person comes back to one field at most.
const TRIES_MAX: u32 = 3;

/// What a person wants a field to show.
struct Hope {
    record_type: TypeId,
    version: Version,
    value: Option<Value>,
    /// What they have already made up their mind about.
    considered: Option<Version>,
}

/// What a person is about to do.
struct Planned {
    due: u64,
    answer: Answer,
}

/// What a person does about what they saw.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) altered: Vec<Altered>,
    pub(super) settles: Option<(Version, SettleOutcome)>,
}

impl Answer {
    fn of(record: RecordId, record_type: TypeId, change: Change) -> Answer {
        Answer {
            altered: vec![(record, record_type, change)],
            settles: None,
        }
    }
}

/// What became of a write.
enum Fate {
    Fine,
    /// Another shows; which.
    Displaced(Version),
    /// The record is gone.
    Gone(Version),
    /// It waits for a person, with the newest of the candidates.
    Asked(Version),
}

/// A person's mind in closed loop.
pub(super) struct Mind {
    temper: Temper,
    corrects: f64,
    answers: f64,
    delay: Law,
    stream: Stream,
    hopes: BTreeMap<Key, Hope>,
    tries: BTreeMap<Key, u32>,
    plans: BTreeMap<Key, Planned>,
    /// Issues by number.
    settling: BTreeMap<u64, Planned>,
    read: BTreeSet<u64>,
}

impl Mind {
    pub(super) fn new(agents: &Agents, seed: u64, number: usize) -> Mind {
        let mut stream = Stream::new(seed, &format!("mind {number}"));
        Mind {
            temper: agents.drawn(&mut stream),
            corrects: agents.corrects,
            answers: agents.answers,
            delay: Law::Exponential { mean: agents.delay },
            stream,
            hopes: BTreeMap::new(),
            tries: BTreeMap::new(),
            plans: BTreeMap::new(),
            settling: BTreeMap::new(),
            read: BTreeSet::new(),
        }
    }

    /// Whether this person ever looks at what is shown.
    pub(super) fn looks(&self) -> bool {
        self.temper != Temper::Oblivious
    }

    /// Whether something is still to be done.
    pub(super) fn plans(&self) -> bool {
        !self.plans.is_empty() || !self.settling.is_empty()
    }

    /// Takes note of what the person wrote.
    pub(super) fn hope(
        &mut self,
        version: Version,
        record: RecordId,
        record_type: TypeId,
        change: &Change,
    ) {
        let mut hope = |field, value| {
            let hope = Hope {
                record_type,
                version,
                value,
                considered: None,
            };
            self.hopes.insert((record, field), hope);
        };
        for (field, write) in change.writes() {
            match write {
                Write::Set(value) => hope(Some(*field), Some(value.clone())),
                Write::Clear => hope(Some(*field), None),
                Write::Add(_) | Write::Change { .. } | Write::Merge(_) => {}
            }
        }
        match change {
            Change::Delete => hope(None, Some(Value::Boolean(false))),
            Change::Restore => hope(None, Some(Value::Boolean(true))),
            _ => {}
        }
    }

    /// Looks at what changed since `before`. Gives when there is something to
    /// be done about it.
    pub(super) fn reflect(
        &mut self,
        folded: &Folded,
        device: &DeviceId,
        person: usize,
        before: Version,
        now: u64,
    ) -> Vec<u64> {
        let mut due = Vec::new();
        for record in folded.state().changed_since(before) {
            let life = (record.id, None);
            let restores =
                |plan: &Planned| matches!(plan.answer.altered[..], [(_, _, Change::Restore)]);
            if record.is_alive() && self.plans.get(&life).is_some_and(restores) {
                self.plans.remove(&life);
            }
            let own = (record.id, None)..=(record.id, Some(FieldId(u16::MAX)));
            let keys: Vec<Key> = self.hopes.range(own).map(|(key, _)| *key).collect();
            for key in keys {
                due.extend(self.consider(folded, record, key, person, now));
            }
        }
        let author = folded.state().author(device);
        let changed = folded.state().issues_changed_since(before);
        for issue in changed.filter(|issue| issue.author == author) {
            due.extend(self.read(folded, issue, person, now));
        }
        due
    }

    fn consider(
        &mut self,
        folded: &Folded,
        record: &Record,
        key: Key,
        person: usize,
        now: u64,
    ) -> Option<u64> {
        let hope = self.hopes.get_mut(&key)?;
        let fate = fate(record, key, hope);
        let mark = match fate {
            Fate::Fine => None,
            Fate::Displaced(by) | Fate::Gone(by) | Fate::Asked(by) => Some(by),
        };
        if mark.is_some() && hope.considered == mark {
            return None;
        }
        hope.considered = mark;
        self.plans.remove(&key);
        // What an issue tells of is answered there.
        let told = folded.state().issue_of(hope.version);
        if told.is_some_and(Issue::is_open) {
            return None;
        }
        let at = match fate {
            Fate::Gone(_) => (key.0, None),
            _ => key,
        };
        let change = self.decide(folded, record, &fate, key, person)?;
        let tries = self.tries.entry(at).or_default();
        if *tries >= TRIES_MAX {
            return None;
        }
        *tries += 1;
        let answer = Answer::of(record.id, record.record_type, change);
        let due = now + self.delay.draw(&mut self.stream);
        self.plans.insert(at, Planned { due, answer });
        Some(due)
    }

    fn decide(
        &mut self,
        folded: &Folded,
        record: &Record,
        fate: &Fate,
        key: Key,
        person: usize,
    ) -> Option<Change> {
        let hope = self.hopes.get(&key)?;
        let deliberate = match fate {
            Fate::Fine => return None,
            Fate::Asked(_) => return self.answer(record, key),
            Fate::Displaced(_) => folded.is_deliberate(key, hope.version, person),
            Fate::Gone(_) => folded.is_deliberate((key.0, None), hope.version, person),
        };
        let value = hope.value.clone();
        let insists = match self.temper {
            Temper::Oblivious | Temper::Deferrer => false,
            Temper::Fighter => true,
            _ => !deliberate && self.stream.share() < self.corrects,
        };
        if !insists {
            return None;
        }
        Some(match (key.1, fate) {
            (Some(_), Fate::Gone(_)) => Change::Restore,
            (Some(field), _) => Change::Update(vec![(field, write(value))]),
            (None, _) => match value {
                Some(Value::Boolean(false)) => Change::Delete,
                _ => Change::Restore,
            },
        })
    }

    /// The answer to a question that the person is a side of.
    fn answer(&mut self, record: &Record, key: Key) -> Option<Change> {
        let own = self.hopes.get(&key)?.value.clone();
        let shown = register(record, key.1)?.value().cloned();
        let value = match self.temper {
            Temper::Oblivious | Temper::Inattentive => return None,
            Temper::Deferrer => shown,
            Temper::Corrector | Temper::Fighter => own,
        };
        if self.temper != Temper::Fighter && self.stream.share() >= self.answers {
            return None;
        }
        let keep = value == Some(Value::Boolean(true));
        Some(match key.1 {
            Some(field) => Change::Resolve {
                fields: vec![(field, write(value))],
                keep: None,
            },
            None => Change::Resolve {
                fields: Vec::new(),
                keep: Some(keep),
            },
        })
    }

    /// Reads an issue of the person's own.
    fn read(&mut self, folded: &Folded, issue: &Issue, person: usize, now: u64) -> Option<u64> {
        if !issue.is_open() {
            self.settling.remove(&issue.number);
            return None;
        }
        if !self.read.insert(issue.number) {
            return None;
        }
        let insists = match self.temper {
            Temper::Oblivious | Temper::Inattentive => return None,
            Temper::Deferrer => false,
            Temper::Fighter => true,
            Temper::Corrector => self.stream.share() < self.corrects,
        };
        if self.temper != Temper::Fighter && self.stream.share() >= self.answers {
            return None;
        }
        let altered = match issue.code {
            _ if !insists => Vec::new(),
            Code::Superseded => self.again(folded, issue),
            Code::KeyTaken => renamed(issue, person),
            _ => Vec::new(),
        };
        let outcome = match altered.is_empty() {
            true => SettleOutcome::Discarded,
            false => SettleOutcome::Resubmitted,
        };
        let answer = Answer {
            altered,
            settles: Some((issue.version, outcome)),
        };
        let due = now + self.delay.draw(&mut self.stream);
        self.settling.insert(issue.number, Planned { due, answer });
        Some(due)
    }

    /// What a set aside operation wrote and does not show, once more.
    fn again(&mut self, folded: &Folded, issue: &Issue) -> Vec<Altered> {
        let mut altered: BTreeMap<RecordId, (TypeId, Change)> = BTreeMap::new();
        for record in issue.records() {
            let Some(record) = folded.state().record(record) else {
                continue;
            };
            let own = (record.id, None)..=(record.id, Some(FieldId(u16::MAX)));
            for (key, hope) in self.hopes.range(own) {
                let tries = self.tries.entry(*key).or_default();
                if hope.version != issue.version || *tries >= TRIES_MAX {
                    continue;
                }
                let own = || (hope.record_type, Change::Update(Vec::new()));
                match (fate(record, *key, hope), key.1) {
                    (Fate::Displaced(_), Some(field)) => {
                        let (_, change) = altered.entry(record.id).or_insert_with(own);
                        if let Change::Update(writes) = change {
                            writes.push((field, write(hope.value.clone())));
                        }
                    }
                    (Fate::Displaced(_), None) => {
                        altered.insert(record.id, (hope.record_type, Change::Delete));
                    }
                    (Fate::Gone(_), _) => {
                        altered.insert(record.id, (hope.record_type, Change::Restore));
                    }
                    (Fate::Fine | Fate::Asked(_), _) => continue,
                }
                *tries += 1;
            }
        }
        let of = |(record, (record_type, change))| (record, record_type, change);
        altered.into_iter().map(of).collect()
    }

    /// What is to be done by now.
    pub(super) fn due(&mut self, now: u64) -> Vec<Answer> {
        let mut due = Vec::new();
        let keys: Vec<Key> = self
            .plans
            .iter()
            .filter(|(_, p)| p.due <= now)
            .map(|(k, _)| *k)
            .collect();
        due.extend(keys.iter().filter_map(|key| self.plans.remove(key)));
        let numbers: Vec<u64> = self
            .settling
            .iter()
            .filter(|(_, p)| p.due <= now)
            .map(|(n, _)| *n)
            .collect();
        due.extend(
            numbers
                .iter()
                .filter_map(|number| self.settling.remove(number)),
        );
        due.into_iter().map(|planned| planned.answer).collect()
    }
}

fn write(value: Option<Value>) -> Write {
    value.map_or(Write::Clear, Write::Set)
}

fn register(record: &Record, field: Option<FieldId>) -> Option<&Register> {
    match field {
        None => Some(&record.life),
        Some(field) => match record.field(field)? {
            FieldState::Register(register) => Some(register),
            _ => None,
        },
    }
}

fn fate(record: &Record, key: Key, hope: &Hope) -> Fate {
    if key.1.is_some() && !record.is_alive() {
        return Fate::Gone(record.life.newest());
    }
    let Some(register) = register(record, key.1) else {
        return Fate::Fine;
    };
    let is_own = |version: Version| version == hope.version;
    let is_side = register.writes.iter().any(|write| is_own(write.version));
    if register.open.is_some() && is_side {
        return Fate::Asked(register.newest());
    }
    match register.shown() {
        Some(shown) if shown.value != hope.value => Fate::Displaced(shown.version),
        _ => Fate::Fine,
    }
}

/// What was refused because its key was taken, under another key.
fn renamed(issue: &Issue, person: usize) -> Vec<Altered> {
    let Ok(operation) = decode_operation(&issue.payload) else {
        return Vec::new();
    };
    let mutations = operation.mutations().iter().cloned();
    let altered = mutations.map(|mutation| {
        let mut change = mutation.change;
        if let Change::Create(writes) = &mut change {
            for (field, write) in writes {
                if let (true, Write::Set(Value::Text(key))) = (issue.field == Some(*field), write) {
                    key.push_str(&format!("/{person}"));
                }
            }
        }
        (mutation.record, mutation.record_type, change)
    });
    altered.collect()
}
