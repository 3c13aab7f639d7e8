//! The machine: what comes in, what goes out, and the log between them.

use crate::directory;
use crate::edit::{EditError, Request};
use crate::images::{EarlyChanges, OwnImages};
use crate::lag::LAGS;
use crate::left::Left;
use crate::link::Link;
use crate::mode::{Condition, Conditions, MODE, Mode};
use crate::pending::Pending;
use cairn_model::{
    AuthorId, HybridClock, HybridTime, LogId, Operation, OrganizationId, PublicKey, RecordId,
    Timestamp, TypeId, Version, codec,
};
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::storage::{self, Batch, Durability, Storage, StorageError, Table};
use cairn_oplog::{SecretKey, Verified};
use cairn_projection::Issue;
use cairn_projection::page::{Pages, PagesMark};
use cairn_proto::{ClientMessage, Directory, Era, HistoryEntry, Lag, Refusal, ServerMessage, View};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A batch on its way to storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PersistId(pub u64);

/// A request, as numbered by the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplyId(pub u64);

/// What a device is told once.
#[derive(Debug, Clone)]
pub struct Config {
    /// The organization it is enrolled in.
    pub organization: OrganizationId,
    /// The relay's key.
    pub relay: PublicKey,
    /// Its own key.
    pub secret: SecretKey,
    /// Spreads reconnections of many devices; any number.
    pub seed: u64,
}

/// What happens to the device.
#[derive(Debug)]
pub enum Input {
    /// The person wants something done.
    Request {
        /// Where the answer goes.
        reply: ReplyId,
        /// 10 random bytes for each record it may create.
        random: Vec<[u8; 10]>,
        /// What.
        request: Request,
    },
    /// The person asks for the signed operations behind a record.
    History {
        /// Where the answer goes.
        reply: ReplyId,
        /// Which record.
        record: RecordId,
    },
    /// The device shall be connected from now on, as its mode and the
    /// conditions allow.
    GoOnline,
    /// The device shall not be connected from now on.
    GoOffline,
    /// The person asks to sync now: everything, whatever the mode and the
    /// intervals. The device is connected until that is done.
    SyncNow,
    /// Things are so around the device.
    Condition(Condition),
    /// The connection that was asked for is there.
    Connected,
    /// The connection that was asked for could not be made.
    DialFailed,
    /// The connection is gone.
    Disconnected,
    /// The relay said something.
    Received(ServerMessage),
    /// A batch is as durable as it asked to be.
    Persisted(PersistId),
    /// A batch could not be stored.
    PersistFailed(PersistId, StorageError),
    /// A deadline has come.
    Tick,
}

/// What the device wants done, in this order.
#[derive(Debug)]
pub enum Output {
    /// Connect to the relay.
    Dial,
    /// Close the connection, or give up the attempt to make one: nothing of
    /// it comes any more.
    HangUp,
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
    Send(ClientMessage),
    /// Answer a request.
    Reply {
        /// Whom.
        reply: ReplyId,
        /// What.
        answer: Result<Reply, EditError>,
    },
    /// What is shown may have changed.
    Changed,
}

/// A request that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Its operation is durable at this place of the device's log. The records
    /// it touched, in the order of the request.
    Logged {
        /// In which log: a new one may have begun before the answer.
        log: LogId,
        /// The place.
        sequence: u64,
        /// The records.
        records: Vec<RecordId>,
    },
    /// The signed operations behind a record.
    History(Vec<HistoryEntry>),
    /// The images are gone, durably.
    StartedOver,
    /// The mode is as wanted, durably.
    ModeSet,
}

/// How far the device has come with what the relay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Every change up to here is incorporated in the records held.
    pub(crate) cursor: Version,
    /// Whether records that shall be here are still to come.
    pub(crate) downloading: bool,
    /// Issues changed up to here are known.
    pub(crate) issues: Version,
    /// Own operations up to here are in the images.
    pub(crate) incorporated: u64,
    /// The last reading of the hybrid clock.
    pub(crate) clock: HybridTime,
    /// When the device last had everything.
    pub(crate) synced: Option<Timestamp>,
}

