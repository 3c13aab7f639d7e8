//! Storage in memory, for tests and simulations that need determinism. Passes
//! the same conformance suite as the real one.

use crate::storage::{Batch, Durability, Pair, Storage, StorageError, Table, VALUE_BYTES_MAX};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, PoisonError};

/// Tables in memory; "synced" means kept in the durable copy that
/// [`MemoryStorage::crash`] returns to.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    tables: Mutex<Tables>,
}

#[derive(Debug, Default, Clone)]
struct Tables {
    now: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    behind: Vec<Batch>,
    durable: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
}

fn apply(map: &mut BTreeMap<(Table, Vec<u8>), Vec<u8>>, batch: &Batch) {
    for (table, key, value) in &batch.changes {
        match value {
            Some(value) => map.insert((*table, key.clone()), value.clone()),
            None => map.remove(&(*table, key.clone())),
        };
    }
}

impl MemoryStorage {
    /// Empty tables.
    pub fn new() -> MemoryStorage {
        MemoryStorage::default()
    }

    /// What a power cut would leave: everything up to the last synced batch.
    pub fn crash(&self) -> MemoryStorage {
        let durable = self.lock().durable.clone();
        MemoryStorage {
            tables: Mutex::new(Tables {
                now: durable.clone(),
                behind: Vec::new(),
                durable,
            }),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.lock().now.get(&(table, key.to_vec())).cloned())
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        let tables = self.lock();
        Ok(tables
            .now
            .range((table, from.to_vec())..)
            .take_while(|((of, _), _)| *of == table)
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        let tables = self.lock();
        let from = Bound::Included((table, Vec::new()));
        Ok(tables
            .now
            .range((from, Bound::Excluded((table, before.to_vec()))))
            .rev()
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        for (table, _, value) in &batch.changes {
            let bytes = value.as_ref().map_or(0, Vec::len);
            if bytes > VALUE_BYTES_MAX {
                return Err(StorageError::TooLarge {
                    table: *table,
                    bytes,
                });
            }
        }
        let tables = &mut *self.lock();
        apply(&mut tables.now, &batch);
        tables.behind.push(batch);
        if durability == Durability::Synced {
            for batch in tables.behind.drain(..) {
                apply(&mut tables.durable, &batch);
            }
        }
        Ok(())
    }
}
