//! `cairn profile diff` and `publish`: the profiles of a folder.

use super::super::org::{Difference, FileText, put_in_force, read_definition, sources};
use super::missing;
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::{Output, count};
use cairn_model::definition::{Group, Profile, PublishError, Relationship};
use cairn_model::{Definition, DefinitionChange, TypeId, text};
use std::collections::BTreeSet;

pub(super) async fn diff(
    relay: &RelayHost,
    files: Vec<FileText>,
    name: Option<&str>,
) -> Result<Difference, Failure> {
    let base = super::definition(relay).await?;
    let target = read_definition(&sources(files), &base)?;
    known(&base, &target, name)?;
    Ok(Difference {
        definition: base.number,
        changes: changes(&base, &target, name),
    })
}

pub(super) async fn publish(
    relay: &RelayHost,
    files: Vec<FileText>,
    name: Option<&str>,
) -> Result<Difference, Failure> {
    let base = super::definition(relay).await?;
    let target = read_definition(&sources(files), &base)?;
    known(&base, &target, name)?;
    let next = with_profiles(&base, &target, name);
    let needs = unpublished(&base, &target, &next, name);
    if !needs.is_empty() {
        return Err(Failure::usage(format!(
            "the profile cannot be published alone, because {} not published yet; publish the folder whole with `cairn org publish`",
            needs.join(" and ")
        )));
    }
    put(relay, &base, next, name).await
}

/// Publishes profiles as they shall be.
pub(super) async fn put(
    relay: &RelayHost,
    base: &Definition,
    next: Definition,
    name: Option<&str>,
) -> Result<Difference, Failure> {
    let changes = changes(base, &next, name);
    if changes.is_empty() {
        return Ok(Difference {
            definition: base.number,
            changes,
        });
    }
    base.changed(&base.changes_to(&next)).map_err(unfit)?;
    let definition = put_in_force(relay, next).await?;
    Ok(Difference {
        definition,
        changes,
    })
}

fn unfit(error: PublishError) -> Failure {
    let PublishError::Faulty(faults) = &error else {
        return Failure::usage(error);
    };
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Failure::usage(format!(
        "the profile does not fit the rest of the published definition; publish what it needs first (`cairn org publish` publishes a folder whole):\n{}",
        lines.join("\n")
    ))
}

/// That a profile of this name is or shall be there.
fn known(base: &Definition, target: &Definition, name: Option<&str>) -> Result<(), Failure> {
    let is = |definition: &Definition, name: &str| definition.profiles.contains_key(name);
    match name.filter(|name| !is(base, name) && !is(target, name)) {
        None => Ok(()),
        Some(name) => {
            let known: BTreeSet<&str> = base
                .profiles
                .keys()
                .chain(target.profiles.keys())
                .map(String::as_str)
                .collect();
            Err(missing("profile", name, known.iter().copied()))
        }
    }
}

/// `base` with the profiles, or the one, of `target`.
fn with_profiles(base: &Definition, target: &Definition, name: Option<&str>) -> Definition {
    let profiles = match name {
        None => target.profiles.clone(),
        Some(name) => replaced(base, name, target.profiles.get(name)),
    };
    Definition {
        profiles,
        ..base.clone()
    }
}

/// The profiles of `base` with one as it shall be.
pub(super) fn replaced(
    base: &Definition,
    name: &str,
    profile: Option<&Profile>,
) -> std::collections::BTreeMap<String, Profile> {
    let mut profiles = base.profiles.clone();
    match profile {
        Some(profile) => profiles.insert(name.to_owned(), profile.clone()),
        None => profiles.remove(name),
    };
    profiles
}

/// What the profiles use that the folder has and the published definition does
/// not: types, fields, teams and users.
fn unpublished(
    base: &Definition,
    target: &Definition,
    next: &Definition,
    name: Option<&str>,
) -> Vec<String> {
    let mut needs = BTreeSet::new();
    let chosen = next
        .profiles
        .iter()
        .filter(|(known, _)| name.is_none_or(|name| name == *known));
    for (_, profile) in chosen {
        for (id, rule) in &profile.types {
            let mut used: Vec<(TypeId, Option<_>)> = vec![(*id, None)];
            let columns = rule.columns.iter().flatten();
            used.extend(columns.map(|field| (*id, Some(*field))));
            used.extend(rule.related.iter().map(|way| match way {
                Relationship::PointedAtBy {
                    record_type, field, ..
                } => (*record_type, Some(*field)),
                Relationship::PointingAt { field, .. } => (*id, Some(*field)),
            }));
            for (id, field) in used {
                let there = base.types.get(&id).filter(|of| !of.retired);
                let wanted = target.types.get(&id);
                let type_name = wanted.map_or("?", |of| of.name.as_str());
                let Some(there) = there else {
                    needs.insert(format!("record type `{type_name}` is"));
                    continue;
                };
                let Some(field) = field.filter(|field| !there.fields.contains_key(field)) else {
                    continue;
                };
                let field = wanted.and_then(|of| of.fields.get(&field));
                let field = field.map_or("?", |field| field.name.as_str());
                needs.insert(format!("field `{type_name}.{field}` is"));
            }
        }
        let members = &profile.members;
        let teams = members.teams.iter();
        let teams = teams.filter(|team| !base.teams.contains_key(*team));
        needs.extend(teams.map(|team| format!("team `{team}` is")));
        let roles = members.roles.iter();
        let roles = roles.filter(|role| !base.roles.contains_key(*role));
        needs.extend(roles.map(|role| format!("role `{role}` is")));
        let users = members.users.iter();
        let users = users.filter(|user| !base.users.contains_key(*user));
        needs.extend(users.map(|user| format!("user `{user}` is")));
    }
    needs.into_iter().collect()
}

/// What becomes other in the profiles, or in one, a sentence for each change.
pub(super) fn changes(base: &Definition, target: &Definition, name: Option<&str>) -> Vec<String> {
    let of_profile = |change: &DefinitionChange| {
        let changed = match change {
            DefinitionChange::Profile(changed, _)
            | DefinitionChange::ProfileType(changed, ..)
            | DefinitionChange::Users(Group::Profile(changed), _) => changed,
            _ => return false,
        };
        name.is_none_or(|name| name == changed)
    };
    let changes = base.changes_to(target);
    let changes: Vec<DefinitionChange> = changes.into_iter().filter(of_profile).collect();
    // Types that are new in the folder have their names there.
    let named = Definition {
        types: target.types.clone(),
        ..base.clone()
    };
    text::describe(&changes, &named)
}

pub(super) fn show_diff(view: &Difference, output: &Output) -> Result<(), Failure> {
    view.changes
        .iter()
        .try_for_each(|change| output.line(change))?;
    output.say(match view.changes.len() {
        0 => format!(
            "The profiles are as definition {}, which is in force, has them.",
            view.definition
        ),
        number => format!(
            "{} to definition {}; `cairn profile preview` with the folder says who would gain and lose what, `cairn profile publish` publishes them.",
            count(number as u64, "change"),
            view.definition
        ),
    });
    Ok(())
}

pub(super) fn show_published(view: &Difference, output: &Output) -> Result<(), Failure> {
    view.changes
        .iter()
        .try_for_each(|change| output.line(change))?;
    output.say(match view.changes.len() {
        0 => format!(
            "Nothing to publish: definition {} has it like this already.",
            view.definition
        ),
        _ => format!(
            "Published as definition {}. Devices get what changes for them with their next sync.",
            view.definition
        ),
    });
    Ok(())
}
