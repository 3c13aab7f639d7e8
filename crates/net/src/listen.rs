//! The relay's accept loop: from stray packets to sessions of known keys.
//!
//! Handshakes run apart from each other and from the loop, in bounded number
//! and time; one that fails is logged and costs nobody else anything.

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn::{Connecting, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::address::{AddressError, resolve};
use crate::end::CloseCode;
use crate::endpoint::{relay_endpoint, reset_key};
use crate::identity::{Identity, KeyBytes, peer_key};
use crate::limit::{
    FRAME_BYTES_MAX, HANDSHAKE_TIME_MAX, HANDSHAKES_MAX, HANDSHAKES_UNPROVEN_MAX, SESSIONS_MAX,
};
use crate::opening::Opening;
use crate::platform::{Platform, System};
use crate::session::{Received, Role, Session, SessionId, Started};

/// What a relay takes upon itself.
#[derive(Debug, Clone, Copy)]
pub struct ListenLimits {
    /// Payload bytes of a frame from a device. Default [`FRAME_BYTES_MAX`].
    pub frame_bytes_max: usize,
    /// Sessions at a time. Default [`SESSIONS_MAX`].
    pub sessions_max: usize,
    /// Handshakes under way at a time. Default [`HANDSHAKES_MAX`].
    pub handshakes_max: usize,
    /// Time for one handshake. Default [`HANDSHAKE_TIME_MAX`].
    pub handshake_time_max: Duration,
}

impl Default for ListenLimits {
    fn default() -> Self {
        Self {
            frame_bytes_max: FRAME_BYTES_MAX,
            sessions_max: SESSIONS_MAX,
            handshakes_max: HANDSHAKES_MAX,
            handshake_time_max: HANDSHAKE_TIME_MAX,
        }
    }
}

/// Why a relay does not listen. The operator's to solve.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The socket could not be opened.
    #[error(
        "cannot listen on {address}; another program may hold the port, or the address is not this machine's"
    )]
    Socket {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A relay's socket and the handshakes under way on it.
pub struct Listener {
    endpoint: quinn::Endpoint,
    handshakes: JoinSet<Option<Arrival>>,
    sessions: Arc<Semaphore>,
    limits: ListenLimits,
}

/// Listens on `address` (`host:port`, nothing more than it names) as the relay
/// whose Ed25519 secret is `seed`.
pub async fn listen(
    address: &str,
    seed: &[u8; 32],
    limits: ListenLimits,
) -> Result<Listener, ListenError> {
    listen_on(
        &(Arc::new(System) as Arc<dyn Platform>),
        address,
        seed,
        limits,
    )
    .await
}

/// The same on another platform.
pub async fn listen_on(
    platform: &Arc<dyn Platform>,
    address: &str,
    seed: &[u8; 32],
    limits: ListenLimits,
) -> Result<Listener, ListenError> {
    let address = resolve(address).await?[0];
    let endpoint = relay_endpoint(
        platform,
        &Identity::from_seed(seed),
        reset_key(seed),
        address,
    )
    .map_err(|source| ListenError::Socket { address, source })?;
    Ok(Listener {
        endpoint,
        handshakes: JoinSet::new(),
        sessions: Arc::new(Semaphore::new(limits.sessions_max)),
        limits,
    })
}

impl Listener {
    /// Where it listens, with the port the system chose if that was 0.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// The next device whose key is known, or `None` after [`Listener::close`].
    /// Cancelling it loses nothing. Newcomers are let in only while this is
    /// awaited, so call it in a loop.
    pub async fn accept(&mut self) -> Option<Arrival> {
        loop {
            tokio::select! {
                biased;
                incoming = self.endpoint.accept() => self.admit(incoming?),
                Some(done) = self.handshakes.join_next() => {
                    if let Some(arrival) = done.expect("a handshake does not panic") {
                        return Some(arrival);
                    }
                }
            }
        }
    }

    fn admit(&mut self, incoming: Incoming) {
        let under_way = self.handshakes.len();
        if under_way >= self.limits.handshakes_max {
            return incoming.refuse();
        }
        if under_way >= HANDSHAKES_UNPROVEN_MAX && !incoming.remote_address_validated() {
            incoming
                .retry()
                .expect("an unproven address can be asked to prove itself");
            return;
        }
        match incoming.accept() {
            Ok(connecting) => {
                let sessions = Arc::clone(&self.sessions);
                self.handshakes
                    .spawn(greet(connecting, sessions, self.limits));
            }
            Err(error) => tracing::debug!(%error, "a packet that begins no handshake"),
        }
    }

    /// Stops listening and closes every session with `code` and `reason`.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.endpoint.close(code.wire(), reason.as_bytes());
    }

    /// Waits until every peer has been told of its session's end, or had the
    /// time to be.
    pub async fn idle(&self) {
        self.endpoint.wait_idle().await;
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener")
            .field("local_address", &self.local_address())
            .field("handshakes", &self.handshakes.len())
            .finish_non_exhaustive()
    }
}

