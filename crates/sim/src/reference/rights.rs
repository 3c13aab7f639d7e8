//! Who may do what, said again: asked of the definition every time, with
//! nothing compiled.

use cairn_model::definition::{Access, Depth, Hierarchy, Members, Right, Team, User};
use cairn_model::{Definition, FieldId, RecordId, TypeId};
use std::collections::BTreeSet;

/// Whose a record is, and whom it is shared with.
#[derive(Debug, Clone, Default)]
pub struct Whose {
    /// The user's or team's record that owns it.
    pub owner: Option<RecordId>,
    /// Those it may be read by.
    pub readers: BTreeSet<RecordId>,
    /// Those it may be read and written by.
    pub writers: BTreeSet<RecordId>,
}

/// The rights of a user under a definition.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    definition: &'a Definition,
    login: &'a str,
}

impl<'a> Rights<'a> {
    /// Of a user, who need not be one.
    pub fn of(definition: &'a Definition, login: &'a str) -> Rights<'a> {
        Rights { definition, login }
    }

    /// The user, if there is one.
    pub fn user(&self) -> Option<&'a User> {
        self.definition.users.get(self.login)
    }

    /// The user's teams, by name.
    pub fn teams(&self) -> impl Iterator<Item = (&'a String, &'a Team)> {
        let teams = self.definition.teams.iter();
        teams.filter(|(_, team)| team.members.contains(self.login))
    }

    /// Whether a record stands for the user or for one of the user's teams.
    pub fn is_me(&self, record: RecordId) -> bool {
        record == Definition::user_record(self.login) || self.is_my_team(record)
    }

    /// Whether a record stands for one of the user's teams.
    pub fn is_my_team(&self, record: RecordId) -> bool {
        self.teams()
            .any(|(name, _)| record == Definition::team_record(name))
    }

    /// The business unit of what an owner owns.
    pub fn unit_of(&self, owner: RecordId) -> Option<&'a str> {
        let users = self.definition.users.iter();
        let mut users = users.filter(|(login, _)| Definition::user_record(login) == owner);
        let teams = self.definition.teams.iter();
        let mut teams = teams.filter(|(name, _)| Definition::team_record(name) == owner);
        match (users.next(), teams.next()) {
            (Some((_, user)), _) => user.business_unit.as_deref(),
            (None, Some((_, team))) => team.business_unit.as_deref(),
            (None, None) => None,
        }
    }

    fn lies_within(&self, unit: &str, top: &str) -> bool {
        let above = |unit: &str| self.definition.business_units.get(unit)?.parent.clone();
        unit == top || above(unit).is_some_and(|parent| self.lies_within(&parent, top))
    }

    /// Whether the user is a superior of an owner, so many levels up at most.
    fn is_above(&self, owner: RecordId, right: Right) -> bool {
        let most = match right {
            Right::Read => u8::MAX,
            Right::Write | Right::Append => 1,
            _ => return false,
        };
        let users = &self.definition.users;
        let owners = users.iter();
        let mut owners = owners.filter(|(login, _)| Definition::user_record(login) == owner);
        let Some((_, owner)) = owners.next() else {
            return false;
        };
        let climbs =
            |levels: u8, first: Option<&str>, goal: &str, up: &dyn Fn(&str) -> Option<String>| {
                let mut at = first.map(str::to_owned);
                (0..levels.min(most)).any(|_| {
                    let here = at.take();
                    at = here.as_deref().and_then(up);
                    here.as_deref() == Some(goal)
                })
            };
        match self.definition.hierarchy {
            Hierarchy::None => false,
            Hierarchy::Manager(levels) => {
                climbs(levels, owner.manager.as_deref(), self.login, &|login| {
                    users.get(login)?.manager.clone()
                })
            }
            Hierarchy::Position(levels) => {
                let positions = &self.definition.positions;
                let above = |position: &str| positions.get(position)?.parent.clone();
                let first = owner.position.as_deref().and_then(above);
                let goal = self.user().and_then(|user| user.position.as_deref());
                goal.is_some_and(|goal| climbs(levels, first.as_deref(), goal, &above))
            }
        }
    }

    /// Whether the user may, and else the rejection's code.
    pub fn may(&self, right: Right, of: TypeId, whose: &Whose) -> Result<(), &'static str> {
        let user = self.user().ok_or("privilege.denied")?;
        if user.access == Access::Read && right != Right::Read {
            return Err("privilege.denied");
        }
        if self.definition.roles.is_empty() {
            return Ok(());
        }
        match self.roles_reach(user, right, of, whose) {
            true => Ok(()),
            false => Err(match right {
                Right::Create => "privilege.create",
                Right::Read => "privilege.read",
                Right::Write => "privilege.write",
                Right::Delete => "privilege.delete",
                Right::Assign => "privilege.assign",
                Right::Share => "privilege.share",
                Right::Append => "privilege.append",
            }),
        }
    }

    fn roles_reach(&self, user: &User, right: Right, of: TypeId, whose: &Whose) -> bool {
        let own = user.roles.iter().map(|role| (role, &user.business_unit));
        let of_teams = self
            .teams()
            .flat_map(|(_, team)| team.roles.iter().map(|role| (role, &team.business_unit)));
        let record_type = self.definition.types.get(&of);
        let owner = whose
            .owner
            .filter(|_| record_type.is_some_and(|of| of.owner.is_some()));
        let owned_in = owner.and_then(|owner| self.unit_of(owner));
        let mut granted = false;
        for (role, unit) in own.chain(of_teams) {
            let Some(role) = self.definition.roles.get(role) else {
                continue;
            };
            let rights = role.types.get(&of).unwrap_or(&role.others);
            let depth = rights.get(&right).copied().unwrap_or(Depth::None);
            granted |= depth != Depth::None;
            let reaches = match (depth, unit.as_deref(), owned_in) {
                (Depth::Organization, _, _) => true,
                (Depth::BusinessUnit, Some(unit), Some(owned)) => unit == owned,
                (Depth::BusinessUnitAndBelow, Some(unit), Some(owned)) => {
                    self.lies_within(owned, unit)
                }
                _ => false,
            };
            if reaches {
                return true;
            }
        }
        // What is owned by a user or team of the definition; others are nobody.
        let stands = |owner: &RecordId| {
            let users = self.definition.users.keys();
            let mut users = users.map(|login| Definition::user_record(login));
            let teams = self.definition.teams.keys();
            let mut teams = teams.map(|name| Definition::team_record(name));
            users.any(|id| id == *owner) || teams.any(|id| id == *owner)
        };
        let mine = owner
            .filter(stands)
            .is_some_and(|owner| self.is_me(owner) || self.is_above(owner, right));
        let shared = |with: &BTreeSet<RecordId>| with.iter().any(|party| self.is_me(*party));
        let shared = match right {
            Right::Read => shared(&whose.readers) || shared(&whose.writers),
            Right::Write => shared(&whose.writers),
            _ => false,
        };
        granted && (mine || shared)
    }

    /// Whether the user is one of some.
    pub fn is_among(&self, members: &Members) -> bool {
        let Some(user) = self.user() else {
            return false;
        };
        members.users.contains(self.login)
            || !user.roles.is_disjoint(&members.roles)
            || self.teams().any(|(name, team)| {
                members.teams.contains(name) || !team.roles.is_disjoint(&members.roles)
            })
    }

    fn is_secured(&self, of: TypeId, field: FieldId) -> bool {
        let field = self
            .definition
            .types
            .get(&of)
            .and_then(|of| of.fields.get(&field));
        field.is_some_and(|field| field.secured)
    }

    /// Whether the user may see what a field holds.
    pub fn may_see(&self, of: TypeId, field: FieldId) -> bool {
        let mut audiences = self.definition.field_security.values();
        let key = (of, field);
        !self.is_secured(of, field)
            || audiences.any(|audience| {
                (audience.read.contains(&key) || audience.update.contains(&key))
                    && self.is_among(&audience.members)
            })
    }

    /// Whether the user may change what a field holds.
    pub fn may_update(&self, of: TypeId, field: FieldId) -> bool {
        let mut audiences = self.definition.field_security.values();
        !self.is_secured(of, field)
            || audiences.any(|audience| {
                audience.update.contains(&(of, field)) && self.is_among(&audience.members)
            })
    }
}
