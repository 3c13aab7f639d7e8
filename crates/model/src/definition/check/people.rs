//! Business units, positions, users and teams: what they name, and trees.

use super::Faults;
use super::tree::cycles;
use crate::definition::{Definition, Hierarchy};
use crate::limit;
use std::collections::{BTreeMap, BTreeSet};

/// Minutes that an organization's days can be behind and ahead of UTC.
const UTC_OFFSETS: std::ops::RangeInclusive<i16> = -12 * 60..=14 * 60;

impl Definition {
    pub(super) fn people_faults(&self, faults: &mut Faults) {
        if !UTC_OFFSETS.contains(&self.utc_offset) {
            faults.add(
                "organization, utc_offset",
                format!("no place is {} minutes ahead of UTC", self.utc_offset),
                "write an offset from \"-12:00\" to \"+14:00\"",
            );
        }
        if let Hierarchy::Manager(0) | Hierarchy::Position(0) = self.hierarchy {
            faults.add(
                "organization, hierarchy",
                "it reaches no level",
                "write `levels` of 1 and more, or leave out `hierarchy`",
            );
        }
        self.count_faults(faults);
        self.unit_faults(faults);
        self.position_faults(faults);
        self.user_faults(faults);
        self.team_faults(faults);
    }

    fn count_faults(&self, faults: &mut Faults) {
        for (count, what, most) in [
            (self.users.len(), "users", limit::USERS_MAX),
            (self.teams.len(), "teams", limit::TEAMS_MAX),
            (
                self.business_units.len(),
                "business units",
                limit::UNITS_MAX,
            ),
            (self.positions.len(), "positions", limit::UNITS_MAX),
            (self.roles.len(), "roles", limit::ROLES_MAX),
            (
                self.field_security.len(),
                "parts of field security",
                limit::ROLES_MAX,
            ),
            (self.profiles.len(), "profiles", limit::ROLES_MAX),
        ] {
            if count > most {
                faults.add(
                    "organization",
                    format!("{count} {what} are too many"),
                    format!("at most {most} are possible"),
                );
            }
        }
    }

    fn unit_faults(&self, faults: &mut Faults) {
        let mut parents = BTreeMap::new();
        let mut roots = Vec::new();
        for (name, unit) in &self.business_units {
            match &unit.parent {
                None => roots.push(name.as_str()),
                Some(parent) if self.business_units.contains_key(parent) => {
                    parents.insert(name.as_str(), parent.as_str());
                }
                Some(parent) => faults.add(
                    &format!("business unit {name}, parent"),
                    format!("there is no business unit `{parent}`"),
                    "name one that there is",
                ),
            }
        }
        if let [first, others @ ..] = &roots[..] {
            for other in others {
                faults.add(
                    &format!("business unit {other}, parent"),
                    format!("`{first}` and `{other}` both have no parent, but there is one top"),
                    format!("give it a `parent`, such as \"{first}\""),
                );
            }
        }
        tell_cycles(&parents, "business unit", "parent", faults);
    }

    fn position_faults(&self, faults: &mut Faults) {
        let mut parents = BTreeMap::new();
        for (name, position) in &self.positions {
            match &position.parent {
                Some(parent) if self.positions.contains_key(parent) => {
                    parents.insert(name.as_str(), parent.as_str());
                }
                Some(parent) => faults.add(
                    &format!("position {name}, parent"),
                    format!("there is no position `{parent}`"),
                    "name one that there is",
                ),
                None => {}
            }
        }
        tell_cycles(&parents, "position", "parent", faults);
    }

    fn user_faults(&self, faults: &mut Faults) {
        let mut managers = BTreeMap::new();
        for (login, user) in &self.users {
            let place = |part: &str| format!("user {login}, {part}");
            self.unit_named(&user.business_unit, || place("business_unit"), faults);
            self.roles_named(&user.roles, || place("roles"), faults);
            if let Some(position) = &user.position
                && !self.positions.contains_key(position)
            {
                faults.add(
                    &place("position"),
                    format!("there is no position `{position}`"),
                    "name one that there is",
                );
            }
            match &user.manager {
                Some(manager) if self.users.contains_key(manager) => {
                    managers.insert(login.as_str(), manager.as_str());
                }
                Some(manager) => faults.add(
                    &place("manager"),
                    format!("manager `{manager}` is no user"),
                    "name a user's login, or add the user",
                ),
                None => {}
            }
        }
        tell_cycles(&managers, "user", "manager", faults);
    }

    fn team_faults(&self, faults: &mut Faults) {
        for (name, team) in &self.teams {
            for member in team.members.iter().filter(|m| !self.users.contains_key(*m)) {
                faults.add(
                    &format!("team {name}"),
                    format!("member `{member}` is no user"),
                    "name a user's login, or add the user",
                );
            }
            let place = |part: &str| format!("team {name}, {part}");
            self.unit_named(&team.business_unit, || place("business_unit"), faults);
            self.roles_named(&team.roles, || place("roles"), faults);
        }
    }

    fn unit_named(
        &self,
        unit: &Option<String>,
        place: impl FnOnce() -> String,
        faults: &mut Faults,
    ) {
        if let Some(unit) = unit
            .as_ref()
            .filter(|unit| !self.business_units.contains_key(*unit))
        {
            faults.add(
                &place(),
                format!("there is no business unit `{unit}`"),
                "name one that there is",
            );
        }
    }

    pub(super) fn roles_named(
        &self,
        roles: &BTreeSet<String>,
        place: impl Fn() -> String,
        faults: &mut Faults,
    ) {
        for role in roles.iter().filter(|role| !self.roles.contains_key(*role)) {
            faults.add(
                &place(),
                format!("there is no role `{role}`"),
                "name one that there is",
            );
        }
    }
}

fn tell_cycles(parents: &BTreeMap<&str, &str>, what: &str, part: &str, faults: &mut Faults) {
    for cycle in cycles(parents) {
        let wrong = match cycle[..] {
            [one] => format!("`{one}` is above itself"),
            _ => format!(
                "these go round in a circle: {}, {}",
                cycle.join(", "),
                cycle[0]
            ),
        };
        let instead = format!("leave out one `{part}`");
        faults.add(&format!("{what} {}, {part}", cycle[0]), wrong, instead);
    }
}
