//! What is refused, in which words, and what goes on regardless.

use super::lift;
use crate::world::World;
use cairn_model::{
    Action, Change, FieldId, Mutation, RecordId, SettleOutcome, TypeId, Value, Version, Write,
};
use cairn_projection::Code;

fn set(field: u16, value: Value) -> Change {
    Change::Update(vec![(FieldId(field), Write::Set(value))])
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Bob, who has everything, tries to change Ann's lift.
fn tries(change: impl FnOnce(&World) -> Change) -> World {
    let mut world = lift("flag", &[("title", "Old"), ("number", "7")]);
    let change = change(&world);
    world.changes("bob", "lift", change);
    world.uploads("bob");
    world
}

fn tries_on(edit: impl FnOnce(Mutation) -> Mutation) -> World {
    let mut world = lift("flag", &[("title", "Old")]);
    let mutation = edit(world.mutation("bob", "lift", set(1, text("New"))));
    world.edits("bob", vec![mutation]);
    world.uploads("bob");
    world
}

/// Every reason an edit can be refused for, and its words.
#[test]
fn every_refusal_says_what_is_wrong() {
    let nobody = RecordId([9; 16]);
    let stories: Vec<(Code, World, &str)> = vec![
        (
            Code::Malformed,
            tries_on(|mutation| Mutation {
                base: Version(1_000),
                ..mutation
            }),
            "It claims to build on operation 1000, which was not in the ledger.",
        ),
        (
            Code::TypeUnknown,
            tries_on(|mutation| Mutation {
                record_type: TypeId(77),
                ..mutation
            }),
            "There is no record type 77.",
        ),
        (
            Code::TypeMismatch,
            tries_on(|mutation| Mutation {
                record_type: TypeId(1),
                ..mutation
            }),
            "The record is not a account.",
        ),
        (
            Code::RecordMissing,
            tries_on(|mutation| Mutation {
                record: nobody,
                ..mutation
            }),
            "There is no such order.",
        ),
        (
            Code::RecordExists,
            tries(|_| Change::Create(Vec::new())),
            "This order exists already.",
        ),
        (
            Code::RecordAlive,
            tries(|_| Change::Restore),
            "This order is not deleted.",
        ),
        (
            Code::FieldUnknown,
            tries(|_| set(99, text("?"))),
            "order has no field 99.",
        ),
        (
            Code::ValueInvalid,
            tries(|_| set(4, Value::Integer(10))),
            "priority: 10 is above the largest possible, 9.",
        ),
        (
            Code::ValueInvalid,
            tries(|_| set(1, Value::Boolean(true))),
            "title: `yes` is not a text value.",
        ),
        (
            Code::ValueInvalid,
            tries(|_| set(1, text(&"x".repeat(101)))),
            "title: the text has 101 characters; at most 100 are possible.",
        ),
        (
            Code::ValueInvalid,
            tries(|_| set(9, Value::Choice("lost".to_owned()))),
            "status: `lost` is not one of open, done, billed.",
        ),
        (
            Code::ValueInvalid,
            tries(|_| Change::Update(vec![(FieldId(15), Write::Clear)])),
            "visits: the write is not one of a counter value.",
        ),
        (
            Code::LookupMissing,
            tries(|_| set(12, Value::Lookup(nobody))),
            "account: the record 09090909-0909-0909-0909-090909090909 it points at is not there.",
        ),
        (
            Code::ValueInvalid,
            tries(|world| set(12, Value::Lookup(world.id("lift")))),
            "account: it cannot point at a order.",
        ),
        (
            Code::DocumentInvalid,
            tries(|_| Change::Update(vec![(FieldId(17), Write::Merge(b"scribble".to_vec()))])),
            "note: the edit cannot be read as a change of this document: ",
        ),
        (
            Code::NothingToResolve,
            tries(|_| Change::Resolve {
                fields: Vec::new(),
                keep: Some(true),
            }),
            "There is no open conflict on what was resolved.",
        ),
    ];
    for (code, world, words) in stories {
        let issue = world
            .state
            .issues()
            .last()
            .unwrap_or_else(|| panic!("{code:?} was let in"));
        assert_eq!(issue.code, code, "{}", issue.what);
        assert!(issue.what.starts_with(words), "{}", issue.what);
        assert_eq!((issue.user.as_str(), issue.is_open()), ("bob", true));
    }
}

#[test]
fn somebody_who_may_only_read_may_still_follow() {
    let mut world = lift("flag", &[]);
    world.enrols("eve", "eve");
    world.updates("eve", "lift", &[("title", "Eve's")]);
    world.changes("eve", "lift", Change::Follow);
    assert_eq!(world.syncs("eve"), ["privilege.denied", "admitted"]);
    assert_eq!(
        world.state.issues()[0].what,
        "eve may read records but not change them."
    );
    assert_eq!(
        world.state.follows("eve").collect::<Vec<_>>(),
        [world.id("lift")]
    );
    world.changes("eve", "lift", Change::Unfollow);
    world.syncs("eve");
    assert_eq!(world.state.follows("eve").count(), 0);
}

#[test]
fn required_fields_stay_filled() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "shop", "account", &[]);
    assert_eq!(world.syncs("ann"), ["value.required"]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.updates("ann", "shop", &[("name", "")]);
    assert_eq!(world.syncs("ann"), ["admitted", "value.required"]);
    assert_eq!(world.state.issues()[1].what, "name must not be empty.");
    assert_eq!(world.shows("shop", "rating"), "3", "the default");
}

