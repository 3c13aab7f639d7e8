//! Changes of a definition: how two differ, and how one becomes the next.

use super::check::Faults;
use super::{
    BusinessUnit, Definition, DefinitionFault, Field, FieldSecurity, Granularity, Hierarchy, Kind,
    Position, Profile, ProfileType, RecordType, Role, Team, User, WithoutProfile,
};
use crate::id::TypeId;
use crate::value::{Decimal, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One step of a published change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefinitionChange {
    /// What holds for the organization as a whole.
    Organization(Heading),
    /// A type as it shall be, fields apart: they keep what they were.
    Type(RecordType),
    /// A field as it shall be.
    Field(TypeId, Field),
    /// A user as they shall be, or `None` to remove them.
    User(String, Option<User>),
    /// A team as it shall be, or `None` to remove it.
    Team(String, Option<Team>),
    /// A business unit as it shall be, or `None` to remove it.
    BusinessUnit(String, Option<BusinessUnit>),
    /// A position as it shall be, or `None` to remove it.
    Position(String, Option<Position>),
    /// A role as it shall be, or `None` to remove it.
    Role(String, Option<Role>),
    /// Who may see secured fields, as it shall be, or `None` to remove it.
    FieldSecurity(String, Option<FieldSecurity>),
    /// An offline profile as it shall be, types apart: they keep what they
    /// were. `None` removes it.
    Profile(String, Option<Profile>),
    /// A type of an offline profile as it shall be, or `None` to remove it.
    ProfileType(String, TypeId, Option<ProfileType>),
    /// Users that a group has besides those that its own change, earlier in
    /// the same publication, names: one operation could not hold them all.
    Users(Group, BTreeSet<String>),
}

impl DefinitionChange {
    /// The group that the change is of, with the users it names.
    pub(crate) fn users_mut(&mut self) -> Option<(Group, &mut BTreeSet<String>)> {
        let (group, users) = match self {
            DefinitionChange::Team(name, Some(team)) => {
                (Group::Team(name.clone()), &mut team.members)
            }
            DefinitionChange::FieldSecurity(name, Some(security)) => (
                Group::FieldSecurity(name.clone()),
                &mut security.members.users,
            ),
            DefinitionChange::Profile(name, Some(profile)) => {
                (Group::Profile(name.clone()), &mut profile.members.users)
            }
            _ => return None,
        };
        Some((group, users))
    }
}

/// What users are named in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// A team.
    Team(String),
    /// A part of field security.
    FieldSecurity(String),
    /// An offline profile.
    Profile(String),
}

/// Users that one change names at most, so that an operation has room for it.
const USERS_IN_CHANGE_MAX: usize = 500;

/// What holds for the organization as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    /// Its name.
    pub name: String,
    /// Its policy id.
    pub policy: String,
    /// Its granularity.
    pub granularity: Granularity,
    /// Whose records superiors see.
    pub hierarchy: Hierarchy,
    /// How far its days are ahead of UTC, in minutes.
    pub utc_offset: i16,
    /// What users in no offline profile hold.
    pub without_profile: WithoutProfile,
}

/// The steps that make `target` of `old`: what is new or other, then what is
/// not there any more.
fn steps<K: Clone + Ord, T: Clone + PartialEq>(
    old: &BTreeMap<K, T>,
    target: &BTreeMap<K, T>,
    step: impl Fn(K, Option<T>) -> DefinitionChange,
) -> Vec<DefinitionChange> {
    let changed = target
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(name, value)| step(name.clone(), Some(value.clone())));
    let removed = old
        .keys()
        .filter(|name| !target.contains_key(*name))
        .map(|name| step(name.clone(), None));
    changed.chain(removed).collect()
}

/// A change, with the users that it has no room for in changes of their own.
fn in_parts(mut change: DefinitionChange) -> Vec<DefinitionChange> {
    let Some((group, users)) = change.users_mut() else {
        return vec![change];
    };
    let all: Vec<String> = std::mem::take(users).into_iter().collect();
    let mut parts = all.chunks(USERS_IN_CHANGE_MAX);
    users.extend(parts.next().unwrap_or_default().iter().cloned());
    let more = parts
        .map(|part| DefinitionChange::Users(group.clone(), part.iter().cloned().collect()))
        .collect::<Vec<_>>();
    std::iter::once(change).chain(more).collect()
}

