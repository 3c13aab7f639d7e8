//! Folding one ledger entry: where its log stands, then each operation.

use crate::admit::Rejection;
use crate::issue::{Code, Dependent, Issue, Verdict};
use crate::record::Origin;
use crate::state::{Device, RELAY, State};
use cairn_model::{Action, AuthorId, LogId, Operation, OperationId, PublicKey, Version};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_oplog::{Entry, LogHead, Verified};
use std::sync::Arc;

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
        let standing = self.continue_log(bundle);
        let mut verdicts = Vec::with_capacity(bundle.slots().len());
        for (sequence, slot) in (bundle.first()..).zip(bundle.slots()) {
            if self.version >= last {
                break;
            }
            self.version = self.version.next();
            let id = OperationId {
                log: bundle.log(),
                sequence,
            };
            let bytes: &[u8] = match slot {
                Slot::Whole(bytes) => bytes,
                Slot::Withheld(_) => &[],
            };
            let outcome = match standing {
                Ok(author) => self.fold_operation(author, id, entry, bytes),
                Err(code) => Err(Rejection::new(code, log_words(code))),
            };
            let rejected = outcome.err().map(|rejection| {
                let code = rejection.code;
                self.reject(id, rejection, bytes);
                code
            });
            verdicts.push(Verdict {
                version: self.version,
                rejected,
            });
        }
        verdicts
    }

    /// Moves the device's log on, or says why every operation of the bundle is
    /// rejected.
    fn continue_log(&mut self, bundle: &Verified) -> Result<AuthorId, Code> {
        let log = bundle.log();
        let author = self.author(&log.device).ok_or(Code::DeviceUnknown)?;
        let version = self.version.next();
        let organization = self.organization;
        let device = &mut self.devices[author.0 as usize];
        if device.quarantined.is_some() {
            return Err(Code::Quarantined);
        }
        if log.generation > device.generation {
            device.generation = log.generation;
            device.head = LogHead::genesis(&organization, &log);
        }
        if log.generation < device.generation {
            return Err(Code::LogClosed);
        }
        if bundle.first() > device.head.sequence + 1 {
            return Err(Code::Gap);
        }
        if bundle.first() <= device.head.sequence || bundle.previous() != device.head.head {
            device.quarantined = Some(version);
            self.definition_changed = version;
            return Err(Code::Equivocation);
        }
        device.head = bundle.head();
        if device.revoked.is_some() {
            return Err(Code::DeviceRevoked);
        }
        Ok(author)
    }

    fn fold_operation(
        &mut self,
        author: AuthorId,
        id: OperationId,
        entry: &Entry,
        bytes: &[u8],
    ) -> Result<(), Rejection> {
        let operation = decode_operation(bytes).map_err(|error| {
            Rejection::new(
                Code::Malformed,
                format!("The change cannot be read: {error}."),
            )
        })?;
        if operation.definition > self.definition.number {
            return Err(Rejection::new(
                Code::DefinitionUnknown,
                format!(
                    "The change was made under definition {}, but the newest published one is {}.",
                    operation.definition, self.definition.number
                ),
            ));
        }
        let origin = Origin {
            version: self.version,
            author,
            generation: id.log.generation,
            sequence: id.sequence,
            time: operation.time,
            received: entry.received,
        };
        self.carry_out(operation, &origin, bytes)
    }

    fn carry_out(
        &mut self,
        operation: Operation,
        origin: &Origin,
        bytes: &[u8],
    ) -> Result<(), Rejection> {
        match operation.action {
            Action::Edit(mutations) => {
                let definition = Arc::clone(&self.definition);
                self.admit(&mutations, origin, &definition)?;
                self.apply(&mutations, origin, &definition, bytes);
                Ok(())
            }
            Action::Settle { operation, outcome } => self.settle(operation, outcome, origin),
            Action::Publish {
                base,
                changes,
                more,
            } => {
                only_relay(origin)?;
                self.publish(base, changes, more, origin)
            }
            Action::Enrol { key, user, name } => {
                only_relay(origin)?;
                self.enrol(key, user, name, origin)
            }
            Action::Revoke { device } => {
                only_relay(origin)?;
                let author = self.author(&device).filter(|author| *author != RELAY);
                let author = author.ok_or_else(|| {
                    Rejection::new(Code::DeviceUnknown, format!("There is no device {device}."))
                })?;
                let version = self.version;
                let device = &mut self.devices[author.0 as usize];
                device.revoked = device.revoked.or(Some(version));
                self.definition_changed = version;
                Ok(())
            }
        }
    }

    fn enrol(
        &mut self,
        key: PublicKey,
        user: String,
        name: String,
        origin: &Origin,
    ) -> Result<(), Rejection> {
        if !self.definition.users.contains_key(&user) {
            return Err(Rejection::new(
                Code::PrivilegeDenied,
                format!("There is no user `{user}`."),
            ));
        }
        let id = key.device();
        if self.authors.contains_key(&id) {
            return Err(Rejection::new(
                Code::RecordExists,
                format!("Device {id} is enrolled already."),
            ));
        }
        let author = AuthorId(self.devices.len() as u32);
        let log = LogId {
            device: id,
            generation: 0,
        };
        self.devices.push(Device {
            key,
            user,
            name,
            enrolled: origin.version,
            revoked: None,
            generation: 0,
            head: LogHead::genesis(&self.organization, &log),
            quarantined: None,
        });
        self.authors.insert(id, author);
        self.definition_changed = origin.version;
        Ok(())
    }

    fn settle(
        &mut self,
        operation: Version,
        outcome: cairn_model::SettleOutcome,
        origin: &Origin,
    ) -> Result<(), Rejection> {
        let number = self.issue_of.get(&operation).copied();
        let user = &self.devices[origin.author.0 as usize].user;
        let issue = number
            .map(|number| &mut self.issues[number as usize - 1])
            .filter(|issue| issue.version == operation && issue.user == *user);
        let Some(issue) = issue else {
            return Err(Rejection::new(
                Code::IssueUnknown,
                format!("There is no issue of {user}'s about operation {operation}."),
            ));
        };
        if issue.settled.is_none() {
            issue.settled = Some((outcome, origin.version));
            issue.changed = origin.version;
            self.issues_changed = origin.version;
            self.dirty.issues.insert(issue.number);
        }
        Ok(())
    }

    /// Raises an issue for a rejected operation, or files it under the one it
    /// depends on.
    fn reject(&mut self, id: OperationId, rejection: Rejection, bytes: &[u8]) {
        let version = self.version;
        let author = self.author(&id.log.device);
        for record in &rejection.records {
            if let Some(author) = author {
                self.rejections.entry((author, *record)).or_insert(version);
            }
            if let Some(held) = self.records.get_mut(record) {
                held.history.touch(version);
                self.dirty.records.insert(*record);
            }
        }
        if let Some(first) = rejection.depends_on
            && let Some(number) = self.issue_of.get(&first).copied()
        {
            let issue = &mut self.issues[number as usize - 1];
            issue.dependents.push(Dependent {
                version,
                payload: bytes.to_vec(),
            });
            issue.changed = version;
            self.issues_changed = version;
            self.issue_of.insert(version, number);
            self.dirty.issues.insert(number);
            return;
        }
        let user = author.map_or_else(String::new, |author| {
            self.devices[author.0 as usize].user.clone()
        });
        self.raise(Issue {
            number: 0,
            version,
            operation: id,
            author,
            user,
            code: rejection.code,
            record: rejection.record,
            field: rejection.field,
            what: rejection.what,
            payload: bytes.to_vec(),
            dependents: Vec::new(),
            settled: None,
            changed: version,
        });
    }

    pub(crate) fn raise(&mut self, mut issue: Issue) {
        issue.number = self.issues.len() as u64 + 1;
        self.issues_changed = issue.changed;
        self.issue_of.insert(issue.version, issue.number);
        self.dirty.issues.insert(issue.number);
        self.issues.push(issue);
    }
}

fn only_relay(origin: &Origin) -> Result<(), Rejection> {
    if origin.author == RELAY {
        return Ok(());
    }
    Err(Rejection::new(
        Code::NotAdministrative,
        "A device tried to change the definition or the devices.",
    ))
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
