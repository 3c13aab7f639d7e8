//! Folding one ledger entry: where its log stands, then each operation.

use crate::admit::Rejection;
use crate::issue::{Code, Dependent, Issue, Verdict};
use crate::record::Origin;
use crate::state::{Device, RELAY, State};
use cairn_model::security::Who;
use cairn_model::{
    Access, Action, AuthorId, DeviceId, LogId, Mutation, Operation, OperationId, PublicKey,
    SettleOutcome, Version, limit,
};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::{Entry, LogHead, Verified};
use std::hint::black_box;

/// Bytes of dependent operations filed under one issue. What depends on it
/// beyond them raises an issue of its own.
const DEPENDENTS_BYTES_MAX: usize = 48 * 1024;
/// Bytes of an issue's words.
const WORDS_BYTES_MAX: usize = 2 * 1024;

/// Records that are looked at together: what is looked at stays in the
/// processor's cache until it is changed.
const LOOKED_AT_MAX: usize = 256;

/// An operation on its way in.
pub(crate) struct Incoming<'a> {
    pub(crate) origin: Origin,
    pub(crate) id: OperationId,
    /// As its author signed it.
    pub(crate) bytes: &'a [u8],
    /// The definition its author worked under.
    pub(crate) definition: u32,
    /// Whether its author's user may change records at all.
    pub(crate) may_edit: bool,
    /// Whose rights are to be judged; `None` where there is nothing to judge.
    pub(crate) who: Option<Who>,
}

/// A log that goes on: whose, and what they may do.
#[derive(Clone, Copy)]
struct Speaker {
    author: AuthorId,
    may_edit: bool,
    who: Option<Who>,
}

impl State {
    /// Folds the next ledger entry. Gives a verdict for each of its operations.
    ///
    /// # Panics
    /// If `entry` is not the next: positions are the caller's to keep.
    pub fn fold(&mut self, entry: &Entry) -> Vec<Verdict> {
        self.fold_until(entry, Version(u64::MAX))
    }

    /// Folds the next ledger entry up to the operation of version `last`, for
    /// a look at the past.
    pub fn fold_until(&mut self, entry: &Entry, last: Version) -> Vec<Verdict> {
        assert_eq!(
            entry.position,
            self.position + 1,
            "entries are folded in order"
        );
        self.position = entry.position;
        self.received = entry.received;
        let bundle = &entry.bundle;
        let speaker = self.continue_log(bundle);
        let operations = bundle.slots().iter().map(bytes_of).map(read_operation);
        let operations: Vec<_> = operations.collect();
        self.look_at(operations.iter().flatten());
        let mut verdicts = Vec::with_capacity(bundle.slots().len());
        let slots = bundle.slots().iter().zip(operations);
        for (sequence, (slot, operation)) in (bundle.first()..).zip(slots) {
            if self.version >= last {
                break;
            }
            self.version = self.version.next();
            let id = OperationId {
                log: bundle.log(),
                sequence,
            };
            let rejected = self.fold_slot(speaker, id, slot, operation);
            verdicts.push(Verdict {
                version: self.version,
                rejected,
            });
        }
        verdicts
    }

