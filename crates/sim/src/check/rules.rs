//! The relay's state is what the reference makes of its ledger.

use super::agreement::difference;
use super::judged::{Judged, entries};
use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::Reference;
use crate::trace::Event;
use crate::world::View;
use cairn_model::{Timestamp, Version};

/// Verdicts, records, journal and issues of the relay are what the whole of
/// it, said again, makes of the ledger's bytes.
#[derive(Debug, Default)]
pub struct Rules {
    judged: Judged,
    marks: Marks,
}

impl Rules {
    /// Of a fold.
    pub fn of(judged: Judged) -> Rules {
        Rules {
            judged,
            ..Rules::default()
        }
    }
}

impl Checker for Rules {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(state) = self.judged.state(view) else {
            return Ok(());
        };
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let mut reference = Reference::new(view.organization(), view.relay().key());
        let said = |version: Version| state.verdict(version).rejected.map(|code| code.code());
        for (_, entry) in entries(view) {
            reference.take_in(Timestamp(entry.received), &entry.bundle, &said);
        }
        match difference(&reference, &state) {
            Some(words) => violation(self, view, Some(Host::Relay), words),
            None => Ok(()),
        }
    }
}
