//! The organization's definition changes while people are offline.

use super::lift;
use crate::world::World;
use crate::world::organization::{field, field_mut, organization, type_mut};
use cairn_model::{Action, Definition, FieldId, Granularity, Kind, OnDelete, TypeId, User, Value};

#[test]
fn an_added_field_is_there_for_everybody_who_has_heard_of_it() {
    let mut world = lift("flag", &[("title", "Old")]);
    let add = |next: &mut Definition| {
        type_mut(next, "order")
            .fields
            .insert(FieldId(21), field(21, "seal", Kind::text()));
    };
    assert_eq!(world.publishes(add), "admitted");
    world.updates("ann", "lift", &[("title", "Made under the old one")]);
    world.pulls("bob");
    world.updates("bob", "lift", &[("seal", "4711")]);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    assert_eq!(world.shows("lift", "seal"), "4711");
    assert_eq!(world.state.definition().number, 2);
}

#[test]
fn a_renamed_field_keeps_its_values_and_edits_under_the_old_name() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "New")]);
    world.publishes(|next| field_mut(next, "order", "title").name = "heading".to_owned());
    assert_eq!(world.all_sync(), ["admitted"]);
    assert_eq!(world.shows("lift", "heading"), "New");
}

#[test]
fn a_write_to_a_retired_field_is_kept_aside() {
    let mut world = lift("flag", &[("title", "Old"), ("priority", "1")]);
    world.updates("ann", "lift", &[("title", "New"), ("priority", "2")]);
    world.publishes(|next| field_mut(next, "order", "priority").retired = true);
    assert_eq!(world.all_sync(), ["admitted"]);
    assert_eq!(
        world.shows("lift", "title"),
        "New",
        "the rest of the change applies"
    );
    assert_eq!(world.shows("lift", "priority"), "1");
    let history = world.state.history(world.id("lift")).expect("a memory");
    assert_eq!(history.aside, [(world.state.version(), FieldId(4))]);
    assert_eq!(history.touched.last(), Some(&world.state.version()));
    world.publishes(|next| field_mut(next, "order", "priority").retired = false);
    assert_eq!(
        world.shows("lift", "priority"),
        "1",
        "what it showed is there again"
    );
}

#[test]
fn a_retired_type_takes_no_new_records() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.creates("ann", "ramp", "order", &[]);
    world.updates("bob", "lift", &[("title", "New")]);
    let retire = |next: &mut Definition| {
        type_mut(next, "order").retired = true;
        field_mut(next, "part", "fits").retired = true;
    };
    assert_eq!(world.publishes(retire), "admitted");
    assert_eq!(world.all_sync(), ["type.unknown", "admitted"]);
    assert_eq!(world.state.issues()[0].what, "order takes no new records.");
}

#[test]
fn a_retired_lookup_holds_nothing() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.creates("ann", "lift", "order", &[("account", "shop")]);
    world.all_sync();
    world.publishes(|next| field_mut(next, "order", "account").retired = true);
    world.all_sync();
    world.deletes("ann", "shop");
    assert_eq!(world.all_sync(), ["admitted"]);
}

#[test]
fn a_widened_field_takes_what_was_written_before_and_meanwhile() {
    let mut world = lift(
        "flag",
        &[("priority", "5"), ("hours", "1.5"), ("status", "open")],
    );
    world.updates(
        "ann",
        "lift",
        &[("priority", "7"), ("hours", "2.5"), ("status", "done")],
    );
    let widen = |next: &mut Definition| {
        field_mut(next, "order", "priority").kind = Kind::decimal();
        field_mut(next, "order", "hours").kind = Kind::text();
        field_mut(next, "order", "status").kind = Kind::text();
    };
    assert_eq!(world.publishes(widen), "admitted");
    world.pulls("bob");
    assert_eq!(world.shows("lift", "priority"), "5");
    assert_eq!(
        world.record("lift").value(FieldId(5)),
        Some(&Value::Text("1.5".to_owned()))
    );
    world.updates(
        "bob",
        "lift",
        &[("priority", "7.00"), ("hours", "2.5"), ("status", "done")],
    );
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    assert_eq!(
        world.record("lift").value(FieldId(9)),
        Some(&Value::Text("done".to_owned()))
    );
    assert!(
        world.journal().is_empty(),
        "7 and 7.00 are the same: {:?}",
        world.journal()
    );
}

