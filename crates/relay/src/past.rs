//! Looks back: the state as of an earlier version, and the signed operations
//! behind a record.

use crate::machine::Relay;
use cairn_model::{OrganizationId, PublicKey, RecordId, Timestamp, Version};
use cairn_oplog::{Storage, StorageError, ledger_log};
use cairn_projection::State;
use cairn_proto::HistoryEntry;
use cairn_proto::limit::{HISTORY_BYTES_MAX, HISTORY_ENTRIES_MAX};
use std::collections::BTreeMap;
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

    /// The bundles behind a record after a version, each with only the
    /// record's operations shown; and whether that is all.
    pub fn history_entries(
        &self,
        record: RecordId,
        after: Version,
    ) -> Result<(Vec<HistoryEntry>, bool), StorageError> {
        let Some(history) = self.state.history(record) else {
            return Ok((Vec::new(), true));
        };
        let head = ledger_log::head(&self.organization, &self.key(), &*self.storage)?;
        let mut shown: BTreeMap<u64, (ledger_log::StoredEntry, Vec<Version>)> = BTreeMap::new();
        let mut bytes = 0;
        let mut last = true;
        for version in history.touched.iter().filter(|version| **version > after) {
            let known = shown.last_entry().filter(|entry| {
                let (stored, _) = entry.get();
                version.0 < stored.first_version + stored.entry.bundle.slots().len() as u64
            });
            if let Some(mut known) = known {
                known.get_mut().1.push(*version);
                continue;
            }
            if shown.len() == HISTORY_ENTRIES_MAX || bytes > HISTORY_BYTES_MAX {
                last = false;
                break;
            }
            if let Some(stored) = ledger_log::entry_of_version(version.0, &head, &*self.storage)? {
                bytes += stored.entry.bundle.bytes().len();
                shown.insert(stored.entry.position, (stored, vec![*version]));
            }
        }
        let entries = shown
            .into_values()
            .map(|(stored, versions)| self.history_entry(&stored, &versions))
            .collect();
        Ok((entries, last))
    }

    fn history_entry(
        &self,
        stored: &ledger_log::StoredEntry,
        versions: &[Version],
    ) -> HistoryEntry {
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
