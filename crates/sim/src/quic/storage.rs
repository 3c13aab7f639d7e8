//! Real sled under every machine, beside an exact model of what it promises.
//!
//! Each batch goes to both, each read comes from both, and they must agree:
//! so every run is also a test of the store. The model is what checkers see.
//! A power cut leaves the directory as it was at the last durable point, with
//! noise where unsynced writes went.

use super::rot::Rotten;
use super::site::Backward;
use crate::disk::SimStore;
use crate::host::Host;
use crate::streams::{Stream, Streams};
use cairn_oplog::storage::{Batch, Durability, Pair, Storage, StorageError, Table};
use cairn_store::{Options, SledStorage};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// sled's log.
pub(super) const LOG: &str = "db";
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// Changes of one batch when a store is filled.
const FILL_CHANGES: usize = 256;

/// Files of a directory and what is in them.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Where differences between sled and the model are reported.
pub(super) type Differences = Arc<Mutex<Vec<String>>>;

/// The storage of one life of a host.
pub(super) struct Twin {
    pub(super) model: Arc<SimStore>,
    pub(super) directory: PathBuf,
    host: Host,
    life: u32,
    /// `None` once the power is off.
    real: Mutex<Option<SledStorage>>,
    /// The directory at the last durable point, if power cuts are to come.
    durable: Mutex<Option<Files>>,
    site: Backward,
    differences: Differences,
}

/// What a storage is opened for.
pub(super) struct Owner {
    pub(super) host: Host,
    pub(super) life: u32,
    pub(super) site: Backward,
    pub(super) differences: Differences,
    /// Whether the directory is copied at each durable point.
    pub(super) copies: bool,
}

impl Twin {
    /// Opens a directory that holds what the model holds, or a new one, which
    /// is filled with it.
    pub(super) fn open(
        directory: PathBuf,
        model: Arc<SimStore>,
        owner: Owner,
        rotten: Option<&Rotten>,
    ) -> Result<Twin, StorageError> {
        let is_new = !directory.exists();
        let options = Options {
            reserve_bytes: 0,
            ..Options::default()
        };
        let opened = SledStorage::open(&directory, options);
        let real = match (opened, rotten) {
            (Err(error), Some(rotten)) => return Err(rotten.told(&owner, &error)),
            (opened, _) => opened?,
        };
        let found = match is_new {
            true => fill(&real, &model).map(|()| None),
            false => contents_differ(&real, &model),
        };
        match (found, rotten) {
            (Ok(difference), _) => report(&owner, difference),
            (Err(error), Some(rotten)) => return Err(rotten.told(&owner, &error)),
            (Err(error), None) => report(&owner, Some(format!("after a start {error}"))),
        }
        let twin = Twin {
            model,
            host: owner.host,
            life: owner.life,
            real: Mutex::new(Some(real)),
            durable: Mutex::new(None),
            site: owner.site,
            differences: owner.differences,
            directory,
        };
        if owner.copies {
            twin.copy_aside();
        }
        Ok(twin)
    }

    fn real(&self) -> MutexGuard<'_, Option<SledStorage>> {
        self.real.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> MutexGuard<'_, Option<Files>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the directory; nothing is read or written any more.
    pub(super) fn power_off(&self) {
        drop(self.real().take());
    }

    /// Makes everything last that was written behind.
    pub(super) fn sync(&self) {
        let real = self.real();
        let synced = real
            .as_ref()
            .map(|real| real.commit(Batch::default(), Durability::Synced));
        drop(real);
        if let Some(Err(error)) = synced {
            self.differ(format!("sled did not sync: {error}"));
        }
    }

    /// The directory at the last durable point, and as it is.
    pub(super) fn last_durable(&self) -> Option<(Files, Files)> {
        let durable = self.durable().take()?;
        Some((durable, files_of(&self.directory).ok()?))
    }

    fn copy_aside(&self) {
        match files_of(&self.directory) {
            Ok(files) => *self.durable() = Some(files),
            Err(error) => self.differ(format!("the directory cannot be copied: {error}")),
        }
    }

    fn differ(&self, words: String) {
        let mut differences = self
            .differences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        differences.push(format!("{}: {words}", self.host));
    }

    /// Reads from both. What the model cannot read any more, nobody can.
    fn both<T: PartialEq>(
        &self,
        what: &str,
        read: impl Fn(&dyn Storage) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        let real = self.real();
        let Some(real) = &*real else {
            return Err(off());
        };
        let model = read(&*self.model)?;
        let found = read(real)?;
        if found != model {
            self.differ(format!("sled and the model differ in {what}"));
        }
        Ok(found)
    }

    fn store(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        self.model.commit(batch.clone(), durability)?;
        let real = self.real();
        let Some(real) = &*real else {
            return Err(off());
        };
        let stored = real.commit(batch, durability);
        if let Err(error) = &stored {
            self.differ(format!("sled did not take a batch: {error}"));
        }
        stored
    }
}

