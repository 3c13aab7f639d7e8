//! `cairn profile explain`.

use super::missing;
use crate::clock::now;
use crate::exit::Failure;
use crate::host::RelayHost;
use crate::output::Output;
use crate::record_ref;
use cairn_projection::State;
use cairn_relay::Relay;
use cairn_scope::{Because, Explanation};
use serde::{Deserialize, Serialize};

/// Why a user holds a record, or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ExplanationView {
    user: String,
    record: String,
    title: String,
    pub(super) held: bool,
    pub(super) because: Vec<BecauseView>,
    reading: Option<String>,
    pub(super) remedies: Vec<String>,
    /// The names of the user's devices that are enrolled and not revoked.
    devices: Vec<String>,
}

/// One thing that lets a record in, or keeps it out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BecauseView {
    pub(super) code: String,
    pub(super) words: String,
    profile: Option<String>,
    pub(super) path: Vec<StopView>,
}

/// A record on the way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StopView {
    record: String,
    pub(super) title: String,
    pub(super) way: Option<String>,
}

pub(super) async fn explain(
    relay: &RelayHost,
    user: String,
    record: String,
) -> Result<ExplanationView, Failure> {
    relay
        .look(move |relay| explain_at(relay, &user, &record))
        .await?
}

fn explain_at(relay: &Relay, user: &str, record: &str) -> Result<ExplanationView, Failure> {
    let state = relay.state();
    known_user(state, user)?;
    let record = record_ref::find(state, record)?;
    let devices = State::devices(state).iter();
    let devices = devices.filter(|device| device.user == user && device.revoked.is_none());
    let devices = devices.map(|device| device.name.clone()).collect();
    let explanation = relay.explain(now(), user, record.id);
    Ok(ExplanationView::of(state, explanation, devices))
}

/// Words with the titles of the records whose ids are in them.
fn titled(state: &State, words: &str) -> String {
    let is_id = |character: char| character.is_ascii_hexdigit() || character == '-';
    let mut told = String::with_capacity(words.len());
    let mut rest = words;
    while !rest.is_empty() {
        let end = rest.find(|character| !is_id(character));
        let (id, after) = rest.split_at(end.unwrap_or(rest.len()));
        let record = id.parse().ok().and_then(|id| State::record(state, id));
        let of_type = record.and_then(|record| {
            let types = &State::definition(state).types;
            Some((record, types.get(&record.record_type)?))
        });
        match of_type {
            Some((record, of_type)) => told.push_str(&record.title(of_type)),
            None => told.push_str(id),
        }
        let next = after.find(is_id).unwrap_or(after.len());
        told.push_str(&after[..next]);
        rest = &after[next..];
    }
    told
}

/// That the organization has a user of this login.
fn known_user(state: &State, user: &str) -> Result<(), Failure> {
    let users = &State::definition(state).users;
    match users.contains_key(user) {
        true => Ok(()),
        false => Err(missing("user", user, users.keys().map(String::as_str))),
    }
}

impl ExplanationView {
    fn of(state: &State, explanation: Explanation, devices: Vec<String>) -> ExplanationView {
        let because = |because: Because| BecauseView {
            code: because.code.to_owned(),
            words: titled(state, &because.words),
            profile: because.profile,
            path: because
                .path
                .into_iter()
                .map(|stop| StopView {
                    record: stop.record.to_string(),
                    title: stop.title,
                    way: stop.way,
                })
                .collect(),
        };
        ExplanationView {
            user: explanation.user,
            record: explanation.record.to_string(),
            title: explanation.title,
            held: explanation.held,
            because: explanation.because.into_iter().map(because).collect(),
            reading: explanation.reading,
            remedies: explanation.remedies,
            devices,
        }
    }

    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let answer = if self.held { "Yes" } else { "No" };
        let verb = if self.held { "holds" } else { "does not hold" };
        output.line(format!("{answer}: {} {verb} {}.", self.user, self.title))?;
        output.line("")?;
        let heading = match (self.held, self.because.len()) {
            (true, 1) => "Why",
            (true, _) => "Why; each of these alone would do",
            (false, _) => "Why not",
        };
        output.line(heading)?;
        for because in &self.because {
            output.line(format!("  {}", because.words))?;
            for stop in &because.path {
                output.line(format!("    {}", stop.title))?;
                if let Some(way) = &stop.way {
                    output.line(format!("      {way}"))?;
                }
            }
        }
        output.line("")?;
        output.line("Reading")?;
        output.line(match &self.reading {
            Some(reading) => format!("  {reading}"),
            None => format!("  {} may not read it.", self.user),
        })?;
        if !self.remedies.is_empty() {
            output.line("")?;
            output.line("What would bring it in; one of these is enough")?;
            for remedy in &self.remedies {
                output.line(format!("  {remedy}"))?;
            }
        }
        if self.devices.is_empty() {
            output.say(format!(
                "{} has no device yet; `cairn relay ticket --user {}` enrols one.",
                self.user, self.user
            ));
        }
        Ok(())
    }
}
