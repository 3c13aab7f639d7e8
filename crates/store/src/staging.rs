//! A batch of the port, turned into changes of sled's one tree.

use crate::content::{CONTENT, Content};
use crate::entry::{KEY_BYTES_MAX, Name, pieces};
use crate::lookup::header;
use crate::tree::{Changes, Tree};
use cairn_oplog::packing;
use cairn_oplog::storage::{Batch, StorageError, VALUE_BYTES_MAX};
use std::collections::BTreeMap;

/// The last change of each entry that a batch names.
#[derive(Debug)]
pub(crate) struct LastChanges<'a>(BTreeMap<Name<'a>, Option<&'a [u8]>>);

impl<'a> LastChanges<'a> {
    /// Of `batch`.
    ///
    /// # Panics
    /// If a key is longer than any layout makes one.
    pub(crate) fn of(batch: &'a Batch) -> Result<LastChanges<'a>, StorageError> {
        let mut last = BTreeMap::new();
        for (table, key, value) in &batch.changes {
            assert!(key.len() <= KEY_BYTES_MAX, "layouts have short keys");
            let bytes = value.as_ref().map_or(0, Vec::len);
            if bytes > VALUE_BYTES_MAX {
                let table = *table;
                return Err(StorageError::TooLarge { table, bytes });
            }
            last.insert(Name::new(*table, key), value.as_deref());
        }
        Ok(LastChanges(last))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of keys and values.
    pub(crate) fn bytes(&self) -> usize {
        let change = |(name, value): (&Name<'_>, &Option<&[u8]>)| {
            name.key.len() + value.map_or(0, <[u8]>::len)
        };
        self.0.iter().map(change).sum()
    }

    /// The changes of the tree, and the content after them, when it is
    /// `content` before.
    pub(crate) fn stage(
        &self,
        tree: &Tree,
        content: Content,
    ) -> Result<(Changes, Content), StorageError> {
        let mut staging = Staging {
            tree,
            changes: Changes::default(),
            content,
        };
        staging.content.batch += 1;
        for (name, value) in &self.0 {
            staging.change(name, *value)?;
        }
        put_own(&mut staging.changes, &CONTENT, &staging.content.to_bytes());
        Ok((staging.changes, staging.content))
    }
}

/// Puts a value of the store's own, which is not part of the content.
pub(crate) fn put_own(changes: &mut Changes, name: &Name<'_>, value: &[u8]) {
    let (_, first, _) = pieces(name, value, None);
    changes.put(name.first(), &first);
}

struct Staging<'a> {
    tree: &'a Tree,
    changes: Changes,
    content: Content,
}

impl Staging<'_> {
    fn change(&mut self, name: &Name<'_>, value: Option<&[u8]>) -> Result<(), StorageError> {
        let old = self.tree.get(&name.first(), name)?;
        let mut stale = 0..0;
        if let Some(old) = &old {
            let (old, _) = header(name, old.as_ref())?;
            self.content.subtract(old.checksum);
            stale.end = old.further;
        }
        match value {
            Some(value) => stale.start = self.put(name, value),
            None if old.is_some() => self.changes.remove(name.first()),
            None => {}
        }
        stale.for_each(|number| self.changes.remove(name.further(number)));
        Ok(())
    }

    /// Puts a value; returns how many further pieces it has.
    fn put(&mut self, name: &Name<'_>, value: &[u8]) -> u8 {
        let packed = packing::pack(value);
        let (header, first, further) = pieces(name, value, packed.as_deref());
        self.changes.put(name.first(), &first);
        for (number, piece) in (0..).zip(further) {
            self.changes.put(name.further(number), piece);
        }
        self.content.add(header.checksum);
        header.further
    }
}
