//! Drives a relay machine: its sockets, its storage, its administrators.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cairn_model::DeviceId;
use cairn_proto::{ClientMessage, ServerMessage};
use cairn_relay::{AdminError, AdminReply, AdminRequest, Input, Output, PersistId, Relay, ReplyId};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::persister::{Persister, Written};
use crate::{
    CloseCode, Event, Held, Lane, ListenError, ListenLimits, Listener, NotSent, Platform, Received,
    Session, SessionId, System, listen_on,
};

/// Frames from all devices that may wait for the machine.
const INBOX_FRAMES_MAX: usize = 256;
/// Requests of administrators that may wait for the machine.
const REQUESTS_WAITING_MAX: usize = 64;
/// Quiet time after which a checkpoint is written if one is due.
const QUIET: Duration = Duration::from_secs(5);

/// Why a relay cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It cannot listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The system would not say where it listens.
    #[error("the socket's address cannot be read: {0}")]
    Socket(#[from] std::io::Error),
}

type Look = Box<dyn FnOnce(&Relay) + Send>;

enum Command {
    Admin(AdminRequest, oneshot::Sender<AdminReply>),
    Query(Look),
    Cut(DeviceId),
    Stop,
}

/// A relay at work.
#[derive(Debug)]
pub struct RelayService {
    handle: RelayHandle,
    local_address: Option<SocketAddr>,
    task: JoinHandle<()>,
}

/// Asks a relay at work.
#[derive(Debug, Clone)]
pub struct RelayHandle {
    commands: mpsc::Sender<Command>,
    changed: watch::Receiver<u64>,
}

impl RelayService {
    /// Puts a relay to work. Without `address` it serves administrators only.
    pub async fn start(
        relay: Relay,
        address: Option<SocketAddr>,
    ) -> Result<RelayService, ServiceError> {
        RelayService::start_on(Arc::new(System), relay, address).await
    }

    /// The same on another platform.
    pub async fn start_on(
        platform: Arc<dyn Platform>,
        mut relay: impl Held<Relay>,
        address: Option<SocketAddr>,
    ) -> Result<RelayService, ServiceError> {
        let (seed, storage) =
            relay.with(|relay| (relay.secret_seed(), Arc::clone(relay.storage())));
        let limits = ListenLimits::default();
        let listener = match address {
            Some(address) => Some(listen_on(&platform, &address.to_string(), &seed, limits).await?),
            None => None,
        };
        let local_address = listener.as_ref().map(Listener::local_address).transpose()?;
        let (commands, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (changes, changed) = watch::channel(0);
        let (inbox, frames) = mpsc::channel(INBOX_FRAMES_MAX);
        let (rooms, room) = mpsc::channel(INBOX_FRAMES_MAX);
        let (persister, written) = Persister::start(storage, platform.storing());
        let driver = Driver {
            platform,
            relay,
            listener,
            persister,
            inbox,
            rooms,
            sessions: BTreeMap::new(),
            replies: BTreeMap::new(),
            next: 1,
            changes,
            stopping: false,
        };
        let task = tokio::spawn(driver.run(requests, frames, room, written));
        Ok(RelayService {
            handle: RelayHandle { commands, changed },
            local_address,
            task,
        })
    }

    /// Asks it.
    pub fn handle(&self) -> RelayHandle {
        self.handle.clone()
    }

    /// Where it listens.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.local_address
    }

    /// Drops everything where it stands, as when the power goes.
    pub fn kill(self) {
        self.task.abort();
    }

    /// Writes a checkpoint, ends every session, and waits until storage is
    /// done.
    pub async fn stop(self) {
        let _ = self.handle.commands.send(Command::Stop).await;
        let _ = self.task.await;
    }
}

impl RelayHandle {
    /// Has an administrator's request done.
    pub async fn admin(&self, request: AdminRequest) -> AdminReply {
        let (answer, answered) = oneshot::channel();
        let stopped = || {
            AdminError::Storage(cairn_oplog::StorageError::Io(
                "the relay has stopped".to_owned(),
            ))
        };
        if self
            .commands
            .send(Command::Admin(request, answer))
            .await
            .is_err()
        {
            return Err(stopped());
        }
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Looks at the machine. `None` when it has stopped.
    pub async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Relay) -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |relay| {
            let _ = answer.send(look(relay));
        });
        self.commands.send(Command::Query(look)).await.ok()?;
        answered.await.ok()
    }

    /// Counts up whenever something was committed.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Closes the sessions of a device. It may connect again.
    pub async fn cut(&self, device: DeviceId) {
        let _ = self.commands.send(Command::Cut(device)).await;
    }
}

