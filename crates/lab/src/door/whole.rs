//! Everything that was done, as one ledger.
//!
//! An operation's causal context is a version of the ledger and what its device
//! did before, while a step's is any part of a graph. So the door looks for a
//! device whose log says what the base cannot: the author's own where it can,
//! another one where the author went on from what stood there. What neither
//! says is counted in [`Fidelity`]: such steps look more concurrent than they
//! were.

use super::{Slots, Study, TYPE, Truth, parts, record_type, write_of};
use crate::history::{Deed, HistoryFault, Step};
use crate::scribe::{Pen, Scribe};
use cairn_model::{Change, FieldId, HybridTime, Mutation, RecordId, Version, Write};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Steps of one record: what each had seen is kept as a bit for each other.
pub const RECORD_STEPS_MAX: usize = 16_384;

/// How exactly a ledger says what a history says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Fidelity {
    /// Steps.
    pub steps: usize,
    /// Steps whose context is said exactly.
    pub exact: usize,
    /// Pairs of a step and an earlier one that it had seen, and seems not to.
    pub unseen: usize,
    /// Steps that are in the log of another author's device, because they went
    /// on from what stood there.
    pub elsewhere: usize,
    /// Devices.
    pub devices: usize,
}

/// Makes a study of everything in a history. Lists are values.
pub fn whole(name: &str, steps: &[Step]) -> Result<(Study, Fidelity), HistoryFault> {
    let began = steps.iter().map(|step| step.time).min();
    let mut writer = StepWriter {
        scribe: Scribe::new(name, vec![record_type()], began.unwrap_or_default()),
        devices: BTreeMap::new(),
        records: BTreeMap::new(),
        ids: BTreeMap::new(),
        images: BTreeMap::new(),
        truth: Truth::default(),
        classes: BTreeMap::new(),
        fidelity: Fidelity::default(),
        open: None,
    };
    let mut children = vec![0usize; steps.len()];
    for parent in steps.iter().flat_map(|step| &step.parents) {
        children[*parent] += 1;
    }
    for (place, step) in steps.iter().enumerate() {
        writer.step(place, step, children[place])?;
        for parent in &step.parents {
            children[*parent] -= 1;
            if children[*parent] == 0 {
                writer.images.remove(parent);
            }
        }
    }
    writer.write_open()?;
    writer.fidelity.devices = writer.devices.values().map(Vec::len).sum();
    let study = Study {
        name: name.to_owned(),
        ledger: writer.scribe.finish(),
        truth: writer.truth,
    };
    Ok((study, writer.fidelity))
}

/// A record as a step left it, and all steps on it that went before.
struct Image {
    /// The step's number on its record.
    number: usize,
    seen: Seen,
    /// Whether it is there, and which step said so last.
    alive: (bool, usize),
    /// By path: what it holds, and which step wrote that.
    fields: Rc<BTreeMap<String, (Option<Json>, usize)>>,
}

/// A set of steps of one record, by number.
#[derive(Clone, Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn has(&self, step: usize) -> bool {
        self.0
            .get(step / 64)
            .is_some_and(|bits| bits & (1 << (step % 64)) != 0)
    }

    fn add(&mut self, step: usize) {
        let word = step / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (step % 64);
    }

    fn add_all(&mut self, other: &Seen) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }
}

/// What is known of a record while its steps are written.
struct Track {
    id: RecordId,
    slots: Slots,
    /// The device of each step, and its last operation's version.
    written: Vec<(Pen, Version)>,
    /// The last step of each device.
    last: BTreeMap<Pen, usize>,
}

/// The operation that is being gathered: steps of one transaction.
struct Open {
    transaction: String,
    pen: Pen,
    step: String,
    time: HybridTime,
    mutations: Vec<Mutation>,
    bytes: usize,
}

struct StepWriter {
    scribe: Scribe,
    devices: BTreeMap<String, Vec<Pen>>,
    records: BTreeMap<String, Track>,
    ids: BTreeMap<RecordId, String>,
    images: BTreeMap<usize, Image>,
    truth: Truth,
    classes: BTreeMap<String, u32>,
    fidelity: Fidelity,
    open: Option<Open>,
}

