//! A closer look at the records that people disagreed about: who wrote what on
//! what they had seen, what every device showed, and what became of conflicts.

mod operation;
mod shown;

use super::recorder::{Authors, place};
use super::words;
use crate::host::Host;
use crate::run::Case;
use crate::schedule::Action;
use crate::time::VirtualTime;
use crate::trace::{Event, Message, What};
use crate::world::{View, record_id};
use cairn_model::{Action as Done, AuthorId, Definition, FieldId, LogId, RecordId, TypeId};
use cairn_model::{Operation, Value, Version};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::ledger_log::StoredEntry;
use cairn_projection::State;
use cairn_projection::conflict::{Conflict, Outcome};
use operation::{Written, causes};
use serde_json::{Value as Json, json};
use shown::Screens;
use std::collections::{BTreeMap, BTreeSet};

/// Records that are watched, and operations of each that are kept.
const RECORDS: usize = 24;
const OPERATIONS: usize = 120;
/// Conflicts and issues of a record that are kept.
const ENTRIES: usize = 60;

/// What is known of all records, and of those that are watched.
pub(super) struct Lens {
    watched: BTreeMap<RecordId, Watched>,
    /// Conflicts and issues, by record.
    met: BTreeMap<RecordId, u64>,
    journal: usize,
    issues: usize,
    /// The journal is read up to what changed at this version.
    read: Version,
    stands: BTreeMap<Host, [u64; 4]>,
}

/// A record that is watched.
struct Watched {
    rank: usize,
    name: String,
    operations: Vec<Written>,
    places: BTreeMap<(LogId, u64), usize>,
    omitted: u64,
    screens: Screens,
    conflicts: BTreeMap<u64, Json>,
    issues: BTreeMap<u64, Json>,
}

impl Lens {
    pub(super) fn new(records: &[(RecordId, String)]) -> Lens {
        let watched = records.iter().enumerate().map(|(rank, (id, name))| {
            let watched = Watched {
                rank,
                name: name.clone(),
                operations: Vec::new(),
                places: BTreeMap::new(),
                omitted: 0,
                screens: Screens::default(),
                conflicts: BTreeMap::new(),
                issues: BTreeMap::new(),
            };
            (*id, watched)
        });
        Lens {
            watched: watched.collect(),
            met: BTreeMap::new(),
            journal: 0,
            issues: 0,
            read: Version(0),
            stands: BTreeMap::new(),
        }
    }

    /// The records worth watching: those with the most conflicts and issues,
    /// then those that most devices worked on.
    pub(super) fn worth_a_look(&self, case: &Case) -> Vec<(RecordId, String)> {
        let mut edited: BTreeMap<u32, (BTreeSet<u32>, usize, String)> = BTreeMap::new();
        for entry in &case.schedule.entries {
            let Action::Edit { device, edits } = &entry.action else {
                continue;
            };
            for edit in edits {
                let name = || words::record(&edit.record_type, edit.record);
                let known = edited
                    .entry(edit.record)
                    .or_insert_with(|| (BTreeSet::new(), 0, name()));
                known.0.insert(*device);
                known.1 += 1;
            }
        }
        let mut ranked: Vec<((u64, usize, usize), RecordId, String)> = edited
            .into_iter()
            .map(|(number, (devices, edits, name))| {
                let id = record_id(number);
                let met = self.met.get(&id).copied().unwrap_or_default();
                ((met, devices.len(), edits), id, name)
            })
            .collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        ranked.truncate(RECORDS);
        ranked.into_iter().map(|(_, id, name)| (id, name)).collect()
    }

    /// The ledger ends earlier than it did: what came after is only with the
    /// devices again.
    pub(super) fn fork(&mut self, version: Version) {
        self.journal = 0;
        self.issues = 0;
        self.read = Version(0);
        for watched in self.watched.values_mut() {
            watched
                .operations
                .iter_mut()
                .for_each(|written| written.undo(version));
        }
    }

    /// An entry stands in the ledger.
    pub(super) fn taken(
        &mut self,
        at: VirtualTime,
        author: usize,
        stored: &StoredEntry,
        view: &View<'_>,
    ) {
        let Some(relay) = view.relay().machine() else {
            return;
        };
        if self.watched.is_empty() {
            return;
        }
        let (state, bundle) = (relay.state(), &stored.entry.bundle);
        for (index, slot) in (0..).zip(bundle.slots()) {
            let Slot::Whole(bytes) = slot else { continue };
            let Ok(operation) = decode_operation(bytes) else {
                continue;
            };
            let version = Version(stored.first_version + index);
            let place = (bundle.log(), bundle.first() + index);
            for watched in self.touched(&operation.action) {
                let known = watched.1.operation(place, || {
                    Written::of(author, place.1, &operation, watched.0, state.definition())
                });
                if let Some(known) = known {
                    known.arrived = Some(at.0);
                    known.version = Some(version.0);
                    known.rejected = state.verdict(version).rejected.map(|code| code.code());
                }
            }
        }
    }

