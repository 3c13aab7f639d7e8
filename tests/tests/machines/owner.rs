//! Whose a record is that somebody creates.

use crate::world::World;
use cairn_agent::{FieldEdit, RecordEditKind};
use cairn_model::{Definition, RecordId, Value, Write};

fn text(text: &str) -> FieldEdit {
    FieldEdit::Write(Write::Set(Value::Text(text.to_owned())))
}

/// An account that device 0 creates, with its owner written so.
fn account(world: &mut World, owner: Option<Write>) -> RecordId {
    let mut fields = vec![(world.field("account", "name"), text("Shop"))];
    let field = world.field("account", "owner");
    fields.extend(owner.map(|write| (field, FieldEdit::Write(write))));
    world.edit(0, None, "account", RecordEditKind::Create(fields))
}

fn user(login: &str) -> Value {
    Value::Lookup(Definition::user_record(login))
}

#[test]
fn a_new_record_is_its_creators_unless_somebody_is_named() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let own = account(&mut world, None);
    let others = account(&mut world, Some(Write::Set(user("user1"))));
    let nobodys = account(&mut world, Some(Write::Clear));
    let product = vec![
        (world.field("product", "number"), text("1")),
        (world.field("product", "name"), text("Pump")),
    ];
    let unowned = world.edit(0, None, "product", RecordEditKind::Create(product));
    let field = world.field("account", "owner");
    let shown = |world: &World, record| world.shown(0, record).unwrap().value(field).cloned();
    assert_eq!(shown(&world, own), Some(user("user0")), "before any sync");
    world.sync_all();
    assert_eq!(shown(&world, own), Some(user("user0")));
    assert_eq!(shown(&world, others), Some(user("user1")));
    assert_eq!(shown(&world, nobodys), None);
    assert_eq!(
        world.shown(0, unowned).unwrap().fields.len(),
        2 + defaults(&world)
    );
    world.assert_agreed();
}

/// How many fields of a product have a value from the start.
fn defaults(world: &World) -> usize {
    let definition = world.relay.state().definition();
    let product = definition.type_named("product").unwrap();
    let with_default = product
        .live_fields()
        .filter(|field| field.default.is_some());
    with_default.count()
}

#[test]
fn a_child_that_is_there_keeps_its_owner() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let child = RecordId::derive(b"parent", "child");
    let fields = |world: &World| vec![(world.field("account", "name"), text("Shop"))];
    for device in [0, 1] {
        let fields = fields(&world);
        world.edit(
            device,
            Some(child),
            "account",
            RecordEditKind::Create(fields),
        );
        world.sync_all();
    }
    let field = world.field("account", "owner");
    assert_eq!(
        world.shown(1, child).unwrap().value(field),
        Some(&user("user0"))
    );
}
