//! Whole rows: any concurrent write to the record conflicts.

use crate::world::World;
use cairn_model::Granularity;

/// Ann moves the start and Bob the title; Ann's arrives first.
fn rows(policy: &str) -> World {
    let mut world = World::granular(policy, Granularity::Record, &["ann", "bob", "cho"]);
    world.creates(
        "ann",
        "lift",
        "order",
        &[("title", "Old"), ("priority", "5"), ("floor", "1")],
    );
    world.all_sync();
    world.updates("ann", "lift", &[("priority", "9"), ("floor", "2")]);
    world.updates("bob", "lift", &[("title", "Bob's"), ("visits", "+1")]);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    world
}

fn row(world: &World) -> [String; 4] {
    ["title", "priority", "floor", "visits"].map(|field| world.shows("lift", field))
}

#[test]
fn the_winning_row_goes_back_to_what_its_author_saw() {
    let world = rows("client-wins");
    assert_eq!(row(&world), ["Bob's", "5", "1", "1"]);
    let journal = [
        "priority of lift, was 5: ann 9 | bob 5; 5 shows, superseded",
        "floor of lift, was 1: ann 2 | bob 1; 1 shows, superseded",
    ];
    assert_eq!(world.journal(), journal);
    assert!(world.issues().is_empty());
}

#[test]
fn the_losing_row_is_refused_whole_with_one_issue() {
    let mut world = rows("server-wins");
    assert_eq!(
        row(&world),
        ["Old", "9", "2", "1"],
        "the counter merges all the same"
    );
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann Old | bob Bob's; Old shows, superseded"]
    );
    assert_eq!(world.issues(), ["bob conflict.superseded title of lift"]);
    world.updates("cho", "lift", &[("title", "Cho's"), ("priority", "1")]);
    world.all_sync();
    assert_eq!(
        world.shows("lift", "title"),
        "Cho's",
        "an informed row is not refused"
    );
}

#[test]
fn a_refused_row_of_many_fields_is_one_issue() {
    let mut world = World::granular("server-wins", Granularity::Record, &["ann", "bob"]);
    world.creates("ann", "lift", "order", &[("title", "Old")]);
    world.all_sync();
    world.updates("ann", "lift", &[("urgent", "yes")]);
    world.updates(
        "bob",
        "lift",
        &[("title", "New"), ("priority", "1"), ("floor", "7")],
    );
    world.all_sync();
    assert_eq!(world.journal().len(), 3);
    assert_eq!(world.issues().len(), 1);
    let words = &world.state.issues()[0].what;
    assert!(
        words.contains("priority: nothing stands, yours was “1”."),
        "{words}"
    );
    assert_eq!(world.shows("lift", "floor"), "");
}

#[test]
fn both_rows_are_kept_for_people_to_decide() {
    let mut world = rows("flag");
    assert_eq!(row(&world), ["Old", "9", "2", "1"]);
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann Old | bob Bob's; Old shows, open"]
    );
    world.resolves("cho", "lift", &[("title", "Bob's")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann Old | bob Bob's; Old shows, resolved"]
    );
    assert_eq!(row(&world), ["Bob's", "9", "2", "1"]);
}

#[test]
fn a_later_row_of_the_same_device_takes_the_place_of_its_own() {
    let mut world = World::granular("flag", Granularity::Record, &["ann", "bob"]);
    world.creates("ann", "lift", "order", &[("title", "Old")]);
    world.all_sync();
    world.updates("bob", "lift", &[("priority", "1")]);
    world.updates("ann", "lift", &[("title", "One")]);
    world.updates("ann", "lift", &[("title", "Two")]);
    world.uploads("bob");
    world.uploads("ann");
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann Old | ann Two; Old shows, open"]
    );
}

#[test]
fn the_later_row_wins_whole() {
    let world = rows("last-writer-wins");
    assert_eq!(row(&world), ["Bob's", "5", "1", "1"]);
    let world = rows("first-writer-wins");
    assert_eq!(row(&world), ["Old", "9", "2", "1"]);
    assert!(world.issues().is_empty(), "nobody is told");
}

#[test]
fn policies_that_compare_values_work_field_by_field() {
    for policy in ["max", "min"] {
        let world = rows(policy);
        assert_eq!(row(&world), ["Bob's", "9", "2", "1"], "{policy}");
        assert!(world.journal().is_empty(), "{policy}");
    }
}

#[test]
fn rows_that_agree_do_not_conflict() {
    for policy in ["client-wins", "server-wins", "flag"] {
        let mut world = World::granular(policy, Granularity::Record, &["ann", "bob"]);
        world.creates("ann", "lift", "order", &[("title", "Old")]);
        world.all_sync();
        for device in ["ann", "bob"] {
            world.updates(device, "lift", &[("title", "New"), ("floor", "3")]);
        }
        world.all_sync();
        assert!(
            world.journal().is_empty(),
            "{policy}: {:?}",
            world.journal()
        );
        assert_eq!(world.shows("lift", "floor"), "3", "{policy}");
    }
}

#[test]
fn a_row_goes_back_to_its_authors_own_last_value() {
    let mut world = World::granular("client-wins", Granularity::Record, &["ann", "bob"]);
    world.creates("ann", "lift", "order", &[("title", "Old"), ("floor", "1")]);
    world.all_sync();
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.uploads("bob");
    world.updates("ann", "lift", &[("title", "Ann's")]);
    world.uploads("ann");
    world.updates("bob", "lift", &[("floor", "2")]);
    world.uploads("bob");
    assert_eq!(
        world.shows("lift", "title"),
        "Bob's",
        "that is what Bob saw"
    );
    assert_eq!(world.shows("lift", "floor"), "2");
}

#[test]
fn counters_alone_contest_no_row() {
    for policy in ["client-wins", "server-wins", "flag"] {
        let mut world = World::granular(policy, Granularity::Record, &["ann", "bob"]);
        world.creates("ann", "lift", "order", &[("title", "Old")]);
        world.all_sync();
        world.updates("ann", "lift", &[("visits", "+1"), ("tags", "+late")]);
        world.updates("bob", "lift", &[("title", "New"), ("visits", "+1")]);
        world.all_sync();
        assert_eq!(world.shows("lift", "visits"), "2", "{policy}");
        assert_eq!(world.shows("lift", "title"), "New", "{policy}");
        assert!(world.journal().is_empty(), "{policy}");
    }
}