    /// The watched records that an operation touches.
    fn touched(&mut self, action: &Done) -> Vec<(RecordId, &mut Watched)> {
        let Done::Edit(mutations) = action else {
            return Vec::new();
        };
        let touched: BTreeSet<RecordId> = mutations.iter().map(|m| m.record).collect();
        let watched = self.watched.iter_mut();
        watched
            .filter(|(id, _)| touched.contains(id))
            .map(|(id, watched)| (*id, watched))
            .collect()
    }

    /// Something happened at a host.
    pub(super) fn see(&mut self, host: Host, event: &Event, view: &View<'_>, authors: &Authors) {
        if self.watched.is_empty() {
            return;
        }
        if let What::Acknowledged { log, sequence, .. } = &event.what {
            let author = authors.place_of(&log.device);
            self.written(host, author, event.at, (*log, *sequence), view);
        }
        self.look(host, event, view);
    }

    /// A person was told that an operation is safe.
    fn written(
        &mut self,
        host: Host,
        author: usize,
        at: VirtualTime,
        place: (LogId, u64),
        view: &View<'_>,
    ) {
        let Host::Device(number) = host else { return };
        let Some(machine) = view.device(number).and_then(|device| device.machine()) else {
            return;
        };
        let definition = &machine.directory().definition;
        let (log, last) = place;
        // What is done again is an edit and the answer to an issue; the place of
        // the last is told.
        let told = machine
            .unsent()
            .filter(|(at, _)| last.saturating_sub(1) <= *at && *at <= last);
        let told: Vec<(u64, Operation)> = told.map(|(at, done)| (at, done.clone())).collect();
        for (sequence, operation) in told {
            for (id, watched) in self.touched(&operation.action) {
                let known = watched.operation((log, sequence), || {
                    Written::of(author, sequence, &operation, id, definition)
                });
                if let Some(known) = known {
                    known.at.get_or_insert(at.0);
                }
            }
        }
    }

    /// Looks at the screens of a host when what it shows may have changed.
    fn look(&mut self, host: Host, event: &Event, view: &View<'_>) {
        let arrived = matches!(
            &event.what,
            What::Received {
                message: Message::Changes { .. } | Message::Page { .. } | Message::Ack { .. },
                ..
            }
        );
        let stands = match host {
            Host::Relay => {
                let relay = view.relay().machine();
                relay.map(|relay| [relay.state().version().0, 0, 0, 0])
            }
            Host::Device(number) => {
                let machine = view.device(number).and_then(|device| device.machine());
                machine.map(|machine| {
                    let status = machine.status();
                    let unsent = status.unsent as u64;
                    let generation = u64::from(status.generation);
                    [status.cursor.0, unsent, status.sequence, generation]
                })
            }
        };
        let before = match stands {
            Some(stands) => self.stands.insert(host, stands),
            None => self.stands.remove(&host),
        };
        if before == stands && !arrived {
            return;
        }
        for (id, watched) in &mut self.watched {
            let screens = &mut watched.screens;
            match host {
                Host::Relay => match view.relay().machine() {
                    None => screens.is_off(place(host), event.at),
                    Some(relay) => {
                        let state = relay.state();
                        screens.shows(place(host), event.at, state.record(*id), state.definition());
                    }
                },
                Host::Device(number) => {
                    let machine = view.device(number).and_then(|device| device.machine());
                    match machine.map(|machine| (machine.record(*id), machine.directory())) {
                        None | Some((Err(_), _)) => screens.is_off(place(host), event.at),
                        Some((Ok(record), directory)) => {
                            let definition = &directory.definition;
                            screens.shows(place(host), event.at, record.as_ref(), definition);
                        }
                    }
                }
            }
        }
    }

