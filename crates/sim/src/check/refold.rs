//! One ledger, one state: folded entry by entry, from nothing, from a
//! checkpoint, and after every restart.

use super::judged::{entries, entry, folded};
use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::trace::{Event, What};
use crate::world::View;
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::storage::{Batch, Durability, Storage};
use cairn_oplog::{Entry, StorageError};
use cairn_projection::State;
use cairn_projection::page::Pages;

/// What the relay holds is what a fold of its whole ledger gives, and what a
/// fold gives that was laid down in a checkpoint half way and taken up again.
#[derive(Debug, Default)]
pub struct Refold {
    marks: Marks,
}

impl Checker for Refold {
    fn name(&self) -> &'static str {
        "refold"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        if let (What::Started, Some(Host::Relay)) = (&event.what, event.host) {
            return self.relay_is_folded(view);
        }
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        self.relay_is_folded(view)?;
        let entries = self.ledger(view);
        let whole = folded(view, &entries);
        let half = entries.len() / 2;
        let resumed = match resumed(view, &entries, half) {
            Ok(resumed) => resumed,
            Err(error) => {
                let words = format!("the checkpoint after entry {half} cannot be read: {error}");
                return violation(self, view, None, words);
            }
        };
        match difference(&whole, &resumed) {
            Some(what) => {
                let words =
                    format!("{what} differ when folded from a checkpoint after entry {half}");
                violation(self, view, None, words)
            }
            None => Ok(()),
        }
    }
}

impl Refold {
    fn ledger(&self, view: &View<'_>) -> Vec<Entry> {
        let entries = entries(view).into_iter();
        entries
            .filter_map(|(at, stored)| entry(at, &stored))
            .collect()
    }

    fn relay_is_folded(&self, view: &View<'_>) -> Result<(), Violation> {
        let Some(relay) = view.relay().machine() else {
            return Ok(());
        };
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let entries = self.ledger(view);
        let durable = entries.iter().take(relay.state().position() as usize);
        let whole = folded(view, &durable.cloned().collect::<Vec<_>>());
        match difference(relay.state(), &whole) {
            Some(what) => {
                let words = format!("{what} of the relay are not what its ledger folds into");
                violation(self, view, Some(Host::Relay), words)
            }
            None => Ok(()),
        }
    }
}

fn resumed(view: &View<'_>, entries: &[Entry], half: usize) -> Result<State, StorageError> {
    let storage = MemoryStorage::new();
    let mut state = folded(view, &entries[..half]);
    let (mut pages, mut batch) = (Pages::default(), Batch::default());
    state.checkpoint(&mut pages, &storage, &mut batch)?;
    storage.commit(batch, Durability::Synced)?;
    let (mut state, _) = State::load(view.organization(), view.relay().key(), &storage)?;
    for entry in &entries[half..] {
        state.fold(entry);
    }
    Ok(state)
}

/// What of two states differs.
fn difference(one: &State, other: &State) -> Option<&'static str> {
    let differing = [
        ("versions", one.version() != other.version()),
        ("definitions", one.definition() != other.definition()),
        ("devices", one.devices() != other.devices()),
        ("journals", one.journal() != other.journal()),
        ("issues", one.issues() != other.issues()),
        ("records", one.digest() != other.digest()),
    ];
    let first = differing.into_iter().find(|(_, differs)| *differs);
    first.map(|(what, _)| what)
}
