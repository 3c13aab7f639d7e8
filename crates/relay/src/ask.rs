//! What an administrator asks about scopes: why somebody holds a record or
//! not, what a draft would change, and which definitions there were.

use crate::machine::Relay;
use cairn_model::{Action, Definition, LogId, PublicKey, RecordId, Timestamp, TypeId, Version};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::ledger_log::{self, StoredEntry};
use cairn_oplog::{Storage, StorageError};
use cairn_projection::Code;
use cairn_projection::page::Page;
use cairn_scope::{Engine, Explanation, Preview};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Records of a type that are packed to see how much smaller that makes them:
/// a page or two.
const PACKED: usize = 512;
/// Operations of the relay's own log that are read at a time.
const READ_AT_A_TIME: u64 = 4_096;

/// How many bytes records of a type have, and how many as they travel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packed {
    /// Bytes of their images.
    pub plain: u64,
    /// Bytes of the pages they are packed into.
    pub packed: u64,
}

/// What a draft would change, and how well its records pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// What would change.
    pub preview: Preview,
    /// Of the types in it, some records packed.
    pub packed: BTreeMap<TypeId, Packed>,
}

/// A definition that took effect.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// The version of the operation that made it whole.
    pub version: Version,
    /// When the relay took it in.
    pub received: Timestamp,
    /// The definition from then on.
    pub definition: Definition,
}

/// The publications up to where the relay had folded the ledger. Reading them
/// takes a while, and is done beside the relay, which goes on meanwhile.
pub struct Publications {
    relay: PublicKey,
    storage: Arc<dyn Storage>,
    version: Version,
    refused: BTreeSet<Version>,
}

impl Relay {
    /// Why `user` holds a record at `now`, or what keeps it out.
    pub fn explain(&self, now: Timestamp, user: &str, record: RecordId) -> Explanation {
        let scopes = self.scopes.at(&self.state, now);
        scopes.explain(&self.state, user, record)
    }

    /// What `draft` would change for `users` at `now`.
    pub fn preview(&self, now: Timestamp, draft: &Definition, users: &[String]) -> Outlook {
        let scopes = self.scopes.at(&self.state, now);
        let preview = scopes.preview(&self.state, draft, users);
        let types = preview.users.iter().flat_map(|user| &user.types);
        let types: BTreeSet<TypeId> = types.map(|of_type| of_type.record_type).collect();
        let packed = types.into_iter().map(|id| (id, self.packed(&scopes, id)));
        Outlook {
            packed: packed.collect(),
            preview,
        }
    }

    fn packed(&self, scopes: &Engine, record_type: TypeId) -> Packed {
        let records = scopes.records_of(record_type).iter().take(PACKED);
        let records = records.filter_map(|ordinal| self.state.record(scopes.record(ordinal)));
        let images: Vec<_> = records
            .map(|record| (record.id, record_type, record.to_image()))
            .collect();
        let plain = images.iter().map(|(_, _, image)| image.len() as u64).sum();
        let pages = Page::pack_all(images);
        Packed {
            plain,
            packed: pages.iter().map(|page| page.body.len() as u64).sum(),
        }
    }

    /// The definitions there were.
    pub fn publications(&self) -> Publications {
        let refused = self.state.issues().iter();
        let refused = refused.filter(|issue| issue.code == Code::PublishRefused);
        Publications {
            relay: self.key(),
            storage: Arc::clone(&self.storage),
            version: self.state.version(),
            refused: refused.map(|issue| issue.version).collect(),
        }
    }
}

impl Publications {
    /// Up to which version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Hands each to `take`, oldest first.
    pub fn read(&self, mut take: impl FnMut(&Publication)) -> Result<(), StorageError> {
        let log = LogId {
            device: self.relay.device(),
            generation: 0,
        };
        let end = ledger_log::furthest(&log, &*self.storage)?;
        let last = end.map_or(0, |end| end.sequence);
        let mut told = Publication {
            version: Version(0),
            received: Timestamp(0),
            definition: Definition::default(),
        };
        let mut draft = Vec::new();
        let mut first = 1;
        while first <= last {
            let until = first + READ_AT_A_TIME - 1;
            for stored in ledger_log::entries_over(&log, first, until, &*self.storage)? {
                for (version, action) in self.published(&stored, first, until) {
                    let Action::Publish {
                        base,
                        changes,
                        more,
                    } = action
                    else {
                        continue;
                    };
                    if base != told.definition.number || self.refused.contains(&version) {
                        draft.clear();
                        continue;
                    }
                    draft.extend(changes);
                    if more {
                        continue;
                    }
                    if let Ok(next) = told.definition.changed(&std::mem::take(&mut draft)) {
                        told = Publication {
                            version,
                            received: stored.entry.received,
                            definition: next,
                        };
                        take(&told);
                    }
                }
            }
            first = until + 1;
        }
        Ok(())
    }

    /// The operations of an entry with a sequence from `first` to `until`.
    fn published(&self, stored: &StoredEntry, first: u64, until: u64) -> Vec<(Version, Action)> {
        let bundle = &stored.entry.bundle;
        let slots = (0..).zip(bundle.slots());
        let asked = slots.filter(|(index, _)| (first..=until).contains(&(bundle.first() + index)));
        let decoded = asked.filter_map(|(index, slot)| {
            let version = Version(stored.first_version + index);
            let Slot::Whole(bytes) = slot else {
                return None;
            };
            let operation = decode_operation(bytes).ok()?;
            (version <= self.version).then_some((version, operation.action))
        });
        decoded.collect()
    }
}
