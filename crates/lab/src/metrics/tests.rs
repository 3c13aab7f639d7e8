//! Golden tests: small ledgers, and numbers worked out by hand.

use super::*;
use crate::door::{Resolution, Resolved, Truth};
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
    /// Three devices; the first has created a record, with a name, that the
    /// others have seen.
    fn begin() -> (Story, Version) {
        let mut scribe = Scribe::new("story", vec![site()], Timestamp(1_000_000));
        let pens = [scribe.enrol(), scribe.enrol(), scribe.enrol()];
        let mut story = Story { scribe, pens };
        let change = Change::Create(vec![text(NAME, "old")]);
        let created = story.does(0, 1_000, "a", 0, change);
        (story, created)
    }

    fn does(&mut self, device: usize, at: u64, name: &str, base: u64, change: Change) -> Version {
        self.scribe.receive_at(Timestamp(1_000_000 + at));
        let mutation = Mutation {
            record: record(name),
            record_type: TYPE,
            base: Version(base),
            change,
        };
        let time = HybridTime::new(Timestamp(1_000_000 + at), 0);
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

/// Writes: life and name of the creation, then three concurrent ones of the
/// name ("b" twice, "c" once) and one of the city: 6. The three met: contested
/// 3 of 6, and disputed all three. The creator's own name is superseded by all;
/// standing: life, three names, city. Last is "c".
#[test]
fn three_writers_of_one_field() {
    let (mut story, created) = Story::begin();
    let base = created.0;
    story.does(0, 2_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    story.does(1, 3_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    let both = vec![text(NAME, "c"), text(CITY, "Ulm")];
    story.does(2, 4_000, "a", base, Change::Update(both));
    let (ledger, trace) = story.end();

    let last = tally(&ledger, &trace, "last-writer-wins");
    assert_eq!((last.writes, last.contested, last.disputed), (6, 3, 3));
    assert_eq!(value(&last, Metric::KeyConflictRate), 0.5);
    assert_eq!(value(&last, Metric::SemanticConflictRate), 0.5);
    assert_eq!(value(&last, Metric::WidthMax), 3.0);
    assert_eq!(value(&last, Metric::DepthMean), 2.0);
    assert_eq!(value(&last, Metric::DivergenceWindow), 2.0);
    // Both "b" are lost, nobody is told; the third operation keeps both of its
    // writes, and so does the creation.
    assert_eq!(value(&last, Metric::SilentLossRate), 2.0 / 6.0);
    assert_eq!(value(&last, Metric::SilentLossOfContested), 2.0 / 3.0);
    assert_eq!(value(&last, Metric::SurfacedLossRate), 0.0);
    assert_eq!(value(&last, Metric::FractureRate), 0.0);
    // A text is its letters and 3 bytes around them, a life 1:
    // 1 + 6 + 4 + 4 + 4 + 6, of which 4 + 4 are lost.
    assert_eq!(value(&last, Metric::InformationLost), 8.0 / 25.0);
    // Standing 5: life, b, b, c, city; 3 hold, 4 could (life, b, b, city).
    assert_eq!(value(&last, Metric::IntentSatisfaction), 0.6);
    assert_eq!(value(&last, Metric::Regret), 0.25);
    // Devices lost 1 of 3, 1 of 1, 0 of 2: Gini of (1/3, 1, 0) is
    // 2 * (2/3 + 1/3 + 1) / (2 * 3 * 4/3) = 1/2.
    assert_eq!(value(&last, Metric::FairnessSpread), 1.0);
    assert!((value(&last, Metric::FairnessGini) - 0.5).abs() < 1e-12);
    // "c" took the place of "b" unseen; the two equal ones met nothing.
    assert_eq!(last.flips, 1);
    assert_eq!(value(&last, Metric::SurpriseRate), 2.0 / 6.0);
    assert_eq!(value(&last, Metric::QuestionsAsked), 0.0);
    assert_eq!((last.conflict_sets, last.harmful, last.wrong), (1, 1, 1));
    assert_eq!(last.cost(10.0), Some(10.0));

    let flag = tally(&ledger, &trace, "flag");
    assert_eq!(value(&flag, Metric::SilentLossRate), 0.0);
    assert_eq!(value(&flag, Metric::SurfacedLossRate), 1.0 / 6.0);
    assert_eq!(value(&flag, Metric::QuestionsAsked), 1_000.0 / 6.0);
    assert_eq!(value(&flag, Metric::DetectionPrecision), 1.0);
    assert_eq!(value(&flag, Metric::DetectionRecall), 1.0);
    assert_eq!(value(&flag, Metric::Siblings), 3.0);
    assert_eq!(value(&flag, Metric::SurpriseRate), 0.0);
    // The candidate "c" is not shown, the city beside it is.
    assert_eq!(value(&flag, Metric::FractureRate), 0.5);
    assert_eq!(flag.cost(10.0), Some(1.0));
    assert_eq!(flag.costs_cross(&last), None);
    // One set: asking costs 1, being wrong k: equal at k = 1.
    assert_eq!(last.costs_cross(&flag), Some(1.0));

    let server = tally(&ledger, &trace, "server-wins");
    assert_eq!(value(&server, Metric::SilentLossRate), 0.0);
    assert_eq!(value(&server, Metric::SurfacedLossRate), 1.0 / 6.0);
    assert_eq!(value(&server, Metric::QuestionsAsked), 1_000.0 / 6.0);
    let client = tally(&ledger, &trace, "client-wins");
    assert_eq!(value(&client, Metric::SilentLossRate), 2.0 / 6.0);

    let oracle = folded(&ledger, hindsight(&trace, &Truth::default()));
    let oracle = judge(&trace, &oracle, &Truth::default(), false).whole;
    assert_eq!(value(&oracle, Metric::Regret), 0.0);
}

/// By record, the two that changed different fields displace each other; by
/// field, both stand.
#[test]
fn whole_records_displace_more_than_fields() {
    let (mut story, created) = Story::begin();
    let base = created.0;
    story.does(0, 2_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    story.does(1, 3_000, "a", base, Change::Update(vec![text(CITY, "Ulm")]));
    let (ledger, trace) = story.end();
    let by_field = tally(&ledger, &trace, "last-writer-wins");
    assert_eq!(value(&by_field, Metric::KeyConflictRate), 0.0);
    assert_eq!(by_field.lost_silently, 0);
    let by_record = tally(&ledger, &trace, "last-writer-wins by record");
    assert_eq!(by_record.lost_silently, 1);
}

/// A deletion that had not seen an update, and one that had.
#[test]
fn deletions_meet_what_they_had_not_seen() {
    let (mut story, created) = Story::begin();
    let base = created.0;
    story.does(0, 2_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    story.does(1, 3_000, "a", base, Change::Delete);
    let (ledger, trace) = story.end();
    // Writes: life, name, name, deletion. The update and the deletion met. The
    // deletion had seen the creation's life, which is replaced.
    let client = tally(&ledger, &trace, "client-wins");
    assert_eq!((client.writes, client.contested), (4, 2));
    assert_eq!(
        client.lost_silently, 1,
        "the update is gone with its record"
    );
    assert_eq!(value(&client, Metric::ResurrectionRate), 0.0);
    let server = tally(&ledger, &trace, "server-wins");
    assert_eq!(server.lost_surfaced, 1, "the deletion's author is told");
    assert_eq!(value(&server, Metric::ResurrectionRate), 1.0);
    // One of the two could be had at most.
    assert_eq!((client.satisfied, client.satisfiable), (1, 1));

    let (mut story, _) = Story::begin();
    let updated = story.does(0, 2_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    story.does(1, 3_000, "a", updated.0, Change::Delete);
    let (ledger, trace) = story.end();
    let seen = tally(&ledger, &trace, "client-wins");
    assert_eq!(
        (seen.contested, seen.lost_silently, seen.conflict_sets),
        (0, 0, 0)
    );
}

/// Sets and counters merge: adding what another removed disputes, adding what
/// another added does not, counting never does.
#[test]
fn what_merges_is_not_lost() {
    let (mut story, created) = Story::begin();
    let tag = |name: &str| [Value::Text(name.to_owned())].into();
    let change = |add, remove| Change::Update(vec![(TAGS, Write::Change { add, remove })]);
    let base = story
        .does(
            0,
            1_500,
            "a",
            created.0,
            change(tag("x"), Default::default()),
        )
        .0;
    story.does(0, 2_000, "a", base, change(tag("x"), tag("y")));
    story.does(1, 3_000, "a", base, change(tag("y"), tag("x")));
    story.does(
        2,
        4_000,
        "a",
        base,
        Change::Update(vec![(VISITS, Write::Add(2))]),
    );
    story.does(
        1,
        5_000,
        "a",
        base,
        Change::Update(vec![(VISITS, Write::Add(3))]),
    );
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "last-writer-wins");
    // x: added again and removed meanwhile; y: removed and added meanwhile.
    // The removals lose to the additions they had not seen.
    assert_eq!((found.writes, found.contested, found.disputed), (9, 6, 4));
    assert_eq!((found.standing, found.satisfied), (8, 6));
    assert_eq!((found.deletions, found.resurrected), (2, 2));
}

/// Two records made each other's parent, one points at a deleted one.
#[test]
fn broken_promises_of_a_definition_are_counted() {
    let (mut story, _) = Story::begin();
    let points = |name: &str| vec![(PARENT, Write::Set(Value::Lookup(record(name))))];
    let made = story.does(0, 2_000, "b", 0, Change::Create(points("a"))).0;
    story.does(0, 2_500, "c", made, Change::Create(points("a")));
    story.does(1, 3_000, "a", made, Change::Update(points("b")));
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "flag");
    assert_eq!((found.lookups, found.orphans), (3, 0));
    assert_eq!(
        (found.treed, found.circular),
        (3, 2),
        "c only leads to the circle"
    );
}

/// A person chose "b" where the last writer wins "c"; and a field that is no
/// conflict was left as it was.
#[test]
fn people_are_the_measure_of_agreement() {
    let (mut story, created) = Story::begin();
    story.does(
        0,
        2_000,
        "a",
        created.0,
        Change::Update(vec![text(NAME, "big b")]),
    );
    let both = vec![text(NAME, "big c"), text(CITY, "Ulm")];
    story.does(1, 3_000, "a", created.0, Change::Update(both));
    let (ledger, trace) = story.end();
    let resolution = |field, value: &str, conflict| Resolution {
        record: record("a"),
        field: Some(field),
        value: Some(Resolved::Value(Value::Text(value.to_owned()))),
        conflict,
        by_hand: true,
        sequel: false,
        existed: true,
        arrival_known: true,
        times_known: true,
    };
    let truth = Truth {
        resolutions: vec![
            resolution(NAME, "big b", true),
            resolution(CITY, "Ulm", false),
        ],
        ..Truth::default()
    };
    let judged = |trial| judge(&trace, &folded(&ledger, trial), &truth, false).whole;
    let named = |name: &str| judged(Contestant::named(name).unwrap().trial());
    let last = named("last-writer-wins");
    assert_eq!(value(&last, Metric::Agreement), 0.5);
    assert_eq!(value(&last, Metric::AgreementOnConflicts), 0.0);
    assert_eq!(value(&last, Metric::AccuracyOnConflicts), 0.0);
    // "big c" to "big b" is one of two tokens; "Ulm" is one and right.
    assert_eq!(value(&last, Metric::MergeEffort), 1.0 / 3.0);
    assert_eq!(last.wrong, 1);
    let first = named("first-writer-wins");
    assert_eq!(value(&first, Metric::AgreementOnConflicts), 1.0);
    assert_eq!(first.wrong, 0);
    let flag = named("flag");
    assert_eq!(value(&flag, Metric::ConflictsAsked), 1.0);
    assert_eq!(
        value(&flag, Metric::Agreement),
        0.5,
        "asking is not agreeing"
    );
    assert_eq!(Metric::AccuracyOnConflicts.of(&flag), None);
    let oracle = judged(hindsight(&trace, &truth));
    assert_eq!(value(&oracle, Metric::Agreement), 1.0);
}

/// Three fields are disputed at 3 seconds. One is answered at 5, one written
/// anew at 9, one is open at the end, at 9: the curve is 2/3 after 2 seconds
/// and 1/3 after 6, so half of them are closed after 6.
#[test]
fn questions_are_open_for_a_time() {
    let (mut story, created) = Story::begin();
    let base = created.0;
    let three = |by: &str| {
        let parent = (PARENT, Write::Set(Value::Lookup(record("a"))));
        let parent = if by == "b" {
            parent
        } else {
            (PARENT, Write::Clear)
        };
        Change::Update(vec![text(NAME, by), text(CITY, by), parent])
    };
    story.does(0, 2_000, "a", base, three("b"));
    let last = story.does(1, 3_000, "a", base, three("c")).0;
    let fields = vec![text(NAME, "b")];
    let answer = Change::Resolve { fields, keep: None };
    story.does(2, 5_000, "a", last, answer);
    story.does(2, 9_000, "a", last, Change::Update(vec![text(CITY, "d")]));
    let (ledger, trace) = story.end();
    let flag = tally(&ledger, &trace, "flag");
    assert_eq!(flag.waits, [(2_000, true), (6_000, true), (6_000, false)]);
    assert_eq!(value(&flag, Metric::HalfLife), 6.0);
    let (mut story, _) = Story::begin();
    story.does(0, 2_000, "a", base, Change::Update(vec![text(NAME, "b")]));
    story.does(1, 3_000, "a", base, Change::Update(vec![text(NAME, "c")]));
    let (ledger, trace) = story.end();
    let open = tally(&ledger, &trace, "flag");
    assert_eq!(Metric::HalfLife.of(&open), None, "nobody answered");
}

/// Two made a record with one number apart. The second is refused, and its
/// author told: its life and its name are lost, but surfaced. It was made at
/// 2 seconds and arrived at 8; all others arrived at once.
#[test]
fn what_is_refused_is_surfaced() {
    let mut numbered = site();
    numbered.keys.push(cairn_model::AlternateKey {
        id: cairn_model::KeyId(1),
        name: "name".to_owned(),
        fields: vec![NAME],
    });
    let mut scribe = Scribe::new("numbered", vec![numbered], Timestamp(1_000_000));
    let pens = [scribe.enrol(), scribe.enrol()];
    for (pen, name, made, received) in [(pens[0], "a", 1_000, 1_000), (pens[1], "b", 2_000, 8_000)]
    {
        scribe.receive_at(Timestamp(1_000_000 + received));
        let mutation = Mutation {
            record: record(name),
            record_type: TYPE,
            base: Version(0),
            change: Change::Create(vec![text(NAME, "seven")]),
        };
        let time = HybridTime::new(Timestamp(1_000_000 + made), 0);
        scribe.edit(pen, time, vec![mutation]).expect("it fits");
    }
    let ledger = scribe.finish();
    let mut trace = Trace::default();
    ledger.entries().iter().for_each(|e| trace.observe(e));
    let found = tally(&ledger, &trace, "last-writer-wins");
    assert_eq!(value(&found, Metric::RefusalRate), 0.5);
    assert_eq!(value(&found, Metric::SilentLossRate), 0.0);
    assert_eq!(value(&found, Metric::SurfacedLossRate), 0.5);
    assert_eq!(value(&found, Metric::DuplicateKeys), 0.0);
    assert_eq!(value(&found, Metric::VisibilityLag), 3.0);
    let bytes: usize = ledger
        .entries()
        .iter()
        .map(|e| e.bundle.bytes().len())
        .sum();
    assert_eq!(value(&found, Metric::LogBytes), bytes as f64 / 2.0);
}

/// By hand: clocks at 0, 1 and 3 hours with 1 of 2, 1 of 1 and 1 of 1 shown.
/// Mean 1 hour and 3/4 shown; across (-1)(-1/2) + 0 + 2 * 1/4 = 1, along
/// 2 * 1 + 0 + 4 = 6.
#[test]
fn a_clock_ahead_shows_as_a_slope() {
    let hour = 3_600_000;
    let clocks = [(0, (2, 1)), (hour, (1, 1)), (3 * hour, (1, 1))].into();
    let tally = Tally {
        clocks,
        ..Tally::default()
    };
    assert!((value(&tally, Metric::ClockAdvantage) - 1.0 / 6.0).abs() < 1e-12);
    let alike = Tally {
        clocks: [(hour, (5, 2))].into(),
        ..Tally::default()
    };
    assert_eq!(Metric::ClockAdvantage.of(&alike), None);
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
