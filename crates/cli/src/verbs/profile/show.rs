//! `cairn profile show`.

use super::words::{
    combine_words, files_words, filter_words, interval_words, members_words, related_words,
};
use super::{named, past};
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::Output;
use crate::render::time_words;
use cairn_model::Definition;
use cairn_model::definition::{Combine, Files, Members, Profile, ProfileType};
use serde::{Deserialize, Serialize};

/// A profile in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProfileView {
    name: String,
    label: String,
    members: Members,
    exclusive: bool,
    /// Minutes that a record stays with whom it was created by.
    grace_minutes: u32,
    based_on: Option<String>,
    /// The publication that made it what it is.
    since: Option<Since>,
    pub(super) types: Vec<TypeView>,
}

/// A publication.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Since {
    version: u64,
    definition: u32,
    received: String,
    by: String,
}

/// What a profile lets in of a type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TypeView {
    #[serde(rename = "type")]
    record_type: String,
    pub(super) filter: String,
    pub(super) related: Vec<String>,
    combine: Combine,
    columns: Option<Vec<String>>,
    interval: String,
    files: Files,
    rank: u16,
}

pub(super) async fn show(relay: &RelayHost, name: String) -> Result<ProfileView, Failure> {
    let definition = super::definition(relay).await?;
    let profile = named(&definition, &name)?.clone();
    let last = past::changes(relay, name.clone()).await?.pop();
    let since = last.map(|change| Since {
        version: change.version,
        definition: change.definition,
        received: change.received,
        by: "the relay's administrator".to_owned(),
    });
    Ok(view(&definition, name, profile, since))
}

fn view(
    definition: &Definition,
    name: String,
    profile: Profile,
    since: Option<Since>,
) -> ProfileView {
    let types = profile.types.iter();
    let types = types.filter_map(|(id, rule)| {
        let of = definition.types.get(id)?;
        let related = rule.related.iter();
        Some(TypeView {
            record_type: of.name.clone(),
            filter: filter_words(rule, of, definition),
            related: related
                .map(|way| related_words(way, of, definition))
                .collect(),
            combine: rule.combine,
            columns: columns(rule, of),
            interval: interval_words(rule.interval),
            files: rule.files,
            rank: rule.rank,
        })
    });
    let mut types: Vec<TypeView> = types.collect();
    types.sort_by_key(|of_type| of_type.rank);
    ProfileView {
        name,
        label: profile.label,
        members: profile.members,
        exclusive: profile.exclusive,
        grace_minutes: profile.grace,
        based_on: profile.based_on,
        since,
        types,
    }
}

fn columns(rule: &ProfileType, of: &cairn_model::RecordType) -> Option<Vec<String>> {
    let columns = rule.columns.as_ref()?.iter();
    let columns = columns.filter_map(|id| of.fields.get(id));
    Some(columns.map(|field| field.name.clone()).collect())
}

impl ProfileView {
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let Members {
            users,
            teams,
            roles,
        } = &self.members;
        let mut facts = vec![
            ("profile", format!("{}, {}", self.name, self.label)),
            ("members", members_words(users, teams, roles)),
        ];
        if self.exclusive {
            let words = "its members may be in no other profile".to_owned();
            facts.push(("exclusive", words));
        }
        if let Some(origin) = &self.based_on {
            facts.push(("based on", format!("the default profile {origin}")));
        }
        facts.push(("what they create", grace_words(self.grace_minutes)));
        if let Some(since) = &self.since {
            let words = format!(
                "version {} (definition {}), {}, by {}",
                since.version,
                since.definition,
                time_words(&since.received),
                since.by
            );
            facts.push(("published since", words));
        }
        output.facts(&facts)?;
        for of_type in &self.types {
            output.line("")?;
            output.line(&of_type.record_type)?;
            of_type.show(output)?;
        }
        Ok(())
    }
}

fn grace_words(minutes: u32) -> String {
    let span = match minutes {
        0 => return "leaves at once where no filter lets it in".to_owned(),
        minutes if minutes % 1440 == 0 => format!("{} days", minutes / 1440),
        minutes if minutes % 60 == 0 => format!("{} hours", minutes / 60),
        minutes => format!("{minutes} minutes"),
    };
    format!("stays for {span} where no filter lets it in")
}

impl TypeView {
    fn show(&self, output: &Output) -> Result<(), Failure> {
        let mut facts = vec![("  lets in", self.filter.clone())];
        for (place, related) in self.related.iter().enumerate() {
            let word = match (place, self.combine) {
                (0, combine) => combine_words(combine),
                _ => "or",
            };
            facts.push(match word {
                "and" => ("  and", related.clone()),
                _ => ("  or", related.clone()),
            });
        }
        let columns = match &self.columns {
            None => "all".to_owned(),
            Some(columns) => columns.join(", "),
        };
        facts.push(("  fields", columns));
        facts.push(("  updates", self.interval.clone()));
        facts.push(("  files", files_words(self.files).to_owned()));
        facts.push(("  rank", self.rank.to_string()));
        output.facts(&facts)
    }
}
