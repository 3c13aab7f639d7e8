//! The storage port: ordered tables of bytes, changed by atomic batches.
//!
//! Narrow on purpose. Every layout over it is pure code of this program, so
//! the product on sled, the tests and the simulator in memory all run the same
//! layouts, and an implementation has little to get wrong. One conformance
//! suite holds for all of them.

use std::fmt;

/// A table: an ordered map from bytes to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Single values under names.
    Meta = 1,
    /// A device's sealed bundles, by generation and first sequence.
    Bundles = 2,
    /// A device's operations that are not sealed yet, by generation and sequence.
    Tail = 3,
    /// The relay's ledger, by position.
    Ledger = 4,
    /// Where in the ledger a device log's bundles are, by log and first sequence.
    LogIndex = 5,
    /// Pages of record images.
    Pages = 6,
    /// What a page holds, without its images.
    PageIndex = 7,
    /// Issues, by number.
    Issues = 8,
    /// The conflict journal, by number.
    Journal = 9,
    /// Records that left a device, by id.
    Left = 10,
}

impl Table {
    /// Every table.
    pub const ALL: [Table; 10] = [
        Table::Meta,
        Table::Bundles,
        Table::Tail,
        Table::Ledger,
        Table::LogIndex,
        Table::Pages,
        Table::PageIndex,
        Table::Issues,
        Table::Journal,
        Table::Left,
    ];
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Table::Meta => "meta",
            Table::Bundles => "bundles",
            Table::Tail => "tail",
            Table::Ledger => "ledger",
            Table::LogIndex => "log index",
            Table::Pages => "pages",
            Table::PageIndex => "page index",
            Table::Issues => "issues",
            Table::Journal => "journal",
            Table::Left => "left",
        })
    }
}

/// Bytes of one value: sled moves larger ones into files of their own.
pub const VALUE_BYTES_MAX: usize = 128 * 1024;

/// What storage could not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// No room left. Nothing of the batch is visible; what was durable stays so.
    ///
    /// Where room is checked before a write, the handle goes on and takes
    /// smaller batches. Where the system says it in the middle of a write, the
    /// handle is poisoned: every later call is answered [`StorageError::Poisoned`].
    #[error(
        "the disk is full ({0}); free some space and start again, nothing already confirmed is lost"
    )]
    Full(String),
    /// The operating system refused.
    #[error("the data directory cannot be read or written: {0}")]
    Io(String),
    /// A value is not what was written.
    #[error(
        "the {table} entry {key} is damaged on disk: {reason}; restore the directory from a backup, or export what is left with `cairn log export`"
    )]
    Corrupt {
        /// Where.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
        /// How it was noticed.
        reason: String,
    },
    /// An earlier write failed, so nothing later can be trusted to last.
    #[error("an earlier write failed ({0}); stop the program, mend the cause, and start it again")]
    Poisoned(String),
    /// Another process has the directory.
    #[error("{0} is in use by another process{1}")]
    Locked(String, String),
    /// Written by a newer program.
    #[error(
        "{directory} has format {found}; this program reads up to format {known}: use a newer cairn"
    )]
    NewerFormat {
        /// Which directory.
        directory: String,
        /// Its format.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// A value over [`VALUE_BYTES_MAX`]; an error of this program.
    #[error("a {table} value of {bytes} bytes is over the limit of {VALUE_BYTES_MAX}")]
    TooLarge {
        /// Where.
        table: Table,
        /// How large.
        bytes: usize,
    },
}

impl StorageError {
    /// A value that its layout cannot read.
    pub fn corrupt(table: Table, key: &[u8], reason: impl fmt::Display) -> StorageError {
        StorageError::Corrupt {
            table,
            key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
            reason: reason.to_string(),
        }
    }
}

/// How long a batch must last before `commit` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power cut.
    Synced,
    /// It survives at the latest with the next synced batch; until then it may
    /// be lost whole, never in part. For what can be derived again.
    Behind,
}

/// Changes that take effect together or not at all. Later ones win.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In order; `None` removes.
    pub changes: Vec<(Table, Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// Puts a value.
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push((table, key.into(), Some(value.into())));
    }

    /// Removes a value, if there is one.
    pub fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.changes.push((table, key.into(), None));
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Adds the changes of `later` behind these.
    pub fn extend(&mut self, later: Batch) {
        self.changes.extend(later.changes);
    }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Ordered byte tables with atomic batches. Reads see every committed batch of
/// this process, durable or not.
pub trait Storage: Send + Sync {
    /// The value under `key`.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// Up to `limit` pairs from `from` on, in key order.
    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError>;

    /// Up to `limit` pairs before `before`, in falling key order.
    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError>;

    /// Applies `batch`. With an error nothing of it is visible, unless the
    /// error is [`StorageError::Poisoned`] or [`StorageError::Io`], or a
    /// [`StorageError::Full`] in the middle of the write: then the handle is
    /// poisoned, and what was made durable is known at the next start.
    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError>;
}

impl<S: Storage + ?Sized> Storage for std::sync::Arc<S> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        (**self).get(table, key)
    }

    fn range(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Pair>, StorageError> {
        (**self).range(table, from, limit)
    }

    fn range_back(
        &self,
        table: Table,
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Pair>, StorageError> {
        (**self).range_back(table, before, limit)
    }

    fn commit(&self, batch: Batch, durability: Durability) -> Result<(), StorageError> {
        (**self).commit(batch, durability)
    }
}

/// A value of the meta table, decoded.
pub fn meta<T: serde::de::DeserializeOwned>(
    storage: &dyn Storage,
    name: &'static str,
) -> Result<Option<T>, StorageError> {
    let Some(bytes) = storage.get(Table::Meta, name.as_bytes())? else {
        return Ok(None);
    };
    cairn_model::codec::decode(name, &bytes)
        .map(Some)
        .map_err(|error| StorageError::corrupt(Table::Meta, name.as_bytes(), error))
}

/// Bytes of one piece of a value kept in pieces.
const PIECE_BYTES: usize = 64 * 1024;

/// Puts a value of any size into the meta table, in pieces.
pub fn put_large(name: &str, bytes: &[u8], batch: &mut Batch) {
    let pieces = bytes.chunks(PIECE_BYTES);
    batch.put(
        Table::Meta,
        name,
        cairn_model::codec::encode(&(pieces.len() as u32)),
    );
    for (number, piece) in (0u32..).zip(pieces) {
        batch.put(Table::Meta, piece_key(name, number), piece);
    }
}

/// A value that [`put_large`] put.
pub fn large(storage: &dyn Storage, name: &'static str) -> Result<Option<Vec<u8>>, StorageError> {
    let Some(count) = meta::<u32>(storage, name)? else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    for number in 0..count {
        let key = piece_key(name, number);
        let piece = storage.get(Table::Meta, &key)?;
        bytes.extend(
            piece.ok_or_else(|| {
                StorageError::corrupt(Table::Meta, &key, "a piece of it is missing")
            })?,
        );
    }
    Ok(Some(bytes))
}

fn piece_key(name: &str, number: u32) -> Vec<u8> {
    format!("{name}/{number:08}").into_bytes()
}
