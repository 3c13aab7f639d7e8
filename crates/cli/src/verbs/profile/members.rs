//! `cairn profile members`: who a profile is for.

use super::super::org::Difference;
use super::{definition, draft, missing, named};
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::Output;
use cairn_model::Definition;
use cairn_model::definition::{Members, Profile};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How the members of a profile change. A name is a login, `team:NAME` or
/// `role:NAME`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub(super) profile: String,
    pub(super) add: Vec<String>,
    pub(super) remove: Vec<String>,
}

/// What was published, and who was moved for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Joined {
    #[serde(flatten)]
    published: Difference,
    /// A sentence for each user who had to leave another profile.
    moved: Vec<String>,
}

/// A member by kind.
enum Member<'a> {
    User(&'a str),
    Team(&'a str),
    Role(&'a str),
}

impl<'a> Member<'a> {
    fn read(name: &'a str, definition: &Definition) -> Result<Member<'a>, Failure> {
        let known = |what, name: &str, all: BTreeSet<&str>| match all.contains(name) {
            true => Ok(()),
            false => Err(missing(what, name, all.iter().copied())),
        };
        Ok(match name.split_once(':') {
            Some(("team", name)) => {
                let all = definition.teams.keys().map(String::as_str).collect();
                known("team", name, all)?;
                Member::Team(name)
            }
            Some(("role", name)) => {
                let all = definition.roles.keys().map(String::as_str).collect();
                known("role", name, all)?;
                Member::Role(name)
            }
            _ => {
                let all = definition.users.keys().map(String::as_str).collect();
                known("user", name, all)?;
                Member::User(name)
            }
        })
    }

    fn of<'m>(&self, members: &'m mut Members) -> (&'m mut BTreeSet<String>, &'a str) {
        match self {
            Member::User(name) => (&mut members.users, name),
            Member::Team(name) => (&mut members.teams, name),
            Member::Role(name) => (&mut members.roles, name),
        }
    }
}

/// Publishes a profile with other members. Who joins an exclusive profile, or
/// leaves one for another, is moved.
pub(super) async fn change(relay: &RelayHost, change: Membership) -> Result<Joined, Failure> {
    let base = definition(relay).await?;
    let name = &change.profile;
    let mut profiles = base.profiles.clone();
    let mut profile: Profile = named(&base, name)?.clone();
    let mut moved = Vec::new();
    for member in &change.remove {
        let member = Member::read(member, &base)?;
        let (members, member) = member.of(&mut profile.members);
        if !members.remove(member) {
            return Err(Failure::usage(format!(
                "{member} is not named as a member of profile `{name}`; `cairn profile show {name}` says who is"
            )));
        }
    }
    for member in &change.add {
        let member = Member::read(member, &base)?;
        let (members, login) = member.of(&mut profile.members);
        members.insert(login.to_owned());
        if let Member::User(login) = member {
            let others = profiles.iter_mut().filter(|(other, _)| *other != name);
            for (other, of_other) in others {
                let exclusive = profile.exclusive || of_other.exclusive;
                if exclusive && of_other.members.users.remove(login) {
                    let which = if profile.exclusive { name } else { other };
                    moved.push(format!(
                        "{login} left profile `{other}` for `{name}`, because `{which}` is exclusive."
                    ));
                }
            }
        }
    }
    profiles.insert(name.clone(), profile);
    let next = Definition {
        profiles,
        ..base.clone()
    };
    let published = draft::put(relay, &base, next, None).await?;
    Ok(Joined { published, moved })
}

pub(super) fn show(joined: &Joined, output: &Output) -> Result<(), Failure> {
    for sentence in &joined.moved {
        output.say(format!("warning: {sentence}"));
    }
    draft::show_published(&joined.published, output)
}
