//! The port: tables in one sled tree, one batch one step.

use crate::confirmed::Confirmed;
use crate::content::{CONTENT, Content, damaged};
use crate::directory::{Directory, RESERVE_BYTES, io_error};
use crate::entry::{Name, OWN};
use crate::lookup::{assemble, corrupt, count, value};
use crate::round::Rounds;
use crate::staging::{LastChanges, put_own};
use crate::tree::{Changes, Tree};
use cairn_oplog::storage::{Batch, Durability, Pair, Storage, StorageError, Table};
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

/// The format this program writes.
pub const FORMAT: u32 = 1;

/// The first key: the format, as 4 bytes, big-endian.
const FORMAT_NAME: Name<'static> = Name {
    table: OWN,
    key: &[0],
};

/// Bytes of batches that may wait for the disk. Not more than one segment of
/// sled's log holds after amplification, because sled uses a segment anew once
/// what replaced its pages is a segment behind, synced or not.
const BEHIND_BYTES_MAX: usize = crate::tree::SEGMENT_BYTES / 4;

/// How a directory is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes to leave free on the file system; [`RESERVE_BYTES`] by default.
    /// With 0 batches are taken until the file system itself refuses.
    pub reserve_bytes: u64,
    /// Bytes that sled's log may have; without a limit by default. For tests.
    pub quota_bytes: Option<u64>,
    /// Opens a damaged directory too, for reading only: what can be read of it
    /// can then be exported. Off by default.
    pub damaged: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            reserve_bytes: RESERVE_BYTES,
            quota_bytes: None,
            damaged: false,
        }
    }
}

/// A directory of sled, as [`Storage`]. One process holds it at a time.
pub struct SledStorage {
    /// The content after the last batch. Held while one is applied.
    content: Mutex<Content>,
    /// Held for reading by a read, so that it sees no batch in part.
    whole: RwLock<()>,
    rounds: Rounds,
    poison: OnceLock<String>,
    read_only: bool,
    options: Options,
    confirmed: Confirmed,
    // In this order: the directory is let go of when sled has.
    tree: Tree,
    directory: Directory,
}

impl fmt::Debug for SledStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SledStorage({})", self.directory.path().display())
    }
}

impl SledStorage {
    /// Opens the directory, or makes it. Reads all of it when the process that
    /// had it last left batches that sled has to recover.
    pub fn open(
        directory: impl AsRef<Path>,
        options: Options,
    ) -> Result<SledStorage, StorageError> {
        let directory = Directory::take(directory.as_ref())?;
        let io = |error| io_error(&error, directory.path());
        let damaged = |reason: String| damaged(directory.path(), &reason);
        let mut confirmed = Confirmed::open(directory.path()).map_err(io)?;
        let promised = confirmed.read().map_err(io)?;
        let before = directory.snapshot().map_err(io)?;
        let mut tree = Tree::open(&directory)?;
        let recovered = directory.snapshot().map_err(io)? != before;
        let content = match (found_format(&tree, &directory)?, options.damaged) {
            (false, _) => {
                Content::default().reaches(promised).map_err(damaged)?;
                Content::default()
            }
            (true, true) => Content::default(),
            (true, false) => {
                let content = read_content(&tree, directory.path())?;
                content.reaches(promised).map_err(damaged)?;
                if recovered {
                    let found;
                    (tree, found) = count(tree, &directory)?;
                    content.check(&found).map_err(damaged)?;
                }
                content
            }
        };
        directory.sync().map_err(io)?;
        let storage = SledStorage {
            content: Mutex::new(content),
            whole: RwLock::new(()),
            rounds: Rounds::starting_after(content.batch),
            poison: OnceLock::new(),
            read_only: options.damaged,
            options,
            confirmed,
            tree,
            directory,
        };
        storage.begin()?;
        Ok(storage)
    }

    /// Writes the format, once.
    fn begin(&self) -> Result<(), StorageError> {
        if self.read_only || value(&self.tree, &FORMAT_NAME)?.is_some() {
            return Ok(());
        }
        self.directory.room(self.options.reserve_bytes, 0)?;
        let mut changes = Changes::default();
        put_own(&mut changes, &FORMAT_NAME, &FORMAT.to_be_bytes());
        put_own(&mut changes, &CONTENT, &Content::default().to_bytes());
        self.tree.apply(changes)?;
        self.tree.sync()
    }

    fn sound(&self) -> Result<(), StorageError> {
        match self.poison.get() {
            None => Ok(()),
            Some(reason) => Err(StorageError::Poisoned(reason.clone())),
        }
    }

