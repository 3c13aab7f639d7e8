//! Records that were here and went again: why, and since when. Nothing vanishes
//! without a word, and work that is not settled keeps its record until it is.

use crate::machine::Agent;
use cairn_model::codec;
use cairn_model::{RecordId, Timestamp, TypeId, Value};
use cairn_oplog::storage::{Batch, Durability, Storage, StorageError, Table};
use cairn_projection::Issue;
use cairn_proto::{HeldDigest, Leave, LeaveReason};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Records that left which are remembered; the ones that left first are
/// forgotten first.
const REMEMBERED_MAX: usize = 10_000;

/// A record's title, and its alternate keys as people type them.
pub(crate) type Names = (String, Vec<String>);

/// In place of words that told of what may not be seen any more.
const WITHHELD: &str = "You may no longer see what this was about.";

/// A record that left this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftRecord {
    /// Its type.
    pub record_type: TypeId,
    /// What it was called; empty when its reader may not know it any more.
    pub title: String,
    /// Its alternate keys, each as people type it, under the same condition.
    pub keys: Vec<String>,
    /// Why it left. `None` for a record created here that was never let in.
    pub reason: Option<LeaveReason>,
    /// When, by this device's clock.
    pub left: Timestamp,
    /// Whether it is still here, because work on it is not settled.
    pub kept: bool,
}

impl LeftRecord {
    /// Why it left, for the person at the device.
    pub fn words(&self) -> String {
        match &self.reason {
            Some(reason) => reason.words.clone(),
            None => "You created it here, and no offline profile of yours lets it in. \
                     It is safe at the relay."
                .to_owned(),
        }
    }
}

/// Set when something was taken away that may not be seen any more: storage
/// may still have its bytes.
const TRACES: &str = "traces";

/// Whether a device's storage may still have bytes of what its user may not see
/// any more. It is then to be written anew, by whoever can.
pub fn has_traces(storage: &dyn Storage) -> Result<bool, StorageError> {
    Ok(storage.get(Table::Meta, TRACES.as_bytes())?.is_some())
}

/// Notes that the storage was written anew.
pub fn traces_are_gone(storage: &dyn Storage) -> Result<(), StorageError> {
    let mut batch = Batch::default();
    batch.remove(Table::Meta, TRACES);
    storage.commit(batch, Durability::Synced)
}

/// Those records.
#[derive(Debug, Default)]
pub(crate) struct Left {
    records: BTreeMap<RecordId, LeftRecord>,
    /// By when they left.
    by_time: BTreeSet<(Timestamp, RecordId)>,
    kept: BTreeSet<RecordId>,
}

impl Left {
    pub(crate) fn open(storage: &dyn Storage) -> Result<Left, StorageError> {
        let mut left = Left::default();
        for (key, value) in storage.range(Table::Left, &[], usize::MAX)? {
            let corrupt = |reason: String| StorageError::corrupt(Table::Left, &key, reason);
            let id = <[u8; 16]>::try_from(&*key)
                .map_err(|_| corrupt("its key is no record id".to_owned()))?;
            let record: LeftRecord =
                codec::decode("left record", &value).map_err(|error| corrupt(error.to_string()))?;
            left.insert(RecordId(id), record);
        }
        Ok(left)
    }

    fn insert(&mut self, id: RecordId, record: LeftRecord) {
        self.forget(id);
        if record.kept {
            self.kept.insert(id);
        }
        self.by_time.insert((record.left, id));
        self.records.insert(id, record);
    }

    fn forget(&mut self, id: RecordId) -> bool {
        self.kept.remove(&id);
        let Some(record) = self.records.remove(&id) else {
            return false;
        };
        self.by_time.remove(&(record.left, id))
    }

    fn put(&mut self, id: RecordId, record: LeftRecord, batch: &mut Batch) {
        batch.put(Table::Left, id.0, codec::encode(&record));
        self.insert(id, record);
        while self.records.len() - self.kept.len() > REMEMBERED_MAX {
            let oldest = self.by_time.iter().find(|(_, id)| !self.kept.contains(id));
            let Some((_, oldest)) = oldest.copied() else {
                return;
            };
            self.remove(oldest, batch);
        }
    }

    fn remove(&mut self, id: RecordId, batch: &mut Batch) {
        if self.forget(id) {
            batch.remove(Table::Left, id.0);
        }
    }
}

pub(crate) fn put_traces(batch: &mut Batch) {
    batch.put(Table::Meta, TRACES, Vec::new());
}

impl Agent {
    /// Why a record is not here any more, or will not be once its work is
    /// settled.
    pub fn left(&self, id: RecordId) -> Option<&LeftRecord> {
        self.left.records.get(&id)
    }

    /// Every record that left and is remembered, by id.
    pub fn all_left(&self) -> impl Iterator<Item = (RecordId, &LeftRecord)> {
        self.left.records.iter().map(|(id, left)| (*id, left))
    }

    /// Records here that the relay counts on, in short.
    pub(crate) fn held_digest(&self) -> HeldDigest {
        self.held().collect()
    }

    /// Records here that the relay counts on: not those that only unsettled
    /// work still keeps.
    pub(crate) fn held(&self) -> impl Iterator<Item = RecordId> {
        let held = self.pages.records().map(|(id, _)| id);
        held.filter(|id| !self.left.kept.contains(id))
    }

    /// Whether the relay counts on a record's being here.
    pub(crate) fn is_held(&self, id: RecordId) -> bool {
        self.pages.record_type(id).is_some() && !self.left.kept.contains(&id)
    }

