//! A device restored from a backup, or copied: its log is behind what the
//! relay knows, or differs from it. Signing on would contradict what was
//! signed before, so the device starts a new generation of its log and carries
//! its unsent edits over.

use crate::machine::Agent;
use crate::start_over::rebased;
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

    /// Compares what the relay has of this log from `first` on, by its hashes,
    /// with what is here: what the relay has already is done, the rest goes
    /// into a new generation.
    pub(crate) fn start_new_log(&mut self, relay_generation: u32, first: u64, known: &[Hash]) {
        let own = match self.log.hashes_from(first, &*self.storage) {
            Ok(own) => own,
            Err(error) => return self.fail(error),
        };
        let same = own
            .iter()
            .zip(known)
            .take_while(|(own, theirs)| own == theirs);
        let shared = same.count() as u64;
        tracing::warn!(
            shared,
            "this device's log is behind the relay's: it was restored or copied; a new log begins"
        );
        self.begin_log(relay_generation, first + shared);
    }

    /// Begins a new log after that generation, and writes there again what
    /// stands in this one from a place on.
    pub(crate) fn begin_log(&mut self, relay_generation: u32, from: u64) {
        let next = relay_generation.max(self.log.log().generation) + 1;
        let pending = self.pending.drain();
        let mut batch = std::mem::take(self.waiting_batch(Durability::Synced));
        self.log.restart(next, &mut batch);
        self.waiting_batch(Durability::Synced).extend(batch);
        self.progress.incorporated = 0;
        for carried in pending
            .into_iter()
            .filter(|pending| pending.sequence >= from)
        {
            if let Some(operation) = rebased(&carried.operation, self.link.shared) {
                self.log_operation(operation);
            }
        }
        self.link.sent = 0;
        self.link.acknowledged = 0;
        self.nothing_is_sealed();
        self.put_progress();
    }
}
