//! Histories that were never lived: people with devices who edit apart and sync
//! now and then. What they meant is what they wrote, so their operations are
//! their intents.
//!
//! Open loop: nobody reacts to what a policy showed them. What people would do
//! about a value that vanished is not in the numbers.

use crate::door::{Study, Truth};
use crate::scribe::{Pen, Scribe};
use crate::stats::Stream;
use cairn_model::{
    Change, Field, FieldId, HybridTime, Kind, Mutation, RecordId, RecordType, Timestamp, TypeId,
    Value, Version, Write,
};
use std::collections::BTreeSet;

/// The record type of a synthetic history.
pub const TYPE: TypeId = TypeId(1);
/// When it begins.
const BEGIN: Timestamp = Timestamp(1_800_000_000_000);

/// What people do, and how long they are apart. Times are in milliseconds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// People, each with a device.
    pub devices: usize,
    /// Records that everybody has from the beginning.
    pub records: usize,
    /// Fields of a record, at most 1,000.
    pub fields: u16,
    /// Fields that one edit writes.
    pub writes: u16,
    /// Different values; equal ones are no conflict.
    pub values: usize,
    /// By Zipf's law: the n-th record is edited 1/n to this power as often as
    /// the first. 0 is all alike.
    pub zipf: f64,
    /// Edits of each person.
    pub edits: usize,
    /// Between two edits of a person, on average, without memory.
    pub pause: u64,
    /// Between two syncs of a device, on average, without memory.
    pub apart: u64,
    /// How far a device's clock is off at most, either way.
    pub skew: u64,
    /// Edits that delete their record.
    pub deletions: f64,
}

impl Default for Workload {
    /// Five people who share forty records, half an hour apart.
    fn default() -> Workload {
        Workload {
            name: "office".to_owned(),
            devices: 5,
            records: 40,
            fields: 8,
            writes: 2,
            values: 1_000,
            zipf: 0.9,
            edits: 60,
            pause: 60_000,
            apart: 1_800_000,
            skew: 0,
            deletions: 0.0,
        }
    }
}

impl Workload {
    /// What the lab can live, by name: each is the office but for one thing.
    pub fn named(name: &str) -> Option<Workload> {
        let office = Workload::default();
        let workload = match name {
            "office" => office,
            "hot-records" => Workload {
                zipf: 1.4,
                ..office
            },
            "long-apart" => Workload {
                apart: 14_400_000,
                ..office
            },
            "wrong-clocks" => Workload {
                skew: 7_200_000,
                ..office
            },
            "few-values" => Workload {
                values: 3,
                ..office
            },
            "deletions" => Workload {
                deletions: 0.05,
                ..office
            },
            _ => return None,
        };
        Some(Workload {
            name: name.to_owned(),
            ..workload
        })
    }

    /// The names, with what is different.
    pub const NAMES: [(&'static str, &'static str); 6] = [
        (
            "office",
            "five people share forty records, half an hour apart",
        ),
        ("hot-records", "a few records are edited by everybody"),
        (
            "long-apart",
            "devices sync every four hours, not every half",
        ),
        ("wrong-clocks", "clocks are off by up to two hours"),
        ("few-values", "only three different values"),
        ("deletions", "every twentieth edit deletes its record"),
    ];
}

/// A person on their way through a history.
struct Person {
    pen: Pen,
    /// How far the clock is off.
    offset: i64,
    base: Version,
    known_gone: BTreeSet<usize>,
    pending: Vec<(HybridTime, usize, Change)>,
    edits: usize,
    stream: Stream,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Edit,
    Sync,
}

/// Lives a workload once. One seed is one history; what one person does does
/// not depend on how many others there are.
pub fn generate(workload: &Workload, seed: u64) -> Study {
    let name = format!("{} {seed}", workload.name);
    let mut scribe = Scribe::new(&name, vec![record_type(workload)], BEGIN);
    let first = scribe.enrol();
    let pens: Vec<Pen> = (1..workload.devices).map(|_| scribe.enrol()).collect();
    for record in 0..workload.records {
        let writes = (1..=workload.fields).map(|field| write(field, 0)).collect();
        put(
            &mut scribe,
            first,
            BEGIN.0,
            record,
            Version(0),
            Change::Create(writes),
        );
    }
    let mut world = World {
        workload,
        weights: weights(workload),
        gone: BTreeSet::new(),
        agenda: BTreeSet::new(),
        people: Vec::new(),
        scribe,
    };
    for (number, pen) in std::iter::once(first).chain(pens).enumerate() {
        world.join(number, pen, seed);
    }
    while let Some((time, turn, person)) = world.agenda.pop_first() {
        match turn {
            Turn::Edit => world.edit(time, person),
            Turn::Sync => world.sync(time, person),
        }
    }
    let offset = |person: &Person| (world.scribe.log(person.pen).device, person.offset);
    let truth = Truth {
        offsets: world.people.iter().map(offset).collect(),
        ..Truth::default()
    };
    Study {
        name,
        ledger: world.scribe.finish(),
        truth,
    }
}

