//! Types whose changes come in intervals: how far each has come, and the base
//! of an edit on what is shown of them.

use crate::machine::Agent;
use cairn_model::{RecordId, TypeId, Version, codec};
use cairn_oplog::Table;
use cairn_oplog::storage::{Batch, Durability, StorageError};
use cairn_projection::{Issue, Record};
use cairn_proto::Lag;

pub(crate) const LAGS: &str = "lags";

impl Agent {
    /// What the author of an edit on a record has seen of it, which shows as
    /// `held`: every change up to here.
    pub(crate) fn base_of(
        &self,
        record: RecordId,
        record_type: TypeId,
        held: Option<&Record>,
    ) -> Result<Version, StorageError> {
        let image = match held.map(|held| held.version) {
            Some(shown) if shown.is_pending() => self.image(record)?.map(|image| image.version),
            shown => shown,
        };
        let image = image.unwrap_or_default();
        let cursor = self.progress.cursor;
        Ok(match self.lags.get(&record_type) {
            None => cursor.max(image),
            Some(lag) => {
                let refused = self.newest_refused(record);
                lag.through.min(cursor).max(image).max(refused)
            }
        })
    }

    /// The newest operation of this device on a record that its person knows
    /// to be refused: the record came with that word, so it is as of then.
    fn newest_refused(&self, record: RecordId) -> Version {
        let device = self.key().device();
        let own = self.issues.values().filter(|issue| {
            issue.operation.log.device == device && issue.records().contains(&record)
        });
        own.map(newest_of).max().unwrap_or_default()
    }

    /// Types come in intervals from now on, as the relay says, and no others.
    pub(crate) fn take_lags(&mut self, lags: Vec<Lag>) {
        self.lags = lags.into_iter().map(|lag| (lag.record_type, lag)).collect();
        let lags: Vec<Lag> = self.lags.values().copied().collect();
        self.waiting_batch(Durability::Synced)
            .put(Table::Meta, LAGS, codec::encode(&lags));
    }

    /// Nothing came yet, in intervals or otherwise.
    pub(crate) fn forget_lags(&mut self, batch: &mut Batch) {
        self.lags.clear();
        batch.remove(Table::Meta, LAGS);
    }
}

/// The newest operation that an issue is about.
fn newest_of(issue: &Issue) -> Version {
    let dependents = issue.dependents.iter().map(|dependent| dependent.version);
    dependents.fold(issue.version, Version::max)
}
