//! Golden tests: small ledgers, and numbers worked out by hand.

mod loss;
mod people;
mod promises;
mod time;
mod trust;

use super::*;
use crate::door::{Bound, Resolution, Resolved, Sum, Truth};
use crate::ledger::Held;
use crate::policies::{Contestant, RandomWinner, hindsight};
use crate::scribe::{Pen, Scribe};
use crate::trace::Trace;
use cairn_model::{
    Change, Field, FieldId, Granularity, HybridTime, Kind, Mutation, RecordId, RecordType,
    Timestamp, TypeId, Value, Version, Write,
};
use cairn_projection::{State, Trial};
use std::sync::Arc;

const TYPE: TypeId = TypeId(1);
const NAME: FieldId = FieldId(1);
const CITY: FieldId = FieldId(2);
const TAGS: FieldId = FieldId(3);
const VISITS: FieldId = FieldId(4);
const PARENT: FieldId = FieldId(5);
const NOTES: FieldId = FieldId(6);

fn site() -> RecordType {
    let mut site = RecordType::new(TYPE, "site", "Site");
    let of = Box::new(Kind::text());
    let targets = [TYPE].into();
    let on_delete = cairn_model::OnDelete::Clear;
    for (id, name, kind) in [
        (NAME, "name", Kind::text()),
        (CITY, "city", Kind::text()),
        (TAGS, "tags", Kind::Set { of }),
        (VISITS, "visits", Kind::Counter),
        (PARENT, "parent", Kind::Lookup { targets, on_delete }),
        (NOTES, "notes", Kind::RichText),
    ] {
        site.fields.insert(id, Field::new(id, name, name, kind));
    }
    site
}

fn record(name: &str) -> RecordId {
    RecordId::derive(b"test", name)
}

fn text(field: FieldId, value: &str) -> (FieldId, Write) {
    (field, Write::Set(Value::Text(value.to_owned())))
}

struct Story {
    scribe: Scribe,
    pens: [Pen; 3],
}

impl Story {
    /// Three devices, and nothing written yet.
    fn of(record_type: RecordType) -> Story {
        let mut scribe = Scribe::new("story", vec![record_type], Timestamp(1_000_000));
        let pens = [scribe.enrol(), scribe.enrol(), scribe.enrol()];
        Story { scribe, pens }
    }

    /// Three devices; the first has created a record, with a name, that the
    /// others have seen.
    fn begin() -> (Story, Version) {
        let mut story = Story::of(site());
        let change = Change::Create(vec![text(NAME, "old")]);
        let created = story.does(0, 1_000, "a", 0, change);
        (story, created)
    }

    /// A device changes a record; the relay has it at once.
    fn does(&mut self, device: usize, at: u64, name: &str, base: u64, change: Change) -> Version {
        self.sends(device, (at, at), name, base, change)
    }

    /// … made at one time and received at another.
    fn sends(
        &mut self,
        device: usize,
        (made, received): (u64, u64),
        name: &str,
        base: u64,
        change: Change,
    ) -> Version {
        self.scribe.receive_at(Timestamp(1_000_000 + received));
        let mutation = Mutation {
            record: record(name),
            record_type: TYPE,
            base: Version(base),
            change,
        };
        let time = HybridTime::new(Timestamp(1_000_000 + made), 0);
        let written = self.scribe.edit(self.pens[device], time, vec![mutation]);
        written.expect("a small change fits")
    }

    fn end(self) -> (Held, Trace) {
        let ledger = self.scribe.finish();
        let mut trace = Trace::default();
        ledger
            .entries()
            .iter()
            .for_each(|entry| trace.observe(entry));
        (ledger, trace)
    }
}

fn folded(ledger: &Held, trial: Trial) -> State {
    let mut state = State::on_trial(ledger.organization, ledger.relay, trial);
    for entry in ledger.entries() {
        state.fold(entry);
    }
    state
}

fn tally(ledger: &Held, trace: &Trace, policy: &str) -> Tally {
    let contestant = Contestant::named(policy).expect(policy);
    let state = folded(ledger, contestant.trial());
    judge(
        trace,
        &state,
        &Truth::default(),
        contestant.asks_for_arrival(),
    )
    .whole
}

fn value(tally: &Tally, metric: Metric) -> f64 {
    metric
        .of(tally)
        .unwrap_or_else(|| panic!("there is no {}", metric.id()))
}

/// The null model draws another winner for another seed, and one per seed.
#[test]
fn the_random_winner_is_drawn_by_seed() {
    let (mut story, created) = Story::begin();
    for device in 0..3 {
        let name = text(NAME, &format!("by {device}"));
        story.does(device, 2_000, "a", created.0, Change::Update(vec![name]));
    }
    let (ledger, _) = story.end();
    let winner = |seed| {
        let contestant = Contestant::new(Arc::new(RandomWinner { seed }), Granularity::Field);
        let state = folded(&ledger, contestant.trial());
        state
            .record(record("a"))
            .and_then(|r| r.value(NAME).cloned())
    };
    assert_eq!(winner(1), winner(1));
    let winners: std::collections::BTreeSet<_> = (0..40).map(winner).collect();
    assert_eq!(winners.len(), 3);
}

#[test]
fn metrics_have_their_own_names() {
    let mut ids: Vec<&str> = Metric::ALL.iter().map(|metric| metric.id()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), Metric::ALL.len());
    let nothing = Tally::default();
    for metric in Metric::ALL {
        assert_eq!(
            metric.of(&nothing),
            None,
            "{}: nothing is no number",
            metric.id()
        );
    }
}

/// What is said to be of the ledger alone is the same under every policy, and
/// is there.
#[test]
fn what_is_of_the_ledger_no_policy_changes() {
    let (ledger, trace) = time::seen();
    let of_ledger = |policy: &str| {
        let found = tally(&ledger, &trace, policy);
        let metrics = Metric::ALL.iter().filter(|metric| metric.is_of_ledger());
        let values = metrics.filter_map(|metric| Some((metric.id(), metric.of(&found)?)));
        values.collect::<Vec<_>>()
    };
    let last = of_ledger("last-writer-wins");
    assert!(last.len() > 15, "{last:?}");
    for policy in crate::policies::all() {
        assert_eq!(of_ledger(&policy.name), last, "{}", policy.name);
    }
}
