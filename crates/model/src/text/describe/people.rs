//! Users, teams, units, positions, roles and field security in words.

use super::parts::Parts;
use super::{ACCESSES, name_of};
use crate::definition::{
    BusinessUnit, Definition, Depth, FieldSecurity, Members, Position, Right, Role, Team, User,
};
use crate::id::{FieldId, TypeId};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn user(old: Option<&User>, now: &User) -> String {
    let access = |user: &User| name_of(ACCESSES, user.access);
    let mut parts = Parts::default();
    match old {
        None => {
            parts.add(format!("new, {}", now.name));
            parts.optional("email", None, now.email.as_ref());
            parts.add(format!("access {}", access(now)));
        }
        Some(old) => {
            parts.changed("name", &old.name, &now.name);
            parts.optional("email", old.email.as_ref(), now.email.as_ref());
            parts.changed("access", &access(old), &access(now));
        }
    }
    let fresh = User::new("");
    let old = old.unwrap_or(&fresh);
    let (unit, now_unit) = (old.business_unit.as_ref(), now.business_unit.as_ref());
    parts.optional("business unit", unit, now_unit);
    parts.optional("manager", old.manager.as_ref(), now.manager.as_ref());
    parts.optional("position", old.position.as_ref(), now.position.as_ref());
    parts.names("roles ", &old.roles, &now.roles);
    parts.joined()
}

pub(super) fn team(old: Option<&Team>, now: &Team) -> String {
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {}", now.name)),
        Some(old) => parts.changed("name", &old.name, &now.name),
    }
    let fresh = Team::new("", BTreeSet::new());
    let old = old.unwrap_or(&fresh);
    parts.names("", &old.members, &now.members);
    let (unit, now_unit) = (old.business_unit.as_ref(), now.business_unit.as_ref());
    parts.optional("business unit", unit, now_unit);
    parts.names("roles ", &old.roles, &now.roles);
    parts.joined()
}

pub(super) fn unit(old: Option<&BusinessUnit>, now: &BusinessUnit) -> String {
    let old = old.map(|old| (&old.label, &old.parent));
    branch(old, (&now.label, &now.parent))
}

pub(super) fn position(old: Option<&Position>, now: &Position) -> String {
    let old = old.map(|old| (&old.label, &old.parent));
    branch(old, (&now.label, &now.parent))
}

type Branch<'a> = (&'a String, &'a Option<String>);

fn branch(old: Option<Branch<'_>>, (label, parent): Branch<'_>) -> String {
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {label}")),
        Some((old, _)) => parts.changed("label", old, label),
    }
    let old = old.and_then(|(_, parent)| parent.as_ref());
    parts.optional("parent", old, parent.as_ref());
    parts.joined()
}

pub(super) fn role(old: Option<&Role>, now: &Role, definition: &Definition) -> String {
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {}", now.label)),
        Some(old) => parts.changed("label", &old.label, &now.label),
    }
    rights(
        "others",
        old.map(|old| &old.others),
        Some(&now.others),
        &mut parts,
    );
    let ids = now
        .types
        .keys()
        .chain(old.into_iter().flat_map(|old| old.types.keys()));
    for id in ids.collect::<BTreeSet<&TypeId>>() {
        let name = definition.types.get(id).map_or("?", |t| t.name.as_str());
        let (was, is) = (old.and_then(|old| old.types.get(id)), now.types.get(id));
        match (was, is) {
            (Some(_), None) => parts.add(format!("{name} like others")),
            (None, Some(rights)) if rights.values().all(|depth| *depth == Depth::None) => {
                parts.add(format!("{name} nothing"));
            }
            _ => rights(name, was, is, &mut parts),
        }
    }
    parts.joined()
}

type Rights = BTreeMap<Right, Depth>;

fn rights(of: &str, old: Option<&Rights>, now: Option<&Rights>, parts: &mut Parts) {
    let depth = |rights: Option<&Rights>, right: &Right| {
        let depth = rights.and_then(|rights| rights.get(right));
        depth.copied().unwrap_or(Depth::None)
    };
    let changed = |right: &Right| {
        let (was, is) = (depth(old, right), depth(now, right));
        let was_words = match (old, was) {
            (Some(_), was) => format!(" (was {})", was.name()),
            (None, _) => String::new(),
        };
        (was != is).then(|| format!("{} {}{was_words}", right.name(), is.name()))
    };
    let said: Vec<String> = Right::ALL.iter().filter_map(changed).collect();
    parts.add_if(!said.is_empty(), || format!("{of} {}", said.join(" and ")));
}

pub(super) fn field_security(
    old: Option<&FieldSecurity>,
    now: &FieldSecurity,
    definition: &Definition,
) -> String {
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {}", now.label)),
        Some(old) => parts.changed("label", &old.label, &now.label),
    }
    members(old.map(|old| &old.members), &now.members, &mut parts);
    let none = BTreeSet::new();
    let names = |fields: &BTreeSet<(TypeId, FieldId)>| -> BTreeSet<String> {
        let path = |(id, field): &(TypeId, FieldId)| {
            let record_type = definition.types.get(id)?;
            let field = record_type.fields.get(field)?;
            Some(format!("{}.{}", record_type.name, field.name))
        };
        fields.iter().filter_map(path).collect()
    };
    let read = names(old.map_or(&none, |old| &old.read));
    parts.names("read ", &read, &names(&now.read));
    let update = names(old.map_or(&none, |old| &old.update));
    parts.names("update ", &update, &names(&now.update));
    parts.joined()
}

/// Who comes and who goes.
pub(super) fn members(old: Option<&Members>, now: &Members, parts: &mut Parts) {
    let none = Members::default();
    let old = old.unwrap_or(&none);
    parts.names("users ", &old.users, &now.users);
    parts.names("teams ", &old.teams, &now.teams);
    parts.names("roles ", &old.roles, &now.roles);
}
