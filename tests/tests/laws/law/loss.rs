//! No admitted write is neither visible, nor dominated, nor in the journal.

use super::holds;
use crate::history::{History, Spice, histories};
use crate::reference::{self, Made};
use crate::world::World;
use cairn_model::{Granularity, Kind, RecordId, Value, Version};
use cairn_projection::FieldState;
use std::collections::BTreeSet;

#[test]
fn nothing_is_lost_without_a_journal_entry() {
    let spice = Spice {
        publishes: true,
        wrongs: true,
    };
    holds(150, histories(70, spice), |history: History| {
        let world = history.happens();
        let writes = reference::writes(&world);
        let standing = reference::undominated(&writes);
        for made in standing {
            let found = is_visible(&world, made) || is_in_journal(&world, made);
            assert!(found || is_excused(&world, made), "lost: {made:?}");
        }
    });
}

fn is_visible(world: &World, made: &Made) -> bool {
    let record = world.state.record(made.record).expect("it was written");
    let Some(field) = made.field else {
        return made.value() == Some(Some(Value::Boolean(record.is_alive())));
    };
    let kind = &world.state.definition().types[&record.record_type].fields[&field].kind;
    match (record.field(field), made.value()) {
        (Some(FieldState::Register(register)), Some(value)) => {
            register.value() == value.map(|value| kind.widened(value)).as_ref()
        }
        // The other laws see to what merges.
        (_, None) => true,
        _ => false,
    }
}

fn is_in_journal(world: &World, made: &Made) -> bool {
    world.state.journal().iter().any(|entry| {
        let about_it =
            entry.record == made.record && (entry.field == made.field || entry.field.is_none());
        about_it && entry.sides.iter().any(|side| side.version == made.version)
    })
}

/// A lookup that its target's deletion emptied, and a field that was retired
/// when the write arrived.
fn is_excused(world: &World, made: &Made) -> bool {
    let history = world.state.history(made.record).expect("it was written");
    let aside = |field| history.aside.contains(&(made.version, field));
    match (&made.value(), made.field) {
        (Some(Some(Value::Lookup(target))), _) => was_deleted(world, *target),
        (_, Some(field)) => aside(field),
        (_, None) => was_cascaded(world, made),
    }
}

fn was_deleted(world: &World, record: RecordId) -> bool {
    let deletes =
        |made: &Made| made.field.is_none() && made.value() == Some(Some(Value::Boolean(false)));
    let directly = reference::writes(world)
        .iter()
        .any(|made| made.record == record && deletes(made));
    directly
        || world
            .state
            .record(record)
            .is_some_and(|record| !record.is_alive())
}

/// A record that went with another: its life was written by an operation that
/// names only the other.
fn was_cascaded(world: &World, made: &Made) -> bool {
    let record = world.state.record(made.record).expect("it was written");
    let own: BTreeSet<Version> = reference::writes(world)
        .iter()
        .filter(|other| other.record == made.record)
        .map(|other| other.version)
        .collect();
    record
        .life
        .writes
        .iter()
        .any(|write| !own.contains(&write.version))
}

#[test]
fn candidates_are_the_undominated_writes() {
    let plain = Spice {
        publishes: false,
        wrongs: true,
    };
    holds(100, histories(60, plain), |mut history: History| {
        history.granularity = Granularity::Field;
        if ["client-wins", "server-wins"].contains(&history.policy) {
            history.policy = "flag";
        }
        let world = history.happens();
        let writes = reference::writes(&world);
        for record in world.state.records() {
            let record_type = &world.state.definition().types[&record.record_type];
            let is_plain = |kind: &Kind| kind.is_register() && !matches!(kind, Kind::Lookup { .. });
            for field in record_type
                .fields
                .values()
                .filter(|field| is_plain(&field.kind))
            {
                let of_field: Vec<Made> = writes
                    .iter()
                    .filter(|made| (made.record, made.field) == (record.id, Some(field.id)))
                    .cloned()
                    .collect();
                let expected: BTreeSet<Version> = reference::undominated(&of_field)
                    .iter()
                    .map(|made| made.version)
                    .collect();
                let Some(FieldState::Register(register)) = record.field(field.id) else {
                    assert!(expected.is_empty());
                    continue;
                };
                let standing: BTreeSet<Version> =
                    register.writes.iter().map(|write| write.version).collect();
                let defaults = BTreeSet::from([Version(0)]);
                if of_field.is_empty() && !standing.is_empty() {
                    let mirrored = standing.iter().all(|v| v.0 == 0 || *v == record.created);
                    assert!(standing == defaults || mirrored);
                } else {
                    assert_eq!(standing, expected, "{} of {}", field.name, record.id);
                }
            }
        }
    });
}
