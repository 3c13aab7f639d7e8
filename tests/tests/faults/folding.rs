//! The fold takes whatever a device signs. Its answers are verdicts; and what
//! it holds afterwards can be written, read, shown and compared.

use crate::hostile;
use crate::runner;
use cairn_model::{
    Action, Change, Definition, HybridTime, LogId, Mutation, Operation, OrganizationId, Timestamp,
    TypeId, Version, codec,
};
use cairn_oplog::bundle::{self, LogHead, fitting};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{Batch, Durability, Entry, SecretKey, Storage};
use cairn_projection::digest::Digest;
use cairn_projection::page::Pages;
use cairn_projection::{Image, State};
use proptest::prelude::*;
use proptest::sample::select;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const ORGANIZATION: OrganizationId = OrganizationId([0xfa; 16]);

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// Somebody; those who may edit more often.
fn author() -> impl Strategy<Value = u8> {
    select(vec![0, 1, 1, 1, 2, 2, 2, 3, 4, 4])
}

/// A ledger under attack.
pub(crate) struct Ledger {
    pub(crate) state: State,
    heads: BTreeMap<u8, LogHead>,
    position: u64,
}

impl Ledger {
    /// One with a definition, devices 1 to 4 enrolled (0 is the relay), and some
    /// of the records that will be fought over.
    pub(crate) fn new() -> Ledger {
        let mut ledger = Ledger {
            state: State::new(ORGANIZATION, secret(0).public()),
            heads: BTreeMap::new(),
            position: 0,
        };
        let changes = Definition::default().changes_to(&hostile::definition());
        let mut actions = vec![Action::Publish {
            base: 0,
            changes,
            more: false,
        }];
        for (seed, user) in [(1, "ada"), (2, "ben"), (3, "cy"), (4, "ada")] {
            let (key, user, name) = (secret(seed).public(), user.into(), "phone".into());
            actions.push(Action::Enrol { key, user, name });
        }
        actions.extend(hostile::records().into_iter().skip(3).map(|record| {
            let mutation = Mutation {
                record,
                record_type: hostile::type_of(&record),
                base: Version(0),
                change: Change::Create(Vec::new()),
            };
            Action::Edit(vec![mutation])
        }));
        let operation = |action| {
            codec::encode(&Operation {
                time: HybridTime::default(),
                definition: 0,
                action,
            })
        };
        let rejected = ledger.fold(0, actions.into_iter().map(operation).collect(), 0);
        assert_eq!(rejected, 0, "{:?}", ledger.state.issues());
        ledger
    }

    /// Folds the operations in bundles of device `seed`; counts rejections.
    pub(crate) fn fold(&mut self, seed: u8, mut operations: Vec<Vec<u8>>, received: u64) -> usize {
        let log = LogId {
            device: secret(seed).public().device(),
            generation: 0,
        };
        let mut rejected = 0;
        while !operations.is_empty() {
            let count = fitting(operations.iter().map(Vec::len)).max(1);
            let rest = operations.split_off(count);
            let chunk = std::mem::replace(&mut operations, rest);
            let at = self
                .heads
                .entry(seed)
                .or_insert_with(|| LogHead::genesis(&ORGANIZATION, &log));
            let bundle = bundle::seal(&ORGANIZATION, log, at, chunk, &secret(seed));
            *at = bundle.head();
            self.position += 1;
            let entry = Entry {
                position: self.position,
                received: Timestamp(received),
                bundle,
            };
            let verdicts = self.state.fold(&entry);
            rejected += verdicts
                .iter()
                .filter(|verdict| verdict.rejected.is_some())
                .count();
        }
        rejected
    }

    /// What everyone who holds the state does with it.
    pub(crate) fn check(&mut self) {
        let definition = self.state.definition().clone();
        for record in self.state.records() {
            let image = record.to_image();
            let read = Image::read(&image).expect("own images can be read");
            assert_eq!(read.over(None).as_ref(), Some(record));
            let json = record.to_json(&definition);
            assert!(json.len() <= record.fields.len());
            if let Some(record_type) = definition.types.get(&record.record_type) {
                record.title(record_type);
                for slot in &record.fields {
                    if let Some(field) = record_type.fields.get(&slot.id) {
                        slot.state.to_text(&field.kind);
                    }
                }
            }
        }
        let mut digest = Digest::default();
        self.state
            .records()
            .for_each(|record| digest.add(record, &definition));
        assert_eq!(digest.finish(), self.state.digest());
        assert_eq!(self.reloaded().full_digest(), self.state.full_digest());
    }

