//! Who may do what: the definition's rights, compiled once for many questions.
//!
//! Users with the same roles in the same units share one table of rights, so
//! that [`Security::of`] costs as much as the users, not users × types, and a
//! question costs a few look-ups.

mod denial;
mod grant;
mod hierarchy;
#[cfg(test)]
mod tests;
mod unit;

pub use denial::Denial;

use crate::definition::{Access, Definition, Members, Right};
use crate::id::{FieldId, RecordId, TypeId};
use grant::{Bundle, Granted};
use hierarchy::Chain;
use std::collections::{BTreeMap, BTreeSet};
use unit::{Unit, Units};

/// The rights in force.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Whether roles decide; while there is none, access alone does.
    judged: bool,
    /// By login.
    people: Vec<Person>,
    /// By name.
    teams: Vec<Group>,
    principals: BTreeMap<RecordId, Principal>,
    units: Units,
    chain: Chain,
    bundles: Vec<Bundle>,
    types: BTreeMap<TypeId, Subject>,
    field_security: Vec<Audience>,
}

/// A user, found by login once for many questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who(u32);

/// Whose a record is, and whom it is shared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ownership {
    /// The record of the user or team that it belongs to.
    pub owner: Option<RecordId>,
    /// Users' and teams' records that may read it.
    pub readers: BTreeSet<RecordId>,
    /// … and that may read and write it.
    pub writers: BTreeSet<RecordId>,
}

/// Which records of a type a right reaches: a record that any of these names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Every record.
    pub everything: bool,
    /// Records owned by these: the user, the user's teams, people below.
    pub owners: BTreeSet<RecordId>,
    /// Records owned by users and teams of these business units.
    pub units: BTreeSet<String>,
    /// Records shared with the user or one of the user's teams: for reading
    /// the readers' and the writers', for writing the writers'.
    pub shared: bool,
}

impl Reach {
    /// Whether no record is reached.
    pub fn is_nothing(&self) -> bool {
        *self == Reach::default()
    }
}

#[derive(Debug, Clone)]
struct Person {
    login: String,
    record: RecordId,
    access: Access,
    unit: Option<Unit>,
    teams: Vec<u32>,
    bundle: u32,
}

#[derive(Debug, Clone)]
struct Group {
    name: String,
    record: RecordId,
    unit: Option<Unit>,
}

/// Whose a record can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Principal {
    User(u32),
    Team(u32),
}

/// A record type as rights see it.
#[derive(Debug, Clone)]
struct Subject {
    label: String,
    owned: bool,
    has_readers: bool,
    has_writers: bool,
    secured: BTreeSet<FieldId>,
}

#[derive(Debug, Clone)]
struct Audience {
    members: Members,
    read: BTreeSet<(TypeId, FieldId)>,
    update: BTreeSet<(TypeId, FieldId)>,
}

impl Security {
    /// The rights that a definition gives.
    pub fn of(definition: &Definition) -> Security {
        let units = Units::of(&definition.business_units);
        let mut security = Security {
            judged: !definition.roles.is_empty(),
            types: subjects(definition),
            field_security: audiences(definition),
            ..Security::default()
        };
        let mut teams_of: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (index, (name, team)) in (0..).zip(&definition.teams) {
            for login in &team.members {
                teams_of.entry(login).or_default().push(index);
            }
            let group = Group {
                name: name.clone(),
                record: Definition::team_record(name),
                unit: units.named(team.business_unit.as_deref()),
            };
            let principal = Principal::Team(index);
            security.principals.insert(group.record, principal);
            security.teams.push(group);
        }
        let mut bundles = grant::Bundles::of(definition, &units);
        for (index, (login, user)) in (0..).zip(&definition.users) {
            let teams = teams_of.remove(login.as_str()).unwrap_or_default();
            let unit = units.named(user.business_unit.as_deref());
            let own = user.roles.iter().map(|role| (role, unit));
            let given = teams.iter().flat_map(|team| {
                let group = &security.teams[*team as usize];
                let roles = definition.teams[&group.name].roles.iter();
                roles.map(|role| (role, group.unit))
            });
            let person = Person {
                login: login.clone(),
                record: Definition::user_record(login),
                access: user.access,
                unit,
                bundle: bundles.shared(own.chain(given)),
                teams,
            };
            let principal = Principal::User(index);
            security.principals.insert(person.record, principal);
            security.people.push(person);
        }
        security.bundles = bundles.whole();
        security.chain = Chain::of(definition);
        security.units = units;
        security
    }

    /// The user of a login.
    pub fn who(&self, login: &str) -> Option<Who> {
        let found = self
            .people
            .binary_search_by(|person| person.login.as_str().cmp(login));
        found.ok().map(|index| Who(index as u32))
    }