/// A session and the frames its lanes have had no room for.
struct Connected {
    session: Arc<Session>,
    backlog: BTreeMap<Lane, VecDeque<Vec<u8>>>,
}

struct Driver<R> {
    platform: Arc<dyn Platform>,
    relay: R,
    listener: Option<Listener>,
    persister: Persister<PersistId>,
    inbox: mpsc::Sender<Received>,
    rooms: mpsc::Sender<(SessionId, Lane)>,
    sessions: BTreeMap<SessionId, Connected>,
    replies: BTreeMap<ReplyId, oneshot::Sender<AdminReply>>,
    next: u64,
    changes: watch::Sender<u64>,
    stopping: bool,
}

/// Which lane a message to a device travels on: what is downloaded on its own
/// and in order, so that a first download never delays an acknowledgement.
fn lane_of(message: &ServerMessage) -> Lane {
    match message {
        ServerMessage::Directory(_)
        | ServerMessage::Page { .. }
        | ServerMessage::Changes { .. } => Lane::Download,
        _ => Lane::Control,
    }
}

impl<R: Held<Relay>> Driver<R> {
    async fn run(
        mut self,
        mut requests: mpsc::Receiver<Command>,
        mut frames: mpsc::Receiver<Received>,
        mut room: mpsc::Receiver<(SessionId, Lane)>,
        mut written: mpsc::Receiver<Written<PersistId>>,
    ) {
        let mut quiet = tokio::time::interval(QUIET);
        let mut moved = false;
        while !self.stopping {
            let (deadline, busy) = self.relay.with(|relay| (relay.deadline(), relay.is_busy()));
            let now = self.platform.now();
            let wait = deadline.map(|at| Duration::from_millis(at.since(now)));
            tokio::select! {
                biased;
                Some(outcome) = written.recv() => self.written(outcome),
                Some((session, lane)) = room.recv() => self.flush(session, lane),
                command = requests.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.stopping = true,
                },
                // Before frames: a device that never stops talking keeps nobody out.
                Some(arrival) = accept(&mut self.listener) => {
                    let id = SessionId(self.fresh());
                    let key = cairn_model::PublicKey(arrival.key());
                    let session = Arc::new(arrival.start(id, self.inbox.clone()));
                    self.sessions.insert(id, Connected { session, backlog: BTreeMap::new() });
                    self.handle(Input::Connected { session: cairn_relay::SessionId(id.0), key });
                }
                Some(received) = frames.recv(), if !busy => {
                    self.received(received);
                    moved = true;
                }
                () = sleep(wait) => self.handle(Input::Due),
                _ = quiet.tick() => {
                    if !std::mem::take(&mut moved) {
                        self.handle(Input::Tick);
                    }
                }
            }
        }
        self.shut_down(&mut written).await;
    }

    async fn shut_down(mut self, written: &mut mpsc::Receiver<Written<PersistId>>) {
        if let Some(listener) = &self.listener {
            listener.close(CloseCode::Stopping, "the relay is shutting down");
        }
        while self.relay.with(|relay| relay.is_persisting()) {
            match written.recv().await {
                Some(outcome) => self.written(outcome),
                None => break,
            }
        }
        self.handle(Input::Tick);
        while self.relay.with(|relay| relay.is_persisting()) {
            match written.recv().await {
                Some(outcome) => self.written(outcome),
                None => break,
            }
        }
        self.sessions.clear();
        if let Some(listener) = &self.listener {
            listener.idle().await;
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn handle(&mut self, input: Input) {
        self.relay.handle(self.platform.now(), input);
        self.pump();
    }

    fn written(&mut self, (id, outcome): Written<PersistId>) {
        match outcome {
            Ok(()) => self.handle(Input::Persisted(id)),
            Err(error) => self.handle(Input::PersistFailed(id, error)),
        }
        self.changes.send_modify(|count| *count += 1);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Admin(request, answer) => {
                let reply = ReplyId(self.fresh());
                self.replies.insert(reply, answer);
                self.handle(Input::Admin { reply, request });
            }
            Command::Query(look) => self.relay.with(|relay| look(relay)),
            Command::Cut(device) => {
                for connected in self.sessions.values() {
                    if cairn_model::PublicKey(connected.session.peer()).device() == device {
                        connected
                            .session
                            .close(CloseCode::Stopping, "the connection was cut at the relay");
                    }
                }
            }
            Command::Stop => self.stopping = true,
        }
    }

    fn received(&mut self, received: Received) {
        let session = cairn_relay::SessionId(received.session.0);
        match received.event {
            Event::Frame { bytes, .. } => match ClientMessage::decode(&bytes) {
                Ok(message) => self.handle(Input::Received { session, message }),
                Err(error) => {
                    tracing::warn!(session = session.0, %error, "a device sent what is no message");
                    let words = format!(
                        "the relay cannot read what this device says ({error}); update whichever program is older, nothing is lost"
                    );
                    self.close(received.session, CloseCode::Violation, &words);
                }
            },
            Event::Ended(end) => {
                tracing::debug!(session = session.0, %end, "session ended");
                self.sessions.remove(&received.session);
                self.handle(Input::Disconnected { session });
            }
        }
    }

    fn close(&mut self, id: SessionId, code: CloseCode, reason: &str) {
        if let Some(connected) = self.sessions.remove(&id) {
            connected.session.close(code, reason);
        }
        self.handle(Input::Disconnected {
            session: cairn_relay::SessionId(id.0),
        });
    }

    fn pump(&mut self) {
        while let Some(output) = self.relay.poll_output() {
            match output {
                Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    if let Err((id, Err(error))) = self.persister.write(id, batch, durability) {
                        let now = self.platform.now();
                        self.relay.handle(now, Input::PersistFailed(id, error));
                    }
                }
                Output::Send { session, message } => {
                    let lane = lane_of(&message);
                    self.send(SessionId(session.0), lane, message.encode());
                }
                Output::Close { session, refusal } => {
                    // The refusal itself was queued before; the session ends
                    // once it is read.
                    tracing::debug!(session = session.0, ?refusal, "closing");
                    self.sessions.remove(&SessionId(session.0));
                }
                Output::Reply { reply, answer } => {
                    if let Some(waiting) = self.replies.remove(&reply) {
                        let _ = waiting.send(answer);
                    }
                }
            }
        }
    }

    fn send(&mut self, id: SessionId, lane: Lane, frame: Vec<u8>) {
        let Some(connected) = self.sessions.get_mut(&id) else {
            return;
        };
        let backlog = connected.backlog.entry(lane).or_default();
        backlog.push_back(frame);
        if backlog.len() == 1 {
            self.flush(id, lane);
        }
    }

    /// Moves frames of a lane into its outbox; when that is full, waits aside
    /// for room.
    fn flush(&mut self, id: SessionId, lane: Lane) {
        let Some(connected) = self.sessions.get_mut(&id) else {
            return;
        };
        let Some(backlog) = connected.backlog.get_mut(&lane) else {
            return;
        };
        while let Some(frame) = backlog.pop_front() {
            match connected.session.outbox(lane).try_send(frame) {
                Ok(()) => self.relay.handle(
                    self.platform.now(),
                    Input::Sent {
                        session: cairn_relay::SessionId(id.0),
                    },
                ),
                Err(NotSent::Full(frame)) => {
                    backlog.push_front(frame.into());
                    let (session, rooms) = (Arc::clone(&connected.session), self.rooms.clone());
                    tokio::spawn(async move {
                        session.outbox(lane).room().await;
                        let _ = rooms.send((id, lane)).await;
                    });
                    break;
                }
                Err(NotSent::Ended(_)) => {
                    backlog.clear();
                    break;
                }
            }
        }
        self.pump();
    }
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

async fn accept(listener: &mut Option<Listener>) -> Option<crate::Arrival> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}
