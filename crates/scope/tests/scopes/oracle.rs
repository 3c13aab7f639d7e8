//! What each user holds, straight from the definition's words: no index, no
//! bitmap, nothing remembered.

use crate::filter::FILTERS;
use cairn_model::definition::{
    Combine, Depth, Filter, Hierarchy, Profile, ProfileType, Relationship, Right, WithoutProfile,
};
use cairn_model::{AuthorId, Definition, FieldId, RecordId, Timestamp, TypeId, Value};
use cairn_projection::{FieldState, Record, State};
use std::collections::{BTreeMap, BTreeSet};

const DAY: i128 = 86_400_000;
/// Grace of users in no profile, in minutes.
const GRACE_WITHOUT_PROFILE: u64 = 7 * 24 * 60;

/// A state at a time.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) state: &'a State,
    pub(crate) at: Timestamp,
}

impl<'a> Seen<'a> {
    fn definition(&self) -> &'a Definition {
        self.state.definition()
    }

    fn alive(&self, id: RecordId) -> Option<&'a Record> {
        self.state.record(id).filter(|record| record.is_alive())
    }

    fn state_of(&self, id: RecordId, name: &str) -> Option<&'a FieldState> {
        let record = self.alive(id)?;
        let of = self.definition().types.get(&record.record_type)?;
        record.field(of.field_named(name)?.id)
    }

    fn value(&self, id: RecordId, name: &str) -> Option<&'a Value> {
        match self.state_of(id, name)? {
            FieldState::Register(register) => register.value(),
            _ => None,
        }
    }

    pub(crate) fn text(&self, id: RecordId, name: &str) -> Option<&'a str> {
        match self.value(id, name)? {
            Value::Text(text) | Value::Choice(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn integer(&self, id: RecordId, name: &str) -> Option<i64> {
        match self.value(id, name)? {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn date(&self, id: RecordId, name: &str) -> Option<i128> {
        match self.value(id, name)? {
            Value::Date(day) => Some(i128::from(*day)),
            _ => None,
        }
    }

    pub(crate) fn time(&self, id: RecordId, name: &str) -> Option<i128> {
        match self.value(id, name)? {
            Value::Timestamp(time) => Some(i128::from(time.0)),
            _ => None,
        }
    }

    pub(crate) fn elements(&self, id: RecordId, name: &str) -> Vec<Value> {
        match self.state_of(id, name) {
            Some(FieldState::Set(set)) => set.elements().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Where a lookup points, whatever is there.
    pub(crate) fn follow_any(&self, id: RecordId, name: &str) -> Option<RecordId> {
        match self.value(id, name)? {
            Value::Lookup(target) => Some(*target),
            _ => None,
        }
    }

    /// The record that a lookup leads to.
    pub(crate) fn follow(&self, id: RecordId, name: &str) -> Option<RecordId> {
        let target = self.follow_any(id, name)?;
        self.alive(target).map(|record| record.id)
    }

    pub(crate) fn now(&self) -> i128 {
        i128::from(self.at.0)
    }

    fn offset(&self) -> i128 {
        i128::from(self.definition().utc_offset) * 60_000
    }

    pub(crate) fn today(&self) -> i128 {
        (self.now() + self.offset()).div_euclid(DAY)
    }

    pub(crate) fn midnight(&self) -> i128 {
        self.today() * DAY - self.offset()
    }

    pub(crate) fn created(&self, id: RecordId) -> i128 {
        let record = self.alive(id).expect("it is alive");
        let origin = record
            .origin(record.created)
            .expect("its creation is known");
        i128::from(origin.received.0)
    }

    pub(crate) fn modified(&self, id: RecordId) -> i128 {
        let record = self.alive(id).expect("it is alive");
        let received = record.origins.iter().map(|origin| origin.received.0).max();
        i128::from(received.expect("it has an origin"))
    }

    pub(crate) fn teams(&self, user: &str) -> BTreeSet<RecordId> {
        let teams = self.definition().teams.iter();
        let teams = teams.filter(|(_, team)| team.members.contains(user));
        teams
            .map(|(name, _)| Definition::team_record(name))
            .collect()
    }

    fn lookups(&self, record: &Record, field: FieldId) -> Vec<RecordId> {
        let lookup = |value: &Value| match value {
            Value::Lookup(target) => Some(*target),
            _ => None,
        };
        match record.field(field) {
            Some(FieldState::Register(register)) => {
                register.value().and_then(lookup).into_iter().collect()
            }
            Some(FieldState::Set(set)) => set.elements().filter_map(lookup).collect(),
            _ => Vec::new(),
        }
    }

    fn unit_of(&self, owner: RecordId) -> Option<&'a str> {
        let definition = self.definition();
        let user = definition
            .users
            .iter()
            .find(|(login, _)| Definition::user_record(login) == owner);
        let team = definition
            .teams
            .iter()
            .find(|(name, _)| Definition::team_record(name) == owner);
        user.and_then(|(_, user)| user.business_unit.as_deref())
            .or_else(|| team.and_then(|(_, team)| team.business_unit.as_deref()))
    }

    fn is_within(&self, unit: &str, top: &str) -> bool {
        let mut at = Some(unit);
        while let Some(name) = at {
            if name == top {
                return true;
            }
            let units = &self.definition().business_units;
            at = units.get(name).and_then(|unit| unit.parent.as_deref());
        }
        false
    }

    /// Whether `below` is under `user`, so many levels at most.
    fn is_below(&self, below: &str, user: &str) -> bool {
        let definition = self.definition();
        match definition.hierarchy {
            Hierarchy::None => false,
            Hierarchy::Manager(levels) => {
                let mut at = below;
                (0..levels).any(|_| {
                    let manager = definition
                        .users
                        .get(at)
                        .and_then(|user| user.manager.as_deref());
                    at = manager.unwrap_or_default();
                    at == user
                })
            }
            Hierarchy::Position(levels) => {
                let position = |login: &str| definition.users.get(login)?.position.clone();
                let (Some(mut at), Some(goal)) = (position(below), position(user)) else {
                    return false;
                };
                (0..levels).any(|_| {
                    let parent = definition
                        .positions
                        .get(&at)
                        .and_then(|at| at.parent.clone());
                    at = parent.unwrap_or_default();
                    at == goal
                })
            }
        }
    }

    pub(crate) fn may_read(&self, user: &str, record: &Record) -> bool {
        let definition = self.definition();
        let Some(person) = definition.users.get(user) else {
            return false;
        };
        if definition.roles.is_empty() {
            return true;
        }
        let of = &definition.types[&record.record_type];
        let owner = of
            .owner
            .and_then(|field| self.lookups(record, field).first().copied());
        let me = Definition::user_record(user);
        let teams = self.teams(user);
        let mut any = false;
        let own = person
            .roles
            .iter()
            .map(|role| (role, &person.business_unit));
        let by_team = definition
            .teams
            .values()
            .filter(|team| team.members.contains(user))
            .flat_map(|team| team.roles.iter().map(|role| (role, &team.business_unit)));
        for (role, unit) in own.chain(by_team) {
            let role = &definition.roles[role];
            let rights = role.types.get(&record.record_type).unwrap_or(&role.others);
            let depth = rights.get(&Right::Read).copied().unwrap_or(Depth::None);
            any |= depth > Depth::None;
            let owner_unit = owner.and_then(|owner| self.unit_of(owner));
            let reaches = match (depth, unit, owner_unit) {
                (Depth::Organization, _, _) => true,
                (Depth::BusinessUnit, Some(unit), Some(owned)) => unit == owned,
                (Depth::BusinessUnitAndBelow, Some(unit), Some(owned)) => {
                    self.is_within(owned, unit)
                }
                _ => false,
            };
            if reaches {
                return true;
            }
        }
        let is_mine = |id: RecordId| id == me || teams.contains(&id);
        let shared = of.readers.into_iter().chain(of.writers);
        let shared = shared.flat_map(|field| self.lookups(record, field));
        let below = definition.users.keys().any(|login| {
            owner == Some(Definition::user_record(login)) && self.is_below(login, user)
        });
        any && (owner.is_some_and(is_mine) || below || shared.into_iter().any(is_mine))
    }

    fn meets(&self, of: TypeId, text: &str, record: &Record, user: &str) -> bool {
        let known = FILTERS
            .iter()
            .find(|filter| filter.of == of && filter.text == text);
        (known.expect("the filter is a drawn one").means)(self, record.id, user)
    }

    fn is_offline(&self, record: &Record) -> bool {
        let of = self.definition().types.get(&record.record_type);
        of.is_some_and(|of| of.offline) && record.is_alive()
    }

    fn may_be_let_in(&self, record: &Record, user: &str) -> bool {
        let of = &self.definition().types[&record.record_type];
        let limit = of.offline_where.as_deref();
        self.is_offline(record)
            && self.may_read(user, record)
            && limit.is_none_or(|text| self.meets(of.id, text, record, user))
    }

    fn meets_filter(&self, rule: &ProfileType, record: &Record, user: &str) -> bool {
        let of = &self.definition().types[&record.record_type];
        match &rule.filter {
            Filter::All => true,
            Filter::RelatedOnly => false,
            Filter::Where(text) => self.meets(of.id, text, record, user),
            Filter::Owned(owned) => {
                let owner = of
                    .owner
                    .and_then(|field| self.lookups(record, field).first().copied());
                owner.is_some_and(|owner| {
                    let unit = self.definition().users[user].business_unit.as_deref();
                    owned.mine && owner == Definition::user_record(user)
                        || owned.my_teams && self.teams(user).contains(&owner)
                        || owned.my_business_unit && unit.is_some() && unit == self.unit_of(owner)
                })
            }
        }
    }

    /// Whether `way` leads from `held` to `record`, and how far it may be.
    fn leads(&self, way: &Relationship, held: &Record, record: &Record) -> Option<u32> {
        let (connected, depth) = match way {
            Relationship::PointedAtBy {
                record_type,
                field,
                depth,
            } => (
                held.record_type == *record_type && self.lookups(held, *field).contains(&record.id),
                depth,
            ),
            Relationship::PointingAt {
                record_type,
                field,
                depth,
            } => (
                held.record_type == *record_type && self.lookups(record, *field).contains(&held.id),
                depth,
            ),
        };
        connected.then(|| depth.map_or(u32::MAX, u32::from))
    }

    fn by_profile(&self, profile: &Profile, user: &str) -> BTreeSet<RecordId> {
        let records: Vec<&Record> = self
            .state
            .records()
            .filter(|record| profile.types.contains_key(&record.record_type))
            .filter(|record| self.may_be_let_in(record, user))
            .collect();
        let mut steps: BTreeMap<RecordId, u32> = BTreeMap::new();
        for record in &records {
            let rule = &profile.types[&record.record_type];
            if rule.combine == Combine::Or && self.meets_filter(rule, record, user) {
                steps.insert(record.id, 0);
            }
        }
        loop {
            let mut nearer = Vec::new();
            for record in &records {
                let rule = &profile.types[&record.record_type];
                if rule.combine == Combine::And && !self.meets_filter(rule, record, user) {
                    continue;
                }
                for held in records.iter().filter(|held| steps.contains_key(&held.id)) {
                    for way in &rule.related {
                        let next = steps[&held.id] + 1;
                        let known = steps.get(&record.id).copied().unwrap_or(u32::MAX);
                        let most = self.leads(way, held, record);
                        if next < known && most.is_some_and(|most| next <= most) {
                            nearer.push((record.id, next));
                        }
                    }
                }
            }
            if nearer.is_empty() {
                return steps.into_keys().collect();
            }
            for (record, next) in nearer {
                let known = steps.entry(record).or_insert(next);
                *known = next.min(*known);
            }
        }
    }

    fn is_member(&self, profile: &Profile, user: &str) -> bool {
        let definition = self.definition();
        let members = &profile.members;
        let Some(person) = definition.users.get(user) else {
            return false;
        };
        members.users.contains(user)
            || person.roles.iter().any(|role| members.roles.contains(role))
            || definition.teams.iter().any(|(name, team)| {
                team.members.contains(user)
                    && (members.teams.contains(name)
                        || team.roles.iter().any(|role| members.roles.contains(role)))
            })
    }

    /// What a user holds.
    pub(crate) fn scope(&self, user: &str) -> BTreeSet<RecordId> {
        let definition = self.definition();
        if !definition.users.contains_key(user) {
            return BTreeSet::new();
        }
        let profiles: Vec<&Profile> = definition
            .profiles
            .values()
            .filter(|profile| self.is_member(profile, user))
            .collect();
        let mut scope = BTreeSet::new();
        for profile in &profiles {
            scope.extend(self.by_profile(profile, user));
        }
        if profiles.is_empty() && definition.without_profile == WithoutProfile::Everything {
            let everything = self
                .state
                .records()
                .filter(|record| self.may_be_let_in(record, user));
            scope.extend(everything.map(|record| record.id));
        }
        let graces = profiles.iter().map(|profile| u64::from(profile.grace));
        let grace = graces.max().unwrap_or(GRACE_WITHOUT_PROFILE) * 60_000;
        let follows: BTreeSet<RecordId> = self.state.follows(user).collect();
        let open: BTreeSet<RecordId> = self
            .state
            .issues()
            .iter()
            .filter(|issue| issue.user == user && issue.is_open())
            .flat_map(|issue| issue.records())
            .collect();
        for record in self.state.records() {
            let origin = record
                .origin(record.created)
                .expect("its creation is known");
            let by = self
                .state
                .device(origin.author)
                .expect("authors are enrolled");
            let created = origin.author != AuthorId(0)
                && by.user == user
                && self.at < origin.received.plus(grace);
            let stays = follows.contains(&record.id) || open.contains(&record.id) || created;
            if stays && self.is_offline(record) && self.may_read(user, record) {
                scope.insert(record.id);
            }
        }
        scope
    }
}
