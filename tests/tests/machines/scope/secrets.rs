//! What may not be seen travels nowhere: not in records, not in what is said
//! about them, not in their history.

use super::{members, user, with_roles};
use crate::world::World;
use cairn_agent::{Reply, Request};
use cairn_model::definition::FieldSecurity;
use cairn_model::{Definition, FieldId, RecordId, Value, Version, Write};
use cairn_oplog::Parsed;
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_relay::Reader;

/// Everybody may read accounts; their phone is secured, and only the last user
/// is let at it.
fn secured(policy: &str) -> Definition {
    let mut definition = with_roles(policy, 3);
    let account = definition.type_named("account").unwrap().id;
    let worker = definition.roles.get_mut("worker").unwrap();
    worker.types.clear();
    let phone = definition.type_named("account").unwrap();
    let phone = phone.field_named("phone").unwrap().id;
    let of_type = definition.types.get_mut(&account).unwrap();
    of_type.fields.get_mut(&phone).unwrap().secured = true;
    let security = FieldSecurity {
        label: "Phones".to_owned(),
        members: members(&[2]),
        read: [(account, phone)].into(),
        update: [(account, phone)].into(),
    };
    definition
        .field_security
        .insert("phones".to_owned(), security);
    definition
}

fn phone(world: &World) -> FieldId {
    world.field("account", "phone")
}

fn set_text(text: &str) -> Write {
    Write::Set(Value::Text(text.to_owned()))
}

/// What the operations that a reader is sent of a record's history write.
fn written(world: &World, record: RecordId, reader: Reader<'_>) -> Vec<Write> {
    let entries = world.relay.history_entries(record, Version(0), reader);
    let (entries, last) = entries.unwrap();
    assert!(last);
    let slots = entries.iter().flat_map(|entry| {
        let parsed = Parsed::parse(entry.bundle.as_slice()).unwrap();
        let log = parsed.log();
        let devices = world.relay.state().devices();
        let known = devices
            .iter()
            .find(|device| device.key.device() == log.device);
        let key = known.map_or(world.relay.key(), |device| device.key);
        let bundle = parsed.verify(&crate::world::ORGANIZATION, &key);
        bundle.expect("it is signed").slots().to_vec()
    });
    let operations = slots.filter_map(|slot| match slot {
        Slot::Whole(bytes) => Some(decode_operation(&bytes).unwrap()),
        Slot::Withheld(_) => None,
    });
    operations
        .flat_map(|operation| {
            let mutations = operation.mutations().iter();
            let writes = mutations.flat_map(|mutation| mutation.change.writes().to_vec());
            writes.map(|(_, write)| write).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn a_secured_value_is_seen_by_those_who_may() {
    let mut world = World::of(&secured("flag"), 3);
    let record = world.account_of(1, "Elm Grove");
    world.sync_all();
    let phone = phone(&world);
    world.write(2, record, phone, set_text("0117"));
    assert_eq!(world.text(2, record, "phone").as_deref(), Some("0117"));
    assert_eq!(world.text(0, record, "phone"), None);
    world.assert_scoped();
    world.publish(|definition| {
        let phones = definition.field_security.get_mut("phones").unwrap();
        phones.members = members(&[0]);
    });
    world.run();
    assert_eq!(world.text(0, record, "phone").as_deref(), Some("0117"));
    assert_eq!(world.text(2, record, "phone"), None, "it was taken back");
    world.assert_scoped();
}

#[test]
fn a_history_shows_what_its_reader_may_see() {
    let mut world = World::of(&secured("flag"), 3);
    let record = world.account_of(1, "Elm Grove");
    world.sync_all();
    let phone = phone(&world);
    world.unlink(2);
    world.set(2, record, "city", "Bristol");
    world.write(2, record, phone, set_text("0117"));
    world.set(2, record, "city", "Bath");
    world.sync_all();
    let secret = set_text("0117");
    let all = written(&world, record, Reader::User("user2"));
    assert!(all.contains(&secret));
    assert_eq!(all, written(&world, record, Reader::Operator));
    let seen = written(&world, record, Reader::User("user0"));
    assert_eq!(seen.len(), all.len() - 1);
    assert!(seen.contains(&set_text("Bath")) && !seen.contains(&secret));
    assert!(written(&world, record, Reader::User("nobody")).is_empty());
    let Ok(Reply::History(entries)) = ask_history(&mut world, 0, record) else {
        panic!("the relay answers");
    };
    let bytes: Vec<u8> = entries.into_iter().flat_map(|entry| entry.bundle).collect();
    assert!(!bytes.windows(4).any(|part| part == b"0117"));
}

fn ask_history(
    world: &mut World,
    device: usize,
    record: RecordId,
) -> Result<Reply, cairn_agent::EditError> {
    world.ask(device, |reply| cairn_agent::Input::History {
        reply,
        record,
    })
}

#[test]
fn a_record_that_may_not_be_read_has_no_history() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(1, "Elm Grove");
    world.sync_all();
    assert!(written(&world, record, Reader::User("user0")).is_empty());
    assert!(!written(&world, record, Reader::User("user1")).is_empty());
}

#[test]
fn words_about_what_may_not_be_seen_any_more_are_forgotten() {
    let mut world = World::of(&with_roles("server-wins", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    world.set(2, record, "city", "Secret Falls");
    world.set(0, record, "city", "Bath");
    world.sync_all();
    let what = |world: &World| {
        let issue = world.devices[0].agent.issues().next().unwrap();
        (issue.what.clone(), issue.number)
    };
    assert!(
        what(&world).0.contains("Secret Falls"),
        "while it may be read"
    );
    world.assign(2, record, 1);
    assert!(
        !what(&world).0.contains("Secret Falls"),
        "{}",
        what(&world).0
    );
    // Another device of the user is told no more than that either.
    let other = world.add_device(9, "user0");
    world.sync_all();
    let issue = world.devices[other].agent.issues().next().unwrap();
    assert!(!issue.what.contains("Secret Falls"), "{}", issue.what);
    let number = issue.number;
    let discarded = world.request(0, Request::Discard { issue: number });
    assert!(discarded.is_ok());
}

#[test]
fn words_about_a_field_that_is_secured_now_are_forgotten() {
    let mut template = secured("server-wins");
    let phones = template.field_security.get_mut("phones").unwrap();
    phones.members = members(&[0, 2]);
    let mut world = World::of(&template, 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    let phone = phone(&world);
    world.write(2, record, phone, set_text("0117 secret"));
    world.write(0, record, phone, set_text("0118"));
    world.sync_all();
    let what = |world: &World| {
        let issue = world.devices[0].agent.issues().next().unwrap();
        issue.what.clone()
    };
    assert!(what(&world).contains("0117 secret"));
    world.publish(|definition| {
        let phones = definition.field_security.get_mut("phones").unwrap();
        phones.members = members(&[2]);
    });
    world.run();
    assert!(!what(&world).contains("0117 secret"), "{}", what(&world));
    let owner = world.field("account", "owner");
    assert_eq!(world.shown(0, record).unwrap().value(owner), Some(&user(0)));
    world.assert_scoped();
}
