//! Chains and signatures, checked from bytes by the written rules.

use super::marks::Marks;
use super::{Checker, Violation, stored, violation};
use crate::host::Host;
use crate::reference::bytes::{Bundle, empty_ledger, empty_log, ledger_after};
use crate::trace::Event;
use crate::world::View;
use cairn_model::{Action, DeviceId, Hash, Operation, PublicKey, codec};
use std::collections::BTreeMap;

/// The ledger has no gap, its times never fall, its chain is right, and every
/// bundle in it is signed by the device it names; every device's log is one
/// gapless, signed chain in each generation.
#[derive(Debug, Default)]
pub struct LogIntegrity {
    marks: Marks,
}

impl Checker for LogIntegrity {
    fn name(&self) -> &'static str {
        "log-integrity"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        if !self.marks.is_rotten(Host::Relay)
            && let Some(words) = ledger_fault(view)
        {
            return violation(self, view, Some(Host::Relay), words);
        }
        for device in view.devices() {
            let host = Host::Device(device.number());
            if self.marks.is_rotten(host) {
                continue;
            }
            let bundles = stored::bundles(&**device.store());
            if let Some(words) = log_fault(view, &device.key(), &bundles) {
                return violation(self, view, Some(host), words);
            }
        }
        Ok(())
    }
}

fn ledger_fault(view: &View<'_>) -> Option<String> {
    let (organization, relay) = (view.organization(), view.relay().key());
    let mut keys: BTreeMap<DeviceId, PublicKey> = [(relay.device(), relay)].into();
    let (mut head, mut received, mut version) = (empty_ledger(&organization, &relay), 0, 0);
    for (expected, (position, entry)) in (1..).zip(stored::ledger(&**view.relay().store())) {
        if position != expected {
            return Some(format!(
                "entry {position} stands where entry {expected} belongs"
            ));
        }
        if entry.received < received {
            return Some(format!(
                "entry {position} was received before the one before it"
            ));
        }
        if entry.first_version != version + 1 {
            return Some(format!(
                "entry {position} begins at another version than the next"
            ));
        }
        head = ledger_after(&head, position, entry.received, &entry.bundle);
        if entry.head != head {
            return Some(format!("the chain is broken at entry {position}"));
        }
        let Some(bundle) = Bundle::read(&entry.bundle) else {
            return Some(format!("entry {position} is no bundle"));
        };
        let Some(key) = keys.get(&bundle.device) else {
            return Some(format!(
                "entry {position} is of a device that was never enrolled"
            ));
        };
        if !bundle.is_signed_by(&organization, key) {
            return Some(format!("entry {position} is not signed by its device"));
        }
        if bundle.device == relay.device() {
            keys.extend(enrolled(&bundle));
        }
        received = entry.received;
        version += bundle.operations.len() as u64;
    }
    None
}

fn enrolled(bundle: &Bundle) -> impl Iterator<Item = (DeviceId, PublicKey)> {
    let operations = bundle.operations.iter().flatten();
    operations.filter_map(|bytes| {
        match codec::decode::<Operation>("operation", bytes).ok()?.action {
            Action::Enrol { key, .. } => Some((key.device(), key)),
            _ => None,
        }
    })
}

fn log_fault(view: &View<'_>, key: &PublicKey, bundles: &[Bundle]) -> Option<String> {
    let organization = view.organization();
    let mut ends: BTreeMap<u32, (u64, Hash)> = BTreeMap::new();
    for bundle in bundles {
        let (generation, first) = (bundle.generation, bundle.first);
        let genesis = empty_log(&organization, &bundle.device, generation);
        let (sequence, head) = ends.get(&generation).copied().unwrap_or((0, genesis));
        if first != sequence + 1 || bundle.previous != head {
            return Some(format!(
                "the bundle at {generation}/{first} does not continue the log"
            ));
        }
        if !bundle.is_signed_by(&organization, key) {
            return Some(format!(
                "the bundle at {generation}/{first} is not signed by its device"
            ));
        }
        ends.insert(generation, (bundle.last(), bundle.head()));
    }
    None
}
