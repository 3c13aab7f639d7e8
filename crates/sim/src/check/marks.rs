//! Whom something has happened to that excuses what would otherwise be wrong.

use crate::host::Host;
use crate::trace::{Event, What};
use crate::world::View;
use std::collections::BTreeSet;

/// Hosts by what has happened to them.
#[derive(Debug, Default)]
pub(super) struct Marks {
    rotten: BTreeSet<Host>,
    set_back: BTreeSet<Host>,
    misused: BTreeSet<Host>,
    copied: BTreeSet<Host>,
    deceived: BTreeSet<Host>,
}

impl Marks {
    pub(super) fn note(&mut self, event: &Event, view: &View<'_>) {
        let Some(host) = event.host else { return };
        match &event.what {
            What::Disk { .. } if is_rotten(view, host) => drop(self.rotten.insert(host)),
            What::Restored { .. } | What::Wiped => drop(self.set_back.insert(host)),
            What::Hostile { .. } => {
                let named = view.devices().map(|device| Host::Device(device.number()));
                match host {
                    Host::Relay => self.misused.extend(named),
                    device => drop(self.misused.insert(device)),
                }
            }
            What::Cloned { of } => self.copied.extend([host, Host::Device(*of)]),
            What::Face { .. } => drop(self.deceived.insert(host)),
            _ => {}
        }
    }

    /// Whether a value it had stored can no longer be read.
    pub(super) fn is_rotten(&self, host: Host) -> bool {
        self.rotten.contains(&host)
    }

    /// Whether what it has stored was once replaced by something older.
    pub(super) fn is_set_back(&self, host: Host) -> bool {
        self.set_back.contains(&host)
    }

    /// Whether somebody else has used its key.
    pub(super) fn is_misused(&self, host: Host) -> bool {
        self.misused.contains(&host)
    }

    /// Whether somebody else has used its key, or there is a copy of it.
    pub(super) fn is_shared(&self, host: Host) -> bool {
        self.misused.contains(&host) || self.copied.contains(&host)
    }

    /// Whether the relay has not told it the truth.
    pub(super) fn is_deceived(&self, host: Host) -> bool {
        self.deceived.contains(&host)
    }
}

fn is_rotten(view: &View<'_>, host: Host) -> bool {
    match host {
        Host::Relay => view.relay().store().is_rotten(),
        Host::Device(number) => view.device(number).is_some_and(|d| d.store().is_rotten()),
    }
}
