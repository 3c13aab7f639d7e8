//! Variants whose disks lie to them.

use crate::disk::SimStore;
use crate::host::Host;
use crate::wiring::Wiring;
use cairn_oplog::{Batch, Durability, Storage, Table};
use std::sync::Arc;

/// Batches that must last are written behind.
pub(super) struct Unsynced {
    relay: bool,
}

impl Unsynced {
    pub(super) fn at_devices() -> Unsynced {
        Unsynced { relay: false }
    }

    pub(super) fn at_the_relay() -> Unsynced {
        Unsynced { relay: true }
    }
}

impl Wiring for Unsynced {
    fn commit(&mut self, host: Host, batch: Batch, durability: Durability) -> (Batch, Durability) {
        match (host == Host::Relay) == self.relay {
            true => (batch, Durability::Behind),
            false => (batch, durability),
        }
    }
}

/// Each of the relay's batches reaches the disk with the next.
#[derive(Default)]
pub(super) struct OneLate {
    waiting: Batch,
}

impl Wiring for OneLate {
    fn start(&mut self, host: Host, store: &Arc<SimStore>) -> Arc<dyn Storage> {
        if host == Host::Relay {
            self.waiting = Batch::default();
        }
        store.clone()
    }

    fn commit(&mut self, host: Host, batch: Batch, durability: Durability) -> (Batch, Durability) {
        match host {
            Host::Relay => (std::mem::replace(&mut self.waiting, batch), durability),
            Host::Device(_) => (batch, durability),
        }
    }
}

/// The last operation of the tail is gone at a start.
pub(super) struct ShortTail;

impl Wiring for ShortTail {
    fn start(&mut self, host: Host, store: &Arc<SimStore>) -> Arc<dyn Storage> {
        let last = store.range_back(Table::Tail, &[0xff; 13], 1);
        if let (Host::Device(_), Ok(last)) = (host, last)
            && let Some((key, _)) = last.into_iter().next()
        {
            let mut batch = Batch::default();
            batch.remove(Table::Tail, key);
            // A store that refuses has nothing taken away; the run goes on.
            drop(store.commit(batch, Durability::Synced));
        }
        store.clone()
    }
}

/// Nothing is written to one of the relay's tables.
pub(super) struct Without(pub(super) Table);

impl Wiring for Without {
    fn commit(
        &mut self,
        host: Host,
        mut batch: Batch,
        durability: Durability,
    ) -> (Batch, Durability) {
        if host == Host::Relay {
            batch.changes.retain(|(table, _, _)| *table != self.0);
        }
        (batch, durability)
    }
}