#[test]
fn editing_a_record_one_knows_to_be_deleted_is_refused() {
    let mut world = lift("flag", &[]);
    world.deletes("ann", "lift");
    world.all_sync();
    let mutation = world.update("bob", "lift", &[("title", "New")]);
    world.edits("bob", vec![mutation]);
    assert_eq!(world.syncs("bob"), ["record.deleted"]);
}

#[test]
fn an_alternate_key_taken_twice_is_the_second_ones_issue() {
    let mut world = World::of("flag", &["ann", "bob"]);
    world.creates(
        "ann",
        "lift",
        "order",
        &[("number", "7"), ("title", "Ann's")],
    );
    world.creates(
        "bob",
        "ramp",
        "order",
        &[("number", "7"), ("title", "Bob's")],
    );
    assert_eq!(world.all_sync(), ["admitted", "key.taken"]);
    assert_eq!(world.issues(), ["bob key.taken ramp"]);
    let holder = world.id("lift");
    let what = format!("Another order has number 7 already: record {holder}.");
    assert_eq!(world.state.issues()[0].what, what);
    assert_eq!(world.state.issues()[0].field, Some(FieldId(19)));
    let held = world
        .state
        .record_with_key(TypeId(2), cairn_model::KeyId(1), vec![text("7")]);
    assert_eq!(held, Some(holder));
}

#[test]
fn a_key_of_two_fields_is_taken_only_as_a_whole() {
    let mut world = World::of("flag", &["ann"]);
    let place = [("due", "2026-05-04"), ("floor", "1")];
    world.creates("ann", "lift", "order", &place);
    world.creates(
        "ann",
        "ramp",
        "order",
        &[("due", "2026-05-04"), ("floor", "2")],
    );
    world.creates("ann", "stairs", "order", &[("due", "2026-05-04")]);
    world.creates("ann", "again", "order", &place);
    assert_eq!(
        world.all_sync(),
        ["admitted", "admitted", "admitted", "key.taken"]
    );
    world.updates("ann", "stairs", &[("floor", "1")]);
    world.updates("ann", "lift", &[("floor", "3")]);
    world.creates("ann", "again", "order", &place);
    assert_eq!(world.all_sync(), ["key.taken", "admitted", "admitted"]);
}

#[test]
fn one_operation_may_not_give_one_key_to_two_records() {
    let mut world = lift("flag", &[("number", "7")]);
    world.creates("bob", "ramp", "order", &[("number", "8")]);
    world.all_sync();
    let twice = vec![
        world.update("bob", "lift", &[("number", "9")]),
        world.update("bob", "ramp", &[("number", "9")]),
    ];
    world.edits("bob", twice);
    assert_eq!(world.all_sync(), ["key.taken"]);
    assert_eq!(
        [world.shows("lift", "number"), world.shows("ramp", "number")],
        ["7", "8"]
    );
}

#[test]
fn merging_two_accounts_is_one_operation() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.creates("ann", "store", "account", &[("name", "Store")]);
    world.creates("ann", "lift", "order", &[("account", "shop")]);
    world.all_sync();
    let merge = vec![
        world.update("ann", "lift", &[("account", "store")]),
        world.mutation("ann", "shop", Change::Delete),
    ];
    world.edits("ann", merge);
    assert_eq!(world.all_sync(), ["admitted"]);
    assert!(!world.is_alive("shop") && world.is_alive("lift"));
}

#[test]
fn an_operation_is_applied_whole_or_not_at_all() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.creates("bob", "ramp", "order", &[("title", "Ramp")]);
    world.all_sync();
    let before = world.state.digest();
    let both = vec![
        world.update("bob", "lift", &[("title", "New")]),
        world.mutation("bob", "ramp", set(4, Value::Integer(10))),
    ];
    world.edits("bob", both);
    assert_eq!(world.all_sync(), ["value.invalid"]);
    assert_eq!(world.state.digest(), before);
    assert_eq!(world.issues(), ["bob value.invalid priority of ramp"]);
}

#[test]
fn what_depends_on_a_refused_change_is_filed_under_it_and_all_else_flows() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.creates("bob", "shop", "account", &[]);
    world.updates("bob", "shop", &[("rating", "1")]);
    world.updates("bob", "lift", &[("title", "New")]);
    world.deletes("bob", "shop");
    world.creates("bob", "ramp", "order", &[("title", "Ramp")]);
    let outcomes = world.syncs("bob");
    assert_eq!(
        outcomes,
        [
            "value.required",
            "dependent",
            "admitted",
            "dependent",
            "admitted"
        ]
    );
    assert_eq!(world.issues(), ["bob value.required shop +2"]);
    let issue = &world.state.issues()[0];
    for dependent in &issue.dependents {
        assert_eq!(world.state.issue_of(dependent.version), Some(issue));
        assert_eq!(
            world.state.verdict(dependent.version).rejected,
            Some(Code::Dependent)
        );
        assert!(!dependent.payload.is_empty());
    }
}

