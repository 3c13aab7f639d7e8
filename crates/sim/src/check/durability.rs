//! What was acknowledged stays: to a person by the device, and to a device by
//! the relay, through every crash that the disks' promises cover.

use super::marks::Marks;
use super::{Checker, Violation, stored, violation};
use crate::host::Host;
use crate::reference::bytes::Bundle;
use crate::time::VirtualTime;
use crate::trace::{Event, Message, What};
use crate::world::View;
use cairn_model::{Action, Hash, LogId, Operation, Version, codec};
use cairn_oplog::storage::Storage;
use std::collections::{BTreeMap, BTreeSet};

/// An operation that its author was told is safe.
#[derive(Debug, Clone, Copy)]
struct Promise {
    at: VirtualTime,
    operation: Hash,
    /// The same, whatever its author had seen; nothing for an answer to an
    /// issue, which ends with the ledger that raised it.
    written: Option<Hash>,
}

/// A bundle that a device was told is in the ledger.
#[derive(Debug, Clone, Copy)]
struct Kept {
    at: VirtualTime,
    bundle: Hash,
}

/// An operation acknowledged to a person is in the log of its device or in the
/// ledger, and a bundle acknowledged to a device is in the ledger, whatever
/// crashed since; written again on what the ledger still has, if its person
/// started over. Only a wiped, rotten or restored disk may forget what it was
/// not asked to keep elsewhere.
#[derive(Debug, Default)]
pub struct Durability {
    people: BTreeMap<(u32, LogId, u64), Promise>,
    devices: BTreeMap<Version, Kept>,
    started_over: BTreeSet<u32>,
    marks: Marks,
}

impl Checker for Durability {
    fn name(&self) -> &'static str {
        "durability"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        match (&event.what, event.host) {
            (What::Acknowledged { log, sequence, .. }, Some(Host::Device(device))) => {
                self.promised(event, view, device, *log, *sequence)
            }
            (
                What::Sent {
                    message: Message::Ack { version, .. },
                    ..
                },
                Some(Host::Relay),
            ) => self.acknowledged(event, view, *version),
            (What::Started, Some(Host::Device(device))) => self.device_holds(view, device),
            (What::Started, Some(Host::Relay)) => self.relay_holds(view),
            (What::StartedOver, Some(Host::Device(device))) => {
                self.started_over.insert(device);
                Ok(())
            }
            (What::Wiped, Some(Host::Device(device))) => {
                self.forget(view, device, VirtualTime(0));
                Ok(())
            }
            (What::Restored { from }, Some(Host::Device(device))) => {
                self.forget(view, device, *from);
                Ok(())
            }
            (What::Restored { from }, Some(Host::Relay)) => {
                self.devices.retain(|_, kept| kept.at <= *from);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        self.relay_holds(view)?;
        view.devices()
            .try_for_each(|device| self.device_holds(view, device.number()))
    }
}

impl Durability {
    fn promised(
        &mut self,
        event: &Event,
        view: &View<'_>,
        device: u32,
        log: LogId,
        sequence: u64,
    ) -> Result<(), Violation> {
        let Some(host) = view.device(device) else {
            return Ok(());
        };
        let Some(bytes) = stored::bytes_at(&**host.store(), &log, sequence) else {
            if self.marks.is_rotten(Host::Device(device)) {
                return Ok(());
            }
            let words = format!("operation {sequence} was acknowledged and is not in the log");
            return violation(self, view, event.host, words);
        };
        let promise = Promise {
            at: event.at,
            operation: Hash::of(&bytes),
            written: written(&bytes),
        };
        self.people.insert((device, log, sequence), promise);
        Ok(())
    }

    fn acknowledged(
        &mut self,
        event: &Event,
        view: &View<'_>,
        version: Version,
    ) -> Result<(), Violation> {
        if self.marks.is_rotten(Host::Relay) || self.devices.contains_key(&version) {
            return Ok(());
        }
        match in_ledger(view, version) {
            Some(bundle) => {
                let at = event.at;
                self.devices.insert(version, Kept { at, bundle });
                Ok(())
            }
            None => {
                let words =
                    format!("operation {version} was acknowledged and is not in the ledger");
                violation(self, view, event.host, words)
            }
        }
    }

