//! A rejected or superseded operation done again, on what stands now.

use crate::edit::{EditError, FieldEdit};
use crate::machine::{Agent, Reply};
use cairn_model::{
    Action, AuthorId, Change, FieldId, HybridTime, Mutation, SettleOutcome, Timestamp, Version,
};
use cairn_oplog::bundle::decode_operation;
use cairn_projection::{FieldState, Issue, Origin, Record};

impl Agent {
    /// Does the operation of an issue again, and those that built on it, on a
    /// fresh base, and settles the issue.
    ///
    /// What the same device has written since stays: a register field whose
    /// value here comes from a later place of its log is left out, and so is a
    /// deletion or a restoration of a record that it has changed since, and
    /// any change of a record that it has deleted since. Only a field that the
    /// person names in `instead` is written whatever stands there. When nothing
    /// is left to write, nothing is done.
    pub(crate) fn resubmit(
        &mut self,
        now: Timestamp,
        number: u64,
        instead: &[(FieldId, FieldEdit)],
    ) -> Result<Reply, EditError> {
        let version = self.open_issue(number)?;
        let issue = &self.issues[&number];
        let again = Again::of(issue).ok_or(EditError::NotResubmittable(number))?;
        let rejected = Rejected {
            author: self.directory.author(&issue.operation.log.device),
            place: (issue.operation.log.generation, issue.operation.sequence),
            time: again.time,
        };
        let mut edits = Vec::new();
        let mut replaced = false;
        for mutations in again.operations {
            let mut renewed = Vec::with_capacity(mutations.len());
            for mut mutation in mutations {
                self.renew(&mut mutation, &rejected)?;
                if let Change::Create(writes) | Change::Update(writes) = &mut mutation.change
                    && !std::mem::replace(&mut replaced, true)
                {
                    let held = self.record(mutation.record)?;
                    let record_type = self.type_in_use(mutation.record_type)?;
                    for (id, write) in self.writes(record_type, held.as_ref(), instead.to_vec())? {
                        writes.retain(|(written, _)| *written != id);
                        writes.push((id, write));
                    }
                }
                if says_something(&mutation) {
                    renewed.push(mutation);
                }
            }
            if !renewed.is_empty() {
                edits.push(renewed);
            }
        }
        let mut last = None;
        for mutations in edits {
            last = Some(self.log_edit(now, mutations)?);
        }
        let done = last.ok_or(EditError::WrittenSince(number))?;
        self.settle(now, version, SettleOutcome::Resubmitted);
        Ok(done)
    }

    /// Puts a mutation of a rejected operation on the base that stands now,
    /// without what its author has written otherwise since.
    fn renew(&self, mutation: &mut Mutation, rejected: &Rejected) -> Result<(), EditError> {
        self.type_in_use(mutation.record_type)?;
        let held = self.record(mutation.record)?;
        mutation.base = self.base_of(mutation.record, mutation.record_type, held.as_ref())?;
        let Some(held) = held else {
            return Ok(());
        };
        let since = |version: Version| {
            let origin = held.origin(version);
            origin.is_some_and(|origin| self.is_since(origin, rejected))
        };
        let life = held.life.shown().is_some_and(|write| since(write.version));
        let gone = life && !held.is_alive();
        let changed = held.origins.iter().any(|origin| since(origin.version));
        match &mut mutation.change {
            Change::Delete | Change::Restore if changed => mutation.change = nothing(),
            Change::Create(_) if gone => mutation.change = Change::Update(Vec::new()),
            Change::Create(writes) | Change::Update(writes) => {
                writes.retain(|(field, _)| !gone && !is_written(&held, *field, since));
            }
            Change::Resolve { fields, keep } => {
                fields.retain(|(field, _)| !gone && !is_written(&held, *field, since));
                *keep = keep.filter(|_| !life);
            }
            Change::Delete | Change::Restore | Change::Follow | Change::Unfollow => {}
        }
        Ok(())
    }

    /// Whether an operation comes after a rejected one: later in the log of
    /// the same device or, if that was another device of this person, by this
    /// one at a later time.
    fn is_since(&self, origin: &Origin, rejected: &Rejected) -> bool {
        match rejected.author == Some(origin.author) {
            true => (origin.generation, origin.sequence) > rejected.place,
            false => origin.author == self.own_author() && origin.time > rejected.time,
        }
    }
}

/// When an operation was written that was rejected.
struct Rejected {
    author: Option<AuthorId>,
    /// Generation and sequence in its device's log.
    place: (u32, u64),
    time: HybridTime,
}

/// What an issue's operation and those that built on it did, oldest first.
struct Again {
    operations: Vec<Vec<Mutation>>,
    /// When the first of them was written.
    time: HybridTime,
}

impl Again {
    /// `None` when it cannot be done again.
    fn of(issue: &Issue) -> Option<Again> {
        let first = decode_operation(&issue.payload).ok()?;
        let mut again = Again {
            operations: Vec::new(),
            time: first.time,
        };
        let dependents = issue.dependents.iter().map(|dependent| &dependent.payload);
        let dependents = dependents.map(|payload| decode_operation(payload).ok());
        for operation in std::iter::once(Some(first)).chain(dependents) {
            match operation?.action {
                Action::Edit(mutations) => again.operations.push(mutations),
                _ => return None,
            }
        }
        Some(again)
    }
}

/// A change that changes nothing.
fn nothing() -> Change {
    Change::Resolve {
        fields: Vec::new(),
        keep: None,
    }
}

fn says_something(mutation: &Mutation) -> bool {
    match &mutation.change {
        Change::Update(writes) => !writes.is_empty(),
        Change::Resolve { fields, keep } => !fields.is_empty() || keep.is_some(),
        _ => true,
    }
}

/// Whether a value that stands in a register field was written by one of those
/// operations. What is added to a counter, a set or a document goes over
/// nothing.
fn is_written(held: &Record, field: FieldId, since: impl Fn(Version) -> bool) -> bool {
    match held.field(field) {
        Some(FieldState::Register(register)) => {
            register.writes.iter().any(|write| since(write.version))
        }
        _ => false,
    }
}
