//! What happens, in words.

use crate::scenario::Plan;
use crate::schedule::{Action, DefinitionStep, Edit, EditKind, FieldWrite};
use crate::time::span_to_text;
use crate::trace::Message;
use serde_json::Value as Json;

/// Characters of a value that are shown.
const VALUE_CHARACTERS: usize = 80;

/// The first characters of a text.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(VALUE_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// What an entry of the schedule does.
pub(super) fn of_action(action: &Action) -> String {
    match action {
        Action::Edit { edits, .. } => of_edits(edits),
        Action::Resolve { .. } => "resolves a conflict".to_owned(),
        Action::Settle { resubmit: true, .. } => "answers an issue: does it again".to_owned(),
        Action::Settle { .. } => "answers an issue: gives it up".to_owned(),
        Action::LookBack { record: number, .. } => {
            format!("asks what was done to {}", record("record", *number))
        }
        Action::Online { .. } => "comes within reach".to_owned(),
        Action::Offline { .. } | Action::HangUp { .. } => "goes out of reach".to_owned(),
        Action::Enrol { device } => format!("the office enrols device {device}"),
        Action::Revoke { device } => format!("the office revokes device {device}"),
        Action::Publish { change } => format!("the office publishes: {}", of_step(change)),
        Action::Import { edits } => format!("the office {}", of_edits(edits)),
        Action::Checkpoint => "the relay writes a checkpoint".to_owned(),
        Action::Fault { .. } => "something goes wrong".to_owned(),
    }
}

fn of_edits(edits: &[Edit]) -> String {
    let words: Vec<String> = edits.iter().take(4).map(of_edit).collect();
    let more = match edits.len() {
        0..=4 => String::new(),
        count => format!("; and {} more", count - 4),
    };
    format!("{}{more}", words.join("; "))
}

/// A record, as a person calls it.
pub(super) fn record(record_type: &str, number: u32) -> String {
    match number.checked_sub(crate::world::DERIVED_FROM) {
        Some(number) => format!("{record_type} shared {number}"),
        None => format!("{record_type} {number}"),
    }
}

fn of_edit(edit: &Edit) -> String {
    let verb = match edit.kind {
        EditKind::Create => "creates",
        EditKind::Update => "changes",
        EditKind::Delete => "deletes",
        EditKind::Restore => "restores",
        EditKind::Follow => "follows",
        EditKind::Unfollow => "no longer follows",
    };
    let name = record(&edit.record_type, edit.record);
    let fields: Vec<String> = edit
        .fields
        .iter()
        .map(|(name, write)| format!("{name} {}", of_write(write)))
        .collect();
    match fields.is_empty() {
        true => format!("{verb} {name}"),
        false => format!("{verb} {name}: {}", fields.join(", ")),
    }
}

fn of_write(write: &FieldWrite) -> String {
    let plain = |value: &Json| match value {
        Json::String(text) => shortened(text),
        other => shortened(&other.to_string()),
    };
    match write {
        FieldWrite::Set(value) => format!("= {}", plain(value)),
        FieldWrite::Point(number) => format!("points at {number}"),
        FieldWrite::Clear => "is emptied".to_owned(),
        FieldWrite::Add(amount) => format!("{amount:+}"),
        FieldWrite::Change { add, remove } => {
            let gained = add.iter().map(|element| format!("+{element}"));
            let lost = remove.iter().map(|element| format!("-{element}"));
            gained.chain(lost).collect::<Vec<_>>().join(" ")
        }
        FieldWrite::Party(name) => format!("= {name}"),
        FieldWrite::Share { add, remove } => {
            let gained = add.iter().map(|name| format!("+{name}"));
            let lost = remove.iter().map(|name| format!("-{name}"));
            gained.chain(lost).collect::<Vec<_>>().join(" ")
        }
        FieldWrite::Document(wanted) => format!("reads {}", plain(wanted)),
    }
}

fn of_step(step: &DefinitionStep) -> String {
    match step {
        DefinitionStep::Policy {
            record_type: None,
            policy,
            ..
        } => format!("the policy is {policy}"),
        DefinitionStep::Policy {
            record_type: Some(record_type),
            field,
            policy,
        } => {
            let field = field.as_ref().map_or(String::new(), |f| format!(".{f}"));
            format!("the policy of {record_type}{field} is {policy}")
        }
        DefinitionStep::Granularity { granularity } => {
            format!("what counts as one thing is a {granularity}")
        }
        DefinitionStep::AddField {
            record_type,
            field,
            kind,
        } => format!("{record_type} has a new field {field} ({kind})"),
        DefinitionStep::RetireField {
            record_type,
            field,
            retired: true,
        } => format!("{record_type}.{field} is retired"),
        DefinitionStep::RetireField {
            record_type, field, ..
        } => format!("{record_type}.{field} is back in use"),
        DefinitionStep::Require {
            record_type,
            field,
            required: true,
        } => format!("{record_type}.{field} must have a value"),
        DefinitionStep::Require {
            record_type, field, ..
        } => format!("{record_type}.{field} may be empty"),
        DefinitionStep::Access { user, edit: true } => format!("user {user} may edit"),
        DefinitionStep::Access { user, .. } => format!("user {user} may only read"),
        other => of_rights_step(other),
    }
}

