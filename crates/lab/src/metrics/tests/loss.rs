//! What is contended and lost.

use super::*;
use cairn_projection::document;

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
    assert_eq!(value(&last, Metric::WidthP50), 3.0);
    assert_eq!(last.widths, [(3, 1)].into(), "the city was nobody else's");
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

/// Two wrote a name apart; a third, who had seen both, resolved it; a fourth
/// write had seen only the first two. W: life, name, "b", "c", the answer "b",
/// and "d": 6.
///
/// Under flag the answer replaces "b" and "c", so nobody lost anything; "d" has
/// not seen the answer, so both are asked about again: two questions, and "d" is
/// lost for now, but surfaced. Under last-writer-wins there is nothing to
/// resolve: the answer is refused and its author told; "b" and "c" are replaced
/// all the same, as that was meant; "d" shows.
#[test]
fn an_answer_replaces_what_its_author_had_seen() {
    let (mut story, created) = Story::begin();
    let name = |name: &str| Change::Update(vec![text(NAME, name)]);
    story.does(0, 2_000, "a", created.0, name("b"));
    let both = story.does(1, 3_000, "a", created.0, name("c")).0;
    let fields = vec![text(NAME, "b")];
    story.does(2, 4_000, "a", both, Change::Resolve { fields, keep: None });
    story.does(0, 5_000, "a", both, name("d"));
    let (ledger, trace) = story.end();
    let flag = tally(&ledger, &trace, "flag");
    assert_eq!((flag.writes, flag.standing), (6, 3));
    assert_eq!((flag.lost_silently, flag.lost_surfaced), (0, 1));
    assert_eq!(value(&flag, Metric::QuestionsAsked), 2_000.0 / 6.0);
    assert_eq!(value(&flag, Metric::RepairCost), 200.0, "one of five");
    let last = tally(&ledger, &trace, "last-writer-wins");
    assert_eq!((last.standing, last.satisfied), (3, 2));
    assert_eq!((last.lost_silently, last.lost_surfaced), (0, 1));
    assert_eq!((last.refused, last.questions), (1, 0));
}

/// A record is deleted by somebody who had seen its name, but neither that it
/// was counted in nor that a tag was added. W: life, name, count, tag, deletion:
/// 5; the name and the life are replaced, as the deletion had seen them. Where
/// it wins, the count and the tag are lost in silence; where it is set aside,
/// it is lost, and its author told.
#[test]
fn deletions_take_along_what_they_had_not_seen() {
    let (mut story, created) = Story::begin();
    let tag = [Value::Text("x".to_owned())].into();
    let remove = Default::default();
    let counts = Change::Update(vec![(VISITS, Write::Add(2))]);
    let tags = Change::Update(vec![(TAGS, Write::Change { add: tag, remove })]);
    story.does(0, 2_000, "a", created.0, counts);
    story.does(1, 2_500, "a", created.0, tags);
    story.does(2, 3_000, "a", created.0, Change::Delete);
    let (ledger, trace) = story.end();
    let client = tally(&ledger, &trace, "client-wins");
    assert_eq!(
        (client.writes, client.contested, client.standing),
        (5, 3, 3)
    );
    assert_eq!(value(&client, Metric::SilentLossRate), 0.4);
    assert_eq!(value(&client, Metric::QuestionsAsked), 0.0);
    let server = tally(&ledger, &trace, "server-wins");
    assert_eq!((server.lost_silently, server.lost_surfaced), (0, 1));
    assert_eq!(value(&server, Metric::QuestionsAsked), 200.0);
    let flag = tally(&ledger, &trace, "flag");
    assert_eq!((flag.lost_silently, flag.lost_surfaced), (0, 1));
    assert_eq!(value(&flag, Metric::QuestionsAsked), 200.0);
}

/// Clocks alike, and 1 of 10 writes lost; clocks an hour apart, and 3 of 10.
/// Half an hour apart with 2 of 10 changes nothing.
#[test]
fn clocks_apart_show_as_a_slope() {
    let hour = 3_600_000;
    let mut tally = Tally {
        skews: [(0, (10, 1)), (hour, (10, 3))].into(),
        ..Tally::default()
    };
    assert!((value(&tally, Metric::SkewSensitivity) - 0.2).abs() < 1e-12);
    tally.skews.insert(hour / 2, (10, 2));
    assert!((value(&tally, Metric::SkewSensitivity) - 0.2).abs() < 1e-12);
    tally.skews = [(hour, (10, 3))].into();
    assert_eq!(Metric::SkewSensitivity.of(&tally), None);
}

/// Two people put four letters each between the same two, at once: they meet
/// once, and Automerge keeps runs whole, so the index is 0. W: life, name, and
/// three changes of the text, of which two met. Where the record is deleted by
/// somebody who had seen only the first of them, and that wins, the other two
/// changes are lost, with their bytes.
#[test]
fn texts_merge_and_runs_stay_whole() {
    let (mut story, created) = Story::begin();
    let mut number = 0;
    let mut edit = |saved: &[u8], wanted: &str| {
        number += 1;
        let operation = cairn_model::OperationId {
            log: story.scribe.log(story.pens[0]),
            sequence: number,
        };
        let change = document::edit(&Kind::RichText, saved, &wanted.into(), &operation);
        change.unwrap().expect("something changes")
    };
    let first = edit(&[], "()");
    let saved = document::merge(&Kind::RichText, &[], &first).unwrap();
    let (one, other) = (edit(&saved, "(aaaa)"), edit(&saved, "(bbbb)"));
    let types = |change: &Vec<u8>| Change::Update(vec![(NOTES, Write::Merge(change.clone()))]);
    let base = story.does(0, 2_000, "a", created.0, types(&first)).0;
    story.does(1, 3_000, "a", base, types(&one));
    story.does(2, 4_000, "a", base, types(&other));
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "client-wins");
    assert_eq!((found.writes, found.contested, found.meetings), (5, 2, 1));
    assert_eq!(value(&found, Metric::Interleaving), 0.0);
    assert_eq!(value(&found, Metric::InformationLost), 0.0);

    let (mut story, _) = Story::begin();
    story.does(0, 2_000, "a", created.0, types(&first));
    story.does(1, 3_000, "a", base, types(&one));
    story.does(2, 4_000, "a", base, types(&other));
    story.does(0, 5_000, "a", base, Change::Delete);
    let (ledger, trace) = story.end();
    let gone = tally(&ledger, &trace, "client-wins");
    assert_eq!((gone.lost_silently, gone.meetings), (2, 0));
    let bytes = |change: &Vec<u8>| cairn_model::codec::encode(&Write::Merge(change.clone())).len();
    assert_eq!(gone.bytes_lost, (bytes(&one) + bytes(&other)) as u64);
}

/// Of four keys two are 2 wide, one 3 and one 9: the median is 2, three quarters
/// are 3 at most.
#[test]
fn widths_are_distributed() {
    let tally = Tally {
        widths: [(2, 2), (3, 1), (9, 1)].into(),
        ..Tally::default()
    };
    assert_eq!(value(&tally, Metric::WidthP50), 2.0);
    assert_eq!(value(&tally, Metric::WidthP99), 9.0);
}
