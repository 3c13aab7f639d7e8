//! Deleting, restoring, and creating the same record twice.

use super::lift;
use crate::world::World;
use crate::world::organization::{GRANULARITIES, POLICIES};

/// Ann deletes and Bob edits, or the other way round; Ann's arrives first.
fn matrix(policy: &str, deletion_first: bool) -> World {
    let mut world = lift(policy, &[("title", "Old")]);
    let (deletes, edits) = if deletion_first {
        ("ann", "bob")
    } else {
        ("bob", "ann")
    };
    world.deletes(deletes, "lift");
    world.updates(edits, "lift", &[("title", "New")]);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    world
}

#[test]
fn a_deletion_arrives_before_the_edit() {
    let stories = [
        ("client-wins", true, "New", "keeps shows, superseded", None),
        (
            "server-wins",
            false,
            "Old",
            "deletes shows, superseded",
            Some("bob conflict.superseded lift"),
        ),
        ("flag", true, "New", "keeps shows, open", None),
        (
            "last-writer-wins",
            true,
            "New",
            "keeps shows, superseded",
            None,
        ),
        (
            "first-writer-wins",
            false,
            "New",
            "deletes shows, superseded",
            None,
        ),
        ("max", true, "New", "keeps shows, superseded", None),
        ("min", false, "New", "deletes shows, superseded", None),
    ];
    for (policy, alive, title, journal, issue) in stories {
        let world = matrix(policy, true);
        assert_eq!(world.is_alive("lift"), alive, "{policy}");
        assert_eq!(world.shows("lift", "title"), title, "{policy}");
        assert_eq!(
            world.journal(),
            [format!("lift: ann deletes | bob keeps; {journal}")],
            "{policy}"
        );
        assert_eq!(
            world.issues(),
            issue.into_iter().collect::<Vec<_>>(),
            "{policy}"
        );
    }
}

#[test]
fn a_deletion_arrives_after_the_edit() {
    let stories = [
        ("client-wins", false, "deletes shows, superseded", None),
        (
            "server-wins",
            true,
            "keeps shows, superseded",
            Some("bob conflict.superseded lift"),
        ),
        ("flag", true, "keeps shows, open", None),
        // Bob deleted first, by the clock.
        ("last-writer-wins", true, "keeps shows, superseded", None),
        (
            "first-writer-wins",
            false,
            "deletes shows, superseded",
            None,
        ),
        ("max", true, "keeps shows, superseded", None),
        ("min", false, "deletes shows, superseded", None),
    ];
    for (policy, alive, journal, issue) in stories {
        let world = matrix(policy, false);
        assert_eq!(world.is_alive("lift"), alive, "{policy}");
        assert_eq!(world.shows("lift", "title"), "New", "{policy}");
        let base = ["ann keeps | bob deletes", "ann keeps | bob deletes"][0];
        assert_eq!(
            world.journal(),
            [format!("lift: {base}; {journal}")],
            "{policy}"
        );
        assert_eq!(
            world.issues(),
            issue.into_iter().collect::<Vec<_>>(),
            "{policy}"
        );
    }
}

#[test]
fn the_words_for_a_refused_deletion_and_a_refused_edit() {
    let start = "Somebody else's change arrived first and stands. ";
    let words = |deletion_first| {
        matrix("server-wins", deletion_first).state.issues()[0]
            .what
            .clone()
    };
    assert_eq!(
        words(true),
        format!("{start}The record was deleted meanwhile; your change of it is kept here.")
    );
    assert_eq!(
        words(false),
        format!("{start}The record was changed meanwhile, so it was not deleted.")
    );
}

#[test]
fn deleting_twice_is_no_conflict() {
    for policy in POLICIES {
        let mut world = lift(policy, &[("title", "Old")]);
        world.deletes("ann", "lift");
        world.deletes("bob", "lift");
        assert_eq!(world.all_sync(), ["admitted", "admitted"]);
        assert!(!world.is_alive("lift"), "{policy}");
        assert!(
            world.journal().is_empty() && world.issues().is_empty(),
            "{policy}"
        );
    }
}

#[test]
fn an_informed_deletion_is_no_conflict() {
    for policy in POLICIES {
        let mut world = lift(policy, &[("title", "Old")]);
        world.updates("bob", "lift", &[("title", "New")]);
        world.all_sync();
        world.deletes("ann", "lift");
        world.all_sync();
        assert!(!world.is_alive("lift"), "{policy}");
        assert!(world.journal().is_empty(), "{policy}");
    }
}

