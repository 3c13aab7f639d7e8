//! What everything in a run shares: the world behind one lock, the network
//! behind another, and whoever waits for them to change.
//!
//! All of a run happens on one thread, so nobody ever waits for a lock; the
//! order is the world before the network.

use super::fabric::{Fabric, Name, RELAY, device_at, public};
use crate::check::{Checker, Violation};
use crate::host::Host;
use crate::streams::MILLION;
use crate::time::VirtualTime;
use crate::world::World;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;
use tokio::time::Instant;

/// A run's world and network.
#[derive(Clone)]
pub(super) struct Shared(Arc<Inner>);

/// The same, for what the world itself keeps.
#[derive(Clone)]
pub(super) struct Backward(Weak<Inner>);

struct Inner {
    site: Mutex<Site>,
    fabric: Mutex<Fabric>,
    changed: Arc<Notify>,
    began: Instant,
}

/// The world and who watches it.
pub(super) struct Site {
    pub(super) world: World,
    pub(super) checkers: Vec<Box<dyn Checker>>,
    pub(super) violation: Option<Violation>,
    /// Where a store and the model of it have differed, in words.
    pub(super) differences: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

impl Backward {
    pub(super) fn forward(&self) -> Option<Shared> {
        self.0.upgrade().map(Shared)
    }
}

impl Shared {
    pub(super) fn new(site: Site, fabric: Fabric, changed: Arc<Notify>) -> Shared {
        Shared(Arc::new(Inner {
            site: Mutex::new(site),
            fabric: Mutex::new(fabric),
            changed,
            began: Instant::now(),
        }))
    }

    pub(super) fn backward(&self) -> Backward {
        Backward(Arc::downgrade(&self.0))
    }

    /// The time.
    pub(super) fn now(&self) -> VirtualTime {
        VirtualTime(self.0.began.elapsed().as_micros() as u64)
    }

    /// The moment of the runtime's clock that a time is.
    pub(super) fn instant(&self, at: VirtualTime) -> Instant {
        self.0.began + std::time::Duration::from_micros(at.0)
    }

    /// The network.
    pub(super) fn fabric(&self) -> MutexGuard<'_, Fabric> {
        self.0.fabric.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world and who watches it.
    pub(super) fn site(&self) -> MutexGuard<'_, Site> {
        let mut site = self.0.site.lock().unwrap_or_else(PoisonError::into_inner);
        site.world.pass(self.now());
        site
    }

    /// Works on the world as it is now. Whoever waits for what is due is told
    /// when something is due earlier than it was.
    pub(super) fn world<R>(&self, work: impl FnOnce(&mut World) -> R) -> R {
        let mut site = self.site();
        let before = site.world.due();
        let worked = work(&mut site.world);
        if site.world.due() != before {
            self.0.changed.notify_one();
        }
        worked
    }

    /// Shows checkers what has happened since they looked last.
    pub(super) fn show(&self) {
        let mut site = self.site();
        site.show();
        if site.violation.is_some() {
            self.0.changed.notify_one();
        }
    }

    /// Sends a datagram.
    pub(super) fn send(&self, name: Name, to: SocketAddr, bytes: &[u8]) {
        let mut site = self.site();
        let mut fabric = self.fabric();
        if !fabric.is_open(name) {
            return;
        }
        let from = name.address;
        let now = site.world.now();
        let upward = from != RELAY;
        let world = &site.world;
        let place = |device| world.place_of(device);
        let known = match upward {
            true => owner(from).map(|device| (device, to)),
            false => device_at(to, place),
        };
        let Some((device, to)) = known else { return };
        let seen = match upward {
            true => public(from, place(device).unwrap_or_default()),
            false => from,
        };
        fabric.note(now, seen, to, bytes.len());
        let before = fabric.due();
        let line = fabric.line(device);
        if bytes.len() + 28 > line.path {
            return;
        }
        let mut free = line.free[usize::from(upward)];
        let carried = site.world.carry(device, upward, bytes.len(), &mut free);
        fabric.line(device).free[usize::from(upward)] = free;
        let Some(carried) = carried else { return };
        let sender = match upward {
            true => Host::Device(device),
            false => Host::Relay,
        };
        // What stands still sends when it moves again.
        let held = site.world.stands_still(sender).unwrap_or_default();
        let mut copy = bytes.to_vec();
        if let Some(part) = carried.corrupt {
            let at = bytes.len() as u64 * u64::from(part) / u64::from(MILLION);
            copy[at as usize] ^= 0x55;
        }
        if let Some(again) = carried.again {
            let bytes = bytes.to_vec();
            fabric.launch(again.max(held), (device, upward), (seen, to), bytes);
        }
        fabric.launch(carried.at.max(held), (device, upward), (seen, to), copy);
        if fabric.due() != before {
            self.0.changed.notify_one();
        }
    }

    /// Hands over every datagram that has arrived by now.
    pub(super) fn deliver(&self) {
        let now = self.now();
        loop {
            let Some(flight) = self.fabric().arrived(now) else {
                return;
            };
            let receiver = match flight.upward {
                true => Host::Relay,
                false => Host::Device(flight.device),
            };
            let site = self.site();
            if let Some(until) = site.world.stands_still(receiver) {
                let way = (flight.device, flight.upward);
                let ends = (flight.from, flight.to);
                self.fabric().launch(until, way, ends, flight.bytes);
                continue;
            }
            if !site.world.is_reached(flight.device, flight.upward) {
                continue;
            }
            drop(site);
            let reader = self
                .fabric()
                .deliver(flight.to, (flight.from, flight.bytes));
            if let Some(reader) = reader {
                reader.wake();
            }
        }
    }

    /// When the next thing is due that is not a service's own.
    pub(super) fn due(&self) -> Option<VirtualTime> {
        let world = self.site().world.due();
        [world, self.fabric().due()].into_iter().flatten().min()
    }
}

/// The device that has an address of its own.
fn owner(own: SocketAddr) -> Option<u32> {
    match own {
        SocketAddr::V4(own) => {
            let [_, _, high, low] = own.ip().octets();
            Some(u32::from_be_bytes([0, 0, high, low]))
        }
        SocketAddr::V6(_) => None,
    }
}

impl Site {
    /// Does everything that is due by now, and shows it.
    pub(super) fn advance(&mut self) {
        let now = self.world.now();
        while self.violation.is_none() && self.world.step(now) {
            self.show();
        }
    }

    /// Shows checkers what has happened since they looked last.
    pub(super) fn show(&mut self) {
        let events = self.world.take_fresh();
        if self.violation.is_some() {
            return;
        }
        let view = self.world.view();
        let seen = events.iter().try_for_each(|event| {
            let mut checkers = self.checkers.iter_mut();
            checkers.try_for_each(|checker| checker.observe(event, &view))
        });
        self.violation = seen.err().or_else(|| self.difference());
    }

    fn difference(&self) -> Option<Violation> {
        let mut differences = self
            .differences
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        differences.pop().map(|words| self.found("storage", words))
    }

    pub(super) fn found(&self, checker: &str, words: String) -> Violation {
        Violation {
            checker: checker.to_owned(),
            at: self.world.now(),
            host: None,
            words,
        }
    }
}
