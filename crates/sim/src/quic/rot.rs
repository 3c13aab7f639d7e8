//! A bit that flips in a store while its host is down.
//!
//! Where sled puts a value differs from run to run, so the place is found by
//! what stands before each value: its checksum. It is changed wherever it
//! stands, so that no older copy saves the day; the store must notice, when it
//! is opened or when all of it is read.

use super::storage::{LOG, Owner, report};
use crate::disk::SimStore;
use cairn_oplog::Storage;
use cairn_oplog::storage::{StorageError, Table};
use std::fs;
use std::path::Path;

/// The value that was flipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rotten {
    table: Table,
    key: Vec<u8>,
}

impl Rotten {
    /// What the host is told: the same whatever else the bit damaged. A store
    /// that finds another reason than damage has not understood.
    pub(super) fn told(&self, owner: &Owner, error: &StorageError) -> StorageError {
        if !matches!(error, StorageError::Corrupt { .. }) {
            report(owner, Some(format!("a flipped bit is told as: {error}")));
        }
        StorageError::corrupt(self.table, &self.key, "its checksum does not fit")
    }
}

/// Flips a bit of the `pick`-th value of a store that is closed, counted round;
/// `None` when nothing is stored.
pub(super) fn flip(
    directory: &Path,
    model: &SimStore,
    pick: u32,
) -> Result<Option<Rotten>, StorageError> {
    let file = directory.join(LOG);
    if !file.exists() {
        return Ok(None);
    }
    let mut pairs = Vec::new();
    for table in Table::ALL {
        let stored = model.range(table, &[], usize::MAX)?;
        pairs.extend(stored.into_iter().map(|(key, value)| (table, key, value)));
    }
    let Some(at) = (pick as usize).checked_rem(pairs.len()) else {
        return Ok(None);
    };
    let (table, key, value) = pairs.swap_remove(at);
    let failed = |error: std::io::Error| StorageError::Io(error.to_string());
    let mut log = fs::read(&file).map_err(failed)?;
    change(&mut log, &checksum(table, &key, &value));
    fs::write(&file, log).map_err(failed)?;
    Ok(Some(Rotten { table, key }))
}

/// What the store writes before a value: a checksum over its table, its key and
/// itself.
fn checksum(table: Table, key: &[u8], value: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[table as u8]);
    hasher.update(&(key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(value);
    let mut checksum = [0; 8];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    checksum
}

/// Flips one bit wherever these bytes stand; gives how often they did.
fn change(log: &mut [u8], bytes: &[u8; 8]) -> usize {
    let mut count = 0;
    let mut from = 0;
    while let Some(at) = find(&log[from..], bytes) {
        log[from + at] ^= 1;
        from += at + bytes.len();
        count += 1;
    }
    count
}

fn find(log: &[u8], bytes: &[u8; 8]) -> Option<usize> {
    log.windows(bytes.len()).position(|window| window == bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_oplog::storage::{Batch, Durability};
    use cairn_store::{Options, SledStorage};

    /// Whether anything says that something is wrong.
    fn is_noticed(directory: &Path) -> bool {
        let Ok(storage) = SledStorage::open(directory, Options::default()) else {
            return true;
        };
        let read = |table: &Table| storage.range(*table, &[], usize::MAX).map(drop);
        Table::ALL.iter().any(|table| read(table).is_err())
    }

    #[test]
    fn a_flipped_bit_of_any_value_is_noticed_at_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        for pick in 0..12 {
            let directory = root.path().join(pick.to_string());
            let model = SimStore::new();
            let storage = SledStorage::open(&directory, Options::default()).unwrap();
            for number in 0..40_u32 {
                let mut batch = Batch::default();
                let bytes = number as usize * 37;
                batch.put(
                    Table::Ledger,
                    number.to_be_bytes(),
                    vec![number as u8; bytes],
                );
                batch.put(Table::Meta, [number as u8 % 5], vec![9; 3]);
                model.commit(batch.clone(), Durability::Synced).unwrap();
                storage.commit(batch, Durability::Synced).unwrap();
            }
            drop(storage);
            assert!(!is_noticed(&directory), "nothing was flipped yet");
            let flipped = flip(&directory, &model, pick * 7).unwrap();
            assert!(flipped.is_some(), "there are values");
            assert!(is_noticed(&directory), "{flipped:?}");
        }
    }
}