/// Sees one handshake through, as far as needed to know whose it is.
async fn greet(
    connecting: Connecting,
    sessions: Arc<Semaphore>,
    limits: ListenLimits,
) -> Option<Arrival> {
    // On this side the conversion always succeeds; whether the peer is known
    // by now is asked of TLS below.
    let (connection, mut proof) = connecting.into_0rtt().ok()?;
    // A ticket names the device before the handshake is complete.
    let resumed = peer_key(&connection).is_some();
    let opening = tokio::select! {
        biased;
        _ = &mut proof => Opening::Relay,
        () = ready(()), if resumed => Opening::RelayEarly(proof),
        () = sleep(limits.handshake_time_max) => {
            connection.close(CloseCode::Violation.wire(), b"the handshake took too long");
            Opening::Relay
        }
    };
    let remote = connection.remote_address();
    if let Some(error) = connection.close_reason() {
        tracing::debug!(%remote, %error, "a handshake failed");
        return None;
    }
    let Ok(permit) = sessions.try_acquire_owned() else {
        tracing::warn!(%remote, limit = limits.sessions_max, "a device was sent away: all sessions are taken");
        connection.close(
            CloseCode::Full.wire(),
            b"the relay holds as many sessions as it may",
        );
        return None;
    };
    Some(Arrival {
        key: peer_key(&connection)?,
        connection,
        opening,
        permit,
        frame_bytes_max: limits.frame_bytes_max,
    })
}

/// A device at the door: its key is known, its session not begun. Dropping it
/// closes the connection.
pub struct Arrival {
    connection: quinn::Connection,
    key: KeyBytes,
    opening: Opening,
    permit: OwnedSemaphorePermit,
    frame_bytes_max: usize,
}

impl Arrival {
    /// The key the device has proven. Whether it is enrolled is not known here.
    pub fn key(&self) -> KeyBytes {
        self.key
    }

    /// Where the device is.
    pub fn remote_address(&self) -> SocketAddr {
        self.connection.remote_address()
    }

    /// Whether the device came with a ticket and its handshake is still under
    /// way, so that its first frames may be early; see [`crate::Event::Frame`].
    pub fn early(&self) -> bool {
        self.opening.unproven()
    }

    /// Begins the session: its events go to `inbox` under `id`.
    pub fn start(self, id: SessionId, inbox: mpsc::Sender<Received>) -> Session {
        Session::start(
            id,
            inbox,
            Started {
                connection: self.connection,
                peer: self.key,
                opening: self.opening,
                frame_bytes_max: self.frame_bytes_max,
                role: Role::Relay {
                    permit: self.permit,
                },
            },
        )
    }

    /// Sends the device away.
    pub fn refuse(self, code: CloseCode, reason: &str) {
        self.connection.close(code.wire(), reason.as_bytes());
    }
}

impl std::fmt::Debug for Arrival {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arrival")
            .field("remote_address", &self.remote_address())
            .finish_non_exhaustive()
    }
}
