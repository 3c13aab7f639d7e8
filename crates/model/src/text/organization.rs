//! `organization.toml`, `users.toml` and `teams.toml`.

use super::file::Folder;
use super::place::Places;
use super::section::{Section, either};
use super::suggest::did_you_mean;
use crate::definition::{Access, Definition, Granularity, Team, User};
use std::collections::{BTreeMap, BTreeSet};

/// Granularities by their names.
pub(super) const GRANULARITIES: &[(&str, Granularity)] = &[
    ("field", Granularity::Field),
    ("record", Granularity::Record),
];
/// Accesses by their names.
pub(super) const ACCESSES: &[(&str, Access)] = &[("edit", Access::Edit), ("read", Access::Read)];

/// Reads name, policy and granularity of the organization.
pub(super) fn read_heading<'a>(
    folder: &'a Folder<'a>,
    policies: &[&str],
    definition: &mut Definition,
    places: &mut Places<'a>,
) {
    let Some(root) = folder.organization.as_ref().and_then(|file| file.root()) else {
        return;
    };
    root.only("an organization", &["name", "policy", "granularity"]);
    places.add("organization".to_owned(), root);
    let Definition {
        policy: default,
        granularity,
        ..
    } = Definition::default();
    definition.name = root.text("name").unwrap_or_default().to_owned();
    definition.policy = policy(root, policies).unwrap_or(default);
    definition.granularity = root
        .one_of("granularity", GRANULARITIES)
        .unwrap_or(granularity);
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
pub(super) fn read_users(folder: &Folder<'_>, definition: &mut Definition) {
    let Some(root) = folder.users.as_ref().and_then(|file| file.root()) else {
        return;
    };
    for (login, section) in
        root.tables("a user as { name = \"Ada Okafor\", email = \"ada@example.com\" }")
    {
        section.only("a user", &["name", "email", "access"]);
        if !section.has("name") {
            section.file.fault(
                section.name_span(),
                format!("user `{login}` has no name"),
                "give a `name`",
            );
        }
        let user = User {
            name: section.text("name").unwrap_or_default().to_owned(),
            email: section.text("email").map(str::to_owned),
            access: section.one_of("access", ACCESSES).unwrap_or(Access::Edit),
        };
        definition.users.insert(login.to_owned(), user);
    }
}

/// Reads the teams; their members are users read before.
pub(super) fn read_teams(folder: &Folder<'_>, definition: &mut Definition) {
    let Some(root) = folder.teams.as_ref().and_then(|file| file.root()) else {
        return;
    };
    let users_known = folder
        .users
        .as_ref()
        .is_none_or(|file| file.root().is_some());
    for (name, section) in root.tables("a team as { name = \"Field crew\", members = [\"ada\"] }") {
        section.only("a team", &["name", "members"]);
        if !section.has("name") {
            section.file.fault(
                section.name_span(),
                format!("team `{name}` has no name"),
                "give a `name`",
            );
        }
        let team = Team {
            name: section.text("name").unwrap_or_default().to_owned(),
            members: if users_known {
                members(section, &definition.users)
            } else {
                BTreeSet::new()
            },
        };
        definition.teams.insert(name.to_owned(), team);
    }
}

fn members(section: Section<'_>, users: &BTreeMap<String, User>) -> BTreeSet<String> {
    let mut members = BTreeSet::new();
    for word in section.words("members").unwrap_or_default() {
        if users.contains_key(word.text) {
            members.insert(word.text.to_owned());
            continue;
        }
        let instead = did_you_mean(word.text, users.keys().map(String::as_str), || {
            "name a user's login, or add the user to users.toml".to_owned()
        });
        section
            .file
            .fault(word.span, format!("`{}` is no user", word.text), instead);
    }
    members
}
