//! The machine: what comes in, what goes out, and the ledger between them.

use crate::admin::{AdminError, AdminReply, AdminRequest, Pending, TicketBook};
use crate::directory::DefinitionChanges;
use crate::era::Eras;
use crate::held::Holding;
use crate::session::{Resend, Session};
use cairn_model::{
    Action, AuthorId, HybridClock, LogId, Operation, OrganizationId, PublicKey, Timestamp, Version,
    codec,
};
use cairn_oplog::bundle::{self, LogHead, Slot};
use cairn_oplog::ledger_log;
use cairn_oplog::{
    Batch, Checkpoint, Durability, Entry, LedgerHead, Parsed, SecretKey, Storage, StorageError,
    Verified,
};
use cairn_projection::page::{Pages, PagesMark};
use cairn_projection::{Device, State, Verdict};
use cairn_proto::{ClientMessage, Era, Refusal, ServerMessage};
use cairn_scope::{Engine, Touched};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A connection with a device, as numbered by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

/// A batch on its way to storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersistId(pub u64);

/// An administrator's request, as numbered by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyId(pub u64);

/// What happens to the relay.
#[derive(Debug)]
pub enum Input {
    /// A device has connected and proven that it has `key`.
    Connected {
        /// The session's number, never used before.
        session: SessionId,
        /// The device's key.
        key: PublicKey,
    },
    /// A device said something.
    Received {
        /// Which.
        session: SessionId,
        /// What.
        message: ClientMessage,
    },
    /// A frame left for the device: there is room for another.
    Sent {
        /// Which device.
        session: SessionId,
    },
    /// The connection is gone.
    Disconnected {
        /// Which.
        session: SessionId,
    },
    /// A batch is as durable as it asked to be.
    Persisted(PersistId),
    /// A batch could not be stored.
    PersistFailed(PersistId, StorageError),
    /// An administrator asks.
    Admin {
        /// Where the answer goes.
        reply: ReplyId,
        /// What.
        request: AdminRequest,
    },
    /// The deadline has come.
    Due,
    /// Time has passed. Also the end of a session with the operator: a
    /// checkpoint is written when one is due.
    Tick,
}

/// What the relay wants done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Store this.
    Persist {
        /// To be named in the answer.
        id: PersistId,
        /// What.
        batch: Batch,
        /// How well.
        durability: Durability,
    },
    /// Send this.
    Send {
        /// To whom.
        session: SessionId,
        /// What.
        message: ServerMessage,
    },
    /// Close the connection, after what was sent before.
    Close {
        /// Which.
        session: SessionId,
        /// Why.
        refusal: Refusal,
    },
    /// Answer an administrator.
    Reply {
        /// Whom.
        reply: ReplyId,
        /// What.
        answer: AdminReply,
    },
}

/// Operations after which a checkpoint is written. A start folds at most this
/// many and what came in meanwhile.
const CHECKPOINT_OPERATIONS: u64 = 100_000;
/// Bytes of bundles waiting for storage above which no more are taken in.
const WAITING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is done when a batch has become durable.
enum Afterwards {
    /// Entries are folded, and whoever waits for them or for the batch is
    /// answered.
    Fold(Vec<Taken>, Vec<ReplyId>, LedgerHead),
    /// The pages of a checkpoint can be read.
    Settle(PagesMark),
}

/// A bundle taken into the ledger.
struct Taken {
    entry: Entry,
    from: From,
}

/// A bundle that continues its log, or repeats a part of it.
pub(crate) struct Arrived {
    /// The log's head after it.
    pub(crate) head: LogHead,
    /// What it is, when it is in the ledger already, or on its way there.
    pub(crate) resend: Option<Resend>,
}

/// Where a bundle came from.
#[derive(Clone, Copy)]
pub(crate) enum From {
    Session(SessionId),
    Enrolment(SessionId),
    Admin(ReplyId),
}