#[test]
fn a_device_that_has_seen_the_refusal_goes_on() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.changes("bob", "lift", set(4, Value::Integer(10)));
    world.updates("bob", "lift", &[("title", "Too early")]);
    assert_eq!(world.syncs("bob"), ["value.invalid", "dependent"]);
    world.updates("bob", "lift", &[("title", "New")]);
    assert_eq!(world.syncs("bob"), ["admitted"]);
}

#[test]
fn a_device_that_settled_the_refusal_goes_on_before_it_has_seen_anything_else() {
    for outcome in [SettleOutcome::Discarded, SettleOutcome::Resubmitted] {
        let mut world = lift("flag", &[("title", "Old")]);
        world.changes("bob", "lift", set(4, Value::Integer(10)));
        assert_eq!(world.uploads("bob"), ["value.invalid"]);
        world.settles("bob", 1, outcome);
        world.updates("bob", "lift", &[("priority", "9")]);
        assert_eq!(world.uploads("bob"), ["admitted", "admitted"]);
        assert_eq!(
            world.issues(),
            ["bob value.invalid priority of lift settled"]
        );
        assert_eq!(
            world.state.issues()[0].settled.map(|(how, _)| how),
            Some(outcome)
        );
    }
}

#[test]
fn an_issue_is_settled_by_its_author_from_any_device() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.enrols("bob's tablet", "bob");
    world.changes("bob", "lift", set(4, Value::Integer(10)));
    world.uploads("bob");
    world.settles("ann", 1, SettleOutcome::Discarded);
    assert_eq!(world.uploads("ann"), ["issue.unknown"]);
    assert!(
        world.state.issues()[1]
            .what
            .starts_with("There is no issue of ann's about operation")
    );
    world.settles("bob's tablet", 1, SettleOutcome::Discarded);
    assert_eq!(world.uploads("bob's tablet"), ["admitted"]);
    assert!(!world.state.issues()[0].is_open());
}

/// What depends on a settled issue must not disappear in it.
#[test]
fn work_that_arrives_after_its_issue_was_settled_elsewhere_raises_another() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.enrols("bob's tablet", "bob");
    world.changes("bob", "lift", set(4, Value::Integer(10)));
    world.updates("bob", "lift", &[("title", "Made offline")]);
    let late = world
        .devices
        .get_mut("bob")
        .expect("bob")
        .unsent
        .pop()
        .expect("the update");
    world.uploads("bob");
    world.settles("bob's tablet", 1, SettleOutcome::Discarded);
    world.uploads("bob's tablet");
    world.devices.get_mut("bob").expect("bob").unsent.push(late);
    assert_eq!(world.uploads("bob"), ["dependent"]);
    let issues = [
        "bob value.invalid priority of lift settled",
        "bob dependent lift",
    ];
    assert_eq!(world.issues(), issues);
}

#[test]
fn a_superseded_write_is_resubmitted_on_a_fresh_base() {
    let mut world = lift("server-wins", &[("title", "Old")]);
    world.updates("ann", "lift", &[("title", "Ann's")]);
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.all_sync();
    world.updates("bob", "lift", &[("title", "Bob's")]);
    world.settles("bob", 1, SettleOutcome::Resubmitted);
    assert_eq!(world.all_sync(), ["admitted", "admitted"]);
    assert_eq!(world.shows("lift", "title"), "Bob's");
    assert_eq!(
        world.issues(),
        ["bob conflict.superseded title of lift settled"]
    );
}

#[test]
fn an_edit_names_between_one_and_many_records() {
    let mut world = lift("flag", &[]);
    world.edits("bob", Vec::new());
    assert_eq!(world.syncs("bob"), ["limit.exceeded"]);
    let mutation = world.update("bob", "lift", &[("title", "New")]);
    world.edits("bob", vec![mutation; 257]);
    assert_eq!(world.syncs("bob"), ["limit.exceeded"]);
    assert_eq!(
        world.state.issues()[1].what,
        "The change touches 257 records; 1 to 256 are possible."
    );
}

#[test]
fn a_record_created_and_used_in_one_operation() {
    let mut world = World::of("flag", &["ann"]);
    world.creates("ann", "shop", "account", &[("name", "Shop")]);
    world.creates("ann", "lift", "order", &[("account", "shop")]);
    let device = world.devices.get_mut("ann").expect("ann");
    let operations: Vec<_> = device.unsent.drain(..).collect();
    let mutations: Vec<Mutation> = operations
        .iter()
        .flat_map(|operation| operation.mutations().to_vec())
        .collect();
    world.acts("ann", Action::Edit(mutations));
    assert_eq!(world.all_sync(), ["admitted"]);
    assert!(world.is_alive("lift"));
}
