use super::*;
use crate::ledger::Held;
use crate::scribe::{Pen, Scribe};
use crate::stats::Stream;
use cairn_model::{HybridTime, RecordType, TypeId};
use std::collections::BTreeSet;

const RECORDS: usize = 6;
const OPERATIONS: usize = 400;

/// People who create, change, delete and restore a few records, now close
/// together and now long apart. What a person has seen of a record never
/// falls.
struct Crowd {
    scribe: Scribe,
    pens: Vec<Pen>,
    seen: Vec<Version>,
    stream: Stream,
}

impl Crowd {
    fn ledger(seed: u64, people: usize, meets: usize) -> Held {
        let types = vec![RecordType::new(TypeId(1), "item", "Item")];
        let mut scribe = Scribe::new(&format!("crowd {seed}"), types, Timestamp(1_000));
        let pens = (0..people).map(|_| scribe.enrol()).collect();
        let mut crowd = Crowd {
            scribe,
            pens,
            seen: vec![Version(0); people],
            stream: Stream::new(seed, "crowd"),
        };
        for time in 0..OPERATIONS as u64 {
            let person = crowd.stream.below(people);
            if crowd.stream.below(10) >= meets {
                crowd.seen[person] = crowd.scribe.version();
            }
            crowd.operation(person, 1_000 + time);
        }
        crowd.scribe.finish()
    }

    fn operation(&mut self, person: usize, time: u64) {
        self.scribe.receive_at(Timestamp(time));
        let mutations = (0..1 + self.stream.below(2))
            .map(|_| Mutation {
                record: RecordId::derive(b"crowd", &self.stream.below(RECORDS).to_string()),
                record_type: TypeId(1),
                base: self.seen[person],
                change: self.change(),
            })
            .collect();
        let time = HybridTime::new(Timestamp(time), 0);
        let written = self.scribe.edit(self.pens[person], time, mutations);
        written.expect("a few writes fit");
    }

    fn change(&mut self) -> Change {
        let writes = (0..1 + self.stream.below(3))
            .map(|_| self.write())
            .collect();
        match self.stream.below(12) {
            0 => Change::Create(writes),
            1 => Change::Delete,
            2 => Change::Restore,
            3 => Change::Resolve {
                fields: writes,
                keep: [None, Some(true), Some(false)][self.stream.below(3)],
            },
            4 => Change::Follow,
            _ => Change::Update(writes),
        }
    }

    fn write(&mut self) -> (FieldId, Write) {
        let mut elements = || -> BTreeSet<Value> {
            let count = self.stream.below(3);
            let element = |_| Value::Integer(self.stream.below(3) as i64);
            (0..count).map(element).collect()
        };
        let (add, remove) = (elements(), elements());
        match self.stream.below(6) {
            0 => (FieldId(1), Write::Clear),
            1 => (FieldId(2), Write::Add(1)),
            2 => (FieldId(3), Write::Change { add, remove }),
            field => (
                FieldId(field as u16 + 1),
                Write::Set(Value::Integer(self.stream.below(3) as i64)),
            ),
        }
    }
}

/// Everything that a trace tells.
fn told(trace: &Trace) -> String {
    let conflicts: Vec<_> = trace.conflicts().collect();
    let standing: Vec<_> = trace.standing().collect();
    let contention: Vec<_> = trace.contention().collect();
    let transactions: Vec<_> = trace.transactions().collect();
    format!(
        "{:?} {:?} {conflicts:?} {standing:?} {contention:?} {transactions:?}",
        trace.totals(),
        trace.authors()
    )
}

fn held(trace: &Trace) -> usize {
    trace.keys().map(|(_, track)| track.past.len()).sum()
}

/// A trace that forgets what is behind the horizon, and the most that it held.
fn forgetful(ledger: &Held, span: u64, buckets: usize) -> (Trace, usize) {
    let horizon = Horizon::measured(ledger, span, buckets).expect("it is in memory");
    let mut trace = Trace {
        horizon: Some(horizon),
        ..Trace::default()
    };
    let mut most = 0;
    for entry in ledger.entries() {
        trace.observe(entry);
        most = most.max(held(&trace));
    }
    trace.finish();
    assert_eq!(held(&trace), 0);
    (trace, most)
}

#[test]
fn a_trace_that_forgets_tells_what_one_tells_that_remembers() {
    for seed in 0..60 {
        let (people, meets) = (2 + seed as usize % 4, 1 + seed as usize % 8);
        let ledger = Crowd::ledger(seed, people, meets);
        let mut whole = Trace::default();
        ledger.entries().iter().for_each(|e| whole.observe(e));
        for (span, buckets) in [(1, 64), (1, 1), (8, 7), (1_000, 1 << 15)] {
            let (trace, _) = forgetful(&ledger, span, buckets);
            let case = format!("seed {seed}, span {span}, {buckets} buckets");
            assert_eq!(told(&trace), told(&whole), "{case}");
        }
    }
}

#[test]
fn what_is_behind_the_horizon_is_forgotten() {
    let ledger = Crowd::ledger(7, 3, 2);
    let mut whole = Trace::default();
    ledger.entries().iter().for_each(|e| whole.observe(e));
    let (_, most) = forgetful(&ledger, 1, 64);
    let all = held(&whole);
    assert!(4 * most < all, "{most} of {all} writes were held at a time");
}

#[test]
fn a_ledger_is_gone_through_in_windows_that_grow() {
    let ledger = Crowd::ledger(3, 4, 5);
    let horizon = Horizon::measured(&ledger, 1, 4).expect("it is in memory");
    let last = Version(OPERATIONS as u64);
    let record = |at: usize| RecordId::derive(b"crowd", &at.to_string());
    for at in 0..RECORDS {
        let versions = (1..=last.0).map(Version);
        let bounds = versions.map(|version| horizon.of_record(record(at), version));
        assert!(bounds.is_sorted(), "what is left to come only gets less");
    }
    let beyond = horizon.of_record(record(0), Version(last.0 + 1_000));
    assert_eq!(beyond, Version(0), "nothing is known beyond the end");
}