fn of_rights_step(step: &DefinitionStep) -> String {
    let not = |yes: &bool| if *yes { "" } else { " no longer" };
    match step {
        DefinitionStep::Role { user, role, held } => {
            format!("user {user} is{} a {role}", not(held))
        }
        DefinitionStep::Member { user, team, member } => {
            format!("user {user} is{} in team {team}", not(member))
        }
        DefinitionStep::Unit { user, unit } => format!("user {user} belongs to {unit}"),
        DefinitionStep::User { user, there } => format!("user {user} is{} a user", not(there)),
        DefinitionStep::Depth { role, right, depth } => {
            format!("the right of a {role} to {right} has depth {depth}")
        }
        DefinitionStep::Secure {
            record_type,
            field,
            secured,
        } => format!("{record_type}.{field} is{} secured", not(secured)),
        DefinitionStep::Trust { user, trusted } => {
            format!("user {user} is{} told what is secured", not(trusted))
        }
        DefinitionStep::Filter { profile, filter } => {
            format!("profile {profile} lets in jobs by {filter}")
        }
        DefinitionStep::Columns { profile, fields } if fields.is_empty() => {
            format!("profile {profile} has every column of jobs")
        }
        DefinitionStep::Columns { profile, fields } => {
            format!("profile {profile} has of jobs {}", fields.join(", "))
        }
        DefinitionStep::Profile {
            user,
            profile,
            member,
        } => format!("user {user} is{} in profile {profile}", not(member)),
        DefinitionStep::Offline {
            record_type,
            offline,
        } => format!("{record_type} is{} held offline", not(offline)),
        _ => "something else".to_owned(),
    }
}

/// A message: its name, and what it says.
pub(super) fn of_message(message: &Message) -> (&'static str, String) {
    match message {
        Message::Enrol => ("enrolment", String::new()),
        Message::Hello { cursor } => ("hello", format!("has everything up to {cursor}")),
        Message::Upload { first, last, .. } => {
            ("upload", format!("operations {first} to {last} of its log"))
        }
        Message::UploadNext => ("upload", "the operations after the last".to_owned()),
        Message::AskLogHashes => ("question", "about a log".to_owned()),
        Message::AskHistory => ("question", "about a record".to_owned()),
        Message::Enrolled => ("enrolment", "answered".to_owned()),
        Message::Welcome {
            version, sequence, ..
        } => (
            "welcome",
            format!("the ledger ends at {version}, the device's log at {sequence}"),
        ),
        Message::Refused { refusal } => ("refusal", refusal.clone()),
        Message::Directory { version } => ("directory", format!("as of version {version}")),
        Message::Ack {
            through,
            version,
            rejected,
            ..
        } => {
            let rejected = match rejected {
                0 => String::new(),
                count => format!(", {count} rejected"),
            };
            let words = format!("up to operation {through}, at version {version}{rejected}");
            ("acknowledgement", words)
        }
        Message::Page { records, .. } => ("page", format!("{records} records")),
        Message::TellHeld => ("question", "which records it holds".to_owned()),
        Message::Held { records } => ("answer", format!("it holds {records} records")),
        Message::Changes {
            images,
            leaves,
            issues,
            through,
            ..
        } => (
            "changes",
            format!("{images} records, {leaves} leave, {issues} issues, up to version {through}"),
        ),
        Message::LogHashes => ("answer", "about a log".to_owned()),
        Message::History => ("answer", "about a record".to_owned()),
        Message::Noise => ("noise", "could not be read".to_owned()),
    }
}

/// Options that are spans of time, in microseconds.
const SPANS: [&str; 10] = [
    "chaos", "settle", "value", "min", "max", "mean", "median", "p99", "at", "lasts",
];
/// Options that are parts per million.
const SHARES: [&str; 10] = [
    "begin_online",
    "together",
    "duplicate",
    "corrupt",
    "cut",
    "hot_share",
    "stale_base",
    "good",
    "bad",
    "to_bad",
];

/// Every resolved option of a run: its name, and its value as people write it.
pub(super) fn options(plan: &Plan) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let plan = serde_json::to_value(plan).unwrap_or_default();
    let told_elsewhere = ["name", "story", "seed", "start", "expect", "expectations"];
    for (name, value) in plan.as_object().into_iter().flatten() {
        if !told_elsewhere.contains(&name.as_str()) {
            flatten(name, name, value, &mut options);
        }
    }
    options
}

fn flatten(path: &str, name: &str, value: &Json, options: &mut Vec<(String, String)>) {
    match value {
        Json::Object(fields) => {
            for (inner, value) in fields {
                flatten(&format!("{path}.{inner}"), inner, value, options);
            }
        }
        Json::Array(list) if list.iter().any(Json::is_object) => {
            for (number, value) in (1..).zip(list) {
                flatten(&format!("{path}.{number}"), name, value, options);
            }
        }
        Json::Array(list) => {
            let words: Vec<String> = list.iter().map(|value| plain(name, value)).collect();
            options.push((path.to_owned(), words.join(", ")));
        }
        Json::Null => {}
        value => options.push((path.to_owned(), plain(name, value))),
    }
}

fn plain(name: &str, value: &Json) -> String {
    match (value, value.as_u64()) {
        (_, Some(micros)) if SPANS.contains(&name) => span_to_text(micros),
        (_, Some(million)) if SHARES.contains(&name) || name == "to_good" => {
            format!("{} %", million as f64 / 10_000.0)
        }
        (Json::String(text), _) => text.clone(),
        (other, _) => other.to_string(),
    }
}
