//! Whether an edit may stand. Everything is checked before anything changes,
//! so an operation is applied whole or not at all.

mod key;
mod right;
mod write;

use crate::apply::{Admitted, Documents};
use crate::fold::Incoming;
use crate::issue::Code;
use crate::record::{FieldState, Record};
use crate::records::{Held, Place};
use crate::register::{Register, RegisterWrite};
use crate::rules::TypeRules;
use crate::state::State;
use cairn_model::security::Ownership;
use cairn_model::{
    Change, FieldId, KeyId, Mutation, OnDelete, RecordId, RecordType, TypeId, Value, Version,
    Write, limit,
};
use std::collections::{BTreeMap, BTreeSet};

/// Records one deletion may take along.
pub(crate) const CASCADE_MAX: usize = 10_000;

/// Why an operation is rejected.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) code: Code,
    pub(crate) what: String,
    pub(crate) record: Option<RecordId>,
    pub(crate) field: Option<FieldId>,
    /// Every record the operation names: what later ones may depend on.
    pub(crate) records: Vec<RecordId>,
    /// The rejected operation that this one builds on.
    pub(crate) depends_on: Option<Version>,
}

impl Rejection {
    pub(crate) fn new(code: Code, what: impl Into<String>) -> Rejection {
        Rejection {
            code,
            what: what.into(),
            record: None,
            field: None,
            records: Vec::new(),
            depends_on: None,
        }
    }

    /// The rejection of an edit that makes these changes.
    pub(crate) fn naming(mut self, mutations: &[Mutation]) -> Rejection {
        self.records = mutations.iter().map(|mutation| mutation.record).collect();
        self
    }

    fn of(mut self, record: RecordId) -> Rejection {
        self.record = Some(record);
        self
    }

    fn at(mut self, field: FieldId) -> Rejection {
        self.field = Some(field);
        self
    }
}

/// What earlier mutations of the same operation will have done.
#[derive(Default)]
struct Ahead {
    created: BTreeMap<RecordId, TypeId>,
    deleted: BTreeSet<RecordId>,
    /// Whose created records are, where rights are judged.
    owned: BTreeMap<RecordId, Ownership>,
    keys: BTreeMap<(RecordId, KeyId), Option<Vec<Value>>>,
    lookups: BTreeMap<(RecordId, FieldId), Option<RecordId>>,
    documents: Documents,
}

/// An edit under scrutiny, and what is known around it.
struct Scrutiny<'a> {
    state: &'a State,
    incoming: &'a Incoming<'a>,
    ahead: Ahead,
}

/// A mutation under scrutiny.
struct Subject<'a> {
    mutation: &'a Mutation,
    held: Option<&'a Held>,
    record_type: &'a RecordType,
    rules: &'a TypeRules,
}

impl Subject<'_> {
    fn record(&self) -> Option<&Record> {
        self.held.map(|held| &held.record)
    }

    fn writes(&self) -> &[(FieldId, Write)] {
        self.mutation.change.writes()
    }

    fn label(&self) -> &str {
        &self.record_type.label
    }
}

impl State {
    /// Checks every mutation of an edit.
    pub(crate) fn admit(
        &self,
        mutations: Vec<Mutation>,
        incoming: &Incoming<'_>,
    ) -> Result<Admitted, Rejection> {
        let mut scrutiny = Scrutiny {
            state: self,
            incoming,
            ahead: Ahead::default(),
        };
        match self.admit_all(&mutations, &mut scrutiny) {
            Ok(places) => Ok(Admitted {
                mutations,
                places,
                documents: scrutiny.ahead.documents,
            }),
            Err(rejection) => Err(rejection.naming(&mutations)),
        }
    }

    fn admit_all(
        &self,
        mutations: &[Mutation],
        scrutiny: &mut Scrutiny<'_>,
    ) -> Result<Vec<Option<Place>>, Rejection> {
        if mutations.is_empty() || mutations.len() > limit::MUTATIONS_MAX {
            let (count, most) = (mutations.len(), limit::MUTATIONS_MAX);
            let what = format!("The change touches {count} records; 1 to {most} are possible.");
            return Err(Rejection::new(Code::Limit, what));
        }
        self.admit_author(mutations, scrutiny.incoming)?;
        let admit = |mutation: &Mutation| {
            let place = self.records.place(mutation.record);
            self.admit_dependence(mutation, place, scrutiny.incoming)
                .and_then(|()| scrutiny.admit(mutation, place))
                .map_err(|rejection| rejection.of(mutation.record))?;
            Ok(place)
        };
        mutations.iter().map(admit).collect()
    }

