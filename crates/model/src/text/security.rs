//! `business_units.toml`, `positions.toml`, `roles/NAME.toml` and
//! `field_security.toml`.

use super::file::{File, Folder};
use super::name::{Names, People, Sort};
use super::place::Places;
use super::record_type::{TypesRead, label_of};
use super::section::Section;
use crate::definition::{
    BusinessUnit, Definition, Depth, FieldSecurity, Members, Position, Right, Role,
};
use crate::id::{FieldId, TypeId};
use std::collections::{BTreeMap, BTreeSet};

/// Depths by their names.
const DEPTHS: &[(&str, Depth)] = &[
    ("none", Depth::None),
    ("user", Depth::User),
    ("business-unit", Depth::BusinessUnit),
    ("business-unit-and-below", Depth::BusinessUnitAndBelow),
    ("organization", Depth::Organization),
];

/// Reads business units and positions.
pub(super) fn read_trees<'a>(
    folder: &'a Folder<'a>,
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    let units = tree(folder.business_units.as_ref(), Sort::BusinessUnit, places);
    for (name, (label, parent)) in units {
        let unit = BusinessUnit { label, parent };
        definition.business_units.insert(name, unit);
    }
    let positions = tree(folder.positions.as_ref(), Sort::Position, places);
    for (name, (label, parent)) in positions {
        let position = Position { label, parent };
        definition.positions.insert(name, position);
    }
}

type Branches = BTreeMap<String, (String, Option<String>)>;

fn tree<'a>(file: Option<&'a File<'a>>, sort: Sort, places: &mut Places<'a>) -> Branches {
    let what = match sort {
        Sort::Position => "position",
        _ => "business unit",
    };
    let names = Names::of_file(sort, file);
    let Some(root) = file.and_then(|file| file.root()) else {
        return Branches::new();
    };
    let expected = format!("a {what} as {{ label = \"North\", parent = \"uk\" }}");
    let mut branches = Branches::new();
    for (name, section) in root.tables(&expected) {
        section.only(&format!("a {what}"), &["label", "parent"]);
        places.add_parts(&format!("{what} {name}"), section, &["parent"]);
        let label = section
            .text("label")
            .map_or_else(|| label_of(name), str::to_owned);
        branches.insert(name.to_owned(), (label, names.one(section, "parent")));
    }
    branches
}

/// Reads the roles; the types they name were read before.
pub(super) fn read_roles<'a>(
    folder: &'a Folder<'a>,
    types: &TypesRead,
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    for (name, file) in &folder.roles {
        let Some(root) = file.root() else { continue };
        root.only("a role", &["label", "others", "types"]);
        let place = format!("role {name}");
        types.add_place(places, &place, root);
        let mut role = Role {
            label: root
                .text("label")
                .map_or_else(|| label_of(name), str::to_owned),
            others: BTreeMap::new(),
            types: BTreeMap::new(),
        };
        if let Some(others) = root.table("others", RIGHTS) {
            role.others = rights(others);
        }
        if let Some(section) = root.table("types", "record types as [types.work_order]") {
            for (type_name, section) in section.tables(RIGHTS) {
                let rights = rights(section);
                let word = section.name_word(type_name);
                let Some(record_type) = types.named(definition, section.file, &word) else {
                    continue;
                };
                if types.are_whole() {
                    let place = format!("{place}, {type_name}");
                    let names: Vec<&str> = Right::ALL.iter().map(|right| right.name()).collect();
                    places.add_parts(&place, section, &names);
                }
                role.types.insert(record_type.id, rights);
            }
        }
        definition.roles.insert((*name).to_owned(), role);
    }
}

const RIGHTS: &str = "rights with their depths, such as read = \"organization\"";

fn rights(section: Section<'_>) -> BTreeMap<Right, Depth> {
    let names: Vec<&str> = Right::ALL.iter().map(|right| right.name()).collect();
    section.only("a role", &names);
    let depth = |right: &Right| Some((*right, section.one_of(right.name(), DEPTHS)?));
    Right::ALL.iter().filter_map(depth).collect()
}

/// Reads who may read and update secured fields.
pub(super) fn read_field_security<'a>(
    folder: &'a Folder<'a>,
    people: &People<'_>,
    types: &TypesRead,
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    let Some(root) = folder.field_security.as_ref().and_then(|file| file.root()) else {
        return;
    };
    let expected = "field security as { teams = [\"office\"], read = [\"work_order.price\"] }";
    for (name, section) in root.tables(expected) {
        let parts = [MEMBERS, &["label", "read", "update"]].concat();
        section.only("field security", &parts);
        let place = format!("field security {name}");
        types.add_place(places, &place, section);
        if types.are_whole() {
            places.add_parts(&place, section, &["read", "update"]);
        }
        let security = FieldSecurity {
            label: section
                .text("label")
                .map_or_else(|| label_of(name), str::to_owned),
            members: members(section, people),
            read: fields(section, "read", types, definition),
            update: fields(section, "update", types, definition),
        };
        definition.field_security.insert(name.to_owned(), security);
    }
}

/// What a group of users may say.
pub(super) const MEMBERS: &[&str] = &["users", "teams", "roles"];

/// Reads a group of users.
pub(super) fn members(section: Section<'_>, people: &People<'_>) -> Members {
    Members {
        users: people.users.many(section, "users"),
        teams: people.teams.many(section, "teams"),
        roles: people.roles.many(section, "roles"),
    }
}

/// Reads fields as `work_order.quoted_price`.
fn fields(
    section: Section<'_>,
    key: &str,
    types: &TypesRead,
    definition: &Definition,
) -> BTreeSet<(TypeId, FieldId)> {
    let words = section.words(key).unwrap_or_default();
    let field = |word| types.field_path(definition, section.file, &word);
    words.into_iter().filter_map(field).collect()
}
