//! Any history of commits, starts and crashes reads like a map of bytes.

use crate::subject::{Subject, all, noise};
use cairn_oplog::storage::{Batch, Durability, Pair, Storage, Table};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;
type Change = (Table, Vec<u8>, Option<Vec<u8>>);

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    Reopen,
    Crash,
    Look(Table, Vec<u8>, usize),
}

/// Histories a run tries. A start on disk takes some milliseconds.
const CASES: u32 = 24;

pub(crate) fn any_history_reads_like_a_map<S: Subject>(make: impl Fn() -> S) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let histories = prop::collection::vec(step(), 1..60);
    TestRunner::new_with_rng(config, seed)
        .run(&histories, |history| {
            run(make(), history);
            Ok(())
        })
        .unwrap();
}

fn run<S: Subject>(mut subject: S, history: Vec<Step>) {
    let mut model = Model::new();
    for step in history {
        match step {
            Step::Commit(changes) => {
                for (table, key, value) in &changes {
                    match value {
                        Some(value) => model.insert((*table, key.clone()), value.clone()),
                        None => model.remove(&(*table, key.clone())),
                    };
                }
                let batch = Batch { changes };
                subject.port().commit(batch, Durability::Synced).unwrap();
            }
            Step::Reopen => subject = subject.reopened(),
            Step::Crash => subject = subject.crashed(),
            Step::Look(table, key, limit) => look(subject.port(), &model, table, &key, limit),
        }
    }
    for table in Table::ALL {
        assert_eq!(all(subject.port(), table), pairs(&model, table));
    }
}

fn look(port: &impl Storage, model: &Model, table: Table, key: &[u8], limit: usize) {
    let pairs = pairs(model, table);
    let at = pairs.partition_point(|(found, _)| found.as_slice() < key);
    let (before, from) = pairs.split_at(at);
    let forth: Vec<Pair> = from.iter().take(limit).cloned().collect();
    let back: Vec<Pair> = before.iter().rev().take(limit).cloned().collect();
    assert_eq!(port.range(table, key, limit).unwrap(), forth);
    assert_eq!(port.range_back(table, key, limit).unwrap(), back);
    let found = model.get(&(table, key.to_vec())).cloned();
    assert_eq!(port.get(table, key).unwrap(), found);
}

fn pairs(model: &Model, table: Table) -> Vec<Pair> {
    let of_table = model.iter().filter(|((of, _), _)| *of == table);
    of_table
        .map(|((_, key), value)| (key.clone(), value.clone()))
        .collect()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(change(), 0..24).prop_map(Step::Commit),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        4 => (table(), key(), 0..40_usize).prop_map(|(table, key, limit)| Step::Look(table, key, limit)),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    (table(), key(), prop::option::weighted(0.7, value()))
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(vec![
        Table::Meta,
        Table::Bundles,
        Table::Ledger,
        Table::Journal,
    ])
}

/// Few enough keys that they meet, and some that are prefixes of others.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0..40_u64).prop_map(|number| number.to_be_bytes().to_vec()),
        1 => prop::collection::vec(prop::sample::select(vec![0, 1, 128, 255]), 0..4),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let size = prop_oneof![
        6 => 0..100_usize,
        2 => 400..6_000_usize,
        1 => 6_000..70_000_usize,
    ];
    (size, any::<u64>(), any::<bool>()).prop_map(|(size, seed, packs)| {
        if packs {
            vec![seed as u8; size]
        } else {
            noise(seed, size)
        }
    })
}
