//! What services stand on: the time, random numbers, sockets, and the way of a
//! batch to storage. There is one for the product, [`System`]; a simulated world
//! brings its own, and everything above runs in it unchanged.

use std::fmt::Debug;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cairn_model::Timestamp;
use cairn_oplog::Durability;
use quinn::{AsyncUdpSocket, TimeSource};
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::{clock, socket};

/// The ground under a service.
pub trait Platform: Debug + Send + Sync + 'static {
    /// What the wall clock shows.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with random ones.
    ///
    /// # Errors
    /// When the platform has none.
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;

    /// A UDP socket at `address`; port 0 is one the platform chooses.
    ///
    /// # Errors
    /// When the address is taken, or not this machine's.
    fn socket(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>>;

    /// The seed of what QUIC draws for itself (packet numbers left out, jitter
    /// of timers), for each endpoint. `None` lets it ask the system.
    fn quic_seed(&self) -> Option<[u8; 32]>;

    /// How batches come to storage.
    fn storing(&self) -> Storing;
}

/// How batches come to storage.
#[derive(Clone)]
pub enum Storing {
    /// On a thread of their own: storage blocks, machines must not.
    OnThread,
    /// On the runtime itself, each after as long as storage takes for it there.
    After(Arc<dyn Fn(Durability) -> Duration + Send + Sync>),
}

/// The machine this program runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Platform for System {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(|error| io::Error::other(error.to_string()))
    }

    fn socket(&self, address: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket::unmarked(UdpSocket::bind(address)?)
    }

    fn quic_seed(&self) -> Option<[u8; 32]> {
        None
    }

    fn storing(&self) -> Storing {
        Storing::OnThread
    }
}

/// The platform's clock, as QUIC and TLS ask for it.
#[derive(Debug)]
pub(crate) struct Clock(pub(crate) Arc<dyn Platform>);

impl Clock {
    fn since_1970(&self) -> Duration {
        Duration::from_millis(self.0.now().0)
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.since_1970()
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.since_1970()))
    }
}
