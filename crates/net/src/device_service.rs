//! Drives a device machine: its connection, its storage, its deadlines, and
//! the person's requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cairn_agent::{Agent, Condition, EditError, Input, Output, PersistId, Reply, ReplyId, Request};
use cairn_model::{RecordId, limit};
use cairn_oplog::{Batch, Durability, Storage, StorageError};
use cairn_proto::{HistoryEntry, Refusal, ServerMessage};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::end::in_words;
use crate::persister::{Persister, Written};
use crate::{
    CloseCode, DialError, DialLimits, Dialer, Event, Held, Lane, NotSent, Platform, Received,
    Session, SessionEnd, SessionId, System, WireStats,
};

/// Frames from the relay that may wait for the machine.
const INBOX_FRAMES_MAX: usize = 32;
/// Requests that may wait for the machine.
const REQUESTS_WAITING_MAX: usize = 64;

type Look = Box<dyn FnOnce(&Agent) + Send>;
type Dialled = (SessionId, Result<Session, DialError>);
type Export = Result<Vec<Vec<u8>>, StorageError>;

enum Command {
    Request(Request, oneshot::Sender<Result<Reply, EditError>>),
    History(RecordId, oneshot::Sender<Result<Reply, EditError>>),
    Query(Look),
    Export(oneshot::Sender<Export>),
    Online(bool),
    SyncNow(oneshot::Sender<()>),
    Condition(Condition),
    Traffic(oneshot::Sender<WireStats>),
    Stop,
}

/// Why a device is not in agreement with its relay.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// The relay said no.
    #[error("{}", .0.words())]
    Refused(Refusal),
    /// There is no connection.
    #[error("{0}")]
    Unreachable(String),
    /// The device's mode, or how things are around it, holds it back.
    #[error("{0}")]
    HeldBack(String),
    /// The device's own storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The service was stopped.
    #[error("the device was stopped")]
    Stopped,
}

/// How the talk with the relay stands, for those who wait.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Standing {
    count: u64,
    synced: bool,
    /// Why the last attempt ended, until the next one succeeds.
    end: Option<LinkEnd>,
}

/// A device at work.
#[derive(Debug)]
pub struct DeviceService {
    handle: DeviceHandle,
    task: JoinHandle<()>,
}

/// Asks a device at work.
#[derive(Debug, Clone)]
pub struct DeviceHandle {
    commands: mpsc::Sender<Command>,
    standing: watch::Receiver<Standing>,
}

impl DeviceService {
    /// Puts a device to work, offline. `address` is the relay's, as
    /// `host:port`.
    pub fn start(agent: Agent, address: String) -> DeviceService {
        DeviceService::start_on(Arc::new(System), agent, address)
    }

    /// The same on another platform.
    pub fn start_on(
        platform: Arc<dyn Platform>,
        mut agent: impl Held<Agent>,
        address: String,
    ) -> DeviceService {
        let (commands, requests) = mpsc::channel(REQUESTS_WAITING_MAX);
        let (standing, watching) = watch::channel(Standing::default());
        let (inbox, frames) = mpsc::channel(INBOX_FRAMES_MAX);
        let (rooms, room) = mpsc::channel(INBOX_FRAMES_MAX);
        let (dialled, dials) = mpsc::channel(1);
        let storage = agent.with(|agent| Arc::clone(agent.storage()));
        let (persister, written) = Persister::start(storage, platform.storing());
        let (seed, relay) = agent.with(|agent| (agent.secret_seed(), agent.relay_key()));
        let limits = DialLimits::default();
        let dialer = Dialer::on(Arc::clone(&platform), &seed, relay.0, limits);
        let driver = Driver {
            platform,
            agent,
            address,
            dialer: Arc::new(dialer),
            persister,
            inbox,
            rooms,
            dialled,
            dialling: None,
            session: None,
            backlog: VecDeque::new(),
            replies: BTreeMap::new(),
            next: 1,
            standing,
            past_traffic: WireStats::default(),
            stopping: false,
        };
        let task = tokio::spawn(driver.run(requests, frames, room, dials, written));
        DeviceService {
            handle: DeviceHandle {
                commands,
                standing: watching,
            },
            task,
        }
    }

    /// Asks it.
    pub fn handle(&self) -> DeviceHandle {
        self.handle.clone()
    }

    /// Drops everything where it stands, as when the power goes.
    pub fn kill(self) {
        self.task.abort();
    }

    /// Goes offline and waits until storage is done.
    pub async fn stop(self) {
        let _ = self.handle.commands.send(Command::Stop).await;
        let _ = self.task.await;
    }
}