fn off() -> StorageError {
    StorageError::Io("the power is off".to_owned())
}

impl Storage for Twin {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.both("a value", |storage| storage.get(table, key))
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        self.both("a range", |storage| storage.range(table, from, limit))
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        self.both("a range", |storage| {
            storage.range_back(table, before, limit)
        })
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        let Some(site) = self.site.forward() else {
            return Err(off());
        };
        if self.real().is_none() {
            return Err(off());
        }
        let (batch, durability) =
            site.world(|world| world.batch_leaves(self.host, batch, durability));
        let stored = self.store(batch, durability);
        if stored.is_ok() && durability == Durability::Synced && self.durable().is_some() {
            self.copy_aside();
        }
        site.world(|world| world.batch_came(self.host, self.life, stored))
    }
}

pub(super) fn report(owner: &Owner, difference: Option<String>) {
    let words = difference.map(|words| format!("{}: {words}", owner.host));
    let mut differences = owner
        .differences
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    differences.extend(words);
}

fn fill(real: &SledStorage, model: &SimStore) -> Result<(), StorageError> {
    for table in Table::ALL {
        let pairs = model.range(table, &[], usize::MAX)?;
        for chunk in pairs.chunks(FILL_CHANGES) {
            let mut batch = Batch::default();
            for (key, value) in chunk {
                batch.put(table, key.clone(), value.clone());
            }
            real.commit(batch, Durability::Synced)?;
        }
    }
    Ok(())
}

/// Where a reopened store is not what was promised, in words; all of it is
/// read.
fn contents_differ(real: &SledStorage, model: &SimStore) -> Result<Option<String>, StorageError> {
    let mut difference = None;
    for table in Table::ALL {
        let expected = model.range(table, &[], usize::MAX)?;
        let found = real.range(table, &[], usize::MAX)?;
        if found != expected && difference.is_none() {
            difference = Some(format!(
                "after a start the {table} table has {} values, and not the {} promised",
                found.len(),
                expected.len()
            ));
        }
    }
    Ok(difference)
}

fn files_of(directory: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != "lock" {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}

/// Makes the directory that a power cut leaves: the files at the last durable
/// point, and noise in some of the places where writes since then went.
pub(super) fn leave(
    directory: &Path,
    mut durable: Files,
    last: &Files,
    stream: &mut Stream,
) -> io::Result<()> {
    if let (Some(log), Some(last)) = (durable.get_mut(LOG), last.get(LOG)) {
        tear(log, last, stream);
    }
    fs::create_dir_all(directory)?;
    for (name, bytes) in durable {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(())
}

/// Puts noise into sectors that were written and not synced, each or not. How
/// much of them there is depends on sled's threads, so the sectors' noise is
/// drawn from a seed of its own, and what is found afterwards must not depend
/// on it.
fn tear(log: &mut Vec<u8>, last: &[u8], stream: &mut Stream) {
    let mut noise = Streams::of(stream.word()).stream("torn");
    log.resize(log.len().max(last.len()), 0);
    for (durable, last) in log.chunks_mut(SECTOR).zip(last.chunks(SECTOR)) {
        let written = |(durable, last): (&u8, &u8)| durable != last;
        let first = durable.iter().zip(last).position(written);
        let end = durable.iter().zip(last).rposition(written);
        if let (Some(first), Some(end)) = (first, end)
            && noise.chance(500_000)
        {
            durable[first..=end].fill_with(|| noise.below(256) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(storage: &SledStorage, number: u32, durability: Durability) {
        let mut batch = Batch::default();
        let value = blake3::hash(&number.to_be_bytes()).as_bytes().repeat(40);
        batch.put(Table::Ledger, number.to_be_bytes(), value);
        storage.commit(batch, durability).unwrap();
    }

    fn count(storage: &SledStorage) -> usize {
        let found = storage.range(Table::Ledger, &[], usize::MAX);
        found.unwrap().len()
    }

    #[test]
    fn a_power_cut_leaves_what_was_durable_whatever_was_torn() {
        let root = tempfile::tempdir().unwrap();
        let mut torn = 0;
        for seed in 0..8 {
            let before = root.path().join(format!("before{seed}"));
            let storage = SledStorage::open(&before, Options::default()).unwrap();
            (0..20).for_each(|number| put(&storage, number, Durability::Synced));
            let durable = files_of(&before).unwrap();
            (20..40).for_each(|number| put(&storage, number, Durability::Behind));
            drop(storage);
            let last = files_of(&before).unwrap();
            torn += usize::from(durable[LOG] != last[LOG]);
            let after = root.path().join(format!("after{seed}"));
            let mut stream = Streams::of(seed).stream("power");
            leave(&after, durable, &last, &mut stream).unwrap();
            let storage = SledStorage::open(&after, Options::default()).unwrap();
            assert_eq!(count(&storage), 20);
        }
        assert_eq!(torn, 8, "something was written that was not synced");
    }
}
