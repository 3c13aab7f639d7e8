//! The fold that is judged: the relay's own, or a known-bad one over the same
//! ledger.

use super::stored;
use crate::reference::bytes::{Bundle, StoredEntry};
use crate::world::View;
use cairn_model::{Hash, LogId, Operation, Timestamp, Version, codec};
use cairn_oplog::bundle::{LogHead, seal};
use cairn_oplog::{Entry, Parsed, SecretKey};
use cairn_projection::State;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// An operation before it is folded, to be told otherwise.
#[derive(Debug)]
pub struct Told {
    /// Its version.
    pub version: Version,
    /// When it was received.
    pub received: Timestamp,
    /// When the entry before was received.
    pub before: Option<Timestamp>,
    /// What it is.
    pub operation: Operation,
}

/// Which fold is judged.
#[derive(Debug, Clone, Copy, Default)]
pub enum Judged {
    /// The relay's own.
    #[default]
    Product,
    /// One that hears every operation otherwise than it was told: where the
    /// fold of a known-bad variant would go wrong, its input does.
    Retold(fn(&mut Told)),
    /// One whose outcome is taken for the relay's after this was done to it.
    Entries(fn(Vec<Entry>) -> Vec<Entry>),
}

/// The ledger's entries, as bytes say.
pub(super) fn entries(view: &View<'_>) -> Vec<(u64, StoredEntry)> {
    stored::ledger(&**view.relay().store())
}

/// An entry for the product's fold.
pub(super) fn entry(position: u64, stored: &StoredEntry) -> Option<Entry> {
    Some(Entry {
        position,
        received: Timestamp(stored.received),
        bundle: Parsed::parse(stored.bundle.clone())
            .ok()?
            .trust_own_storage(),
    })
}

/// The product's fold over entries, from nothing.
pub(super) fn folded(view: &View<'_>, entries: &[Entry]) -> State {
    let mut state = State::new(view.organization(), view.relay().key());
    for entry in entries {
        state.fold(entry);
    }
    state
}

impl Judged {
    /// The state to judge; `None` while the relay is down.
    pub(super) fn state<'a>(&self, view: &View<'a>) -> Option<Cow<'a, State>> {
        let product = view.relay().machine()?.state();
        let own = || {
            entries(view)
                .into_iter()
                .filter_map(|(at, stored)| entry(at, &stored))
        };
        match self {
            Judged::Product => Some(Cow::Borrowed(product)),
            _ => Some(Cow::Owned(self.fold(view, own().collect()))),
        }
    }

    /// What this fold makes of entries, from nothing.
    pub(super) fn fold(&self, view: &View<'_>, entries: Vec<Entry>) -> State {
        match self {
            Judged::Product => folded(view, &entries),
            Judged::Retold(tell) => folded(view, &retold(view, entries, *tell)),
            Judged::Entries(change) => folded(view, &change(entries)),
        }
    }
}

fn retold(view: &View<'_>, entries: Vec<Entry>, tell: fn(&mut Told)) -> Vec<Entry> {
    let key = SecretKey::from_seed(&[0; 32]);
    let mut heads: BTreeMap<Hash, LogHead> = BTreeMap::new();
    let mut version = Version(0);
    let mut last = None;
    entries
        .into_iter()
        .map(|mut entry| {
            let before = last.replace(entry.received);
            let Some(bundle) = Bundle::read(entry.bundle.bytes()) else {
                return entry;
            };
            let operations = bundle.operations.iter().flatten().map(|bytes| {
                version = version.next();
                let Ok(operation) = codec::decode("operation", bytes) else {
                    return bytes.clone();
                };
                let mut told = Told {
                    version,
                    received: entry.received,
                    before,
                    operation,
                };
                tell(&mut told);
                entry.received = told.received;
                codec::encode(&told.operation)
            });
            let operations: Vec<Vec<u8>> = operations.collect();
            let at = heads.get(&bundle.previous).copied().unwrap_or(LogHead {
                sequence: bundle.first - 1,
                head: bundle.previous,
            });
            let log = LogId {
                device: bundle.device,
                generation: bundle.generation,
            };
            entry.bundle = seal(&view.organization(), log, &at, operations, &key);
            heads.insert(bundle.head(), entry.bundle.head());
            entry
        })
        .collect()
}
