//! sled, behind calls that fail with this program's own errors and never
//! panic. The only module that names it, with `guard`.

use crate::content::damaged;
use crate::directory::{Directory, io_error};
use crate::entry::Name;
use crate::guard::{Trouble, guarded};
use crate::lookup::corrupt;
use cairn_oplog::storage::{Pair, StorageError};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a segment, sled's unit of writing, memory and reuse. Its default:
/// 1, 2 and 8 MiB took as long to fill and 3 to 8 % more disk, and up to 14 MiB
/// more memory after a start.
pub(crate) const SEGMENT_BYTES: usize = 512 * 1024;

/// Bytes of leaves that sled keeps in memory. Small, because whoever reads
/// more than the end of a log keeps what it needs itself. sled divides it
/// among 256 shards and looks at each only every 64 accesses, so a scan of a
/// large store goes beyond it.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// What changes in one step.
#[derive(Debug, Default)]
pub(crate) struct Changes(sled::Batch);

impl Changes {
    pub(crate) fn put(&mut self, place: Vec<u8>, stored: &[u8]) {
        self.0.insert(place, stored);
    }

    pub(crate) fn remove(&mut self, place: Vec<u8>) {
        self.0.remove(place);
    }
}

/// The open tree.
pub(crate) struct Tree {
    /// There until it is dropped.
    db: Option<sled::Db>,
    config: sled::Config,
    /// sled's log, opened once more.
    log: File,
    path: PathBuf,
    /// Whether half a batch may be in memory.
    broken: AtomicBool,
}

impl Tree {
    /// Opens the tree in `directory`, or makes it.
    pub(crate) fn open(directory: &Directory) -> Result<Tree, StorageError> {
        let path = directory.path().to_owned();
        // Batches are flushed when they are promised to last, never by the clock.
        let config = sled::Config::new()
            .path(&path)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(CACHE_BYTES)
            .use_compression(false)
            .flush_every_ms(None);
        let db = guarded(|| config.open()).map_err(|trouble| at_open(trouble, &path))?;
        let log = directory.log().map_err(|error| io_error(&error, &path))?;
        Ok(Tree {
            db: Some(db),
            config,
            log,
            path,
            broken: AtomicBool::new(false),
        })
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("only dropping takes it")
    }

    /// Bytes of sled's log.
    pub(crate) fn log_bytes(&self) -> Result<u64, StorageError> {
        let found = self.log.metadata();
        found
            .map(|log| log.len())
            .map_err(|error| io_error(&error, &self.path))
    }

    /// Whether nothing was ever put in.
    pub(crate) fn is_empty(&self) -> bool {
        guarded(|| Ok(self.db().is_empty())).unwrap_or(false)
    }

    /// What is stored at `place`, which holds a piece of `name`.
    pub(crate) fn get(
        &self,
        place: &[u8],
        name: &Name<'_>,
    ) -> Result<Option<impl AsRef<[u8]> + use<>>, StorageError> {
        guarded(|| self.db().get(place)).map_err(|trouble| self.while_reading(trouble, name))
    }

    /// The pairs of a range of places, in rising or falling order.
    pub(crate) fn pairs(
        &self,
        places: Range<Vec<u8>>,
        falling: bool,
    ) -> impl Iterator<Item = Result<Pair, StorageError>> {
        let at = places.start.clone();
        let mut found = self.db().range(places);
        std::iter::from_fn(move || {
            let next = guarded(|| {
                let pair = if falling {
                    found.next_back()
                } else {
                    found.next()
                };
                pair.transpose()
            });
            let table = at.first().copied().unwrap_or_default();
            let name = Name { table, key: &[] };
            next.map(|pair| pair.map(|(place, stored)| (place.to_vec(), stored.to_vec())))
                .map_err(|trouble| self.while_reading(trouble, &name))
                .transpose()
        })
    }

    /// Applies `changes` in memory, as one. After a failure the tree is broken.
    pub(crate) fn apply(&self, changes: Changes) -> Result<(), StorageError> {
        guarded(|| self.db().apply_batch(changes.0)).map_err(|trouble| {
            self.broken.store(true, Ordering::Release);
            self.while_writing(trouble)
        })
    }

    /// Whether a write of sled's failed, here or in the background.
    pub(crate) fn has_failed(&self) -> bool {
        self.config.global_error().is_err()
    }

    /// Brings everything applied to the disk. sled's own flush on Linux ends in
    /// `sync_file_range`, which neither waits for the disk's cache nor writes
    /// where the file's blocks are; `fdatasync` does both.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        guarded(|| self.db().flush()).map_err(|trouble| self.while_writing(trouble))?;
        let synced = self.log.sync_data();
        synced.map_err(|error| io_error(&error, &self.path))
    }

    fn while_reading(&self, trouble: Trouble, name: &Name<'_>) -> StorageError {
        match trouble {
            Trouble::Failed(sled::Error::Io(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                io_error(&error, &self.path)
            }
            Trouble::Failed(error) => corrupt(name, words(&error)),
            Trouble::Panicked => corrupt(name, "what is stored there makes no sense"),
        }
    }

    fn while_writing(&self, trouble: Trouble) -> StorageError {
        match trouble {
            Trouble::Failed(sled::Error::Io(error)) => io_error(&error, &self.path),
            Trouble::Failed(error) => {
                StorageError::Io(format!("{}: sled says: {error}", self.path.display()))
            }
            Trouble::Panicked => StorageError::Io(format!(
                "{}: sled stopped while writing",
                self.path.display()
            )),
        }
    }
}

impl Drop for Tree {
    /// Closing flushes, and must not while half a batch is in memory: sled
    /// would write that half. After a failed write it knows better by itself;
    /// after any other failure the tree stays as it is until the process ends.
    fn drop(&mut self) {
        let broken = self.broken.load(Ordering::Acquire);
        if broken && !self.has_failed() {
            std::mem::forget(self.db.take());
            return;
        }
        let closed = guarded(|| {
            drop(self.db.take());
            Ok(())
        });
        // sled's threads may hold its log, and with it sled's lock, for a
        // moment longer. Whoever opens the directory next must find it free.
        if closed.is_ok() && self.log.lock().is_err() {
            tracing::warn!(
                "{}: cannot see whether sled let go of it",
                self.path.display()
            );
        }
    }
}

fn at_open(trouble: Trouble, path: &Path) -> StorageError {
    match trouble {
        Trouble::Failed(sled::Error::Io(error)) if is_lock(&error) => {
            StorageError::Locked(path.display().to_string(), String::new())
        }
        Trouble::Failed(sled::Error::Io(error)) => io_error(&error, path),
        Trouble::Failed(sled::Error::Unsupported(reason)) => StorageError::Io(format!(
            "{}: its file `conf` is damaged, or of another program (sled says: {reason}); restore \
             the directory from a backup",
            path.display()
        )),
        Trouble::Failed(error) => damaged(path, &words(&error)),
        Trouble::Panicked => damaged(path, "its files contradict each other"),
    }
}

/// sled's words where they help.
fn words(error: &sled::Error) -> String {
    match error {
        sled::Error::Corruption { .. } => "a part of it fails sled's check".into(),
        error => format!("sled says: {error}"),
    }
}

fn is_lock(error: &io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}
