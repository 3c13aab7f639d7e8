//! How an entry lies in sled: its value in pieces, under a checksum.
//!
//! | key in sled | value in sled |
//! |---|---|
//! | table (1 byte), key | number of further pieces, plus 128 if the value is packed (1 byte), checksum of the value (8 bytes), first piece |
//! | table + 128 (1 byte), key, number of the piece (1 byte, from 0) | a further piece |
//!
//! sled splits a leaf by the number of its entries (more than 16), not by
//! their size, and moves a leaf that takes more than a quarter of a segment
//! into a file of its own, which it never syncs. Pieces keep every leaf below
//! that, so such files do not come to be.

use crate::tree::SEGMENT_BYTES;
use cairn_oplog::storage::{Table, VALUE_BYTES_MAX};
use std::slice::Chunks;

/// Bytes of a piece.
pub(crate) const PIECE_BYTES: usize = 4096;
/// Bytes of a key. Layouts have short keys of fixed width.
pub(crate) const KEY_BYTES_MAX: usize = 512;

const HEADER_BYTES: usize = 1 + 8;
const FURTHER_PIECES: u8 = 0x80;
const PACKED: u8 = 0x80;

/// Entries of a leaf at its fullest: 16, one more that makes it split, and
/// what it may take over from a neighbour that shrinks.
const LEAF_ENTRIES_MAX: usize = 24;
const LEAF_BYTES_MAX: usize = LEAF_ENTRIES_MAX * (KEY_BYTES_MAX + HEADER_BYTES + PIECE_BYTES + 16);
const _: () = assert!(LEAF_BYTES_MAX < SEGMENT_BYTES / 4 - 64);
const _: () = assert!(VALUE_BYTES_MAX.div_ceil(PIECE_BYTES) < PACKED as usize);

/// The byte that names the store's own entries, before those of every table.
pub(crate) const OWN: u8 = 0;

/// An entry's name: its table, or [`OWN`], and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name<'a> {
    pub(crate) table: u8,
    pub(crate) key: &'a [u8],
}

impl<'a> Name<'a> {
    pub(crate) fn new(table: Table, key: &'a [u8]) -> Name<'a> {
        Name {
            table: table as u8,
            key,
        }
    }

    /// Where its first piece is.
    pub(crate) fn first(&self) -> Vec<u8> {
        let mut place = Vec::with_capacity(1 + self.key.len());
        place.push(self.table);
        place.extend_from_slice(self.key);
        place
    }

    /// Where a further piece is.
    pub(crate) fn further(&self, piece: u8) -> Vec<u8> {
        let mut place = Vec::with_capacity(2 + self.key.len());
        place.push(self.table | FURTHER_PIECES);
        place.extend_from_slice(self.key);
        place.push(piece);
        place
    }

    /// The checksum of `value` under this name: 8 bytes of blake3.
    pub(crate) fn checksum(&self, value: &[u8]) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[self.table]);
        hasher.update(&(self.key.len() as u64).to_be_bytes());
        hasher.update(self.key);
        hasher.update(value);
        let mut checksum = [0; 8];
        checksum.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        u64::from_be_bytes(checksum)
    }
}

/// What stands before the first piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Pieces besides the first.
    pub(crate) further: u8,
    /// Whether the pieces hold the packed value.
    pub(crate) packed: bool,
    /// Of the value.
    pub(crate) checksum: u64,
}

impl Header {
    /// Reads what stands in sled for a first piece; `None` if it is too short.
    pub(crate) fn split(stored: &[u8]) -> Option<(Header, &[u8])> {
        let (count, rest) = stored.split_first()?;
        let (checksum, piece) = rest.split_first_chunk()?;
        let header = Header {
            further: count & !PACKED,
            packed: count & PACKED != 0,
            checksum: u64::from_be_bytes(*checksum),
        };
        Some((header, piece))
    }

    fn join(&self, first: &[u8]) -> Vec<u8> {
        let mut stored = Vec::with_capacity(HEADER_BYTES + first.len());
        stored.push(self.further | if self.packed { PACKED } else { 0 });
        stored.extend_from_slice(&self.checksum.to_be_bytes());
        stored.extend_from_slice(first);
        stored
    }
}

/// A value as it is written: its header, the header with the first piece, and
/// further pieces. `packed` is the packed value, if it is to be kept so.
pub(crate) fn pieces<'a>(
    name: &Name<'_>,
    value: &'a [u8],
    packed: Option<&'a [u8]>,
) -> (Header, Vec<u8>, Chunks<'a, u8>) {
    let body = packed.unwrap_or(value);
    let (first, rest) = body.split_at(body.len().min(PIECE_BYTES));
    let further = rest.chunks(PIECE_BYTES);
    let header = Header {
        further: u8::try_from(further.len()).expect("callers bound the value"),
        packed: packed.is_some(),
        checksum: name.checksum(value),
    };
    (header, header.join(first), further)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_apart_into_pieces() {
        let name = Name::new(Table::Ledger, b"key");
        for (length, expected) in [
            (0, 0),
            (1, 0),
            (PIECE_BYTES, 0),
            (PIECE_BYTES + 1, 1),
            (VALUE_BYTES_MAX, 31),
        ] {
            let value: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let (header, stored, further) = pieces(&name, &value, None);
            assert_eq!(usize::from(header.further), expected);
            assert_eq!(pieces(&name, b"", Some(&value)).0.further, header.further);
            let (read, first) = Header::split(&stored).unwrap();
            assert_eq!(read, header);
            let mut whole = first.to_vec();
            further.for_each(|piece| whole.extend_from_slice(piece));
            assert_eq!(whole, value);
        }
    }

    #[test]
    fn a_checksum_speaks_for_one_name() {
        let sum = Name::new(Table::Meta, b"ab").checksum(b"c");
        assert_ne!(sum, Name::new(Table::Tail, b"ab").checksum(b"c"));
        assert_ne!(sum, Name::new(Table::Meta, b"a").checksum(b"bc"));
        assert_eq!(Header::split(b"12345678"), None);
    }

    #[test]
    fn tables_and_further_pieces_lie_apart() {
        for table in Table::ALL {
            assert!((table as u8) > OWN && (table as u8) < FURTHER_PIECES);
        }
    }
}
