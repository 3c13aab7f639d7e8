//! What the services of a simulated host stand on.

use super::fabric::Holder;
use super::site::Shared;
use super::socket::SimSocket;
use crate::host::Host;
use crate::streams::{Stream, Streams};
use cairn_model::Timestamp;
use cairn_net::{Platform, Storing};
use quinn::AsyncUdpSocket;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The ground under one life of a host, or under a thief.
pub(super) struct SimPlatform {
    site: Shared,
    holder: Holder,
    random: Mutex<Stream>,
}

impl SimPlatform {
    pub(super) fn new(site: Shared, streams: Streams, host: Host, life: u32) -> SimPlatform {
        let random = streams.stream(&format!("random/{host}/{life}"));
        SimPlatform {
            site,
            holder: Holder::Host(host),
            random: Mutex::new(random),
        }
    }

    /// Under somebody who has a device's key and leads so many talks before.
    pub(super) fn of_thief(site: Shared, streams: Streams, device: u32, talk: u64) -> SimPlatform {
        let random = streams.stream(&format!("random/thief/{device}/{talk}"));
        SimPlatform {
            site,
            holder: Holder::Thief(device),
            random: Mutex::new(random),
        }
    }

    fn host(&self) -> Host {
        match self.holder {
            Holder::Host(host) => host,
            Holder::Thief(device) => Host::Device(device),
        }
    }

    fn draw<const N: usize>(&self) -> [u8; N] {
        let mut stream = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        stream.array()
    }
}

impl fmt::Debug for SimPlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimPlatform({:?})", self.holder)
    }
}

impl Platform for SimPlatform {
    fn now(&self) -> Timestamp {
        self.site.world(|world| world.told_to(self.host()))
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        for chunk in bytes.chunks_mut(8) {
            let drawn: [u8; 8] = self.draw();
            chunk.copy_from_slice(&drawn[..chunk.len()]);
        }
        Ok(())
    }

    fn socket(&self, _: SocketAddr) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let name = self.site.fabric().open(self.holder);
        let name = name.ok_or(io::ErrorKind::AddrInUse)?;
        Ok(Arc::new(SimSocket::new(self.site.clone(), name)))
    }

    fn quic_seed(&self) -> Option<[u8; 32]> {
        Some(self.draw())
    }

    fn storing(&self) -> Storing {
        let (site, host) = (self.site.clone(), self.host());
        Storing::After(Arc::new(move |durability| {
            Duration::from_micros(site.world(|world| world.batch_takes(host, durability)))
        }))
    }
}
