//! A relay that was restored from an old backup remembers something else than
//! this device: the device is refused until its person decides. Whoever starts
//! over gives up what came from the relay and keeps what was written here: what
//! the relay no longer has of it is written again, as done by somebody who has
//! seen of the ledger only what both still share.

use crate::edit::EditError;
use crate::machine::{Agent, Reply};
use crate::pending::Pending;
use cairn_model::{Action, Operation, Timestamp, Version};
use cairn_oplog::Table;
use cairn_oplog::storage::{Batch, Durability};
use cairn_proto::Welcome;

impl Agent {
    /// Gives up images, issues and devices, and has them sent again. The
    /// definition stays until a newer one comes, so that own work shows.
    pub(crate) fn give_up_images(&mut self, now: Timestamp) -> Result<Reply, EditError> {
        let mut batch = Batch::default();
        self.pages.clear(&mut batch);
        self.forget_lags(&mut batch);
        for number in std::mem::take(&mut self.issues).into_keys() {
            batch.remove(Table::Issues, number.to_be_bytes());
        }
        self.directory.version = Version(0);
        self.directory.devices.clear();
        self.author = None;
        crate::directory::put(&self.directory, &mut batch);
        self.progress.cursor = Version(0);
        self.progress.downloading = true;
        self.progress.issues = Version(0);
        self.heard.paged = Version(0);
        self.own_images.clear();
        self.refused = None;
        self.waiting_batch(Durability::Synced).extend(batch);
        self.put_progress();
        self.put_heard();
        self.break_off(now);
        self.dial_at_once(now);
        Ok(Reply::StartedOver)
    }

    /// In another era than before, remembers what of this log the relay may
    /// have lost after `known`.
    pub(crate) fn enter_era(&mut self, welcome: &Welcome, known: u64) {
        // Otherwise the relay has found that all it knows is shared.
        self.link.shared = match self.link.is_fresh {
            true => welcome.shared,
            false => Version(u64::MAX),
        };
        if self.heard.era.replace(welcome.era) == Some(welcome.era) {
            return;
        }
        self.put_heard();
        if self.link.is_fresh && known < self.progress.incorporated {
            match Pending::read(&self.log, known + 1, &*self.storage) {
                Ok(pending) => self.pending = pending,
                Err(error) => return self.fail(error),
            }
            self.progress.incorporated = known;
            self.put_progress();
        }
    }

    /// Whether something in this log after `known` says that its author has
    /// seen what is not in the ledger.
    pub(crate) fn builds_on_more(&self, known: u64) -> bool {
        let after = self.pending.iter().filter(|own| own.sequence > known);
        let mut actions = after.map(|own| &own.operation.action);
        actions.any(|action| newest_seen(action) > self.link.shared)
    }
}

/// The newest version that an operation says its author has seen.
fn newest_seen(action: &Action) -> Version {
    match action {
        Action::Edit(mutations) => {
            let bases = mutations.iter().map(|mutation| mutation.base);
            bases.max().unwrap_or_default()
        }
        Action::Settle { operation, .. } => *operation,
        _ => Version(0),
    }
}

/// The operation as by an author who has seen the ledger up to `shared`;
/// `None` when there was nothing to write it about.
pub(crate) fn rebased(operation: &Operation, shared: Version) -> Option<Operation> {
    let mut rebased = operation.clone();
    match &mut rebased.action {
        Action::Edit(mutations) => {
            for mutation in mutations {
                mutation.base = mutation.base.min(shared);
            }
        }
        Action::Settle { operation, .. } if *operation > shared => return None,
        _ => {}
    }
    Some(rebased)
}