impl StepWriter {
    fn step(&mut self, place: usize, step: &Step, children: usize) -> Result<(), HistoryFault> {
        if self.open.as_ref().is_some_and(|open| !open.takes(step)) {
            self.write_open()?;
        }
        self.scribe.receive_at(step.received.unwrap_or(step.time));
        let mut track = match self.records.remove(&step.record) {
            Some(track) => track,
            None => self.track(&step.record)?,
        };
        let number = track.written.len();
        if number == RECORD_STEPS_MAX {
            return Err(HistoryFault::RecordTooLong {
                record: step.record.clone(),
                most: RECORD_STEPS_MAX,
            });
        }
        let mut seen = Seen::default();
        for parent in step.parents.iter().filter_map(|p| self.images.get(p)) {
            seen.add_all(&parent.seen);
            seen.add(parent.number);
        }
        let (changes, image) = self.changes(step, number, &seen);
        let (pen, base) = self.context(step, &track, &seen)?;
        self.write(step, pen, base, &mut track, changes)?;
        track.last.insert(pen, number);
        self.records.insert(step.record.clone(), track);
        if children > 0 {
            self.images.insert(place, image);
        }
        Ok(())
    }

    fn track(&mut self, record: &str) -> Result<Track, HistoryFault> {
        let id = RecordId::derive(b"history", record);
        if let Some(first) = self.ids.insert(id, record.to_owned()) {
            let second = record.to_owned();
            return Err(HistoryFault::KeysCollide { first, second });
        }
        Ok(Track {
            id,
            slots: Slots::default(),
            written: Vec::new(),
            last: BTreeMap::new(),
        })
    }

    /// What a step must write so that it says what its author did, and the
    /// record as it left it. Where what it had seen differs, it says which.
    fn changes(&self, step: &Step, number: usize, seen: &Seen) -> (Changes, Image) {
        let parents: Vec<&Image> = step
            .parents
            .iter()
            .filter_map(|p| self.images.get(p))
            .collect();
        let first = parents.first();
        let mut fields = first
            .map(|image| Rc::clone(&image.fields))
            .unwrap_or_default();
        let held = Rc::make_mut(&mut fields);
        let mut writes: BTreeMap<String, Option<Json>> =
            step.deed.writes().iter().cloned().collect();
        for (path, value) in &writes {
            held.insert(path.clone(), (value.clone(), number));
        }
        for parent in parents.iter().skip(1) {
            for (path, (value, by)) in parent.fields.iter() {
                let ours = held.get(path).map(|(value, by)| (value.clone(), *by));
                let (own, own_by) = ours.unwrap_or((None, usize::MAX));
                let knew = first.is_some_and(|f| f.number == *by || f.seen.has(*by));
                if own_by != number && own_by != *by && own != *value && !knew {
                    held.insert(path.clone(), (own.clone(), number));
                    writes.insert(path.clone(), own);
                }
            }
        }
        let alive = !matches!(step.deed, Deed::Delete);
        let before = first.map(|image| image.alive);
        let agreed = parents.iter().all(|parent| parent.alive.0 == alive);
        let changes = Changes {
            life: match (before, alive) {
                (None, true) => Life::Begins,
                (_, true) if agreed => Life::Stays,
                (_, true) => Life::Returns,
                (_, false) => Life::Ends,
            },
            writes: writes.into_iter().collect(),
        };
        let by = match changes.life {
            Life::Stays => before.map_or(number, |(_, by)| by),
            Life::Begins | Life::Returns | Life::Ends => number,
        };
        let image = Image {
            number,
            seen: seen.clone(),
            alive: (alive, by),
            fields,
        };
        (changes, image)
    }