#[test]
fn a_field_does_not_narrow() {
    let mut world = lift("flag", &[]);
    let narrow = |next: &mut Definition| field_mut(next, "order", "title").kind = Kind::integer();
    assert_eq!(world.publishes(narrow), "definition.refused");
    let what = &world.state.issues()[0].what;
    assert!(what.contains("only widening is possible"), "{what}");
    assert_eq!(world.state.definition().number, 1);
}

#[test]
fn a_definition_with_faults_or_an_unknown_policy_is_refused() {
    let mut world = lift("flag", &[]);
    let nameless = |next: &mut Definition| next.name = String::new();
    assert_eq!(world.publishes(nameless), "definition.refused");
    let guesses = |next: &mut Definition| next.policy = "newest-first".to_owned();
    assert_eq!(world.publishes(guesses), "definition.refused");
    assert_eq!(
        world.state.issues()[1].what,
        "There is no conflict policy `newest-first`."
    );
}

#[test]
fn who_publishes_on_an_old_definition_must_look_again() {
    let mut world = lift("flag", &[]);
    let stale = Action::Publish {
        base: 0,
        changes: Vec::new(),
        more: false,
    };
    assert_eq!(world.administers(stale), "definition.refused");
}

#[test]
fn a_definition_published_in_parts_takes_effect_whole() {
    let mut world = World::new(Definition {
        name: "Small".to_owned(),
        ..organization("flag", Granularity::Field)
    });
    let current = world.state.definition().clone();
    let mut next = (*current).clone();
    next.policy = "server-wins".to_owned();
    field_mut(&mut next, "order", "title").label = "Heading".to_owned();
    let changes = current.changes_to(&next);
    assert_eq!(changes.len(), 2);
    for (number, change) in changes.iter().enumerate() {
        assert_eq!(*world.state.definition(), current);
        let more = number == 0;
        let part = Action::Publish {
            base: 1,
            changes: vec![change.clone()],
            more,
        };
        assert_eq!(world.administers(part), "admitted");
    }
    assert_eq!(world.state.definition().policy, "server-wins");
    assert_eq!(world.state.definition().number, 2);
}

#[test]
fn a_definition_nobody_published_is_unknown_and_what_follows_depends_on_it() {
    let mut world = lift("flag", &[]);
    world.devices.get_mut("bob").expect("bob").definition.number = 9;
    world.creates("bob", "ramp", "order", &[]);
    world.devices.get_mut("bob").expect("bob").definition.number = 1;
    world.updates("bob", "ramp", &[("title", "Ramp")]);
    assert_eq!(world.uploads("bob"), ["definition.unknown", "dependent"]);
    assert_eq!(
        world.state.issues()[0].what,
        "The change was made under definition 9, but the newest published one is 1."
    );
}

#[test]
fn what_became_required_meanwhile_is_not_held_against_the_absent() {
    let mut world = lift("flag", &[]);
    world.creates("ann", "ramp", "order", &[("floor", "1")]);
    world.publishes(|next| field_mut(next, "order", "title").required = true);
    world.pulls("bob");
    world.creates("bob", "stairs", "order", &[("floor", "2")]);
    assert_eq!(world.all_sync(), ["admitted", "value.required"]);
    world.publishes(|next| field_mut(next, "order", "title").required = false);
    world.all_sync();
    world.creates("bob", "stairs", "order", &[("floor", "2")]);
    assert_eq!(world.all_sync(), ["admitted"]);
}

