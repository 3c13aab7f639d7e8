//! Ledgers under study: the entries that every policy folds, bit for bit the
//! same, as often as they are asked for.

use cairn_model::{OrganizationId, PublicKey};
use cairn_oplog::archive::{ArchiveFault, Frame, Header, Reader, Subject, Writer};
use cairn_oplog::verify::{VerifyFault, verify_archive};
use cairn_oplog::{BundleFault, Checkpoint, Entry, Parsed};
use std::io::{self, Read, Write};

/// Why a ledger cannot be studied.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFault {
    /// The file cannot be opened.
    #[error("the log cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// The file is no archive, or no whole one.
    #[error(transparent)]
    Archive(#[from] ArchiveFault),
    /// What it holds is not genuine.
    #[error("the log does not prove what it says, so nothing is learned from it: {0}")]
    Verify(#[from] VerifyFault),
    /// One device's log cannot be folded alone.
    #[error(
        "this is the log of one device; export the ledger at the relay with `cairn log export`, and name that file"
    )]
    OneDevice,
    /// A bundle that verified before does not parse any more.
    #[error("entry {position} changed while the log was read: {fault}")]
    Changed {
        /// Which entry.
        position: u64,
        /// What is wrong with it.
        fault: BundleFault,
    },
}

/// A ledger that can be gone through again and again.
pub trait Ledger: Sync {
    /// Whose it is.
    fn organization(&self) -> OrganizationId;
    /// The relay's key.
    fn relay(&self) -> PublicKey;
    /// Gives every entry, in order.
    fn each(&self, give: &mut dyn FnMut(&Entry)) -> Result<(), LedgerFault>;
}

/// A ledger in memory.
#[derive(Debug, Clone)]
pub struct Held {
    pub(crate) organization: OrganizationId,
    pub(crate) relay: PublicKey,
    pub(crate) entries: Vec<Entry>,
    pub(crate) checkpoint: Checkpoint,
}

impl Held {
    /// Its entries.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes it as `cairn log export` would, for whoever checks the lab.
    pub fn export<W: Write>(&self, output: W) -> io::Result<W> {
        let header = Header {
            organization: self.organization,
            relay: self.relay,
            subject: Subject::Ledger,
        };
        let mut writer = Writer::new(output, &header)?;
        for entry in &self.entries {
            writer.entry(entry.position, entry.received, entry.bundle.bytes())?;
        }
        writer.checkpoint(&self.checkpoint)?;
        writer.finish()
    }
}

impl Ledger for Held {
    fn organization(&self) -> OrganizationId {
        self.organization
    }

    fn relay(&self) -> PublicKey {
        self.relay
    }

    fn each(&self, give: &mut dyn FnMut(&Entry)) -> Result<(), LedgerFault> {
        self.entries.iter().for_each(give);
        Ok(())
    }
}

/// An exported ledger, read anew each time: one bundle is held at a time.
#[derive(Debug)]
pub struct Archived<O> {
    open: O,
    header: Header,
}

impl<O, R> Archived<O>
where
    O: Fn() -> io::Result<R>,
    R: Read,
{
    /// Checks every signature and hash once. `open` opens the same bytes each
    /// time.
    pub fn new(open: O) -> Result<Archived<O>, LedgerFault> {
        let mut reader = Reader::new(open().map_err(LedgerFault::Open)?)?;
        if reader.header().subject != Subject::Ledger {
            return Err(LedgerFault::OneDevice);
        }
        verify_archive(&mut reader)?;
        let header = reader.header().clone();
        Ok(Archived { open, header })
    }
}

impl<O, R> Ledger for Archived<O>
where
    O: Fn() -> io::Result<R> + Sync,
    R: Read,
{
    fn organization(&self) -> OrganizationId {
        self.header.organization
    }

    fn relay(&self) -> PublicKey {
        self.header.relay
    }

    fn each(&self, give: &mut dyn FnMut(&Entry)) -> Result<(), LedgerFault> {
        let mut reader = Reader::new((self.open)().map_err(LedgerFault::Open)?)?;
        while let Some(frame) = reader.next_frame()? {
            if let Frame::Entry {
                position,
                received,
                bundle,
            } = frame
            {
                let changed = |fault| LedgerFault::Changed { position, fault };
                give(&Entry {
                    position,
                    received,
                    bundle: Parsed::parse(bundle).map_err(changed)?.trust_own_storage(),
                });
            }
        }
        Ok(())
    }
}
