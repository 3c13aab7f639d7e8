//! Storage that can be told to fail.

use cairn_oplog::storage::Pair;
use cairn_oplog::{Batch, Durability, Storage, StorageError, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Says when a storage fails.
#[derive(Clone)]
pub(crate) struct Faults(Arc<AtomicI64>);

impl Faults {
    /// No fault until one is asked for.
    pub(crate) fn none() -> Faults {
        Faults(Arc::new(AtomicI64::new(i64::MAX)))
    }

    /// After `commits` more commits every commit fails.
    pub(crate) fn after(&self, commits: i64) {
        self.0.store(commits, Ordering::SeqCst);
    }
}

/// A storage whose disk goes away when [`Faults`] says so. As with a real one,
/// the first failed write poisons the handle.
pub(crate) struct Faulty {
    pub(crate) beneath: Arc<dyn Storage>,
    pub(crate) faults: Faults,
}

/// What the failing disk says.
pub(crate) const GONE: &str = "the device has been removed (os error 19)";

impl Storage for Faulty {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.beneath.get(table, key)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        self.beneath.range(table, from, limit)
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        self.beneath.range_back(table, before, limit)
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        match self.faults.0.fetch_sub(1, Ordering::SeqCst) {
            left if left > 0 => self.beneath.commit(batch, durability),
            0 => Err(StorageError::Io(GONE.to_owned())),
            _ => Err(StorageError::Poisoned(GONE.to_owned())),
        }
    }
}
