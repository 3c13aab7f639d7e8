//! Random security and profiles for a definition, without faults.

use crate::definition::{
    BusinessUnit, Combine, Definition, Depth, Field, FieldSecurity, Files, Filter, Hierarchy, Kind,
    Members, OnDelete, Owned, Position, Profile, ProfileType, RecordType, Relationship, Right,
    Role, WithoutProfile,
};
use crate::id::{FieldId, TypeId};
use crate::sample::dice::Dice;
use std::collections::{BTreeMap, BTreeSet};

/// Adds what a definition can say of rights and profiles.
pub(in crate::text::tests) fn secure(definition: &mut Definition, seed: u64) {
    let mut dice = Dice::new(seed, "security", 0);
    heading(definition, &mut dice);
    trees(definition, &mut dice);
    people(definition, &mut dice);
    owners(definition, &mut dice);
    roles(definition, &mut dice);
    field_security(definition, &mut dice);
    profiles(definition, &mut dice);
}

fn chance(dice: &mut Dice) -> bool {
    dice.below(2) == 0
}

fn heading(definition: &mut Definition, dice: &mut Dice) {
    definition.hierarchy = match dice.below(3) {
        0 => Hierarchy::None,
        1 => Hierarchy::Manager(1 + dice.below(255) as u8),
        _ => Hierarchy::Position(1 + dice.below(255) as u8),
    };
    definition.utc_offset = dice.below(26 * 60 + 1) as i16 - 12 * 60;
    if chance(dice) {
        definition.without_profile = WithoutProfile::Nothing;
    }
}

fn trees(definition: &mut Definition, dice: &mut Dice) {
    let names = ["", "a b", "c\"d", "e.f", "ü"];
    let count = dice.below(names.len() as u64 + 1) as usize;
    for (index, name) in names[..count].iter().enumerate() {
        let above = |dice: &mut Dice| {
            let parents = &names[..index];
            (!parents.is_empty()).then(|| (*dice.pick(parents)).to_owned())
        };
        let label = format!("{}", dice.below(99));
        let parent = above(dice);
        let unit = BusinessUnit {
            label: label.clone(),
            parent,
        };
        definition.business_units.insert((*name).to_owned(), unit);
        let parent = above(dice);
        definition
            .positions
            .insert((*name).to_owned(), Position { label, parent });
    }
    for name in ["one", "two_2"] {
        if chance(dice) {
            let role = Role {
                label: name.to_uppercase(),
                others: BTreeMap::new(),
                types: BTreeMap::new(),
            };
            definition.roles.insert(name.to_owned(), role);
        }
    }
}

fn some(names: Vec<String>, dice: &mut Dice) -> BTreeSet<String> {
    names.into_iter().filter(|_| chance(dice)).collect()
}

fn one(names: Vec<String>, dice: &mut Dice) -> Option<String> {
    some(names, dice).into_iter().next()
}

fn keys<T>(named: &BTreeMap<String, T>) -> Vec<String> {
    named.keys().cloned().collect()
}

fn people(definition: &mut Definition, dice: &mut Dice) {
    let (units, roles) = (keys(&definition.business_units), keys(&definition.roles));
    let positions = keys(&definition.positions);
    let mut above = Vec::new();
    for (login, user) in &mut definition.users {
        user.business_unit = one(units.clone(), dice);
        user.manager = one(above.clone(), dice);
        user.position = one(positions.clone(), dice);
        user.roles = some(roles.clone(), dice);
        above.push(login.clone());
    }
    for team in definition.teams.values_mut() {
        team.business_unit = one(units.clone(), dice);
        team.roles = some(roles.clone(), dice);
    }
}

/// Makes one type the users', and lets the others be owned, shared, secured.
fn owners(definition: &mut Definition, dice: &mut Dice) {
    let mut live = definition.types.values_mut().filter(|t| !t.retired);
    let Some(user) = live.next() else { return };
    user.name = "user".to_owned();
    let lookup = Kind::Lookup {
        targets: [user.id].into(),
        on_delete: OnDelete::Clear,
    };
    for record_type in live {
        own(record_type, &lookup, dice);
    }
}

fn own(record_type: &mut RecordType, lookup: &Kind, dice: &mut Dice) {
    record_type.offline = chance(dice);
    record_type.offline_where =
        chance(dice).then(|| "record.modified > today - days(90)".to_owned());
    let taken: BTreeSet<FieldId> = record_type
        .keys
        .iter()
        .flat_map(|key| key.fields.clone())
        .chain(record_type.title)
        .collect();
    let free: Vec<FieldId> = record_type.live_fields().map(|f| f.id).collect();
    let mut free = free.into_iter().filter(|id| !taken.contains(id));
    let set = Kind::Set {
        of: Box::new(lookup.clone()),
    };
    let fields = &mut record_type.fields;
    let mut become_kind = |kind: &Kind| {
        let id = free.next()?;
        let field = fields.get_mut(&id)?;
        *field = Field {
            label: field.label.clone(),
            ..Field::new(id, &field.name, "", kind.clone())
        };
        Some(id)
    };
    record_type.owner = chance(dice).then(|| become_kind(lookup)).flatten();
    record_type.readers = chance(dice).then(|| become_kind(&set)).flatten();
    record_type.writers = chance(dice).then(|| become_kind(&set)).flatten();
    for id in free {
        let field = record_type.fields.get_mut(&id).expect("a field");
        field.secured = !field.required && chance(dice);
    }
}

