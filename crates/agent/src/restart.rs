//! A device restored from a backup, or copied: its log is behind what the
//! relay knows, or differs from it. Signing on would contradict what was
//! signed before, so the device starts a new generation of its log and carries
//! its unsent edits over.

use crate::machine::Agent;
use cairn_model::Hash;
use cairn_oplog::storage::Durability;
use cairn_proto::Welcome;

impl Agent {
    /// Whether the relay has something of this log that the device has not, or
    /// has otherwise.
    pub(crate) fn is_behind(&self, welcome: &Welcome) -> bool {
        let log = self.log.log();
        if welcome.generation > log.generation {
            return true;
        }
        if welcome.generation < log.generation || welcome.head.sequence == 0 {
            return false;
        }
        if welcome.head.sequence > self.log.sealed().sequence {
            return true;
        }
        let there = self
            .log
            .bundles_from(welcome.head.sequence, 1, &*self.storage);
        let head = there
            .ok()
            .and_then(|bundles| bundles.first().map(cairn_oplog::Verified::head));
        head != Some(welcome.head)
    }

    /// Compares the relay's part of the log with what is unsent here: what the
    /// relay has already is done, the rest goes into a new generation.
    pub(crate) fn compare(&mut self, generation: u32, first: u64, hashes: &[Hash]) {
        let mut own = Vec::new();
        if generation == self.log.log().generation {
            match self.log.hashes_from(first, &*self.storage) {
                Ok(found) => own = found,
                Err(error) => return self.fail(error),
            }
        }
        let shared = own
            .iter()
            .zip(hashes)
            .take_while(|(own, theirs)| own == theirs)
            .count() as u64;
        tracing::warn!(
            shared,
            "this device's log is behind the relay's: it was restored or copied; a new log begins"
        );
        let next = generation.max(self.log.log().generation) + 1;
        let pending = self.pending.drain();
        let batch = std::mem::take(self.waiting_batch(Durability::Synced));
        let mut batch = batch;
        self.log.restart(next, &mut batch);
        self.waiting_batch(Durability::Synced).extend(batch);
        self.progress.incorporated = 0;
        for carried in pending
            .into_iter()
            .filter(|pending| pending.sequence >= first + shared)
        {
            self.log_operation(carried.operation);
        }
        self.link.sent = 0;
        self.durable_sealed = 0;
        self.put_progress();
    }
}
