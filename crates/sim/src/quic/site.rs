//! What everything in a run shares: the world behind one lock, the network
//! behind another, and whoever waits for them to change.
//!
//! All of a run happens on one thread, so nobody ever waits for a lock; the
//! order is the world before the network.

use super::fabric::{Fabric, Name, RELAY, Way, behind, public};
use crate::check::{Checker, Violation};
use crate::host::Host;
use crate::network::Carried;
use crate::streams::MILLION;
use crate::time::VirtualTime;
use crate::world::World;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What the internet puts before a datagram.
const HEADERS_BYTES: usize = 20 + 8;

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
            true => Way::of(from).map(|way| (way, to)),
            false => behind(to, place),
        };
        let Some((way, to)) = known else { return };
        let seen = match way {
            Way::Device(device) if upward => public(from, place(device).unwrap_or_default()),
            _ => from,
        };
        fabric.note(now, seen, to, bytes.len());
        let before = fabric.due();
        let carried = match way {
            Way::Device(device) => carry(&mut site.world, &mut fabric, device, upward, bytes.len()),
            Way::Thief(_) => Some(Carried::unharmed(now)),
        };
        let Some(carried) = carried else { return };
        // What stands still sends when it moves again.
        let sender = end(way, upward);
        let held = sender.and_then(|host| site.world.stands_still(host));
        let held = held.unwrap_or_default();
        let mut copy = bytes.to_vec();
        if let Some(part) = carried.corrupt {
            let at = bytes.len() as u64 * u64::from(part) / u64::from(MILLION);
            copy[at as usize] ^= 0x55;
        }
        if let Some(again) = carried.again {
            let bytes = bytes.to_vec();
            fabric.launch(again.max(held), (way, upward), (seen, to), bytes);
        }
        fabric.launch(carried.at.max(held), (way, upward), (seen, to), copy);
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
            let site = self.site();
            let receiver = end(flight.way, !flight.upward);
            if let Some(until) = receiver.and_then(|host| site.world.stands_still(host)) {
                let way = (flight.way, flight.upward);
                let ends = (flight.from, flight.to);
                self.fabric().launch(until, way, ends, flight.bytes);
                continue;
            }
            if let Way::Device(device) = flight.way
                && !site.world.is_reached(device, flight.upward)
            {
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

/// The host at one end of a way: at the lower, or at the relay's.
fn end(way: Way, lower: bool) -> Option<Host> {
    match (way, lower) {
        (Way::Device(device), true) => Some(Host::Device(device)),
        (Way::Thief(_), true) => None,
        (_, false) => Some(Host::Relay),
    }
}

/// Carries a datagram over a device's line; `None` when it is lost.
fn carry(
    world: &mut World,
    fabric: &mut Fabric,
    device: u32,
    upward: bool,
    bytes: usize,
) -> Option<Carried> {
    let line = fabric.line(device);
    let packet = world.packet_of(device).unwrap_or(line.packet);
    if bytes + HEADERS_BYTES > packet as usize {
        return None;
    }
    world.carry(device, upward, bytes, &mut line.free[usize::from(upward)])
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
        let mut events = Vec::new();
        self.world.take_fresh(&mut events);
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
        let words: Vec<String> = differences.drain(..).collect();
        (!words.is_empty()).then(|| self.found("storage", words.join("; ")))
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
