//! A session: one connection between a device and a relay, as two queues.
//!
//! What arrives goes into the inbox the caller brought, tagged with the id the
//! caller chose, so one driver can serve one session or thousands from one
//! queue. What leaves goes through a bounded [`Outbox`] per lane.
//!
//! Back-pressure reaches from machine to machine: when the inbox is full the
//! readers stop, QUIC's windows close, the peer's writer waits, its outbox
//! fills, and its `try_send` says so. Nothing in between grows.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quinn::Side;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use crate::dial::Resumable;
use crate::end::{CloseCode, SessionEnd};
use crate::endpoint::device_socket;
use crate::identity::{KeyBytes, PinnedRelay};
use crate::lane::Lane;
use crate::limit::FRAME_BYTES_MAX;
use crate::opening::Opening;
use crate::platform::Platform;
use crate::wire::WireStats;
use crate::{reader, writer};

/// Names a session to its driver. Chosen by the driver, never sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// Something that happened on a session.
#[derive(Debug)]
pub struct Received {
    /// On which one.
    pub session: SessionId,
    /// What.
    pub event: Event,
}

/// What can happen on a session.
#[derive(Debug)]
pub enum Event {
    /// A frame arrived.
    Frame {
        /// On which lane; frames of one lane are in order.
        lane: Lane,
        /// The peer's handshake was not complete when this was delivered. The
        /// bytes are from the named device, but could be a recording of an
        /// earlier first flight: do nothing for them that must not happen
        /// twice.
        early: bool,
        /// The payload.
        bytes: Vec<u8>,
    },
    /// The session is over. Always the last event of its session.
    Ended(SessionEnd),
}

/// What every task of a session shares.
pub(crate) struct Link {
    pub(crate) id: SessionId,
    pub(crate) connection: quinn::Connection,
    pub(crate) inbox: mpsc::Sender<Received>,
    pub(crate) frame_bytes_max: usize,
    /// The handshake is still under way; see [`Event::Frame`].
    pub(crate) unproven: AtomicBool,
    /// One bit for each one-way lane the peer has opened.
    pub(crate) lanes_opened: AtomicU8,
    /// The relay this side insists on, if this side is a device.
    pub(crate) pinned: Option<Arc<PinnedRelay>>,
}

impl Link {
    pub(crate) fn end(&self, error: quinn::ConnectionError) -> SessionEnd {
        SessionEnd::read(error, self.pinned.as_deref())
    }

    /// Hands a frame to the driver; waits while its inbox is full.
    pub(crate) async fn deliver(&self, lane: Lane, bytes: Vec<u8>) -> Result<(), SessionEnd> {
        let early = self.unproven.load(Ordering::Acquire);
        self.tell(Event::Frame { lane, early, bytes }).await
    }

    pub(crate) async fn tell(&self, event: Event) -> Result<(), SessionEnd> {
        let received = Received {
            session: self.id,
            event,
        };
        self.inbox
            .send(received)
            .await
            .map_err(|_| SessionEnd::ClosedHere)
    }

    /// Closes at once, without waiting for anything to be delivered.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        self.connection.close(code.wire(), reason.as_bytes());
    }

    /// Whether this side sends on `lane` (`outgoing`) or receives on it.
    pub(crate) fn carries(&self, lane: Lane, outgoing: bool) -> bool {
        match lane {
            Lane::Control | Lane::Files => true,
            Lane::Download => (self.connection.side() == Side::Server) == outgoing,
        }
    }
}

/// One end of a session.
///
/// Dropping it ends the session in good order: queued frames are sent, and the
/// peer closes once it has read them. [`Session::close`] ends it at once.
pub struct Session {
    link: Arc<Link>,
    peer: KeyBytes,
    control: Outbox,
    download: OnceLock<Outbox>,
    files: OnceLock<Outbox>,
    /// The socket of a device's session, and where another is found.
    endpoint: Option<(quinn::Endpoint, Arc<dyn Platform>)>,
}

/// What a session is started from.
pub(crate) struct Started {
    pub(crate) connection: quinn::Connection,
    pub(crate) peer: KeyBytes,
    pub(crate) opening: Opening,
    pub(crate) frame_bytes_max: usize,
    pub(crate) role: Role,
}

/// What belongs to one side only.
pub(crate) enum Role {
    Device {
        endpoint: quinn::Endpoint,
        platform: Arc<dyn Platform>,
        pinned: Arc<PinnedRelay>,
        resumable: Resumable,
    },
    /// The permit is held until the session is over.
    Relay { permit: OwnedSemaphorePermit },
}

