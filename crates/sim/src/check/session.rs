//! What a person at a device may rely on.

use super::marks::Marks;
use super::stored;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::bytes::{Bundle, StoredEntry};
use crate::trace::{Event, Message, What};
use crate::world::{DeviceView, View};
use cairn_model::{
    Action, Change, FieldId, Hash, LogId, Operation, RecordId, Value, Version, Write, codec,
};
use cairn_oplog::storage::{Storage, Table};
use std::collections::{BTreeMap, BTreeSet};

/// People read what they wrote: whatever was acknowledged shows on the device
/// until the relay's images have it. What a power cut left unanswered may be
/// there or not; if it is, it stays. And what a device has seen of the ledger
/// it does not unsee while it runs.
#[derive(Debug, Default)]
pub struct Session {
    devices: BTreeMap<u32, Seen>,
    ledger: Follower,
    marks: Marks,
}

/// Own operations whose records are looked at when the relay said something; at
/// a start, and at the end, all are.
const LATEST: usize = 3;

/// What a device has shown.
#[derive(Debug, Default)]
struct Seen {
    /// Operations of its log that its images may not show yet, oldest first.
    own: Vec<(Hash, Operation)>,
    /// How far the log has been read.
    last: Option<(LogId, u64)>,
    cursor: Version,
}

/// Where the ledger's operations stand, followed as it grows.
#[derive(Debug, Default)]
struct Follower {
    position: u64,
    versions: BTreeMap<Hash, Version>,
}

impl Follower {
    /// Reads on, up to what the relay has folded: what is not durable yet may
    /// still be taken back.
    fn follow(&mut self, view: &View<'_>) {
        let from = (self.position + 1).to_be_bytes();
        // While the relay is down, all that the crash has left is durable.
        let folded = view.relay().machine().map(|relay| relay.state().position());
        let folded = folded.unwrap_or(u64::MAX);
        let count = folded.saturating_sub(self.position) as usize;
        let rows = view.relay().store().range(Table::Ledger, &from, count);
        for (_, value) in rows.unwrap_or_default() {
            self.position += 1;
            let Some(entry) = StoredEntry::read(&value) else {
                continue;
            };
            if let Some(bundle) = Bundle::read(&entry.bundle) {
                let versions = (entry.first_version..).map(Version);
                self.versions
                    .extend(bundle.hashes().iter().copied().zip(versions));
            }
        }
    }
}

impl Seen {
    /// Reads the log on from where it has been read to.
    fn read(&mut self, store: &dyn Storage, log: LogId, through: u64) {
        let first = match self.last {
            Some((known, last)) if known == log => last + 1,
            _ if through < u64::MAX => through,
            _ => return,
        };
        for at in first..=through {
            let Some(bytes) = stored::bytes_at(store, &log, at) else {
                return;
            };
            self.last = Some((log, at));
            if let Ok(operation) = codec::decode("operation", &bytes) {
                self.own.push((Hash::of(&bytes), operation));
            }
        }
    }
}

impl Checker for Session {
    fn name(&self) -> &'static str {
        "session"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        let device = match event.host {
            Some(Host::Device(device)) => device,
            Some(Host::Relay) => {
                if let What::Started = event.what {
                    self.ledger = Follower::default();
                }
                return Ok(());
            }
            None => return Ok(()),
        };
        match &event.what {
            What::Acknowledged { log, sequence, .. } => {
                if let Some(seen) = view.device(device) {
                    let own = self.devices.entry(device).or_default();
                    own.read(&**seen.store(), *log, *sequence);
                }
                self.look(view, device, 1)
            }
            What::Started => {
                let own = self.devices.entry(device).or_default();
                own.cursor = Version(0);
                if let Some(seen) = view.device(device)
                    && let Some(machine) = seen.machine()
                {
                    own.read(&**seen.store(), machine.log(), u64::MAX);
                }
                self.look(view, device, usize::MAX)
            }
            What::Restored { .. } | What::Wiped | What::StartedOver | What::Disk { .. } => {
                self.devices.remove(&device);
                Ok(())
            }
            // A new log begins: what the relay has of the old one is sent, and its
            // images are still to come.
            What::Received {
                message: Message::LogHashes,
                ..
            } => {
                self.ledger.follow(view);
                let versions = &self.ledger.versions;
                if let Some(seen) = self.devices.get_mut(&device) {
                    seen.own.retain(|(hash, _)| !versions.contains_key(hash));
                }
                Ok(())
            }
            What::Received {
                message: Message::Changes { .. } | Message::Page { .. } | Message::Ack { .. },
                ..
            } => self.look(view, device, LATEST),
            _ => Ok(()),
        }
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let devices: Vec<u32> = self.devices.keys().copied().collect();
        devices
            .into_iter()
            .try_for_each(|device| self.look(view, device, usize::MAX))
    }
}

