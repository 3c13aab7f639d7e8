//! What the store holds, in three numbers that change with every batch: how
//! many batches there were, how many entries there are, and the sum of their
//! checksums.
//!
//! sled recovers by reading its log from the last snapshot on, and where a
//! byte of it was damaged it leaves out the rest of that segment without a
//! word. So after every start at which it had to read its log, the entries are
//! counted and summed: the content is exactly what some batch left, or the
//! directory is refused.

use crate::entry::{Name, OWN};
use cairn_oplog::storage::{StorageError, Table};
use std::path::Path;

/// The store's own entry that holds a [`Content`].
pub(crate) const CONTENT: Name<'static> = Name {
    table: OWN,
    key: &[1],
};

/// The content after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Content {
    /// The number of that batch, from 1.
    pub(crate) batch: u64,
    /// Entries of all tables.
    pub(crate) entries: u64,
    /// The sum of their checksums, wrapping.
    pub(crate) sum: u64,
}

impl Content {
    /// Counts an entry.
    pub(crate) fn add(&mut self, checksum: u64) {
        self.entries += 1;
        self.sum = self.sum.wrapping_add(checksum);
    }

    /// Stops counting an entry.
    pub(crate) fn subtract(&mut self, checksum: u64) {
        self.entries = self.entries.saturating_sub(1);
        self.sum = self.sum.wrapping_sub(checksum);
    }

    /// As it is stored.
    pub(crate) fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&self.batch.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.entries.to_be_bytes());
        bytes[16..].copy_from_slice(&self.sum.to_be_bytes());
        bytes
    }

    /// Reads what [`Content::to_bytes`] wrote.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Content, String> {
        let number = |at: usize| Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        match (number(0), number(8), number(16), bytes.len()) {
            (Some(batch), Some(entries), Some(sum), 24) => Ok(Content {
                batch,
                entries,
                sum,
            }),
            _ => Err("it does not say what the store holds".into()),
        }
    }

    /// Whether `found`, counted entry by entry, is this content.
    pub(crate) fn check(&self, found: &Content) -> Result<(), String> {
        if (self.entries, self.sum) == (found.entries, found.sum) {
            return Ok(());
        }
        Err(format!(
            "after batch {} the store held {} entries, and now {} are found; some are missing or \
             older than they were",
            self.batch, self.entries, found.entries
        ))
    }

    /// Whether every batch that was confirmed is in.
    pub(crate) fn reaches(&self, confirmed: u64) -> Result<(), String> {
        if self.batch >= confirmed {
            return Ok(());
        }
        Err(format!(
            "the log ends after batch {}, but batch {confirmed} had been confirmed",
            self.batch
        ))
    }
}

/// The store in `directory` is damaged as a whole.
pub(crate) fn damaged(directory: &Path, reason: &str) -> StorageError {
    let reason = format!("{}: {reason}", directory.display());
    StorageError::corrupt(Table::Meta, &CONTENT.first(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_the_sum_of_its_entries() {
        let mut content = Content {
            batch: 7,
            ..Content::default()
        };
        content.add(u64::MAX);
        content.add(5);
        content.subtract(u64::MAX);
        assert_eq!((content.entries, content.sum), (1, 5));
        assert_eq!(Content::from_bytes(&content.to_bytes()), Ok(content));
        assert!(Content::from_bytes(&content.to_bytes()[1..]).is_err());
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut content = Content::default();
        content.add(3);
        let missing = content.check(&Content::default()).unwrap_err();
        assert!(
            missing.contains("held 1 entries, and now 0 are found"),
            "{missing}"
        );
        let behind = content.reaches(4).unwrap_err();
        assert!(behind.contains("batch 4 had been confirmed"), "{behind}");
        assert_eq!(content.reaches(0), Ok(()));
    }
}