/// The relay.
pub struct Relay {
    pub(crate) secret: SecretKey,
    pub(crate) organization: OrganizationId,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) eras: Eras,
    pub(crate) state: State,
    pages: Pages,
    ledger: LedgerHead,
    /// Where logs end counting bundles that are not durable yet.
    heads: BTreeMap<LogId, LogHead>,
    clock: HybridClock,
    pub(crate) tickets: TicketBook,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    pub(crate) requests: BTreeMap<ReplyId, Pending>,
    /// Where the ledger ends, counting only what is durable.
    durable: LedgerHead,
    pub(crate) definition_changes: DefinitionChanges,
    /// What each user's devices shall hold.
    pub(crate) scopes: Engine,
    /// What each device held when its last session ended, as far as it is known.
    pub(crate) holdings: BTreeMap<AuthorId, Holding>,
    /// Resends whose first copy is on its way to storage.
    pub(crate) resent: Vec<(SessionId, Resend)>,
    waiting: Vec<Taken>,
    waiting_replies: Vec<ReplyId>,
    waiting_batch: Batch,
    waiting_bytes: usize,
    persisting: Option<(PersistId, Afterwards)>,
    next_persist: u64,
    checkpointed: Version,
    failed: Option<StorageError>,
    /// What the clock shows.
    pub(crate) now: Timestamp,
    /// When intervals are over, by session.
    pub(crate) dues: BTreeSet<(Timestamp, SessionId)>,
    pub(crate) outputs: VecDeque<Output>,
}

impl Relay {
    /// Opens the relay over its storage: loads the last checkpoint and folds
    /// what the ledger has after it. The era is 16 random bytes, drawn for this
    /// start alone.
    pub fn open(
        secret: SecretKey,
        organization: OrganizationId,
        storage: Arc<dyn Storage>,
        era: Era,
    ) -> Result<Relay, StorageError> {
        let (mut state, pages) = State::load(organization, secret.public(), &*storage)?;
        let ledger = ledger_log::head(&organization, &secret.public(), &*storage)?;
        let checkpointed = state.version();
        while state.position() < ledger.position {
            let entries = ledger_log::entries(state.position() + 1, 256, &*storage)?;
            if entries.is_empty() {
                let position = (state.position() + 1).to_be_bytes();
                return Err(StorageError::corrupt(
                    cairn_oplog::Table::Ledger,
                    &position,
                    "the ledger has a gap",
                ));
            }
            for stored in entries {
                state.fold(&stored.entry);
            }
        }
        let tickets = TicketBook::load(&*storage)?;
        let scopes = Engine::of(&state, state.received());
        Ok(Relay {
            secret,
            organization,
            storage,
            eras: Eras::new(era, state.version()),
            state,
            pages,
            ledger,
            heads: BTreeMap::new(),
            clock: HybridClock::default(),
            tickets,
            sessions: BTreeMap::new(),
            requests: BTreeMap::new(),
            durable: ledger,
            definition_changes: DefinitionChanges::default(),
            scopes,
            holdings: BTreeMap::new(),
            resent: Vec::new(),
            waiting: Vec::new(),
            waiting_replies: Vec::new(),
            waiting_batch: Batch::default(),
            waiting_bytes: 0,
            persisting: None,
            next_persist: 1,
            checkpointed,
            failed: None,
            now: Timestamp(0),
            dues: BTreeSet::new(),
            outputs: VecDeque::new(),
        })
    }