#[test]
fn another_policy_holds_from_its_publication_on() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "A")]);
    world.updates("bob", "lift", &[("title", "B")]);
    world.all_sync();
    world.publishes(|next| next.policy = "client-wins".to_owned());
    assert!(
        world.record("lift").in_conflict(),
        "what is open stays open"
    );
    world.updates("cho", "lift", &[("title", "C")]);
    world.syncs("cho");
    let journal = [
        "title of lift, was Old: ann A | bob B; A shows, overwritten",
        "title of lift, was Old: ann A | bob B | cho C; C shows, superseded",
    ];
    // Cho has seen neither.
    world.devices.get_mut("cho").expect("cho").cursor = world.state.version();
    assert_eq!(
        world.journal().len(),
        1,
        "Cho had seen both: {:?}",
        world.journal()
    );
    assert!(world.journal()[0].ends_with("overwritten"));

    let mut world = lift("flag", &[("title", "Old")]);
    for (device, title) in [("ann", "A"), ("bob", "B")] {
        world.updates(device, "lift", &[("title", title)]);
        world.uploads(device);
    }
    world.publishes(|next| next.policy = "client-wins".to_owned());
    world.updates("cho", "lift", &[("title", "C")]);
    world.uploads("cho");
    assert_eq!(world.journal(), journal);
    world.pulls("ann");
}

#[test]
fn users_and_teams_are_records_that_lookups_can_point_at() {
    let mut world = World::of("flag", &["ann"]);
    let ann = Definition::user_record("ann");
    world.calls("user ann", ann);
    world.calls("lifts", Definition::team_record("lifts"));
    assert_eq!(world.shows("user ann", "name"), "ANN");
    assert_eq!(world.shows("user ann", "email"), "ann@lift.example");
    assert_eq!(world.shows("lifts", "name"), "Lifts");
    let owner = Kind::Lookup {
        targets: [TypeId(4)].into(),
        on_delete: OnDelete::Restrict,
    };
    world.publishes(|next| {
        type_mut(next, "order")
            .fields
            .insert(FieldId(30), field(30, "owner", owner));
    });
    world.pulls("ann");
    world.creates("ann", "lift", "order", &[("owner", "user ann")]);
    assert_eq!(world.all_sync(), ["admitted"]);
    let version = world.record("user ann").version;
    world.publishes(|next| {
        let ann = next.users.get_mut("ann").expect("ann");
        ann.name = "Ann Lee".to_owned();
        ann.email = None;
        next.users.insert("flo".to_owned(), User::new("Flo"));
    });
    world.pulls("ann");
    world.calls("user flo", Definition::user_record("flo"));
    assert_eq!(world.shows("user ann", "name"), "Ann Lee");
    assert_eq!(world.shows("user ann", "email"), "");
    assert_eq!(world.shows("user flo", "name"), "Flo");
    assert!(world.record("user ann").version > version);
}

#[test]
fn the_definition_decides_what_a_mirrored_record_reads() {
    let mut world = World::of("flag", &["ann", "bob"]);
    world.calls("user ann", Definition::user_record("ann"));
    world.updates("ann", "user ann", &[("name", "Annie")]);
    world.updates("bob", "user ann", &[("name", "Anna")]);
    world.all_sync();
    assert!(world.record("user ann").in_conflict());
    world.publishes(|next| next.users.get_mut("ann").expect("ann").name = "Ann Lee".to_owned());
    assert_eq!(world.shows("user ann", "name"), "Ann Lee");
    assert!(!world.record("user ann").in_conflict());
    assert_eq!(
        world.journal(),
        ["name of user ann, was ANN: ann Annie | bob Anna; Annie shows, overwritten"]
    );
}

#[test]
fn a_user_who_is_removed_can_no_longer_edit() {
    let mut world = lift("flag", &[]);
    world.updates("cho", "lift", &[("title", "Cho's")]);
    world.publishes(|next| drop(next.users.remove("cho")));
    assert_eq!(world.uploads("cho"), ["privilege.denied"]);
    assert_eq!(world.state.issues()[0].what, "cho is no longer a user.");
}