    /// Looks at the records that operations change. They lie far apart: fetched
    /// from memory all at once, they are there by the time they are changed;
    /// fetched one after another, each is waited for.
    fn look_at<'a>(&self, operations: impl Iterator<Item = &'a Operation>) {
        let records = operations.flat_map(Operation::mutations).map(|m| m.record);
        let places = records.filter_map(|record| self.records.place(record));
        let places: Vec<_> = places.take(LOOKED_AT_MAX).collect();
        let held = || places.iter().map(|place| self.records.at(*place));
        black_box(held().map(|held| held.glance()).fold(0, u64::wrapping_add));
        black_box(held().map(|held| held.gaze()).fold(0, u64::wrapping_add));
    }

    /// Moves the device's log on, or says why every operation of the bundle is
    /// rejected.
    fn continue_log(&mut self, bundle: &Verified) -> Result<Speaker, Code> {
        let log = bundle.log();
        let author = self.author(&log.device).ok_or(Code::DeviceUnknown)?;
        let device = &mut self.devices[author.0 as usize];
        if device.quarantined.is_some() {
            return Err(Code::Quarantined);
        }
        if log.generation < device.generation {
            return Err(Code::LogClosed);
        }
        let head = match log.generation > device.generation {
            true => LogHead::genesis(&self.organization, &log),
            false => device.head,
        };
        if bundle.first() > head.sequence + 1 {
            return Err(Code::Gap);
        }
        if bundle.first() <= head.sequence || bundle.previous() != head.head {
            device.quarantined = Some(self.version.next());
            return Err(Code::Equivocation);
        }
        device.generation = log.generation;
        device.head = bundle.head();
        if device.revoked.is_some() {
            return Err(Code::DeviceRevoked);
        }
        let user = self.rules.definition.users.get(&device.user);
        let may_edit = author == RELAY || user.is_some_and(|user| user.access == Access::Edit);
        let is_judged = author != RELAY && self.rules.has_rights;
        let who = is_judged.then(|| self.rules.security.who(&device.user));
        Ok(Speaker {
            author,
            may_edit,
            who: who.flatten(),
        })
    }

    fn fold_slot(
        &mut self,
        speaker: Result<Speaker, Code>,
        id: OperationId,
        slot: &Slot,
        operation: Result<Operation, Rejection>,
    ) -> Option<Code> {
        let bytes = bytes_of(slot);
        let outcome = match (speaker, operation) {
            (Ok(speaker), Ok(operation)) => self.fold_operation(speaker, id, bytes, operation),
            (Ok(_), Err(rejection)) => Err(rejection),
            (Err(code), _) => Err(Rejection::new(code, log_words(code))),
        };
        let rejection = outcome.err()?;
        let code = rejection.code;
        self.reject(id, rejection, bytes);
        Some(code)
    }

    fn fold_operation(
        &mut self,
        speaker: Speaker,
        id: OperationId,
        bytes: &[u8],
        operation: Operation,
    ) -> Result<(), Rejection> {
        let Operation {
            time,
            definition,
            action,
        } = operation;
        let origin = Origin {
            version: self.version,
            author: speaker.author,
            generation: id.log.generation,
            sequence: id.sequence,
            time,
            received: self.received,
        };
        let incoming = Incoming {
            origin,
            id,
            bytes,
            definition,
            may_edit: speaker.may_edit,
            who: speaker.who,
        };
        let known = self.admit_definition(definition);
        match action {
            Action::Edit(mutations) => self.edit(known, mutations, &incoming),
            action => known.and_then(|()| self.administer(action, &incoming)),
        }
    }

    fn admit_definition(&self, definition: u32) -> Result<(), Rejection> {
        let newest = self.definition().number;
        if definition <= newest {
            return Ok(());
        }
        let what = format!(
            "The change was made under definition {definition}, but the newest published one is {newest}."
        );
        Err(Rejection::new(Code::DefinitionUnknown, what))
    }

    fn edit(
        &mut self,
        known: Result<(), Rejection>,
        mutations: Vec<Mutation>,
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        if let Err(unknown) = known {
            return Err(unknown.naming(&mutations));
        }
        let admitted = self.admit(mutations, incoming)?;
        if !self.rejections.is_empty() {
            for mutation in &admitted.mutations {
                let key = (incoming.origin.author, mutation.record);
                let knew = |first: &Version| mutation.base >= *first;
                if self.rejections.get(&key).is_some_and(knew) {
                    self.rejections.remove(&key);
                }
            }
        }
        self.apply(admitted, incoming);
        Ok(())
    }

    fn administer(&mut self, action: Action, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        if let Action::Settle { operation, outcome } = action {
            return self.settle(operation, outcome, &incoming.origin);
        }
        if incoming.origin.author != RELAY {
            let what = "A device tried to change the definition or the devices.";
            return Err(Rejection::new(Code::NotAdministrative, what));
        }
        match action {
            Action::Publish {
                base,
                changes,
                more,
            } => self.publish(base, changes, more, incoming),
            Action::Enrol { key, user, name } => self.enrol(key, user, name),
            Action::Revoke { device } => self.revoke(device),
            Action::Edit(_) | Action::Settle { .. } => Ok(()),
        }
    }

    fn enrol(&mut self, key: PublicKey, user: String, name: String) -> Result<(), Rejection> {
        if !self.definition().users.contains_key(&user) {
            let what = format!("There is no user `{user}`.");
            return Err(Rejection::new(Code::PrivilegeDenied, what));
        }
        let id = key.device();
        if self.authors.contains_key(&id) {
            let what = format!("Device {id} is enrolled already.");
            return Err(Rejection::new(Code::RecordExists, what));
        }
        let author = AuthorId(self.devices.len() as u32);
        let log = LogId {
            device: id,
            generation: 0,
        };
        self.devices.push(Device {
            id,
            key,
            user,
            name,
            enrolled: self.version,
            revoked: None,
            generation: 0,
            head: LogHead::genesis(&self.organization, &log),
            quarantined: None,
        });
        self.authors.insert(id, author);
        self.devices_changed = self.version;
        Ok(())
    }

    fn revoke(&mut self, device: DeviceId) -> Result<(), Rejection> {
        let author = self.author(&device).filter(|author| *author != RELAY);
        let author = author.ok_or_else(|| {
            Rejection::new(Code::DeviceUnknown, format!("There is no device {device}."))
        })?;
        let device = &mut self.devices[author.0 as usize];
        device.revoked = device.revoked.or(Some(self.version));
        self.devices_changed = self.version;
        Ok(())
    }

    fn settle(
        &mut self,
        operation: Version,
        outcome: SettleOutcome,
        origin: &Origin,
    ) -> Result<(), Rejection> {
        let number = self.issue_of.get(&operation).copied();
        let user = &self.devices[origin.author.0 as usize].user;
        let issue = number
            .map(|number| &mut self.issues[number as usize - 1])
            .filter(|issue| issue.version == operation && issue.user == *user);
        let Some(issue) = issue else {
            let what = format!("There is no issue of {user}'s about operation {operation}.");
            return Err(Rejection::new(Code::IssueUnknown, what));
        };
        if issue.settled.is_none() {
            issue.settled = Some((outcome, origin.version));
            let number = issue.number;
            self.note_issue(number);
            self.forget_rejections(number, origin.author);
        }
        Ok(())
    }

    /// What a device does after it settled an issue does not depend on what
    /// was rejected.
    fn forget_rejections(&mut self, number: u64, author: AuthorId) {
        let issue_of = &self.issue_of;
        self.rejections
            .retain(|(by, _), first| *by != author || issue_of.get(first) != Some(&number));
    }

    /// Raises an issue for a rejected operation, or files it under the one it
    /// depends on.
    fn reject(&mut self, id: OperationId, rejection: Rejection, bytes: &[u8]) {
        let files_under = rejection
            .depends_on
            .and_then(|first| self.has_room(first, bytes));
        let author = self.author(&id.log.device);
        for record in &rejection.records {
            if let Some(place) = self.records.place(*record) {
                self.records.at_mut(place).history.touch(self.version);
                self.records.mark_dirty(place);
            }
            let Some(author) = author else { continue };
            let first = self
                .rejections
                .entry((author, *record))
                .or_insert(self.version);
            if files_under.is_none() {
                *first = self.version;
            }
        }
        match files_under {
            Some(number) => self.file(number, bytes),
            None => self.raise(Issue {
                record: rejection.record,
                field: rejection.field,
                ..self.issue(id, rejection.code, rejection.what, bytes)
            }),
        }
    }

    /// The issue of a rejected operation, if it is open and has room for one
    /// more that depends on it.
    fn has_room(&self, first: Version, bytes: &[u8]) -> Option<u64> {
        let issue = self.issue_of(first).filter(|issue| issue.is_open())?;
        let filed = issue
            .dependents
            .iter()
            .map(|dependent| dependent.payload.len() + 16);
        let fits = filed.sum::<usize>() + bytes.len() <= DEPENDENTS_BYTES_MAX;
        fits.then_some(issue.number)
    }

    fn file(&mut self, number: u64, bytes: &[u8]) {
        let version = self.version;
        let issue = &mut self.issues[number as usize - 1];
        issue.dependents.push(Dependent {
            version,
            payload: bytes.to_vec(),
        });
        self.issue_of.insert(version, number);
        self.note_issue(number);
    }

    /// An issue about the operation folded now, not raised yet.
    pub(crate) fn issue(&self, id: OperationId, code: Code, what: String, payload: &[u8]) -> Issue {
        let author = self.author(&id.log.device);
        let user = author.map(|author| self.devices[author.0 as usize].user.clone());
        Issue {
            number: self.issues.len() as u64 + 1,
            version: self.version,
            operation: id,
            author,
            user: user.unwrap_or_default(),
            code,
            record: None,
            field: None,
            what: shortened(what),
            payload: payload.to_vec(),
            dependents: Vec::new(),
            settled: None,
            changed: self.version,
        }
    }

    pub(crate) fn raise(&mut self, issue: Issue) {
        let number = issue.number;
        self.issue_of.insert(issue.version, number);
        self.issues.push(issue);
        self.note_issue(number);
    }

    fn note_issue(&mut self, number: u64) {
        self.issues[number as usize - 1].changed = self.version;
        self.issues_changed = self.version;
        self.dirty.issues.insert(number);
    }
}