    /// A disk that is gone or was set back forgets what was promised after a
    /// time, unless the ledger has it.
    fn forget(&mut self, view: &View<'_>, device: u32, since: VirtualTime) {
        let ledger = ledger_operations(view);
        self.people.retain(|(of, _, _), promise| {
            *of != device || promise.at <= since || ledger.contains(&promise.operation)
        });
    }

    fn device_holds(&self, view: &View<'_>, device: u32) -> Result<(), Violation> {
        let host = Host::Device(device);
        let Some(seen) = view.device(device).filter(|_| !self.marks.is_rotten(host)) else {
            return Ok(());
        };
        let own = self.people.iter().filter(|((of, _, _), _)| *of == device);
        let mut ledger = None;
        let mut carried = None;
        let mut again = None;
        for ((_, log, sequence), promise) in own {
            let held = stored::operation_at(&**seen.store(), log, *sequence);
            if held == Some(promise.operation) {
                continue;
            }
            let ledger = ledger.get_or_insert_with(|| ledger_operations(view));
            let carried = carried.get_or_insert_with(|| own_operations(&**seen.store()));
            if ledger.contains(&promise.operation) || carried.contains(&promise.operation) {
                continue;
            }
            let again = again.get_or_insert_with(|| match self.started_over.contains(&device) {
                true => written_again(view, &**seen.store()),
                false => BTreeSet::new(),
            });
            if !again.contains(&promise.written) {
                let words = format!(
                    "operation {sequence} of {log}, acknowledged at {}, is gone",
                    promise.at
                );
                return violation(self, view, Some(host), words);
            }
        }
        Ok(())
    }

    fn relay_holds(&self, view: &View<'_>) -> Result<(), Violation> {
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let ledger = stored::ledger(&**view.relay().store());
        let held: BTreeMap<Version, Hash> = ledger
            .iter()
            .map(|(_, entry)| (entry.last_version(), Hash::of(&entry.bundle)))
            .collect();
        for (version, kept) in &self.devices {
            if held.get(version) != Some(&kept.bundle) {
                let words = format!(
                    "operation {version}, acknowledged to its device at {}, is gone",
                    kept.at
                );
                return violation(self, view, Some(Host::Relay), words);
            }
        }
        Ok(())
    }
}

/// The hash of the bundle whose last operation has this version.
fn in_ledger(view: &View<'_>, version: Version) -> Option<Hash> {
    let entry = stored::entry_ending_at(&**view.relay().store(), version)?;
    Some(Hash::of(&entry.bundle))
}

/// The hash of an edit, whatever its author had seen.
fn written(bytes: &[u8]) -> Option<Hash> {
    let mut operation: Operation = codec::decode("operation", bytes).ok()?;
    match &mut operation.action {
        Action::Edit(mutations) => {
            for mutation in mutations {
                mutation.base = Version(0);
            }
        }
        _ => return None,
    }
    Some(Hash::of(&codec::encode(&operation)))
}

/// What is in a device's logs and in the ledger, whatever its authors had seen;
/// answers to issues are never missed.
fn written_again(view: &View<'_>, store: &dyn Storage) -> BTreeSet<Option<Hash>> {
    let ledger = stored::ledger(&**view.relay().store()).into_iter();
    let ledger = ledger.filter_map(|(_, entry)| Bundle::read(&entry.bundle));
    let bundles = stored::bundles(store).into_iter().chain(ledger);
    let sealed = bundles.flat_map(|bundle| bundle.operations).flatten();
    sealed
        .chain(stored::tail(store))
        .map(|bytes| written(&bytes))
        .chain([None])
        .collect()
}

/// The hashes of every operation in a device's logs: one that was carried over
/// into a new log has another place there.
fn own_operations(store: &dyn Storage) -> BTreeSet<Hash> {
    let bundles = stored::bundles(store).into_iter();
    let sealed = bundles.flat_map(|bundle| bundle.hashes().to_vec());
    let tail = stored::tail(store).into_iter();
    sealed.chain(tail.map(|bytes| Hash::of(&bytes))).collect()
}

/// The hashes of every operation in the ledger.
fn ledger_operations(view: &View<'_>) -> BTreeSet<Hash> {
    let ledger = stored::ledger(&**view.relay().store()).into_iter();
    ledger
        .filter_map(|(_, entry)| Bundle::read(&entry.bundle))
        .flat_map(|bundle| bundle.hashes().to_vec())
        .collect()
}
