//! Looks back: the state as of an earlier version, and the signed operations
//! behind a record.

use crate::machine::Relay;
use crate::seen::Reader;
use cairn_model::{Operation, OrganizationId, PublicKey, RecordId, Timestamp, Version};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::ledger_log::{self, StoredEntry};
use cairn_oplog::{Storage, StorageError};
use cairn_projection::State;
use cairn_proto::HistoryEntry;
use cairn_proto::limit::{HISTORY_BYTES_MAX, HISTORY_ENTRIES_MAX};
use std::sync::Arc;

/// A moment of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Right after the operation of this version.
    Version(Version),
    /// After everything received up to this time.
    Time(Timestamp),
}

/// The ledger up to where the relay had folded it. Folding it again takes a
/// while, and is done beside the relay, which goes on meanwhile.
pub struct Past {
    organization: OrganizationId,
    relay: PublicKey,
    storage: Arc<dyn Storage>,
    position: u64,
    version: Version,
}

impl Past {
    /// Where it ends.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The state as of a moment: the ledger up to there, folded from the
    /// beginning.
    pub fn as_of(&self, moment: Moment) -> Result<State, StorageError> {
        let mut state = State::new(self.organization, self.relay);
        let last = match moment {
            Moment::Version(version) => version,
            Moment::Time(_) => self.version,
        };
        while state.position() < self.position && state.version() < last {
            for stored in ledger_log::entries(state.position() + 1, 256, &*self.storage)? {
                let later = matches!(moment, Moment::Time(time) if stored.entry.received > time);
                if later || state.version() >= last || state.position() >= self.position {
                    return Ok(state);
                }
                state.fold_until(&stored.entry, last);
            }
        }
        Ok(state)
    }
}

impl Relay {
    /// The ledger as far as it has been folded.
    pub fn past(&self) -> Past {
        Past {
            organization: self.organization,
            relay: self.key(),
            storage: Arc::clone(&self.storage),
            position: self.state.position(),
            version: self.state.version(),
        }
    }

    /// The bundles behind a record after a version, each with only those of the
    /// record's operations shown that the reader may see; and whether that is
    /// all.
    pub fn history_entries(
        &self,
        record: RecordId,
        after: Version,
        reader: Reader<'_>,
    ) -> Result<(Vec<HistoryEntry>, bool), StorageError> {
        let Some(history) = self.state.history(record) else {
            return Ok((Vec::new(), true));
        };
        let head = ledger_log::head(&self.organization, &self.key(), &*self.storage)?;
        let mut shown: Vec<(StoredEntry, Vec<Version>)> = Vec::new();
        let mut at_hand: Option<StoredEntry> = None;
        let mut bytes = 0;
        for version in history.touched.iter().filter(|version| **version > after) {
            let known = at_hand.take().filter(|stored| has(stored, *version));
            let stored = match known {
                Some(stored) => Some(stored),
                None => ledger_log::entry_of_version(version.0, &head, &*self.storage)?,
            };
            let Some(stored) = stored else { continue };
            let is_shown = operation(&stored, *version)
                .is_some_and(|operation| self.shows_operation(reader, &operation));
            if is_shown {
                let is_full = shown.len() == HISTORY_ENTRIES_MAX || bytes > HISTORY_BYTES_MAX;
                match shown.last_mut().filter(|(last, _)| has(last, *version)) {
                    Some((_, versions)) => versions.push(*version),
                    None if is_full => {
                        return Ok((self.history_of(&shown), false));
                    }
                    None => {
                        bytes += stored.entry.bundle.bytes().len();
                        shown.push((stored.clone(), vec![*version]));
                    }
                }
            }
            at_hand = Some(stored);
        }
        Ok((self.history_of(&shown), true))
    }

    fn history_of(&self, shown: &[(StoredEntry, Vec<Version>)]) -> Vec<HistoryEntry> {
        let entry =
            |(stored, versions): &(StoredEntry, Vec<Version>)| self.history_entry(stored, versions);
        shown.iter().map(entry).collect()
    }

    fn history_entry(&self, stored: &StoredEntry, versions: &[Version]) -> HistoryEntry {
        let keep = |index: usize| versions.contains(&Version(stored.first_version + index as u64));
        HistoryEntry {
            position: stored.entry.position,
            received: stored.entry.received,
            first_version: Version(stored.first_version),
            bundle: stored.entry.bundle.redacted(keep),
            verdicts: versions
                .iter()
                .map(|version| (*version, self.state.verdict(*version).rejected))
                .collect(),
            settled: versions
                .iter()
                .find_map(|version| self.state.issue_of(*version)?.settled)
                .map(|(outcome, _)| outcome),
        }
    }
}

/// Whether a bundle has the operation of a version.
fn has(stored: &StoredEntry, version: Version) -> bool {
    let first = stored.first_version;
    (first..first + stored.entry.bundle.slots().len() as u64).contains(&version.0)
}

fn operation(stored: &StoredEntry, version: Version) -> Option<Operation> {
    let at = version.0.checked_sub(stored.first_version)?;
    match stored.entry.bundle.slots().get(at as usize)? {
        Slot::Whole(bytes) => decode_operation(bytes).ok(),
        Slot::Withheld(_) => None,
    }
}