const PROGRESS: &str = "progress";
pub(crate) const VIEWS: &str = "views";

/// What the device remembers of whom it has its images from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// The era of the last welcome.
    pub(crate) era: Option<Era>,
    /// The newest version in records that came before everything up to it.
    pub(crate) paged: Version,
}

const HEARD: &str = "heard";

/// How far ahead of this device's clock another's may be before its times are
/// not followed, in milliseconds.
pub(crate) const CLOCK_AHEAD_MS_MAX: u64 = 5 * 60 * 1000;

/// Changes waiting for storage above which nothing more is taken from the
/// relay: about 64 pages.
const WAITING_CHANGES_MAX: usize = 256;

/// What is done when a batch has become durable.
#[derive(Default)]
struct Afterwards {
    replies: Vec<(ReplyId, Reply)>,
    sealed: u64,
    pages: PagesMark,
}

/// The device.
pub struct Agent {
    pub(crate) config: Config,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) log: DeviceLog,
    pub(crate) clock: HybridClock,
    pub(crate) directory: Directory,
    pub(crate) author: Option<AuthorId>,
    pub(crate) pages: Pages,
    pub(crate) pending: Pending,
    pub(crate) own_images: VecDeque<OwnImages>,
    pub(crate) early_changes: VecDeque<EarlyChanges>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) left: Left,
    /// What the records held lack, by type.
    pub(crate) views: BTreeMap<TypeId, u64>,
    /// Types whose changes come in intervals.
    pub(crate) lags: BTreeMap<TypeId, Lag>,
    pub(crate) mode: Mode,
    pub(crate) conditions: Conditions,
    /// Whether the device shall be connected as its mode allows.
    pub(crate) online: bool,
    /// Whether its person asked to sync now, and it is not done.
    pub(crate) asked: bool,
    /// Whether what was asked for last is done.
    pub(crate) has_synced: bool,
    pub(crate) progress: Progress,
    pub(crate) heard: Heard,
    pub(crate) link: Link,
    pub(crate) refused: Option<Refusal>,
    pub(crate) failed: Option<StorageError>,
    pub(crate) histories: BTreeMap<RecordId, Vec<(ReplyId, Vec<HistoryEntry>)>>,
    waiting: Batch,
    waiting_afterwards: Afterwards,
    waiting_durability: Durability,
    persisting: Option<(PersistId, Afterwards)>,
    next_persist: u64,
    /// The last sequence sealed in a durable batch: what may be sent.
    pub(crate) durable_sealed: u64,
    pub(crate) outputs: VecDeque<Output>,
}

