//! What can be said of a ledger whatever the policy: which writes met which,
//! and which nobody has deliberately replaced.
//!
//! Operation `o` came before `p` (`o -> p`) where `p` had it in its base, or
//! both are of one device and `o` is earlier; otherwise the two are concurrent.
//! A *write* is what an operation does to one key: a field of a record, an
//! element of a set, or a record's life. A write is *superseded* once a later
//! one of its key had seen it (its author meant to replace it); a deletion
//! supersedes what it had seen of the record. What is not superseded is
//! *standing*: a policy that does not show it has displaced somebody's work.
//!
//! What can be met no more is counted and forgotten ([`Horizon`]), so that
//! memory grows with keys, standing writes and sets of writes that met, not
//! with the ledger: some 200 bytes for each key and its standing write, 48 for
//! each set, 2 for each operation of several writes, 16 for each bundle; and what
//! the [`Survey`] says of itself.

mod best;
mod conflict;
mod horizon;
mod survey;
#[cfg(test)]
mod tests;
mod transactions;
mod walk;
mod width;

pub(crate) use best::Best;
pub use conflict::ConflictSet;
pub use horizon::Horizon;
pub use survey::{Behind, Done, Sent, Survey, Use};

use crate::ledger::{Ledger, LedgerFault};

use cairn_model::{
    Action, Change, DeviceId, FieldId, Mutation, Operation, RecordId, Timestamp, Value, Version,
    Write, codec,
};
use cairn_oplog::Entry;
use cairn_policy::CLOCK_AHEAD_MS_MAX;
use std::collections::BTreeMap;
use transactions::Transactions;
use walk::Walk;

/// What a write is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The record.
    pub record: RecordId,
    /// The field; `None` for the record's life.
    pub field: Option<FieldId>,
    /// The element, where the field is a set.
    pub element: Option<Value>,
}

/// What a write is there for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The field shows the value.
    Shows(Option<Value>),
    /// The record is there, or not.
    Lives(bool),
    /// The set has the element.
    Contains,
    /// … or has it not.
    Lacks,
    /// It is added to what others do: counters and documents.
    Merges,
}

/// A write that nobody has deliberately replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingWrite {
    /// Its operation.
    pub version: Version,
    /// Its author, by number in [`Trace::authors`].
    pub author: u32,
    /// What it is there for.
    pub effect: Effect,
    /// Its bytes in the log.
    pub bytes: u32,
    /// Whether it met a concurrent one.
    pub contested: bool,
}

/// A write that was, as much of it as contention needs.
#[derive(Debug, Clone, Copy)]
struct Past {
    version: Version,
    base: Version,
    author: u32,
    contested: bool,
    disputed: bool,
    /// Tells writes apart that do not commute; 0 commutes with everything.
    claim: u64,
    time: Timestamp,
}

/// A key's writes.
#[derive(Debug, Default)]
struct Track {
    /// Those that may still be met, and a few more.
    past: Vec<Past>,
    /// The others, and the widest antichain that any of them was in.
    forgotten: Counts,
    width: u32,
    standing: Vec<StandingWrite>,
    sets: Vec<ConflictSet>,
}

/// How many writes a key had, how many met a concurrent one, and how many of
/// these do not commute with it.
type Counts = [u32; 3];

/// A record's keys.
#[derive(Debug, Default)]
struct RecordTrack {
    keys: BTreeMap<(Option<FieldId>, Option<Value>), Track>,
}

/// An author: a device, and how much it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// The device.
    pub device: DeviceId,
    /// Its writes.
    pub writes: u64,
}

/// An operation on its way through the trace.
#[derive(Clone, Copy)]
struct Arriving {
    version: Version,
    author: u32,
    base: Version,
    time: Timestamp,
    received: Timestamp,
}

/// What is known of a ledger.
#[derive(Debug, Default)]
pub struct Trace {
    walk: Walk,
    horizon: Option<Horizon>,
    authors: Vec<Author>,
    numbers: BTreeMap<DeviceId, u32>,
    records: BTreeMap<RecordId, RecordTrack>,
    /// The last version of each entry, and when it was received.
    arrivals: Vec<(Version, Timestamp)>,
    transactions: Transactions,
    totals: Totals,
    survey: Survey,
}

/// Sums over the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Operations of people.
    pub operations: u64,
    /// Their writes.
    pub writes: u64,
    /// … and what those take in the log.
    pub bytes: u64,
    /// Bytes of all bundles.
    pub log_bytes: u64,
    /// Milliseconds from each operation's own time to its arrival, together.
    pub lag_ms: u64,
    /// Deletions of records and removals of elements.
    pub deletions: u64,
}

