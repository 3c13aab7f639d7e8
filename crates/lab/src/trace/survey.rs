//! What a ledger says besides its writes: which device sent what and when, how
//! far behind it was when it wrote, and in which ways fields are used.
//!
//! Holds 32 bytes for each operation and 24 for each bundle, and 16 for each of
//! the last writes of a field.

use cairn_model::{
    Action, Change, DeviceId, FieldId, LogId, Mutation, Operation, RecordId, Timestamp, TypeId,
    Version, Write,
};
use std::collections::BTreeMap;

/// Earlier writes of a field that are looked at for one write: no more than
/// these count as unseen or unsent.
const LOOKED_AT_MAX: usize = 128;

/// A bundle of a device.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Its device, by number in [`Survey::devices`].
    pub device: u32,
    /// Which of the device's logs.
    pub generation: u32,
    /// The place of its first operation in that log.
    pub first: u64,
    /// … and in the ledger.
    pub begin: Version,
    /// When the relay received it.
    pub received: Timestamp,
}

/// An operation of a person.
#[derive(Debug, Clone, Copy)]
pub struct Done {
    /// Its place in the ledger.
    pub version: Version,
    /// The most its author had of the ledger, as far as the operation says.
    pub base: Version,
    /// The time of its author's clock.
    pub time: Timestamp,
    /// The bundle it came in, by number in [`Survey::sent`].
    pub sent: u32,
}

/// How far behind devices were when they wrote, a field of a record at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behind {
    /// By how many writes of others that the relay had and the author had not
    /// seen: how many writes were made.
    pub unseen: BTreeMap<u64, u64>,
    /// Own earlier writes of the field that the relay did not have yet.
    pub unsent: u64,
    /// Milliseconds since the relay had the first unseen write.
    pub stale_ms: u64,
    /// Changes of counters.
    pub counted: u64,
    /// What counters were off by, as unseen changes had not been added.
    pub off_by: u64,
}

/// In which ways people used a field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Operations that gave it a value in a new record.
    pub given: u64,
    /// … that gave it another one later, or none.
    pub changed: u64,
    /// … that counted up.
    pub raised: u64,
    /// … that counted down.
    pub lowered: u64,
}

/// The writes of a field of a record, in the order of the ledger.
#[derive(Debug, Default)]
struct Conit {
    /// Each with its bundle.
    writes: Vec<(Version, u32)>,
    /// By how much each counted; empty where nothing is counted.
    counts: Vec<i64>,
}

impl Conit {
    /// Forgets what is looked at no more, many at a time.
    fn forget(&mut self) {
        if self.writes.len() >= 2 * LOOKED_AT_MAX {
            let old = self.writes.len() - LOOKED_AT_MAX;
            self.writes.drain(..old);
            self.counts.drain(..old.min(self.counts.len()));
        }
    }
}

/// What a ledger says besides its writes.
#[derive(Debug, Default)]
pub struct Survey {
    numbers: BTreeMap<DeviceId, u32>,
    devices: Vec<DeviceId>,
    sent: Vec<Sent>,
    done: Vec<Done>,
    conits: BTreeMap<(RecordId, FieldId), Conit>,
    behind: Behind,
    uses: BTreeMap<(TypeId, FieldId), Use>,
    deletions: BTreeMap<TypeId, u64>,
    answers: u64,
}

impl Survey {
    /// Takes in the next bundle, whose first operation has the version `begin`.
    pub(super) fn bundle(&mut self, log: LogId, first: u64, begin: Version, received: Timestamp) {
        let next = self.devices.len() as u32;
        let device = *self.numbers.entry(log.device).or_insert(next);
        if device == next {
            self.devices.push(log.device);
        }
        self.sent.push(Sent {
            device,
            generation: log.generation,
            first,
            begin,
            received,
        });
    }

