//! Organizations drawn by chance: types with lookups in circles, people in
//! units and hierarchies, roles, profiles.

use crate::dice::Dice;
use crate::filter::FILTERS;
use cairn_model::definition::{
    BusinessUnit, Combine, Depth, Files, Filter, Hierarchy, Members, Owned, Position, Profile,
    ProfileType, Relationship, Right, Role, WithoutProfile,
};
use cairn_model::{
    Access, Definition, Field, FieldId, Kind, OnDelete, RecordType, Team, TypeId, User,
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const USER: TypeId = TypeId(1);
pub(crate) const TEAM: TypeId = TypeId(2);
pub(crate) const ACCOUNT: TypeId = TypeId(3);
pub(crate) const ORDER: TypeId = TypeId(4);
pub(crate) const VISIT: TypeId = TypeId(5);
pub(crate) const NOTE: TypeId = TypeId(6);

pub(crate) const LOGINS: &[&str] = &["ada", "ben", "cleo", "dan", "eve"];
pub(crate) const TEAMS: &[&str] = &["field", "office"];
const UNITS: &[&str] = &["all", "north", "south", "far_north"];
const POSITIONS: &[&str] = &["head", "lead", "hand"];
const ROLES: &[&str] = &["clerk", "worker"];
const PROFILES: &[&str] = &["days", "desk", "wide"];
/// What texts in records say.
pub(crate) const REGIONS: &[&str] = &["north", "south", "east"];

fn lookup(targets: &[TypeId], on_delete: OnDelete) -> Kind {
    Kind::Lookup {
        targets: targets.iter().copied().collect(),
        on_delete,
    }
}

fn set_of(kind: Kind) -> Kind {
    Kind::Set { of: Box::new(kind) }
}

fn record_type(id: TypeId, name: &str, fields: &[(&str, Kind)]) -> RecordType {
    let mut made = RecordType::new(id, name, name);
    for (number, (name, kind)) in (1..).zip(fields) {
        let id = FieldId(number);
        made.fields
            .insert(id, Field::new(id, name, name, kind.clone()));
    }
    made.title = Some(FieldId(1));
    made
}

pub(crate) fn types() -> Vec<RecordType> {
    let people = || lookup(&[USER, TEAM], OnDelete::Clear);
    let person = || lookup(&[USER], OnDelete::Clear);
    let choice = || Kind::Choice {
        options: vec!["open".to_owned(), "closed".to_owned()],
    };
    vec![
        record_type(
            USER,
            "user",
            &[
                ("name", Kind::text()),
                ("region", Kind::text()),
                ("home", lookup(&[ACCOUNT], OnDelete::Clear)),
            ],
        ),
        record_type(TEAM, "team", &[("name", Kind::text())]),
        record_type(
            ACCOUNT,
            "account",
            &[
                ("name", Kind::text()),
                ("owner", people()),
                ("parent", lookup(&[ACCOUNT], OnDelete::Clear)),
                ("region", Kind::text()),
                ("size", Kind::integer()),
            ],
        ),
        record_type(
            ORDER,
            "order",
            &[
                ("name", Kind::text()),
                ("owner", people()),
                ("account", lookup(&[ACCOUNT], OnDelete::Restrict)),
                ("status", choice()),
                ("due", Kind::Date),
                ("crew", set_of(person())),
                ("readers", set_of(people())),
                ("writers", set_of(people())),
            ],
        ),
        record_type(
            VISIT,
            "visit",
            &[
                ("name", Kind::text()),
                ("order", lookup(&[ORDER], OnDelete::Cascade)),
                ("technician", person()),
                ("starts_at", Kind::Timestamp),
                ("ends_at", Kind::Timestamp),
                ("next", lookup(&[VISIT], OnDelete::Clear)),
                ("parts", set_of(lookup(&[ACCOUNT, NOTE], OnDelete::Clear))),
            ],
        ),
        record_type(
            NOTE,
            "note",
            &[
                ("text", Kind::text()),
                ("about", lookup(&[ACCOUNT, ORDER, NOTE], OnDelete::Clear)),
                ("owner", people()),
            ],
        ),
    ]
}

fn names(all: &[&str]) -> Vec<String> {
    all.iter().map(|name| (*name).to_owned()).collect()
}

/// An organization.
pub(crate) fn drawn(dice: &mut Dice) -> Definition {
    let mut definition = Definition {
        name: "Somebody".to_owned(),
        ..Definition::default()
    };
    for made in types() {
        definition.types.insert(made.id, made);
    }
    for login in LOGINS {
        definition
            .users
            .insert((*login).to_owned(), User::new(login));
    }
    for name in TEAMS {
        definition
            .teams
            .insert((*name).to_owned(), Team::new(name, BTreeSet::new()));
    }
    for _ in 0..14 {
        redraw(dice, &mut definition);
    }
    definition
}

/// Changes something of it. What comes out may be refused when it is published.
pub(crate) fn redraw(dice: &mut Dice, definition: &mut Definition) {
    match dice.below(13) {
        0 => units(dice, definition),
        1 => draw_roles(dice, definition),
        2..=4 => person(dice, definition),
        5 => team(dice, definition),
        6 => {
            definition.hierarchy = match dice.below(3) {
                0 => Hierarchy::None,
                1 => Hierarchy::Manager(1 + dice.below(3) as u8),
                _ => Hierarchy::Position(1 + dice.below(2) as u8),
            };
        }
        7 => {
            definition.without_profile = match dice.below(2) {
                0 => WithoutProfile::Nothing,
                _ => WithoutProfile::Everything,
            };
        }
        8 => definition.utc_offset = [0, 60, -300, 330][dice.below(4) as usize],
        9 => draw_type(dice, definition),
        _ => draw_profile(dice, definition),
    }
}

fn units(dice: &mut Dice, definition: &mut Definition) {
    definition.business_units.clear();
    for (at, name) in UNITS.iter().enumerate() {
        let parent = (at > 0).then(|| UNITS[dice.below(at as u64) as usize].to_owned());
        let unit = BusinessUnit {
            label: (*name).to_owned(),
            parent,
        };
        definition.business_units.insert((*name).to_owned(), unit);
    }
    definition.positions.clear();
    for (at, name) in POSITIONS.iter().enumerate() {
        let parent = (at > 0).then(|| POSITIONS[dice.below(at as u64) as usize].to_owned());
        let position = Position {
            label: (*name).to_owned(),
            parent,
        };
        definition.positions.insert((*name).to_owned(), position);
    }
}

fn depths(dice: &mut Dice, owned: bool) -> BTreeMap<Right, Depth> {
    let some: &[Depth] = match owned {
        true => &Depth::ALL,
        false => &[Depth::None, Depth::Organization],
    };
    let read = dice.pick(some);
    [
        (Right::Read, read),
        (Right::Write, Depth::Organization),
        (Right::Create, Depth::Organization),
    ]
    .into()
}

fn draw_roles(dice: &mut Dice, definition: &mut Definition) {
    if dice.once_in(4) {
        definition.roles.clear();
        definition
            .users
            .values_mut()
            .for_each(|user| user.roles.clear());
        definition
            .teams
            .values_mut()
            .for_each(|team| team.roles.clear());
        return;
    }
    for name in ROLES {
        let mut role = Role {
            label: (*name).to_owned(),
            others: depths(dice, true),
            types: BTreeMap::new(),
        };
        for record_type in definition.types.values() {
            if dice.once_in(3) {
                role.types
                    .insert(record_type.id, depths(dice, record_type.owner.is_some()));
            }
        }
        definition.roles.insert((*name).to_owned(), role);
    }
    for user in definition.users.values_mut() {
        user.roles = dice.some(&names(ROLES), 2).into_iter().collect();
    }
}

fn person(dice: &mut Dice, definition: &mut Definition) {
    let login = dice.pick(LOGINS);
    if dice.once_in(12) {
        definition.users.remove(login);
        definition.teams.values_mut().for_each(|team| {
            team.members.remove(login);
        });
        definition
            .users
            .values_mut()
            .for_each(|user| user.manager = None);
        definition.profiles.values_mut().for_each(|profile| {
            profile.members.users.remove(login);
        });
        return;
    }
    let units: Vec<String> = definition.business_units.keys().cloned().collect();
    let positions: Vec<String> = definition.positions.keys().cloned().collect();
    let roles: Vec<String> = definition.roles.keys().cloned().collect();
    let others: Vec<String> = definition.users.keys().cloned().collect();
    let user = User {
        access: if dice.once_in(5) {
            Access::Read
        } else {
            Access::Edit
        },
        business_unit: dice.maybe(&units),
        manager: dice.maybe(&others),
        position: dice.maybe(&positions),
        roles: dice.some(&roles, 2).into_iter().collect(),
        ..User::new(login)
    };
    definition.users.insert(login.to_owned(), user);
}

fn team(dice: &mut Dice, definition: &mut Definition) {
    let name = dice.pick(TEAMS);
    let logins: Vec<String> = definition.users.keys().cloned().collect();
    let units: Vec<String> = definition.business_units.keys().cloned().collect();
    let roles: Vec<String> = definition.roles.keys().cloned().collect();
    let team = Team {
        business_unit: dice.maybe(&units),
        roles: dice.some(&roles, 3).into_iter().collect(),
        ..Team::new(name, dice.some(&logins, 2).into_iter().collect())
    };
    definition.teams.insert(name.to_owned(), team);
}

fn draw_type(dice: &mut Dice, definition: &mut Definition) {
    let id = dice.pick(&[USER, TEAM, ACCOUNT, ORDER, ORDER, VISIT, NOTE]);
    let limits: Vec<&str> = FILTERS
        .iter()
        .filter(|filter| filter.of == id && !filter.asks_user)
        .map(|filter| filter.text)
        .collect();
    let Some(of) = definition.types.get_mut(&id) else {
        return;
    };
    let optional = |name: &str, dice: &mut Dice| {
        let field = of.field_named(name).map(|field| field.id);
        field.filter(|_| !dice.once_in(3))
    };
    let (owner, readers, writers) = (
        optional("owner", dice),
        optional("readers", dice),
        optional("writers", dice),
    );
    of.owner = owner;
    of.readers = readers;
    of.writers = writers;
    of.offline = !dice.once_in(6);
    of.offline_where = match dice.once_in(3) {
        true => dice.maybe(&limits).map(str::to_owned),
        false => None,
    };
}

fn members(dice: &mut Dice, definition: &Definition) -> Members {
    let users: Vec<String> = definition.users.keys().cloned().collect();
    let roles: Vec<String> = definition.roles.keys().cloned().collect();
    Members {
        users: dice.some(&users, 3).into_iter().collect(),
        teams: dice.some(&names(TEAMS), 3).into_iter().collect(),
        roles: dice.some(&roles, 4).into_iter().collect(),
    }
}

/// Every way between types by any lookup.
fn ways(definition: &Definition, to: TypeId) -> Vec<Relationship> {
    let mut ways = Vec::new();
    for from in definition.types.values() {
        for field in from.live_fields() {
            let targets = match &field.kind {
                Kind::Lookup { targets, .. } => targets,
                Kind::Set { of } => match &**of {
                    Kind::Lookup { targets, .. } => targets,
                    _ => continue,
                },
                _ => continue,
            };
            if targets.contains(&to) {
                ways.push(Relationship::PointedAtBy {
                    record_type: from.id,
                    field: field.id,
                    depth: None,
                });
            }
            if from.id == to {
                for target in targets {
                    ways.push(Relationship::PointingAt {
                        record_type: *target,
                        field: field.id,
                        depth: None,
                    });
                }
            }
        }
    }
    ways
}

fn draw_profile(dice: &mut Dice, definition: &mut Definition) {
    let name = dice.pick(PROFILES);
    if dice.once_in(6) {
        definition.profiles.remove(name);
        return;
    }
    let mut types = BTreeMap::new();
    let live: Vec<TypeId> = definition
        .types
        .values()
        .filter(|of| of.offline)
        .map(|of| of.id)
        .collect();
    for id in dice.some(&live, 2) {
        types.insert(id, draw_rule(dice, definition, id));
    }
    let profile = Profile {
        label: name.to_owned(),
        members: members(dice, definition),
        exclusive: false,
        grace: dice.pick(&[0, 90, 3 * 24 * 60]),
        based_on: None,
        types,
    };
    definition.profiles.insert(name.to_owned(), profile);
}

fn draw_rule(dice: &mut Dice, definition: &Definition, id: TypeId) -> ProfileType {
    let texts: Vec<&str> = FILTERS
        .iter()
        .filter(|filter| filter.of == id)
        .map(|filter| filter.text)
        .collect();
    let owned = definition.types[&id].owner.is_some();
    let filter = match dice.below(6) {
        0 => Filter::All,
        1 if owned => Filter::Owned(Owned {
            mine: dice.once_in(2),
            my_teams: dice.once_in(2),
            my_business_unit: dice.once_in(2),
        }),
        1 | 2 => Filter::RelatedOnly,
        _ => dice
            .maybe(&texts)
            .map_or(Filter::RelatedOnly, |text| Filter::Where(text.to_owned())),
    };
    let mut related = dice.some(&ways(definition, id), 3);
    for way in &mut related {
        let (Relationship::PointedAtBy { depth, .. } | Relationship::PointingAt { depth, .. }) =
            way;
        *depth = dice.pick(&[None, None, Some(1), Some(2), Some(3)]);
    }
    let and = !related.is_empty() && filter != Filter::RelatedOnly && dice.once_in(3);
    ProfileType {
        filter: match filter {
            Filter::RelatedOnly if related.is_empty() => Filter::All,
            Filter::Owned(owned) if owned == Owned::default() => Filter::All,
            filter => filter,
        },
        related,
        combine: if and { Combine::And } else { Combine::Or },
        columns: None,
        interval: 0,
        files: Files::OnView,
        rank: 1,
    }
}
