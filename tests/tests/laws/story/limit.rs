//! Everything that grows has an end, and says so.

use super::lift;
use crate::world::World;
use cairn_model::{Change, FieldId, Mutation, RecordId, Value, Version, Write};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{Batch, Durability, Storage};
use cairn_projection::page::Pages;
use cairn_projection::weight::RECORD_BYTES_MAX;

/// Nothing the fold keeps is too large for storage, which refuses long values.
fn fits_storage(world: &mut World) {
    let storage = MemoryStorage::new();
    let mut batch = Batch::default();
    world
        .state
        .checkpoint(&mut Pages::default(), &storage, &mut batch)
        .expect("memory");
    storage
        .commit(batch, Durability::Synced)
        .expect("no value is too large");
}

/// Text that does not compress.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    };
    (0..length).map(|_| draw()).collect()
}

#[test]
fn a_record_does_not_outgrow_a_value_of_the_store() {
    let mut world = lift("flag", &[]);
    let tags = |seed: u64| {
        let add = (0..3)
            .map(|n| Value::Text(noise(seed * 10 + n, 10_000)))
            .collect();
        Change::Update(vec![(
            FieldId(16),
            Write::Change {
                add,
                remove: [].into(),
            },
        )])
    };
    let mut outcomes = Vec::new();
    for seed in 0..4 {
        world.changes("bob", "lift", tags(seed));
        outcomes.extend(world.syncs("bob"));
    }
    assert_eq!(
        outcomes,
        ["admitted", "admitted", "limit.exceeded", "limit.exceeded"]
    );
    let what = &world.state.issues()[0].what;
    assert!(
        what.ends_with(&format!("at most {RECORD_BYTES_MAX} are possible.")),
        "{what}"
    );
    world.updates("bob", "lift", &[("title", "Still editable")]);
    assert_eq!(world.syncs("bob"), ["admitted"]);
    fits_storage(&mut world);
}

#[test]
fn a_full_record_can_still_replace_what_it_holds() {
    let mut world = lift("flag", &[]);
    world.publishes(|next| {
        let order = crate::world::organization::type_mut(next, "order");
        for id in 40..50 {
            let name = format!("text_{id}");
            let field = crate::world::organization::field(id, &name, cairn_model::Kind::text());
            order.fields.insert(FieldId(id), field);
        }
    });
    world.pulls("bob");
    for round in 0..20 {
        for id in 40..47 {
            let text = Value::Text(noise(round * 100 + u64::from(id), 10_000));
            let change = Change::Update(vec![(FieldId(id), Write::Set(text))]);
            world.changes("bob", "lift", change);
            assert_eq!(
                world.uploads("bob"),
                ["admitted"],
                "round {round}, field {id}"
            );
        }
        world.pulls("bob");
    }
    fits_storage(&mut world);
    let history = world.state.history(world.id("lift")).expect("a memory");
    assert!(history.touched.len() > 100);
}

#[test]
fn a_set_changes_by_so_many_elements_at_once() {
    let mut world = lift("flag", &[]);
    let add = (0..257).map(|n| Value::Text(n.to_string())).collect();
    let change = Write::Change {
        add,
        remove: [].into(),
    };
    world.changes("bob", "lift", Change::Update(vec![(FieldId(16), change)]));
    assert_eq!(world.syncs("bob"), ["limit.exceeded"]);
    assert_eq!(
        world.state.issues()[0].what,
        "tags: at most 256 elements change at once."
    );
}

#[test]
fn an_open_conflict_does_not_outgrow_the_store() {
    let mut world = lift("flag", &[]);
    world.updates("ann", "lift", &[("number", "1")]);
    world.uploads("ann");
    for round in 0..30 {
        let text = Value::Text(noise(round, 10_000));
        world.changes(
            "bob",
            "lift",
            Change::Update(vec![(FieldId(19), Write::Set(text))]),
        );
        assert_eq!(world.uploads("bob"), ["admitted"]);
    }
    assert_eq!(world.state.journal().len(), 1);
    assert_eq!(world.state.journal()[0].sides.len(), 2);
    fits_storage(&mut world);
}

#[test]
fn the_words_of_an_issue_stay_short() {
    let mut world = lift("server-wins", &[]);
    world.updates("ann", "lift", &[("number", "1")]);
    world.uploads("ann");
    let long = Value::Text(noise(1, 15_000));
    world.changes(
        "bob",
        "lift",
        Change::Update(vec![(FieldId(19), Write::Set(long.clone()))]),
    );
    world.uploads("bob");
    assert!(world.state.issues()[0].what.len() < 300);
    world.changes(
        "cho",
        "lift",
        Change::Update(vec![(FieldId(4), Write::Set(long))]),
    );
    world.uploads("cho");
    assert!(world.state.issues()[1].what.len() < 2_100);
    fits_storage(&mut world);
}

#[test]
fn an_issue_that_is_full_of_dependents_is_followed_by_another() {
    let mut world = lift("flag", &[]);
    world.changes("bob", "lift", Change::Create(Vec::new()));
    for seed in 0..10 {
        let text = Value::Text(noise(seed, 15_000));
        world.changes(
            "bob",
            "lift",
            Change::Update(vec![(FieldId(19), Write::Set(text))]),
        );
    }
    let unsent = std::mem::take(&mut world.devices.get_mut("bob").expect("bob").unsent);
    for operation in unsent {
        world
            .devices
            .get_mut("bob")
            .expect("bob")
            .unsent
            .push(operation);
        world.uploads("bob");
    }
    let issues = world.issues();
    assert_eq!(issues[0], "bob record.exists lift +3");
    assert!(
        issues.len() > 2
            && issues[1..]
                .iter()
                .all(|issue| issue.starts_with("bob dependent lift"))
    );
    let filed: usize = world
        .state
        .issues()
        .iter()
        .map(|issue| 1 + issue.dependents.len())
        .sum();
    assert_eq!(filed, 11, "each is in one issue");
    fits_storage(&mut world);
}

#[test]
fn a_long_chain_of_records_is_deleted_whole_and_a_longer_one_is_not() {
    for (length, outcome) in [(9_000, "admitted"), (10_500, "limit.exceeded")] {
        let mut world = World::of("client-wins", &["ann"]);
        let order = world.type_named("order").id;
        let id = |number: u64| RecordId::mint(number, [3; 10]);
        let numbers: Vec<u64> = (1..=length).collect();
        for chunk in numbers.chunks(256) {
            let create = |number: &u64| {
                let parent = (FieldId(13), Write::Set(Value::Lookup(id(number - 1))));
                let writes = if *number == 1 {
                    Vec::new()
                } else {
                    vec![parent]
                };
                let change = Change::Create(writes);
                Mutation {
                    record: id(*number),
                    record_type: order,
                    base: Version(0),
                    change,
                }
            };
            world.edits("ann", chunk.iter().map(create).collect());
            assert_eq!(world.uploads("ann"), ["admitted"]);
        }
        world.pulls("ann");
        world.calls("first", id(1));
        world.deletes("ann", "first");
        assert_eq!(world.uploads("ann"), [outcome], "{length}");
        let left = world
            .state
            .records()
            .filter(|r| r.record_type == order && r.is_alive())
            .count();
        assert_eq!(left as u64, if outcome == "admitted" { 0 } else { length });
    }
}
