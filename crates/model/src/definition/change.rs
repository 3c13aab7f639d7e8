//! Changes of a definition: how two differ, and how one becomes the next.

use super::check::Faults;
use super::{Definition, DefinitionFault, Field, Granularity, Kind, RecordType, Team, User};
use crate::id::TypeId;
use crate::value::{Decimal, Value};
use serde::{Deserialize, Serialize};

/// One step of a published change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefinitionChange {
    /// Name, policy and granularity of the organization.
    Organization {
        /// New name.
        name: String,
        /// New policy id.
        policy: String,
        /// New granularity.
        granularity: Granularity,
    },
    /// A type as it shall be, fields apart: they keep what they were.
    Type(RecordType),
    /// A field as it shall be.
    Field(TypeId, Field),
    /// A user as they shall be, or `None` to remove them.
    User(String, Option<User>),
    /// A team as it shall be, or `None` to remove it.
    Team(String, Option<Team>),
}

/// Why a change cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Somebody else published meanwhile.
    #[error(
        "the change was made against definition {base}, but {current} is in force; compare again with `cairn org diff`"
    )]
    Stale {
        /// What the change was made against.
        base: u32,
        /// What is in force.
        current: u32,
    },
    /// It would lose what there is, or the result would be wrong.
    #[error("the change has faults: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Faulty(Vec<DefinitionFault>),
}

impl Definition {
    /// The steps that turn this definition into `target`. Ids in `target` are
    /// those of this definition where a thing is the same thing.
    ///
    /// Types and fields that `target` lacks are retired, as those are that a
    /// person leaves out of the text: records and operations still refer to
    /// them. Users and teams that it lacks are removed.
    pub fn changes_to(&self, target: &Definition) -> Vec<DefinitionChange> {
        let mut changes = Vec::new();
        let heading = |d: &Definition| (d.name.clone(), d.policy.clone(), d.granularity);
        if heading(self) != heading(target) {
            let (name, policy, granularity) = heading(target);
            changes.push(DefinitionChange::Organization {
                name,
                policy,
                granularity,
            });
        }
        for (id, record_type) in &target.types {
            let old = self.types.get(id);
            if old.map(RecordType::without_fields) != Some(record_type.without_fields()) {
                changes.push(DefinitionChange::Type(record_type.without_fields()));
            }
            for field in record_type.fields.values() {
                if old.and_then(|old| old.fields.get(&field.id)) != Some(field) {
                    changes.push(DefinitionChange::Field(*id, field.clone()));
                }
            }
            let left_out =
                |field: &&Field| !field.retired && !record_type.fields.contains_key(&field.id);
            for field in old
                .into_iter()
                .flat_map(|old| old.fields.values())
                .filter(left_out)
            {
                let retired = Field {
                    retired: true,
                    ..field.clone()
                };
                changes.push(DefinitionChange::Field(*id, retired));
            }
        }
        let left_out = |old: &&RecordType| !old.retired && !target.types.contains_key(&old.id);
        for old in self.types.values().filter(left_out) {
            let retired = RecordType {
                retired: true,
                ..old.without_fields()
            };
            changes.push(DefinitionChange::Type(retired));
        }
        for (login, user) in &target.users {
            if self.users.get(login) != Some(user) {
                changes.push(DefinitionChange::User(login.clone(), Some(user.clone())));
            }
        }
        for login in self
            .users
            .keys()
            .filter(|login| !target.users.contains_key(*login))
        {
            changes.push(DefinitionChange::User(login.clone(), None));
        }
        for (name, team) in &target.teams {
            if self.teams.get(name) != Some(team) {
                changes.push(DefinitionChange::Team(name.clone(), Some(team.clone())));
            }
        }
        for name in self
            .teams
            .keys()
            .filter(|name| !target.teams.contains_key(*name))
        {
            changes.push(DefinitionChange::Team(name.clone(), None));
        }
        changes
    }

    /// The next definition: this one with `changes`, checked.
    ///
    /// # Errors
    /// Everything at once: kinds that would narrow, ids that would mean
    /// something else, and the faults of the result. This definition is
    /// untouched then.
    pub fn changed(&self, changes: &[DefinitionChange]) -> Result<Definition, PublishError> {
        let mut next = self.clone();
        let mut faults = Faults::default();
        for change in changes {
            next.apply(change, &mut faults);
        }
        next.number += 1;
        faults.0.extend(next.faults());
        if faults.0.is_empty() {
            Ok(next)
        } else {
            Err(PublishError::Faulty(faults.0))
        }
    }

