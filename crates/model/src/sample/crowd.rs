//! Many people, to try an organization on that is larger than its template.

use crate::definition::{BusinessUnit, Definition, Team, User};
use std::collections::BTreeSet;

/// People in a team, and in a business unit.
const TEAM: u32 = 10;
const UNIT: u32 = 100;
/// The unit above all others.
const TOP: &str = "whole";

/// Adds `users` people, in teams of ten and business units of a hundred, and
/// makes them members of every offline profile.
pub fn crowd(definition: &mut Definition, users: u32) {
    let top = BusinessUnit {
        label: "Whole organization".to_owned(),
        parent: None,
    };
    let units = &mut definition.business_units;
    let top_name = units
        .iter()
        .find(|(_, unit)| unit.parent.is_none())
        .map_or_else(|| TOP.to_owned(), |(name, _)| name.clone());
    units.entry(top_name.clone()).or_insert(top);
    for number in 0..users {
        let unit = format!("unit_{:03}", number / UNIT);
        let of_unit = BusinessUnit {
            label: format!("Unit {}", number / UNIT),
            parent: Some(top_name.clone()),
        };
        let units = &mut definition.business_units;
        units.entry(unit.clone()).or_insert(of_unit);
        let login = format!("person_{number:05}");
        let mut user = User::new(&format!("Person {number}"));
        user.business_unit = Some(unit.clone());
        definition.users.insert(login.clone(), user);
        let of_team = Team {
            business_unit: Some(unit),
            ..Team::new(&format!("Team {}", number / TEAM), BTreeSet::new())
        };
        let team = format!("team_{:04}", number / TEAM);
        let team = definition.teams.entry(team).or_insert(of_team);
        team.members.insert(login.clone());
        for profile in definition.profiles.values_mut() {
            profile.members.users.insert(login.clone());
        }
    }
}
