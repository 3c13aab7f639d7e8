//! `cairn profile preview`.

use super::super::org::{FileText, read_definition, sources};
use super::missing;
use super::words::{bytes_words, seconds_words};
use crate::clock::now;
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::Output;
use crate::render::shortened;
use cairn_model::{Definition, RecordId, Security, TypeId};
use cairn_relay::Relay;
use cairn_relay::ask::{Outlook, Packed};
use cairn_scope::{TypePreview, UserPreview};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Users looked at unless they are named.
const USERS_MAX: usize = 10;
/// Seconds that a first download takes besides its bytes: connecting, and the
/// definition.
const FIXED_SECONDS: f64 = 0.5;
/// Characters of an example's title.
const EXAMPLE_CHARACTERS_MAX: usize = 40;

/// What users would hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PreviewView {
    /// The definition in force.
    definition: u32,
    /// Whether a draft was looked at, or what is published.
    draft: bool,
    /// Users who are in a profile in question.
    users_in_question: usize,
    /// Bits a second.
    bandwidth: u64,
    pub(super) users: Vec<UserView>,
    pub(super) warnings: Vec<WarningView>,
}

/// What one user would hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct UserView {
    pub(super) user: String,
    profiles: Vec<String>,
    pub(super) records: u64,
    bytes: u64,
    /// About how many bytes travel.
    pub(super) packed_bytes: u64,
    first_sync_seconds: f64,
    pub(super) gains: u64,
    pub(super) loses: u64,
    pub(super) types: Vec<TypeView>,
}

/// What one user would hold of one type.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TypeView {
    #[serde(rename = "type")]
    record_type: String,
    records: u64,
    bytes: u64,
    gains: u64,
    gained: Vec<String>,
    loses: u64,
    lost: Vec<String>,
}

/// Something that works, and may not be what was meant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WarningView {
    pub(super) code: String,
    place: String,
    words: String,
}

pub(super) async fn preview(
    relay: &RelayHost,
    files: Option<Vec<FileText>>,
    users: Vec<String>,
    bandwidth: u64,
) -> Result<PreviewView, Failure> {
    let base = super::definition(relay).await?;
    let is_draft = files.is_some();
    let draft = match files {
        Some(files) => read_definition(&sources(files), &base)?,
        None => base.clone(),
    };
    for user in &users {
        if !draft.users.contains_key(user) {
            let known = draft.users.keys().map(String::as_str);
            return Err(missing("user", user, known));
        }
    }
    let members = in_question(&base, &draft);
    let asked = match users.is_empty() {
        true => members.iter().take(USERS_MAX).cloned().collect(),
        false => users,
    };
    relay
        .look(move |relay| {
            let outlook = relay.preview(now(), &draft, &asked);
            let mut view = view(relay, outlook, bandwidth);
            view.definition = base.number;
            view.draft = is_draft;
            view.users_in_question = members.len();
            view
        })
        .await
}

/// Users whom a difference between the definitions may concern: members of
/// the profiles that differ, of all if none does; everybody, if there is none.
fn in_question(base: &Definition, draft: &Definition) -> BTreeSet<String> {
    let names: BTreeSet<&String> = base.profiles.keys().chain(draft.profiles.keys()).collect();
    let differ = |name: &&&String| base.profiles.get(**name) != draft.profiles.get(**name);
    let differing: BTreeSet<&String> = names.iter().filter(differ).copied().collect();
    let names = if differing.is_empty() {
        names
    } else {
        differing
    };
    let mut members = BTreeSet::new();
    for definition in [base, draft] {
        let security = Security::of(definition);
        let profiles = names
            .iter()
            .filter_map(|name| definition.profiles.get(*name));
        for profile in profiles {
            let is_in = |login: &&String| security.includes(&profile.members, login);
            members.extend(definition.users.keys().filter(is_in).cloned());
        }
    }
    members.retain(|login| draft.users.contains_key(login));
    match members.is_empty() {
        true => draft.users.keys().cloned().collect(),
        false => members,
    }
}

fn view(relay: &Relay, outlook: Outlook, bandwidth: u64) -> PreviewView {
    let Outlook { preview, packed } = outlook;
    let users = preview.users.into_iter();
    let warnings = preview.warnings.into_iter();
    PreviewView {
        definition: 0,
        draft: false,
        users_in_question: 0,
        bandwidth,
        users: users
            .map(|user| user_view(relay, user, &packed, bandwidth))
            .collect(),
        warnings: warnings
            .map(|warning| WarningView {
                code: warning.code.to_owned(),
                place: warning.place,
                words: warning.words,
            })
            .collect(),
    }
}

