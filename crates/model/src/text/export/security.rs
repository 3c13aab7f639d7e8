//! Units, positions, roles, field security and users as text.

use super::name_of;
use crate::definition::{
    Access, Definition, Depth, FieldSecurity, Hierarchy, Members, Right, Role, WithoutProfile,
};
use crate::id::{FieldId, TypeId};
use crate::text::layout::{Row, heading_of, line, list, quoted};
use crate::text::organization::{ACCESSES, GRANULARITIES, WITHOUT_PROFILE};
use crate::text::record_type::label_of;
use crate::text::span::offset_text;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn heading(definition: &Definition) -> String {
    let mut text = String::new();
    line(&mut text, "name", &quoted(&definition.name));
    line(&mut text, "policy", &quoted(&definition.policy));
    let granularity = name_of(GRANULARITIES, definition.granularity);
    line(&mut text, "granularity", &quoted(granularity));
    let by = match definition.hierarchy {
        Hierarchy::None => None,
        Hierarchy::Manager(levels) => Some(("manager", levels)),
        Hierarchy::Position(levels) => Some(("position", levels)),
    };
    if let Some((by, levels)) = by {
        let hierarchy = format!("{{ by = {}, levels = {levels} }}", quoted(by));
        line(&mut text, "hierarchy", &hierarchy);
    }
    if definition.utc_offset != 0 {
        line(
            &mut text,
            "utc_offset",
            &quoted(&offset_text(definition.utc_offset)),
        );
    }
    if definition.without_profile != WithoutProfile::Everything {
        let name = name_of(WITHOUT_PROFILE, definition.without_profile);
        line(&mut text, "without_profile", &quoted(name));
    }
    text
}

/// Units or positions, each with its label and what is above it.
pub(super) fn tree<'a>(
    branches: impl Iterator<Item = (&'a String, &'a String, &'a Option<String>)>,
) -> String {
    let mut text = String::new();
    for (name, label, parent) in branches {
        let mut row = Row::default();
        row.add("label", quoted(label));
        row.add_text("parent", parent.as_deref());
        line(&mut text, name, &row.text(name));
    }
    text
}

pub(super) fn users(definition: &Definition) -> String {
    let mut text = String::new();
    for (login, user) in &definition.users {
        let mut row = Row::default();
        row.add("name", quoted(&user.name));
        row.add_text("email", user.email.as_deref());
        row.add_if("access", user.access != Access::Edit, || {
            quoted(name_of(ACCESSES, user.access))
        });
        row.add_text("business_unit", user.business_unit.as_deref());
        row.add_text("manager", user.manager.as_deref());
        row.add_text("position", user.position.as_deref());
        row.add_if("roles", !user.roles.is_empty(), || list(&user.roles));
        line(&mut text, login, &row.text(login));
    }
    text
}

pub(super) fn teams(definition: &Definition) -> String {
    let mut text = String::new();
    for (name, team) in &definition.teams {
        let mut row = Row::default();
        row.add("name", quoted(&team.name));
        row.add_if("members", !team.members.is_empty(), || list(&team.members));
        row.add_text("business_unit", team.business_unit.as_deref());
        row.add_if("roles", !team.roles.is_empty(), || list(&team.roles));
        line(&mut text, name, &row.text(name));
    }
    text
}

pub(super) fn role(name: &str, role: &Role, definition: &Definition) -> String {
    let mut text = String::new();
    if role.label != label_of(name) {
        line(&mut text, "label", &quoted(&role.label));
    }
    heading_of("others", role.others.is_empty(), &mut text);
    rights(&role.others, &mut text);
    for (id, by_right) in &role.types {
        if let Some(record_type) = definition.types.get(id) {
            heading_of(&format!("types.{}", record_type.name), false, &mut text);
            rights(by_right, &mut text);
        }
    }
    text
}

fn rights(rights: &BTreeMap<Right, Depth>, text: &mut String) {
    for (right, depth) in rights {
        line(text, right.name(), &quoted(depth.name()));
    }
}

pub(super) fn field_security(definition: &Definition) -> String {
    let mut text = String::new();
    for (name, security) in &definition.field_security {
        line(&mut text, name, &secured(name, security, definition));
    }
    text
}

fn secured(name: &str, security: &FieldSecurity, definition: &Definition) -> String {
    let mut row = Row::default();
    row.add_if("label", security.label != label_of(name), || {
        quoted(&security.label)
    });
    for (key, names) in member_lists(&security.members) {
        row.add(key, list(names));
    }
    for (key, fields) in [("read", &security.read), ("update", &security.update)] {
        row.add_if(key, !fields.is_empty(), || list(paths(fields, definition)));
    }
    row.text(name)
}

fn paths(fields: &BTreeSet<(TypeId, FieldId)>, definition: &Definition) -> Vec<String> {
    let path = |(id, field): &(TypeId, FieldId)| {
        let record_type = definition.types.get(id)?;
        let field = record_type.fields.get(field)?;
        Some(format!("{}.{}", record_type.name, field.name))
    };
    fields.iter().filter_map(path).collect()
}

/// The lists of a group that are not empty, by their keys.
pub(super) fn member_lists(
    members: &Members,
) -> impl Iterator<Item = (&'static str, &BTreeSet<String>)> {
    let lists = [
        ("users", &members.users),
        ("teams", &members.teams),
        ("roles", &members.roles),
    ];
    lists.into_iter().filter(|(_, names)| !names.is_empty())
}
