//! `cairn conflict resolve`.

use super::in_conflict;
use crate::editing::Place;
use crate::exit::Failure;
use crate::fields::{self, Assignment};
use crate::holding::Holding;
use crate::host::Host;
use crate::output::Output;
use crate::record_ref;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind};
use cairn_model::{FieldId, Value, Version, Write};
use cairn_projection::register::{Register, RegisterWrite};
use cairn_projection::{FieldState, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a conflict is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Choice {
    /// The write of this version.
    Version(u64),
    /// What the user who decides wrote.
    Mine,
    /// What the other wrote.
    Theirs,
    /// These values.
    Values(Vec<Assignment>),
    /// The record is kept, or deleted.
    Keep(bool),
}

/// A decision that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Resolved {
    conflict: u64,
    record: String,
    /// The operation's version, at the relay.
    version: Option<u64>,
    /// The operation's place in the device's log, on a device.
    sequence: Option<u64>,
}

impl Choice {
    /// Reads what `--take` takes.
    pub(super) fn take(text: &str) -> Result<Choice, Failure> {
        match text {
            "mine" => Ok(Choice::Mine),
            "theirs" => Ok(Choice::Theirs),
            version => version.parse().map(Choice::Version).map_err(|_| {
                Failure::usage(format!(
                    "--take takes the version of a write, mine or theirs, not `{text}`"
                ))
            }),
        }
    }
}

impl Resolved {
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        output.line(&self.record)?;
        output.say(match self.version {
            Some(version) => format!(
                "Conflict {} is resolved by operation {version}.",
                self.conflict
            ),
            None => format!(
                "Conflict {} is resolved here; the others see it after the next sync.",
                self.conflict
            ),
        });
        Ok(())
    }
}

/// Decides a conflict.
pub(super) async fn resolve(host: &Host, number: u64, choice: Choice) -> Result<Resolved, Failure> {
    let place = Place::from(host);
    let journal = match host {
        Host::Relay(relay) => {
            relay
                .look(move |relay| settled_words(relay.state(), number))
                .await?
        }
        Host::Device(_) => None,
    };
    let edit = place
        .look(move |holding| prepare(holding, number, &choice, journal))
        .await??;
    let edited = place.edit(vec![edit]).await?;
    Ok(Resolved {
        conflict: number,
        record: edited
            .records
            .first()
            .map(ToString::to_string)
            .unwrap_or_default(),
        version: edited.version.map(|version| version.0),
        sequence: edited.sequence,
    })
}

/// What became of a conflict that is settled.
fn settled_words(state: &cairn_projection::State, number: u64) -> Option<String> {
    let conflict = state
        .journal()
        .iter()
        .find(|conflict| conflict.number == number && !conflict.is_open())?;
    Some(format!(
        "conflict {number} is {} already",
        conflict.outcome.name()
    ))
}

fn prepare(
    holding: &dyn Holding,
    number: u64,
    choice: &Choice,
    settled: Option<String>,
) -> Result<RecordEdit, Failure> {
    let missing = || {
        let words = settled.unwrap_or_else(|| format!("there is no open conflict {number} here"));
        Failure::not_found(format!(
            "{words}; `cairn conflict list` shows those that are open"
        ))
    };
    let (record, field) = find(holding, number)?.ok_or_else(missing)?;
    let kind = match (choice, field) {
        (Choice::Keep(keep), None) => RecordEditKind::Resolve {
            fields: Vec::new(),
            keep: Some(*keep),
        },
        (Choice::Keep(_), Some(_)) => {
            return Err(Failure::usage(format!(
                "conflict {number} is about a field; take one of its values with --take or NAME=VALUE"
            )));
        }
        (Choice::Values(_), None) => {
            return Err(Failure::usage(format!(
                "conflict {number} is about the record itself; decide with --keep or --delete-record"
            )));
        }
        (Choice::Values(given), Some(_)) => RecordEditKind::Resolve {
            fields: values(holding, &record, given)?,
            keep: None,
        },
        (Choice::Version(_) | Choice::Mine | Choice::Theirs, _) => {
            taken(holding, &record, field, choice)?
        }
    };
    Ok(RecordEdit {
        record: Some(record.id),
        record_type: record.record_type,
        kind,
        base: None,
    })
}

