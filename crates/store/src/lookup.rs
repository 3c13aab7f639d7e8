//! Entries read back: whole, and only as they were written.

use crate::content::Content;
use crate::directory::Directory;
use crate::entry::{Header, Name};
use crate::tree::Tree;
use cairn_oplog::packing;
use cairn_oplog::storage::{StorageError, Table, VALUE_BYTES_MAX};
use std::fmt;

/// Bytes read between two openings of the tree while all of it is counted:
/// sled lets go of a leaf so late that it would end up holding them all.
const COUNT_BYTES: usize = 64 * 1024 * 1024;

/// The value of an entry.
pub(crate) fn value(tree: &Tree, name: &Name<'_>) -> Result<Option<Vec<u8>>, StorageError> {
    let found = tree.get(&name.first(), name)?;
    found
        .map(|stored| assemble(tree, name, stored.as_ref()))
        .transpose()
}

/// The value whose first piece is `stored`, if it is what was written.
pub(crate) fn assemble(
    tree: &Tree,
    name: &Name<'_>,
    stored: &[u8],
) -> Result<Vec<u8>, StorageError> {
    let (header, first) = header(name, stored)?;
    let mut value = first.to_vec();
    for number in 0..header.further {
        let piece = tree.get(&name.further(number), name)?;
        let piece = piece.ok_or_else(|| corrupt(name, "a piece of it is missing"))?;
        value.extend_from_slice(piece.as_ref());
    }
    if header.packed {
        value = packing::unpack(&value, VALUE_BYTES_MAX)
            .map_err(|_| corrupt(name, "it cannot be unpacked"))?;
    }
    if name.checksum(&value) == header.checksum {
        Ok(value)
    } else {
        Err(corrupt(name, "its checksum does not match"))
    }
}

/// The header before a first piece, and the piece.
pub(crate) fn header<'a>(
    name: &Name<'_>,
    stored: &'a [u8],
) -> Result<(Header, &'a [u8]), StorageError> {
    Header::split(stored).ok_or_else(|| corrupt(name, "it is cut short"))
}

/// An entry that is not what was written.
pub(crate) fn corrupt(name: &Name<'_>, reason: impl fmt::Display) -> StorageError {
    let is_of = |table: &Table| *table as u8 == name.table;
    let table = Table::ALL.into_iter().find(is_of);
    StorageError::corrupt(table.unwrap_or(Table::Meta), name.key, reason)
}

/// Reads everything, and counts it. Gives the tree back opened anew, without
/// the memory that this took.
pub(crate) fn count(
    mut tree: Tree,
    directory: &Directory,
) -> Result<(Tree, Content), StorageError> {
    let mut content = Content::default();
    for table in Table::ALL {
        let mut from = Some(vec![table as u8]);
        while let Some(place) = from {
            from = count_some(&tree, table, place, &mut content)?;
            if from.is_some() {
                drop(tree);
                tree = Tree::open(directory)?;
            }
        }
    }
    drop(tree);
    Ok((Tree::open(directory)?, content))
}

/// Counts from `place` on; returns where to go on.
fn count_some(
    tree: &Tree,
    table: Table,
    place: Vec<u8>,
    content: &mut Content,
) -> Result<Option<Vec<u8>>, StorageError> {
    let mut bytes = 0;
    for pair in tree.pairs(place..vec![table as u8 + 1], false) {
        let (place, stored) = pair?;
        if bytes > COUNT_BYTES {
            return Ok(Some(place));
        }
        let name = Name::new(table, &place[1..]);
        bytes += assemble(tree, &name, &stored)?.len();
        content.add(header(&name, &stored)?.0.checksum);
    }
    Ok(None)
}
