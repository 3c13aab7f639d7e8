//! Counters, sets and documents never conflict: they add up, keep what nobody
//! who had seen it removed, and contain everybody's typing.

use super::holds;
use crate::history::{History, Spice, histories};
use crate::reference;
use crate::world::World;
use cairn_model::{Action, FieldId, RecordId, Version, Write};
use cairn_projection::FieldState;
use std::collections::BTreeSet;

const SPICE: Spice = Spice {
    publishes: true,
    wrongs: true,
};

fn field(world: &World, record: RecordId, field: FieldId) -> Option<&FieldState> {
    world.state.record(record)?.field(field)
}

#[test]
fn a_counter_is_the_sum_of_admitted_additions() {
    holds(60, histories(70, SPICE), |history: History| {
        let world = history.happens();
        let writes = reference::writes(&world);
        for ((record, id), sum) in reference::sums(&world, &writes) {
            assert_eq!(field(&world, record, id), Some(&FieldState::Counter(sum)));
        }
    });
}

#[test]
fn a_set_holds_what_nobody_who_had_seen_it_removed() {
    holds(60, histories(70, SPICE), |history: History| {
        let world = history.happens();
        let writes = reference::writes(&world);
        for ((record, id), elements) in reference::elements(&world, &writes) {
            let Some(FieldState::Set(set)) = field(&world, record, id) else {
                panic!("a set was written");
            };
            assert_eq!(set.elements().cloned().collect::<BTreeSet<_>>(), elements);
        }
    });
}

#[test]
fn a_text_contains_everybodys_typing() {
    holds(60, histories(50, SPICE), |history: History| {
        let world = history.happens();
        let set_aside = reference::set_aside(&world);
        let note = FieldId(17);
        for made in reference::writes(&world) {
            let typed = made.field == Some(note) && matches!(made.write, Write::Merge(_));
            if typed && !set_aside.contains(&(made.record, made.version)) {
                let word = word_of(&world, made.version);
                let text = text_of(&world, made.record, note);
                assert!(
                    text.split_whitespace().any(|w| w == word),
                    "{word} is not in “{text}”"
                );
            }
        }
    });
}

/// The word that the operation of a version typed: each types its own name.
fn word_of(world: &World, version: Version) -> String {
    let operation = crate::history::operation_at(world, version);
    let author = world.state.author(&operation.log.device).expect("enrolled");
    let name = &world.state.device(author).expect("enrolled").name;
    format!("{name}{}x{}", operation.log.generation, operation.sequence)
}

fn text_of(world: &World, record: RecordId, id: FieldId) -> String {
    let record_type = world
        .state
        .record(record)
        .expect("it was typed into")
        .record_type;
    let kind = &world.state.definition().types[&record_type].fields[&id].kind;
    field(world, record, id)
        .expect("it was typed into")
        .to_text(kind)
}

#[test]
fn a_settled_issue_is_its_authors() {
    holds(30, histories(60, SPICE), |history: History| {
        let world = history.happens();
        for (version, device, operation, admitted) in reference::operations(&world) {
            let Action::Settle {
                operation: about, ..
            } = operation.action
            else {
                continue;
            };
            let author = world.state.author(&device).expect("enrolled");
            let user = &world.state.device(author).expect("enrolled").user;
            if admitted {
                let issue = world.state.issue_of(about).expect("an issue");
                assert_eq!(&issue.user, user);
                assert!(issue.settled.is_some_and(|(_, by)| by <= version));
            }
        }
    });
}
