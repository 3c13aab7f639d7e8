//! Who could see what when, and how far behind devices were.

use super::*;

fn name(name: &str) -> Change {
    Change::Update(vec![text(NAME, name)])
}

/// Versions 5 to 8 are made at 1.000, 3.048, 9.192 and 11.240 seconds by the
/// devices 0, 1, 2 and 0, on the bases 0, 5, 6 and 6; the last arrives 8.192
/// late.
///
/// 5 is seen by 1 after 2.048 and by 2 after 8.192; 6 by 2 after 6.144 and by 0
/// after 8.192; 7 is not seen by 0, who is watched for 2.048 more; 1 wrote no
/// more by then. Of the last nobody knows anything.
pub(super) fn seen() -> (Held, Trace) {
    let (mut story, created) = Story::begin();
    assert_eq!(created, Version(5));
    story.does(1, 3_048, "a", 5, name("b"));
    story.does(2, 9_192, "a", 6, name("c"));
    story.sends(0, (11_240, 19_432), "a", 6, name("d"));
    story.end()
}

/// Of five times to see four ended. After 2.048 four of five are left, one of
/// which is watched no more; of three one ends at 6.144 and two at 8.192: the
/// shares that go on are 4/5, 8/15 and 0. So the median is 8.192, and so are
/// the others. All core devices had 5 and 6 after 8.192, and 7 not after 2.048.
#[test]
fn what_is_seen_is_seen_after_a_time() {
    let (ledger, trace) = seen();
    let found = tally(&ledger, &trace, "flag");
    assert_eq!(found.sights.counts(), (4, 1));
    assert!((found.sights.within(7_000).unwrap() - 7.0 / 15.0).abs() < 1e-12);
    assert_eq!(value(&found, Metric::VisibilityLagP50), 8.192);
    assert_eq!(value(&found, Metric::VisibilityLagP90), 8.192);
    assert_eq!(value(&found, Metric::VisibilityLagP99), 8.192);
    assert_eq!(found.sights_by_all.counts(), (2, 1));
    assert_eq!(found.sights_by_all.within(8_000), Some(0.0));
    assert_eq!(value(&found, Metric::VisibleWithinHour), 1.0);
    assert_eq!(value(&found, Metric::VisibleWithinDay), 1.0);
    // Of four operations one arrives 8.192 late.
    assert_eq!(value(&found, Metric::ArrivalLag), 2.048);
}

/// That 0 has 6 the relay knows only at 19.432, 16.384 after 6 was made. 5 is
/// final after 8.192; 7 is not after 2.048: half of what is left is then.
#[test]
fn what_everybody_builds_on_is_final() {
    let (ledger, trace) = seen();
    let found = tally(&ledger, &trace, "flag");
    assert_eq!(value(&found, Metric::FinalityLagP50), 8.192);
    assert_eq!(value(&found, Metric::FinalityLagP99), 16.384);
}

/// Where the outage ended at 2.000, only 5 is from before, and everybody had it
/// at 9.192. Where it ended at 9.192, 7 is too, and nobody is known to have it.
/// A clock that is known to have been wrong is set right: where 0's was 3
/// seconds ahead, it made 5 at -2.000, and 8 at 8.240, before 7. Then 5 is seen
/// after 5.048 and 11.192, 6 after 6.144 and 5.192; 7 has no core device; and 8
/// is not seen by 2, who is watched for 0.952 more.
#[test]
fn devices_come_together_after_an_outage() {
    let (ledger, trace) = seen();
    let state = folded(&ledger, Contestant::named("flag").unwrap().trial());
    let after = |healed: u64, offsets| {
        let truth = Truth {
            healed: Some(Timestamp(1_000_000 + healed)),
            offsets,
            ..Truth::default()
        };
        judge(&trace, &state, &truth, false).whole
    };
    let early = after(2_000, Default::default());
    assert_eq!(value(&early, Metric::TimeToConvergence), 7.192);
    let late = after(9_192, Default::default());
    assert_eq!(Metric::TimeToConvergence.of(&late), None);
    let device = trace.survey().devices()[1];
    let set_right = after(3_048, [(device, 3_000)].into());
    assert_eq!(value(&set_right, Metric::TimeToConvergence), 9.192 - 3.048);
    assert_eq!(set_right.sights.counts(), (4, 1));
    assert_eq!(set_right.sights.within(5_500), Some(0.5));
}

/// A counter of the record is changed by 2 at 2.0, by 3 at 3.0, and by 1 at 3.5
/// and 4.0, by the devices 1, 2, 1 and 1; the last two arrive at 9.0. All are
/// on the base of the creation.
///
/// The second has not seen the first, 1.0 old: its counter is off by 2. The
/// third and fourth have not seen the second, 0.5 and 1.0 old: off by 3 each.
/// The fourth's own third has not arrived. With the name of the creation these
/// are 5 writes of 2 fields.
#[test]
fn writers_are_behind() {
    let (mut story, created) = Story::begin();
    let count = |by| Change::Update(vec![(VISITS, Write::Add(by))]);
    story.does(1, 2_000, "a", created.0, count(2));
    story.does(2, 3_000, "a", created.0, count(3));
    story.sends(1, (3_500, 9_000), "a", created.0, count(1));
    story.sends(1, (4_000, 9_000), "a", created.0, count(1));
    let (ledger, trace) = story.end();
    let found = tally(&ledger, &trace, "flag");
    assert_eq!(found.unseen, [(0, 2), (1, 3)].into());
    assert_eq!(value(&found, Metric::FreshWrites), 0.4);
    assert_eq!(value(&found, Metric::UnseenP99), 1.0);
    assert_eq!(value(&found, Metric::NumericalError), 2.0);
    assert_eq!(value(&found, Metric::OrderError), 0.2);
    assert_eq!(value(&found, Metric::Staleness), 0.5);
}

/// What was put side by side from merges was seen by nobody in between.
#[test]
fn merges_say_nothing_of_devices() {
    let (ledger, trace) = seen();
    let state = folded(&ledger, Contestant::named("flag").unwrap().trial());
    let truth = Truth {
        blocks: vec!["a merge".to_owned()],
        ..Truth::default()
    };
    let found = judge(&trace, &state, &truth, false).whole;
    assert_eq!(Metric::VisibilityLagP50.of(&found), None);
    assert_eq!(Metric::FreshWrites.of(&found), None);
}
