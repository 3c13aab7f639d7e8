//! The fold does what the whole of it, said again in maps and the causal
//! order, says: verdicts, records, journal and issues.

use super::holds;
use crate::history::{History, Spice, histories};
use crate::world::{ORGANIZATION, World};
use cairn_model::Version;
use cairn_sim::check::agreement::difference;
use cairn_sim::reference::Reference;

fn agrees(world: &World) {
    let mut reference = Reference::new(ORGANIZATION, world.relay_key());
    let said = |version: Version| {
        world
            .state
            .verdict(version)
            .rejected
            .map(|code| code.code())
    };
    for entry in &world.ledger {
        reference.take_in(entry.received, entry.bundle.bytes(), &said);
    }
    assert_eq!(difference(&reference, &world.state), None);
}

#[test]
fn the_fold_and_the_reference_agree() {
    let spice = Spice {
        publishes: true,
        wrongs: true,
    };
    holds(200, histories(70, spice), |history: History| {
        agrees(&history.happens())
    });
}
