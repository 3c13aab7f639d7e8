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
    /// What became of the ledger so far takes all that may be held.
    #[error(
        "at entry {position} of the log the lab held {} MiB and may hold {}: the log and what the policies make of it do not fit; fold fewer at a time (--jobs 1), let it hold more (--memory), or use a larger machine",
        held >> 20, budget >> 20
    )]
    Memory {
        /// The entry that was read last.
        position: u64,
        /// Bytes that were held then.
        held: u64,
        /// … and that may be.
        budget: u64,
    },
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

/// How much may be held while a ledger is gone through. A program that is
/// killed for what it holds says nothing; one that stops before says why.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Bytes.
    pub bytes: u64,
    /// How many the program holds now, where its shell can tell.
    pub held: fn() -> Option<u64>,
}

/// Bytes of a log after which the budget is looked at again.
const LOOK_EVERY_BYTES: usize = 1024 * 1024;

impl Budget {
    fn check(&self, position: u64) -> Result<(), LedgerFault> {
        match (self.held)().filter(|held| *held > self.bytes) {
            Some(held) => Err(LedgerFault::Memory {
                position,
                held,
                budget: self.bytes,
            }),
            None => Ok(()),
        }
    }
}

/// An exported ledger, read anew each time: one bundle is held at a time.
#[derive(Debug)]
pub struct Archived<O> {
    open: O,
    header: Header,
    budget: Option<Budget>,
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
        Ok(Archived {
            open,
            header,
            budget: None,
        })
    }

    /// Stops where more is held than `budget` allows.
    pub fn within(self, budget: Option<Budget>) -> Archived<O> {
        Archived { budget, ..self }
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
        let mut read = 0;
        while let Some(frame) = reader.next_frame()? {
            if let Frame::Entry {
                position,
                received,
                bundle,
            } = frame
            {
                read += bundle.len();
                if let Some(budget) = self.budget.filter(|_| read > LOOK_EVERY_BYTES) {
                    budget.check(position)?;
                    read = 0;
                }
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
