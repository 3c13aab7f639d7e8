//! Nothing is lost in silence.

use super::judged::{Judged, entries};
use super::marks::Marks;
use super::stored;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::bytes::Bundle;
use crate::trace::{Event, What};
use crate::world::View;
use cairn_model::{
    Action, Change, Definition, DeviceId, FieldId, Kind, LogId, Mutation, Operation, RecordId,
    Value, Version, Write, codec,
};
use cairn_projection::{FieldState, Record, State};
use std::collections::{BTreeMap, BTreeSet};

/// Every admitted write of a register or of a record's life is shown, or
/// dominated by one whose author had seen it, or in the journal; every
/// rejected operation has an issue; and nobody claims to have seen what their
/// device had not.
#[derive(Debug, Default)]
pub struct NoSilentLoss {
    judged: Judged,
    marks: Marks,
}

impl NoSilentLoss {
    /// By a fold.
    pub fn of(judged: Judged) -> NoSilentLoss {
        NoSilentLoss {
            judged,
            ..NoSilentLoss::default()
        }
    }
}

/// A write of a place: a field, or the record's life.
struct Made {
    version: Version,
    place: usize,
    device: DeviceId,
    base: Version,
    value: Option<Value>,
}

impl Made {
    fn is_dominated_by(&self, other: &Made) -> bool {
        let own = self.device == other.device;
        let earlier = (self.version, self.place) < (other.version, other.place);
        self.version <= other.base || own && earlier
    }
}

type Places = BTreeMap<(RecordId, Option<FieldId>), Vec<Made>>;

impl Checker for NoSilentLoss {
    fn name(&self) -> &'static str {
        "no-silent-loss"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        let (What::Acknowledged { log, sequence, .. }, Some(Host::Device(device))) =
            (&event.what, event.host)
        else {
            return Ok(());
        };
        match unseen(view, device, log, *sequence) {
            Some(words) => violation(self, view, event.host, words),
            None => Ok(()),
        }
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(state) = self.judged.state(view) else {
            return Ok(());
        };
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let made = match admitted(view, &state) {
            Ok(made) => made,
            Err(words) => return violation(self, view, Some(Host::Relay), words),
        };
        for ((record, field), writes) in &made {
            let stands = |made: &&Made| !writes.iter().any(|other| made.is_dominated_by(other));
            for made in writes.iter().filter(stands) {
                if !is_accounted_for(&state, *record, *field, made) {
                    let place =
                        field.map_or("the life".to_owned(), |field| format!("field {field}"));
                    let words = format!(
                        "operation {} wrote {place} of record {record}: it is not shown, nobody who had seen it wrote after it, and the journal does not know it",
                        made.version
                    );
                    return violation(self, view, Some(Host::Relay), words);
                }
            }
        }
        Ok(())
    }
}

/// What an operation of a device claims to have seen and had not: what was
/// written there it would overwrite, and nobody would be told.
fn unseen(view: &View<'_>, device: u32, log: &LogId, sequence: u64) -> Option<String> {
    let device = view.device(device)?;
    let machine = device.machine()?;
    let bytes = stored::bytes_at(&**device.store(), log, sequence)?;
    let operation: Operation = codec::decode("operation", &bytes).ok()?;
    let cursor = machine.status().cursor;
    operation.mutations().iter().find_map(|mutation| {
        let Mutation { record, base, .. } = mutation;
        let image = machine.image(*record).ok().flatten();
        let seen = image.map_or(cursor, |image| cursor.max(image.version));
        (*base > seen).then(|| {
            format!(
                "operation {sequence} on record {record} claims to have seen operation {base}; its device had seen {seen}"
            )
        })
    })
}

/// Every admitted write, by where it went; an error when a rejected operation
/// has no issue.
fn admitted(view: &View<'_>, state: &State) -> Result<Places, String> {
    let mut places = Places::new();
    for (_, entry) in entries(view) {
        let Some(bundle) = Bundle::read(&entry.bundle) else {
            continue;
        };
        for (version, bytes) in (entry.first_version..).map(Version).zip(&bundle.operations) {
            let rejected = state.verdict(version).rejected;
            if rejected.is_some() && state.issue_of(version).is_none() {
                return Err(format!("operation {version} was rejected without an issue"));
            }
            let operation = bytes
                .as_ref()
                .map(|bytes| codec::decode("operation", bytes));
            if let (None, Some(Ok(operation))) = (rejected, operation) {
                note(&mut places, version, bundle.device, operation);
            }
        }
    }
    Ok(places)
}