    /// Takes in an operation of the last bundle.
    pub(super) fn operation(&mut self, version: Version, operation: &Operation) {
        let mutations = match &operation.action {
            Action::Settle { .. } => {
                self.answers += 1;
                return;
            }
            Action::Edit(mutations) => mutations,
            _ => return,
        };
        // Nobody has seen what is not in the ledger yet.
        let last = Version(version.0.saturating_sub(1));
        let bases = mutations.iter().map(|mutation| mutation.base.min(last));
        let sent = self.sent.len().saturating_sub(1) as u32;
        self.done.push(Done {
            version,
            base: bases.max().unwrap_or_default(),
            time: operation.time.wall(),
            sent,
        });
        let resolves = |mutation: &Mutation| matches!(mutation.change, Change::Resolve { .. });
        self.answers += u64::from(mutations.iter().any(resolves));
        for mutation in mutations {
            if mutation.change == Change::Delete {
                *self.deletions.entry(mutation.record_type).or_default() += 1;
            }
            for (field, write) in mutation.change.writes() {
                self.note_use(mutation, *field, write);
                self.note_write(version, operation.time.wall(), mutation, *field, write);
            }
        }
    }

    fn note_use(&mut self, mutation: &Mutation, field: FieldId, write: &Write) {
        let key = (mutation.record_type, field);
        let r#use = self.uses.entry(key).or_default();
        match write {
            Write::Add(change) if *change >= 0 => r#use.raised += 1,
            Write::Add(_) => r#use.lowered += 1,
            _ if matches!(mutation.change, Change::Create(_)) => r#use.given += 1,
            _ => r#use.changed += 1,
        }
    }

    /// Looks at what the author of a write had not seen of its field, and takes
    /// the write in.
    fn note_write(
        &mut self,
        version: Version,
        time: Timestamp,
        mutation: &Mutation,
        field: FieldId,
        write: &Write,
    ) {
        let Some(arriving) = self.sent.last() else {
            return;
        };
        let made = time.min(arriving.received);
        let conit = self.conits.entry((mutation.record, field)).or_default();
        let (mut unseen, mut unsent, mut off_by) = (0, 0, 0i64);
        let mut first = None;
        let earlier = conit.writes.iter().enumerate().rev();
        for (at, (earlier, bundle)) in earlier.take(LOOKED_AT_MAX) {
            let sent = &self.sent[*bundle as usize];
            let arrived = sent.received <= made;
            let is_own = sent.device == arriving.device;
            if arrived && *earlier <= mutation.base {
                break;
            }
            if is_own {
                unsent += u64::from(!arrived);
            } else if arrived {
                unseen += 1;
                first = Some(sent.received);
                off_by = off_by.saturating_add(conit.counts.get(at).copied().unwrap_or(0));
            }
        }
        let behind = &mut self.behind;
        *behind.unseen.entry(unseen).or_default() += 1;
        behind.unsent += unsent;
        behind.stale_ms += first.map_or(0, |first| made.since(first));
        if let Write::Add(change) = write {
            behind.counted += 1;
            behind.off_by += off_by.unsigned_abs();
            conit.counts.resize(conit.writes.len(), 0);
            conit.counts.push(*change);
        }
        conit.writes.push((version, self.sent.len() as u32 - 1));
        conit.forget();
    }

    /// Devices that sent anything, by order of appearance.
    pub fn devices(&self) -> &[DeviceId] {
        &self.devices
    }

    /// Bundles, in the order of the ledger.
    pub fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// Operations of people, in the order of the ledger.
    pub fn done(&self) -> &[Done] {
        &self.done
    }

    /// The bundle that an operation came in.
    pub fn sent_in(&self, done: &Done) -> &Sent {
        &self.sent[done.sent as usize]
    }

    /// How far behind devices were when they wrote.
    pub fn behind(&self) -> &Behind {
        &self.behind
    }

    /// In which ways people used a field.
    pub fn uses(&self, record_type: TypeId, field: FieldId) -> Use {
        let known = self.uses.get(&(record_type, field));
        known.copied().unwrap_or_default()
    }

    /// Operations that deleted records of a type, each record for itself.
    pub fn deletions(&self, record_type: TypeId) -> u64 {
        self.deletions.get(&record_type).copied().unwrap_or(0)
    }

    /// Operations by which people resolved conflicts and settled issues.
    pub fn answers(&self) -> u64 {
        self.answers
    }
}
