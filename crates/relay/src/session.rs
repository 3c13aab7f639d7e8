//! What connected devices say, and what they are answered.

use crate::machine::{From, Output, Relay, SessionId};
use crate::seen::Reader;
use crate::serve::{Lags, Served};
use cairn_model::{
    AuthorId, Change, Hash, LogId, Mutation, PublicKey, RecordId, Timestamp, Version,
};
use cairn_oplog::Entry;
use cairn_oplog::bundle::{Slot, Verified, decode_operation};
use cairn_oplog::{LogHead, Parsed, ledger_log};
use cairn_projection::Verdict;
use cairn_proto::limit::{
    ANSWERS_QUEUED_MAX, BUNDLES_IN_FLIGHT_MAX, HASHES_MAX, NAME_BYTES_MAX, REVOKED_BUNDLES_MAX,
};
use cairn_proto::{Ack, ClientMessage, Hello, Incorporated, Refusal, ServerMessage, Welcome, Wish};

/// Operations of a bundle that the relay looks through to spare the device
/// their images: live edits come one by one, a backlog is sent images anyway.
const INCORPORATED_OPERATIONS_MAX: usize = 8;

/// A bundle that was handed in before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resend {
    log: LogId,
    first: u64,
    last: u64,
    /// Of its last operation.
    hash: Hash,
}

impl Resend {
    pub(crate) fn of(bundle: &Verified) -> Resend {
        let last = bundle.slots().last().map(Slot::hash);
        Resend {
            log: bundle.log(),
            first: bundle.first(),
            last: bundle.last(),
            hash: last.unwrap_or(Hash::ZERO),
        }
    }
}

/// A connected device.
#[derive(Debug)]
pub struct Session {
    /// The key it has proven.
    pub key: PublicKey,
    pub(crate) author: Option<AuthorId>,
    /// What it has begun with, until the relay may answer.
    pub(crate) greeting: Option<Hello>,
    pub(crate) revoked: bool,
    /// Whether it wants nothing but to hand in its work.
    pub(crate) hands_in: bool,
    pub(crate) served: Served,
    pub(crate) queued: usize,
    in_flight: usize,
    /// The last bundle handed in in this session: its log, and the head after it.
    uploaded: Option<(LogId, LogHead)>,
    handed_in_revoked: u64,
}

impl Session {
    pub(crate) fn new(key: PublicKey) -> Session {
        Session {
            key,
            author: None,
            greeting: None,
            revoked: false,
            hands_in: false,
            served: Served::default(),
            queued: 0,
            in_flight: 0,
            uploaded: None,
            handed_in_revoked: 0,
        }
    }

    /// The device's author number, once it has said hello.
    pub fn author(&self) -> Option<AuthorId> {
        self.author
    }

    /// Frames that wait until the device has read those before them.
    pub fn queued(&self) -> usize {
        self.queued
    }
}

