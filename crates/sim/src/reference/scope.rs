//! What a user's devices shall hold, said again: every record is asked by every
//! rule, each time. Of filters it knows those of the crew.

use super::rights::{Rights, Whose};
use crate::organization::{SOON, TODAY};
use cairn_model::definition::{
    Combine, Filter, Profile, ProfileType, Relationship, Right, WithoutProfile,
};
use cairn_model::{AuthorId, Definition, FieldId, RecordId, RecordType, Timestamp, TypeId, Value};
use cairn_projection::{FieldState, Record, State};
use std::collections::{BTreeMap, BTreeSet};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// How long what they create stays with users in no profile.
const GRACE: u64 = 7 * DAY;

/// What the relay knows, at a time, as one user may see it.
#[derive(Clone, Copy)]
pub struct Eyes<'a> {
    state: &'a State,
    at: Timestamp,
    login: &'a str,
    rights: Rights<'a>,
}

impl<'a> Eyes<'a> {
    /// Of a user.
    pub fn of(state: &'a State, at: Timestamp, login: &'a str) -> Eyes<'a> {
        Eyes {
            state,
            at,
            login,
            rights: Rights::of(state.definition(), login),
        }
    }

    /// The same at another time.
    pub fn at(self, at: Timestamp) -> Eyes<'a> {
        Eyes { at, ..self }
    }

    fn definition(&self) -> &'a Definition {
        self.state.definition()
    }

    fn type_of(&self, record: &Record) -> Option<&'a RecordType> {
        self.definition().types.get(&record.record_type)
    }

    /// Whether the user may read a record, deleted or not.
    pub fn may_read(&self, record: &Record) -> bool {
        let Some(of) = self.type_of(record) else {
            return false;
        };
        let parties = |field: Option<FieldId>| -> BTreeSet<RecordId> {
            field.map_or_else(BTreeSet::new, |field| {
                links(record, field).into_iter().collect()
            })
        };
        let whose = Whose {
            owner: parties(of.owner).into_iter().next(),
            readers: parties(of.readers),
            writers: parties(of.writers),
        };
        self.rights.may(Right::Read, of.id, &whose).is_ok()
    }

    /// Whether the user may see what a field of a type holds.
    pub fn may_see(&self, of: TypeId, field: FieldId) -> bool {
        self.rights.may_see(of, field)
    }

    fn profiles(&self) -> Vec<&'a Profile> {
        let all = self.definition().profiles.values();
        all.filter(|profile| self.rights.is_among(&profile.members))
            .collect()
    }

    /// The fields of a type that the user's devices do not get.
    pub fn hidden(&self, of: &RecordType) -> BTreeSet<FieldId> {
        let unseen = of
            .fields
            .keys()
            .filter(|field| !self.may_see(of.id, **field));
        let mut hidden: BTreeSet<FieldId> = unseen.copied().collect();
        let profiles = self.profiles();
        let rules = profiles
            .iter()
            .filter_map(|profile| profile.types.get(&of.id));
        let columns: Vec<Option<&BTreeSet<FieldId>>> =
            rules.map(|rule| rule.columns.as_ref()).collect();
        if columns.is_empty() || columns.contains(&None) {
            return hidden;
        }
        let mut wanted: BTreeSet<FieldId> =
            columns.into_iter().flatten().flatten().copied().collect();
        wanted.extend(of.title);
        wanted.extend(of.owner);
        for (id, rule) in profiles.iter().flat_map(|profile| &profile.types) {
            wanted.extend(rule.related.iter().filter_map(|way| match way {
                Relationship::PointedAtBy {
                    record_type, field, ..
                } => (*record_type == of.id).then_some(*field),
                Relationship::PointingAt { field, .. } => (*id == of.id).then_some(*field),
            }));
        }
        let others = of.live_fields().map(|field| field.id);
        hidden.extend(others.filter(|field| !wanted.contains(field)));
        hidden
    }

    fn due(&self, record: &Record) -> Option<u64> {
        let due = self.type_of(record)?.field_named("due")?;
        match record.value(due.id)? {
            Value::Timestamp(due) => Some(due.0),
            _ => None,
        }
    }

    fn meets(&self, filter: &Filter, record: &Record) -> bool {
        let now = self.at.0;
        let midnight = now - now % DAY;
        let due_within = |from: u64, to: u64| {
            let due = self.due(record);
            due.is_some_and(|due| from <= due && due < to)
        };
        let owner = || {
            let owner = self.type_of(record)?.owner?;
            links(record, owner).first().copied()
        };
        match filter {
            Filter::All => true,
            Filter::RelatedOnly => false,
            Filter::Owned(owned) => owner().is_some_and(|owner| {
                let unit = self
                    .rights
                    .user()
                    .and_then(|user| user.business_unit.as_deref());
                owned.mine && owner == Definition::user_record(self.login)
                    || owned.my_teams && self.rights.is_my_team(owner)
                    || owned.my_business_unit
                        && unit.is_some()
                        && unit == self.rights.unit_of(owner)
            }),
            Filter::Where(text) if text == SOON => due_within(now, now + 4 * HOUR),
            Filter::Where(text) if text == TODAY => due_within(midnight, midnight + DAY),
            Filter::Where(_) => false,
        }
    }

    fn may_be_held(&self, record: &Record) -> bool {
        let of = self.type_of(record);
        record.is_alive() && of.is_some_and(|of| of.offline) && self.may_read(record)
    }

    /// What a profile lets in: what its filters do, and then step by step what
    /// is reached from there.
    fn let_in_by(&self, profile: &Profile) -> BTreeSet<RecordId> {
        let rule = |record: &Record| profile.types.get(&record.record_type);
        let records: Vec<(&Record, &ProfileType)> = (self.state.records())
            .filter(|record| self.may_be_held(record))
            .filter_map(|record| Some((record, rule(record)?)))
            .collect();
        let filtered = |(record, rule): &&(&Record, &ProfileType)| self.meets(&rule.filter, record);
        let first = records.iter().filter(filtered);
        let first = first.filter(|(_, rule)| rule.combine == Combine::Or);
        let mut steps: BTreeMap<RecordId, u32> = first.map(|(record, _)| (record.id, 0)).collect();
        for step in 1.. {
            let held: Vec<&Record> = (records.iter())
                .filter(|(record, _)| steps.get(&record.id) == Some(&(step - 1)))
                .map(|(record, _)| *record)
                .collect();
            let reached: Vec<RecordId> = (records.iter())
                .filter(|(record, _)| !steps.contains_key(&record.id))
                .filter(|pair| pair.1.combine == Combine::Or || filtered(pair))
                .filter(|(record, rule)| {
                    let mut ways = rule.related.iter();
                    ways.any(|way| held.iter().any(|held| leads(way, held, record, step)))
                })
                .map(|(record, _)| record.id)
                .collect();
            if reached.is_empty() {
                break;
            }
            steps.extend(reached.into_iter().map(|id| (id, step)));
        }
        steps.into_keys().collect()
    }

    /// What the user follows, and what waits for their decision.
    fn wanted(&self) -> BTreeSet<RecordId> {
        let issues = self.state.issues().iter();
        let mine = issues.filter(|issue| issue.user == self.login && issue.is_open());
        let waiting = mine.flat_map(|issue| issue.records());
        self.state.follows(self.login).chain(waiting).collect()
    }

    fn has_created(&self, record: &Record, grace: u64) -> bool {
        record.origin(record.created).is_some_and(|origin| {
            let by = self.state.device(origin.author);
            origin.author != AuthorId(0)
                && by.is_some_and(|device| device.user == self.login)
                && self.at.0 < origin.received.0 + grace
        })
    }

    /// The records that the user's devices shall hold.
    pub fn scope(&self) -> BTreeSet<RecordId> {
        if self.rights.user().is_none() {
            return BTreeSet::new();
        }
        let profiles = self.profiles();
        let mut scope: BTreeSet<RecordId> = profiles
            .iter()
            .flat_map(|profile| self.let_in_by(profile))
            .collect();
        let everything = self.definition().without_profile == WithoutProfile::Everything;
        let graces = profiles
            .iter()
            .map(|profile| u64::from(profile.grace) * MINUTE);
        let grace = graces.max().unwrap_or(GRACE);
        let wanted = self.wanted();
        let rest = self.state.records().filter(|record| {
            let unfiltered = profiles.is_empty() && everything;
            let kept = || wanted.contains(&record.id) || self.has_created(record, grace);
            (unfiltered || kept()) && self.may_be_held(record)
        });
        scope.extend(rest.map(|record| record.id));
        scope
    }
}

/// The records that a field points at.
fn links(record: &Record, field: FieldId) -> Vec<RecordId> {
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

/// Whether a way leads from a held record to another in so many steps from the
/// first.
fn leads(way: &Relationship, held: &Record, to: &Record, steps: u32) -> bool {
    let (connected, depth) = match way {
        Relationship::PointedAtBy {
            record_type,
            field,
            depth,
        } => {
            let points = held.record_type == *record_type && links(held, *field).contains(&to.id);
            (points, depth)
        }
        Relationship::PointingAt {
            record_type,
            field,
            depth,
        } => {
            let points = held.record_type == *record_type && links(to, *field).contains(&held.id);
            (points, depth)
        }
    };
    connected && depth.is_none_or(|depth| steps <= u32::from(depth))
}
