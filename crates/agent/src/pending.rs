//! A device's own operations that its images do not show yet.

use cairn_model::{Operation, RecordId, Version};
use cairn_oplog::bundle::decode_operation;
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::storage::{Storage, StorageError, Table};
use std::collections::{BTreeMap, VecDeque};

/// An operation of this device that is not in its images yet.
#[derive(Debug, Clone)]
pub struct PendingOperation {
    /// Its place in the log.
    pub sequence: u64,
    /// What it does.
    pub operation: Operation,
    /// Its place in the ledger, once acknowledged; at the latest this.
    pub acknowledged: Option<Version>,
}

/// Those operations, in log order, and by record.
#[derive(Debug, Default)]
pub struct Pending {
    operations: VecDeque<PendingOperation>,
    by_record: BTreeMap<RecordId, Vec<u64>>,
}

impl Pending {
    /// The operations of a log from `first` on.
    pub(crate) fn read(
        log: &DeviceLog,
        first: u64,
        storage: &dyn Storage,
    ) -> Result<Pending, StorageError> {
        let mut pending = Pending::default();
        for (sequence, bytes) in log.operations_from(first, storage)? {
            let operation: Operation = decode_operation(&bytes).map_err(|error| {
                StorageError::corrupt(Table::Tail, &sequence.to_be_bytes(), error)
            })?;
            pending.push(sequence, operation);
        }
        Ok(pending)
    }

    /// Adds the newest operation.
    pub fn push(&mut self, sequence: u64, operation: Operation) {
        for mutation in operation.mutations() {
            let sequences = self.by_record.entry(mutation.record).or_default();
            if sequences.last() != Some(&sequence) {
                sequences.push(sequence);
            }
        }
        self.operations.push_back(PendingOperation {
            sequence,
            operation,
            acknowledged: None,
        });
    }

    /// Notes that operations up to `sequence` are in the ledger at `version`
    /// or before, and those after it are not, whatever was said before.
    pub fn acknowledge(&mut self, sequence: u64, version: Version) {
        for pending in &mut self.operations {
            pending.acknowledged =
                (pending.sequence <= sequence).then(|| pending.acknowledged.unwrap_or(version));
        }
    }

    /// Notes that the operation of `sequence` stands at `version`, and those
    /// before it right before.
    pub fn acknowledge_exactly(&mut self, sequence: u64, version: Version) {
        for pending in self
            .operations
            .iter_mut()
            .take_while(|pending| pending.sequence <= sequence)
        {
            let back = sequence - pending.sequence;
            pending
                .acknowledged
                .get_or_insert(Version(version.0.saturating_sub(back)));
        }
    }

    /// The operations that images of `cursor` show, oldest first.
    pub fn shown_at(&self, cursor: Version) -> impl Iterator<Item = &PendingOperation> {
        self.operations
            .iter()
            .take_while(move |pending| pending.acknowledged.is_some_and(|at| at <= cursor))
    }

    /// Drops the operations that images of `cursor` show. Gives the last
    /// sequence dropped, if any was.
    pub fn incorporate(&mut self, cursor: Version) -> Option<u64> {
        let mut last = None;
        while let Some(front) = self.operations.front()
            && front.acknowledged.is_some_and(|version| version <= cursor)
        {
            last = Some(front.sequence);
            if let Some(done) = self.operations.pop_front() {
                self.forget(&done);
            }
        }
        last
    }

    fn forget(&mut self, done: &PendingOperation) {
        for mutation in done.operation.mutations() {
            if let Some(sequences) = self.by_record.get_mut(&mutation.record) {
                sequences.retain(|sequence| *sequence != done.sequence);
                if sequences.is_empty() {
                    self.by_record.remove(&mutation.record);
                }
            }
        }
    }

    /// Takes everything out.
    pub fn drain(&mut self) -> Vec<PendingOperation> {
        self.by_record.clear();
        std::mem::take(&mut self.operations).into()
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &PendingOperation> {
        self.operations.iter()
    }

    /// Those that touch a record, oldest first.
    pub fn of(&self, record: RecordId) -> impl Iterator<Item = &PendingOperation> {
        let first = self
            .operations
            .front()
            .map_or(0, |pending| pending.sequence);
        self.by_record
            .get(&record)
            .into_iter()
            .flatten()
            .filter_map(move |sequence| self.operations.get((sequence - first) as usize))
    }

    /// The records they touch.
    pub fn records(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.by_record.keys().copied()
    }

    /// Those the relay has not acknowledged.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &PendingOperation> {
        self.operations
            .iter()
            .filter(|pending| pending.acknowledged.is_none())
    }
}
