//! The talk with the relay: when to dial, what is sent, what is done with what
//! comes.

use crate::directory::Gathering;
use crate::edit::EditError;
use crate::images::{Changes, OwnImages};
use crate::machine::{Agent, CLOCK_AHEAD_MS_MAX, Output, Reply, ReplyId};
use cairn_model::{Hash, RecordId, Timestamp, Version};
use cairn_proto::limit::{BUNDLES_IN_FLIGHT_MAX, HASHES_MAX, HELD_RECORDS_MAX};
use cairn_proto::{Ack, ClientMessage, Hello, HistoryEntry, ServerMessage, Welcome, Wish};
use std::collections::{BTreeMap, VecDeque};

/// The first wait before dialling again, in milliseconds; it doubles each time.
const RETRY_MS_MIN: u64 = 500;
/// The longest wait before dialling again, in milliseconds.
const RETRY_MS_MAX: u64 = 60_000;
/// The wait after a refusal that only a person can do something about, in
/// milliseconds. Whoever asks to sync does not wait.
const RETRY_REFUSED_MS: u64 = 3_600_000;
/// Messages that may come before the welcome: lanes overtake each other by a
/// few round trips and no more.
const EARLY_MESSAGES_MAX: usize = 64;
/// History entries gathered for one question before the rest is left out.
const HISTORY_GATHERED_MAX: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Down,
    Dialling,
    /// Hello is sent.
    Greeting,
    /// The relay has more of this log than the device; it is asked what.
    Comparing,
    Welcome,
}

/// A wait before the next dial.
#[derive(Debug, Clone, Copy)]
struct Redial {
    since: Timestamp,
    milliseconds: u64,
}

/// The connection as the device sees it.
#[derive(Debug)]
pub(crate) struct Link {
    /// Whether there shall be a connection.
    pub(crate) wanted: bool,
    pub(crate) phase: Phase,
    /// What was wanted of this session.
    pub(crate) wish: Wish,
    failures: u32,
    redial: Option<Redial>,
    random: u64,
    /// The last sequence sent in this session.
    pub(crate) sent: u64,
    /// The last sequence acknowledged in this session.
    pub(crate) acknowledged: u64,
    /// Pages and changes taken in this session.
    pub(crate) taken: u64,
    /// Bundles sent in this session that are not acknowledged: the last
    /// sequence of each, and its first.
    under_way: BTreeMap<u64, u64>,
    /// Whether a bundle was sent in this session, so that the next can be
    /// short.
    uploading: bool,
    revoked: bool,
    caught_up: bool,
    /// The generation of this log that the relay has.
    relay_generation: u32,
    /// The hashes of this log's operations at the relay, as far as asked.
    compared: Vec<Hash>,
    /// The operation before the first of them: changes that come meanwhile may
    /// incorporate more.
    compared_after: u64,
    /// A directory that is coming.
    pub(crate) directory: Option<Gathering>,
    /// The relay's newest version at the welcome.
    pub(crate) welcomed_at: Version,
    /// Whether the device held nothing of the ledger when it said hello.
    pub(crate) is_fresh: bool,
    /// What own work may have seen of the ledger.
    pub(crate) shared: Version,
    /// What came before the welcome, on a lane that does not wait for it.
    early: VecDeque<ServerMessage>,
}

impl Link {
    pub(crate) fn new(seed: u64) -> Link {
        Link {
            wanted: false,
            phase: Phase::Down,
            wish: Wish::Due,
            failures: 0,
            redial: None,
            random: seed | 1,
            sent: 0,
            acknowledged: 0,
            taken: 0,
            under_way: BTreeMap::new(),
            uploading: false,
            revoked: false,
            caught_up: false,
            relay_generation: 0,
            compared: Vec::new(),
            compared_after: 0,
            directory: None,
            welcomed_at: Version(0),
            is_fresh: false,
            shared: Version(0),
            early: VecDeque::new(),
        }
    }

    pub(crate) fn is_welcome(&self) -> bool {
        self.phase == Phase::Welcome
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.revoked
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.is_welcome() && (self.caught_up || self.revoked)
    }

    pub(crate) fn set_caught_up(&mut self, caught_up: bool) {
        self.caught_up = caught_up;
    }