struct World<'a> {
    workload: &'a Workload,
    weights: Vec<f64>,
    /// Records whose deletion is in the ledger.
    gone: BTreeSet<usize>,
    agenda: BTreeSet<(u64, Turn, usize)>,
    people: Vec<Person>,
    scribe: Scribe,
}

impl World<'_> {
    fn join(&mut self, number: usize, pen: Pen, seed: u64) {
        let mut stream = Stream::new(seed, &format!("person {number}"));
        let span = 2.0 * self.workload.skew as f64;
        let offset = (stream.share() * span) as i64 - self.workload.skew as i64;
        self.people.push(Person {
            pen,
            offset,
            base: self.scribe.version(),
            known_gone: BTreeSet::new(),
            pending: Vec::new(),
            edits: 0,
            stream,
        });
        self.next(BEGIN.0, Turn::Edit, number);
        self.next(BEGIN.0, Turn::Sync, number);
    }

    fn next(&mut self, now: u64, turn: Turn, person: usize) {
        let mean = match turn {
            Turn::Edit => self.workload.pause,
            Turn::Sync => self.workload.apart,
        };
        let span = exponential(&mut self.people[person].stream, mean);
        self.agenda.insert((now + span, turn, person));
    }

    fn edit(&mut self, now: u64, number: usize) {
        let Workload {
            fields,
            writes,
            values,
            deletions,
            edits,
            ..
        } = *self.workload;
        let person = &mut self.people[number];
        person.edits += 1;
        let record = drawn(&self.weights, &mut person.stream);
        let deletes = person.stream.share() < deletions;
        let changes: BTreeSet<u16> = (0..writes)
            .map(|_| 1 + person.stream.below(usize::from(fields)) as u16)
            .collect();
        let changes = changes
            .into_iter()
            .map(|field| write(field, 1 + person.stream.below(values) as i64))
            .collect();
        if !person.known_gone.contains(&record) {
            let change = match deletes {
                true => Change::Delete,
                false => Change::Update(changes),
            };
            if deletes {
                person.known_gone.insert(record);
            }
            let shown = now.saturating_add_signed(person.offset);
            let time = HybridTime::new(Timestamp(shown), 0);
            person.pending.push((time, record, change));
        }
        if person.edits < edits {
            self.next(now, Turn::Edit, number);
        }
    }

    fn sync(&mut self, now: u64, number: usize) {
        self.scribe.receive_at(Timestamp(now));
        let person = &mut self.people[number];
        for (time, record, change) in std::mem::take(&mut person.pending) {
            if change == Change::Delete {
                self.gone.insert(record);
            }
            let mutation = mutation(record, person.base, change);
            self.scribe
                .edit(person.pen, time, vec![mutation])
                .expect("an edit of a few fields fits");
        }
        person.base = self.scribe.version();
        person.known_gone.extend(&self.gone);
        if person.edits < self.workload.edits {
            self.next(now, Turn::Sync, number);
        }
    }
}

fn put(scribe: &mut Scribe, pen: Pen, at: u64, record: usize, base: Version, change: Change) {
    let time = HybridTime::new(Timestamp(at), 0);
    scribe
        .edit(pen, time, vec![mutation(record, base, change)])
        .expect("a record of numbers fits");
}

fn mutation(record: usize, base: Version, change: Change) -> Mutation {
    Mutation {
        record: RecordId::derive(b"synthetic", &record.to_string()),
        record_type: TYPE,
        base,
        change,
    }
}

fn write(field: u16, value: i64) -> (FieldId, Write) {
    (FieldId(field), Write::Set(Value::Integer(value)))
}

fn record_type(workload: &Workload) -> RecordType {
    let mut record_type = RecordType::new(TYPE, "item", "Item");
    for id in 1..=workload.fields {
        let name = format!("number_{id}");
        let field = Field::new(FieldId(id), &name, &name, Kind::integer());
        record_type.fields.insert(FieldId(id), field);
    }
    record_type
}

fn exponential(stream: &mut Stream, mean: u64) -> u64 {
    1 + (-(1.0 - stream.share()).ln() * mean as f64) as u64
}

/// How often each record is edited, added up.
fn weights(workload: &Workload) -> Vec<f64> {
    let weights = (1..=workload.records).map(|rank| (rank as f64).powf(-workload.zipf));
    let mut sum = 0.0;
    weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect()
}

fn drawn(weights: &[f64], stream: &mut Stream) -> usize {
    let last = weights.last().copied().unwrap_or_default();
    let at = stream.share() * last;
    weights
        .partition_point(|sum| *sum <= at)
        .min(weights.len().saturating_sub(1))
}

#[cfg(test)]
mod tests;
