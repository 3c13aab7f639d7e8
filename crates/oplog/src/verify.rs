//! Logs checked from their bytes alone.
//!
//! A ledger proves itself: the relay's key is known from the start, every
//! other key is taught by an enrolment in the relay's own log, every bundle is
//! signed by its device, and the whole is what the relay's checkpoint signs
//! for. Nothing is folded here: what the operations say is not judged.
//!
//! Two bundles of one device log that contradict each other are no fault of
//! the ledger. Their signatures are the proof that the device, or whoever has
//! its key, wrote its log twice, and the ledger is where such a proof is kept.
//! They are counted.

mod device;

pub use device::DeviceVerifier;

use crate::archive::{ArchiveFault, Frame, Reader, Subject};
use crate::bundle::{BundleFault, LogHead, Parsed, Slot, Verified, decode_operation};
use crate::ledger::{Checkpoint, LedgerHead};
use cairn_model::{Action, DeviceId, Hash, LogId, OrganizationId, PublicKey, Timestamp};
use std::collections::BTreeMap;
use std::io::Read;

/// What a log that was checked holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Entries of a ledger, or bundles of a device log.
    pub entries: u64,
    /// Operations in them; in a ledger, the version of the last one.
    pub operations: u64,
    /// Devices that a ledger enrols, the relay not counted; 1 for a device log.
    pub devices: u64,
    /// Bundles that a ledger holds twice. They change nothing.
    pub duplicates: u64,
    /// Bundles that contradict what their device had signed before.
    pub equivocations: u64,
    /// The chain head at the end.
    pub head: Hash,
}

/// Why a log is not what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyFault {
    /// The archive itself is not whole.
    #[error(transparent)]
    Archive(#[from] ArchiveFault),
    /// A position was left out, or comes twice.
    #[error(
        "entry {found} stands where entry {expected} belongs: entries were removed, swapped or doubled"
    )]
    Position {
        /// Which belongs there.
        expected: u64,
        /// Which stands there.
        found: u64,
    },
    /// Received before the entry before it.
    #[error(
        "entry {position} was received at {received}, before the entry before it: its time was changed"
    )]
    Received {
        /// Which entry.
        position: u64,
        /// What it says.
        received: Timestamp,
    },
    /// A bundle is none, or is not signed by its device.
    #[error("the bundle of entry {position} is not genuine: {fault}")]
    Bundle {
        /// Which entry, or bundle of a device log, from 1.
        position: u64,
        /// What is wrong with it.
        fault: BundleFault,
    },
    /// A bundle is of a device that was not enrolled before it.
    #[error("entry {position} is of device {}, which no entry before it enrols", log.device)]
    UnknownDevice {
        /// Which entry.
        position: u64,
        /// Whose log it is of.
        log: LogId,
    },
    /// A bundle of another device, in a device log.
    #[error("bundle {position} is of log {log}, and the archive of device {device}")]
    OtherDevice {
        /// Which bundle.
        position: u64,
        /// Whose log it is of.
        log: LogId,
        /// Whose archive this is.
        device: DeviceId,
    },
    /// Operations were withheld.
    #[error("the bundle of entry {position} has operations withheld; a whole log is needed")]
    Withheld {
        /// Which entry, or bundle of a device log.
        position: u64,
    },
    /// A log goes on too far along.
    #[error(
        "entry {position} goes on at {found} in log {log}, which is at {expected}: entries are missing"
    )]
    Gap {
        /// Which entry, or bundle of a device log.
        position: u64,
        /// Which log.
        log: LogId,
        /// The next sequence of it.
        expected: u64,
        /// What the bundle starts with.
        found: u64,
    },
    /// A device log does not continue itself.
    #[error(
        "bundle {position} does not continue log {log}: bundles were removed, swapped or doubled"
    )]
    Discontinued {
        /// Which bundle.
        position: u64,
        /// Which log.
        log: LogId,
    },
    /// The checkpoint is not the relay's.
    #[error("the checkpoint at position {position} is not signed by relay {relay}")]
    CheckpointSignature {
        /// Where it claims to be.
        position: u64,
        /// Whose it should be.
        relay: PublicKey,
    },
    /// The checkpoint is of another ledger than the entries.
    #[error(
        "the checkpoint is of position {signed} with head {signed_head}, and the entries end at {found} with head {found_head}: entries were changed, removed or added"
    )]
    Checkpoint {
        /// The position that the relay signed.
        signed: u64,
        /// The head that it signed.
        signed_head: Hash,
        /// Where the entries end.
        found: u64,
        /// The head they give.
        found_head: Hash,
    },
}

/// Checks a ledger, entry by entry. Holds 56 bytes for each, to tell a
/// bundle that comes twice from one that contradicts another.
#[derive(Debug)]
pub struct LedgerVerifier {
    organization: OrganizationId,
    relay: PublicKey,
    head: LedgerHead,
    keys: BTreeMap<DeviceId, PublicKey>,
    logs: BTreeMap<LogId, Log>,
    duplicates: u64,
    equivocations: u64,
}

/// One device log, as far as the ledger has shown it.
#[derive(Debug)]
struct Log {
    head: LogHead,
    /// The head after each bundle that continued it, by its first sequence.
    heads: BTreeMap<u64, Hash>,
}