/// Puts a value under its name, or takes it away.
fn put<K: Clone + Ord, T: Clone>(all: &mut BTreeMap<K, T>, name: &K, value: &Option<T>) {
    match value {
        Some(value) => {
            all.insert(name.clone(), value.clone());
        }
        None => {
            all.remove(name);
        }
    }
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
        if self.heading() != target.heading() {
            changes.push(DefinitionChange::Organization(target.heading()));
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
        let (old, new) = (self, target);
        changes.extend(steps(
            &old.business_units,
            &new.business_units,
            DefinitionChange::BusinessUnit,
        ));
        changes.extend(steps(
            &old.positions,
            &new.positions,
            DefinitionChange::Position,
        ));
        changes.extend(steps(&old.roles, &new.roles, DefinitionChange::Role));
        changes.extend(steps(&old.users, &new.users, DefinitionChange::User));
        changes.extend(steps(&old.teams, &new.teams, DefinitionChange::Team));
        changes.extend(steps(
            &old.field_security,
            &new.field_security,
            DefinitionChange::FieldSecurity,
        ));
        let without_types = |profiles: &BTreeMap<String, Profile>| -> BTreeMap<String, Profile> {
            let profiles = profiles.iter();
            profiles
                .map(|(name, profile)| (name.clone(), profile.without_types()))
                .collect()
        };
        changes.extend(steps(
            &without_types(&old.profiles),
            &without_types(&new.profiles),
            DefinitionChange::Profile,
        ));
        for (name, profile) in &new.profiles {
            let none = BTreeMap::new();
            let types = old.profiles.get(name).map_or(&none, |old| &old.types);
            changes.extend(steps(types, &profile.types, |id, rule| {
                DefinitionChange::ProfileType(name.clone(), id, rule)
            }));
        }
        changes.into_iter().flat_map(in_parts).collect()
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

    /// What holds for the organization as a whole.
    pub fn heading(&self) -> Heading {
        Heading {
            name: self.name.clone(),
            policy: self.policy.clone(),
            granularity: self.granularity,
            hierarchy: self.hierarchy,
            utc_offset: self.utc_offset,
            without_profile: self.without_profile,
        }
    }

    fn apply(&mut self, change: &DefinitionChange, faults: &mut Faults) {
        match change {
            DefinitionChange::Organization(heading) => {
                self.name.clone_from(&heading.name);
                self.policy.clone_from(&heading.policy);
                self.granularity = heading.granularity;
                self.hierarchy = heading.hierarchy;
                self.utc_offset = heading.utc_offset;
                self.without_profile = heading.without_profile;
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
            DefinitionChange::User(login, user) => put(&mut self.users, login, user),
            DefinitionChange::Team(name, team) => put(&mut self.teams, name, team),
            DefinitionChange::BusinessUnit(name, unit) => put(&mut self.business_units, name, unit),
            DefinitionChange::Position(name, position) => put(&mut self.positions, name, position),
            DefinitionChange::Role(name, role) => put(&mut self.roles, name, role),
            DefinitionChange::FieldSecurity(name, security) => {
                put(&mut self.field_security, name, security);
            }
            DefinitionChange::Profile(name, profile) => {
                let old = self.profiles.get_mut(name).map(|old| &mut old.types);
                let types = old.map(std::mem::take).unwrap_or_default();
                let next = profile.clone().map(|next| Profile { types, ..next });
                put(&mut self.profiles, name, &next);
            }
            DefinitionChange::ProfileType(name, id, rule) => match self.profiles.get_mut(name) {
                Some(profile) => put(&mut profile.types, id, rule),
                None => faults.add(
                    &format!("profile {name}"),
                    "a type of it is published, but there is no such profile",
                    "add the profile before its types",
                ),
            },
            DefinitionChange::Users(group, users) => match self.users_of(group) {
                Some(known) => known.extend(users.iter().cloned()),
                None => faults.add(
                    "organization",
                    format!("users are published of {group}, which does not exist"),
                    "add it before its users",
                ),
            },
        }
    }

    /// The users that are named in a group.
    fn users_of(&mut self, group: &Group) -> Option<&mut BTreeSet<String>> {
        match group {
            Group::Team(name) => Some(&mut self.teams.get_mut(name)?.members),
            Group::FieldSecurity(name) => {
                Some(&mut self.field_security.get_mut(name)?.members.users)
            }
            Group::Profile(name) => Some(&mut self.profiles.get_mut(name)?.members.users),
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

impl Profile {
    fn without_types(&self) -> Profile {
        Profile {
            types: BTreeMap::new(),
            ..self.clone()
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Team(name) => write!(f, "team {name}"),
            Group::FieldSecurity(name) => write!(f, "field security {name}"),
            Group::Profile(name) => write!(f, "profile {name}"),
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