    /// The session was of use. A welcome alone is not: a relay whose disk is
    /// full welcomes everybody, and ends the session at the first upload.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }

    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.redial
            .map(|redial| redial.since.plus(redial.milliseconds))
    }

    pub(crate) fn waits_to_dial(&self) -> bool {
        self.redial.is_some()
    }

    pub(crate) fn wait_no_longer(&mut self) {
        self.redial = None;
    }

    /// What the clock shows now. When it was set back, a wait begins anew:
    /// nobody waits for a clock to come round again.
    pub(crate) fn clock_reads(&mut self, now: Timestamp) {
        if let Some(redial) = &mut self.redial {
            redial.since = redial.since.min(now);
        }
    }

    /// Steele and Vigna's xorshift64*: reconnections need spreading, not secrecy.
    fn draw(&mut self, below: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) % below.max(1)
    }

    fn retry_later(&mut self, now: Timestamp) {
        let wait = (RETRY_MS_MIN << self.failures.min(16)).min(RETRY_MS_MAX);
        let wait = wait / 2 + self.draw(wait / 2 + 1);
        self.failures += 1;
        self.retry_after(now, wait);
    }

    fn retry_after(&mut self, now: Timestamp, milliseconds: u64) {
        self.phase = Phase::Down;
        self.caught_up = false;
        self.redial = self.wanted.then_some(Redial {
            since: now,
            milliseconds,
        });
    }
}

impl Agent {
    pub(crate) fn go_online(&mut self, now: Timestamp) {
        if self.failed.is_none() {
            self.online = true;
            self.dial_at_once(now);
        }
    }

    pub(crate) fn go_offline(&mut self) {
        self.online = false;
        self.asked = false;
        self.has_synced = false;
        self.hang_up();
        self.fail_histories();
    }

    /// Ends the connection, or the attempt to make one.
    pub(crate) fn hang_up(&mut self) {
        self.link.wait_no_longer();
        self.early_changes.clear();
        if self.link.phase != Phase::Down {
            self.link.phase = Phase::Down;
            self.link.caught_up = false;
            self.outputs.push_back(Output::HangUp);
            self.fail_histories();
            self.outputs.push_back(Output::Changed);
        }
    }

    /// Dials without a wait, if the device wants a connection and has none.
    pub(crate) fn dial_at_once(&mut self, now: Timestamp) {
        self.link.wanted = self.wish().is_some();
        if self.link.phase == Phase::Down {
            self.link.retry_after(now, 0);
            self.dial_if_due(now);
        }
    }

    pub(crate) fn dial_if_due(&mut self, now: Timestamp) {
        if self.link.phase == Phase::Down && self.link.deadline().is_some_and(|at| at <= now) {
            self.link.redial = None;
            self.link.phase = Phase::Dialling;
            self.outputs.push_back(Output::Dial);
        }
    }

    pub(crate) fn dial_failed(&mut self, now: Timestamp) {
        if self.link.phase == Phase::Dialling {
            self.link.retry_later(now);
        }
    }

    pub(crate) fn disconnected(&mut self, now: Timestamp) {
        if self.link.phase == Phase::Down {
            return;
        }
        self.early_changes.clear();
        self.link.retry_later(now);
        self.fail_histories();
        self.outputs.push_back(Output::Changed);
    }

    pub(crate) fn connected(&mut self, now: Timestamp) {
        if self.link.phase != Phase::Dialling {
            return self.break_off(now);
        }
        let Some(wish) = self.wish() else {
            return self.hang_up();
        };
        self.link.phase = Phase::Greeting;
        self.link.wish = wish;
        self.own_images.clear();
        self.early_changes.clear();
        self.link.sent = 0;
        self.link.acknowledged = 0;
        self.link.taken = 0;
        self.link.under_way.clear();
        self.link.uploading = false;
        self.link.caught_up = false;
        self.link.early.clear();
        let told = self
            .progress
            .cursor
            .max(self.progress.issues)
            .max(self.directory.version)
            .max(self.heard.paged);
        self.link.is_fresh = told == Version(0);
        let hello = Hello {
            organization: self.config.organization,
            cursor: self.progress.cursor,
            held: self.held_digest(),
            views: self.views.iter().map(|(of, view)| (*of, *view)).collect(),
            directory: self.directory.version,
            issues: self.progress.issues,
            era: self.heard.era,
            told,
            lags: self.lags.values().copied().collect(),
            generation: self.log.log().generation,
            incorporated: self.progress.incorporated,
            wish,
        };
        self.outputs
            .push_back(Output::Send(ClientMessage::Hello(hello)));
    }

