//! The network that datagrams cross: sockets, addresses, and what is under way.

use crate::host::Host;
use crate::streams::{Stream, Streams};
use crate::time::{MILLISECOND, VirtualTime};
use cairn_model::Hash;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::Waker;

/// Where the relay listens.
pub(super) const RELAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 4433);

/// The first port a device gets.
const FIRST_PORT: u16 = 1_024;
/// Datagrams that wait to be read from a socket; more are dropped, as by a
/// kernel.
const INBOX_DATAGRAMS_MAX: usize = 1_024;
/// The largest datagrams that paths carry; which one a device's does is drawn.
const PATHS: [usize; 4] = [1_280, 1_400, 1_452, 1_500];

/// A datagram that has arrived: from where, and what.
pub(super) type Arrived = (SocketAddr, Vec<u8>);

/// A socket: its address, and which of those that ever had it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    pub(super) address: SocketAddr,
    number: u64,
}

/// Sockets and datagrams.
#[derive(Debug)]
pub(super) struct Fabric {
    ports: BTreeMap<SocketAddr, Port>,
    next_ports: BTreeMap<Host, u16>,
    lines: BTreeMap<u32, Line>,
    flights: BinaryHeap<Flight>,
    order: u64,
    streams: Streams,
    shape: blake3::Hasher,
    /// Datagrams sent.
    pub(super) datagrams: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

/// A socket.
#[derive(Debug)]
struct Port {
    /// Which of the sockets that ever had this address.
    number: u64,
    host: Host,
    inbox: VecDeque<Arrived>,
    reader: Option<Waker>,
}

/// The line between a device and the relay.
#[derive(Debug)]
pub(super) struct Line {
    /// When it is free, up and down.
    pub(super) free: [VirtualTime; 2],
    /// The largest datagram it carries.
    pub(super) path: usize,
}

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) at: VirtualTime,
    order: u64,
    pub(super) device: u32,
    pub(super) upward: bool,
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

impl PartialEq for Flight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Flight {}

impl PartialOrd for Flight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flight {
    /// The heap gives the greatest: the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl Fabric {
    pub(super) fn new(streams: Streams) -> Fabric {
        Fabric {
            ports: BTreeMap::new(),
            next_ports: BTreeMap::new(),
            lines: BTreeMap::new(),
            flights: BinaryHeap::new(),
            order: 0,
            streams,
            shape: blake3::Hasher::new(),
            datagrams: 0,
            bytes: 0,
        }
    }

    /// Opens a socket of a host; `None` when the address is taken.
    pub(super) fn open(&mut self, host: Host) -> Option<Name> {
        let address = match host {
            Host::Relay => RELAY,
            Host::Device(device) => self.free_port(device),
        };
        if self.ports.contains_key(&address) {
            return None;
        }
        self.order += 1;
        let number = self.order;
        let port = Port {
            number,
            host,
            inbox: VecDeque::new(),
            reader: None,
        };
        self.ports.insert(address, port);
        Some(Name { address, number })
    }

    fn free_port(&mut self, device: u32) -> SocketAddr {
        let next = self
            .next_ports
            .entry(Host::Device(device))
            .or_insert(FIRST_PORT);
        loop {
            let address = private(device, *next);
            *next = next.checked_add(1).unwrap_or(FIRST_PORT);
            if !self.ports.contains_key(&address) {
                return address;
            }
        }
    }

    /// Closes a socket.
    pub(super) fn close(&mut self, name: Name) -> Option<Waker> {
        self.port(name)?;
        self.ports.remove(&name.address)?.reader
    }

    fn port(&mut self, name: Name) -> Option<&mut Port> {
        let port = self.ports.get_mut(&name.address)?;
        (port.number == name.number).then_some(port)
    }

    /// Closes every socket of a host, as when its power goes.
    pub(super) fn close_all(&mut self, host: Host) -> Vec<Waker> {
        let of = |port: &Port| port.host == host;
        let closed = self.ports.extract_if(.., |_, port| of(port));
        closed.filter_map(|(_, port)| port.reader).collect()
    }

    /// Whether a socket is open.
    pub(super) fn is_open(&mut self, name: Name) -> bool {
        self.port(name).is_some()
    }

    /// The line of a device.
    pub(super) fn line(&mut self, device: u32) -> &mut Line {
        let streams = self.streams;
        self.lines.entry(device).or_insert_with(|| {
            let mut stream: Stream = streams.stream(&format!("path/{device}"));
            Line {
                free: [VirtualTime(0); 2],
                path: PATHS[stream.index(PATHS.len())],
            }
        })
    }

    /// Notes the shape of a datagram that a host sends.
    pub(super) fn note(
        &mut self,
        now: VirtualTime,
        from: SocketAddr,
        to: SocketAddr,
        bytes: usize,
    ) {
        self.datagrams += 1;
        self.bytes += bytes as u64;
        let text = format!("{} {from} {to} {bytes}\n", now.0);
        self.shape.update(text.as_bytes());
    }