impl Agent {
    /// Opens the device over its storage. Cost follows what is unsent and the
    /// number of pages, not the length of the log.
    pub fn open(config: Config, storage: Arc<dyn Storage>) -> Result<Agent, StorageError> {
        let log = LogId {
            device: config.secret.public().device(),
            generation: 0,
        };
        let log = DeviceLog::open(config.organization, log, &*storage)?;
        let progress = storage::meta::<Progress>(&*storage, PROGRESS)?.unwrap_or_default();
        let heard = storage::meta::<Heard>(&*storage, HEARD)?.unwrap_or_default();
        let directory = directory::read(&*storage)?;
        let pending = Pending::read(&log, progress.incorporated + 1, &*storage)?;
        let last = pending.iter().map(|pending| pending.operation.time).max();
        let last = progress.clock.max(last.unwrap_or_default());
        let mut issues = BTreeMap::new();
        for (key, value) in storage.range(Table::Issues, &[], usize::MAX)? {
            let issue: Issue = codec::decode("issue", &value)
                .map_err(|error| StorageError::corrupt(Table::Issues, &key, error))?;
            issues.insert(issue.number, issue);
        }
        let left = Left::open(&*storage)?;
        let views = storage::meta::<Vec<View>>(&*storage, VIEWS)?.unwrap_or_default();
        let lags = storage::meta::<Vec<Lag>>(&*storage, LAGS)?.unwrap_or_default();
        Ok(Agent {
            author: directory.author(&config.secret.public().device()),
            durable_sealed: log.sealed().sequence,
            link: Link::new(config.seed),
            clock: HybridClock::resuming_after(last),
            pages: Pages::open(&*storage)?,
            config,
            log,
            directory,
            pending,
            own_images: VecDeque::new(),
            early_changes: VecDeque::new(),
            issues,
            left,
            views: views.into_iter().collect(),
            lags: lags.into_iter().map(|lag| (lag.record_type, lag)).collect(),
            mode: storage::meta::<Mode>(&*storage, MODE)?.unwrap_or_default(),
            conditions: Conditions::default(),
            online: false,
            asked: false,
            has_synced: false,
            progress,
            heard,
            storage,
            refused: None,
            failed: None,
            histories: BTreeMap::new(),
            waiting: Batch::default(),
            waiting_afterwards: Afterwards::default(),
            waiting_durability: Durability::Behind,
            persisting: None,
            next_persist: 1,
            outputs: VecDeque::new(),
        })
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        self.link.clock_reads(now);
        match input {
            Input::Request {
                reply,
                random,
                request,
            } => match self.request(now, &random, request) {
                Ok(done) => self.reply_when_durable(reply, done),
                Err(error) => self.outputs.push_back(Output::Reply {
                    reply,
                    answer: Err(error),
                }),
            },
            Input::History { reply, record } => self.ask_history(reply, record),
            Input::GoOnline => self.go_online(now),
            Input::GoOffline => self.go_offline(),
            Input::SyncNow => self.sync_now(now),
            Input::Condition(condition) => self.take_condition(condition),
            Input::Connected => self.connected(now),
            Input::DialFailed => self.dial_failed(now),
            Input::Disconnected => self.disconnected(now),
            Input::Received(message) => self.received(now, message),
            Input::Persisted(id) => self.persisted(id),
            Input::PersistFailed(id, error) => self.persist_failed(id, error),
            Input::Tick => self.dial_if_due(now),
        }
        self.follow_wish(now);
        self.seal_for_sending();
        self.persist_waiting();
        self.send_bundles();
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due, if ever.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.link.deadline()
    }

    /// Appends an operation to the log; it is shown at once and durable when
    /// its reply comes.
    pub(crate) fn log_operation(&mut self, operation: Operation) -> u64 {
        let bytes = codec::encode(&operation);
        let sequence = self.log.append(bytes, &mut self.waiting);
        self.waiting_durability = Durability::Synced;
        self.pending.push(sequence, operation);
        sequence
    }

    pub(crate) fn waiting_batch(&mut self, durability: Durability) -> &mut Batch {
        if durability == Durability::Synced {
            self.waiting_durability = Durability::Synced;
        }
        &mut self.waiting
    }

    fn reply_when_durable(&mut self, reply: ReplyId, done: Reply) {
        self.waiting_afterwards.replies.push((reply, done));
    }

    /// Seals the tail while connected: what is sealed can be sent. Offline the
    /// tail grows until it fills a bundle, so that one signature serves many
    /// edits.
    fn seal_for_sending(&mut self) {
        loop {
            let full = self.log.tail().count() >= cairn_oplog::bundle::BUNDLE_OPERATIONS_MAX;
            if self.log.tail().next().is_none() || !(full || self.link.is_welcome()) {
                return;
            }
            if self
                .log
                .seal(&self.config.secret, &mut self.waiting)
                .is_none()
            {
                return;
            }
            self.waiting_durability = Durability::Synced;
        }
    }

    pub(crate) fn put_progress(&mut self) {
        self.progress.clock = self.clock.last();
        self.waiting
            .put(Table::Meta, PROGRESS, codec::encode(&self.progress));
    }

    /// Another log begins, of which nothing may be sent yet.
    pub(crate) fn nothing_is_sealed(&mut self) {
        self.durable_sealed = 0;
        if let Some((_, afterwards)) = &mut self.persisting {
            afterwards.sealed = 0;
        }
    }