impl DeviceHandle {
    /// Has something done; returns when it is durable here.
    pub async fn request(&self, request: Request) -> Result<Reply, EditError> {
        self.ask(|answer| Command::Request(request, answer)).await
    }

    /// The signed operations behind a record, from the relay.
    pub async fn history(&self, record: RecordId) -> Result<Vec<HistoryEntry>, EditError> {
        match self.ask(|answer| Command::History(record, answer)).await? {
            Reply::History(entries) => Ok(entries),
            Reply::Logged { .. } | Reply::StartedOver | Reply::ModeSet => Ok(Vec::new()),
        }
    }

    async fn ask(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<Reply, EditError>>) -> Command,
    ) -> Result<Reply, EditError> {
        let (answer, answered) = oneshot::channel();
        let stopped = || EditError::Storage(StorageError::Io("the device was stopped".to_owned()));
        self.commands
            .send(command(answer))
            .await
            .map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Looks at the machine. `None` when it has stopped.
    pub async fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&Agent) -> R + Send + 'static,
    ) -> Option<R> {
        let (answer, answered) = oneshot::channel();
        let look: Look = Box::new(move |agent| {
            let _ = answer.send(look(agent));
        });
        self.commands.send(Command::Query(look)).await.ok()?;
        answered.await.ok()
    }

    /// Every bundle of the device's log, the unsealed tail sealed first.
    pub async fn export(&self) -> Export {
        let (answer, answered) = oneshot::channel();
        let stopped = || StorageError::Io("the device was stopped".to_owned());
        self.commands
            .send(Command::Export(answer))
            .await
            .map_err(|_| stopped())?;
        answered.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Begins to send and receive everything once, whatever the device's mode.
    pub async fn sync_now(&self) {
        let (begun, begins) = oneshot::channel();
        let _ = self.commands.send(Command::SyncNow(begun)).await;
        let _ = begins.await;
    }

    /// Says how things are around the device.
    pub async fn condition(&self, condition: Condition) {
        let _ = self.commands.send(Command::Condition(condition)).await;
    }

    /// Connects, and connects again whenever the connection is lost, as the
    /// device's mode allows.
    pub async fn online(&self) {
        let _ = self.commands.send(Command::Online(true)).await;
    }

    /// Cuts the connection and makes no other.
    pub async fn offline(&self) {
        let _ = self.commands.send(Command::Online(false)).await;
    }

    /// Waits until something that is shown may have changed; `false` when the
    /// device has stopped.
    pub async fn changed(&mut self) -> bool {
        self.standing.changed().await.is_ok()
    }

    /// Waits until everything is sent and received.
    ///
    /// # Errors
    /// When the attempt that is under way ends without that, in words. The
    /// device goes on trying if it is online.
    pub async fn synced(&self) -> Result<(), LinkEnd> {
        let mut standing = self.standing.clone();
        let done = standing
            .wait_for(|standing| standing.synced || standing.end.is_some())
            .await;
        match done {
            Ok(standing) if standing.synced => Ok(()),
            Ok(standing) => Err(standing.end.clone().unwrap_or(LinkEnd::Stopped)),
            Err(_) => Err(LinkEnd::Stopped),
        }
    }

    /// What all sessions have cost on the wire so far.
    pub async fn traffic(&self) -> WireStats {
        let (answer, answered) = oneshot::channel();
        let _ = self.commands.send(Command::Traffic(answer)).await;
        answered.await.unwrap_or_default()
    }
}

struct Driver<A> {
    platform: Arc<dyn Platform>,
    agent: A,
    address: String,
    dialer: Arc<Dialer>,
    persister: Persister<PersistId>,
    inbox: mpsc::Sender<Received>,
    rooms: mpsc::Sender<SessionId>,
    dialled: mpsc::Sender<Dialled>,
    /// The attempt to connect that the machine waits for.
    dialling: Option<SessionId>,
    session: Option<Arc<Session>>,
    backlog: VecDeque<Vec<u8>>,
    replies: BTreeMap<ReplyId, oneshot::Sender<Result<Reply, EditError>>>,
    next: u64,
    standing: watch::Sender<Standing>,
    past_traffic: WireStats,
    stopping: bool,
}

