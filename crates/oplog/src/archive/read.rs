//! Archives read.

use super::{FORMAT, FRAME_BYTES_MAX, Header, MAGIC, Subject, kind};
use crate::ledger::Checkpoint;
use cairn_model::{Timestamp, codec};
use std::io::{ErrorKind, Read};

/// Why a file is no archive, or no whole one. Frames count from 0, the header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// The file could not be read.
    #[error("the file cannot be read after byte {offset}: {reason}")]
    Io {
        /// Where.
        offset: u64,
        /// What the operating system says.
        reason: String,
    },
    /// Something else.
    #[error("this is no log archive; name a file that `cairn log export` wrote")]
    NoArchive,
    /// Written by a newer program.
    #[error(
        "the archive has format {found}; this program reads up to format {FORMAT}: use a newer cairn"
    )]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// The file ends too early.
    #[error(
        "the file ends at byte {offset}, inside frame {frame}: it was cut off; copy it again, or export it again"
    )]
    CutOff {
        /// Inside which frame.
        frame: u64,
        /// Where it ends.
        offset: u64,
    },
    /// A frame is not what the format says.
    #[error(
        "frame {frame} at byte {offset} is invalid: {reason}; copy the file again, or export it again"
    )]
    Frame {
        /// Which frame.
        frame: u64,
        /// Where it starts.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes are not those that were written.
    #[error(
        "the file was changed on its way: its trailer, frame {frame}, is of other bytes; copy it again, or export it again"
    )]
    Changed {
        /// The trailer's number.
        frame: u64,
    },
    /// Something follows the trailer.
    #[error(
        "bytes follow the end of the archive at byte {offset}; it was joined with something else: copy it again, or export it again"
    )]
    Trailing {
        /// Where the archive ends.
        offset: u64,
    },
}

/// A frame between header and trailer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// An entry of a ledger.
    Entry {
        /// From 1.
        position: u64,
        /// When the relay took the bundle in.
        received: Timestamp,
        /// The bundle, as received.
        bundle: Vec<u8>,
    },
    /// Where a ledger ends.
    Checkpoint(Checkpoint),
    /// A bundle of a device log, as sealed.
    Bundle(Vec<u8>),
}

