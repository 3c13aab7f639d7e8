//! Concurrent writes of one field, under every policy.

use super::lift;
use crate::world::World;
use crate::world::organization::POLICIES;
use cairn_policy::CLOCK_AHEAD_MS_MAX;

/// What Ann and Bob wrote over 5 comes to, Ann's arriving first. Ann wrote
/// first, too.
#[test]
fn the_same_field_twice() {
    let stories = [
        ("client-wins", "ann 1 | bob 9; 9 shows, superseded"),
        ("server-wins", "ann 1 | bob 9; 1 shows, superseded"),
        ("flag", "ann 1 | bob 9; 1 shows, open"),
        ("last-writer-wins", "ann 1 | bob 9; 9 shows, superseded"),
        ("first-writer-wins", "ann 1 | bob 9; 1 shows, superseded"),
        ("max", "ann 1 | bob 9; 9 shows, superseded"),
        ("min", "ann 1 | bob 9; 1 shows, superseded"),
    ];
    for (policy, journal) in stories {
        let mut world = lift(policy, &[("priority", "5")]);
        world.updates("ann", "lift", &[("priority", "1")]);
        world.updates("bob", "lift", &[("priority", "9")]);
        assert_eq!(world.all_sync(), ["admitted", "admitted"]);
        assert_eq!(
            world.journal(),
            [format!("priority of lift, was 5: {journal}")],
            "{policy}"
        );
        let shown = world.shows("lift", "priority");
        assert!(
            journal.contains(&format!("{shown} shows")),
            "{policy} shows {shown}"
        );
        let told = ["bob conflict.superseded priority of lift"];
        assert_eq!(
            world.issues(),
            if policy == "server-wins" {
                &told[..]
            } else {
                &[]
            }
        );
    }
}

#[test]
fn a_lot_is_drawn_the_same_in_either_order() {
    let shown = |first: &str, second: &str| {
        let mut world = lift("random", &[("priority", "5")]);
        world.updates("ann", "lift", &[("priority", "1")]);
        world.updates("bob", "lift", &[("priority", "9")]);
        world.uploads(first);
        world.uploads(second);
        assert_eq!(world.journal().len(), 1);
        world.shows("lift", "priority")
    };
    assert_eq!(shown("ann", "bob"), shown("bob", "ann"));
}

#[test]
fn the_author_of_a_refused_write_is_told_what_stands() {
    let mut world = lift("server-wins", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "Ann's")]);
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.all_sync();
    let issue = &world.state.issues()[0];
    let words = "Somebody else's change arrived first and stands. title: “Ann's” stands, yours was “Bob's”.";
    assert_eq!(issue.what, words);
    assert!(!issue.is_rejection());
    assert_eq!(
        cairn_model::codec::decode("operation", &issue.payload),
        Ok(bobs(&world))
    );
}

fn bobs(world: &World) -> cairn_model::Operation {
    let (_, _, operation, _) = crate::reference::operations(world).pop().expect("the last");
    operation
}

#[test]
fn equal_values_are_no_conflict() {
    for policy in POLICIES {
        let mut world = lift(policy, &[("title", "Old"), ("priority", "5")]);
        for device in ["ann", "bob", "cho"] {
            world.updates(device, "lift", &[("title", "New"), ("priority", "")]);
        }
        assert_eq!(world.all_sync(), ["admitted"; 3]);
        assert_eq!(world.shows("lift", "title"), "New", "{policy}");
        assert_eq!(world.shows("lift", "priority"), "", "{policy}");
        assert!(
            world.journal().is_empty() && world.issues().is_empty(),
            "{policy}"
        );
    }
}

#[test]
fn start_and_end_both_survive() {
    for policy in POLICIES {
        let mut world = lift(policy, &[("title", "Old")]);
        world.updates("ann", "lift", &[("start", "2026-05-04T08:00:00Z")]);
        world.updates("bob", "lift", &[("end", "2026-05-04T09:30:00Z")]);
        world.all_sync();
        assert_eq!(
            world.shows("lift", "start"),
            "2026-05-04T08:00:00.000Z",
            "{policy}"
        );
        assert_eq!(
            world.shows("lift", "end"),
            "2026-05-04T09:30:00.000Z",
            "{policy}"
        );
        assert!(world.journal().is_empty(), "{policy}");
    }
}

#[test]
fn an_emptied_field_is_a_side_like_any_other() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "")]);
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann nothing | bob Bob's; nothing shows, open"]
    );
    assert_eq!(world.shows("lift", "title"), "");
}

#[test]
fn an_informed_write_is_no_conflict() {
    for policy in POLICIES {
        let mut world = lift(policy, &[("priority", "5")]);
        world.updates("ann", "lift", &[("priority", "9")]);
        world.all_sync();
        world.updates("bob", "lift", &[("priority", "1")]);
        world.updates("bob", "lift", &[("priority", "2")]);
        world.all_sync();
        assert_eq!(world.shows("lift", "priority"), "2", "{policy}");
        assert!(world.journal().is_empty(), "{policy}");
    }
}

