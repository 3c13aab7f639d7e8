//! Saying something again changes nothing.

use super::judged::entries;
use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::bytes::Bundle;
use crate::trace::Event;
use crate::world::View;
use cairn_model::{DeviceId, Hash, Timestamp, Version};
use cairn_oplog::Table;
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::storage::{Batch, Durability, Storage};
use cairn_proto::Era;
use cairn_relay::{AdminRequest, Input, Output, Relay, ReplyId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// No operation of a device is admitted twice, and the relay, handed every
/// bundle of its ledger once more, stays as it is.
#[derive(Debug, Default)]
pub struct Once {
    marks: Marks,
}

impl Checker for Once {
    fn name(&self) -> &'static str {
        "once"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        match self.doubled(view).or_else(|| moved_by_repetition(view)) {
            Some(words) => violation(self, view, Some(Host::Relay), words),
            None => Ok(()),
        }
    }
}

impl Once {
    fn doubled(&self, view: &View<'_>) -> Option<String> {
        let state = view.relay().machine()?.state();
        let shared = view
            .devices()
            .filter(|device| self.marks.is_misused(Host::Device(device.number())));
        let shared: Vec<DeviceId> = shared.map(|device| device.key().device()).collect();
        let mut known: BTreeMap<(DeviceId, Hash), Version> = BTreeMap::new();
        for (_, entry) in entries(view) {
            let bundle = Bundle::read(&entry.bundle)?;
            for (version, hash) in (entry.first_version..).map(Version).zip(bundle.hashes()) {
                if shared.contains(&bundle.device) || state.verdict(version).rejected.is_some() {
                    continue;
                }
                if let Some(first) = known.insert((bundle.device, *hash), version) {
                    return Some(format!("operation {first} was admitted again as {version}"));
                }
            }
        }
        None
    }
}

/// What changes when a relay over a copy of the store is handed the whole
/// ledger once more.
fn moved_by_repetition(view: &View<'_>) -> Option<String> {
    let storage = Arc::new(MemoryStorage::new());
    let mut batch = Batch::default();
    for table in Table::ALL {
        let rows = view.relay().store().range(table, &[], usize::MAX).ok()?;
        for (key, value) in rows {
            batch.put(table, key, value);
        }
    }
    storage.commit(batch, Durability::Synced).ok()?;
    let secret = view.relay().secret().clone();
    let mut relay = Relay::open(secret, view.organization(), storage.clone(), Era([0; 16])).ok()?;
    let (version, digest) = (relay.state().version(), relay.state().digest());
    let bundles = entries(view)
        .into_iter()
        .map(|(_, entry)| entry.bundle)
        .collect();
    let (now, reply) = (Timestamp(relay.state().received().0), ReplyId(1));
    let request = AdminRequest::TakeIn(bundles);
    relay.handle(now, Input::Admin { reply, request });
    while let Some(output) = relay.poll_output() {
        match output {
            Output::Persist {
                id,
                batch,
                durability,
            } => {
                let answer = storage.commit(batch, durability);
                relay.handle(
                    now,
                    answer.map_or_else(
                        |error| Input::PersistFailed(id, error),
                        |()| Input::Persisted(id),
                    ),
                );
            }
            Output::Reply {
                answer: Err(error), ..
            } => {
                return Some(format!("the relay refuses its own ledger: {error}"));
            }
            _ => {}
        }
    }
    let now = relay.state().version();
    if now != version {
        return Some(format!(
            "the ledger, told again, moved the relay from {version} to {now}"
        ));
    }
    (relay.state().digest() != digest).then(|| "the ledger, told again, changed records".to_owned())
}