/// Two updates agree that the record is there; who deletes it has seen only
/// one of them.
#[test]
fn an_unseen_edit_is_missed_even_where_another_agrees_with_it() {
    let mut world = lift("server-wins", &[("title", "Old")]);
    world.updates("ann", "lift", &[("floor", "1")]);
    world.updates("bob", "lift", &[("priority", "1")]);
    world.deletes("cho", "lift");
    world.all_sync();
    assert_eq!(world.issues(), ["cho conflict.superseded lift"]);
    world.updates("ann", "lift", &[("floor", "2")]);
    world.syncs("ann");
    world.syncs("cho");
    world.updates("bob", "lift", &[("priority", "2")]);
    world.syncs("bob");
    world.deletes("cho", "lift");
    world.syncs("cho");
    assert!(world.is_alive("lift"), "Cho had not seen Bob's second edit");
}

#[test]
fn a_flagged_deletion_is_decided_either_way() {
    for (keep, journal) in [(true, "resolved"), (false, "resolved")] {
        let mut world = matrix("flag", true);
        assert!(world.record("lift").in_conflict());
        world.decides("cho", "lift", &[], Some(keep));
        world.all_sync();
        assert_eq!(world.is_alive("lift"), keep);
        assert_eq!(
            world.journal(),
            [format!(
                "lift: ann deletes | bob keeps; keeps shows, {journal}"
            )]
        );
        assert!(!world.record("lift").in_conflict());
    }
}

#[test]
fn editing_a_record_that_is_in_question_keeps_it() {
    let mut world = matrix("flag", false);
    world.updates("cho", "lift", &[("floor", "3")]);
    world.all_sync();
    assert!(world.is_alive("lift"));
    assert_eq!(
        world.journal(),
        ["lift: ann keeps | bob deletes; keeps shows, overwritten"]
    );
}

#[test]
fn a_deleted_record_comes_back_as_it_was() {
    for granularity in GRANULARITIES {
        let mut world = World::granular("flag", granularity, &["ann", "bob"]);
        world.creates(
            "ann",
            "lift",
            "order",
            &[("title", "Old"), ("visits", "+3"), ("number", "7")],
        );
        world.all_sync();
        world.deletes("bob", "lift");
        world.all_sync();
        world.restores("ann", "lift");
        assert_eq!(world.all_sync(), ["admitted"]);
        assert!(world.is_alive("lift"));
        assert_eq!(world.shows("lift", "title"), "Old");
        assert_eq!(world.shows("lift", "visits"), "3");
        assert!(world.journal().is_empty());
    }
}

#[test]
fn a_restored_record_takes_its_key_back_only_when_it_is_free() {
    let mut world = lift("flag", &[("number", "7")]);
    world.deletes("ann", "lift");
    world.all_sync();
    world.creates("bob", "other", "order", &[("number", "7")]);
    world.all_sync();
    world.restores("ann", "lift");
    assert_eq!(world.all_sync(), ["key.taken"]);
    world.deletes("bob", "other");
    world.all_sync();
    world.restores("ann", "lift");
    assert_eq!(world.all_sync(), ["admitted"]);
}

#[test]
fn a_child_that_two_people_create_is_one_record() {
    for policy in POLICIES {
        let mut world = World::of(policy, &["ann", "bob"]);
        world.derives(
            "ann",
            "visit",
            "lift",
            "order",
            &[("title", "Ann's"), ("floor", "1"), ("visits", "+1")],
        );
        world.derives(
            "bob",
            "visit",
            "lift",
            "order",
            &[("title", "Bob's"), ("urgent", "yes"), ("visits", "+1")],
        );
        assert_eq!(world.all_sync(), ["admitted", "admitted"], "{policy}");
        assert_eq!(world.shows("visit", "floor"), "1", "{policy}");
        assert_eq!(world.shows("visit", "urgent"), "yes", "{policy}");
        assert_eq!(world.shows("visit", "visits"), "2", "{policy}");
        let journal = world.journal();
        assert_eq!(journal.len(), 1, "{policy}");
        let sides = "title of visit, was nothing: ann Ann's | bob Bob's;";
        assert!(journal[0].starts_with(sides), "{policy}: {}", journal[0]);
    }
}