impl Trace {
    /// Goes through a ledger, twice; `also` is given its entries on the way.
    pub fn of(ledger: &dyn Ledger, also: &mut dyn FnMut(&Entry)) -> Result<Trace, LedgerFault> {
        let mut trace = Trace {
            horizon: Some(Horizon::of(ledger)?),
            ..Trace::default()
        };
        ledger.each(&mut |entry| {
            also(entry);
            trace.observe(entry);
        })?;
        trace.finish();
        Ok(trace)
    }

    /// Takes in the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        let (bundle, begin) = (&entry.bundle, self.walk.version().next());
        self.survey
            .bundle(bundle.log(), bundle.first(), begin, entry.received);
        self.totals.log_bytes += entry.bundle.bytes().len() as u64;
        let mut walk = std::mem::take(&mut self.walk);
        let device = entry.bundle.log().device;
        walk.entry(entry, |version, operation| {
            self.survey.operation(version, &operation);
            self.operation(device, version, entry.received, operation);
        });
        self.walk = walk;
        self.arrivals.push((self.walk.version(), entry.received));
    }

    /// Nothing follows: what could still be met no longer can.
    fn finish(&mut self) {
        self.horizon = None;
        for record in self.records.values_mut() {
            let tracks = record.keys.values_mut();
            tracks.for_each(|track| track.forget(Version(u64::MAX)));
        }
    }

    /// When an operation was received; `None` if it is not in the ledger.
    pub fn received(&self, version: Version) -> Option<Timestamp> {
        let at = self.arrivals.partition_point(|(last, _)| *last < version);
        self.arrivals.get(at).map(|(_, received)| *received)
    }

    fn operation(
        &mut self,
        device: DeviceId,
        version: Version,
        received: Timestamp,
        operation: Operation,
    ) {
        let Action::Edit(mutations) = operation.action else {
            return;
        };
        let author = self.author(device);
        let own = operation.time.wall();
        let time = own.min(received.plus(CLOCK_AHEAD_MS_MAX));
        self.totals.operations += 1;
        self.totals.lag_ms += received.since(own);
        let before = self.totals.writes;
        let last = Version(version.0 - 1);
        for mutation in mutations {
            let arriving = Arriving {
                version,
                author,
                // Nobody has seen what is not in the ledger yet.
                base: mutation.base.min(last),
                time,
                received,
            };
            self.mutation(mutation, arriving);
        }
        let writes = self.totals.writes - before;
        self.authors[author as usize].writes += writes;
        if writes > 1 {
            self.transactions.push(version, writes as u32);
        }
    }

    fn author(&mut self, device: DeviceId) -> u32 {
        let next = self.authors.len() as u32;
        let number = *self.numbers.entry(device).or_insert(next);
        if number == next {
            self.authors.push(Author { device, writes: 0 });
        }
        number
    }

    fn mutation(&mut self, mutation: Mutation, arriving: Arriving) {
        let horizon = self.horizon.as_ref().map_or(Version(0), |horizon| {
            horizon.of_record(mutation.record, arriving.version)
        });
        let record = self.records.entry(mutation.record).or_default();
        let mut work = RecordWork {
            record,
            totals: &mut self.totals,
            arriving,
            horizon,
        };
        match mutation.change {
            Change::Create(writes) => {
                work.life(true);
                work.writes(writes);
            }
            Change::Update(writes) => work.writes(writes),
            Change::Delete => work.life(false),
            Change::Restore => work.life(true),
            Change::Resolve { fields, keep } => {
                work.writes(fields);
                if let Some(keep) = keep {
                    work.life(keep);
                }
            }
            Change::Follow | Change::Unfollow => {}
        }
    }

    /// Sums over the ledger.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What the ledger says besides its writes.
    pub fn survey(&self) -> &Survey {
        &self.survey
    }

    /// Who wrote, by order of appearance.
    pub fn authors(&self) -> &[Author] {
        &self.authors
    }

    /// Operations of several writes, each with their number.
    pub fn transactions(&self) -> impl Iterator<Item = (Version, u32)> + '_ {
        self.transactions.iter()
    }

    /// Every record that was written.
    pub fn records(&self) -> impl Iterator<Item = RecordId> + '_ {
        self.records.keys().copied()
    }

    /// Every key with standing writes.
    pub fn standing(&self) -> impl Iterator<Item = (Key, &[StandingWrite])> {
        self.keys()
            .map(|(key, track)| (key, track.standing.as_slice()))
            .filter(|(_, standing)| !standing.is_empty())
    }

    /// Every key with the sets of writes that met there, in the order of the
    /// ledger, and its widest antichain.
    pub fn conflicts(&self) -> impl Iterator<Item = (Key, &[ConflictSet], usize)> {
        self.keys()
            .filter(|(_, track)| !track.sets.is_empty())
            .map(|(key, track)| (key, track.sets.as_slice(), track.width() as usize))
    }

    /// By key: writes; of them those that met a concurrent one; and of these
    /// those that do not commute with it.
    pub fn contention(&self) -> impl Iterator<Item = (Key, [u64; 3])> {
        self.keys()
            .map(|(key, track)| (key, track.counts().map(u64::from)))
    }

    fn keys(&self) -> impl Iterator<Item = (Key, &Track)> {
        self.records.iter().flat_map(|(record, tracks)| {
            tracks.keys.iter().map(|((field, element), track)| {
                let key = Key {
                    record: *record,
                    field: *field,
                    element: element.clone(),
                };
                (key, track)
            })
        })
    }
}

