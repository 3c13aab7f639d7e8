//! Revocation is a function of the ledger.

use super::judged::{Judged, entries};
use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::reference::bytes::Bundle;
use crate::trace::{Event, Message, What};
use crate::world::View;
use cairn_model::{Action, DeviceId, Operation, Version, codec};
use std::collections::BTreeMap;

/// What stands behind a device's revocation in the ledger is rejected, what
/// stands before it is not rejected for that, whatever arrived when; and a
/// revoked device is sent no record any more.
#[derive(Debug, Default)]
pub struct Revocation {
    judged: Judged,
    marks: Marks,
    sessions: BTreeMap<u64, u32>,
}

impl Revocation {
    /// By a fold.
    pub fn of(judged: Judged) -> Revocation {
        Revocation {
            judged,
            ..Revocation::default()
        }
    }

    fn sent_to(&self, view: &View<'_>, session: u64) -> Option<(Host, Version)> {
        let number = *self.sessions.get(&session)?;
        let key = view.device(number)?.key();
        let state = view.relay().machine()?.state();
        let device = state.device(state.author(&key.device())?)?;
        Some((Host::Device(number), device.revoked?))
    }
}

impl Checker for Revocation {
    fn name(&self) -> &'static str {
        "revocation"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        match (&event.what, event.host) {
            (What::Connected { session }, Some(Host::Device(device))) => {
                self.sessions.insert(*session, device);
            }
            (
                What::Sent {
                    session, message, ..
                },
                Some(Host::Relay),
            ) => {
                let tells = match message {
                    Message::Page { .. } => true,
                    Message::Changes { images, .. } => *images > 0,
                    _ => false,
                };
                if let Some((host, revoked)) = self.sent_to(view, *session).filter(|_| tells) {
                    let words = format!("it was sent records after it was revoked at {revoked}");
                    return violation(self, view, Some(host), words);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(state) = self.judged.state(view) else {
            return Ok(());
        };
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let relay = view.relay().key().device();
        let mut revoked: BTreeMap<DeviceId, Version> = BTreeMap::new();
        for (_, entry) in entries(view) {
            let Some(bundle) = Bundle::read(&entry.bundle) else {
                continue;
            };
            for (version, bytes) in (entry.first_version..).map(Version).zip(&bundle.operations) {
                let code = state.verdict(version).rejected.map(|code| code.code());
                let says_revoked = code == Some("device.revoked");
                let is_revoked = revoked.contains_key(&bundle.device);
                if says_revoked && !is_revoked || is_revoked && code.is_none() {
                    let words = format!(
                        "operation {version} is {}, and its device was {}revoked before it",
                        code.unwrap_or("admitted"),
                        if is_revoked { "" } else { "not " }
                    );
                    return violation(self, view, Some(Host::Relay), words);
                }
                let operation = bytes
                    .as_ref()
                    .map(|b| codec::decode::<Operation>("operation", b));
                if let Some(Ok(operation)) = operation
                    && let Action::Revoke { device } = operation.action
                    && bundle.device == relay
                    && device != relay
                {
                    revoked.entry(device).or_insert(version);
                }
            }
        }
        Ok(())
    }
}
