//! A log in one file: how a ledger is handed to someone who checks it, and how
//! unsent work travels by hand.
//!
//! This module reads and writes streams; files are its callers' business. It
//! checks the form. What the bundles prove is [`crate::verify`]'s business:
//! nothing read from an archive is to be believed before that.
//!
//! # The format, rule by rule
//!
//! Integers are unsigned, of fixed width and big-endian, if not said otherwise.
//!
//! - **A1** A file is: the 8 bytes `cairnlog`; the format as 4 bytes, now 1;
//!   frames; a trailer; nothing after it.
//! - **A2** A frame is: the length of its body in 4 bytes, at most 65,664; its
//!   kind in 1 byte; its body.
//! - **A3** The first frame is the header, kind 1: organization id (16 bytes),
//!   the relay's public key (32 bytes), then what the archive holds: 1 byte 0
//!   for a ledger; or 1 byte 1 for a device log, the device's public key (32
//!   bytes), and the name of its user (UTF-8, to the end of the frame, at most
//!   1,024 bytes; for people, proven by nothing).
//! - **A4** A ledger goes on with its entries, kind 2, from position 1 on
//!   without a gap: position (8 bytes), received-at in milliseconds since 1970
//!   (8 bytes), the bundle as received, to the end of the frame.
//! - **A5** After the entries of a ledger comes one checkpoint, kind 3: the
//!   relay's signed word for where these entries end, as it is on the wire:
//!   position (variable-length integer of bincode 2), chain head (32 bytes),
//!   signature (64 bytes).
//! - **A6** A device log goes on with its sealed bundles, kind 4, each as
//!   sealed, generation by generation, each from sequence 1 on without a gap.
//!   It has no checkpoint. Operations that are not sealed are not in it: who
//!   exports seals them first, so that everything in the file is signed.
//! - **A7** The trailer is a frame of kind 255: the number of entries or
//!   bundles (8 bytes), and blake3 of every byte of the file before the frame
//!   (32 bytes). A file that was cut off has none.
//! - **A8** Any other kind, a frame out of its order, or a second header or
//!   checkpoint makes the file invalid.

mod export;
mod read;
mod write;

pub use export::{ExportError, export_device_log, export_ledger};
pub use read::{ArchiveFault, Frame, Reader};
pub use write::Writer;

use crate::bundle::BUNDLE_BYTES_MAX;
use cairn_model::{OrganizationId, PublicKey};

/// The first bytes of an archive.
pub const MAGIC: [u8; 8] = *b"cairnlog";
/// The format this program writes, and the newest it reads.
pub const FORMAT: u32 = 1;
/// Bytes of the body of a frame: a bundle, and what an entry has around it.
pub const FRAME_BYTES_MAX: usize = BUNDLE_BYTES_MAX + 128;
/// Bytes of a user's name in the header.
pub const USER_BYTES_MAX: usize = 1024;

const _: () = assert!(FRAME_BYTES_MAX == 65_664, "rule A2 says so");

/// Whose log an archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The organization.
    pub organization: OrganizationId,
    /// Its relay. A reader compares it with the key it has pinned.
    pub relay: PublicKey,
    /// What follows.
    pub subject: Subject,
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The relay's ledger.
    Ledger,
    /// One device's log, every generation of it.
    Device {
        /// The device's key.
        key: PublicKey,
        /// Its user, for people: nothing proves it.
        user: String,
    },
}

/// Kinds of frames, rule by rule.
mod kind {
    pub(super) const HEADER: u8 = 1;
    pub(super) const ENTRY: u8 = 2;
    pub(super) const CHECKPOINT: u8 = 3;
    pub(super) const BUNDLE: u8 = 4;
    pub(super) const TRAILER: u8 = 255;
}

impl Header {
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.organization.0.to_vec();
        bytes.extend_from_slice(&self.relay.0);
        match &self.subject {
            Subject::Ledger => bytes.push(0),
            Subject::Device { key, user } => {
                bytes.push(1);
                bytes.extend_from_slice(&key.0);
                bytes.extend_from_slice(user.as_bytes());
            }
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Result<Header, &'static str> {
        const SHORT: &str = "the header is too short";
        let (organization, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
        let (relay, rest) = rest.split_first_chunk().ok_or(SHORT)?;
        let subject = match rest.split_first().ok_or(SHORT)? {
            (0, []) => Subject::Ledger,
            (0, _) => return Err("the header of a ledger is too long"),
            (1, rest) => {
                let (key, user) = rest.split_first_chunk().ok_or(SHORT)?;
                if user.len() > USER_BYTES_MAX {
                    return Err("the user's name is too long");
                }
                let user = str::from_utf8(user).map_err(|_| "the user's name is no UTF-8")?;
                Subject::Device {
                    key: PublicKey(*key),
                    user: user.to_owned(),
                }
            }
            _ => return Err("it holds something this program does not know"),
        };
        Ok(Header {
            organization: OrganizationId(*organization),
            relay: PublicKey(*relay),
            subject,
        })
    }
}
