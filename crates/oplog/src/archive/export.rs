//! Logs from storage into archives.

use super::{Header, Subject, Writer};
use crate::ledger::Checkpoint;
use crate::ledger_log;
use crate::storage::{Storage, StorageError, Table};
use cairn_model::{OrganizationId, PublicKey};
use std::io::{self, Write};

/// Entries or bundles held at a time.
const STEP: usize = 64;

/// Why a log was not exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The archive cannot be written.
    #[error("the archive cannot be written: {0}; what there is of it is of no use")]
    Write(#[from] io::Error),
}

/// Writes the ledger up to `checkpoint`, which must be of its durable part.
/// Gives back the output and the number of entries.
pub fn export_ledger<W: Write>(
    organization: OrganizationId,
    relay: PublicKey,
    checkpoint: &Checkpoint,
    storage: &dyn Storage,
    output: W,
) -> Result<(W, u64), ExportError> {
    let header = Header {
        organization,
        relay,
        subject: Subject::Ledger,
    };
    let mut writer = Writer::new(output, &header)?;
    let mut next = 1;
    while next <= checkpoint.position {
        let left = checkpoint.position - next + 1;
        let limit = usize::try_from(left).map_or(STEP, |left| left.min(STEP));
        let found = ledger_log::entries(next, limit, storage)?;
        if found.first().map(|stored| stored.entry.position) != Some(next) {
            let key = next.to_be_bytes();
            return Err(StorageError::corrupt(Table::Ledger, &key, "it is missing").into());
        }
        for entry in found.into_iter().map(|stored| stored.entry) {
            if entry.position != next {
                break;
            }
            writer.entry(next, entry.received, entry.bundle.bytes())?;
            next += 1;
        }
    }
    writer.checkpoint(checkpoint)?;
    Ok((writer.finish()?, checkpoint.position))
}

/// Writes every sealed bundle of a device's log. The caller seals the tail
/// first. Gives back the output and the number of bundles.
pub fn export_device_log<W: Write>(
    header: &Header,
    storage: &dyn Storage,
    output: W,
) -> Result<(W, u64), ExportError> {
    let mut writer = Writer::new(output, header)?;
    let mut from = Vec::new();
    let mut count = 0;
    loop {
        let found = storage.range(Table::Bundles, &from, STEP)?;
        let Some((last, _)) = found.last() else { break };
        from = last.clone();
        from.push(0);
        for (_, bundle) in &found {
            writer.bundle(bundle)?;
            count += 1;
        }
    }
    Ok((writer.finish()?, count))
}
