//! First downloads: cut anywhere, and overtaken by what is published meanwhile.

use super::{accounts, members, mine, with_roles};
use crate::world::{World, definition};
use cairn_model::definition::Filter;
use cairn_model::{Value, Write};
use cairn_projection::page::PAGE_RECORDS_MAX;

/// A world whose relay has accounts for a few pages, and device 0 none of it.
fn many(template: &cairn_model::Definition, pages: usize) -> World {
    let mut world = World::of(template, 2);
    let names: Vec<String> = (0..PAGE_RECORDS_MAX * pages)
        .map(|n| format!("A {n}"))
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.accounts_of(0, &names[..names.len() / 2]);
    world.accounts_of(1, &names[names.len() / 2..]);
    world
}

#[test]
fn a_download_that_is_cut_after_each_message_goes_on_where_it_was() {
    let mut world = many(&definition("flag", 2), 8);
    let (mut before, mut cuts) = (0, 0_usize);
    while before < PAGE_RECORDS_MAX * 8 {
        world.link(0);
        world.run_steps(3 + cuts % 5);
        world.crash_device(0);
        let records = world.devices[0].agent.status().records;
        assert!(records >= before, "what came stays: {records} of {before}");
        before = records;
        cuts += 1;
        assert!(cuts < 40, "it comes to an end: {records}");
    }
    assert!(cuts > 3, "it was cut again and again");
    world.sync_all();
    world.assert_scoped();
}

#[test]
fn what_came_first_can_be_used_before_the_rest_is_there() {
    let mut world = many(&definition("flag", 2), 3);
    world.link(0);
    while world.devices[0].agent.status().records == 0 {
        world.run_steps(1);
    }
    assert!(world.devices[0].agent.status().downloading);
    let mut first = None;
    let visited = world.devices[0]
        .agent
        .visit(|record| first = first.or(Some(record.id)));
    visited.unwrap();
    world.unlink(0);
    let first = first.unwrap();
    world.set(0, first, "phone", "0117");
    assert_eq!(world.text(0, first, "phone").as_deref(), Some("0117"));
    world.sync_all();
    assert_eq!(world.text(1, first, "phone").as_deref(), Some("0117"));
    world.assert_scoped();
}

#[test]
fn a_profile_published_half_way_through_a_download_is_what_counts() {
    for rounds in 2..12 {
        let mut world = many(&definition("flag", 2), 3);
        world.link(0);
        world.run_steps(rounds);
        world.publish(|definition| {
            let profile = accounts(definition, mine(), &[0]);
            definition.profiles.insert("own".to_owned(), profile);
        });
        world.sync_all();
        let records = world.devices[0].agent.status().records;
        assert_eq!(records, PAGE_RECORDS_MAX * 3 / 2, "after {rounds} rounds");
        world.assert_scoped();
    }
}

#[test]
fn only_the_difference_of_two_profiles_is_sent() {
    let mut template = definition("flag", 2);
    let profile = accounts(&template, mine(), &[0]);
    template.profiles.insert("own".to_owned(), profile);
    let mut world = many(&template, 3);
    let more = world.account_of(1, "More");
    world.sync_all();
    let before = world.devices[0].records_received;
    world.publish(|definition| {
        let filter = "record.name == \"More\"".to_owned();
        let profile = accounts(definition, Filter::Where(filter), &[0]);
        definition.profiles.insert("more".to_owned(), profile);
    });
    world.run();
    assert!(world.holds(0, more));
    assert_eq!(world.devices[0].records_received - before, 1);
    world.assert_scoped();
}

#[test]
fn profiles_that_disagree_on_columns_give_those_of_either() {
    let mut template = definition("flag", 2);
    let field = |name: &str| {
        let account = template.type_named("account").unwrap();
        account.field_named(name).unwrap().id
    };
    let (name, phone, city) = (field("name"), field("phone"), field("city"));
    let mut one = accounts(&template, Filter::All, &[0]);
    let mut other = one.clone();
    let account = template.type_named("account").unwrap().id;
    one.types.get_mut(&account).unwrap().columns = Some([name, phone].into());
    other.types.get_mut(&account).unwrap().columns = Some([name, city].into());
    template.profiles.insert("one".to_owned(), one);
    template.profiles.insert("other".to_owned(), other);
    let mut world = World::of(&template, 2);
    let record = world.account_of(1, "Elm Grove");
    world.sync_all();
    for field in [phone, city, world.field("account", "fax")] {
        world.write(1, record, field, Write::Set(Value::Text("x".to_owned())));
    }
    let shown = |world: &World| {
        let record = world.shown(0, record).unwrap();
        let field = |id| record.value(id).is_some();
        (
            field(phone),
            field(city),
            field(world.field("account", "fax")),
        )
    };
    assert_eq!(shown(&world), (true, true, false));
    world.publish(|definition| {
        let other = definition.profiles.get_mut("other").unwrap();
        other.members = members(&[]);
    });
    world.run();
    assert_eq!(
        shown(&world),
        (true, false, false),
        "it went with its profile"
    );
    world.assert_scoped();
    world.publish(|definition| {
        definition.profiles.clear();
    });
    world.run();
    assert_eq!(shown(&world), (true, true, true), "everything came");
    world.assert_scoped();
}

#[test]
fn a_relay_that_starts_again_asks_what_its_devices_hold() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    let before = world.devices[0].records_received;
    world.crash_relay();
    world.sync_all();
    assert_eq!(
        world.devices[0].records_received, before,
        "nothing came again"
    );
    world.unlink(0);
    world.crash_relay();
    world.link(2);
    world.assign(2, record, 1);
    world.sync_all();
    assert!(!world.holds(0, record) && world.holds(1, record));
    world.assert_scoped();
}
