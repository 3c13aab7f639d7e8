//! `cairn profile list`.

use super::words::{members_words, some_of};
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::{Output, count};
use cairn_model::definition::{Profile, WithoutProfile};
use cairn_model::{Definition, Security};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Users in no profile that are named.
const NAMED_MAX: usize = 10;

/// The profiles, and who is in none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(super) profiles: Vec<Row>,
    pub(super) without: Without,
}

/// A profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(super) name: String,
    label: String,
    users: BTreeSet<String>,
    teams: BTreeSet<String>,
    roles: BTreeSet<String>,
    exclusive: bool,
    types: Vec<String>,
    /// How many users that makes.
    pub(super) user_count: usize,
}

/// Users in no profile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Without {
    /// What they hold: `everything` they may read, or `nothing`.
    pub(super) holds: WithoutProfile,
    pub(super) users: Vec<String>,
}

pub(super) async fn list(relay: &RelayHost) -> Result<Listed, Failure> {
    Ok(of(&super::definition(relay).await?))
}

fn of(definition: &Definition) -> Listed {
    let security = Security::of(definition);
    let is_in = |profile: &Profile, login: &str| security.includes(&profile.members, login);
    let row = |(name, profile): (&String, &Profile)| {
        let logins = definition.users.keys();
        let types = profile.types.keys();
        let types = types.filter_map(|id| definition.types.get(id));
        Row {
            name: name.clone(),
            label: profile.label.clone(),
            users: profile.members.users.clone(),
            teams: profile.members.teams.clone(),
            roles: profile.members.roles.clone(),
            exclusive: profile.exclusive,
            types: types.map(|of_type| of_type.name.clone()).collect(),
            user_count: logins.filter(|login| is_in(profile, login)).count(),
        }
    };
    let in_none = |login: &&String| {
        let mut profiles = definition.profiles.values();
        !profiles.any(|profile| is_in(profile, login))
    };
    Listed {
        profiles: definition.profiles.iter().map(row).collect(),
        without: Without {
            holds: definition.without_profile,
            users: definition.users.keys().filter(in_none).cloned().collect(),
        },
    }
}

impl Listed {
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let rows = self.profiles.iter().map(|row| {
            let exclusive = if row.exclusive { ", exclusive" } else { "" };
            vec![
                row.name.clone(),
                format!("{}{exclusive}", row.label),
                members_words(&row.users, &row.teams, &row.roles),
                row.user_count.to_string(),
                row.types.join(", "),
            ]
        });
        let rows: Vec<Vec<String>> = rows.collect();
        match rows.is_empty() {
            true => output.say("There is no offline profile."),
            false => output.table(&["profile", "label", "members", "users", "types"], rows)?,
        }
        let Without { holds, users } = &self.without;
        if users.is_empty() {
            output.say("Every user is in a profile.");
            return Ok(());
        }
        let held = match holds {
            WithoutProfile::Everything => {
                "their devices hold every record they may read (without_profile = \"everything\")"
            }
            WithoutProfile::Nothing => {
                "their devices hold only what they follow, have just created or have to decide (without_profile = \"nothing\")"
            }
        };
        let (number, verb) = (
            users.len() as u64,
            if users.len() == 1 { "is" } else { "are" },
        );
        output.say(format!(
            "{} {verb} in no profile, and {held}: {}.",
            count(number, "user"),
            some_of(users, NAMED_MAX)
        ));
        Ok(())
    }
}