impl Relay {
    pub(crate) fn received(&mut self, now: Timestamp, id: SessionId, message: ClientMessage) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        if session.queued >= ANSWERS_QUEUED_MAX {
            return self.refuse(id, Refusal::TooMuchInFlight);
        }
        let outcome = match message {
            ClientMessage::Enrol { secret, name } => self.enrol(now, id, secret, name),
            ClientMessage::Hello(hello) => self.hello(now, id, hello),
            ClientMessage::Upload(bytes) => {
                let parsed = Parsed::parse(bytes).map_err(|_| Refusal::BundleInvalid);
                parsed.and_then(|parsed| self.upload(now, id, parsed))
            }
            ClientMessage::UploadNext(bytes) => self.upload_next(now, id, &bytes),
            ClientMessage::Held { records, last } => match self.held_told(id, &records, last) {
                true => Ok(()),
                false => Err(Refusal::OutOfOrder),
            },
            ClientMessage::LogHashes { generation, first } => {
                self.log_hashes(id, generation, first)
            }
            ClientMessage::History { record, after } => self.history_asked(id, record, after),
        };
        if let Err(refusal) = outcome {
            self.refuse(id, refusal);
        }
    }

    pub(crate) fn refuse(&mut self, id: SessionId, refusal: Refusal) {
        tracing::debug!(session = id.0, ?refusal, "session refused");
        self.outputs.push_back(Output::Send {
            session: id,
            message: ServerMessage::Refused(refusal),
        });
        self.outputs.push_back(Output::Close {
            session: id,
            refusal,
        });
        self.end_session(id);
    }

    pub(crate) fn send(&mut self, id: SessionId, message: ServerMessage) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.queued += 1;
            self.outputs.push_back(Output::Send {
                session: id,
                message,
            });
        }
    }

    fn enrol(
        &mut self,
        now: Timestamp,
        id: SessionId,
        secret: [u8; 16],
        name: String,
    ) -> Result<(), Refusal> {
        let key = self.sessions[&id].key;
        if self.state.author(&key.device()).is_some() {
            self.enrolled(id);
            return Ok(());
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(Refusal::OutOfOrder);
        }
        if self.failure().is_some() {
            return Err(Refusal::RelayFailed);
        }
        let user = self.redeem(now, &secret)?;
        let action = cairn_model::Action::Enrol { key, user, name };
        self.append_own(now, vec![action], From::Enrolment(id));
        Ok(())
    }

    pub(crate) fn enrolled(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get(&id) else {
            return;
        };
        let author = self.state.author(&session.key.device());
        match author.and_then(|author| self.state.device(author)) {
            Some(device) => {
                let user = device.user.clone();
                let organization = self.organization;
                self.send(id, ServerMessage::Enrolled { organization, user });
            }
            None => self.refuse(id, Refusal::TicketInvalid),
        }
    }

    pub(crate) fn hello(
        &mut self,
        now: Timestamp,
        id: SessionId,
        hello: Hello,
    ) -> Result<(), Refusal> {
        if hello.organization != self.organization {
            return Err(Refusal::OtherOrganization);
        }
        let key = self.sessions[&id].key;
        let author = self
            .state
            .author(&key.device())
            .ok_or(Refusal::NotEnrolled)?;
        if !self.is_open() {
            return self.let_wait(id, hello);
        }
        let version = self.state.version();
        let shared = self.shared_with(&hello)?;
        let device = &self.state.devices()[author.0 as usize];
        let (generation, head) = self.end_of_logs(device).map_err(|_| Refusal::RelayFailed)?;
        // Only what is durable: the device takes what is named here for
        // acknowledged. It sends the rest again, which is no fault.
        let welcome = Welcome {
            now,
            version,
            generation,
            head,
            revoked: device.revoked.is_some(),
            checkpoint: self.checkpoint(),
            era: self.era(),
            shared,
        };
        let session = self.sessions.get_mut(&id).ok_or(Refusal::OutOfOrder)?;
        if session.author.replace(author).is_some() {
            return Err(Refusal::OutOfOrder);
        }
        session.revoked = welcome.revoked;
        // A device that has nothing yet is told of what changes from now on.
        session.served.changes = match hello.cursor {
            Version(0) => version,
            cursor => cursor,
        };
        session.served.told = hello.cursor;
        session.served.views = hello.views.iter().copied().collect();
        session.served.lags = Lags::said(&hello, now);
        session.hands_in = hello.wish == Wish::HandIn;
        session.served.directory = hello.directory;
        session.served.issues = hello.issues;
        self.send(id, ServerMessage::Welcome(welcome));
        match hello.wish {
            Wish::HandIn => Ok(()),
            Wish::Due | Wish::Everything => {
                self.begin_serving(id, author, &hello)?;
                self.serve(id);
                Ok(())
            }
        }
    }

    /// Nobody is welcome before the era is on record.
    fn let_wait(&mut self, id: SessionId, hello: Hello) -> Result<(), Refusal> {
        if self.failure().is_some() {
            return Err(Refusal::RelayFailed);
        }
        let session = self.sessions.get_mut(&id).ok_or(Refusal::OutOfOrder)?;
        match session.greeting.replace(hello) {
            Some(_) => Err(Refusal::OutOfOrder),
            None => Ok(()),
        }
    }

    fn upload_next(&mut self, now: Timestamp, id: SessionId, bytes: &[u8]) -> Result<(), Refusal> {
        let last = self.sessions.get(&id).and_then(|session| session.uploaded);
        let (log, head) = last.ok_or(Refusal::OutOfOrder)?;
        let parsed = Parsed::continuing(bytes, log, &head).map_err(|_| Refusal::BundleInvalid)?;
        self.upload(now, id, parsed)
    }

    fn upload(&mut self, now: Timestamp, id: SessionId, parsed: Parsed) -> Result<(), Refusal> {
        let session = self.sessions.get_mut(&id).ok_or(Refusal::OutOfOrder)?;
        session.author.ok_or(Refusal::OutOfOrder)?;
        if session.in_flight >= BUNDLES_IN_FLIGHT_MAX {
            return Err(Refusal::TooMuchInFlight);
        }
        if session.revoked && session.handed_in_revoked >= REVOKED_BUNDLES_MAX {
            return Err(Refusal::RevokedLimit);
        }
        let log = parsed.log();
        let arrived = self.take_in(now, parsed, From::Session(id))?;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.uploaded = Some((log, arrived.head));
            session.in_flight += 1;
            let is_new = arrived.resend.is_none();
            session.handed_in_revoked += u64::from(session.revoked && is_new);
        }
        match arrived.resend {
            Some(resend) => self.acknowledge_again(id, resend),
            None => Ok(()),
        }
    }

    /// Answers a resend with what was answered before: the bundle's place in
    /// the ledger has not changed. One that is still on its way to storage is
    /// answered when it is there. Where a log was written twice, several
    /// operations have one sequence; the one that was handed in again counts.
    fn acknowledge_again(&mut self, id: SessionId, resend: Resend) -> Result<(), Refusal> {
        let Resend {
            log,
            first,
            last,
            hash,
        } = resend;
        let stored = ledger_log::entries_over(&log, last, last, &*self.storage)
            .map_err(|_| Refusal::RelayFailed)?;
        let version = stored.iter().find_map(|stored| {
            let bundle = &stored.entry.bundle;
            let at = last - bundle.first();
            (bundle.slots()[at as usize].hash() == hash).then_some(stored.first_version + at)
        });
        let Some(version) = version.filter(|version| *version <= self.state.version().0) else {
            self.resent.push((id, resend));
            return Ok(());
        };
        let rejected = (0..=(last - first) as u16)
            .filter_map(|back| {
                let verdict = self.state.verdict(Version(version - u64::from(back)));
                verdict.rejected.map(|code| (back, code))
            })
            .collect();
        self.answered(id);
        self.send(
            id,
            ServerMessage::Ack(Ack {
                through: last,
                version: Version(version),
                rejected,
                incorporated: None,
            }),
        );
        Ok(())
    }

    /// Answers the resends whose first copy has just become durable.
    pub(crate) fn acknowledge_resent(&mut self) {
        for (id, resend) in std::mem::take(&mut self.resent) {
            if self.sessions.contains_key(&id)
                && let Err(refusal) = self.acknowledge_again(id, resend)
            {
                self.refuse(id, refusal);
            }
        }
    }

    /// Makes room for another bundle.
    fn answered(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.in_flight = session.in_flight.saturating_sub(1);
        }
    }

    pub(crate) fn acknowledge(
        &mut self,
        id: SessionId,
        bundle: &Verified,
        verdicts: &[Verdict],
        received_after: Option<i64>,
    ) {
        self.answered(id);
        let Some(last) = verdicts.last() else { return };
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.served.own = last.version;
        let incorporated = received_after.map(|received_after| Incorporated {
            received_after,
            messages: session.served.messages,
        });
        if incorporated.is_some() {
            session.served.changes = last.version;
            session.served.told = last.version;
            session.served.issues = last.version;
        }
        let rejected = verdicts
            .iter()
            .filter_map(|verdict| {
                Some((
                    (last.version.0 - verdict.version.0) as u16,
                    verdict.rejected?,
                ))
            })
            .collect();
        let ack = Ack {
            through: bundle.last(),
            version: last.version,
            rejected,
            incorporated,
        };
        self.send(id, ServerMessage::Ack(ack));
    }

    /// Whether the device that sent `entry` will have the relay's images once
    /// it puts the operations on top of its own: it has everything before, it
    /// only updates, and it had seen all that it updates. Gives when the
    /// bundle was received, in milliseconds after the last operation's time.
    pub(crate) fn incorporates(&self, id: SessionId, entry: &Entry) -> Option<i64> {
        let session = self.sessions.get(&id)?;
        let author = session.author?;
        let current = session.served.told_last
            && !session.served.stale
            && session.served.entering.is_empty()
            && session.served.lags.is_settled()
            && session.served.changes == self.state.version()
            && session.served.directory >= self.state.directory_changed()
            && !session.revoked;
        if !current || entry.bundle.slots().len() > INCORPORATED_OPERATIONS_MAX {
            return None;
        }
        let mut last = None;
        for slot in entry.bundle.slots() {
            let Slot::Whole(bytes) = slot else {
                return None;
            };
            let operation = decode_operation(bytes).ok()?;
            let seen = operation.mutations().iter().all(|mutation| {
                self.had_seen(mutation, author) && self.can_show(mutation, session)
            });
            if operation.mutations().is_empty() || !seen {
                return None;
            }
            last = Some(operation.time.wall());
        }
        Some(entry.received.0.wrapping_sub(last?.0) as i64)
    }

    /// Whether a device holds the record and may see all that is written.
    fn can_show(&self, mutation: &Mutation, session: &Session) -> bool {
        let device = (session.author).and_then(|author| self.state.device(author));
        let (Some(holding), Some(device)) = (session.served.holding(), device) else {
            return false;
        };
        let hidden = self.scopes.hidden(&device.user, mutation.record_type);
        let ordinal = self.scopes.ordinal(mutation.record);
        ordinal.is_some_and(|ordinal| holding.records().contains(ordinal))
            && (mutation.change.writes().iter()).all(|(field, _)| !hidden.contains(field))
    }

    fn had_seen(&self, mutation: &Mutation, author: AuthorId) -> bool {
        let Change::Update(_) = mutation.change else {
            return false;
        };
        self.state.record(mutation.record).is_some_and(|record| {
            let newest = record.origin(record.version);
            record.is_alive()
                && (record.version <= mutation.base
                    || newest.is_some_and(|origin| origin.author == author))
                && record
                    .origins
                    .iter()
                    .all(|origin| origin.version <= mutation.base || origin.author == author)
        })
    }

    fn log_hashes(&mut self, id: SessionId, generation: u32, first: u64) -> Result<(), Refusal> {
        let session = &self.sessions[&id];
        session.author.ok_or(Refusal::OutOfOrder)?;
        let log = cairn_model::LogId {
            device: session.key.device(),
            generation,
        };
        let mut hashes = Vec::new();
        let bundles = ledger_log::bundles_of(&log, first, HASHES_MAX, &*self.storage)
            .map_err(|_| Refusal::RelayFailed)?;
        for bundle in bundles {
            for (sequence, slot) in (bundle.first()..).zip(bundle.slots()) {
                if sequence == first + hashes.len() as u64 && hashes.len() < HASHES_MAX {
                    hashes.push(slot.hash());
                }
            }
        }
        self.send(
            id,
            ServerMessage::LogHashes {
                generation,
                first,
                hashes,
            },
        );
        Ok(())
    }

    fn history_asked(
        &mut self,
        id: SessionId,
        record: RecordId,
        after: Version,
    ) -> Result<(), Refusal> {
        let session = self.sessions.get_mut(&id).ok_or(Refusal::OutOfOrder)?;
        if session.author.is_none() || session.revoked {
            return Err(Refusal::OutOfOrder);
        }
        let user = session.author.map(|author| self.user_of(author));
        let reader = Reader::User(user.as_deref().unwrap_or_default());
        let (entries, last) = self
            .history_entries(record, after, reader)
            .map_err(|_| Refusal::RelayFailed)?;
        self.send(
            id,
            ServerMessage::History {
                record,
                entries,
                last,
            },
        );
        Ok(())
    }
}
