//! Archives written.

use super::{FORMAT, FRAME_BYTES_MAX, Header, MAGIC, Subject, USER_BYTES_MAX, kind};
use crate::bundle::BUNDLE_BYTES_MAX;
use crate::ledger::Checkpoint;
use cairn_model::{Timestamp, codec};
use std::io::{self, Write};

/// Writes one archive. Without [`Writer::finish`] it is no archive.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    hasher: blake3::Hasher,
    is_ledger: bool,
    count: u64,
    checkpointed: bool,
}

impl<W: Write> Writer<W> {
    /// Begins an archive.
    ///
    /// # Panics
    /// If the user's name has more than [`USER_BYTES_MAX`] bytes.
    pub fn new(output: W, header: &Header) -> io::Result<Writer<W>> {
        if let Subject::Device { user, .. } = &header.subject {
            assert!(user.len() <= USER_BYTES_MAX);
        }
        let mut writer = Writer {
            output,
            hasher: blake3::Hasher::new(),
            is_ledger: header.subject == Subject::Ledger,
            count: 0,
            checkpointed: false,
        };
        writer.write(&MAGIC)?;
        writer.write(&FORMAT.to_be_bytes())?;
        writer.frame(kind::HEADER, &[&header.to_bytes()])?;
        Ok(writer)
    }

    /// Writes the ledger's next entry.
    ///
    /// # Panics
    /// If this is no ledger, the position is not the next one, the checkpoint
    /// was written, or the bundle is larger than a bundle may be.
    pub fn entry(&mut self, position: u64, received: Timestamp, bundle: &[u8]) -> io::Result<()> {
        assert!(self.is_ledger && !self.checkpointed);
        assert_eq!(position, self.count + 1);
        self.count = position;
        let (position, received) = (position.to_be_bytes(), received.0.to_be_bytes());
        self.frame(kind::ENTRY, &[&position, &received, checked(bundle)])
    }

    /// Writes the relay's word for where the ledger ends.
    ///
    /// # Panics
    /// If this is no ledger, or the checkpoint is of another position than the
    /// last entry's.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> io::Result<()> {
        assert!(self.is_ledger && !self.checkpointed);
        assert_eq!(checkpoint.position, self.count);
        self.checkpointed = true;
        self.frame(kind::CHECKPOINT, &[&codec::encode(checkpoint)])
    }

    /// Writes the device's next bundle.
    ///
    /// # Panics
    /// If this is no device log, or the bundle is larger than a bundle may be.
    pub fn bundle(&mut self, bundle: &[u8]) -> io::Result<()> {
        assert!(!self.is_ledger);
        self.count += 1;
        self.frame(kind::BUNDLE, &[checked(bundle)])
    }

    /// Ends the archive; gives the output back.
    ///
    /// # Panics
    /// If a ledger has no checkpoint.
    pub fn finish(mut self) -> io::Result<W> {
        assert_eq!(self.is_ledger, self.checkpointed);
        let hash = self.hasher.finalize();
        self.frame(kind::TRAILER, &[&self.count.to_be_bytes(), hash.as_bytes()])?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn frame(&mut self, kind: u8, body: &[&[u8]]) -> io::Result<()> {
        let length = body.iter().map(|part| part.len()).sum::<usize>();
        assert!(length <= FRAME_BYTES_MAX);
        self.write(&(length as u32).to_be_bytes())?;
        self.write(&[kind])?;
        body.iter().try_for_each(|part| self.write(part))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.output.write_all(bytes)
    }
}

fn checked(bundle: &[u8]) -> &[u8] {
    assert!(bundle.len() <= BUNDLE_BYTES_MAX);
    bundle
}
