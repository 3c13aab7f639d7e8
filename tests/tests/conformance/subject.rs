//! The implementations under test, and the ways one run of them can end.

use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::storage::{Pair, Storage, Table};
use cairn_sim::disk::SimStore;
use cairn_sim::streams::{Stream, Streams};
use cairn_store::{Options, SledStorage};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// An implementation that can be ended and begun again.
pub(crate) trait Subject: Sized {
    /// What it implements.
    type Port: Storage;

    /// The port as it is now.
    fn port(&self) -> &Self::Port;

    /// After an orderly end and a start.
    fn reopened(self) -> Self;

    /// After a crash and a start.
    fn crashed(self) -> Self;
}

/// [`MemoryStorage`]. It has no directory to reopen.
pub(crate) struct InMemory(MemoryStorage);

impl InMemory {
    pub(crate) fn make() -> InMemory {
        InMemory(MemoryStorage::new())
    }
}

impl Subject for InMemory {
    type Port = MemoryStorage;

    fn port(&self) -> &MemoryStorage {
        &self.0
    }

    fn reopened(self) -> InMemory {
        self
    }

    fn crashed(self) -> InMemory {
        InMemory(self.0.crash())
    }
}

/// [`SimStore`]. What is torn from it at a crash is drawn.
pub(crate) struct Simulated {
    store: Arc<SimStore>,
    stream: Stream,
}

impl Simulated {
    pub(crate) fn make() -> Simulated {
        Simulated {
            store: SimStore::new(),
            stream: Streams::of(7).stream("disk"),
        }
    }
}

impl Subject for Simulated {
    type Port = Arc<SimStore>;

    fn port(&self) -> &Arc<SimStore> {
        &self.store
    }

    fn reopened(mut self) -> Simulated {
        let (store, _) = self.store.stop(&mut self.stream);
        Simulated { store, ..self }
    }

    fn crashed(mut self) -> Simulated {
        let (store, _) = self.store.crash(&mut self.stream);
        Simulated { store, ..self }
    }
}

/// [`SledStorage`] in a directory of its own.
pub(crate) struct OnDisk {
    storage: SledStorage,
    directory: TempDir,
}

impl OnDisk {
    pub(crate) fn make() -> OnDisk {
        OnDisk::open(TempDir::new().unwrap())
    }

    fn open(directory: TempDir) -> OnDisk {
        OnDisk {
            storage: open(directory.path()),
            directory,
        }
    }
}

impl Subject for OnDisk {
    type Port = SledStorage;

    fn port(&self) -> &SledStorage {
        &self.storage
    }

    fn reopened(self) -> OnDisk {
        drop(self.storage);
        OnDisk::open(self.directory)
    }

    /// What is in the directory while it is still open.
    fn crashed(self) -> OnDisk {
        let copied = TempDir::new().unwrap();
        copy(self.directory.path(), copied.path());
        OnDisk::open(copied)
    }
}

/// Opens a directory that is expected to be sound.
#[track_caller]
pub(crate) fn open(directory: &Path) -> SledStorage {
    SledStorage::open(directory, Options::default()).unwrap()
}

/// Copies a directory with all in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Everything in a table.
#[track_caller]
pub(crate) fn all(port: &impl Storage, table: Table) -> Vec<Pair> {
    port.range(table, &[], usize::MAX).unwrap()
}

/// Bytes that do not pack, the same for the same seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let words = std::iter::repeat_with(|| {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).to_le_bytes()
    });
    words.flatten().take(length).collect()
}
