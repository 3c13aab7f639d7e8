//! Storage that fails the way disks do: what was not synced may be lost, a sync
//! may fail, room may end, a value may rot. It never lies in silence: what the
//! real store notices, this one notices.

use crate::streams::Stream;
use cairn_oplog::storage::{
    Batch, Durability, Pair, Storage, StorageError, Table, VALUE_BYTES_MAX,
};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store of the simulated world. Passes the conformance suite of the port.
#[derive(Debug, Default)]
pub struct SimStore {
    disk: Mutex<Disk>,
}

type Tables = [BTreeMap<Vec<u8>, Vec<u8>>; Table::ALL.len() + 1];

/// What a batch changed, to take it back: newest change last.
type Undo = Vec<(Table, Vec<u8>, Option<Vec<u8>>)>;

#[derive(Debug, Default)]
struct Disk {
    tables: Tables,
    /// Batches since the last sync, oldest first.
    behind: Vec<Undo>,
    bytes: u64,
    quota: Option<u64>,
    fail_next_sync: bool,
    poisoned: Option<String>,
    rotten: BTreeSet<(Table, Vec<u8>)>,
}

/// Everything that was durable at a moment.
#[derive(Debug, Clone)]
pub struct Backup {
    tables: Tables,
    bytes: u64,
}

impl Disk {
    fn put(&mut self, table: Table, key: &[u8], value: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let map = &mut self.tables[table as usize];
        let added = value.as_ref().map_or(0, |value| key.len() + value.len());
        let old = match value {
            Some(value) => match map.get_mut(key) {
                Some(held) => Some(std::mem::replace(held, value)),
                None => map.insert(key.to_vec(), value),
            },
            None => map.remove(key),
        };
        let removed = old.as_ref().map_or(0, |old| key.len() + old.len());
        self.bytes = self.bytes + added as u64 - removed as u64;
        if !self.rotten.is_empty() {
            self.rotten.remove(&(table, key.to_vec()));
        }
        old
    }

    fn apply(&mut self, batch: Batch) -> Undo {
        let mut undo = Undo::with_capacity(batch.changes.len());
        for (table, key, value) in batch.changes {
            let old = self.put(table, &key, value);
            undo.push((table, key, old));
        }
        undo
    }

    /// Applies what no crash can take any more.
    fn apply_for_good(&mut self, batch: Batch) {
        for (table, key, value) in batch.changes {
            self.put(table, &key, value);
        }
    }

    fn take_back(&mut self, undo: Undo) {
        for (table, key, old) in undo.into_iter().rev() {
            self.put(table, &key, old);
        }
    }

    /// Bytes there would be with the batch.
    fn bytes_with(&self, batch: &Batch) -> u64 {
        let mut sizes: BTreeMap<(Table, &[u8]), u64> = BTreeMap::new();
        for (table, key, value) in &batch.changes {
            let size = value.as_ref().map_or(0, |value| key.len() + value.len());
            sizes.insert((*table, key), size as u64);
        }
        let held = |(table, key): &(Table, &[u8])| {
            let value = self.tables[*table as usize].get(*key);
            value.map_or(0, |value| (key.len() + value.len()) as u64)
        };
        let replaced: u64 = sizes.keys().map(held).sum();
        self.bytes + sizes.values().sum::<u64>() - replaced
    }

    fn check_sound(&self, table: Table, key: &[u8]) -> Result<(), StorageError> {
        if !self.rotten.is_empty() && self.rotten.contains(&(table, key.to_vec())) {
            let reason = "its checksum does not fit";
            return Err(StorageError::corrupt(table, key, reason));
        }
        Ok(())
    }

    fn pairs<'a>(
        &self,
        table: Table,
        pairs: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>,
    ) -> Result<Vec<Pair>, StorageError> {
        pairs
            .map(|(key, value)| {
                self.check_sound(table, key)?;
                Ok((key.clone(), value.clone()))
            })
            .collect()
    }
}

impl SimStore {
    /// An empty one.
    pub fn new() -> Arc<SimStore> {
        Arc::new(SimStore::default())
    }