impl LedgerVerifier {
    /// Of the ledger of `organization` that `relay` keeps.
    pub fn new(organization: OrganizationId, relay: PublicKey) -> LedgerVerifier {
        LedgerVerifier {
            organization,
            relay,
            head: LedgerHead::genesis(&organization, &relay),
            keys: BTreeMap::from([(relay.device(), relay)]),
            logs: BTreeMap::new(),
            duplicates: 0,
            equivocations: 0,
        }
    }

    /// Checks the next entry. After a fault the ledger is refused as a whole.
    pub fn entry(
        &mut self,
        position: u64,
        received: Timestamp,
        bundle: &[u8],
    ) -> Result<(), VerifyFault> {
        let expected = self.head.position + 1;
        if position != expected {
            let found = position;
            return Err(VerifyFault::Position { expected, found });
        }
        if received < self.head.received {
            return Err(VerifyFault::Received { position, received });
        }
        let bundle = self.genuine(position, bundle)?;
        if self.continues(position, &bundle)? && bundle.log().device == self.relay.device() {
            self.learn_keys(&bundle);
        }
        let operations = bundle.slots().len() as u64;
        self.head = self.head.after(received, bundle.bytes(), operations);
        Ok(())
    }

    /// Compares the end with the relay's word for it.
    pub fn finish(self, checkpoint: &Checkpoint) -> Result<Summary, VerifyFault> {
        if !checkpoint.verifies(&self.organization, &self.relay) {
            return Err(VerifyFault::CheckpointSignature {
                position: checkpoint.position,
                relay: self.relay,
            });
        }
        if (checkpoint.position, checkpoint.head) != (self.head.position, self.head.head) {
            return Err(VerifyFault::Checkpoint {
                signed: checkpoint.position,
                signed_head: checkpoint.head,
                found: self.head.position,
                found_head: self.head.head,
            });
        }
        Ok(Summary {
            entries: self.head.position,
            operations: self.head.version,
            devices: self.keys.len() as u64 - 1,
            duplicates: self.duplicates,
            equivocations: self.equivocations,
            head: self.head.head,
        })
    }

    fn genuine(&self, position: u64, bundle: &[u8]) -> Result<Verified, VerifyFault> {
        let not_genuine = |fault| VerifyFault::Bundle { position, fault };
        let parsed = Parsed::parse(bundle).map_err(not_genuine)?;
        let log = parsed.log();
        let key = self.keys.get(&log.device);
        let key = key.ok_or(VerifyFault::UnknownDevice { position, log })?;
        let bundle = parsed
            .verify(&self.organization, key)
            .map_err(not_genuine)?;
        whole(position, bundle)
    }

    /// Moves the bundle's log on; `false` if the bundle comes twice, or
    /// contradicts the log.
    fn continues(&mut self, position: u64, bundle: &Verified) -> Result<bool, VerifyFault> {
        let id = bundle.log();
        let log = self.logs.entry(id).or_insert_with(|| Log {
            head: LogHead::genesis(&self.organization, &id),
            heads: BTreeMap::new(),
        });
        let (expected, found) = (log.head.sequence + 1, bundle.first());
        if found > expected {
            return Err(VerifyFault::Gap {
                position,
                log: id,
                expected,
                found,
            });
        }
        let continues = found == expected && bundle.previous() == log.head.head;
        if continues {
            log.head = bundle.head();
            log.heads.insert(found, bundle.head().head);
        } else if log.heads.get(&found) == Some(&bundle.head().head) {
            self.duplicates += 1;
        } else {
            self.equivocations += 1;
        }
        Ok(continues)
    }

    /// An operation that cannot be read enrols nobody, and is no fault here.
    fn learn_keys(&mut self, bundle: &Verified) {
        for slot in bundle.slots() {
            let Slot::Whole(bytes) = slot else { continue };
            let operation = decode_operation(bytes).map(|operation| operation.action);
            if let Ok(Action::Enrol { key, .. }) = operation {
                self.keys.insert(key.device(), key);
            }
        }
    }
}

fn whole(position: u64, bundle: Verified) -> Result<Verified, VerifyFault> {
    let is_whole = |slot: &Slot| matches!(slot, Slot::Whole(_));
    if bundle.slots().iter().all(is_whole) {
        Ok(bundle)
    } else {
        Err(VerifyFault::Withheld { position })
    }
}

/// Checks the rest of an archive, whatever it holds. The caller compares the
/// organization and the relay's key in its header with what it knows: an
/// archive cannot prove whose it should be.
pub fn verify_archive<R: Read>(archive: &mut Reader<R>) -> Result<Summary, VerifyFault> {
    let header = archive.header().clone();
    match header.subject {
        Subject::Ledger => verify_ledger(header.organization, header.relay, archive),
        Subject::Device { key, .. } => device::verify(header.organization, key, archive),
    }
}

fn verify_ledger<R: Read>(
    organization: OrganizationId,
    relay: PublicKey,
    archive: &mut Reader<R>,
) -> Result<Summary, VerifyFault> {
    let mut verifier = LedgerVerifier::new(organization, relay);
    let mut checkpoint = None;
    while let Some(frame) = archive.next_frame()? {
        match frame {
            Frame::Entry {
                position,
                received,
                bundle,
            } => verifier.entry(position, received, &bundle)?,
            Frame::Checkpoint(signed) => checkpoint = Some(signed),
            Frame::Bundle(_) => unreachable!("the reader gives a ledger's frames"),
        }
    }
    let checkpoint = checkpoint.expect("the reader gives every ledger its checkpoint");
    verifier.finish(&checkpoint)
}