    /// What the ledger has folded into so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Signs where the ledger ends, counting only what is durable.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::sign(&self.organization, &self.durable, &self.secret)
    }

    /// The storage, for reading.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The organization.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The relay's public key.
    pub fn key(&self) -> PublicKey {
        self.secret.public()
    }

    /// Devices connected now, by author number; `None` before their hello.
    pub fn connected(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    /// Whether so much waits for storage that no more should be taken from
    /// peers.
    pub fn is_busy(&self) -> bool {
        self.waiting_bytes > WAITING_BYTES_MAX
    }

    /// Whether a batch is on its way to storage.
    pub fn is_persisting(&self) -> bool {
        self.persisting.is_some()
    }

    /// The relay's secret, for the transport that proves it.
    pub fn secret_seed(&self) -> [u8; 32] {
        *self.secret.seed()
    }

    /// Why the relay can no longer write, if it cannot.
    pub fn failure(&self) -> Option<&StorageError> {
        self.failed.as_ref()
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.now = now;
        // Nobody is told anything as of a time that has passed.
        let touched = self.scopes.advance(&self.state, now);
        if !touched.users.is_empty() {
            self.look_again(&touched);
            self.serve_all();
        }
        match input {
            Input::Connected { session, key } => {
                self.sessions.insert(session, Session::new(key));
                self.begin_era();
            }
            Input::Received { session, message } => self.received(now, session, message),
            Input::Sent { session } => self.sent(session),
            Input::Disconnected { session } => self.end_session(session),
            Input::Persisted(id) => self.persisted(now, id),
            Input::PersistFailed(id, error) => self.persist_failed(id, error),
            Input::Admin { reply, request } => self.admin(now, reply, request),
            Input::Due => {}
            Input::Tick => self.write_checkpoint_if(self.state.version() > self.checkpointed),
        }
        self.serve_due();
        self.persist_waiting();
    }

    /// When time alone changes what a device shall hold, or brings what waits
    /// for its interval: [`Input::Due`] is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        let interval = self.dues.first().map(|(at, _)| *at);
        self.scopes.next_change().into_iter().chain(interval).min()
    }

    /// Has the scopes of users looked at again before their devices are served:
    /// of those for whom they may have changed, and of those whose devices hold
    /// a deleted record that was restored outside of them.
    fn look_again(&mut self, touched: &Touched) {
        for session in self.sessions.values_mut() {
            let device = session.author.and_then(|author| self.state.device(author));
            let Some(device) = device else { continue };
            let changed = (session.served.holding())
                .map(|holding| holding.records() & &touched.records)
                .filter(|changed| !changed.is_empty());
            session.served.stale |= touched.users.contains(&device.user)
                || changed.is_some_and(|changed| {
                    let scope = self.scopes.scope(&self.state, &device.user);
                    !changed.is_subset(&scope)
                });
        }
    }

    /// Whether the scope is to be looked at again of the device that somebody
    /// hands in for.
    fn is_stale(&self, from: From) -> bool {
        match from {
            From::Session(id) => {
                let session = self.sessions.get(&id);
                session.is_some_and(|session| session.served.stale)
            }
            From::Enrolment(_) | From::Admin(_) => false,
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Takes a bundle into the ledger, if it continues its log. A resend is
    /// not taken again, and is no fault.
    pub(crate) fn take_in(
        &mut self,
        now: Timestamp,
        parsed: Parsed,
        from: From,
    ) -> Result<Arrived, Refusal> {
        if self.failed.is_some() {
            return Err(Refusal::RelayFailed);
        }
        let log = parsed.log();
        if let From::Session(session) = from
            && self.sessions[&session].key.device() != log.device
        {
            return Err(Refusal::BundleInvalid);
        }
        let author = self.state.author(&log.device).ok_or(Refusal::NotEnrolled)?;
        let key = self.state.devices()[author.0 as usize].key;
        let bundle = parsed
            .verify(&self.organization, &key)
            .map_err(|_| Refusal::BundleInvalid)?;
        let quarantined = self.state.devices()[author.0 as usize]
            .quarantined
            .is_some();
        let standing = match quarantined {
            true => self.kept_head(&log)?,
            false => self.log_head(&log),
        };
        let head = bundle.head();
        let whole = |slot: &Slot| matches!(slot, Slot::Whole(_));
        if !bundle.slots().iter().all(whole) {
            return Err(Refusal::BundleInvalid);
        }
        if log.generation < self.state.devices()[author.0 as usize].generation {
            if self.is_resend(&bundle)? {
                return Ok(Arrived {
                    head,
                    resend: Some(Resend::of(&bundle)),
                });
            }
        } else if bundle.first() > standing.sequence + 1 {
            return Err(Refusal::BundleGap);
        } else if (bundle.first() <= standing.sequence || bundle.previous() != standing.head)
            && self.is_resend(&bundle)?
        {
            return Ok(Arrived {
                head,
                resend: Some(Resend::of(&bundle)),
            });
        }
        self.append(now, bundle, &standing, from);
        Ok(Arrived { head, resend: None })
    }

    /// Where a log ends, counting bundles that are not durable yet.
    pub(crate) fn log_head(&self, log: &LogId) -> LogHead {
        if let Some(head) = self.heads.get(log) {
            return *head;
        }
        let device = self
            .state
            .author(&log.device)
            .and_then(|author| self.state.device(author));
        match device {
            Some(device) if device.generation == log.generation => device.head,
            _ => LogHead::genesis(&self.organization, log),
        }
    }

    /// Where the ledger's bundles of a log end that is quarantined: the fold
    /// does not follow it any more.
    fn kept_head(&self, log: &LogId) -> Result<LogHead, Refusal> {
        let stored = ledger_log::furthest(log, &*self.storage).map_err(|_| Refusal::RelayFailed)?;
        let head = self.log_head(log);
        Ok(stored
            .filter(|stored| stored.sequence > head.sequence)
            .unwrap_or(head))
    }

    /// Where the newest of a device's logs ends in the ledger, durably.
    pub(crate) fn end_of_logs(&self, device: &Device) -> Result<(u32, LogHead), StorageError> {
        // What storage is busy with, or has failed at, may be gone again.
        let is_settled = self.persisting.is_none() && self.failed.is_none();
        let newest = match device.quarantined {
            Some(_) if is_settled => ledger_log::newest(&device.key.device(), &*self.storage)?,
            _ => None,
        };
        let Some(log) = newest.filter(|log| log.generation >= device.generation) else {
            return Ok((device.generation, device.head));
        };
        let followed = match log.generation == device.generation {
            true => device.head,
            false => LogHead::genesis(&self.organization, &log),
        };
        let end = ledger_log::furthest(&log, &*self.storage)?;
        let end = end.filter(|end| end.sequence > followed.sequence);
        Ok((log.generation, end.unwrap_or(followed)))
    }

    /// Whether every operation of the bundle stands in the ledger already, or
    /// is on its way there. If one differs, the bundle is evidence that the
    /// log was written twice, and belongs in the ledger.
    fn is_resend(&self, bundle: &Verified) -> Result<bool, Refusal> {
        let log = bundle.log();
        let stored = ledger_log::bundles_over(&log, bundle.first(), bundle.last(), &*self.storage)
            .map_err(|_| Refusal::RelayFailed)?;
        let waiting = self.waiting.iter().map(|taken| &taken.entry.bundle);
        let persisting = match &self.persisting {
            Some((_, Afterwards::Fold(taken, _, _))) => taken.as_slice(),
            _ => &[],
        };
        let known: BTreeSet<(u64, cairn_model::Hash)> = stored
            .iter()
            .chain(persisting.iter().map(|taken| &taken.entry.bundle))
            .chain(waiting)
            .filter(|known| known.log() == log)
            .flat_map(|known| (known.first()..).zip(known.slots().iter().map(|slot| slot.hash())))
            .collect();
        Ok((bundle.first()..)
            .zip(bundle.slots())
            .all(|(sequence, slot)| known.contains(&(sequence, slot.hash()))))
    }

    fn append(&mut self, now: Timestamp, bundle: Verified, standing: &LogHead, from: From) {
        if bundle.previous() == standing.head {
            self.heads.insert(bundle.log(), bundle.head());
        }
        self.waiting_bytes += bundle.bytes().len();
        let entry = ledger_log::append(&mut self.ledger, now, &bundle, &mut self.waiting_batch);
        self.waiting.push(Taken { entry, from });
    }

    /// Appends operations of the relay's own, in bundles as full as may be.
    pub(crate) fn append_own(&mut self, now: Timestamp, actions: Vec<Action>, from: From) {
        let log = LogId {
            device: self.key().device(),
            generation: 0,
        };
        let definition = self.state.definition().number;
        let mut operations: VecDeque<Vec<u8>> = actions
            .into_iter()
            .map(|action| {
                codec::encode(&Operation {
                    time: self.clock.tick(now),
                    definition,
                    action,
                })
            })
            .collect();
        while !operations.is_empty() {
            let count = bundle::fitting(operations.iter().map(Vec::len)).max(1);
            let chunk = operations.drain(..count).collect();
            let head = self.log_head(&log);
            let bundle = bundle::seal(&self.organization, log, &head, chunk, &self.secret);
            self.append(now, bundle, &head, from);
        }
    }

    /// Bundles that wait for storage.
    pub(crate) fn bundles_waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Persists `batch` with what else waits, then answers.
    pub(crate) fn persist_for(&mut self, reply: ReplyId, batch: Batch) {
        self.waiting_batch.extend(batch);
        self.waiting_replies.push(reply);
    }

    /// Adds to what is persisted with the next batch.
    pub(crate) fn with_next_batch(&mut self, batch: Batch) {
        self.waiting_batch.extend(batch);
    }

    /// One batch is under way at a time; what comes in meanwhile shares the
    /// next one, and its sync.
    fn persist_waiting(&mut self) {
        if self.persisting.is_some() || self.failed.is_some() {
            return;
        }
        if self.waiting.is_empty() && self.waiting_batch.is_empty() {
            self.write_checkpoint_if(
                self.state.version().0 >= self.checkpointed.0 + CHECKPOINT_OPERATIONS,
            );
            return;
        }
        let taken = std::mem::take(&mut self.waiting);
        let replies = std::mem::take(&mut self.waiting_replies);
        let mut batch = std::mem::take(&mut self.waiting_batch);
        self.waiting_bytes = 0;
        self.eras.leaves();
        ledger_log::put_head(&self.ledger, &mut batch);
        self.persist(
            batch,
            Durability::Synced,
            Afterwards::Fold(taken, replies, self.ledger),
        );
    }

    fn persist(&mut self, batch: Batch, durability: Durability, afterwards: Afterwards) {
        let id = PersistId(self.next_persist);
        self.next_persist += 1;
        self.persisting = Some((id, afterwards));
        self.outputs.push_back(Output::Persist {
            id,
            batch,
            durability,
        });
    }

    fn write_checkpoint_if(&mut self, due: bool) {
        if !due || self.persisting.is_some() || self.failed.is_some() {
            return;
        }
        let mut batch = Batch::default();
        match self
            .state
            .checkpoint(&mut self.pages, &*self.storage, &mut batch)
        {
            Ok(()) => {
                self.checkpointed = self.state.version();
                self.persist(
                    batch,
                    Durability::Behind,
                    Afterwards::Settle(self.pages.mark()),
                );
            }
            Err(error) => self.fail(error),
        }
    }

    fn persisted(&mut self, now: Timestamp, id: PersistId) {
        let Some((under_way, afterwards)) = self.persisting.take() else {
            return;
        };
        assert_eq!(under_way, id, "batches are persisted in order");
        let (taken, replies, durable) = match afterwards {
            Afterwards::Fold(taken, replies, durable) => (taken, replies, durable),
            Afterwards::Settle(mark) => return self.pages.settle(mark),
        };
        self.durable = durable;
        for Taken { entry, from } in taken {
            let incorporated = self.incorporated_by(from, &entry);
            let outcomes = (self.state.journal().len(), self.state.issues().len());
            let verdicts = self.state.fold(&entry);
            let touched = self.scopes.fold(&self.state, now);
            self.look_again(&touched);
            let plain = outcomes == (self.state.journal().len(), self.state.issues().len())
                && verdicts.iter().all(|verdict| verdict.rejected.is_none());
            let log = entry.bundle.log();
            if self.heads.get(&log) == Some(&entry.bundle.head()) {
                self.heads.remove(&log);
            }
            // What entered or left by the operations has to be told.
            let incorporated = incorporated.filter(|_| plain && !self.is_stale(from));
            let spared = match from {
                From::Session(session) => incorporated.map(|_| session),
                From::Enrolment(_) | From::Admin(_) => None,
            };
            self.want_own(&entry.bundle, spared);
            self.answer(from, &entry.bundle, &verdicts, incorporated);
        }
        for reply in replies {
            self.outputs.push_back(Output::Reply {
                reply,
                answer: Ok(Vec::new()),
            });
        }
        self.open_era(now);
        self.acknowledge_resent();
        self.serve_all();
    }

    fn incorporated_by(&self, from: From, entry: &Entry) -> Option<i64> {
        match from {
            From::Session(session) => self.incorporates(session, entry),
            From::Enrolment(_) | From::Admin(_) => None,
        }
    }

    fn answer(
        &mut self,
        from: From,
        bundle: &Verified,
        verdicts: &[Verdict],
        incorporated: Option<i64>,
    ) {
        match from {
            From::Session(session) => self.acknowledge(session, bundle, verdicts, incorporated),
            From::Enrolment(session) => self.enrolled(session),
            From::Admin(reply) => self.admin_done(reply, verdicts),
        }
    }

    fn persist_failed(&mut self, id: PersistId, error: StorageError) {
        let afterwards = self
            .persisting
            .take()
            .filter(|(under_way, _)| *under_way == id);
        let mut replies: BTreeSet<ReplyId> = self.requests.keys().copied().collect();
        replies.extend(self.waiting_replies.drain(..));
        if let Some((_, Afterwards::Fold(_, waiting, _))) = afterwards {
            replies.extend(waiting);
        }
        self.requests.clear();
        self.waiting.clear();
        for reply in replies {
            let answer = Err(AdminError::Storage(error.clone()));
            self.outputs.push_back(Output::Reply { reply, answer });
        }
        self.fail(error);
    }

    /// Nothing more can be promised: sessions end, so that devices keep their
    /// work and try again later.
    pub(crate) fn fail(&mut self, error: StorageError) {
        tracing::error!(%error, "the relay cannot write any more");
        self.failed = Some(error);
        self.resent.clear();
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for session in sessions {
            self.refuse(session, Refusal::RelayFailed);
        }
    }
}
