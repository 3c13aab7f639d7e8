//! How much a change holds, counted from its bytes before anything unrolls it.
//!
//! A change is columns, and a column is runs: "this value, 2^60 times" takes
//! ten bytes. Here the runs are added up and nothing is built. The format is
//! Automerge's binary format, change chunks:
//! <https://automerge.org/automerge-binary-format-spec/>.

use super::DocumentError;

/// Rows in one column of a change: one for each operation in it, and there is
/// one operation for each character typed. More than a change within its limit
/// of bytes has that does not repeat itself.
const ROWS_MAX: u64 = 64 * 1024;
/// Bytes of one column's texts, the keys of JSON objects, each counted as often
/// as it is repeated.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHECKSUM_BYTES: u64 = 4;
/// The kind of chunk that is one change, not deflated: of a deflated one nobody
/// knows how much comes out.
const CHANGE: u8 = 1;
const HASH_BYTES: u64 = 32;

/// Refuses what is no plain change, and what holds more than [`ROWS_MAX`] and
/// [`TEXT_BYTES_MAX`] allow.
pub(super) fn inspect(change: &[u8]) -> Result<(), DocumentError> {
    let reason = match Bytes(change).change() {
        Some(true) => return Ok(()),
        Some(false) => "it holds more than one change may",
        None => "it is no change, or is cut off",
    };
    Err(DocumentError::Unreadable(reason.to_owned()))
}

/// What a column unrolls to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Size {
    rows: u64,
    text_bytes: u64,
}

impl Size {
    fn add(&mut self, rows: u64, bytes_each: u64) {
        self.rows = self.rows.saturating_add(rows);
        self.text_bytes = self
            .text_bytes
            .saturating_add(rows.saturating_mul(bytes_each));
    }
}

/// What is left to read. `None` everywhere below: it ended too early.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    /// Whether every column is within the limit.
    fn change(&mut self) -> Option<bool> {
        let is_change = self.take(4)? == MAGIC
            && self.take(CHECKSUM_BYTES).is_some()
            && self.take(1)? == [CHANGE];
        let length = self.unsigned()?;
        if !is_change || length != self.0.len() as u64 {
            return None;
        }
        let dependencies = self.unsigned()?;
        self.take(dependencies.checked_mul(HASH_BYTES)?)?;
        self.counted_bytes()?;
        for _sequence_start_time in 0..3 {
            self.signed()?;
        }
        self.counted_bytes()?;
        for _actor in 0..self.unsigned()? {
            self.counted_bytes()?;
        }
        self.columns()
    }

    fn columns(&mut self) -> Option<bool> {
        let mut columns = Vec::new();
        for _column in 0..self.unsigned()? {
            columns.push((self.unsigned()?, self.unsigned()?));
        }
        let mut within = true;
        for (specification, length) in columns {
            let size = Bytes(self.take(length)?).size(specification & 7)?;
            within &= size.rows <= ROWS_MAX && size.text_bytes <= TEXT_BYTES_MAX;
        }
        Some(within)
    }

    /// What a column of this type unrolls to.
    fn size(&mut self, column_type: u64) -> Option<Size> {
        const BOOLEAN: u64 = 4;
        const RAW: u64 = 7;
        let mut size = Size::default();
        while !self.0.is_empty() && column_type != RAW {
            match column_type {
                BOOLEAN => size.add(self.unsigned()?, 0),
                _ => self.run(column_type, &mut size)?,
            }
        }
        Some(size)
    }

    /// Adds one run of values, which are left behind.
    fn run(&mut self, column_type: u64, size: &mut Size) -> Option<()> {
        let length = self.signed()?;
        match length {
            0 => size.add(self.unsigned()?, 0),
            1.. => size.add(length.unsigned_abs(), self.value(column_type)?),
            _ => {
                for _literal in 0..length.unsigned_abs() {
                    size.add(1, self.value(column_type)?);
                }
            }
        }
        Some(())
    }

    /// The bytes of one value, if it is a text.
    fn value(&mut self, column_type: u64) -> Option<u64> {
        const TEXT: u64 = 5;
        match column_type {
            TEXT => self.counted_bytes(),
            _ => self.signed().map(|_| 0),
        }
    }

    fn counted_bytes(&mut self) -> Option<u64> {
        let length = self.unsigned()?;
        self.take(length).map(|_| length)
    }

    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// An unsigned LEB128 number.
    fn unsigned(&mut self) -> Option<u64> {
        let (value, _) = self.leb128()?;
        u64::try_from(value).ok()
    }

    /// A signed LEB128 number. Reads over an unsigned one as well.
    fn signed(&mut self) -> Option<i64> {
        let (value, bits) = self.leb128()?;
        let sign = value >> (bits - 1) & 1;
        let value = i128::try_from(value).ok()?;
        Some((value - if sign == 1 { 1 << bits } else { 0 }) as i64)
    }

    /// The bits of a LEB128 number, and how many: at most ten bytes.
    fn leb128(&mut self) -> Option<(u128, u32)> {
        let mut value = 0;
        for at in 0..10 {
            let [byte] = *self.take(1)? else { return None };
            value |= u128::from(byte & 0x7f) << (7 * at);
            if byte < 0x80 {
                return Some((value, 7 * (at + 1)));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_leb128() {
        let unsigned = |bytes: &[u8]| Bytes(bytes).unsigned();
        assert_eq!(unsigned(&[0xe5, 0x8e, 0x26]), Some(624_485));
        assert_eq!(unsigned(&[0xff; 9]), None);
        let signed = |bytes: &[u8]| Bytes(bytes).signed();
        assert_eq!(signed(&[0x7f]), Some(-1));
        assert_eq!(signed(&[0xc0, 0xbb, 0x78]), Some(-123_456));
        assert_eq!(signed(&[0x3f]), Some(63));
    }

    #[test]
    fn runs_are_added_up() {
        let size = |column: &[u8], column_type| Bytes(column).size(column_type);
        let of = |rows, text_bytes| Some(Size { rows, text_bytes });
        // Three times 7; then 1 and 2; then four of nothing.
        assert_eq!(size(&[3, 7, 0x7e, 1, 2, 0, 4], 2), of(9, 0));
        // Five false, two true.
        assert_eq!(size(&[5, 2], 4), of(7, 0));
        // Twice "ab".
        assert_eq!(size(&[2, 2, b'a', b'b'], 5), of(2, 4));
        assert_eq!(size(&[2, 3, b'a', b'b'], 5), None);
    }
}
