//! Values, packed with zstd where that pays.
//!
//! The operations of a bundle, and the images of a page, have much in common:
//! zstd takes a third to two thirds off them, at about 200 MB/s, and a
//! database that writes each byte more than once gets faster by as much.
//!
//! Making zstd's contexts costs more than using them on a small value, so each
//! thread keeps one of each once it has needed it.

use std::cell::RefCell;
use std::io;
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

/// Bytes below which a value stays as it is: a bundle of one operation is
/// mostly keys, hashes and a signature, and does not get smaller.
const PACK_BYTES_MIN: usize = 512;

/// zstd's level. The others up to 4 take up to twice the time and save 2 % of
/// the bytes at best.
const LEVEL: i32 = 1;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The packed value; `None` if it would save less than an eighth.
pub fn pack(value: &[u8]) -> Option<Vec<u8>> {
    if value.len() < PACK_BYTES_MIN {
        return None;
    }
    let packed = COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept {
            Some(compressor) => compressor,
            None => kept.insert(Compressor::new(LEVEL)?),
        };
        compressor.compress(value)
    });
    packed
        .ok()
        .filter(|packed| packed.len() <= value.len() / 8 * 7)
}

/// The value that was packed. Takes memory for what `packed` says it holds, up
/// to `bytes_max`.
///
/// # Errors
/// If these are no packed bytes, or hold more.
pub fn unpack(packed: &[u8], bytes_max: usize) -> io::Result<Vec<u8>> {
    let said = get_frame_content_size(packed)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no frame of zstd"))?;
    let capacity = said
        .and_then(|bytes| usize::try_from(bytes).ok())
        .map_or(bytes_max, |bytes| bytes.min(bytes_max));
    DECOMPRESSOR.with_borrow_mut(|kept| {
        let decompressor = match kept {
            Some(decompressor) => decompressor,
            None => kept.insert(Decompressor::new()?),
        };
        decompressor.decompress(packed, capacity)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_packed() {
        let value: Vec<u8> = (0..100_000_u32).map(|at| (at / 300) as u8).collect();
        let packed = pack(&value).unwrap();
        assert!(packed.len() < value.len() / 10);
        assert_eq!(unpack(&packed, value.len()).unwrap(), value);
    }

    #[test]
    fn what_does_not_is_left_alone() {
        let noise: Vec<u8> = (0..64_u64)
            .flat_map(|at| *blake3::hash(&at.to_be_bytes()).as_bytes())
            .collect();
        assert_eq!(pack(&noise), None);
        assert_eq!(pack(&[0; PACK_BYTES_MIN - 1]), None);
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let packed = pack(&[7; 4096]).unwrap();
        unpack(&packed[..packed.len() - 1], 4096).unwrap_err();
        unpack(&[255; 40], 4096).unwrap_err();
        unpack(b"", 4096).unwrap_err();
    }

    #[test]
    fn nothing_unpacks_to_more_than_it_may() {
        let packed = pack(&[0; 100_000]).unwrap();
        unpack(&packed, 99_999).unwrap_err();
    }
}
