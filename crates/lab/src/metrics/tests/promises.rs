//! What is promised of every state, refused, and broken all the same.

use super::*;

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
    assert_eq!(value(&found, Metric::ArrivalLag), 3.0);
    let bytes: usize = ledger
        .entries()
        .iter()
        .map(|e| e.bundle.bytes().len())
        .sum();
    assert_eq!(value(&found, Metric::LogBytes), bytes as f64 / 2.0);
}

/// A device creates a record whose number is taken, and changes it twice before
/// it hears of that: all three are refused, two of them for nothing but that
/// they build on the first. With the creation whose number stands, 3 of 4
/// operations.
#[test]
fn what_builds_on_the_refused_falls_with_it() {
    let mut numbered = site();
    numbered.keys.push(cairn_model::AlternateKey {
        id: cairn_model::KeyId(1),
        name: "name".to_owned(),
        fields: vec![NAME],
    });
    let mut story = Story::of(numbered);
    story.does(0, 1_000, "a", 0, Change::Create(vec![text(NAME, "seven")]));
    story.does(1, 2_000, "b", 0, Change::Create(vec![text(NAME, "seven")]));
    for city in ["Ulm", "Bonn"] {
        story.does(1, 3_000, "b", 0, Change::Update(vec![text(CITY, city)]));
    }
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "flag");
    assert_eq!(value(&found, Metric::RefusalRate), 0.75);
    assert_eq!(value(&found, Metric::Collateral), 500.0);
    // Life and name of both, and two cities; "b" is told of all of its own.
    assert_eq!((found.writes, found.lost_surfaced), (6, 3));
    assert_eq!(value(&found, Metric::QuestionsAsked), 0.0);
}

/// Rooms of 10 with 12 and 5 people in them: 2 too many of 20; and 17 people
/// where there should be 20.
#[test]
fn numbers_are_beyond_their_bounds_and_off_their_sums() {
    let (mut story, created) = Story::begin();
    let b = story.does(0, 1_500, "b", 0, Change::Create(vec![text(NAME, "b")]));
    for (device, name, people, base) in [(0, "a", 6, created), (1, "a", 6, created), (2, "b", 5, b)]
    {
        let change = Change::Update(vec![(VISITS, Write::Add(people))]);
        story.does(device, 2_000, name, base.0, change);
    }
    let (ledger, trace) = story.end();
    let truth = Truth {
        bounds: vec![Bound {
            record_type: TYPE,
            field: VISITS,
            min: Some(0),
            max: Some(10),
        }],
        sums: vec![Sum {
            record_type: TYPE,
            field: VISITS,
            expected: 20,
        }],
        ..Truth::default()
    };
    let state = folded(&ledger, Contestant::named("flag").unwrap().trial());
    let found = judge(&trace, &state, &truth, false).whole;
    assert_eq!(value(&found, Metric::Overshoot), 0.1);
    assert_eq!(value(&found, Metric::SumsOff), 0.15);
    // Three operations counted up where there is a most: one of two rooms
    // overflowed, which the checker had expected.
    let confluence = found.confluence();
    let [bound] = &confluence[..] else {
        panic!("{confluence:?}");
    };
    assert_eq!(bound.invariant, Invariant::Bound);
    assert_eq!((found.risks_bound, bound.confluent), (3, false));
    assert_eq!((bound.broken, bound.places), (1, 2));
}

/// Two records are each other's parent from the third operation on, until the
/// fifth. The third device writes at 4 seconds, having seen the circle, at 8,
/// at 9, having seen it gone, and at 10: for 5 of 6 seconds it is shown the
/// circle. The others wrote on what they had seen once only.
#[test]
fn broken_promises_are_shown_for_a_time() {
    let (mut story, created) = Story::begin();
    let points = |name: &str| vec![(PARENT, Write::Set(Value::Lookup(record(name))))];
    let city = |name: &str| Change::Update(vec![text(CITY, name)]);
    let made = story
        .does(0, 2_000, "b", created.0, Change::Create(points("a")))
        .0;
    let circle = story
        .does(1, 3_000, "a", made, Change::Update(points("b")))
        .0;
    let seen = story.does(2, 4_000, "a", circle, city("Ulm")).0;
    let cleared = Change::Update(vec![(PARENT, Write::Clear)]);
    let cleared = story.does(2, 8_000, "a", seen, cleared).0;
    let last = story.does(2, 9_000, "a", cleared, city("Bonn")).0;
    story.does(2, 10_000, "a", last, city("Köln"));
    let (ledger, trace) = story.end();
    let trial = Contestant::named("flag").unwrap().trial();
    let mut state = State::on_trial(ledger.organization, ledger.relay, trial);
    let truth = Truth::default();
    let mut watch = Watch::new(&trace, &truth);
    for entry in ledger.entries() {
        state.fold(entry);
        watch.look(&state);
    }
    let exposure = watch.exposure();
    assert_eq!((exposure.exposed_ms, exposure.watched_ms), (5_000, 6_000));
    assert_eq!(value(&exposure, Metric::Exposure), 5.0 / 6.0);
    let end = judge(&trace, &state, &truth, false).whole;
    assert_eq!(value(&end, Metric::Circles), 0.0);
}

/// Of the circle above: one lookup was changed, so circles were to be expected,
/// 2 of 3 records; no deletion stays with what points at it, so lookups were
/// not, and 0 of 3 leaves at most `1 - 0.05^(1/3)`.
#[test]
fn what_cannot_break_by_itself_is_told_from_what_can() {
    let (mut story, created) = Story::begin();
    let points = |name: &str| vec![(PARENT, Write::Set(Value::Lookup(record(name))))];
    let made = story
        .does(0, 2_000, "b", created.0, Change::Create(points("a")))
        .0;
    story.does(0, 2_500, "c", made, Change::Create(points("a")));
    story.does(1, 3_000, "a", made, Change::Update(points("b")));
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "flag").confluence();
    let [lookups, tree] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(lookups.invariant, Invariant::ForeignKey);
    assert_eq!(
        (lookups.confluent, lookups.broken, lookups.places),
        (true, 0, 3)
    );
    assert!((lookups.at_most - (1.0 - 0.05f64.powf(1.0 / 3.0))).abs() < 1e-9);
    assert_eq!(tree.invariant, Invariant::Acyclic);
    assert_eq!((tree.confluent, tree.broken, tree.places), (false, 2, 3));
}