#[test]
fn a_default_contests_nothing() {
    for (first, second) in [("ann", "bob"), ("bob", "ann")] {
        let mut world = World::of("flag", &["ann", "bob"]);
        world.derives(
            "ann",
            "shop",
            "street",
            "account",
            &[("name", "Shop"), ("rating", "5")],
        );
        world.derives("bob", "shop", "street", "account", &[("name", "Shop")]);
        world.uploads(first);
        world.uploads(second);
        assert_eq!(world.shows("shop", "rating"), "5", "{first} first");
        assert!(world.journal().is_empty(), "{first} first");
    }
}

#[test]
fn a_child_made_again_by_somebody_who_knew_of_its_deletion_is_there() {
    for policy in POLICIES {
        let mut world = World::of(policy, &["ann", "bob"]);
        world.derives("ann", "visit", "lift", "order", &[("title", "First")]);
        world.all_sync();
        world.deletes("ann", "visit");
        world.all_sync();
        world.derives("bob", "visit", "lift", "order", &[("title", "Second")]);
        assert_eq!(world.all_sync(), ["admitted"]);
        assert!(world.is_alive("visit"), "{policy}");
        assert_eq!(world.shows("visit", "title"), "Second", "{policy}");
        assert!(world.journal().is_empty(), "{policy}");
    }
}

#[test]
fn what_points_at_a_deleted_record_goes_along_lets_go_or_holds_it() {
    let mut world = World::of("flag", &["ann", "bob"]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.creates(
        "ann",
        "lift",
        "order",
        &[("title", "Lift"), ("account", "shop")],
    );
    world.creates("ann", "visit", "order", &[("parent", "lift")]);
    world.creates("ann", "call", "order", &[("parent", "visit")]);
    world.creates(
        "ann",
        "spare",
        "order",
        &[("backup", "lift"), ("title", "Spare")],
    );
    world.all_sync();
    world.deletes("bob", "shop");
    assert_eq!(world.all_sync(), ["record.referenced"]);
    assert_eq!(world.state.issues()[0].what, "order Lift points at it.");
    world.deletes("bob", "lift");
    assert_eq!(world.all_sync(), ["admitted"]);
    let alive = ["lift", "visit", "call", "spare"].map(|name| world.is_alive(name));
    assert_eq!(alive, [false, false, false, true]);
    assert_eq!(world.shows("spare", "backup"), "");
    world.deletes("bob", "shop");
    assert_eq!(
        world.all_sync(),
        ["admitted"],
        "nothing that is there points at it any more"
    );
}

#[test]
fn letting_go_of_a_lookup_decides_nothing_else() {
    let mut world = World::of("flag", &["ann", "bob", "cho"]);
    world.creates("ann", "lift", "order", &[]);
    world.creates("ann", "spare", "order", &[("backup", "lift")]);
    world.all_sync();
    world.deletes("ann", "spare");
    world.updates("bob", "spare", &[("floor", "1")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["spare: ann deletes | bob keeps; keeps shows, open"]
    );
    world.deletes("cho", "lift");
    world.all_sync();
    assert_eq!(world.shows("spare", "backup"), "");
    assert_eq!(
        world.journal(),
        ["spare: ann deletes | bob keeps; keeps shows, open"]
    );
}

#[test]
fn a_child_that_somebody_edited_meanwhile_does_not_go_silently() {
    let mut world = World::of("flag", &["ann", "bob"]);
    world.creates("ann", "lift", "order", &[]);
    world.creates("ann", "visit", "order", &[("parent", "lift")]);
    world.all_sync();
    world.updates("ann", "visit", &[("title", "Important")]);
    world.deletes("bob", "lift");
    world.all_sync();
    assert!(!world.is_alive("lift"));
    assert!(world.is_alive("visit"));
    assert_eq!(
        world.journal(),
        ["visit: ann keeps | bob deletes; keeps shows, open"]
    );
}

#[test]
fn a_ring_of_records_is_deleted_once() {
    let mut world = World::of("client-wins", &["ann"]);
    for name in ["one", "two", "three"] {
        world.creates("ann", name, "order", &[]);
    }
    for (name, parent) in [("one", "two"), ("two", "three"), ("three", "one")] {
        world.updates("ann", name, &[("parent", parent)]);
    }
    world.deletes("ann", "one");
    assert!(
        world
            .all_sync()
            .iter()
            .all(|outcome| *outcome == "admitted")
    );
    assert!(
        ["one", "two", "three"]
            .iter()
            .all(|name| !world.is_alive(name))
    );
}
