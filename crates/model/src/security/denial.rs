//! Why somebody may not, in words.

use super::{Granted, Ownership, Person, Principal, Security};
use crate::definition::{Depth, Right};
use crate::id::TypeId;

/// Why a user may not do something with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Denial {
    /// The right that is missing.
    pub right: Right,
    /// The least depth that would do; `None` where none would.
    pub needed: Option<Depth>,
    /// The whole in a sentence.
    pub what: String,
}

impl Denial {
    pub(super) fn of_nobody(login: &str, right: Right) -> Denial {
        Denial {
            right,
            needed: None,
            what: format!("{login} is no longer a user."),
        }
    }

    pub(super) fn of_reader(login: &str, right: Right) -> Denial {
        Denial {
            right,
            needed: None,
            what: format!("{login} may read records but not change them."),
        }
    }
}

impl Security {
    pub(super) fn denial(
        &self,
        person: &Person,
        granted: &Granted,
        record_type: TypeId,
        right: Right,
        ownership: &Ownership,
    ) -> Denial {
        let subject = self.types.get(&record_type);
        let label = subject.map_or("record", |subject| subject.label.as_str());
        let owned = subject.is_some_and(|subject| subject.owned);
        let owner = ownership.owner.filter(|_| owned);
        let principal = owner.and_then(|owner| self.principals.get(&owner)).copied();
        let needed = principal.map_or(Depth::Organization, |principal| {
            self.needed(person, principal)
        });
        let whose = match (principal, owner) {
            (Some(Principal::User(user)), _) => {
                format!("belongs to {}", self.people[user as usize].login)
            }
            (Some(Principal::Team(team)), _) => {
                format!("belongs to team {}", self.teams[team as usize].name)
            }
            (None, Some(_)) => "belongs to somebody who is no user or team any more".to_owned(),
            (None, None) if owned => "belongs to nobody".to_owned(),
            (None, None) => "has no owner, as all of its type".to_owned(),
        };
        let (login, verb) = (&person.login, verb(right));
        let needed_name = needed.name();
        let right_name = right.name();
        let what = if granted.any() {
            let depth = granted.depth.name();
            format!(
                "{login} may {verb} a {label} with depth `{depth}` only, and this one {whose}; `{right_name}` with depth `{needed_name}` would do."
            )
        } else if self.bundles[person.bundle as usize].roles.is_empty() {
            format!(
                "{login} has no role and may not {verb} a {label}; this one {whose}, so a role with `{right_name}` of depth `{needed_name}` would do."
            )
        } else {
            format!(
                "No role of {login}'s lets them {verb} a {label}; this one {whose}, so `{right_name}` with depth `{needed_name}` would do."
            )
        };
        Denial {
            right,
            needed: Some(needed),
            what,
        }
    }

    /// The least depth, in a unit where the user can hold a role, that reaches
    /// what a principal owns.
    fn needed(&self, person: &Person, principal: Principal) -> Depth {
        let own = match principal {
            Principal::User(user) => self.people[user as usize].record == person.record,
            Principal::Team(team) => person.teams.contains(&team),
        };
        if own {
            return Depth::User;
        }
        let Some(unit) = self.unit(principal) else {
            return Depth::Organization;
        };
        let teams = person
            .teams
            .iter()
            .map(|team| self.teams[*team as usize].unit);
        let held: Vec<u32> = teams.chain([person.unit]).flatten().collect();
        if held.contains(&unit) {
            Depth::BusinessUnit
        } else if held
            .iter()
            .any(|held| self.units.with_below(*held).contains(&unit))
        {
            Depth::BusinessUnitAndBelow
        } else {
            Depth::Organization
        }
    }
}

fn verb(right: Right) -> &'static str {
    match right {
        Right::Create => "create",
        Right::Read => "read",
        Right::Write => "change",
        Right::Delete => "delete",
        Right::Assign => "assign",
        Right::Share => "share",
        Right::Append => "point at",
    }
}