impl<A: Held<Agent>> Driver<A> {
    async fn run(
        mut self,
        mut requests: mpsc::Receiver<Command>,
        mut frames: mpsc::Receiver<Received>,
        mut room: mpsc::Receiver<SessionId>,
        mut dials: mpsc::Receiver<Dialled>,
        mut written: mpsc::Receiver<Written<PersistId>>,
    ) {
        while !self.stopping {
            let (deadline, busy) = self.agent.with(|agent| (agent.deadline(), agent.is_busy()));
            let now = self.platform.now();
            let wait = deadline.map(|at| Duration::from_millis(at.since(now)));
            tokio::select! {
                biased;
                Some(outcome) = written.recv() => self.written(outcome),
                Some(_) = room.recv() => self.flush(),
                command = requests.recv() => match command {
                    Some(command) => self.command(command),
                    None => self.stopping = true,
                },
                Some(dialled) = dials.recv() => self.dialled(dialled),
                Some(received) = frames.recv(), if !busy => self.received(received),
                () = sleep(wait) => self.handle(Input::Tick),
            }
            self.tell();
        }
        self.handle(Input::GoOffline);
        while self.agent.with(|agent| agent.is_persisting()) {
            match written.recv().await {
                Some(outcome) => self.written(outcome),
                None => break,
            }
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn handle(&mut self, input: Input) {
        self.agent.handle(self.platform.now(), input);
        self.pump();
    }

    fn tell(&mut self) {
        let (synced, held_back) = self.agent.with(|agent| {
            let held_back = agent.held_back();
            let words = held_back.map(|waiting| waiting.words(agent.unsent().count()));
            (agent.is_synced(), words.map(LinkEnd::HeldBack))
        });
        self.standing.send_if_modified(|standing| {
            let was_back = matches!(standing.end, Some(LinkEnd::HeldBack(_)));
            let before = standing.end.clone();
            if synced || held_back.is_some() || was_back {
                standing.end = held_back.filter(|_| !synced);
            }
            std::mem::replace(&mut standing.synced, synced) != synced || standing.end != before
        });
    }

    fn ended(&self, end: LinkEnd) {
        self.standing.send_modify(|standing| {
            standing.synced = false;
            standing.end = Some(end);
        });
    }

    fn written(&mut self, (id, outcome): Written<PersistId>) {
        match outcome {
            Ok(()) => self.handle(Input::Persisted(id)),
            Err(error) => {
                self.ended(error.clone().into());
                self.handle(Input::PersistFailed(id, error));
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Request(request, answer) => {
                let reply = ReplyId(self.fresh());
                self.replies.insert(reply, answer);
                match random_ids(&*self.platform, &request) {
                    Ok(random) => self.handle(Input::Request {
                        reply,
                        random,
                        request,
                    }),
                    Err(error) => self.reply(reply, Err(EditError::Storage(error))),
                }
            }
            Command::History(record, answer) => {
                let reply = ReplyId(self.fresh());
                self.replies.insert(reply, answer);
                self.handle(Input::History { reply, record });
            }
            Command::Query(look) => self.agent.with(|agent| look(agent)),
            Command::Export(answer) => {
                let _ = answer.send(self.export());
            }
            Command::Online(true) => self.begin(Input::GoOnline),
            Command::SyncNow(begun) => {
                self.begin(Input::SyncNow);
                self.tell();
                let _ = begun.send(());
            }
            Command::Condition(condition) => self.handle(Input::Condition(condition)),
            Command::Online(false) => self.handle(Input::GoOffline),
            Command::Traffic(answer) => {
                let _ = answer.send(self.traffic());
            }
            Command::Stop => self.stopping = true,
        }
    }

    /// How an earlier attempt ended says nothing of the one that begins.
    fn begin(&mut self, input: Input) {
        let failed = self.agent.with(|agent| agent.failure().cloned());
        let failed = failed.map(LinkEnd::Storage);
        self.standing.send_modify(|standing| {
            standing.synced = false;
            standing.end = failed;
        });
        self.handle(input);
    }

    /// Sealing for an export is rare and must be durable before a bundle
    /// leaves, so it is written here and now.
    fn export(&mut self) -> Export {
        let mut batch = Batch::default();
        let bundles = self.agent.with(|agent| agent.export(&mut batch))?;
        if !batch.is_empty() {
            let storage = self.agent.with(|agent| Arc::clone(agent.storage()));
            storage.commit(batch, Durability::Synced)?;
        }
        Ok(bundles
            .iter()
            .map(|bundle| bundle.bytes().to_vec())
            .collect())
    }

    fn traffic(&self) -> WireStats {
        let now = self
            .session
            .as_ref()
            .map(|session| session.wire())
            .unwrap_or_default();
        self.past_traffic.plus(now)
    }

    fn dialled(&mut self, (id, outcome): Dialled) {
        if self.dialling != Some(id) {
            if let Ok(session) = outcome {
                session.close(CloseCode::Finished, "the device does not need it any more");
            }
            return;
        }
        self.dialling = None;
        match outcome {
            Ok(session) => {
                tracing::debug!(session = id.0, "connected");
                self.session = Some(Arc::new(session));
                self.backlog.clear();
                self.handle(Input::Connected);
            }
            Err(error) => {
                tracing::debug!(%error, "not connected");
                self.ended(LinkEnd::Unreachable(in_words(&error)));
                self.handle(Input::DialFailed);
            }
        }
    }

    fn received(&mut self, received: Received) {
        if self.session.as_ref().map(|session| session.id()) != Some(received.session) {
            return;
        }
        match received.event {
            Event::Frame { bytes, .. } => match ServerMessage::decode(&bytes) {
                Ok(message) => {
                    if let ServerMessage::Refused(refusal) = &message {
                        self.ended(LinkEnd::Refused(*refusal));
                    }
                    self.handle(Input::Received(message));
                }
                Err(error) => {
                    tracing::warn!(%error, "the relay sent what is no message");
                    self.hang_up(CloseCode::Violation, &error.to_string());
                    self.ended(LinkEnd::Unreachable(format!(
                        "this program cannot read what the relay says ({error}). If the relay was updated, update the program on this device; nothing is lost, and unsent work is handed in then"
                    )));
                    self.handle(Input::Disconnected);
                }
            },
            Event::Ended(end) => {
                self.forget_session();
                if end != SessionEnd::Finished
                    || !matches!(self.standing.borrow().end, Some(LinkEnd::Refused(_)))
                {
                    self.ended(LinkEnd::Unreachable(in_words(&end)));
                }
                self.handle(Input::Disconnected);
            }
        }
    }

    fn forget_session(&mut self) -> Option<Arc<Session>> {
        self.past_traffic = self.traffic();
        self.backlog.clear();
        self.session.take()
    }

    fn hang_up(&mut self, code: CloseCode, reason: &str) {
        if let Some(session) = self.forget_session() {
            session.close(code, reason);
        }
    }

    fn reply(&mut self, reply: ReplyId, answer: Result<Reply, EditError>) {
        if let Some(waiting) = self.replies.remove(&reply) {
            let _ = waiting.send(answer);
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Dial => self.dial(),
                Output::HangUp => {
                    self.dialling = None;
                    self.hang_up(CloseCode::Finished, "the device goes offline");
                }
                Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    if let Err((id, Err(error))) = self.persister.write(id, batch, durability) {
                        let now = self.platform.now();
                        self.agent.handle(now, Input::PersistFailed(id, error));
                    }
                }
                Output::Send(message) => {
                    self.backlog.push_back(message.encode());
                    if self.backlog.len() == 1 {
                        self.flush();
                    }
                }
                Output::Reply { reply, answer } => self.reply(reply, answer),
                Output::Changed => self.standing.send_modify(|standing| standing.count += 1),
            }
        }
    }

    fn dial(&mut self) {
        // How an earlier attempt ended says nothing of this one.
        self.standing.send_modify(|standing| standing.end = None);
        let id = SessionId(self.fresh());
        self.dialling = Some(id);
        let (dialer, address) = (Arc::clone(&self.dialer), self.address.clone());
        let (inbox, dialled) = (self.inbox.clone(), self.dialled.clone());
        tokio::spawn(async move {
            let outcome = dialer.dial(&address, id, inbox).await;
            let _ = dialled.send((id, outcome)).await;
        });
    }

    /// Moves frames into the outbox; when that is full, waits aside for room.
    fn flush(&mut self) {
        let Some(session) = &self.session else {
            self.backlog.clear();
            return;
        };
        while let Some(frame) = self.backlog.pop_front() {
            match session.outbox(Lane::Control).try_send(frame) {
                Ok(()) => {}
                Err(NotSent::Full(frame)) => {
                    self.backlog.push_front(frame.into());
                    let (session, rooms) = (Arc::clone(session), self.rooms.clone());
                    tokio::spawn(async move {
                        session.outbox(Lane::Control).room().await;
                        let _ = rooms.send(session.id()).await;
                    });
                    return;
                }
                Err(NotSent::Ended(_)) => return self.backlog.clear(),
            }
        }
    }
}

/// Random bytes for the ids of the records a request creates.
fn random_ids(platform: &dyn Platform, request: &Request) -> Result<Vec<[u8; 10]>, StorageError> {
    let count = match request {
        Request::Edit(edits) => edits.iter().filter(|edit| edit.record.is_none()).count(),
        Request::Resubmit { .. }
        | Request::Discard { .. }
        | Request::StartOver
        | Request::Mode(_)
        | Request::AcceptDefinition => 0,
    };
    (0..count.min(limit::MUTATIONS_MAX))
        .map(|_| {
            let mut bytes = [0; 10];
            platform
                .random(&mut bytes)
                .map_err(|error| StorageError::Io(format!("no random numbers: {error}")))?;
            Ok(bytes)
        })
        .collect()
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
