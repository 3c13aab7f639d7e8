//! Values, packed where that pays.
//!
//! sled keeps about 1.8 bytes on disk for every byte it is given. The
//! operations of a bundle, and the images of a page, have much in common:
//! zstd takes a third to two thirds off them, at about 200 MB/s, and sled's
//! writing gets faster by as much.

use cairn_oplog::storage::VALUE_BYTES_MAX;
use std::io;
use zstd::bulk::{Compressor, decompress};

/// Bytes below which a value stays as it is: a bundle of one operation is
/// mostly keys, hashes and a signature, and does not get smaller.
const PACK_BYTES_MIN: usize = 512;

/// zstd's level. The others up to 4 take up to twice the time and save 2 % of
/// the bytes at best.
const LEVEL: i32 = 1;

/// Bytes of the length that stands before the packed bytes.
const LENGTH_BYTES: usize = 4;

/// Packs values.
pub(crate) struct Packer {
    compressor: Compressor<'static>,
}

impl Packer {
    pub(crate) fn new() -> io::Result<Packer> {
        let compressor = Compressor::new(LEVEL)?;
        Ok(Packer { compressor })
    }

    /// The packed value; `None` if it would save less than an eighth.
    pub(crate) fn pack(&mut self, value: &[u8]) -> Option<Vec<u8>> {
        if value.len() < PACK_BYTES_MIN {
            return None;
        }
        let mut packed = u32::try_from(value.len()).ok()?.to_be_bytes().to_vec();
        packed.extend(self.compressor.compress(value).ok()?);
        (packed.len() <= value.len() / 8 * 7).then_some(packed)
    }
}

/// The value that was packed; `None` if these are no packed bytes.
pub(crate) fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (length, packed) = packed.split_first_chunk::<LENGTH_BYTES>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    if length > VALUE_BYTES_MAX {
        return None;
    }
    decompress(packed, length)
        .ok()
        .filter(|value| value.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_packed() {
        let mut packer = Packer::new().unwrap();
        let value: Vec<u8> = (0..VALUE_BYTES_MAX).map(|at| (at / 100) as u8).collect();
        let packed = packer.pack(&value).unwrap();
        assert!(packed.len() < value.len() / 4);
        assert_eq!(unpack(&packed), Some(value));
    }

    #[test]
    fn what_does_not_is_left_alone() {
        let mut packer = Packer::new().unwrap();
        let noise: Vec<u8> = (0..64_u64)
            .flat_map(|at| *blake3::hash(&at.to_be_bytes()).as_bytes())
            .collect();
        assert_eq!(packer.pack(&noise), None);
        assert_eq!(packer.pack(&[0; PACK_BYTES_MIN - 1]), None);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let mut packer = Packer::new().unwrap();
        let packed = packer.pack(&[7; 4096]).unwrap();
        assert_eq!(unpack(&packed[..packed.len() - 1]), None);
        assert_eq!(unpack(&[255; 40]), None);
        assert_eq!(unpack(b""), None);
    }
}
