//! What people are asked, and what they made of it.

use super::*;

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
