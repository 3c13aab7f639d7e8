//! Changes of who may do what, and of what is held offline.

use super::crew::{columns, filter_named};
use super::{find_field, login, type_named};
use crate::schedule::DefinitionStep;
use cairn_model::definition::{Depth, Right};
use cairn_model::{Definition, User};

fn put(set: &mut std::collections::BTreeSet<String>, name: &str, there: bool) {
    match there {
        true => drop(set.insert(name.to_owned())),
        false => drop(set.remove(name)),
    }
}

/// Makes such a change; `None` when there is nothing to make it on.
pub(super) fn change(next: &mut Definition, step: &DefinitionStep) -> Option<()> {
    match step {
        DefinitionStep::Role { user, role, held } => {
            next.roles.get(role)?;
            let user = next.users.get_mut(&login(*user))?;
            put(&mut user.roles, role, *held);
        }
        DefinitionStep::Member { user, team, member } => {
            next.users.get(&login(*user))?;
            put(
                &mut next.teams.get_mut(team)?.members,
                &login(*user),
                *member,
            );
        }
        DefinitionStep::Unit { user, unit } => {
            next.business_units.get(unit)?;
            next.users.get_mut(&login(*user))?.business_unit = Some(unit.clone());
        }
        DefinitionStep::User { user, there: true } => {
            let name = format!("User {user}");
            let fresh = next.users.entry(login(*user));
            fresh.or_insert_with(|| User::new(&name));
        }
        DefinitionStep::User { user, .. } => gone(next, &login(*user)),
        DefinitionStep::Depth { role, right, depth } => {
            let right = Right::ALL.into_iter().find(|known| known.name() == right)?;
            let depth = Depth::ALL.into_iter().find(|known| known.name() == depth)?;
            for rights in next.roles.get_mut(role)?.types.values_mut() {
                rights.insert(right, depth);
            }
        }
        DefinitionStep::Secure {
            record_type,
            field,
            secured,
        } => find_field(next, record_type, field)?.secured = *secured,
        DefinitionStep::Trust { user, trusted } => {
            next.users.get(&login(*user))?;
            let audience = next.field_security.get_mut("know")?;
            put(&mut audience.members.users, &login(*user), *trusted);
        }
        DefinitionStep::Filter { profile, filter } => {
            let filter = filter_named(filter)?;
            let job = next.type_named("job")?.id;
            let rule = next.profiles.get_mut(profile)?.types.get_mut(&job)?;
            rule.filter = filter;
        }
        DefinitionStep::Columns { profile, fields } => {
            let job = next.type_named("job")?.id;
            let columns = columns(next, fields)?;
            let rule = next.profiles.get_mut(profile)?.types.get_mut(&job)?;
            rule.columns = (!fields.is_empty()).then_some(columns);
        }
        DefinitionStep::Profile {
            user,
            profile,
            member,
        } => {
            next.users.get(&login(*user))?;
            let profile = next.profiles.get_mut(profile)?;
            put(&mut profile.members.users, &login(*user), *member);
        }
        DefinitionStep::Offline {
            record_type,
            offline,
        } => type_named(next, record_type)?.offline = *offline,
        _ => return None,
    }
    Some(())
}

/// Nobody is named any more who is no user.
fn gone(next: &mut Definition, login: &str) {
    next.users.remove(login);
    for user in next.users.values_mut() {
        user.manager.take_if(|manager| manager == login);
    }
    for team in next.teams.values_mut() {
        team.members.remove(login);
    }
    for audience in next.field_security.values_mut() {
        audience.members.users.remove(login);
    }
    for profile in next.profiles.values_mut() {
        profile.members.users.remove(login);
    }
}