fn user_view(
    relay: &Relay,
    user: UserPreview,
    packed: &BTreeMap<TypeId, Packed>,
    bandwidth: u64,
) -> UserView {
    let travelling = |of_type: &TypePreview| match packed.get(&of_type.record_type) {
        Some(Packed { plain, packed }) if *plain > 0 => {
            (u128::from(of_type.bytes) * u128::from(*packed) / u128::from(*plain)) as u64
        }
        _ => of_type.bytes,
    };
    let packed_bytes = user.types.iter().map(travelling).sum();
    let seconds = packed_bytes as f64 * 8.0 / bandwidth as f64 + FIXED_SECONDS;
    let titles = |records: &[RecordId]| records.iter().map(|id| title(relay, *id)).collect();
    let types = user.types.iter().map(|of_type| TypeView {
        record_type: of_type.name.clone(),
        records: of_type.rows,
        bytes: of_type.bytes,
        gains: of_type.gains.0,
        gained: titles(&of_type.gains.1),
        loses: of_type.loses.0,
        lost: titles(&of_type.loses.1),
    });
    UserView {
        types: types.collect(),
        user: user.user,
        profiles: user.profiles,
        records: user.rows,
        bytes: user.bytes,
        packed_bytes,
        first_sync_seconds: (seconds * 10.0).round() / 10.0,
        gains: user.gains,
        loses: user.loses,
    }
}

fn title(relay: &Relay, id: RecordId) -> String {
    let state = relay.state();
    let record = state.record(id);
    let titled = record.and_then(|record| {
        let of_type = state.definition().types.get(&record.record_type)?;
        Some(record.title(of_type))
    });
    titled.unwrap_or_else(|| id.to_string())
}

impl PreviewView {
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let users = self.users.iter().map(|user| {
            let mut row = vec![
                user.user.clone(),
                match user.profiles.is_empty() {
                    true => "none".to_owned(),
                    false => user.profiles.join(", "),
                },
                user.records.to_string(),
                bytes_words(user.bytes),
                format!("about {}", seconds_words(user.first_sync_seconds)),
            ];
            row.extend(self.moves(user.gains, user.loses));
            row
        });
        let heading = ["user", "profiles", "records", "bytes", "first sync"];
        output.table(&self.heading(&heading), users.collect())?;
        for user in &self.users {
            output.line("")?;
            user.show(self, output)?;
        }
        if !self.warnings.is_empty() {
            output.line("")?;
        }
        for warning in &self.warnings {
            output.line(format!("warning, {}: {}", warning.place, warning.words))?;
        }
        output.say("");
        self.say_what_it_is(output);
        Ok(())
    }

    fn heading<'a>(&self, columns: &[&'a str]) -> Vec<&'a str> {
        let moves: &[&str] = if self.draft { &["gains", "loses"] } else { &[] };
        columns.iter().chain(moves).copied().collect()
    }

    fn moves(&self, gains: u64, loses: u64) -> Vec<String> {
        match self.draft {
            true => vec![gains.to_string(), loses.to_string()],
            false => Vec::new(),
        }
    }

    fn say_what_it_is(&self, output: &Output) {
        output.say(match self.draft {
            true => format!(
                "The draft against definition {}, which is in force. Nothing is published.",
                self.definition
            ),
            false => format!("Definition {}, as it is in force.", self.definition),
        });
        let shown = self.users.len();
        if shown < self.users_in_question {
            output.say(format!(
                "{shown} of {} users in question; --user names others.",
                self.users_in_question
            ));
        }
        output.say(format!(
            "The first sync is an estimate: images of up to 200 records a type are measured, up to 512 are packed as they travel, and sent at {}; {FIXED_SECONDS} s are added for connecting. Files, a slow device and a bad line come on top.",
            speed_words(self.bandwidth)
        ));
    }
}

fn speed_words(bits: u64) -> String {
    match bits {
        bits if bits % 1_000_000 == 0 => format!("{} Mbit/s", bits / 1_000_000),
        bits => format!("{} kbit/s", bits / 1_000),
    }
}

impl UserView {
    fn show(&self, view: &PreviewView, output: &Output) -> Result<(), Failure> {
        output.line(&self.user)?;
        let rows = self.types.iter().map(|of_type| {
            let mut row = vec![
                format!("  {}", of_type.record_type),
                of_type.records.to_string(),
                bytes_words(of_type.bytes),
            ];
            row.extend(view.moves(of_type.gains, of_type.loses));
            row
        });
        let heading = view.heading(&["  type", "records", "bytes"]);
        output.table(&heading, rows.collect())?;
        for of_type in &self.types {
            let moved = [
                ("gains", of_type.gains, &of_type.gained),
                ("loses", of_type.loses, &of_type.lost),
            ];
            for (verb, number, examples) in moved {
                if number > 0 {
                    output.line(of_type.moved(verb, number, examples))?;
                }
            }
        }
        Ok(())
    }
}

impl TypeView {
    fn moved(&self, verb: &str, number: u64, examples: &[String]) -> String {
        let titles: Vec<String> = examples
            .iter()
            .map(|title| shortened(title, EXAMPLE_CHARACTERS_MAX))
            .collect();
        let more = match number - examples.len() as u64 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "  {verb} {} ({number}): {}{more}",
            self.record_type,
            titles.join("; ")
        )
    }
}
