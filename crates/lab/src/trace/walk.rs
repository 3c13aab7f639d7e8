//! The operations of a ledger, as far as logs continue and bytes can be read.

use cairn_model::{LogId, Operation, Version};
use cairn_oplog::Entry;
use cairn_oplog::bundle::{Slot, decode_operation};
use std::collections::BTreeMap;

/// Where a way through a ledger has come to.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Where each log ends.
    logs: BTreeMap<LogId, u64>,
    version: Version,
}

impl Walk {
    /// The last operation that was come to.
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Gives the operations of the next entry.
    pub(super) fn entry(&mut self, entry: &Entry, mut give: impl FnMut(Version, Operation)) {
        let bundle = &entry.bundle;
        let end = self.logs.entry(bundle.log()).or_default();
        let continues = bundle.first() == *end + 1;
        if continues {
            *end = bundle.last();
        }
        for slot in bundle.slots() {
            self.version = self.version.next();
            if let (true, Slot::Whole(bytes)) = (continues, slot)
                && let Ok(operation) = decode_operation(bytes)
            {
                give(self.version, operation);
            }
        }
    }
}