impl Session {
    pub(crate) fn start(id: SessionId, inbox: mpsc::Sender<Received>, started: Started) -> Self {
        let (endpoint, pinned, resumable, permit) = match started.role {
            Role::Device {
                endpoint,
                platform,
                pinned,
                resumable,
            } => (
                Some((endpoint, platform)),
                Some(pinned),
                Some(resumable),
                None,
            ),
            Role::Relay { permit } => (None, None, None, Some(permit)),
        };
        let link = Arc::new(Link {
            id,
            connection: started.connection,
            inbox,
            frame_bytes_max: started.frame_bytes_max,
            unproven: AtomicBool::new(started.opening.unproven()),
            lanes_opened: AtomicU8::new(0),
            pinned,
        });
        let (control, queue) = Outbox::new(Lane::Control);
        let task = reader::run(Arc::clone(&link), started.opening, queue, resumable);
        tokio::spawn(async move {
            task.await;
            drop(permit);
        });
        Self {
            link,
            peer: started.peer,
            control,
            download: OnceLock::new(),
            files: OnceLock::new(),
            endpoint,
        }
    }

    /// The id the driver gave.
    pub fn id(&self) -> SessionId {
        self.link.id
    }

    /// The key the peer has proven (for a device: the pinned relay key).
    pub fn peer(&self) -> KeyBytes {
        self.peer
    }

    /// Where the peer is now; it may move.
    pub fn remote_address(&self) -> SocketAddr {
        self.link.connection.remote_address()
    }

    /// Whether the handshake is still under way; see [`Event::Frame`].
    pub fn early(&self) -> bool {
        self.link.unproven.load(Ordering::Acquire)
    }

    /// The queue of outgoing frames of `lane`. The first call for a lane opens
    /// it; asking a device's session for the download lane is a mistake in the
    /// calling code.
    pub fn outbox(&self, lane: Lane) -> &Outbox {
        assert!(self.link.carries(lane, true), "only a relay sends pages");
        let open = || writer::open_one_way(Arc::clone(&self.link), lane);
        match lane {
            Lane::Control => &self.control,
            Lane::Download => self.download.get_or_init(open),
            Lane::Files => self.files.get_or_init(open),
        }
    }

    /// What the session has cost on the wire so far.
    pub fn wire(&self) -> WireStats {
        WireStats::of(&self.link.connection)
    }

    /// Ends the session at once. Frames that are not delivered yet may be
    /// lost; the peer is told `code` and `reason`.
    pub fn close(&self, code: CloseCode, reason: &str) {
        self.link.close(code, reason);
    }

    /// Ends the session in good order and waits until the peer has read all
    /// frames that were queued, or until the linger time is over.
    pub async fn finish(self) {
        let connection = self.link.connection.clone();
        drop(self);
        connection.closed().await;
    }

    /// Carries a device's session over to a fresh socket, as when the machine
    /// has changed networks. The session goes on; the relay learns the new
    /// address from the next packet, which is sent at once.
    pub fn rebind(&self) -> io::Result<()> {
        let Some((endpoint, platform)) = &self.endpoint else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        endpoint.rebind_abstract(device_socket(&**platform, self.remote_address())?)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.link.id)
            .field("remote_address", &self.remote_address())
            .finish_non_exhaustive()
    }
}

/// Why a frame was not taken. It is handed back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The peer reads more slowly than this side writes. Wait for
    /// [`Outbox::room`].
    #[error("the lane's queue is full; the peer has not read what was sent before")]
    Full(Bytes),
    /// The session is over.
    #[error("the session is over")]
    Ended(Bytes),
}

/// The bounded queue of frames leaving on one lane.
#[derive(Debug)]
pub struct Outbox {
    queue: mpsc::Sender<Bytes>,
}

impl Outbox {
    pub(crate) fn new(lane: Lane) -> (Self, mpsc::Receiver<Bytes>) {
        let (queue, frames) = mpsc::channel(lane.queue_frames_max());
        (Self { queue }, frames)
    }

    /// Queues a frame of at most [`FRAME_BYTES_MAX`] bytes if there is room
    /// now. Frames queued together leave together.
    pub fn try_send(&self, frame: impl Into<Bytes>) -> Result<(), NotSent> {
        self.queue
            .try_send(sendable(frame))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(frame) => NotSent::Full(frame),
                mpsc::error::TrySendError::Closed(frame) => NotSent::Ended(frame),
            })
    }

    /// Queues a frame, waiting for room. Cancelling it queues nothing.
    pub async fn send(&self, frame: impl Into<Bytes>) -> Result<(), NotSent> {
        let frame = sendable(frame);
        self.queue
            .send(frame)
            .await
            .map_err(|error| NotSent::Ended(error.0))
    }

    /// Waits until there is room for a frame, or until the session is over
    /// (which the next `try_send` then reports).
    pub async fn room(&self) {
        // The permit goes back at once: the caller is told, not promised.
        drop(self.queue.reserve().await);
    }

    /// Frames that can be queued now.
    pub fn free(&self) -> usize {
        self.queue.capacity()
    }
}

fn sendable(frame: impl Into<Bytes>) -> Bytes {
    let frame = frame.into();
    assert!(
        (1..=FRAME_BYTES_MAX).contains(&frame.len()),
        "a frame has 1 to {FRAME_BYTES_MAX} bytes, not {}",
        frame.len()
    );
    frame
}
