//! What the relay shows under the policy on trial, and who wrote what on what
//! they had seen.

use crate::scribe::Scribe;
use cairn_model::{Change, FieldId, RecordId, Version};
use cairn_oplog::Entry;
use cairn_projection::{State, Trial};
use std::collections::BTreeMap;

/// A field of a record, or its life.
pub(super) type Key = (RecordId, Option<FieldId>);

/// The fold, and the writers.
pub(super) struct Folded {
    state: State,
    writers: BTreeMap<Key, Vec<Writer>>,
}

struct Writer {
    version: Version,
    base: Version,
    person: usize,
}

impl Folded {
    pub(super) fn new(scribe: &Scribe, trial: Trial) -> Folded {
        Folded {
            state: State::on_trial(scribe.organization(), scribe.relay(), trial),
            writers: BTreeMap::new(),
        }
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Folds what is new.
    pub(super) fn fold(&mut self, entries: &[Entry]) {
        for entry in &entries[self.state.position() as usize..] {
            self.state.fold(entry);
        }
    }

    /// Notes who wrote.
    pub(super) fn note(
        &mut self,
        version: Version,
        base: Version,
        person: usize,
        record: RecordId,
        change: &Change,
    ) {
        let fields = change.writes().iter().map(|(field, _)| Some(*field));
        let life = matches!(change, Change::Delete | Change::Restore).then_some(None);
        for field in fields.chain(life) {
            let writers = self.writers.entry((record, field)).or_default();
            writers.push(Writer {
                version,
                base,
                person,
            });
        }
    }

    /// Whether somebody else replaced a write though they had seen it.
    pub(super) fn is_deliberate(&self, key: Key, version: Version, person: usize) -> bool {
        let writers = self.writers.get(&key).map_or(&[][..], Vec::as_slice);
        let after = writers.partition_point(|writer| writer.version <= version);
        let others = writers[after..].iter();
        others
            .filter(|writer| writer.person != person)
            .any(|writer| writer.base >= version)
    }
}