    /// Takes records away that shall not be here any more. One with work on it
    /// that is not settled stays until then; one that its user may not read
    /// goes at once, and the work alone stays. So does one of the types of
    /// which the user sees other fields from now on: it did not come anew.
    pub(crate) fn take_leaves(
        &mut self,
        now: Timestamp,
        leaves: Vec<Leave>,
        seen_otherwise: &BTreeSet<TypeId>,
    ) -> Result<(), StorageError> {
        let mut batch = Batch::default();
        let mut gone = BTreeSet::new();
        let is_secret = leaves.iter().any(|leave| !leave.reason.readable);
        for Leave { record, reason } in leaves {
            let Some(record_type) = self.pages.record_type(record) else {
                continue;
            };
            let kept = reason.readable
                && !seen_otherwise.contains(&record_type)
                && self.is_unsettled(record);
            let (title, keys) = match reason.readable {
                true => self.names_of(record)?,
                false => Default::default(),
            };
            let left = LeftRecord {
                record_type,
                title,
                keys,
                reason: Some(reason),
                left: now,
                kept,
            };
            self.left.put(record, left, &mut batch);
            if !kept {
                gone.insert(record);
            }
        }
        self.pages.remove(&gone, &*self.storage, &mut batch)?;
        if is_secret {
            put_traces(&mut batch);
        }
        self.waiting_batch(Durability::Synced).extend(batch);
        Ok(())
    }

    /// Notes that records are here that may have left before.
    pub(crate) fn came(&mut self, records: impl Iterator<Item = RecordId>) {
        if self.left.records.is_empty() {
            return;
        }
        let mut batch = Batch::default();
        for record in records {
            self.left.remove(record, &mut batch);
        }
        self.waiting_batch(Durability::Behind).extend(batch);
    }

    /// Lets go what was kept for work that is settled now.
    pub(crate) fn let_go(&mut self) -> Result<(), StorageError> {
        self.let_go_of(|agent, id| !agent.is_unsettled(id))
    }

    /// Lets go what was kept of these types: nobody says any more what in it
    /// may be seen.
    pub(crate) fn let_go_of_types(&mut self, types: &BTreeSet<TypeId>) -> Result<(), StorageError> {
        self.let_go_of(|agent, id| {
            let left = agent.left.records.get(&id);
            left.is_some_and(|left| types.contains(&left.record_type))
        })
    }

    fn let_go_of(&mut self, goes: impl Fn(&Agent, RecordId) -> bool) -> Result<(), StorageError> {
        let kept = self.left.kept.iter().copied();
        let settled: BTreeSet<RecordId> = kept.filter(|id| goes(self, *id)).collect();
        if settled.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::default();
        for id in &settled {
            if let Some(mut left) = self.left.records.get(id).cloned() {
                left.kept = false;
                self.left.put(*id, left, &mut batch);
            }
        }
        self.pages.remove(&settled, &*self.storage, &mut batch)?;
        self.waiting_batch(Durability::Synced).extend(batch);
        Ok(())
    }

    /// Notes records that were created or changed here and are not here once
    /// the relay has the operations.
    pub(crate) fn note_not_let_in(
        &mut self,
        now: Timestamp,
        records: Vec<(RecordId, TypeId, Names)>,
    ) {
        let mut batch = Batch::default();
        for (record, record_type, (title, keys)) in records {
            let known = self.left.records.contains_key(&record);
            let rejected = (self.issues.values()).any(|issue| issue.record == Some(record));
            if known || rejected || self.pages.record_type(record).is_some() {
                continue;
            }
            let left = LeftRecord {
                record_type,
                title,
                keys,
                reason: None,
                left: now,
                kept: false,
            };
            self.left.put(record, left, &mut batch);
        }
        self.waiting_batch(Durability::Behind).extend(batch);
    }

    /// Forgets what was said about records that may not be read any more.
    pub(crate) fn withhold_words_about(&mut self, leaves: &[Leave]) {
        let unreadable = leaves.iter().filter(|leave| !leave.reason.readable);
        let gone: BTreeSet<RecordId> = unreadable.map(|leave| leave.record).collect();
        if !gone.is_empty() {
            self.withhold_words(|issue| !issue.records().is_disjoint(&gone));
        }
    }

    /// Forgets what the relay said about issues of which the user may no longer
    /// see everything. What they wrote themselves stays.
    pub(crate) fn withhold_words(&mut self, about: impl Fn(&Issue) -> bool) {
        let mut batch = Batch::default();
        for issue in self.issues.values_mut().filter(|issue| about(issue)) {
            WITHHELD.clone_into(&mut issue.what);
            let bytes = codec::encode(&*issue);
            batch.put(Table::Issues, issue.number.to_be_bytes(), bytes);
        }
        self.waiting_batch(Durability::Synced).extend(batch);
    }

    /// Whether the relay does not have all of this device's work on a record.
    /// What it has and a person must still settle, it keeps in scope itself.
    fn is_unsettled(&self, record: RecordId) -> bool {
        self.pending.of(record).next().is_some()
    }

    /// What people call a record: its title, and its alternate keys.
    pub(crate) fn names_of(&self, id: RecordId) -> Result<Names, StorageError> {
        let Some(record) = self.record(id)? else {
            return Ok(Names::default());
        };
        let types = &self.directory.definition.types;
        let Some(record_type) = types.get(&record.record_type) else {
            return Ok(Names::default());
        };
        let words = |values: Vec<Value>| {
            let values: Vec<String> = values.iter().map(Value::to_string).collect();
            values.join(",")
        };
        let keys = record_type.keys.iter();
        let keys = keys.filter_map(|key| record.key_values(&key.fields).map(words));
        Ok((record.title(record_type), keys.collect()))
    }
}
