//! Counters, sets, texts and checklists: nothing to decide.

use crate::world::World;
use crate::world::organization::{GRANULARITIES, POLICIES};

fn merged(edits: &[(&str, &str, &str)], field: &str, start: &str, reads: &str) {
    for policy in POLICIES {
        for granularity in GRANULARITIES {
            let mut world = World::granular(policy, granularity, &["ann", "bob", "cho"]);
            world.creates("ann", "lift", "order", &[(field, start)]);
            world.all_sync();
            for (device, field, edit) in edits {
                world.updates(device, "lift", &[(field, edit)]);
            }
            world.all_sync();
            assert_eq!(
                world.shows("lift", field),
                reads,
                "{policy} by {granularity:?}"
            );
            assert!(
                world.journal().is_empty() && world.issues().is_empty(),
                "{policy}"
            );
        }
    }
}

#[test]
fn a_counter_bumped_on_three_devices_adds_up() {
    let edits = [
        ("ann", "visits", "+2"),
        ("bob", "visits", "+3"),
        ("cho", "visits", "-1"),
    ];
    merged(&edits, "visits", "+10", "14");
}

#[test]
fn a_set_keeps_what_was_added_and_drops_what_was_removed() {
    let edits = [
        ("ann", "tags", "+late"),
        ("bob", "tags", "-old +wet"),
        ("cho", "tags", "+late"),
    ];
    merged(&edits, "tags", "+old +big", "big, late, wet");
}

#[test]
fn an_element_that_somebody_adds_again_survives_its_removal() {
    let edits = [("ann", "tags", "+old"), ("bob", "tags", "-old")];
    merged(&edits, "tags", "+old", "old");
}

#[test]
fn two_people_type_in_one_note() {
    let edits = [
        ("ann", "note", "Pump: checked, no leak"),
        ("bob", "note", "checked, no leak, valve replaced"),
    ];
    merged(
        &edits,
        "note",
        "checked, no leak",
        "Pump: checked, no leak, valve replaced",
    );
}

#[test]
fn two_people_tick_one_checklist() {
    let edits = [
        ("ann", "checklist", r#"{"drain":true,"fill":false}"#),
        ("bob", "checklist", r#"{"drain":false,"fill":true}"#),
    ];
    let reads = r#"{"drain":true,"fill":true}"#;
    merged(
        &edits,
        "checklist",
        r#"{"drain":false,"fill":false}"#,
        reads,
    );
}

#[test]
fn one_operation_may_type_twice_into_one_note() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "lift", "order", &[("note", "one")]);
    world.all_sync();
    world.updates("ann", "lift", &[("note", "one two")]);
    world.updates("ann", "lift", &[("note", "one two three")]);
    let device = world.devices.get_mut("ann").expect("ann");
    let mutations: Vec<_> = device
        .unsent
        .drain(..)
        .flat_map(|operation| operation.mutations().to_vec())
        .collect();
    world.edits("ann", mutations);
    assert_eq!(world.all_sync(), ["admitted"]);
    assert_eq!(world.shows("lift", "note"), "one two three");
}

/// Counters saturate rather than wrap, and sets do not grow without end; see
/// the limits.
#[test]
fn a_counter_stops_at_its_ends() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "lift", "order", &[("visits", "9223372036854775807")]);
    world.updates("ann", "lift", &[("visits", "+5")]);
    world.all_sync();
    assert_eq!(world.shows("lift", "visits"), i64::MAX.to_string());
}
