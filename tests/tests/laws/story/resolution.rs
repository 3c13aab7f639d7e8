//! People decide.

use super::lift;
use crate::world::World;

fn contested() -> World {
    let mut world = lift("flag", &[("title", "Old"), ("floor", "1")]);
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.all_sync();
    world
}

#[test]
fn a_resolution_settles_what_it_had_seen() {
    let mut world = contested();
    world.resolves("cho", "lift", &[("title", "Both")]);
    assert_eq!(world.all_sync(), ["admitted"]);
    assert_eq!(world.shows("lift", "title"), "Both");
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B; A shows, resolved"]
    );
    assert!(!world.record("lift").in_conflict());
}

#[test]
fn an_unseen_third_candidate_stays_in_conflict_with_the_resolution() {
    let mut world = lift("flag", &[("title", "Old")]);
    for (device, title) in [("ann", "A"), ("bob", "B"), ("cho", "C")] {
        world.updates(device, "lift", &[("title", title)]);
    }
    world.syncs("ann");
    world.syncs("bob");
    world.resolves("bob", "lift", &[("title", "Bob's decision")]);
    world.uploads("cho");
    assert_eq!(world.uploads("bob"), ["admitted"]);
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: cho C | bob Bob's decision; C shows, open"]
    );
    world.pulls("ann");
    world.resolves("ann", "lift", &[("title", "C")]);
    world.all_sync();
    assert_eq!(world.shows("lift", "title"), "C");
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: cho C | bob Bob's decision; C shows, resolved"]
    );
}

#[test]
fn two_resolutions_at_once_conflict_unless_they_agree() {
    let mut world = contested();
    world.resolves("ann", "lift", &[("title", "A")]);
    world.resolves("cho", "lift", &[("title", "C")]);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    let journal = [
        "title of lift, was Old: ann A | bob B; A shows, resolved",
        "title of lift, was A: ann A | cho C; A shows, open",
    ];
    assert_eq!(world.journal(), journal);

    let mut world = contested();
    world.resolves("ann", "lift", &[("title", "Fine")]);
    world.resolves("cho", "lift", &[("title", "Fine")]);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B; A shows, resolved"]
    );
    assert!(!world.record("lift").in_conflict());
}

#[test]
fn a_plain_informed_write_settles_a_conflict() {
    let mut world = contested();
    world.updates("cho", "lift", &[("title", "Cho's")]);
    world.all_sync();
    assert_eq!(world.shows("lift", "title"), "Cho's");
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B; A shows, overwritten"]
    );
}

#[test]
fn a_write_of_another_field_settles_nothing() {
    let mut world = contested();
    world.updates("cho", "lift", &[("floor", "9")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B; A shows, open"]
    );
}

#[test]
fn there_must_be_something_to_resolve() {
    let mut world = contested();
    world.resolves("cho", "lift", &[("floor", "2")]);
    world.resolves("cho", "lift", &[]);
    world.decides("cho", "lift", &[], Some(true));
    let outcomes = world.uploads("cho");
    assert_eq!(outcomes[0], "conflict.none");
    assert!(
        outcomes[1..].iter().all(|outcome| *outcome == "dependent"),
        "{outcomes:?}"
    );
    world.pulls("cho");
    world.resolves("cho", "lift", &[]);
    assert_eq!(world.syncs("cho"), ["conflict.none"]);
    world.decides("cho", "lift", &[], Some(true));
    assert_eq!(world.syncs("cho"), ["conflict.none"]);
}

#[test]
fn a_resolution_that_comes_late_conflicts_with_what_it_had_not_seen() {
    let mut world = contested();
    world.resolves("cho", "lift", &[("title", "Cho's")]);
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.all_sync();
    assert_eq!(world.journal().len(), 2);
    assert_eq!(
        world.journal()[1],
        "title of lift, was A: bob Bob's | cho Cho's; Bob's shows, open"
    );
}
