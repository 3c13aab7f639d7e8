//! Rights read straight off the definition, without regard to cost.

use super::{JOB, Ownership, Reach, Security};
use crate::definition::{Access, Definition, Depth, Hierarchy, Right};
use crate::id::{RecordId, TypeId};

pub(super) fn principals(definition: &Definition) -> Vec<RecordId> {
    let users = definition
        .users
        .keys()
        .map(|login| Definition::user_record(login));
    let teams = definition
        .teams
        .keys()
        .map(|name| Definition::team_record(name));
    users.chain(teams).collect()
}

fn unit_of(definition: &Definition, record: RecordId) -> Option<String> {
    for (login, user) in &definition.users {
        if Definition::user_record(login) == record {
            return user.business_unit.clone();
        }
    }
    for (name, team) in &definition.teams {
        if Definition::team_record(name) == record {
            return team.business_unit.clone();
        }
    }
    None
}

fn own_records(definition: &Definition, login: &str) -> Vec<RecordId> {
    let mut records = vec![Definition::user_record(login)];
    for (name, team) in &definition.teams {
        if team.members.contains(login) {
            records.push(Definition::team_record(name));
        }
    }
    records
}

/// Whether unit `inner` is `outer` or below it.
fn is_within(definition: &Definition, inner: &str, outer: &str) -> bool {
    inner == outer
        || definition.business_units[inner]
            .parent
            .as_ref()
            .is_some_and(|parent| is_within(definition, parent, outer))
}

fn is_below(definition: &Definition, below: &str, above: &str, steps: u8) -> bool {
    if steps == 0 {
        return false;
    }
    let Some(manager) = &definition.users[below].manager else {
        return false;
    };
    manager == above || is_below(definition, manager, above, steps - 1)
}

fn is_position_below(definition: &Definition, below: &str, above: &str, steps: u8) -> bool {
    if steps == 0 {
        return false;
    }
    let Some(parent) = &definition.positions[below].parent else {
        return false;
    };
    parent == above || is_position_below(definition, parent, above, steps - 1)
}

fn is_subordinate(definition: &Definition, below: &str, above: &str, right: Right) -> bool {
    let steps = |levels: u8| match right {
        Right::Read => levels,
        Right::Write | Right::Append => 1,
        _ => 0,
    };
    match definition.hierarchy {
        Hierarchy::None => false,
        Hierarchy::Manager(levels) => is_below(definition, below, above, steps(levels)),
        Hierarchy::Position(levels) => {
            let of = |login: &str| definition.users[login].position.clone();
            match (of(below), of(above)) {
                (Some(below), Some(above)) => {
                    is_position_below(definition, &below, &above, steps(levels))
                }
                _ => false,
            }
        }
    }
}

pub(super) fn may(
    definition: &Definition,
    login: &str,
    right: Right,
    id: TypeId,
    ownership: &Ownership,
) -> bool {
    let user = &definition.users[login];
    if user.access == Access::Read && right != Right::Read {
        return false;
    }
    if definition.roles.is_empty() {
        return true;
    }
    let mut held: Vec<(&String, Option<String>)> = Vec::new();
    for role in &user.roles {
        held.push((role, user.business_unit.clone()));
    }
    for team in definition
        .teams
        .values()
        .filter(|team| team.members.contains(login))
    {
        for role in &team.roles {
            held.push((role, team.business_unit.clone()));
        }
    }
    let owner = ownership.owner.filter(|_| id == JOB);
    let own = own_records(definition, login);
    let mut granted = false;
    for (role, unit) in held {
        let role = &definition.roles[role];
        let rights = role.types.get(&id).unwrap_or(&role.others);
        let depth = rights.get(&right).copied().unwrap_or(Depth::None);
        granted |= depth != Depth::None;
        let owned_in = owner.and_then(|owner| unit_of(definition, owner));
        let within = match depth {
            Depth::Organization => true,
            Depth::BusinessUnit => unit.is_some() && unit == owned_in,
            Depth::BusinessUnitAndBelow => match (&unit, &owned_in) {
                (Some(unit), Some(inner)) => is_within(definition, inner, unit),
                _ => false,
            },
            Depth::User | Depth::None => false,
        };
        if within {
            return true;
        }
    }
    if !granted {
        return false;
    }
    let subordinates = definition.users.keys().filter(|below| {
        owner == Some(Definition::user_record(below))
            && is_subordinate(definition, below, login, right)
    });
    let shared = id == JOB
        && own.iter().any(|record| {
            ownership.writers.contains(record) && matches!(right, Right::Read | Right::Write)
                || ownership.readers.contains(record) && right == Right::Read
        });
    owner.is_some_and(|owner| own.contains(&owner)) || shared || subordinates.count() > 0
}

/// What a reach says of a record.
pub(super) fn reached(
    security: &Security,
    reach: &Reach,
    login: &str,
    right: Right,
    id: TypeId,
    ownership: &Ownership,
) -> bool {
    let owner = ownership.owner.filter(|_| id == JOB);
    let within = owner.and_then(|owner| security.unit_of(owner));
    let own = security.principals(login);
    let shared = !ownership.writers.is_disjoint(&own)
        || right == Right::Read && !ownership.readers.is_disjoint(&own);
    reach.everything
        || owner.is_some_and(|owner| reach.owners.contains(&owner))
        || within.is_some_and(|unit| reach.units.contains(unit))
        || reach.shared && shared
}
