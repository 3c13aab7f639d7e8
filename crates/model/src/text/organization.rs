//! `organization.toml`, `users.toml` and `teams.toml`.

use super::file::Folder;
use super::name::People;
use super::place::Places;
use super::section::{Section, either};
use super::span;
use super::suggest::did_you_mean;
use crate::definition::{Access, Definition, Granularity, Hierarchy, Team, User, WithoutProfile};

/// Granularities by their names.
pub(super) const GRANULARITIES: &[(&str, Granularity)] = &[
    ("field", Granularity::Field),
    ("record", Granularity::Record),
];
/// Accesses by their names.
pub(super) const ACCESSES: &[(&str, Access)] = &[("edit", Access::Edit), ("read", Access::Read)];

/// What users in no profile hold, by its name.
pub(super) const WITHOUT_PROFILE: &[(&str, WithoutProfile)] = &[
    ("everything", WithoutProfile::Everything),
    ("nothing", WithoutProfile::Nothing),
];
/// A hierarchy of so many levels.
type OfLevels = fn(u8) -> Hierarchy;
/// Hierarchies by what they go along.
const HIERARCHIES: &[(&str, OfLevels)] = &[
    ("manager", Hierarchy::Manager),
    ("position", Hierarchy::Position),
];

/// Reads what holds for the organization as a whole.
pub(super) fn read_heading<'a>(
    folder: &'a Folder<'a>,
    policies: &[&str],
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    let Some(root) = folder.organization.as_ref().and_then(|file| file.root()) else {
        return;
    };
    let parts = [
        "name",
        "policy",
        "granularity",
        "hierarchy",
        "utc_offset",
        "without_profile",
    ];
    root.only("an organization", &parts);
    places.add("organization".to_owned(), root);
    places.add_parts("organization", root, &["hierarchy", "utc_offset"]);
    let Definition {
        policy: default,
        granularity,
        without_profile,
        ..
    } = Definition::default();
    definition.name = root.text("name").unwrap_or_default().to_owned();
    definition.policy = policy(root, policies).unwrap_or(default);
    definition.granularity = root
        .one_of("granularity", GRANULARITIES)
        .unwrap_or(granularity);
    definition.hierarchy = hierarchy(root);
    definition.utc_offset = span::offset(root, "utc_offset").unwrap_or_default();
    definition.without_profile = root
        .one_of("without_profile", WITHOUT_PROFILE)
        .unwrap_or(without_profile);
}

fn hierarchy(root: Section<'_>) -> Hierarchy {
    const FORM: &str = "{ by = \"manager\", levels = 3 }";
    let Some(section) = root.table("hierarchy", FORM) else {
        return Hierarchy::None;
    };
    section.only("a hierarchy", &["by", "levels"]);
    for part in ["by", "levels"] {
        if !section.has(part) {
            let wrong = format!("the hierarchy has no `{part}`");
            section.fault(part, wrong, format!("write {FORM}"));
        }
    }
    let by = section.one_of("by", HIERARCHIES);
    let levels = section.count("levels", u32::from(u8::MAX));
    match (by, levels) {
        (Some(by), Some(levels)) => by(levels as u8),
        _ => Hierarchy::None,
    }
}

/// Reads `policy`, which is the id of one there is.
pub(super) fn policy(section: Section<'_>, policies: &[&str]) -> Option<String> {
    let id = section.text("policy")?;
    if !policies.contains(&id) {
        let instead = did_you_mean(id, policies.iter().copied(), || {
            format!("write {}", either(policies))
        });
        section.fault("policy", format!("there is no policy `{id}`"), instead);
    }
    Some(id.to_owned())
}

/// Reads the users.
pub(super) fn read_users<'a>(
    folder: &'a Folder<'a>,
    people: &People<'_>,
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    let Some(root) = folder.users.as_ref().and_then(|file| file.root()) else {
        return;
    };
    let parts = [
        "name",
        "email",
        "access",
        "business_unit",
        "manager",
        "position",
        "roles",
    ];
    for (login, section) in
        root.tables("a user as { name = \"Ada Okafor\", email = \"ada@example.com\" }")
    {
        section.only("a user", &parts);
        places.add_parts(&format!("user {login}"), section, &["manager"]);
        let user = User {
            email: section.text("email").map(str::to_owned),
            access: section.one_of("access", ACCESSES).unwrap_or(Access::Edit),
            business_unit: people.units.one(section, "business_unit"),
            manager: people.users.one(section, "manager"),
            position: people.positions.one(section, "position"),
            roles: people.roles.many(section, "roles"),
            ..User::new(named(section, "user", login))
        };
        definition.users.insert(login.to_owned(), user);
    }
}

/// Reads the teams.
pub(super) fn read_teams(folder: &Folder<'_>, people: &People<'_>, definition: &mut Definition) {
    let Some(root) = folder.teams.as_ref().and_then(|file| file.root()) else {
        return;
    };
    for (name, section) in root.tables("a team as { name = \"Field crew\", members = [\"ada\"] }") {
        section.only("a team", &["name", "members", "business_unit", "roles"]);
        let members = people.users.many(section, "members");
        let team = Team {
            business_unit: people.units.one(section, "business_unit"),
            roles: people.roles.many(section, "roles"),
            ..Team::new(named(section, "team", name), members)
        };
        definition.teams.insert(name.to_owned(), team);
    }
}

/// The `name` that people read.
fn named<'a>(section: Section<'a>, what: &str, key: &str) -> &'a str {
    if !section.has("name") {
        let wrong = format!("{what} `{key}` has no name");
        section
            .file
            .fault(section.name_span(), wrong, "give a `name`");
    }
    section.text("name").unwrap_or_default()
}