    /// The state as its checkpoint gives it back.
    fn reloaded(&mut self) -> State {
        let storage = MemoryStorage::new();
        let mut batch = Batch::default();
        let mut state = self.state.clone();
        state
            .checkpoint(&mut Pages::default(), &storage, &mut batch)
            .expect("it fits the store");
        storage
            .commit(batch, Durability::Synced)
            .expect("it fits the store");
        let (state, _) =
            State::load(ORGANIZATION, secret(0).public(), &storage).expect("it was just written");
        state
    }
}

#[test]
fn nothing_a_device_signs_breaks_the_fold() {
    let bundle = (
        author(),
        prop::collection::vec(hostile::operation_bytes(), 1..6),
        any::<u32>(),
    );
    let met = RefCell::new(Met::default());
    runner()
        .run(&prop::collection::vec(bundle, 1..12), |bundles| {
            let mut ledger = Ledger::new();
            for (seed, operations, received) in bundles {
                met.borrow_mut().operations += operations.len();
                met.borrow_mut().rejected += ledger.fold(seed, operations, u64::from(received));
            }
            met.borrow_mut().note(&ledger.state);
            ledger.check();
            Ok(())
        })
        .unwrap();
    let Met {
        operations,
        rejected,
        outcomes,
    } = met.into_inner();
    assert!(
        rejected < operations * 9 / 10,
        "{rejected} of {operations} rejected: too few get far"
    );
    let sought = [
        "open",
        "superseded",
        "value.invalid",
        "record.missing",
        "dependent",
    ];
    assert!(
        sought.iter().all(|code| outcomes.contains(code)),
        "{outcomes:?}"
    );
}

/// What the cases led to: whether they look where it matters.
#[derive(Debug, Default)]
struct Met {
    operations: usize,
    rejected: usize,
    outcomes: BTreeSet<&'static str>,
}

impl Met {
    fn note(&mut self, state: &State) {
        for issue in state.issues() {
            self.outcomes.insert(issue.code.code());
            let grouped = issue.dependents.first();
            self.outcomes.extend(grouped.map(|_| "dependent"));
        }
        let outcomes = state
            .journal()
            .iter()
            .map(|conflict| conflict.outcome.name());
        self.outcomes.extend(outcomes);
    }
}

#[test]
fn images_of_any_age_lead_to_the_same_record() {
    let bundle = (
        author(),
        prop::collection::vec(hostile::operation_bytes(), 1..6),
    );
    runner()
        .run(&prop::collection::vec(bundle, 2..8), |bundles| {
            let mut ledger = Ledger::new();
            let mut held = Vec::new();
            for (seed, operations) in bundles {
                let records: Vec<_> = ledger.state.records().cloned().collect();
                held.push((ledger.state.version(), records));
                ledger.fold(seed, operations, 5);
            }
            for (since, records) in held {
                let mut held: BTreeMap<_, _> = records.into_iter().map(|r| (r.id, r)).collect();
                let changed: Vec<_> = ledger.state.changed_since(since).collect();
                for record in changed {
                    let image = Image::read(&record.to_partial_image(since))
                        .expect("own images can be read");
                    let record = image
                        .over(held.remove(&record.id))
                        .expect("the device held it");
                    held.insert(record.id, record);
                }
                let now: BTreeMap<_, _> =
                    ledger.state.records().map(|r| (r.id, r.clone())).collect();
                prop_assert_eq!(held, now);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_key_without_fields_is_refused_even_of_a_retired_type() {
    let mut ledger = Ledger::new();
    let mut wanted = hostile::definition();
    let record_type = wanted.types.get_mut(&TypeId(0)).expect("it has this one");
    record_type.retired = true;
    record_type.keys[0].fields.clear();
    let changes = hostile::definition().changes_to(&wanted);
    let action = Action::Publish {
        base: 1,
        changes,
        more: false,
    };
    let (time, definition) = (HybridTime::default(), 1);
    let publish = Operation {
        time,
        definition,
        action,
    };
    assert_eq!(ledger.fold(0, vec![codec::encode(&publish)], 0), 1);
    let issue = ledger.state.issues().last().expect("it was rejected");
    assert!(issue.what.contains("names no field"), "{}", issue.what);
}