/// The record that the conflict is on, and the field.
fn find(holding: &dyn Holding, number: u64) -> Result<Option<(Record, Option<FieldId>)>, Failure> {
    let is_it = |register: &Register| {
        register
            .open
            .as_ref()
            .is_some_and(|open| open.number == number)
    };
    for record in in_conflict(holding)? {
        if is_it(&record.life) {
            return Ok(Some((record, None)));
        }
        let field = record.fields.iter().find(|slot| match &slot.state {
            FieldState::Register(register) => is_it(register),
            _ => false,
        });
        if let Some(field) = field.map(|slot| slot.id) {
            return Ok(Some((record, Some(field))));
        }
    }
    Ok(None)
}

fn register(record: &Record, field: Option<FieldId>) -> Option<&Register> {
    match field {
        None => Some(&record.life),
        Some(field) => match record.field(field)? {
            FieldState::Register(register) => Some(register),
            _ => None,
        },
    }
}

/// The values given; each field must be in conflict.
fn values(
    holding: &dyn Holding,
    record: &Record,
    given: &[Assignment],
) -> Result<Vec<(FieldId, FieldEdit)>, Failure> {
    let record_type = record_ref::type_of(holding, record)?;
    for assignment in given {
        let field = fields::field_named(record_type, &assignment.field)?;
        if register(record, Some(field.id)).is_none_or(|register| register.open.is_none()) {
            return Err(Failure::usage(format!(
                "{} is not in conflict; change it with `cairn record set {} {}=…`",
                field.name, record.id, field.name
            )));
        }
    }
    Ok(fields::edits(holding, record_type, Some(record), given)?)
}

/// The resolution that takes one of the writes.
fn taken(
    holding: &dyn Holding,
    record: &Record,
    field: Option<FieldId>,
    choice: &Choice,
) -> Result<RecordEditKind, Failure> {
    let nothing = || Failure::not_found("there is nothing to take");
    let register = register(record, field).ok_or_else(nothing)?;
    let me = holding.person(holding.own_author()).user;
    let is_mine = |write: &&RegisterWrite| {
        record
            .origin(write.version)
            .is_some_and(|origin| holding.person(origin.author).user == me)
    };
    let write = match choice {
        Choice::Version(version) => register
            .writes
            .iter()
            .find(|write| write.version == Version(*version)),
        Choice::Mine => register.writes.iter().rfind(is_mine),
        _ => only_other(register, is_mine)?,
    };
    let write = write.ok_or_else(|| {
        let versions: Vec<String> = register
            .writes
            .iter()
            .map(|write| write.version.to_string())
            .collect();
        Failure::not_found(format!(
            "there is no such write; there are those of versions {}",
            versions.join(", ")
        ))
    })?;
    Ok(match field {
        None => RecordEditKind::Resolve {
            fields: Vec::new(),
            keep: Some(write.value == Some(Value::Boolean(true))),
        },
        Some(field) => {
            let write = write.value.clone().map_or(Write::Clear, Write::Set);
            RecordEditKind::Resolve {
                fields: vec![(field, FieldEdit::Write(write))],
                keep: None,
            }
        }
    })
}

/// The newest write of others, if all of theirs say the same.
fn only_other(
    register: &Register,
    is_mine: impl Fn(&&RegisterWrite) -> bool,
) -> Result<Option<&RegisterWrite>, Failure> {
    let others: Vec<&RegisterWrite> = register
        .writes
        .iter()
        .filter(|write| !is_mine(write))
        .collect();
    let values: BTreeSet<&Option<Value>> = others.iter().map(|write| &write.value).collect();
    if values.len() > 1 {
        let versions: Vec<String> = others
            .iter()
            .map(|write| write.version.to_string())
            .collect();
        return Err(Failure::usage(format!(
            "several others wrote; take one by its version: {}",
            versions.join(", ")
        )));
    }
    Ok(others.last().copied())
}
