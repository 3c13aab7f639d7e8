//! Watches a run for a report.

use super::Part;
use super::diagram::Diagram;
use super::holdings::Holdings;
use super::lens::Lens;
use crate::check::{Checker, Violation};
use crate::host::Host;
use crate::run::Case;
use crate::trace::{Event, What};
use crate::world::View;
use cairn_model::{DeviceId, RecordId};
use cairn_oplog::ledger_log::{self, StoredEntry};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries of the ledger that are read at a time.
const ENTRIES: usize = 64;

/// Where a host stands in lists of hosts: the relay first, then the devices.
pub(super) fn place(host: Host) -> usize {
    match host {
        Host::Relay => 0,
        Host::Device(number) => number as usize + 1,
    }
}

/// Whose log it is, by the place of a host. A copy of a device has its
/// original's log.
#[derive(Debug, Default)]
pub(super) struct Authors(BTreeMap<DeviceId, usize>);

impl Authors {
    fn look(&mut self, view: &View<'_>) {
        self.0.entry(view.relay().key().device()).or_insert(0);
        for device in view.devices() {
            let place = place(Host::Device(device.number()));
            self.0.entry(device.key().device()).or_insert(place);
        }
    }

    /// The author's place; the relay's if nobody knows the log.
    pub(super) fn place_of(&self, device: &DeviceId) -> usize {
        self.0.get(device).copied().unwrap_or_default()
    }
}

/// What is remembered of a run.
pub(super) struct Recorder {
    pub(super) diagram: Diagram,
    pub(super) holdings: Holdings,
    pub(super) lens: Lens,
    authors: Authors,
    copies: BTreeMap<usize, u32>,
    hosts: usize,
    core: Option<Vec<u32>>,
    /// The ledger is read up to this position.
    read: u64,
    version: u64,
}

/// A host, for people.
#[derive(Serialize)]
pub(super) struct HostWords {
    name: String,
    words: String,
}

impl Recorder {
    pub(super) fn new(case: &Case, part: Part, records: &[(RecordId, String)]) -> Recorder {
        Recorder {
            diagram: Diagram::new(part),
            holdings: Holdings::new(case.plan.chaos),
            lens: Lens::new(records),
            authors: Authors::default(),
            copies: BTreeMap::new(),
            hosts: 0,
            core: None,
            read: 0,
            version: 0,
        }
    }

    /// The hosts, the relay first.
    pub(super) fn hosts(&self, case: &Case) -> Vec<HostWords> {
        let topology = &case.plan.topology;
        let hostile = topology.devices + topology.late;
        let device = |number: u32| {
            let user = format!("user {}", number % topology.users.max(1));
            let mut words = match self.copies.get(&(number as usize + 1)) {
                Some(of) => format!("a copy of device {of}, its key included"),
                None if (hostile..hostile + topology.hostile).contains(&number) => {
                    "somebody misuses its key".to_owned()
                }
                None if number >= topology.devices => format!("{user}; enrolled during the run"),
                None => user,
            };
            let out = self
                .core
                .as_ref()
                .is_some_and(|core| !core.contains(&number));
            if out {
                words.push_str("; stays out of reach at the end");
            }
            HostWords {
                name: Host::Device(number).to_string(),
                words,
            }
        };
        let relay = HostWords {
            name: "relay".to_owned(),
            words: "orders and keeps everybody's operations".to_owned(),
        };
        let devices = (0..self.hosts.saturating_sub(1) as u32).map(device);
        std::iter::once(relay).chain(devices).collect()
    }

    fn see(&mut self, event: &Event, view: &View<'_>) {
        let known = view.devices().count() + 1;
        if known != self.hosts {
            self.hosts = known;
            self.authors.look(view);
        }
        match &event.what {
            What::Cloned { of } => {
                let copy = event.host.map(place).unwrap_or_default();
                self.copies.insert(copy, *of);
            }
            What::Healed { core } => self.core = Some(core.clone()),
            _ => {}
        }
        self.holdings.pass(event.at, known);
        self.diagram.see(event, view);
        self.follow_ledger(event, view);
        if let Some(host) = event.host {
            self.holdings.see(host, &event.what, view);
            self.lens.see(host, event, view, &self.authors);
        }
    }

    /// Reads what is new in the ledger.
    fn follow_ledger(&mut self, event: &Event, view: &View<'_>) {
        let Some(relay) = view.relay().machine() else {
            return;
        };
        let state = relay.state();
        if state.version().0 < self.version {
            self.read = state.position();
            self.holdings.fork(state.version().0);
            self.lens.fork(state.version());
        }
        if state.version().0 == self.version {
            return;
        }
        self.version = state.version().0;
        while self.read < state.position() {
            let stored = ledger_log::entries(self.read + 1, ENTRIES, &**relay.storage());
            let Some(stored) = stored.ok().filter(|stored| !stored.is_empty()) else {
                // Storage that cannot be read is what the run is about.
                self.read = state.position();
                break;
            };
            for entry in stored {
                self.read = entry.entry.position;
                self.take(event, &entry, view);
            }
        }
        self.lens.read_journal(state, &self.authors);
    }

    fn take(&mut self, event: &Event, stored: &StoredEntry, view: &View<'_>) {
        let log = stored.entry.bundle.log();
        let author = self.authors.place_of(&log.device);
        let count = stored.entry.bundle.slots().len() as u64;
        let versions = stored.first_version..stored.first_version + count;
        self.holdings.written(author, versions);
        self.lens.taken(event.at, author, stored, view);
    }
}

/// A recorder that stays at hand while it watches.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Recorder>>);

impl Shared {
    pub(super) fn new(recorder: Recorder) -> Shared {
        Shared(Arc::new(Mutex::new(recorder)))
    }

    /// The recorder, once nobody else has it any more.
    pub(super) fn into_recorder(self, case: &Case) -> Recorder {
        let nothing = || Recorder::new(case, Part::default(), &[]);
        Arc::into_inner(self.0).map_or_else(nothing, |held| {
            held.into_inner().unwrap_or_else(PoisonError::into_inner)
        })
    }
}

impl Checker for Shared {
    fn name(&self) -> &'static str {
        "report"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        let mut recorder = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recorder.see(event, view);
        Ok(())
    }

    fn end(&mut self, _: &View<'_>) -> Result<(), Violation> {
        Ok(())
    }
}