fn note(places: &mut Places, version: Version, device: DeviceId, operation: Operation) {
    let Action::Edit(mutations) = operation.action else {
        return;
    };
    for mutation in mutations {
        let alive = match &mutation.change {
            Change::Follow | Change::Unfollow => continue,
            Change::Delete => false,
            Change::Resolve { keep, .. } => keep.unwrap_or(true),
            _ => true,
        };
        let life = (None, Some(Value::Boolean(alive)));
        let writes = mutation.change.writes().iter();
        let fields = writes.filter_map(|(field, write)| match write {
            Write::Set(value) => Some((Some(*field), Some(value.clone()))),
            Write::Clear => Some((Some(*field), None)),
            Write::Add(_) | Write::Change { .. } | Write::Merge(_) => None,
        });
        for (field, value) in std::iter::once(life).chain(fields) {
            let writes = places.entry((mutation.record, field)).or_default();
            writes.push(Made {
                version,
                place: writes.len(),
                device,
                base: mutation.base,
                value,
            });
        }
    }
}

fn is_accounted_for(state: &State, id: RecordId, field: Option<FieldId>, made: &Made) -> bool {
    let Some(record) = state.record(id) else {
        return false;
    };
    is_shown(state, record, field, made)
        || is_in_journal(state, id, field, made)
        || is_excused(state, record, field, made)
}

fn is_shown(state: &State, record: &Record, field: Option<FieldId>, made: &Made) -> bool {
    let Some(field) = field else {
        return made.value == Some(Value::Boolean(record.is_alive()));
    };
    let record_type = state.definition().types.get(&record.record_type);
    let kind = record_type
        .and_then(|t| t.fields.get(&field))
        .map(|field| &field.kind);
    match (record.field(field), kind) {
        (Some(FieldState::Register(register)), Some(kind)) => {
            register.value() == made.value.clone().map(|value| kind.widened(value)).as_ref()
        }
        _ => false,
    }
}

fn is_in_journal(state: &State, id: RecordId, field: Option<FieldId>, made: &Made) -> bool {
    state.journal().iter().any(|entry| {
        let about_it = entry.record == id && (entry.field == field || entry.field.is_none());
        about_it && entry.sides.iter().any(|side| side.version == made.version)
    })
}

/// What the rules themselves take away: a lookup whose target went, a field
/// that was retired when the write came, a record that went with another.
fn is_excused(state: &State, record: &Record, field: Option<FieldId>, made: &Made) -> bool {
    let Some(field) = field else {
        let own: BTreeSet<Version> = state
            .history(record.id)
            .map(|history| history.touched.iter().copied().collect())
            .unwrap_or_default();
        return !record.is_alive() && record.life.writes.iter().any(|w| own.contains(&w.version));
    };
    let aside = state
        .history(record.id)
        .is_some_and(|history| history.aside.contains(&(made.version, field)));
    let record_type = state.definition().types.get(&record.record_type);
    let kind = record_type
        .and_then(|t| t.fields.get(&field))
        .map(|field| &field.kind);
    aside
        || matches!(kind, Some(Kind::Lookup { .. }))
        || is_told_by_definition(state, record, field)
}

/// Whether a record stands for a user or a team, and the field says of them
/// what the definition says: each publication puts that right.
fn is_told_by_definition(state: &State, record: &Record, field: FieldId) -> bool {
    let definition = state.definition();
    let mut users = definition.users.keys();
    let mut teams = definition.teams.keys();
    let stands_for_one = users.any(|login| Definition::user_record(login) == record.id)
        || teams.any(|name| Definition::team_record(name) == record.id);
    let record_type = definition.types.get(&record.record_type);
    let field = record_type.and_then(|record_type| record_type.fields.get(&field));
    stands_for_one
        && field.is_some_and(|field| ["login", "name", "email"].contains(&field.name.as_str()))
}