    /// Whether roles decide; while there is none, access alone does.
    pub fn has_roles(&self) -> bool {
        self.judged
    }

    /// Whether a field of any type is secured.
    pub fn has_secured_fields(&self) -> bool {
        self.types
            .values()
            .any(|subject| !subject.secured.is_empty())
    }

    /// Which records of a type a user may do something with.
    pub fn reach(&self, login: &str, record_type: TypeId, right: Right) -> Reach {
        let Some((who, person)) = self.person(login) else {
            return Reach::default();
        };
        let everything = Reach {
            everything: true,
            ..Reach::default()
        };
        let subject = self.types.get(&record_type);
        match (self.granted(person, record_type, right), subject) {
            (Ok(None), _) => everything,
            (Ok(Some(granted)), _) if granted.everything() => everything,
            (Ok(Some(granted)), Some(subject)) if granted.any() => {
                self.reach_within(who, granted, subject, right)
            }
            _ => Reach::default(),
        }
    }

    fn reach_within(&self, who: Who, granted: &Granted, subject: &Subject, right: Right) -> Reach {
        let mut reach = Reach {
            shared: match right {
                Right::Read => subject.has_readers || subject.has_writers,
                Right::Write => subject.has_writers,
                _ => false,
            },
            ..Reach::default()
        };
        if subject.owned {
            let person = &self.people[who.0 as usize];
            reach.owners.extend(self.records_of(person));
            for below in self.chain.below(who.0, right) {
                reach.owners.insert(self.people[below as usize].record);
            }
            let units = granted.units().flat_map(|span| self.units.within(span));
            reach.units.extend(units.map(str::to_owned));
        }
        reach
    }

    /// The business unit that records of an owner belong to.
    pub fn unit_of(&self, owner: RecordId) -> Option<&str> {
        let principal = self.principals.get(&owner)?;
        self.unit(*principal).map(|unit| self.units.name(unit))
    }

    /// The business unit of a user.
    pub fn unit_of_user(&self, login: &str) -> Option<&str> {
        let (_, person) = self.person(login)?;
        person.unit.map(|unit| self.units.name(unit))
    }

    /// The records of a user and of the user's teams: what lookups that mean
    /// the user point at.
    pub fn principals(&self, login: &str) -> BTreeSet<RecordId> {
        let person = self.person(login);
        let records = person
            .into_iter()
            .flat_map(|(_, person)| self.records_of(person));
        records.collect()
    }

    /// Whether a group of users includes one.
    pub fn includes(&self, members: &Members, login: &str) -> bool {
        let Some((_, person)) = self.person(login) else {
            return false;
        };
        self.is_member(members, person)
    }

    fn is_member(&self, members: &Members, person: &Person) -> bool {
        let mut teams = person
            .teams
            .iter()
            .map(|team| &self.teams[*team as usize].name);
        members.users.contains(&person.login)
            || !members.teams.is_empty() && teams.any(|team| members.teams.contains(team))
            || !members.roles.is_empty()
                && !self.bundles[person.bundle as usize]
                    .roles
                    .is_disjoint(&members.roles)
    }