fn bytes_of(slot: &Slot) -> &[u8] {
    match slot {
        Slot::Whole(bytes) => bytes,
        Slot::Withheld(_) => &[],
    }
}

fn read_operation(bytes: &[u8]) -> Result<Operation, Rejection> {
    if bytes.len() > limit::OPERATION_BYTES_MAX {
        let what = format!(
            "The change has {} bytes; at most {} are possible.",
            bytes.len(),
            limit::OPERATION_BYTES_MAX
        );
        return Err(Rejection::new(Code::Limit, what));
    }
    decode_operation(bytes).map_err(|error| {
        Rejection::new(
            Code::Malformed,
            format!("The change cannot be read: {error}."),
        )
    })
}

fn shortened(mut words: String) -> String {
    if words.len() > WORDS_BYTES_MAX {
        let end = (0..=WORDS_BYTES_MAX)
            .rev()
            .find(|end| words.is_char_boundary(*end));
        words.truncate(end.unwrap_or_default());
        words.push('…');
    }
    words
}

fn log_words(code: Code) -> &'static str {
    match code {
        Code::DeviceUnknown => "The device was never enrolled here.",
        Code::DeviceRevoked => "The device had been revoked when the change arrived.",
        Code::Equivocation => {
            "The device's log was written twice: another operation stands at this place already."
        }
        Code::Quarantined => "The device's log is quarantined, because it was written twice.",
        Code::LogClosed => "The device has begun a new log; this change is from the old one.",
        _ => "The device's log has a gap before this change.",
    }
}
