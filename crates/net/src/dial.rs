//! The device's way to its relay.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::ConnectError;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::address::{AddressError, resolve};
use crate::end::SessionEnd;
use crate::endpoint::{device_config, device_endpoint};
use crate::identity::{Identity, KeyBytes, PinnedRelay};
use crate::limit::{FRAME_BYTES_MAX, HANDSHAKE_TIME_MAX};
use crate::opening::Opening;
use crate::platform::{Platform, System};
use crate::session::{Received, Role, Session, SessionId, Started};

/// The name TLS wants and nobody reads: the key is what is checked.
const SERVER_NAME: &str = "cairn";

/// What a device takes upon itself.
#[derive(Debug, Clone, Copy)]
pub struct DialLimits {
    /// Payload bytes of a frame from the relay. Default [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: usize,
    /// Time for a handshake with one address. Default [`HANDSHAKE_TIME_MAX`].
    pub handshake_time_max: Duration,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            handshake_time_max: HANDSHAKE_TIME_MAX,
        }
    }
}

/// Why no session came about. The device's data is untouched; dial again.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// This machine could not open a socket.
    #[error("cannot open a socket towards {address}")]
    Socket {
        /// Towards where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nobody fit to talk to answered.
    #[error("no session with the relay at {address}")]
    NoSession {
        /// The last address tried.
        address: SocketAddr,
        /// Why.
        #[source]
        source: SessionEnd,
    },
}

/// Connects one device to one relay, again and again, and remembers tickets in
/// between so that a reconnect costs no round trip.
pub struct Dialer {
    platform: Arc<dyn Platform>,
    config: quinn::ClientConfig,
    pinned: Arc<PinnedRelay>,
    limits: DialLimits,
    resumable: Resumable,
}

/// The address the last handshake succeeded with. Only there are frames sent
/// before an answer: elsewhere a wrong guess would hide behind them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resumable(Arc<Mutex<Option<SocketAddr>>>);

impl Resumable {
    pub(crate) fn remember(&self, address: SocketAddr) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
    }

    fn take(&self) -> Option<SocketAddr> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Dialer {
    /// A dialer for the device whose Ed25519 secret is `seed`, towards the
    /// relay of its enrolment ticket and no other.
    pub fn new(seed: &[u8; 32], relay_key: KeyBytes, limits: DialLimits) -> Self {
        Self::on(Arc::new(System), seed, relay_key, limits)
    }

    /// The same on another platform.
    pub fn on(
        platform: Arc<dyn Platform>,
        seed: &[u8; 32],
        relay_key: KeyBytes,
        limits: DialLimits,
    ) -> Self {
        let pinned = Arc::new(PinnedRelay::new(relay_key));
        Self {
            config: device_config(&platform, &Identity::from_seed(seed), &pinned),
            platform,
            pinned,
            limits,
            resumable: Resumable::default(),
        }
    }

    /// Connects to `address` (`host:port`) and begins the session: its events
    /// go to `inbox` under `id`.
    ///
    /// After an earlier session this returns before the relay has answered,
    /// and frames queued now leave in the first packet. If the relay cannot be
    /// reached then, the session reports it as its end.
    pub async fn dial(
        &self,
        address: &str,
        id: SessionId,
        inbox: mpsc::Sender<Received>,
    ) -> Result<Session, DialError> {
        let mut addresses = resolve(address).await?;
        let known = self.resumable.take();
        // Where it worked last goes first.
        addresses.sort_by_key(|address| Some(*address) != known);
        let mut failure = None;
        for address in addresses {
            match self.attempt(address, Some(address) == known).await {
                Ok(started) => return Ok(Session::start(id, inbox, started)),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.expect("a name resolves to at least one address"))
    }

    async fn attempt(&self, address: SocketAddr, early: bool) -> Result<Started, DialError> {
        let no_session = |source| DialError::NoSession { address, source };
        let endpoint = device_endpoint(&self.platform, address)
            .map_err(|source| DialError::Socket { address, source })?;
        let mut connecting = endpoint
            .connect_with(self.config.clone(), address, SERVER_NAME)
            .map_err(|error| no_session(refused_locally(&error)))?;
        let role = Role::Device {
            endpoint,
            platform: Arc::clone(&self.platform),
            pinned: Arc::clone(&self.pinned),
            resumable: self.resumable.clone(),
        };
        let started = |connection, opening| Started {
            connection,
            peer: self.pinned.expected(),
            opening,
            frame_bytes_max: self.limits.frame_bytes_max,
            role,
        };
        if early {
            match connecting.into_0rtt() {
                Ok((connection, accepted)) => {
                    return Ok(started(connection, Opening::DeviceEarly(accepted)));
                }
                // No ticket is left.
                Err(back) => connecting = back,
            }
        }
        match timeout(self.limits.handshake_time_max, connecting).await {
            Ok(Ok(connection)) => Ok(started(connection, Opening::Device)),
            Ok(Err(error)) => Err(no_session(SessionEnd::read(error, Some(&self.pinned)))),
            Err(_) => Err(no_session(SessionEnd::Silent)),
        }
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer")
            .field("relay", &self.pinned.expected())
            .finish_non_exhaustive()
    }
}

fn refused_locally(error: &ConnectError) -> SessionEnd {
    SessionEnd::Broken {
        detail: error.to_string(),
    }
}
