//! A record's signed operations, folded once more, give the record.

use crate::world::{ORGANIZATION, World};
use cairn_agent::{FieldEdit, RecordEditKind};
use cairn_model::{Action, RecordId, Value, Version, Write};
use cairn_oplog::Parsed;
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_projection::replay::Replay;
use cairn_projection::{FieldState, Origin, Record};
use cairn_relay::Reader;

/// The record that its operations replay to, as the relay tells them.
fn replayed(world: &World, record: RecordId) -> Option<Record> {
    let state = world.relay.state();
    let devices: Vec<_> = state
        .devices()
        .iter()
        .map(|device| (device.key, device.user.clone()))
        .collect();
    let mut replay = Replay::new(
        ORGANIZATION,
        (**state.definition()).clone(),
        devices.clone(),
        record,
    );
    let (entries, last) = world
        .relay
        .history_entries(record, Version(0), Reader::Operator)
        .unwrap();
    assert!(last, "one answer holds it all");
    for entry in entries {
        let parsed = Parsed::parse(entry.bundle).unwrap();
        let author = state.author(&parsed.log().device).unwrap();
        let bundle = parsed
            .verify(&ORGANIZATION, &devices[author.0 as usize].0)
            .unwrap();
        for (offset, slot) in (0..).zip(bundle.slots()) {
            let Slot::Whole(bytes) = slot else { continue };
            let operation = decode_operation(bytes).unwrap();
            let version = Version(entry.first_version.0 + offset);
            let origin = Origin {
                version,
                author,
                generation: bundle.log().generation,
                sequence: bundle.first() + offset,
                time: operation.time,
                received: entry.received,
            };
            if state.verdict(version).rejected.is_some() {
                continue;
            }
            match &operation.action {
                Action::Edit(mutations) => replay.edit(mutations, &origin),
                Action::Publish { .. } => replay.publish(&origin),
                other => panic!("{other:?} touches no record"),
            }
        }
    }
    replay.record().cloned()
}

/// Conflicts are numbered over all records; one record's replay cannot know.
fn without_numbers(mut record: Record) -> Record {
    let fields = record
        .fields
        .iter_mut()
        .filter_map(|slot| match &mut slot.state {
            FieldState::Register(register) => Some(register),
            _ => None,
        });
    for register in fields.chain([&mut record.life]) {
        if let Some(open) = &mut register.open {
            open.number = 0;
        }
    }
    record
}

fn check(policy: &str) {
    let mut world = World::new(policy, 3);
    world.sync_all();
    let mill = world.create_account(0, "Mill", "A-1");
    let bakery = world.create_account(1, "Bakery", "A-2");
    let field = |world: &World, name: &str, write: Write| {
        (world.field("account", name), FieldEdit::Write(write))
    };
    let parent = field(&world, "parent", Write::Set(Value::Lookup(mill)));
    let about = (
        world.field("account", "about"),
        FieldEdit::Document("Ring twice".into()),
    );
    world.edit(
        1,
        Some(bakery),
        "account",
        RecordEditKind::Update(vec![parent, about]),
    );
    world.sync_all();
    (0..3).for_each(|device| world.unlink(device));
    for device in 0..3 {
        let tag = Value::Text(format!("tag {device}"));
        let tags = field(
            &world,
            "tags",
            Write::Change {
                add: [tag].into(),
                remove: Default::default(),
            },
        );
        let about = (
            world.field("account", "about"),
            FieldEdit::Document(format!("Ring {device} times").into()),
        );
        world.edit(
            device,
            Some(bakery),
            "account",
            RecordEditKind::Update(vec![tags, about]),
        );
        world.set(device, bakery, "phone", &device.to_string());
    }
    world.edit(2, Some(mill), "account", RecordEditKind::Delete);
    world.set(0, mill, "phone", "7");
    world.sync_all();
    world.edit(0, Some(bakery), "account", RecordEditKind::Delete);
    world.edit(0, Some(bakery), "account", RecordEditKind::Restore);
    world.sync_all();
    let records: Vec<Record> = world.relay.state().records().cloned().collect();
    assert!(records.len() > 2, "people have records too");
    for record in records {
        let again = replayed(&world, record.id).map(without_numbers);
        assert_eq!(again, Some(without_numbers(record)), "{policy}");
    }
}

#[test]
fn operations_replay_to_the_record_under_every_policy() {
    for policy in cairn_policy::ids() {
        check(policy);
    }
}