    /// The hash over the shapes of all datagrams.
    pub(super) fn shape(&self) -> Hash {
        Hash(*self.shape.finalize().as_bytes())
    }

    /// Puts a datagram under way. Timers are as fine as a millisecond, so it
    /// arrives at a whole one.
    pub(super) fn launch(
        &mut self,
        at: VirtualTime,
        (device, upward): (u32, bool),
        (from, to): (SocketAddr, SocketAddr),
        bytes: Vec<u8>,
    ) {
        self.order += 1;
        self.flights.push(Flight {
            at: VirtualTime(at.0.div_ceil(MILLISECOND) * MILLISECOND),
            order: self.order,
            device,
            upward,
            from,
            to,
            bytes,
        });
    }

    /// When the next datagram arrives.
    pub(super) fn due(&self) -> Option<VirtualTime> {
        self.flights.peek().map(|flight| flight.at)
    }

    /// The next datagram that has arrived by now.
    pub(super) fn arrived(&mut self, now: VirtualTime) -> Option<Flight> {
        match self.flights.peek() {
            Some(flight) if flight.at <= now => self.flights.pop(),
            _ => None,
        }
    }

    /// Hands a datagram to the socket it is for, if that is there; gives its
    /// reader, who is to be woken.
    pub(super) fn deliver(&mut self, to: SocketAddr, arrived: Arrived) -> Option<Waker> {
        let port = self.ports.get_mut(&to)?;
        if port.inbox.len() < INBOX_DATAGRAMS_MAX {
            port.inbox.push_back(arrived);
        }
        port.reader.take()
    }

    /// Reads a datagram, or leaves the reader to be woken; gives back the one
    /// that was there before.
    pub(super) fn read(&mut self, name: Name, reader: &Waker) -> Result<Arrived, Option<Waker>> {
        let Some(port) = self.port(name) else {
            return Err(None);
        };
        match port.inbox.pop_front() {
            Some(arrived) => Ok(arrived),
            None => Err(port.reader.replace(reader.clone())),
        }
    }
}

/// A device's own address.
fn private(device: u32, port: u16) -> SocketAddr {
    let [_, _, high, low] = device.to_be_bytes();
    SocketAddr::new(Ipv4Addr::new(10, 1, high, low).into(), port)
}

/// What the relay sees of a device's address at a place: another at each.
pub(super) fn public(own: SocketAddr, place: u32) -> SocketAddr {
    let IpAddr::V4(address) = own.ip() else {
        return own;
    };
    let [_, _, high, low] = address.octets();
    let place = (place % 100) as u8;
    SocketAddr::new(Ipv4Addr::new(100, place, high, low).into(), own.port())
}

/// The device behind an address that the relay sees, its own address, and
/// whether it is at that place now.
pub(super) fn device_at(
    seen: SocketAddr,
    place: impl Fn(u32) -> Option<u32>,
) -> Option<(u32, SocketAddr)> {
    let IpAddr::V4(address) = seen.ip() else {
        return None;
    };
    let [_, _, high, low] = address.octets();
    let device = u32::from_be_bytes([0, 0, high, low]);
    let own = private(device, seen.port());
    (public(own, place(device)?) == seen).then_some((device, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_has_moved_is_not_found_where_it_was() {
        let own = private(300, 5_000);
        let seen = public(own, 7);
        assert_ne!(own, seen);
        assert_eq!(device_at(seen, |_| Some(7)), Some((300, own)));
        assert_eq!(device_at(seen, |_| Some(8)), None);
        assert_eq!(device_at(seen, |_| None), None);
    }

    #[test]
    fn a_socket_of_an_earlier_life_is_closed_for_good() {
        let mut fabric = Fabric::new(Streams::of(1));
        let first = fabric.open(Host::Relay).unwrap();
        assert!(fabric.open(Host::Relay).is_none(), "the port is taken");
        fabric.close_all(Host::Relay);
        assert!(!fabric.is_open(first));
        let second = fabric.open(Host::Relay).unwrap();
        assert!(fabric.close(first).is_none());
        assert!(fabric.is_open(second) && !fabric.is_open(first));
    }

    #[test]
    fn datagrams_arrive_in_the_order_of_their_times() {
        let mut fabric = Fabric::new(Streams::of(1));
        for at in [3_500, 1_000, 3_200] {
            fabric.launch(VirtualTime(at), (0, true), (RELAY, RELAY), vec![at as u8]);
        }
        assert_eq!(fabric.due(), Some(VirtualTime(1_000)));
        assert!(fabric.arrived(VirtualTime(999)).is_none());
        let times: Vec<u64> = std::iter::from_fn(|| fabric.arrived(VirtualTime(9_000)))
            .map(|flight| flight.at.0)
            .collect();
        // Two of them at one whole millisecond, as they were sent.
        assert_eq!(times, [1_000, 4_000, 4_000]);
    }
}