    /// Notes that a write failed: nothing later may be built on it.
    fn poisoned(&self, error: StorageError) -> StorageError {
        if self.poison.set(error.to_string()).is_ok() {
            tracing::error!(%error, "the store takes no more writes");
        }
        error
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a failed call of sled means for the handle: a write may have
    /// failed in the background, and is told by whichever call comes next.
    fn noted(&self, error: StorageError) -> StorageError {
        if self.tree.has_failed() {
            self.poisoned(error)
        } else {
            error
        }
    }

    /// Applies a batch; returns how many bytes of batches now wait for the disk.
    fn apply(&self, last: &LastChanges<'_>) -> Result<usize, StorageError> {
        let bytes = last.bytes();
        self.directory.room(self.options.reserve_bytes, bytes)?;
        if let Some(quota) = self.options.quota_bytes {
            let held = self.tree.log_bytes()?;
            self.directory.quota(quota, held, bytes)?;
        }
        let mut held = self.content();
        self.sound()?;
        let (changes, content) = last
            .stage(&self.tree, *held)
            .map_err(|error| self.noted(error))?;
        let _whole = self.whole.write().unwrap_or_else(PoisonError::into_inner);
        self.tree
            .apply(changes)
            .map_err(|error| self.poisoned(error))?;
        *held = content;
        Ok(self.rounds.applied(content.batch, bytes))
    }

    fn sync(&self) -> Result<(), StorageError> {
        self.rounds.wait(|batch| {
            self.sound()?;
            let io = |error| io_error(&error, self.directory.path());
            self.tree
                .sync()
                .and_then(|()| self.confirmed.write(batch).map_err(io))
                .map_err(|error| self.poisoned(error))
        })
    }

    fn read(
        &self,
        table: Table,
        places: std::ops::Range<Vec<u8>>,
        falling: bool,
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        self.sound()?;
        let _whole = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        if places.start >= places.end {
            return Ok(Vec::new());
        }
        let assembled = |pair: Result<Pair, StorageError>| {
            let (place, stored) = pair?;
            let value = assemble(&self.tree, &Name::new(table, &place[1..]), &stored)?;
            Ok((place[1..].to_vec(), value))
        };
        let pairs = self.tree.pairs(places, falling);
        let found: Result<_, _> = pairs.take(limit).map(assembled).collect();
        found.map_err(|error| self.noted(error))
    }
}

impl Storage for SledStorage {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        self.sound()?;
        let _whole = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        value(&self.tree, &Name::new(table, key)).map_err(|error| self.noted(error))
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        let places = Name::new(table, from).first()..vec![table as u8 + 1];
        self.read(table, places, false, limit)
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        let places = vec![table as u8]..Name::new(table, before).first();
        self.read(table, places, true, limit)
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        self.sound()?;
        if self.read_only {
            return Err(StorageError::Poisoned(
                "the directory is damaged and was opened for reading only".into(),
            ));
        }
        let last = LastChanges::of(&batch)?;
        let mut behind = 0;
        if !last.is_empty() {
            behind = self.apply(&last)?;
        }
        if durability == Durability::Synced || behind > BEHIND_BYTES_MAX {
            self.sync()?;
        }
        Ok(())
    }
}

/// Whether the tree has a format: this one, as others are refused.
fn found_format(tree: &Tree, directory: &Directory) -> Result<bool, StorageError> {
    let Some(found) = value(tree, &FORMAT_NAME)? else {
        if tree.is_empty() {
            return Ok(false);
        }
        return Err(StorageError::Io(format!(
            "{} holds data without a format number; it is no store of cairn, or a damaged one",
            directory.path().display()
        )));
    };
    let found = found.try_into().map(u32::from_be_bytes);
    match found.map_err(|_| corrupt(&FORMAT_NAME, "it is no format number"))? {
        FORMAT => Ok(true),
        found => Err(StorageError::NewerFormat {
            directory: directory.path().display().to_string(),
            found,
            known: FORMAT,
        }),
    }
}

fn read_content(tree: &Tree, path: &Path) -> Result<Content, StorageError> {
    let found = value(tree, &CONTENT)?.ok_or_else(|| damaged(path, "it is missing"))?;
    Content::from_bytes(&found).map_err(|reason| damaged(path, &reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn open(directory: &TempDir) -> Result<SledStorage, StorageError> {
        SledStorage::open(directory.path(), Options::default())
    }

    fn put_beneath(directory: &TempDir, name: &Name<'_>, value: &[u8]) {
        let held = Directory::take(directory.path()).unwrap();
        let tree = Tree::open(&held).unwrap();
        let mut changes = Changes::default();
        put_own(&mut changes, name, value);
        tree.apply(changes).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused() {
        let directory = TempDir::new().unwrap();
        drop(open(&directory).unwrap());
        put_beneath(&directory, &FORMAT_NAME, &(FORMAT + 1).to_be_bytes());
        let expected = StorageError::NewerFormat {
            directory: directory.path().display().to_string(),
            found: FORMAT + 1,
            known: FORMAT,
        };
        assert_eq!(open(&directory).unwrap_err(), expected);
    }

    #[test]
    fn data_without_a_format_is_refused() {
        let directory = TempDir::new().unwrap();
        put_beneath(&directory, &Name::new(Table::Meta, b"key"), b"value");
        let refused = open(&directory).unwrap_err().to_string();
        assert!(refused.contains("without a format number"), "{refused}");
    }

    #[test]
    fn a_directory_whose_making_was_cut_short_is_made_again() {
        let directory = TempDir::new().unwrap();
        let held = Directory::take(directory.path()).unwrap();
        drop(Tree::open(&held).unwrap());
        drop(held);
        drop(open(&directory).unwrap());
        open(&directory).unwrap();
    }

    #[test]
    fn no_file_lies_beside_the_log() {
        let directory = TempDir::new().unwrap();
        let storage = open(&directory).unwrap();
        for key in 0..40_u8 {
            let mut batch = Batch::default();
            batch.put(Table::Pages, [key], noise(key));
            storage.commit(batch, Durability::Behind).unwrap();
        }
        let beside = std::fs::read_dir(directory.path().join("blobs")).unwrap();
        assert_eq!(beside.count(), 0, "sled never syncs these");
    }

    fn noise(seed: u8) -> Vec<u8> {
        let blocks =
            (0..4_000_u32).map(|block| blake3::hash(&[&[seed], &block.to_be_bytes()[..]].concat()));
        blocks.flat_map(|block| *block.as_bytes()).collect()
    }
}