    /// The device and the base that say best what a step had seen.
    fn context(
        &mut self,
        step: &Step,
        track: &Track,
        seen: &Seen,
    ) -> Result<(Pen, Version), HistoryFault> {
        let steps = track.written.len();
        let first_unseen = (0..steps).find(|number| !seen.has(*number));
        let after = first_unseen.unwrap_or(steps);
        let mut behind: BTreeMap<Pen, usize> = BTreeMap::new();
        let mut all = 0;
        for number in (after..steps).filter(|number| seen.has(*number)) {
            *behind.entry(track.written[number].0).or_default() += 1;
            all += 1;
        }
        let fits = |pen: &Pen| track.last.get(pen).is_none_or(|last| seen.has(*last));
        let unsaid = |pen: &Pen| all - behind.get(pen).copied().unwrap_or(0);
        let own = self
            .devices
            .get(&step.author)
            .into_iter()
            .flatten()
            .copied();
        let own = own.filter(fits).min_by_key(|pen| (unsaid(pen), *pen));
        let other = behind
            .keys()
            .copied()
            .filter(fits)
            .min_by_key(|pen| (unsaid(pen), *pen));
        let least = own.map_or(all, |pen| unsaid(&pen));
        let (pen, unseen) = match other.filter(|pen| unsaid(pen) < least) {
            Some(other) => {
                self.fidelity.elsewhere += 1;
                (Some(other), unsaid(&other))
            }
            None => (own, least),
        };
        self.fidelity.steps += 1;
        self.fidelity.exact += usize::from(unseen == 0);
        self.fidelity.unseen += unseen;
        let pen = match pen {
            Some(pen) => pen,
            None => {
                self.write_open()?;
                let pen = self.scribe.enrol();
                self.devices
                    .entry(step.author.clone())
                    .or_default()
                    .push(pen);
                pen
            }
        };
        if self.open.as_ref().is_some_and(|open| open.pen != pen) {
            self.write_open()?;
        }
        let base = match first_unseen {
            Some(number) => Version(track.written[number].1.0 - 1),
            None => self.scribe.version(),
        };
        Ok((pen, base))
    }

    fn write(
        &mut self,
        step: &Step,
        pen: Pen,
        base: Version,
        track: &mut Track,
        changes: Changes,
    ) -> Result<(), HistoryFault> {
        let mut writes: Vec<(FieldId, Write)> = Vec::with_capacity(changes.writes.len());
        for (path, value) in &changes.writes {
            let slot = track.slots.register(&step.record, path)?;
            let class = self.truth.class(&mut self.classes, path);
            self.truth.class_of.insert((track.id, slot), class);
            writes.push((slot, write_of(value.as_ref())));
        }
        let mut list = Vec::new();
        match changes.life {
            Life::Ends => list.push(Change::Delete),
            Life::Returns => list.push(Change::Restore),
            Life::Begins | Life::Stays => {}
        }
        if changes.life != Life::Ends {
            for part in parts(writes) {
                match (&changes.life, list.is_empty()) {
                    (Life::Begins, true) => list.push(Change::Create(part)),
                    _ if part.is_empty() => {}
                    _ => list.push(Change::Update(part)),
                }
            }
        }
        if list.len() > 1 {
            self.write_open()?;
        }
        let several = list.len() > 1;
        let mut base = base;
        for change in list {
            let bytes = change
                .writes()
                .iter()
                .map(|(_, w)| super::size_of_write(w) + 16)
                .sum();
            if self.open.as_ref().is_some_and(|open| open.is_full(bytes)) {
                self.write_open()?;
            }
            let open = self.open.get_or_insert_with(|| Open::of(step, pen));
            open.bytes += bytes;
            open.mutations.push(Mutation {
                record: track.id,
                record_type: TYPE,
                base,
                change,
            });
            if several {
                let knows_all = base == self.scribe.version();
                self.write_open()?;
                if knows_all {
                    base = self.scribe.version();
                }
            }
        }
        let version = match &self.open {
            Some(_) => self.scribe.version().next(),
            None => self.scribe.version(),
        };
        track.written.push((pen, version));
        Ok(())
    }

    fn write_open(&mut self) -> Result<(), HistoryFault> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let written = self.scribe.edit(open.pen, open.time, open.mutations);
        written.map(drop).map_err(|reason| HistoryFault::TooLarge {
            id: open.step,
            reason,
        })
    }
}

/// What a step writes.
struct Changes {
    life: Life,
    writes: Vec<(String, Option<Json>)>,
}

/// What a step does to whether its record is there.
#[derive(PartialEq, Eq)]
enum Life {
    Begins,
    Stays,
    Returns,
    Ends,
}

impl Open {
    fn of(step: &Step, pen: Pen) -> Open {
        Open {
            transaction: step.transaction.clone(),
            pen,
            step: step.id.clone(),
            time: HybridTime::new(step.time, 0),
            mutations: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether a step goes into the same operation.
    fn takes(&self, step: &Step) -> bool {
        let id = RecordId::derive(b"history", &step.record);
        self.transaction == step.transaction
            && self.time == HybridTime::new(step.time, 0)
            && self.mutations.iter().all(|mutation| mutation.record != id)
    }

    fn is_full(&self, bytes: usize) -> bool {
        self.mutations.len() == cairn_model::limit::MUTATIONS_MAX
            || self.bytes + 48 * self.mutations.len() + bytes > super::WRITES_BYTES_MAX
    }
}
