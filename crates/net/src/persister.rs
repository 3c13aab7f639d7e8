//! The thread that writes: storage blocks, machines must not.

use std::sync::Arc;
use std::thread::JoinHandle;

use cairn_oplog::{Batch, Durability, Storage, StorageError};
use tokio::sync::mpsc;

/// Batches that may wait to be written. Machines have one under way at a time.
const BATCHES_WAITING_MAX: usize = 4;

/// What became of a batch.
pub(crate) type Written<Id> = (Id, Result<(), StorageError>);

/// A thread that commits batches in order and says so.
pub(crate) struct Persister<Id> {
    batches: Option<std::sync::mpsc::SyncSender<(Id, Batch, Durability)>>,
    thread: Option<JoinHandle<()>>,
}

impl<Id: Send + 'static> Persister<Id> {
    pub(crate) fn start(storage: Arc<dyn Storage>) -> (Persister<Id>, mpsc::Receiver<Written<Id>>) {
        let (batches, waiting) =
            std::sync::mpsc::sync_channel::<(Id, Batch, Durability)>(BATCHES_WAITING_MAX);
        let (written, outcomes) = mpsc::channel(BATCHES_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("cairn-storage".to_owned())
            .spawn(move || {
                for (id, batch, durability) in waiting {
                    let outcome = storage.commit(batch, durability);
                    if written.blocking_send((id, outcome)).is_err() {
                        return;
                    }
                }
            });
        let persister = Persister {
            batches: Some(batches),
            thread: thread.ok(),
        };
        (persister, outcomes)
    }

    /// Hands a batch over. A thread that is gone is reported as a failure of
    /// the storage.
    pub(crate) fn write(
        &self,
        id: Id,
        batch: Batch,
        durability: Durability,
    ) -> Result<(), Written<Id>> {
        let gone = |id| {
            (
                id,
                Err(StorageError::Io("the storage thread has ended".to_owned())),
            )
        };
        match &self.batches {
            Some(batches) => batches
                .send((id, batch, durability))
                .map_err(|refused| gone(refused.0.0)),
            None => Err(gone(id)),
        }
    }
}

impl<Id> Drop for Persister<Id> {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