impl Session {
    /// Looks at a device, and at the records of its `latest` own operations.
    fn look(&mut self, view: &View<'_>, number: u32, latest: usize) -> Result<(), Violation> {
        let (Some(device), Some(seen)) = (view.device(number), self.devices.get_mut(&number))
        else {
            return Ok(());
        };
        let Some(machine) = device.machine() else {
            return Ok(());
        };
        let cursor = machine.status().cursor;
        let before = std::mem::replace(&mut seen.cursor, cursor);
        // A ledger that cannot be read does not say what is shown already.
        if self.marks.is_rotten(Host::Relay) {
            seen.own.clear();
        }
        if !seen.own.is_empty() {
            self.ledger.follow(view);
            let versions = &self.ledger.versions;
            let is_shown = |hash: &Hash| versions.get(hash).is_some_and(|at| *at <= cursor);
            seen.own.retain(|(hash, _)| !is_shown(hash));
        }
        let missing = missing(&device, &seen.own, latest);
        let host = Some(Host::Device(number));
        if cursor < before {
            let words =
                format!("it had seen everything up to {before}, and now only up to {cursor}");
            return violation(self, view, host, words);
        }
        match missing {
            Some(words) => violation(self, view, host, words),
            None => Ok(()),
        }
    }
}

/// What the author's own writes make of a record.
#[derive(Default)]
struct Expected {
    /// Whether one of them brings it into being. A change of a record that is
    /// not here shows nowhere.
    creates: bool,
    alive: Option<bool>,
    fields: BTreeMap<FieldId, Option<Value>>,
}

/// The first of a device's own writes that it does not show, on the records of
/// its latest operations.
fn missing(device: &DeviceView<'_>, own: &[(Hash, Operation)], latest: usize) -> Option<String> {
    let machine = device.machine()?;
    let mut expected: BTreeMap<RecordId, Expected> = BTreeMap::new();
    for (_, operation) in own {
        let Action::Edit(mutations) = &operation.action else {
            continue;
        };
        for mutation in mutations {
            let expected = expected.entry(mutation.record).or_default();
            expected.creates |= matches!(mutation.change, Change::Create(_));
            match &mutation.change {
                Change::Follow | Change::Unfollow => continue,
                Change::Delete => expected.alive = Some(false),
                Change::Resolve { keep, .. } => expected.alive = Some(keep.unwrap_or(true)),
                _ => expected.alive = Some(true),
            }
            for (field, write) in mutation.change.writes() {
                match write {
                    Write::Set(value) => drop(expected.fields.insert(*field, Some(value.clone()))),
                    Write::Clear => drop(expected.fields.insert(*field, None)),
                    _ => {}
                }
            }
        }
    }
    let types = &machine.directory().definition.types;
    let latest = own.iter().rev().take(latest);
    let latest = latest.flat_map(|(_, operation)| operation.mutations());
    let latest: BTreeSet<RecordId> = latest.map(|mutation| mutation.record).collect();
    expected.retain(|id, _| latest.contains(id));
    for (id, expected) in expected {
        let Some(alive) = expected.alive else {
            continue;
        };
        let Ok(Some(record)) = machine.record(id) else {
            if !expected.creates && matches!(machine.image(id), Ok(None)) {
                continue;
            }
            return Some(format!("record {id}, which its user wrote, is not there"));
        };
        if record.is_alive() != alive {
            let now = if alive { "deleted" } else { "there" };
            return Some(format!(
                "record {id} is {now}, and its user saw otherwise to that"
            ));
        }
        for (field, value) in expected.fields {
            let kind = types
                .get(&record.record_type)
                .and_then(|t| t.fields.get(&field));
            let Some(field) = kind.filter(|field| !field.retired) else {
                continue;
            };
            let value = value.map(|value| field.kind.widened(value));
            if record.value(field.id) != value.as_ref() {
                return Some(format!(
                    "field {} of record {id} shows {:?}, and its user wrote {value:?}",
                    field.name,
                    record.value(field.id)
                ));
            }
        }
    }
    None
}
