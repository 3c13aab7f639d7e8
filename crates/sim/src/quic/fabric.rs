//! The network that datagrams cross: sockets, addresses, and what is under way.

use crate::host::Host;
use crate::network::Place;
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
/// The largest packets that paths carry; which one a device's does is drawn.
const PACKETS: [u32; 4] = [1_280, 1_400, 1_452, 1_500];

/// A datagram that has arrived: from where, and what.
pub(super) type Arrived = (SocketAddr, Vec<u8>);

/// Who holds a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// A host of the organization.
    Host(Host),
    /// Somebody elsewhere who has this device's key.
    Thief(u32),
}

/// Whose line a datagram takes: everybody but the relay has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A device's, with its faults.
    Device(u32),
    /// A thief's, without any.
    Thief(u32),
}

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
    next_ports: BTreeMap<Holder, u16>,
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
    holder: Holder,
    inbox: VecDeque<Arrived>,
    reader: Option<Waker>,
}

/// The line between a device and the relay.
#[derive(Debug)]
pub(super) struct Line {
    /// When it is free, up and down.
    pub(super) free: [VirtualTime; 2],
    /// The largest packet it carries when nobody says another, in bytes.
    pub(super) packet: u32,
}

/// A datagram under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) at: VirtualTime,
    order: u64,
    pub(super) way: Way,
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

    /// Opens a socket; `None` when the address is taken.
    pub(super) fn open(&mut self, holder: Holder) -> Option<Name> {
        let address = match holder {
            Holder::Host(Host::Relay) => RELAY,
            Holder::Host(Host::Device(device)) => self.free_port(holder, Way::Device(device)),
            Holder::Thief(device) => self.free_port(holder, Way::Thief(device)),
        };
        if self.ports.contains_key(&address) {
            return None;
        }
        self.order += 1;
        let number = self.order;
        let port = Port {
            number,
            holder,
            inbox: VecDeque::new(),
            reader: None,
        };
        self.ports.insert(address, port);
        Some(Name { address, number })
    }

    fn free_port(&mut self, holder: Holder, way: Way) -> SocketAddr {
        let next = self.next_ports.entry(holder).or_insert(FIRST_PORT);
        loop {
            let address = way.own(*next);
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
        let of = |port: &Port| port.holder == Holder::Host(host);
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
                packet: PACKETS[stream.index(PACKETS.len())],
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
        (way, upward): (Way, bool),
        (from, to): (SocketAddr, SocketAddr),
        bytes: Vec<u8>,
    ) {
        self.order += 1;
        self.flights.push(Flight {
            at: VirtualTime(at.0.div_ceil(MILLISECOND) * MILLISECOND),
            order: self.order,
            way,
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

/// The first two numbers of devices' own addresses, and of thieves'.
const DEVICES: [u8; 2] = [10, 1];
const THIEVES: [u8; 2] = [10, 2];
/// The first number of addresses that the relay sees of devices; the second
/// says in which network.
const SEEN: u8 = 100;
/// Networks with addresses of their own; then they come again.
const NETWORKS: u32 = 100;
/// How far a router moves the ports of a device that it had forgotten: farther
/// than a device has sockets open.
const MAPPING_PORTS: u32 = 4_099;
/// Ports of an address.
const PORTS: u32 = 65_536 - FIRST_PORT as u32;

impl Way {
    fn own(self, port: u16) -> SocketAddr {
        let ([first, second], device) = match self {
            Way::Device(device) => (DEVICES, device),
            Way::Thief(device) => (THIEVES, device),
        };
        let [_, _, high, low] = device.to_be_bytes();
        SocketAddr::new(Ipv4Addr::new(first, second, high, low).into(), port)
    }

    /// Who has an address of its own.
    pub(super) fn of(own: SocketAddr) -> Option<Way> {
        let [first, second, high, low] = octets(own)?;
        let device = u32::from_be_bytes([0, 0, high, low]);
        match [first, second] {
            DEVICES => Some(Way::Device(device)),
            THIEVES => Some(Way::Thief(device)),
            _ => None,
        }
    }
}

fn octets(address: SocketAddr) -> Option<[u8; 4]> {
    match address {
        SocketAddr::V4(address) => Some(address.ip().octets()),
        SocketAddr::V6(_) => None,
    }
}

/// The port after so many further ones, from the last on again from the first.
fn turned(port: u16, by: u32) -> u16 {
    let at = u32::from(port.saturating_sub(FIRST_PORT));
    FIRST_PORT + ((at + by) % PORTS) as u16
}

/// What the relay sees of a device's address at a place: another at each.
pub(super) fn public(own: SocketAddr, place: Place) -> SocketAddr {
    let Some([_, _, high, low]) = octets(own) else {
        return own;
    };
    let network = (place.network % NETWORKS) as u8;
    let by = place.mapping % PORTS * MAPPING_PORTS % PORTS;
    let address = Ipv4Addr::new(SEEN, network, high, low);
    SocketAddr::new(address.into(), turned(own.port(), by))
}

/// Who is behind an address that the relay sees, and its own address; nobody
/// when a device is no longer at that place.
pub(super) fn behind(
    seen: SocketAddr,
    place: impl Fn(u32) -> Option<Place>,
) -> Option<(Way, SocketAddr)> {
    let [first, _, high, low] = octets(seen)?;
    if first != SEEN {
        return Way::of(seen).map(|way| (way, seen));
    }
    let device = u32::from_be_bytes([0, 0, high, low]);
    let place = place(device)?;
    let by = place.mapping % PORTS * MAPPING_PORTS % PORTS;
    let own = Way::Device(device).own(turned(seen.port(), PORTS - by));
    (public(own, place) == seen).then_some((Way::Device(device), own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_has_moved_is_not_found_where_it_was() {
        let at = |network, mapping| Place { network, mapping };
        let own = Way::Device(300).own(5_000);
        let seen = public(own, at(7, 0));
        assert_ne!(own, seen);
        let found = behind(seen, |_| Some(at(7, 0)));
        assert_eq!(found, Some((Way::Device(300), own)));
        assert_eq!(behind(seen, |_| Some(at(8, 0))), None);
        assert_eq!(behind(seen, |_| None), None);
    }

    #[test]
    fn a_router_that_forgot_a_device_gives_it_another_port_of_its_address() {
        for port in [FIRST_PORT, 5_000, u16::MAX] {
            for mapping in [1, 15, 16, 40_000, u32::MAX] {
                let place = Place {
                    network: 3,
                    mapping,
                };
                let own = Way::Device(9).own(port);
                let (before, after) = (
                    public(
                        own,
                        Place {
                            network: 3,
                            mapping: 0,
                        },
                    ),
                    public(own, place),
                );
                assert_eq!(before.ip(), after.ip());
                assert_ne!(before.port(), after.port());
                assert_eq!(behind(after, |_| Some(place)), Some((Way::Device(9), own)));
                let (_, other) = behind(before, |_| Some(place)).unwrap();
                assert_ne!(other, own, "what comes late finds nobody");
            }
        }
    }

    #[test]
    fn a_thief_is_not_the_device_whose_key_it_has() {
        let mut fabric = Fabric::new(Streams::of(1));
        let device = fabric.open(Holder::Host(Host::Device(2))).unwrap();
        let thief = fabric.open(Holder::Thief(2)).unwrap();
        assert_eq!(Way::of(thief.address), Some(Way::Thief(2)));
        let found = behind(thief.address, |_| None);
        assert_eq!(found, Some((Way::Thief(2), thief.address)));
        fabric.close_all(Host::Device(2));
        assert!(fabric.is_open(thief) && !fabric.is_open(device));
    }

    #[test]
    fn a_socket_of_an_earlier_life_is_closed_for_good() {
        let mut fabric = Fabric::new(Streams::of(1));
        let first = fabric.open(Holder::Host(Host::Relay)).unwrap();
        assert!(
            fabric.open(Holder::Host(Host::Relay)).is_none(),
            "the port is taken"
        );
        fabric.close_all(Host::Relay);
        assert!(!fabric.is_open(first));
        let second = fabric.open(Holder::Host(Host::Relay)).unwrap();
        assert!(fabric.close(first).is_none());
        assert!(fabric.is_open(second) && !fabric.is_open(first));
    }

    #[test]
    fn datagrams_arrive_in_the_order_of_their_times() {
        let mut fabric = Fabric::new(Streams::of(1));
        for at in [3_500, 1_000, 3_200] {
            fabric.launch(
                VirtualTime(at),
                (Way::Device(0), true),
                (RELAY, RELAY),
                vec![at as u8],
            );
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
