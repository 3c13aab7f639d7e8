//! What writes batches: storage blocks, machines must not.

use std::sync::Arc;
use std::thread::JoinHandle;

use cairn_oplog::{Batch, Durability, Storage, StorageError};
use tokio::sync::mpsc;

use crate::platform::Storing;

/// Batches that may wait to be written. Machines have one under way at a time.
const BATCHES_WAITING_MAX: usize = 4;

/// What became of a batch.
pub(crate) type Written<Id> = (Id, Result<(), StorageError>);

type Waiting<Id> = (Id, Batch, Durability);

/// Commits batches in order and says so.
pub(crate) struct Persister<Id> {
    batches: Option<Batches<Id>>,
    thread: Option<JoinHandle<()>>,
}

/// Where batches wait.
enum Batches<Id> {
    Thread(std::sync::mpsc::SyncSender<Waiting<Id>>),
    Task(mpsc::Sender<Waiting<Id>>),
}

impl<Id: Send + 'static> Persister<Id> {
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        storing: Storing,
    ) -> (Persister<Id>, mpsc::Receiver<Written<Id>>) {
        let (written, outcomes) = mpsc::channel(BATCHES_WAITING_MAX);
        let (batches, thread) = match storing {
            Storing::OnThread => {
                let (batches, waiting) = std::sync::mpsc::sync_channel(BATCHES_WAITING_MAX);
                let thread = std::thread::Builder::new()
                    .name("cairn-storage".to_owned())
                    .spawn(move || write_all(&*storage, waiting, &written));
                (Batches::Thread(batches), thread.ok())
            }
            Storing::After(time) => {
                let (batches, mut waiting) = mpsc::channel::<Waiting<Id>>(BATCHES_WAITING_MAX);
                tokio::spawn(async move {
                    while let Some((id, batch, durability)) = waiting.recv().await {
                        tokio::time::sleep(time(durability)).await;
                        let outcome = storage.commit(batch, durability);
                        if written.send((id, outcome)).await.is_err() {
                            return;
                        }
                    }
                });
                (Batches::Task(batches), None)
            }
        };
        let persister = Persister {
            batches: Some(batches),
            thread,
        };
        (persister, outcomes)
    }

    /// Hands a batch over. A writer that is gone is reported as a failure of
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
        let waiting = (id, batch, durability);
        match &self.batches {
            Some(Batches::Thread(batches)) => {
                batches.send(waiting).map_err(|refused| gone(refused.0.0))
            }
            Some(Batches::Task(batches)) => batches
                .try_send(waiting)
                .map_err(|refused| gone(refused.into_inner().0)),
            None => Err(gone(waiting.0)),
        }
    }
}

fn write_all<Id>(
    storage: &dyn Storage,
    waiting: std::sync::mpsc::Receiver<Waiting<Id>>,
    written: &mpsc::Sender<Written<Id>>,
) {
    for (id, batch, durability) in waiting {
        let outcome = storage.commit(batch, durability);
        if written.blocking_send((id, outcome)).is_err() {
            return;
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