    /// What a backup holds.
    pub fn from_backup(backup: &Backup) -> Arc<SimStore> {
        Arc::new(SimStore {
            disk: Mutex::new(Disk {
                tables: backup.tables.clone(),
                bytes: backup.bytes,
                ..Disk::default()
            }),
        })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a power cut leaves, and how many batches it took: those since the
    /// last sync may be lost, from one of them on.
    pub fn crash(&self, stream: &mut Stream) -> (Arc<SimStore>, u32) {
        let mut disk = std::mem::take(&mut *self.disk());
        let behind = std::mem::take(&mut disk.behind);
        let kept = stream.between(0, behind.len() as u64) as usize;
        let lost = behind.len() - kept;
        for undo in behind.into_iter().skip(kept).rev() {
            disk.take_back(undo);
        }
        disk.fail_next_sync = false;
        disk.poisoned = None;
        let disk = Mutex::new(disk);
        (Arc::new(SimStore { disk }), lost as u32)
    }

    /// What an orderly stop leaves: everything, unless a sync had failed.
    pub fn stop(&self, stream: &mut Stream) -> (Arc<SimStore>, u32) {
        if self.disk().poisoned.is_none() {
            self.disk().behind.clear();
        }
        self.crash(stream)
    }

    /// Copies aside what is durable now.
    pub fn backup(&self) -> Backup {
        let mut disk = self.disk();
        let mut copy = Disk {
            tables: disk.tables.clone(),
            bytes: disk.bytes,
            ..Disk::default()
        };
        for undo in disk.behind.iter_mut().rev() {
            copy.take_back(undo.clone());
        }
        Backup {
            tables: copy.tables,
            bytes: copy.bytes,
        }
    }

    /// Whether a sync has failed, so that nothing more is taken.
    pub fn is_poisoned(&self) -> bool {
        self.disk().poisoned.is_some()
    }

    /// Lets the next sync fail. The store is poisoned then, and what became of
    /// the batch is known at the next start.
    pub fn fail_next_sync(&self) {
        self.disk().fail_next_sync = true;
    }

    /// Leaves no room for anything more, or takes that back.
    pub fn set_full(&self, full: bool) {
        let mut disk = self.disk();
        disk.quota = full.then_some(disk.bytes);
    }

    /// Whether there is no room.
    pub fn is_full(&self) -> bool {
        self.disk().quota.is_some()
    }

    /// Flips a bit in a stored value, the `pick`-th counted round. It is
    /// noticed when it is read.
    pub fn rot(&self, pick: u32) -> Option<(Table, Vec<u8>)> {
        let mut disk = self.disk();
        let count: usize = disk.tables.iter().map(BTreeMap::len).sum();
        let at = (pick as usize).checked_rem(count)?;
        let found = Table::ALL
            .iter()
            .flat_map(|table| {
                let keys = disk.tables[*table as usize].keys();
                keys.map(|key| (*table, key.clone()))
            })
            .nth(at)?;
        disk.rotten.insert(found.clone());
        Some(found)
    }

    /// Puts rotten values right again, from the other disk of a mirror.
    pub fn mend(&self) {
        self.disk().rotten.clear();
    }

    /// Whether a value is rotten and nobody has overwritten it.
    pub fn is_rotten(&self) -> bool {
        !self.disk().rotten.is_empty()
    }

    /// Bytes of keys and values.
    pub fn bytes(&self) -> u64 {
        self.disk().bytes
    }

    /// Batches that a crash may take.
    pub fn behind(&self) -> usize {
        self.disk().behind.len()
    }
}

impl Storage for SimStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let disk = self.disk();
        disk.check_sound(table, key)?;
        Ok(disk.tables[table as usize].get(key).cloned())
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        let disk = self.disk();
        let from = (Bound::Included(from), Bound::Unbounded);
        let pairs = disk.tables[table as usize].range::<[u8], _>(from);
        disk.pairs(table, pairs.take(limit))
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        let disk = self.disk();
        let until = (Bound::Unbounded, Bound::Excluded(before));
        let pairs = disk.tables[table as usize].range::<[u8], _>(until);
        disk.pairs(table, pairs.rev().take(limit))
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        let disk = &mut *self.disk();
        if let Some(reason) = &disk.poisoned {
            return Err(StorageError::Poisoned(reason.clone()));
        }
        for (table, _, value) in &batch.changes {
            let bytes = value.as_ref().map_or(0, Vec::len);
            if bytes > VALUE_BYTES_MAX {
                let table = *table;
                return Err(StorageError::TooLarge { table, bytes });
            }
        }
        if let Some(quota) = disk.quota
            && disk.bytes_with(&batch) > quota
        {
            return Err(StorageError::Full(format!(
                "{} bytes are taken",
                disk.bytes
            )));
        }
        if durability == Durability::Synced && !disk.fail_next_sync {
            disk.apply_for_good(batch);
            disk.behind.clear();
            return Ok(());
        }
        let undo = disk.apply(batch);
        disk.behind.push(undo);
        if durability == Durability::Behind {
            return Ok(());
        }
        disk.fail_next_sync = false;
        let reason = "the disk did not take what was to last".to_owned();
        disk.poisoned = Some(reason.clone());
        Err(StorageError::Io(reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    fn put(store: &SimStore, key: &str, durability: Durability) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        batch.put(Table::Meta, key, key);
        store.commit(batch, durability)
    }

    fn keys(store: &SimStore) -> String {
        let pairs = store.range(Table::Meta, &[], usize::MAX).unwrap();
        let keys = pairs
            .into_iter()
            .map(|(key, _)| String::from_utf8(key).unwrap());
        keys.collect()
    }

    #[test]
    fn a_crash_takes_a_suffix_of_what_was_not_synced() {
        let mut stream = Streams::of(1).stream("disk");
        let mut seen = BTreeSet::new();
        for _ in 0..64 {
            let store = SimStore::new();
            put(&store, "a", Durability::Synced).unwrap();
            put(&store, "b", Durability::Behind).unwrap();
            put(&store, "c", Durability::Behind).unwrap();
            let (left, lost) = store.crash(&mut stream);
            assert_eq!(keys(&left).len() + lost as usize, 3);
            seen.insert(keys(&left));
        }
        let expected = ["a", "ab", "abc"].map(str::to_owned);
        assert_eq!(seen, BTreeSet::from(expected));
    }

    #[test]
    fn a_failed_sync_poisons_and_leaves_the_batch_in_doubt() {
        let mut stream = Streams::of(2).stream("disk");
        let mut seen = BTreeSet::new();
        for _ in 0..64 {
            let store = SimStore::new();
            put(&store, "a", Durability::Synced).unwrap();
            store.fail_next_sync();
            let failed = put(&store, "b", Durability::Synced).unwrap_err();
            assert!(matches!(failed, StorageError::Io(_)), "{failed}");
            let later = put(&store, "c", Durability::Behind).unwrap_err();
            assert!(matches!(later, StorageError::Poisoned(_)), "{later}");
            let (left, _) = store.stop(&mut stream);
            seen.insert(keys(&left));
            put(&left, "d", Durability::Synced).unwrap();
        }
        assert_eq!(seen, BTreeSet::from(["a", "ab"].map(str::to_owned)));
    }

    #[test]
    fn a_full_disk_keeps_nothing_of_the_batch_and_takes_it_when_there_is_room() {
        let store = SimStore::new();
        put(&store, "a", Durability::Synced).unwrap();
        store.set_full(true);
        let full = put(&store, "b", Durability::Synced).unwrap_err();
        assert!(matches!(full, StorageError::Full(_)), "{full}");
        put(&store, "a", Durability::Synced).unwrap();
        assert_eq!(keys(&store), "a");
        store.set_full(false);
        put(&store, "b", Durability::Synced).unwrap();
        assert_eq!(keys(&store), "ab");
    }

    #[test]
    fn rot_is_noticed_until_it_is_overwritten() {
        let store = SimStore::new();
        put(&store, "a", Durability::Synced).unwrap();
        put(&store, "b", Durability::Synced).unwrap();
        let (table, key) = store.rot(3).unwrap();
        assert_eq!((table, key.as_slice()), (Table::Meta, b"b".as_slice()));
        assert!(store.get(Table::Meta, b"a").is_ok());
        assert!(store.get(Table::Meta, b"b").is_err());
        assert!(store.range(Table::Meta, &[], 9).is_err());
        put(&store, "b", Durability::Synced).unwrap();
        assert_eq!(keys(&store), "ab");
    }

    #[test]
    fn a_backup_holds_what_was_durable() {
        let store = SimStore::new();
        put(&store, "a", Durability::Synced).unwrap();
        put(&store, "b", Durability::Behind).unwrap();
        let backup = store.backup();
        assert_eq!(keys(&SimStore::from_backup(&backup)), "a");
        assert_eq!(keys(&store), "ab");
        assert_eq!(store.bytes(), 4);
        assert_eq!(SimStore::from_backup(&backup).bytes(), 2);
    }
}