    pub(crate) fn received(&mut self, now: Timestamp, message: ServerMessage) {
        if self.link.phase == Phase::Down {
            return;
        }
        // What is taken belongs to the era that the welcome names.
        if self.link.phase == Phase::Greeting && comes_after_welcome(&message) {
            self.link.early.push_back(message);
            if self.link.early.len() > EARLY_MESSAGES_MAX {
                self.break_off(now);
            }
            return;
        }
        match message {
            ServerMessage::Welcome(welcome) => {
                self.welcomed(now, &welcome);
                for message in std::mem::take(&mut self.link.early) {
                    if self.link.phase != Phase::Down {
                        self.received(now, message);
                    }
                }
            }
            ServerMessage::Refused(refusal) => {
                tracing::warn!(?refusal, "{}", refusal.words());
                self.refused = Some(refusal);
                self.break_off(now);
                if refusal.needs_person() {
                    self.link.retry_after(now, RETRY_REFUSED_MS);
                }
            }
            ServerMessage::Directory(part) => self.take_directory(now, part),
            ServerMessage::Ack(ack) => self.acknowledged(now, &ack),
            ServerMessage::Page { page, began } => self.take_page(now, page, began),
            ServerMessage::TellHeld => self.tell_held(),
            ServerMessage::Changes {
                images,
                leaves,
                views,
                issues,
                lags,
                through,
                last,
            } => {
                let changes = Changes {
                    images,
                    leaves,
                    views,
                    issues,
                    lags,
                    through,
                    last,
                };
                self.changes_came(now, changes);
            }
            ServerMessage::LogHashes {
                generation,
                first,
                hashes,
            } => {
                if self.link.phase == Phase::Comparing {
                    self.take_log_hashes(generation, first, hashes);
                }
            }
            ServerMessage::History {
                record,
                entries,
                last,
            } => self.take_history(record, entries, last),
            ServerMessage::Enrolled { .. } => {}
        }
    }

    fn welcomed(&mut self, now: Timestamp, welcome: &Welcome) {
        if self.link.phase != Phase::Greeting {
            return;
        }
        let signed = welcome
            .checkpoint
            .verifies(&self.config.organization, &self.config.relay);
        // After the last generation no log could begin.
        if !signed || welcome.generation == u32::MAX {
            tracing::error!("the relay's welcome cannot be true");
            return self.break_off(now);
        }
        self.refused = None;
        self.link.revoked = welcome.revoked;
        self.link.welcomed_at = welcome.version;
        self.clock.observe(
            cairn_model::HybridTime::new(welcome.now, 0),
            now,
            CLOCK_AHEAD_MS_MAX,
        );
        if self.is_behind(welcome) {
            self.enter_era(welcome, 0);
            self.link.phase = Phase::Comparing;
            self.link.relay_generation = welcome.generation;
            self.link.compared.clear();
            self.link.compared_after = self.progress.incorporated;
            self.ask_log_hashes(self.link.compared_after + 1);
            return;
        }
        self.link.phase = Phase::Welcome;
        let known = self.known_to(welcome);
        self.enter_era(welcome, known);
        if self.builds_on_more(known) {
            self.begin_log(welcome.generation, known + 1);
        }
        let known = self.known_to(welcome);
        self.link.sent = known;
        self.link.acknowledged = known;
        self.pending.acknowledge(known, welcome.version);
        self.incorporate(now);
    }

    /// Names what is here, for a relay that does not know.
    fn tell_held(&mut self) {
        let mut records: Vec<RecordId> = self.held().collect();
        loop {
            let rest = records.split_off(records.len().min(HELD_RECORDS_MAX));
            let last = rest.is_empty();
            let message = ClientMessage::Held { records, last };
            self.outputs.push_back(Output::Send(message));
            if last {
                return;
            }
            records = rest;
        }
    }

    /// How far the relay has this log.
    fn known_to(&self, welcome: &Welcome) -> u64 {
        match welcome.generation == self.log.log().generation {
            true => welcome.head.sequence,
            false => 0,
        }
    }

    /// Ends a session in which the relay said what cannot be.
    pub(crate) fn break_off(&mut self, now: Timestamp) {
        self.outputs.push_back(Output::HangUp);
        self.disconnected(now);
    }

    fn ask_log_hashes(&mut self, first: u64) {
        let generation = self.log.log().generation;
        let question = ClientMessage::LogHashes { generation, first };
        self.outputs.push_back(Output::Send(question));
    }