/// Reads one archive, frame by frame; never holds more than one.
#[derive(Debug)]
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    count: u64,
    checkpointed: bool,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the start of an archive, up to its header.
    pub fn new(input: R) -> Result<Reader<R>, ArchiveFault> {
        let mut input = Input::new(input);
        let mut magic = [0; MAGIC.len()];
        match input.read(&mut magic) {
            Err(ArchiveFault::CutOff { .. }) => return Err(ArchiveFault::NoArchive),
            read => read?,
        }
        if magic != MAGIC {
            return Err(ArchiveFault::NoArchive);
        }
        let found = input.integer()?;
        if found > FORMAT {
            return Err(ArchiveFault::NewerFormat { found });
        }
        let raw = input.raw()?;
        if found != FORMAT || raw.kind != kind::HEADER {
            return Err(input.invalid(&raw, "it is no header of this format"));
        }
        let header = Header::from_bytes(&raw.body).map_err(|why| input.invalid(&raw, why))?;
        Ok(Reader {
            input,
            header,
            count: 0,
            checkpointed: false,
            ended: false,
        })
    }

    /// Whose log it is, by its own word.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The number of the frame that was read last; 0 is the header.
    pub fn frame(&self) -> u64 {
        self.input.frame
    }

    /// The next frame; `None` at the end of a whole archive.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ArchiveFault> {
        if self.ended {
            return Ok(None);
        }
        self.input.frame += 1;
        let raw = self.input.raw()?;
        let is_ledger = self.header.subject == Subject::Ledger;
        match (raw.kind, is_ledger) {
            (kind::ENTRY, true) if !self.checkpointed => self.entry(&raw).map(Some),
            (kind::CHECKPOINT, true) if !self.checkpointed => self.checkpoint(&raw).map(Some),
            (kind::BUNDLE, false) => {
                self.count += 1;
                Ok(Some(Frame::Bundle(raw.body)))
            }
            (kind::TRAILER, _) if self.checkpointed == is_ledger => {
                self.trailer(&raw)?;
                Ok(None)
            }
            (kind, _) => {
                let reason = format!("a frame of kind {kind} has no place here");
                Err(self.input.invalid(&raw, reason))
            }
        }
    }

    fn entry(&mut self, raw: &Raw) -> Result<Frame, ArchiveFault> {
        let parts = || {
            let (position, rest) = raw.body.split_first_chunk()?;
            let (received, bundle) = rest.split_first_chunk()?;
            Some((
                u64::from_be_bytes(*position),
                u64::from_be_bytes(*received),
                bundle,
            ))
        };
        let (position, received, bundle) =
            parts().ok_or_else(|| self.input.invalid(raw, "the entry is too short"))?;
        self.count += 1;
        Ok(Frame::Entry {
            position,
            received: Timestamp(received),
            bundle: bundle.to_vec(),
        })
    }

    fn checkpoint(&mut self, raw: &Raw) -> Result<Frame, ArchiveFault> {
        self.checkpointed = true;
        codec::decode("checkpoint", &raw.body)
            .map(Frame::Checkpoint)
            .map_err(|error| self.input.invalid(raw, error))
    }

    fn trailer(&mut self, raw: &Raw) -> Result<(), ArchiveFault> {
        let mut expected = self.count.to_be_bytes().to_vec();
        expected.extend_from_slice(raw.before.as_bytes());
        if raw.body != expected {
            let frame = self.input.frame;
            return Err(ArchiveFault::Changed { frame });
        }
        let offset = self.input.offset;
        match self.input.read(&mut [0]) {
            Err(ArchiveFault::CutOff { .. }) => {
                self.ended = true;
                Ok(())
            }
            Err(fault) => Err(fault),
            Ok(()) => Err(ArchiveFault::Trailing { offset }),
        }
    }
}

/// A frame's kind and body, where it starts, and the hash of all before it.
struct Raw {
    kind: u8,
    body: Vec<u8>,
    offset: u64,
    before: blake3::Hash,
}

/// The stream, hashed and counted.
#[derive(Debug)]
struct Input<R> {
    input: R,
    hasher: blake3::Hasher,
    offset: u64,
    frame: u64,
}

impl<R: Read> Input<R> {
    fn new(input: R) -> Input<R> {
        Input {
            input,
            hasher: blake3::Hasher::new(),
            offset: 0,
            frame: 0,
        }
    }

    fn raw(&mut self) -> Result<Raw, ArchiveFault> {
        let offset = self.offset;
        let before = self.hasher.finalize();
        let length = self.integer()?;
        let mut kind = [0];
        self.read(&mut kind)?;
        let mut raw = Raw {
            kind: kind[0],
            body: Vec::new(),
            offset,
            before,
        };
        if length as usize > FRAME_BYTES_MAX {
            let reason = format!("it claims {length} bytes; at most {FRAME_BYTES_MAX} are allowed");
            return Err(self.invalid(&raw, reason));
        }
        raw.body.resize(length as usize, 0);
        self.read(&mut raw.body)?;
        Ok(raw)
    }

    fn integer(&mut self) -> Result<u32, ArchiveFault> {
        let mut bytes = [0; 4];
        self.read(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), ArchiveFault> {
        let offset = self.offset;
        self.input
            .read_exact(bytes)
            .map_err(|error| match error.kind() {
                ErrorKind::UnexpectedEof => ArchiveFault::CutOff {
                    frame: self.frame,
                    offset,
                },
                _ => ArchiveFault::Io {
                    offset,
                    reason: error.to_string(),
                },
            })?;
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn invalid(&self, raw: &Raw, reason: impl ToString) -> ArchiveFault {
        ArchiveFault::Frame {
            frame: self.frame,
            offset: raw.offset,
            reason: reason.to_string(),
        }
    }
}
