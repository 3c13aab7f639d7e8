//! The same ledger folds to the same state, however it is folded.

use super::holds;
use crate::history::{History, Spice, histories};
use crate::world::{ORGANIZATION, World};
use cairn_model::{Hash, Version};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{Batch, Durability, Entry, Storage};
use cairn_projection::State;
use cairn_projection::page::Pages;
use proptest::prelude::*;

const EVERYTHING: Spice = Spice {
    publishes: true,
    wrongs: true,
};

fn from_scratch(world: &World) -> State {
    State::new(ORGANIZATION, world.state.devices()[0].key)
}

/// Folds the ledger from where the state stands up to a position.
fn fold(state: &mut State, ledger: &[Entry], position: usize) {
    let from = state.position() as usize;
    for entry in &ledger[from..position.max(from)] {
        state.fold(entry);
    }
}

/// Writes a checkpoint and loads it again.
fn reloaded(mut state: State, pages: &mut Pages, storage: &MemoryStorage) -> State {
    let mut batch = Batch::default();
    state
        .checkpoint(pages, storage, &mut batch)
        .expect("memory does not fail");
    storage
        .commit(batch, Durability::Synced)
        .expect("memory does not fail");
    let relay = state.devices()[0].key;
    let (loaded, opened) = State::load(ORGANIZATION, relay, storage).expect("what was written");
    assert_eq!(
        loaded.full_digest(),
        state.full_digest(),
        "a checkpoint tells everything"
    );
    *pages = opened;
    loaded
}

#[test]
fn a_state_folded_from_scratch_is_the_state_folded_as_it_happened() {
    holds(40, histories(60, EVERYTHING), |history: History| {
        let world = history.happens();
        let mut again = from_scratch(&world);
        fold(&mut again, &world.ledger, world.ledger.len());
        assert_eq!(again.full_digest(), world.state.full_digest());
    });
}

#[test]
fn a_state_loaded_from_any_checkpoint_goes_on_the_same() {
    let cuts = prop::collection::vec(0..64usize, 1..4);
    holds(
        60,
        (histories(60, EVERYTHING), cuts),
        |(history, mut cuts): (History, Vec<usize>)| {
            let world = history.happens();
            cuts.sort_unstable();
            let storage = MemoryStorage::new();
            let mut pages = Pages::default();
            let mut state = from_scratch(&world);
            for cut in cuts {
                fold(&mut state, &world.ledger, cut.min(world.ledger.len()));
                state = reloaded(state, &mut pages, &storage);
            }
            fold(&mut state, &world.ledger, world.ledger.len());
            assert_eq!(state.full_digest(), world.state.full_digest());
            let last = reloaded(state, &mut pages, &storage);
            assert_eq!(last.full_digest(), world.state.full_digest());
        },
    );
}

/// The digest of records, journal and issues: all that does not name a ledger
/// position.
fn decided(state: &State) -> (Hash, Hash) {
    let told = cairn_model::codec::encode(&(state.journal(), state.issues()));
    (state.digest(), Hash::of(&told))
}

#[test]
fn how_operations_are_bundled_changes_nothing() {
    let plain = Spice {
        publishes: true,
        wrongs: false,
    };
    holds(30, histories(60, plain), |history: History| {
        let world = history.happens();
        let one_by_one = crate::world::bundled_one_by_one(&world);
        let mut again = from_scratch(&world);
        fold(&mut again, &one_by_one, one_by_one.len());
        assert_eq!(decided(&again), decided(&world.state));
    });
}

#[test]
fn a_look_at_the_past_is_what_was_then() {
    holds(20, histories(40, EVERYTHING), |history: History| {
        let world = history.happens();
        let mut growing = from_scratch(&world);
        for (index, entry) in world.ledger.iter().enumerate() {
            growing.fold(entry);
            let mut past = from_scratch(&world);
            fold(&mut past, &world.ledger, index);
            past.fold_until(entry, growing.version());
            assert_eq!(past.full_digest(), growing.full_digest());
        }
        let mut nothing = from_scratch(&world);
        nothing.fold_until(&world.ledger[0], Version(0));
        assert_eq!(nothing.version(), Version(0));
    });
}

#[test]
fn a_log_written_twice_changes_no_record() {
    let plain = Spice {
        publishes: false,
        wrongs: false,
    };
    holds(
        30,
        (histories(40, plain), any::<prop::sample::Index>()),
        |(history, at)| {
            let mut world: World = history.happens();
            let entries: Vec<Entry> = world
                .ledger
                .iter()
                .filter(|e| e.bundle.log() != world.ledger[0].bundle.log())
                .cloned()
                .collect();
            if entries.is_empty() {
                return;
            }
            let again = at.get(&entries);
            let before = world.state.digest();
            let outcomes = world.takes_in(again.bundle.clone());
            assert!(
                outcomes
                    .iter()
                    .all(|outcome| *outcome == "log.equivocation"),
                "{outcomes:?}"
            );
            assert_eq!(world.state.digest(), before);
            let author = world
                .state
                .author(&again.bundle.log().device)
                .expect("enrolled");
            assert!(
                world
                    .state
                    .device(author)
                    .expect("enrolled")
                    .quarantined
                    .is_some()
            );
        },
    );
}
