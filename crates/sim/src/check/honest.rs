//! Nobody honest is taken for a liar.

use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::trace::Event;
use crate::world::View;

/// A device that only its owner uses writes one log, whatever crashes, is
/// wiped or is restored from a backup: the ledger has no evidence against it,
/// and none of its operations is rejected for where it stands in its log.
#[derive(Debug, Default)]
pub struct Honest {
    marks: Marks,
}

impl Checker for Honest {
    fn name(&self) -> &'static str {
        "honest"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(relay) = view.relay().machine() else {
            return Ok(());
        };
        // A relay set back to last week has not what its devices sent since.
        if self.marks.is_set_back(Host::Relay) || self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let state = relay.state();
        for device in view.devices() {
            let host = Host::Device(device.number());
            let id = device.key().device();
            let known = state.author(&id).and_then(|author| state.device(author));
            if self.marks.is_shared(host) || self.marks.is_rotten(host) {
                continue;
            }
            if let Some(version) = known.and_then(|known| known.quarantined) {
                let words = format!("its log counts as written twice since operation {version}");
                return violation(self, view, Some(host), words);
            }
            let own = state
                .issues()
                .iter()
                .filter(|issue| issue.operation.log.device == id);
            let mut of_log = own.filter(|issue| issue.code.code().starts_with("log."));
            if let Some(issue) = of_log.next() {
                let (version, code) = (issue.version, issue.code.code());
                let words = format!("its operation {version} was rejected with {code}");
                return violation(self, view, Some(host), words);
            }
        }
        Ok(())
    }
}