    /// Whether a user may do something with a record of a type.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn may(
        &self,
        login: &str,
        right: Right,
        record_type: TypeId,
        ownership: &Ownership,
    ) -> Result<(), Denial> {
        match self.who(login) {
            Some(who) => self.may_as(who, right, record_type, ownership),
            None => Err(Denial::of_nobody(login, right)),
        }
    }

    /// As [`Security::may`], for a user found before.
    ///
    /// # Errors
    /// As [`Security::may`].
    pub fn may_as(
        &self,
        who: Who,
        right: Right,
        record_type: TypeId,
        ownership: &Ownership,
    ) -> Result<(), Denial> {
        let person = &self.people[who.0 as usize];
        let granted = self.granted(person, record_type, right)?;
        match granted {
            None => Ok(()),
            Some(granted) if self.reaches(who, granted, record_type, right, ownership) => Ok(()),
            Some(granted) => Err(self.denial(person, granted, record_type, right, ownership)),
        }
    }

    fn reaches(
        &self,
        who: Who,
        granted: &Granted,
        record_type: TypeId,
        right: Right,
        ownership: &Ownership,
    ) -> bool {
        if granted.everything() {
            return true;
        }
        let Some(subject) = self.types.get(&record_type).filter(|_| granted.any()) else {
            return false;
        };
        let owner = ownership.owner.filter(|_| subject.owned);
        if let Some(principal) = owner.and_then(|owner| self.principals.get(&owner)) {
            let within = self
                .unit(*principal)
                .is_some_and(|unit| granted.covers(unit));
            if within || self.is_own(who, *principal) || self.is_below(who, *principal, right) {
                return true;
            }
        }
        let shared_with = |records: &BTreeSet<RecordId>| {
            let person = &self.people[who.0 as usize];
            !records.is_empty()
                && self
                    .records_of(person)
                    .any(|record| records.contains(&record))
        };
        match right {
            Right::Read => {
                subject.has_readers && shared_with(&ownership.readers)
                    || subject.has_writers && shared_with(&ownership.writers)
            }
            Right::Write => subject.has_writers && shared_with(&ownership.writers),
            _ => false,
        }
    }

    /// What the user's roles grant; `None` where there are no roles and access
    /// grants everything.
    fn granted(
        &self,
        person: &Person,
        record_type: TypeId,
        right: Right,
    ) -> Result<Option<&Granted>, Denial> {
        if person.access == Access::Read && right != Right::Read {
            return Err(Denial::of_reader(&person.login, right));
        }
        let bundle = &self.bundles[person.bundle as usize];
        Ok(self.judged.then(|| bundle.granted(record_type, right)))
    }

    fn is_own(&self, who: Who, principal: Principal) -> bool {
        match principal {
            Principal::User(user) => user == who.0,
            Principal::Team(team) => self.people[who.0 as usize].teams.contains(&team),
        }
    }

    fn is_below(&self, who: Who, principal: Principal, right: Right) -> bool {
        match principal {
            Principal::User(user) => self.chain.is_below(user, who.0, right),
            Principal::Team(_) => false,
        }
    }

    fn unit(&self, principal: Principal) -> Option<Unit> {
        match principal {
            Principal::User(user) => self.people[user as usize].unit,
            Principal::Team(team) => self.teams[team as usize].unit,
        }
    }

    fn person(&self, login: &str) -> Option<(Who, &Person)> {
        let who = self.who(login)?;
        Some((who, &self.people[who.0 as usize]))
    }

    /// A user's own record and those of the user's teams.
    fn records_of<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = RecordId> + 'a {
        let teams = person
            .teams
            .iter()
            .map(|team| self.teams[*team as usize].record);
        std::iter::once(person.record).chain(teams)
    }

    /// The fields of a type that a user gets no value of.
    pub fn hidden_fields(&self, login: &str, record_type: TypeId) -> BTreeSet<FieldId> {
        let Some(subject) = self.types.get(&record_type) else {
            return BTreeSet::new();
        };
        let person = self.person(login).map(|(_, person)| person);
        let hidden = |field: &&FieldId| {
            let key = (record_type, **field);
            let may = |of: &&Audience| of.read.contains(&key) || of.update.contains(&key);
            !person.is_some_and(|person| self.is_let_in(person, may))
        };
        subject.secured.iter().filter(hidden).copied().collect()
    }

    /// Whether a user may change a field, as far as it is secured.
    pub fn may_update_field(&self, login: &str, record_type: TypeId, field: FieldId) -> bool {
        match self.who(login) {
            Some(who) => self.may_update_field_as(who, record_type, field),
            None => false,
        }
    }

    /// As [`Security::may_update_field`], for a user found before.
    pub fn may_update_field_as(&self, who: Who, record_type: TypeId, field: FieldId) -> bool {
        let subject = self.types.get(&record_type);
        let secured = subject.is_some_and(|subject| subject.secured.contains(&field));
        let may = |of: &&Audience| of.update.contains(&(record_type, field));
        !secured || self.is_let_in(&self.people[who.0 as usize], may)
    }

    fn is_let_in(&self, person: &Person, may: impl Fn(&&Audience) -> bool) -> bool {
        let mut those = self.field_security.iter().filter(may);
        those.any(|audience| self.is_member(&audience.members, person))
    }
}

fn subjects(definition: &Definition) -> BTreeMap<TypeId, Subject> {
    let subject = |record_type: &crate::RecordType| Subject {
        label: record_type.label.clone(),
        owned: record_type.owner.is_some(),
        has_readers: record_type.readers.is_some(),
        has_writers: record_type.writers.is_some(),
        secured: {
            // What a retired field held is as secret as before.
            let secured = record_type.fields.values().filter(|field| field.secured);
            secured.map(|field| field.id).collect()
        },
    };
    let types = definition.types.values();
    types
        .map(|record_type| (record_type.id, subject(record_type)))
        .collect()
}

fn audiences(definition: &Definition) -> Vec<Audience> {
    let audience = |security: &crate::definition::FieldSecurity| Audience {
        members: security.members.clone(),
        read: security.read.clone(),
        update: security.update.clone(),
    };
    definition.field_security.values().map(audience).collect()
}