    /// Reads what is new in the journal and among the issues.
    pub(super) fn read_journal(&mut self, state: &State, authors: &Authors) {
        let journal = state.journal().get(self.journal..).unwrap_or_default();
        for conflict in journal {
            *self.met.entry(conflict.record).or_default() += 1;
        }
        self.journal = state.journal().len();
        let issues = state.issues().get(self.issues..).unwrap_or_default();
        for record in issues.iter().filter_map(|issue| issue.record) {
            *self.met.entry(record).or_default() += 1;
        }
        self.issues = state.issues().len();
        if self.watched.is_empty() {
            return;
        }
        let read = std::mem::replace(&mut self.read, state.version());
        for conflict in state.journal().iter().filter(|c| c.changed > read) {
            if let Some(watched) = self.watched.get_mut(&conflict.record) {
                let told = told(conflict, state, authors);
                bounded(&mut watched.conflicts, conflict.number, told);
            }
        }
        for issue in state.issues().iter().filter(|issue| issue.changed > read) {
            let watched = issue.record.and_then(|id| self.watched.get_mut(&id));
            if let Some(watched) = watched {
                let told = json!({
                    "version": issue.version.0,
                    "code": issue.code.code(),
                    "what": issue.what,
                    "user": issue.user,
                    "can": issue.code.user_can(),
                    "open": issue.is_open(),
                });
                bounded(&mut watched.issues, issue.number, told);
            }
        }
    }

    /// What is drawn of it.
    pub(super) fn finish(self) -> Json {
        let mut watched: Vec<Watched> = self.watched.into_values().collect();
        watched.sort_by_key(|watched| watched.rank);
        let records: Vec<Json> = watched.into_iter().map(Watched::finish).collect();
        json!({ "records": records, "others": self.met.len().saturating_sub(records.len()) })
    }
}

impl Watched {
    /// The operation at a place of a log, noted now if it was not. `None` when
    /// there are too many.
    fn operation(
        &mut self,
        place: (LogId, u64),
        written: impl FnOnce() -> Written,
    ) -> Option<&mut Written> {
        let next = self.operations.len();
        let at = *self.places.entry(place).or_insert(next);
        if at == next {
            if next == OPERATIONS {
                self.places.remove(&place);
                self.omitted += 1;
                return None;
            }
            self.operations.push(written());
        }
        self.operations.get_mut(at)
    }

    fn finish(mut self) -> Json {
        self.operations
            .sort_by_key(|written| (written.version.unwrap_or(u64::MAX), written.at));
        let causes = causes(&self.operations);
        let operations: Vec<Json> = self
            .operations
            .iter()
            .zip(causes)
            .map(|(written, causes)| written.finish(causes))
            .collect();
        json!({
            "name": self.name,
            "operations": operations,
            "omitted": self.omitted,
            "screens": self.screens.finish(),
            "conflicts": self.conflicts.into_values().collect::<Vec<_>>(),
            "issues": self.issues.into_values().collect::<Vec<_>>(),
        })
    }
}

fn bounded(entries: &mut BTreeMap<u64, Json>, number: u64, told: Json) {
    if entries.len() < ENTRIES || entries.contains_key(&number) {
        entries.insert(number, told);
    }
}

fn field_name(definition: &Definition, record_type: TypeId, field: FieldId) -> String {
    let record_type = definition.types.get(&record_type);
    let field = record_type.and_then(|known| known.fields.get(&field));
    field.map_or_else(|| "an unknown field".to_owned(), |field| field.name.clone())
}

/// A conflict, in words and numbers.
fn told(conflict: &Conflict, state: &State, authors: &Authors) -> Json {
    let of_record = conflict.field.is_none();
    let value = |value: &Option<Value>| match value {
        None => "empty".to_owned(),
        Some(Value::Boolean(true)) if of_record => "is there".to_owned(),
        Some(Value::Boolean(false)) if of_record => "is deleted".to_owned(),
        Some(value) => words::shortened(&value.to_string()),
    };
    let author = |author: AuthorId| {
        let device = state.device(author);
        device.map_or(0, |device| authors.place_of(&device.id))
    };
    let sides: Vec<Json> = conflict
        .sides
        .iter()
        .map(|side| {
            json!({
                "version": side.version.0,
                "host": author(side.author),
                "value": value(&side.value),
            })
        })
        .collect();
    let by = match conflict.outcome {
        Outcome::Resolved { by } | Outcome::Overwritten { by } => Some(by.0),
        Outcome::Superseded | Outcome::Open => None,
    };
    let field = conflict
        .field
        .map(|field| field_name(state.definition(), conflict.record_type, field));
    json!({
        "field": field,
        "policy": conflict.policy,
        "base": conflict.base.as_ref().map(value),
        "sides": sides,
        "shown": conflict.shown.0,
        "outcome": conflict.outcome.name(),
        "by": by,
    })
}