/// An operation at work on one record.
struct RecordWork<'a> {
    record: &'a mut RecordTrack,
    totals: &'a mut Totals,
    arriving: Arriving,
    /// What of the record can be met no more after this.
    horizon: Version,
}

const LIFE: (Option<FieldId>, Option<Value>) = (None, None);

impl Arriving {
    fn sees(&self, version: Version, author: u32) -> bool {
        version <= self.base || author == self.author
    }
}

impl RecordWork<'_> {
    fn writes(&mut self, writes: Vec<(FieldId, Write)>) {
        for (field, write) in writes {
            let bytes = codec::encode(&write).len() as u32;
            match write {
                Write::Set(value) => self.write(field, None, Effect::Shows(Some(value)), bytes),
                Write::Clear => self.write(field, None, Effect::Shows(None), bytes),
                Write::Add(_) | Write::Merge(_) => self.write(field, None, Effect::Merges, bytes),
                Write::Change { add, remove } => {
                    let each = bytes / (add.len() + remove.len()).max(1) as u32;
                    self.totals.deletions += remove.len() as u64;
                    for element in add {
                        self.write(field, Some(element), Effect::Contains, each);
                    }
                    for element in remove {
                        self.write(field, Some(element), Effect::Lacks, each);
                    }
                }
            }
        }
    }

    /// A write of a field. It meets what its key has that it had not seen, and
    /// deletions of its record.
    fn write(&mut self, field: FieldId, element: Option<Value>, effect: Effect, bytes: u32) {
        let arriving = self.arriving;
        let deleted = self.meet_deletions();
        let track = self.record.keys.entry((Some(field), element)).or_default();
        let past = Past::of(&arriving, &effect);
        let contested = track.meet(&arriving, past, deleted);
        if effect != Effect::Merges {
            track.supersede(&arriving);
        }
        track.stand(&arriving, effect, bytes, contested);
        track.forget(self.horizon);
        self.count(bytes);
    }

    /// Meets deletions of the record that the author had not seen; those that
    /// they had seen are superseded: they wrote all the same.
    fn meet_deletions(&mut self) -> bool {
        let arriving = self.arriving;
        let Some(life) = self.record.keys.get_mut(&LIFE) else {
            return false;
        };
        life.standing.retain(|write| {
            write.effect != Effect::Lives(false) || !arriving.sees(write.version, write.author)
        });
        life.meet_quietly(&arriving, |past| past.claim == claim(&Effect::Lives(false)))
    }

    fn life(&mut self, alive: bool) {
        let arriving = self.arriving;
        let mut met = None;
        if !alive {
            self.totals.deletions += 1;
            for (key, track) in &mut self.record.keys {
                if key.0.is_some() {
                    let first = track.meet_deletion(&arriving);
                    met = met.into_iter().chain(first).min();
                    track.supersede(&arriving);
                }
            }
        }
        let effect = Effect::Lives(alive);
        let life = self.record.keys.entry(LIFE).or_default();
        let past = Past::of(&arriving, &effect);
        let mut contested = life.meet(&arriving, past, met.is_some());
        if let Some((version, time)) = met {
            life.join(&arriving, version, time);
            contested = true;
        }
        life.supersede(&arriving);
        life.stand(&arriving, effect, 1, contested);
        life.forget(self.horizon);
        self.count(1);
    }

    fn count(&mut self, bytes: u32) {
        self.totals.writes += 1;
        self.totals.bytes += u64::from(bytes);
    }
}

/// What a write claims of its key, so that equal claims commute. Never 0, but
/// for what commutes with everything.
fn claim(effect: &Effect) -> u64 {
    let bytes = match effect {
        Effect::Merges => return 0,
        Effect::Shows(value) => codec::encode(&(0u8, value)),
        Effect::Lives(alive) => vec![1, u8::from(*alive)],
        Effect::Contains => vec![2],
        Effect::Lacks => vec![3],
    };
    let hash = blake3::hash(&bytes);
    let (first, _) = hash.as_bytes().split_first_chunk().expect("8 of 32 bytes");
    u64::from_be_bytes(*first) | 1
}
