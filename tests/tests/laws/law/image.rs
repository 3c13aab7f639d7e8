//! Images: records as bytes, whole or in part.

use super::holds;
use crate::history::{History, Spice, histories};
use crate::world::ORGANIZATION;
use cairn_model::Version;
use cairn_projection::{Image, Record, State};

const SPICE: Spice = Spice {
    publishes: true,
    wrongs: true,
};

fn whole(record: &Record) -> Record {
    let image = Image::read(&record.to_image()).expect("own image");
    assert!(image.is_whole());
    image
        .over(None)
        .expect("a whole image needs nothing before")
}

#[test]
fn a_record_is_its_image() {
    holds(40, histories(60, SPICE), |history: History| {
        let world = history.happens();
        for record in world.state.records() {
            assert_eq!(&whole(record), record);
            assert_eq!(whole(record).to_image(), record.to_image());
        }
    });
}

#[test]
fn a_partial_image_makes_of_what_was_what_is() {
    holds(40, histories(50, SPICE), |history: History| {
        let world = history.happens();
        let mut past = State::new(ORGANIZATION, world.state.devices()[0].key);
        for entry in &world.ledger {
            past.fold(entry);
            for record in world.state.records() {
                let held = past.record(record.id).cloned();
                assert_eq!(
                    caught_up(record, held, past.version()).as_ref(),
                    Some(record)
                );
            }
        }
    });
}

/// What a holder of `held` as of `since` makes of what it is sent.
fn caught_up(record: &Record, held: Option<Record>, since: Version) -> Option<Record> {
    let bytes = record.to_partial_image(since);
    Image::read(&bytes).expect("own image").over(held)
}

#[test]
fn only_what_changed_is_told() {
    holds(30, histories(60, SPICE), |history: History| {
        let world = history.happens();
        let mut past = State::new(ORGANIZATION, world.state.devices()[0].key);
        for entry in &world.ledger {
            past.fold(entry);
            let told: Vec<_> = world
                .state
                .changed_since(past.version())
                .map(|record| record.id)
                .collect();
            for record in world.state.records() {
                let times = told.iter().filter(|id| **id == record.id).count();
                let changed = past.record(record.id) != Some(record);
                assert!(times <= 1, "a record is told once");
                assert!(times == 1 || !changed, "a change is told");
            }
        }
    });
}