fn roles(definition: &mut Definition, dice: &mut Dice) {
    let types: Vec<(TypeId, bool)> = definition
        .types
        .values()
        .filter(|t| !t.retired)
        .map(|t| (t.id, t.owner.is_some()))
        .collect();
    for role in definition.roles.values_mut() {
        role.others = rights(true, dice);
        for (id, owned) in &types {
            if chance(dice) {
                role.types.insert(*id, rights(*owned, dice));
            }
        }
    }
}

fn rights(owned: bool, dice: &mut Dice) -> BTreeMap<Right, Depth> {
    let mut rights = BTreeMap::new();
    for right in Right::ALL {
        let depths: &[&Depth] = match owned {
            true => &[
                &Depth::None,
                &Depth::User,
                &Depth::BusinessUnit,
                &Depth::BusinessUnitAndBelow,
                &Depth::Organization,
            ],
            false => &[&Depth::None, &Depth::Organization],
        };
        if chance(dice) {
            rights.insert(right, *dice.pick(depths));
        }
    }
    rights
}

fn members(definition: &Definition, dice: &mut Dice) -> Members {
    Members {
        users: some(keys(&definition.users), dice),
        teams: some(keys(&definition.teams), dice),
        roles: some(keys(&definition.roles), dice),
    }
}

fn field_security(definition: &mut Definition, dice: &mut Dice) {
    let secured: Vec<(TypeId, FieldId)> = definition
        .types
        .values()
        .filter(|t| !t.retired)
        .flat_map(|t| t.live_fields().map(|field| (t.id, field)))
        .filter(|(_, field)| field.secured)
        .map(|(id, field)| (id, field.id))
        .collect();
    for name in ["prices", "x y"] {
        let security = FieldSecurity {
            label: format!("{}", dice.below(9)),
            members: members(definition, dice),
            read: secured.iter().filter(|_| chance(dice)).copied().collect(),
            update: secured.iter().filter(|_| chance(dice)).copied().collect(),
        };
        definition.field_security.insert(name.to_owned(), security);
    }
}

fn profiles(definition: &mut Definition, dice: &mut Dice) {
    let live = definition
        .types
        .values()
        .filter(|t| !t.retired && t.offline);
    let ids: Vec<TypeId> = live.map(|t| t.id).collect();
    for name in ["all", "some_1"] {
        let mut profile = Profile {
            members: members(definition, dice),
            grace: dice.below(366 * 24 * 60 + 1) as u32,
            based_on: chance(dice).then(|| "technician".to_owned()),
            ..Profile::new("Ä \"b\"")
        };
        for id in &ids {
            if chance(dice) {
                let rule = rule(definition, *id, dice);
                profile.types.insert(*id, rule);
            }
        }
        definition.profiles.insert(name.to_owned(), profile);
    }
    let alone = Profile {
        exclusive: true,
        ..Profile::new("")
    };
    definition.profiles.insert("alone".to_owned(), alone);
}

fn rule(definition: &Definition, id: TypeId, dice: &mut Dice) -> ProfileType {
    let of = &definition.types[&id];
    let filter = match dice.below(3) {
        0 if of.owner.is_some() => Filter::Owned(Owned {
            mine: true,
            my_teams: chance(dice),
            my_business_unit: chance(dice),
        }),
        1 => Filter::Where("record.created < today".to_owned()),
        _ => Filter::All,
    };
    let mut rule = ProfileType::new(filter);
    rule.related = ways(definition, of);
    if !rule.related.is_empty() && chance(dice) {
        rule.combine = Combine::And;
    } else if !rule.related.is_empty() && chance(dice) {
        rule.filter = Filter::RelatedOnly;
    }
    if chance(dice) {
        rule.columns = Some(of.live_fields().map(|field| field.id).collect());
    }
    rule.interval = dice.below(1441) as u32;
    rule.rank = dice.below(300) as u16;
    if chance(dice) {
        rule.files = Files::Eager;
    }
    rule
}

/// The ways to records of a type along its own lookups and others'.
fn ways(definition: &Definition, of: &RecordType) -> Vec<Relationship> {
    let mut ways = Vec::new();
    for field in of.live_fields().filter(|field| !field.secured) {
        for target in targets(&field.kind) {
            ways.push(Relationship::PointingAt {
                record_type: target,
                field: field.id,
                depth: Some(1 + (field.id.0 % 5) as u8),
            });
        }
    }
    for other in definition.types.values().filter(|t| !t.retired) {
        for field in other.live_fields().filter(|field| !field.secured) {
            if targets(&field.kind).contains(&of.id) {
                ways.push(Relationship::PointedAtBy {
                    record_type: other.id,
                    field: field.id,
                    depth: None,
                });
            }
        }
    }
    ways
}

fn targets(kind: &Kind) -> BTreeSet<TypeId> {
    match kind {
        Kind::Lookup { targets, .. } => targets.clone(),
        Kind::Set { of } => targets(of),
        _ => BTreeSet::new(),
    }
}