    /// The definition of a number, from the changes that make it from nothing.
    ///
    /// # Errors
    /// As [`Definition::changed`].
    pub fn from_changes(
        number: u32,
        changes: &[DefinitionChange],
    ) -> Result<Definition, PublishError> {
        let Some(before) = number.checked_sub(1) else {
            return Ok(Definition::default());
        };
        Definition {
            number: before,
            ..Definition::default()
        }
        .changed(changes)
    }

    fn apply(&mut self, change: &DefinitionChange, faults: &mut Faults) {
        match change {
            DefinitionChange::Organization {
                name,
                policy,
                granularity,
            } => {
                self.name.clone_from(name);
                self.policy.clone_from(policy);
                self.granularity = *granularity;
            }
            DefinitionChange::Type(record_type) => {
                let old = self.types.remove(&record_type.id);
                let mut next = record_type.clone();
                if let Some(old) = old {
                    reused_keys(&old, record_type, faults);
                    next.fields = old.fields;
                } else {
                    next.fields.clear();
                }
                self.types.insert(next.id, next);
            }
            DefinitionChange::Field(id, field) => self.apply_field(*id, field, faults),
            DefinitionChange::User(login, Some(user)) => {
                self.users.insert(login.clone(), user.clone());
            }
            DefinitionChange::User(login, None) => {
                self.users.remove(login);
            }
            DefinitionChange::Team(name, Some(team)) => {
                self.teams.insert(name.clone(), team.clone());
            }
            DefinitionChange::Team(name, None) => {
                self.teams.remove(name);
            }
        }
    }

    fn apply_field(&mut self, id: TypeId, field: &Field, faults: &mut Faults) {
        let Some(record_type) = self.types.get_mut(&id) else {
            faults.add(
                &field.name,
                format!("it is a field of record type {id}, which does not exist"),
                "add the record type before its fields",
            );
            return;
        };
        if let Some(old) = record_type.fields.get(&field.id)
            && !old.kind.widens_to(&field.kind)
        {
            let (from, to) = (old.kind.full_name(), field.kind.full_name());
            faults.add(
                &format!("{}.{}", record_type.name, old.name),
                format!("it cannot become {to}: it is {from}, and only widening is possible"),
                "retire it and add a new field",
            );
        }
        record_type.fields.insert(field.id, field.clone());
    }
}

/// Notes keys that have the id of another key that was there until now. A key
/// that is renamed, or that gets other fields, is still the same one.
fn reused_keys(old: &RecordType, next: &RecordType, faults: &mut Faults) {
    for key in &next.keys {
        let was = old.keys.iter().find(|was| was.id == key.id);
        if let Some(was) = was.filter(|was| was.name != key.name && was.fields != key.fields) {
            faults.add(
                &next.key_place(&key.name),
                format!("it has the id of key `{}`, which is another one", was.name),
                "give it an id of its own",
            );
        }
    }
}

impl RecordType {
    fn without_fields(&self) -> RecordType {
        RecordType {
            fields: Default::default(),
            ..self.clone()
        }
    }
}

impl Kind {
    /// Whether every value of this kind has a meaning in `wider`. Limits may
    /// change either way: they bind new writes only.
    pub fn widens_to(&self, wider: &Kind) -> bool {
        match (self, wider) {
            (Kind::Set { of }, Kind::Set { of: wider }) => of.widens_to(wider),
            (one, other) if one.name() == other.name() => true,
            (Kind::Integer { .. }, Kind::Decimal { .. } | Kind::Text { .. }) => true,
            (Kind::Decimal { .. } | Kind::Date | Kind::Choice { .. }, Kind::Text { .. }) => true,
            (Kind::Choice { .. }, Kind::MultiChoice { .. }) => true,
            _ => false,
        }
    }

    /// A value of a kind that widens to this one, as a value of this one.
    pub fn widened(&self, value: Value) -> Value {
        match (self, value) {
            (Kind::Decimal { .. }, Value::Integer(number)) => Value::Decimal(Decimal::from(number)),
            (Kind::MultiChoice { .. }, Value::Choice(name)) => Value::MultiChoice([name].into()),
            (
                Kind::Text { .. },
                value @ (Value::Integer(_) | Value::Decimal(_) | Value::Date(_) | Value::Choice(_)),
            ) => Value::Text(value.to_string()),
            (_, value) => value,
        }
    }
}