    pub(crate) fn put_heard(&mut self) {
        self.waiting
            .put(Table::Meta, HEARD, codec::encode(&self.heard));
    }

    fn persist_waiting(&mut self) {
        if self.persisting.is_some() || self.failed.is_some() {
            return;
        }
        if self.waiting.is_empty() {
            // What changes nothing is done.
            let done = std::mem::take(&mut self.waiting_afterwards.replies);
            return self.answer(done);
        }
        let batch = std::mem::take(&mut self.waiting);
        let mut afterwards = std::mem::take(&mut self.waiting_afterwards);
        afterwards.sealed = self.log.sealed().sequence;
        afterwards.pages = self.pages.mark();
        let durability = std::mem::replace(&mut self.waiting_durability, Durability::Behind);
        let id = PersistId(self.next_persist);
        self.next_persist += 1;
        self.persisting = Some((id, afterwards));
        self.outputs.push_back(Output::Persist {
            id,
            batch,
            durability,
        });
    }

    fn persisted(&mut self, id: PersistId) {
        let Some((under_way, afterwards)) = self.persisting.take() else {
            return;
        };
        assert_eq!(under_way, id, "batches are persisted in order");
        self.durable_sealed = afterwards.sealed;
        self.pages.settle(afterwards.pages);
        self.answer(afterwards.replies);
        self.outputs.push_back(Output::Changed);
    }

    fn answer(&mut self, replies: Vec<(ReplyId, Reply)>) {
        for (reply, done) in replies {
            self.outputs.push_back(Output::Reply {
                reply,
                answer: Ok(done),
            });
        }
    }

    fn persist_failed(&mut self, id: PersistId, error: StorageError) {
        let afterwards = self
            .persisting
            .take()
            .filter(|(under_way, _)| *under_way == id);
        let mut replies = std::mem::take(&mut self.waiting_afterwards).replies;
        replies.extend(
            afterwards
                .into_iter()
                .flat_map(|(_, afterwards)| afterwards.replies),
        );
        for (reply, _) in replies {
            let answer = Err(EditError::Storage(error.clone()));
            self.outputs.push_back(Output::Reply { reply, answer });
        }
        self.fail(error);
    }

    /// Nothing more can be promised; what is durable stays so.
    pub(crate) fn fail(&mut self, error: StorageError) {
        tracing::error!(%error, "the device cannot read or write its storage any more");
        self.failed = Some(error);
        self.go_offline();
    }

    /// Whether a batch is on its way to storage.
    pub fn is_persisting(&self) -> bool {
        self.persisting.is_some()
    }

    /// Whether so much waits for storage that no more should be taken from the
    /// relay.
    pub fn is_busy(&self) -> bool {
        self.waiting.changes.len() > WAITING_CHANGES_MAX
    }

    /// The device's secret, for the transport that proves it.
    pub fn secret_seed(&self) -> [u8; 32] {
        *self.config.secret.seed()
    }

    /// The relay's key.
    pub fn relay_key(&self) -> PublicKey {
        self.config.relay
    }

    /// Why the device can no longer write, if it cannot.
    pub fn failure(&self) -> Option<&StorageError> {
        self.failed.as_ref()
    }

    /// The log it writes now.
    pub fn log(&self) -> LogId {
        self.log.log()
    }

    /// This device's public key.
    pub fn key(&self) -> PublicKey {
        self.config.secret.public()
    }

    /// The storage, for reading.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Definition and devices, as last received.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Seals what is unsealed into `batch` and gives every bundle of the
    /// device's log, for an export by hand. The caller commits the batch
    /// before letting the bundles out.
    pub fn export(&mut self, batch: &mut Batch) -> Result<Vec<Verified>, StorageError> {
        let mut bundles = cairn_oplog::device_log::all_bundles(&*self.storage)?;
        while let Some(bundle) = self.log.seal(&self.config.secret, batch) {
            bundles.push(bundle);
        }
        Ok(bundles)
    }
}