    /// Gathers what the relay has of this log, and compares when it is whole.
    fn take_log_hashes(&mut self, generation: u32, first: u64, hashes: Vec<Hash>) {
        let after = self.link.compared_after;
        let expected = after + 1 + self.link.compared.len() as u64;
        if generation != self.log.log().generation || first != expected {
            return;
        }
        let full = hashes.len() >= HASHES_MAX;
        self.link.compared.extend(hashes);
        // What the relay has after the end of this log is not compared.
        let own = self.log.end().saturating_sub(after);
        let whole = !full || self.link.compared.len() as u64 >= own;
        if !whole {
            return self.ask_log_hashes(after + 1 + self.link.compared.len() as u64);
        }
        let known = std::mem::take(&mut self.link.compared);
        self.start_new_log(self.link.relay_generation, after + 1, &known);
        self.link.phase = Phase::Welcome;
    }

    /// Sends sealed, durable bundles as far as the relay allows.
    pub(crate) fn send_bundles(&mut self) {
        if !self.link.is_welcome() {
            return;
        }
        while self.link.sent < self.durable_sealed
            && self.link.under_way.len() < BUNDLES_IN_FLIGHT_MAX
        {
            let room = BUNDLES_IN_FLIGHT_MAX - self.link.under_way.len();
            let bundles = match self
                .log
                .bundles_from(self.link.sent + 1, room, &*self.storage)
            {
                Ok(bundles) => bundles,
                Err(error) => return self.fail(error),
            };
            let Some(last) = bundles.last().map(cairn_oplog::Verified::last) else {
                return;
            };
            self.link.sent = last;
            for bundle in bundles {
                self.link.under_way.insert(bundle.last(), bundle.first());
                let message = if std::mem::replace(&mut self.link.uploading, true) {
                    ClientMessage::UploadNext(bundle.continuation())
                } else {
                    ClientMessage::Upload(bundle.bytes().to_vec())
                };
                self.outputs.push_back(Output::Send(message));
            }
        }
    }

    fn acknowledged(&mut self, now: Timestamp, ack: &Ack) {
        self.link.succeeded();
        let first = self.link.under_way.remove(&ack.through);
        self.pending.acknowledge_exactly(ack.through, ack.version);
        if let (Some(incorporated), Some(first)) = (ack.incorporated, first) {
            self.own_images.push_back(OwnImages {
                after: incorporated.messages,
                first: Version(ack.version.0.saturating_sub(ack.through - first)),
                version: ack.version,
                received_after: incorporated.received_after,
            });
        }
        self.link.acknowledged = self.link.acknowledged.max(ack.through);
        self.make_own_images(now);
        self.take_early_changes(now);
        self.incorporate(now);
        self.outputs.push_back(Output::Changed);
    }

    pub(crate) fn ask_history(&mut self, reply: ReplyId, record: RecordId) {
        if !self.link.is_welcome() {
            self.outputs.push_back(Output::Reply {
                reply,
                answer: Err(EditError::Offline),
            });
            return;
        }
        self.histories
            .entry(record)
            .or_default()
            .push((reply, Vec::new()));
        let after = Version(0);
        self.outputs
            .push_back(Output::Send(ClientMessage::History { record, after }));
    }

    fn take_history(&mut self, record: RecordId, entries: Vec<HistoryEntry>, last: bool) {
        let Some(asking) = self.histories.get_mut(&record) else {
            return;
        };
        let Some((_, gathered)) = asking.first_mut() else {
            return;
        };
        gathered.extend(entries);
        let shown_until = gathered
            .last()
            .and_then(|entry| entry.verdicts.last())
            .map(|(version, _)| *version);
        if let Some(after) = shown_until.filter(|_| !last && gathered.len() < HISTORY_GATHERED_MAX)
        {
            self.outputs
                .push_back(Output::Send(ClientMessage::History { record, after }));
            return;
        }
        let (reply, gathered) = asking.remove(0);
        if asking.is_empty() {
            self.histories.remove(&record);
        }
        self.outputs.push_back(Output::Reply {
            reply,
            answer: Ok(Reply::History(gathered)),
        });
    }

    fn fail_histories(&mut self) {
        for (reply, _) in std::mem::take(&mut self.histories).into_values().flatten() {
            self.outputs.push_back(Output::Reply {
                reply,
                answer: Err(EditError::Offline),
            });
        }
    }
}

/// Whether the relay sends this on the lane that does not wait for others.
fn comes_after_welcome(message: &ServerMessage) -> bool {
    matches!(
        message,
        ServerMessage::Directory(_) | ServerMessage::Page { .. } | ServerMessage::Changes { .. }
    )
}
