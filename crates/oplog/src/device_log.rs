//! A device's own log in storage: sealed bundles, then a tail of operations
//! that wait for their seal.
//!
//! An operation is durable before its author is told so. It is sealed at the
//! latest when it is sent, and a sealed bundle is durable before it is sent:
//! so no two bundles can ever be sealed over one sequence, whatever crashes.

use crate::bundle::{self, LogHead, Parsed, Verified};
use crate::key::SecretKey;
use crate::storage::{Batch, Storage, StorageError, Table};
use cairn_model::{Hash, LogId, OrganizationId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A device's log as it stands in memory: its end, and what waits for a seal.
#[derive(Debug)]
pub struct DeviceLog {
    organization: OrganizationId,
    log: LogId,
    sealed: LogHead,
    tail: VecDeque<Vec<u8>>,
}

const END: &str = "log end";

#[derive(Serialize, Deserialize)]
struct End {
    log: LogId,
    sealed: LogHead,
}

fn key(generation: u32, sequence: u64) -> Vec<u8> {
    let mut key = generation.to_be_bytes().to_vec();
    key.extend_from_slice(&sequence.to_be_bytes());
    key
}

impl DeviceLog {
    /// Opens the log of `log.device`, in the generation it had reached, or a
    /// new one. Reads the end only, however long the log is.
    pub fn open(
        organization: OrganizationId,
        log: LogId,
        storage: &dyn Storage,
    ) -> Result<DeviceLog, StorageError> {
        let end = crate::storage::meta::<End>(storage, END)?.unwrap_or(End {
            log,
            sealed: LogHead::genesis(&organization, &log),
        });
        let mut opened = DeviceLog {
            organization,
            log: end.log,
            sealed: end.sealed,
            tail: VecDeque::new(),
        };
        let from = key(end.log.generation, end.sealed.sequence + 1);
        for (key, operation) in storage.range(Table::Tail, &from, usize::MAX)? {
            if key != self::key(end.log.generation, opened.end() + 1) {
                return Err(StorageError::corrupt(
                    Table::Tail,
                    &key,
                    "the tail of the log has a gap",
                ));
            }
            opened.tail.push_back(operation);
        }
        Ok(opened)
    }

    /// Which log.
    pub fn log(&self) -> LogId {
        self.log
    }

    /// The last sequence, sealed or not.
    pub fn end(&self) -> u64 {
        self.sealed.sequence + self.tail.len() as u64
    }

    /// Where the sealed part ends.
    pub fn sealed(&self) -> LogHead {
        self.sealed
    }

    /// Operations that wait for a seal, oldest first.
    pub fn tail(&self) -> impl Iterator<Item = &[u8]> {
        self.tail.iter().map(Vec::as_slice)
    }

    /// Appends an operation to the tail; returns its sequence.
    pub fn append(&mut self, operation: Vec<u8>, batch: &mut Batch) -> u64 {
        let sequence = self.end() + 1;
        batch.put(
            Table::Tail,
            key(self.log.generation, sequence),
            operation.clone(),
        );
        self.tail.push_back(operation);
        sequence
    }

    /// Seals as much of the tail as fits one bundle. `None` when it is empty.
    pub fn seal(&mut self, secret: &SecretKey, batch: &mut Batch) -> Option<Verified> {
        let count = bundle::fitting(self.tail.iter().map(Vec::len));
        if count == 0 {
            return None;
        }
        let operations: Vec<Vec<u8>> = self.tail.drain(..count).collect();
        for index in 1..=count as u64 {
            batch.remove(
                Table::Tail,
                key(self.log.generation, self.sealed.sequence + index),
            );
        }
        let bundle = bundle::seal(
            &self.organization,
            self.log,
            &self.sealed,
            operations,
            secret,
        );
        self.sealed = bundle.head();
        batch.put(
            Table::Bundles,
            key(self.log.generation, bundle.first()),
            bundle.bytes().to_vec(),
        );
        self.put_end(batch);
        Some(bundle)
    }

    /// Begins a new generation, empty. What the old one holds stays in storage.
    pub fn restart(&mut self, generation: u32, batch: &mut Batch) {
        assert!(generation > self.log.generation, "generations only grow");
        for sequence in self.sealed.sequence + 1..=self.end() {
            batch.remove(Table::Tail, key(self.log.generation, sequence));
        }
        self.log.generation = generation;
        self.sealed = LogHead::genesis(&self.organization, &self.log);
        self.tail.clear();
        self.put_end(batch);
    }

    fn put_end(&self, batch: &mut Batch) {
        let end = End {
            log: self.log,
            sealed: self.sealed,
        };
        batch.put(Table::Meta, END, cairn_model::codec::encode(&end));
    }

    /// The sealed bundles of this generation that hold `from` or come after
    /// it, at most `limit`.
    pub fn bundles_from(
        &self,
        from: u64,
        limit: usize,
        storage: &dyn Storage,
    ) -> Result<Vec<Verified>, StorageError> {
        let generation = self.log.generation;
        let mut at = from;
        if let Some((found, _)) = storage
            .range_back(Table::Bundles, &key(generation, from + 1), 1)?
            .first()
            && found.starts_with(&generation.to_be_bytes())
        {
            at = sequence_of(found);
        }
        storage
            .range(Table::Bundles, &key(generation, at), limit)?
            .into_iter()
            .filter(|(key, _)| key.starts_with(&generation.to_be_bytes()))
            .map(|(key, bytes)| read_bundle(&key, bytes))
            .filter(|bundle| bundle.as_ref().map_or(true, |bundle| bundle.last() >= from))
            .collect()
    }

    /// The hashes of the operations from `first` to the end, sealed or not.
    pub fn hashes_from(
        &self,
        first: u64,
        storage: &dyn Storage,
    ) -> Result<Vec<Hash>, StorageError> {
        let mut hashes = Vec::new();
        for bundle in self.bundles_from(first, usize::MAX, storage)? {
            let skip = first.saturating_sub(bundle.first()) as usize;
            hashes.extend(bundle.slots().iter().skip(skip).map(|slot| slot.hash()));
        }
        let skip = first.saturating_sub(self.sealed.sequence + 1) as usize;
        hashes.extend(self.tail.iter().skip(skip).map(|bytes| Hash::of(bytes)));
        Ok(hashes)
    }

    /// The bytes of the operations from `first` to the end, sealed or not,
    /// each with its sequence.
    pub fn operations_from(
        &self,
        first: u64,
        storage: &dyn Storage,
    ) -> Result<Vec<(u64, Vec<u8>)>, StorageError> {
        let mut operations = Vec::new();
        for bundle in self.bundles_from(first, usize::MAX, storage)? {
            for (sequence, slot) in (bundle.first()..).zip(bundle.slots()) {
                if let bundle::Slot::Whole(bytes) = slot {
                    operations.push((sequence, bytes.clone()));
                }
            }
        }
        operations.extend((self.sealed.sequence + 1..).zip(self.tail.iter().cloned()));
        operations.retain(|(sequence, _)| *sequence >= first);
        Ok(operations)
    }
}

/// Every sealed bundle in storage, of every generation, from `from` on.
pub fn all_bundles(storage: &dyn Storage) -> Result<Vec<Verified>, StorageError> {
    storage
        .range(Table::Bundles, &[], usize::MAX)?
        .into_iter()
        .map(|(key, bytes)| read_bundle(&key, bytes))
        .collect()
}

fn read_bundle(key: &[u8], bytes: Vec<u8>) -> Result<Verified, StorageError> {
    Parsed::parse(bytes)
        .map(Parsed::trust_own_storage)
        .map_err(|fault| StorageError::corrupt(Table::Bundles, key, fault))
}

fn sequence_of(key: &[u8]) -> u64 {
    key.get(4..12)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryStorage;
    use crate::storage::Durability;

    fn fixture() -> (MemoryStorage, SecretKey, LogId) {
        let key = SecretKey::from_seed(&[3; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        (MemoryStorage::new(), key, log)
    }

    #[test]
    fn a_log_reopens_where_it_ended() {
        let (storage, key, id) = fixture();
        let organization = OrganizationId([5; 16]);
        let mut log = DeviceLog::open(organization, id, &storage).unwrap();
        let mut batch = Batch::default();
        log.append(b"a".to_vec(), &mut batch);
        log.append(b"b".to_vec(), &mut batch);
        let sealed = log.seal(&key, &mut batch).unwrap();
        log.append(b"c".to_vec(), &mut batch);
        storage.commit(batch, Durability::Synced).unwrap();

        let reopened = DeviceLog::open(organization, id, &storage).unwrap();
        assert_eq!(reopened.end(), 3);
        assert_eq!(reopened.sealed(), sealed.head());
        assert_eq!(
            reopened.hashes_from(2, &storage).unwrap(),
            [Hash::of(b"b"), Hash::of(b"c")]
        );
        assert_eq!(reopened.bundles_from(2, 9, &storage).unwrap(), [sealed]);
        assert_eq!(reopened.bundles_from(3, 9, &storage).unwrap(), []);
        assert_eq!(
            reopened.operations_from(2, &storage).unwrap(),
            [(2, b"b".to_vec()), (3, b"c".to_vec())]
        );
    }

    #[test]
    fn a_new_generation_starts_empty_and_keeps_the_old() {
        let (storage, key, id) = fixture();
        let mut log = DeviceLog::open(OrganizationId([5; 16]), id, &storage).unwrap();
        let mut batch = Batch::default();
        log.append(b"a".to_vec(), &mut batch);
        log.seal(&key, &mut batch);
        log.restart(1, &mut batch);
        assert_eq!(log.append(b"a".to_vec(), &mut batch), 1);
        log.seal(&key, &mut batch);
        storage.commit(batch, Durability::Synced).unwrap();
        assert_eq!(all_bundles(&storage).unwrap().len(), 2);
        assert_eq!(log.bundles_from(1, 9, &storage).unwrap().len(), 1);
    }
}
