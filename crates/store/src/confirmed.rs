//! The file `confirmed`: the number of the last batch that was promised to
//! last.
//!
//! It is written after the batch is on the disk, so it never promises too
//! much; it is not synced itself, so after a power cut it may promise too
//! little. sled takes a log that was cut off for one that ends there. With
//! this file such a log is refused.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// The file's name.
pub(crate) const FILE: &str = "confirmed";

/// The open file.
#[derive(Debug)]
pub(crate) struct Confirmed {
    file: File,
}

impl Confirmed {
    /// Opens the file in `directory`; makes it when it is not there.
    pub(crate) fn open(directory: &Path) -> io::Result<Confirmed> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(directory.join(FILE))?;
        Ok(Confirmed { file })
    }

    /// The number in it: 0 when there is none that could be trusted.
    pub(crate) fn read(&mut self) -> io::Result<u64> {
        let mut bytes = Vec::new();
        self.file.read_to_end(&mut bytes)?;
        let number = parse(&bytes);
        if number.is_none() && !bytes.is_empty() {
            tracing::warn!("the file `{FILE}` is damaged; it is written anew");
        }
        Ok(number.unwrap_or(0))
    }

    /// Writes the number of a batch that is on the disk.
    pub(crate) fn write(&self, batch: u64) -> io::Result<()> {
        self.file.write_all_at(&form(batch), 0)
    }
}

fn form(batch: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&batch.to_be_bytes());
    bytes[8..].copy_from_slice(&blake3::hash(&batch.to_be_bytes()).as_bytes()[..8]);
    bytes
}

fn parse(bytes: &[u8]) -> Option<u64> {
    let batch = u64::from_be_bytes(*bytes.first_chunk()?);
    (form(batch) == bytes).then_some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut confirmed = Confirmed::open(directory.path()).unwrap();
        assert_eq!(confirmed.read().unwrap(), 0);
        confirmed.write(300).unwrap();
        confirmed.write(7).unwrap();
        let mut again = Confirmed::open(directory.path()).unwrap();
        assert_eq!(again.read().unwrap(), 7);
    }

    #[test]
    fn a_damaged_number_promises_nothing() {
        for bit in 0..128 {
            let mut bytes = form(9);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(parse(&bytes), None);
        }
        assert_eq!(parse(&form(9)[..15]), None);
    }
}