#[test]
fn a_third_candidate_joins_the_open_conflict() {
    let mut world = lift("flag", &[("title", "Old")]);
    for (device, title) in [("ann", "A"), ("bob", "B"), ("cho", "C")] {
        world.updates(device, "lift", &[("title", title)]);
    }
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B | cho C; A shows, open"]
    );
    assert!(world.record("lift").in_conflict());
}

#[test]
fn a_candidate_of_the_same_device_takes_the_place_of_its_own() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.updates("bob", "lift", &[("title", "B again")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was Old: ann A | bob B again; A shows, open"]
    );
}

#[test]
fn agreeing_after_all_settles_a_conflict() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.updates("bob", "lift", &[("title", "A")]);
    world.all_sync();
    let journal = "title of lift, was Old: ann A | bob B; A shows, overwritten";
    assert_eq!(world.journal(), [journal]);
    assert!(!world.record("lift").in_conflict());
}

/// Who a refused or superseded write lost to must stand against writes that
/// its author had not seen either.
#[test]
fn a_write_that_agreed_with_the_winner_is_not_forgotten() {
    let mut world = lift("server-wins", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "New")]);
    world.updates("bob", "lift", &[("title", "New")]);
    world.updates("cho", "lift", &[("title", "Other")]);
    world.uploads("ann");
    world.pulls("cho");
    world.uploads("bob");
    world.uploads("cho");
    world.updates("cho", "lift", &[("title", "Another")]);
    world.uploads("cho");
    assert_eq!(
        world.shows("lift", "title"),
        "New",
        "Cho had not seen that Bob wants it, too"
    );
    assert_eq!(world.journal().len(), 2);
}

#[test]
fn the_base_is_what_both_started_from() {
    let mut world = lift("flag", &[("title", "One")]);
    world.updates("ann", "lift", &[("title", "Two")]);
    world.syncs("ann");
    world.updates("ann", "lift", &[("title", "Three")]);
    world.syncs("ann");
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.syncs("bob");
    assert_eq!(
        world.journal(),
        ["title of lift, was One: ann Three | bob Bob's; Three shows, open"]
    );
    let first = lift("flag", &[]);
    let mut world = first;
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.all_sync();
    assert_eq!(
        world.journal(),
        ["title of lift, was nothing: ann A | bob B; A shows, open"]
    );
}

#[test]
fn a_base_that_is_no_longer_known_is_not_guessed() {
    let mut world = lift("flag", &[("title", "First")]);
    for number in 0..200 {
        world.updates("ann", "lift", &[("title", &number.to_string())]);
    }
    world.uploads("ann");
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.uploads("bob");
    assert_eq!(
        world.journal(),
        ["title of lift, base forgotten: ann 199 | bob Bob's; 199 shows, open"]
    );
}

#[test]
fn each_side_tells_who_when_by_their_clock_and_when_received() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.devices.get_mut("bob").expect("bob").ahead = -90_000;
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.all_sync();
    let conflict = &world.state.journal()[0];
    for side in &conflict.sides {
        let operation = crate::history::operation_at(&world, side.version);
        assert_eq!(side.operation, operation);
        let device = world.state.device(side.author).expect("enrolled");
        assert_eq!(device.id, operation.log.device);
        assert!(side.received > side.time.wall());
    }
    let [ann, bob] = &conflict.sides[..] else {
        panic!("two sides")
    };
    assert!(bob.time < ann.time, "by his own clock he was first");
}

#[test]
fn a_clock_years_ahead_wins_for_five_minutes_only() {
    let years = 10 * 365 * 24 * 3_600_000;
    for (later, shows) in [
        (CLOCK_AHEAD_MS_MAX - 60_000, "9"),
        (CLOCK_AHEAD_MS_MAX + 60_000, "1"),
    ] {
        let mut world = lift("last-writer-wins", &[("priority", "5")]);
        world.devices.get_mut("bob").expect("bob").ahead = years;
        world.updates("bob", "lift", &[("priority", "9")]);
        world.uploads("bob");
        world.passes(later);
        world.updates("ann", "lift", &[("priority", "1")]);
        world.uploads("ann");
        assert_eq!(world.shows("lift", "priority"), shows, "{later} ms later");
    }
}

#[test]
fn a_policy_of_the_field_goes_before_the_types_and_the_organizations() {
    let mut world = World::of("server-wins", &["ann", "bob", "cho"]);
    world.publishes(|next| {
        use crate::world::organization::{field_mut, type_mut};
        type_mut(next, "order").policy = Some("max".to_owned());
        field_mut(next, "order", "floor").policy = Some("client-wins".to_owned());
    });
    world.all_sync();
    world.creates("ann", "lift", "order", &[]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.all_sync();
    for (device, number) in [("ann", "2"), ("bob", "1")] {
        world.updates(device, "lift", &[("priority", number), ("floor", number)]);
        world.updates(device, "shop", &[("rating", number)]);
    }
    world.all_sync();
    assert_eq!(world.shows("lift", "priority"), "2", "max, by the type");
    assert_eq!(
        world.shows("lift", "floor"),
        "1",
        "client-wins, by the field"
    );
    assert_eq!(
        world.shows("shop", "rating"),
        "2",
        "server-wins, by the organization"
    );
}