    fn admit_author(
        &self,
        mutations: &[Mutation],
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        let user = &self.devices[incoming.origin.author.0 as usize].user;
        let follows = || mutations.iter().all(is_follow);
        if incoming.may_edit || self.definition().users.contains_key(user) && follows() {
            return Ok(());
        }
        let what = match self.definition().users.contains_key(user) {
            true => format!("{user} may read records but not change them."),
            false => format!("{user} is no longer a user."),
        };
        Err(Rejection::new(Code::PrivilegeDenied, what))
    }

    /// Refuses what builds on a rejected operation its author did not know to
    /// be rejected.
    fn admit_dependence(
        &self,
        mutation: &Mutation,
        place: Option<Place>,
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        let author = incoming.origin.author;
        let Some(first) = self.rejections.get(&(author, mutation.record)) else {
            return Ok(());
        };
        if mutation.base >= *first || is_follow(mutation) && place.is_some() {
            return Ok(());
        }
        let what = format!("It builds on the rejected operation {first} on the same record.");
        Err(Rejection {
            depends_on: Some(*first),
            ..Rejection::new(Code::Dependent, what)
        })
    }
}

impl Scrutiny<'_> {
    fn admit(&mut self, mutation: &Mutation, place: Option<Place>) -> Result<(), Rejection> {
        let state = self.state;
        let (record_type, rules) = state.rules.get(mutation.record_type).ok_or_else(|| {
            let what = format!("There is no record type {}.", mutation.record_type);
            Rejection::new(Code::TypeUnknown, what)
        })?;
        let held = place.map(|place| state.records.at(place));
        let subject = Subject {
            mutation,
            held,
            record_type,
            rules,
        };
        self.admit_base(&subject)?;
        self.admit_size(&subject)?;
        self.admit_existence(&subject)?;
        self.admit_rights(&subject)?;
        for (id, write) in subject.writes() {
            self.admit_write(&subject, *id, write)
                .map_err(|rejection| rejection.at(*id))?;
        }
        match &mutation.change {
            Change::Create(writes) => self.admit_required(&subject, writes)?,
            Change::Delete
            | Change::Resolve {
                keep: Some(false), ..
            } => {
                self.admit_deletion(mutation.record)?;
            }
            _ => {}
        }
        self.admit_keys(&subject)
    }

    /// Nobody has seen what is not in the ledger yet.
    fn admit_base(&self, subject: &Subject<'_>) -> Result<(), Rejection> {
        let base = subject.mutation.base;
        if base < self.incoming.origin.version {
            return Ok(());
        }
        let what = format!("It claims to build on operation {base}, which was not in the ledger.");
        Err(Rejection::new(Code::Malformed, what))
    }

    fn admit_existence(&mut self, subject: &Subject<'_>) -> Result<(), Rejection> {
        let Mutation {
            record: id,
            record_type,
            change,
            ..
        } = subject.mutation;
        let label = subject.label();
        let held_type = subject.record().map(|record| record.record_type);
        let present = held_type.or(self.ahead.created.get(id).copied());
        if present.is_some_and(|present| present != *record_type) {
            let what = format!("The record is not a {label}.");
            return Err(Rejection::new(Code::TypeMismatch, what));
        }
        if let Change::Create(_) = change {
            return self.admit_creation(subject, present.is_some());
        }
        if present.is_none() {
            let what = format!("There is no such {label}.");
            return Err(Rejection::new(Code::RecordMissing, what));
        }
        let deleted_here = self.ahead.deleted.contains(id);
        match (subject.record(), change) {
            (_, Change::Update(_)) if deleted_here => Err(deleted(label)),
            (Some(record), _) => self.admit_life(subject, record),
            _ => Ok(()),
        }
    }

    fn admit_creation(&mut self, subject: &Subject<'_>, exists: bool) -> Result<(), Rejection> {
        let (id, label) = (subject.mutation.record, subject.label());
        if subject.record_type.retired {
            let what = format!("{label} takes no new records.");
            return Err(Rejection::new(Code::TypeUnknown, what));
        }
        if exists && !id.is_derived() {
            let what = format!("This {label} exists already.");
            return Err(Rejection::new(Code::RecordExists, what));
        }
        self.ahead.created.insert(id, subject.record_type.id);
        self.ahead.deleted.remove(&id);
        Ok(())
    }

    fn admit_life(&self, subject: &Subject<'_>, record: &Record) -> Result<(), Rejection> {
        let mutation = subject.mutation;
        match &mutation.change {
            Change::Update(_) if self.knows(mutation, record, false) => {
                Err(deleted(subject.label()))
            }
            Change::Restore if self.knows(mutation, record, true) => {
                let what = format!("This {} is not deleted.", subject.label());
                Err(Rejection::new(Code::RecordAlive, what))
            }
            Change::Resolve { fields, keep } => {
                admit_resolution(record, fields, *keep, mutation.base)
            }
            _ => Ok(()),
        }
    }

    /// Whether the record is alive, or deleted, and the author could see that:
    /// nothing stands that they had not seen, nor anything of theirs that says
    /// otherwise.
    fn knows(&self, mutation: &Mutation, record: &Record, alive: bool) -> bool {
        let is_own = |version: Version| {
            let author = record.origin(version).map(|origin| origin.author);
            author == Some(self.incoming.origin.author)
        };
        let alike = |write: &RegisterWrite| write.value == Some(Value::Boolean(alive));
        record.is_alive() == alive
            && record.life.writes.iter().all(|write| {
                if is_own(write.version) {
                    alike(write)
                } else {
                    write.version <= mutation.base
                }
            })
    }

    /// Required fields are judged by the definition the author worked under.
    fn admit_required(
        &self,
        subject: &Subject<'_>,
        writes: &[(FieldId, Write)],
    ) -> Result<(), Rejection> {
        let lacks = |field: FieldId| {
            let written = writes.iter().rev().find(|(id, _)| *id == field);
            let present = subject
                .record()
                .is_some_and(|record| record.value(field).is_some());
            !present && !matches!(written, Some((_, Write::Set(_))))
        };
        let required = subject.rules.required.iter();
        for field in required.filter_map(|id| subject.record_type.fields.get(id)) {
            let key = (subject.record_type.id, field.id);
            let since = self
                .state
                .required_since
                .get(&key)
                .copied()
                .unwrap_or_default();
            let binds = field.default.is_none() && self.incoming.definition >= since;
            if binds && lacks(field.id) {
                return Err(write::must_not_be_empty(field).at(field.id));
            }
        }
        Ok(())
    }

    fn admit_deletion(&mut self, record: RecordId) -> Result<(), Rejection> {
        let victims = self.cascade(record)?;
        for victim in &victims {
            for (by, on_delete) in self.referrers(*victim) {
                let stays = !victims.contains(&by) && !self.ahead.deleted.contains(&by);
                if on_delete == OnDelete::Restrict && stays {
                    let what = match self.may_tell_of(by) {
                        true => format!("{} points at it.", self.title(by)),
                        false => {
                            format!("A record that {} may not read points at it.", self.user())
                        }
                    };
                    return Err(Rejection::new(Code::RecordReferenced, what));
                }
            }
        }
        self.ahead.deleted.extend(victims);
        Ok(())
    }

    /// The records a deletion takes along, itself included.
    fn cascade(&self, record: RecordId) -> Result<BTreeSet<RecordId>, Rejection> {
        let mut victims = BTreeSet::from([record]);
        let mut frontier = vec![record];
        while let Some(victim) = frontier.pop() {
            for (by, on_delete) in self.referrers(victim) {
                if on_delete == OnDelete::Cascade && victims.insert(by) {
                    frontier.push(by);
                }
            }
            if victims.len() > CASCADE_MAX {
                let what = format!(
                    "Deleting it would delete more than {CASCADE_MAX} records that point at it."
                );
                return Err(Rejection::new(Code::Limit, what));
            }
        }
        Ok(victims)
    }

    /// Who will still point at a record by then.
    fn referrers(&self, target: RecordId) -> impl Iterator<Item = (RecordId, OnDelete)> {
        let points = move |by: RecordId, field: FieldId| match self.ahead.lookups.get(&(by, field))
        {
            Some(ahead) => *ahead == Some(target),
            None => true,
        };
        self.state
            .referrers_of(target, &self.state.rules)
            .filter(move |(by, field, _)| points(*by, *field))
            .map(|(by, _, on_delete)| (by, on_delete))
    }

    fn title(&self, id: RecordId) -> String {
        let title = self.state.record(id).and_then(|record| {
            let (record_type, _) = self.state.rules.get(record.record_type)?;
            Some(format!(
                "{} {}",
                record_type.label,
                record.title(record_type)
            ))
        });
        title.unwrap_or_else(|| id.to_string())
    }
}

fn is_follow(mutation: &Mutation) -> bool {
    matches!(mutation.change, Change::Follow | Change::Unfollow)
}

fn deleted(label: &str) -> Rejection {
    Rejection::new(Code::RecordDeleted, format!("This {label} was deleted."))
}

/// A resolution needs something that was, or still is, in conflict: an open
/// conflict, or a write its author had not seen.
fn admit_resolution(
    record: &Record,
    fields: &[(FieldId, Write)],
    keep: Option<bool>,
    base: Version,
) -> Result<(), Rejection> {
    let contested = |register: &Register| register.open.is_some() || register.newest() > base;
    let fields_contested = fields.iter().all(|(id, _)| match record.field(*id) {
        Some(FieldState::Register(register)) => contested(register),
        _ => false,
    });
    let life_contested = keep.is_none() || contested(&record.life);
    if fields_contested && life_contested && (keep.is_some() || !fields.is_empty()) {
        return Ok(());
    }
    Err(Rejection::new(
        Code::NothingToResolve,
        "There is no open conflict on what was resolved.",
    ))
}
