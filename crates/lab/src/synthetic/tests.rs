//! What is known of synthetic histories, and of policies on them.

mod closed;
mod scenes;

use super::*;
use crate::ledger::Ledger;
use crate::metrics::{Metric, Tally, judge};
use crate::policies::{Contestant, RandomWinner, hindsight};
use crate::stats::{Paired, Stream, slope};
use crate::trace::Trace;
use cairn_model::Granularity;
use cairn_policy::{Contest, Decision, Others, Policy};
use cairn_projection::{State, Trial};
use std::collections::BTreeMap;
use std::sync::Arc;

fn traced(study: &Study) -> Trace {
    let mut trace = Trace::default();
    study.ledger.entries().iter().for_each(|e| trace.observe(e));
    trace
}

fn judged(study: &Study, trace: &Trace, trial: Trial) -> Tally {
    let ledger = &study.ledger;
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    for entry in ledger.entries() {
        state.fold(entry);
    }
    judge(trace, &state, &study.truth, false).whole
}

fn named(name: &str) -> Trial {
    Contestant::named(name).expect(name).trial()
}

fn busy() -> Workload {
    Workload {
        records: 6,
        edits: 20,
        skew: 600_000,
        deletions: 0.03,
        ..Workload::default()
    }
}

#[test]
fn one_seed_is_one_ledger() {
    let entries = |seed| generate(busy(), seed).ledger.entries().to_vec();
    assert_eq!(entries(1), entries(1));
    assert_ne!(entries(1), entries(2));
}

#[test]
fn every_edit_is_admitted_and_synced() {
    let workload = Workload {
        deletions: 0.0,
        ..busy()
    };
    let study = generate(&workload, 3);
    let trace = traced(&study);
    let tally = judged(&study, &trace, named("flag"));
    assert_eq!(tally.refused, 0);
    let edits = workload.devices * workload.edits + workload.records;
    assert_eq!(tally.operations, edits as u64);
    assert!(tally.conflict_sets > 0);
}

/// Flagging loses nothing silently, whatever happens; policies that tell
/// nobody lose what the oracle cannot save, or more.
#[test]
fn nothing_is_lost_silently_under_flag() {
    for seed in 0..5 {
        let study = generate(busy(), seed);
        let trace = traced(&study);
        let flag = judged(&study, &trace, named("flag"));
        assert_eq!(flag.lost_silently, 0, "seed {seed}");
        assert!(flag.questions > 0);
        let last = judged(&study, &trace, named("last-writer-wins"));
        assert!(last.lost_silently > 0);
    }
}

/// Of each field the value that most want, and of a deleted record whether its
/// death or its life does more: with deletions and without.
#[test]
fn nobody_satisfies_more_than_the_oracle() {
    let calm = Workload {
        deletions: 0.0,
        ..busy()
    };
    let deadly = Workload {
        deletions: 0.1,
        ..busy()
    };
    for (workload, seed) in [&calm, &deadly]
        .into_iter()
        .flat_map(|w| (0..5).map(move |s| (w, s)))
    {
        let study = generate(workload, seed);
        let trace = traced(&study);
        let oracle = judged(&study, &trace, hindsight(&trace, &study.truth));
        for policy in ["last-writer-wins", "client-wins", "max", "random"] {
            let tally = judged(&study, &trace, named(policy));
            let (own, best) = (tally.satisfied, oracle.satisfied);
            assert!(
                own <= best,
                "{policy}, seed {seed}, {}: {own} of {best}",
                workload.deletions
            );
            assert_eq!(tally.satisfiable, oracle.satisfiable);
        }
    }
}

/// A clock that is ahead helps where times decide, and nowhere else.
#[test]
fn the_last_writer_favours_clocks_that_are_ahead() {
    let workload = Workload {
        records: 4,
        skew: 3_600_000,
        deletions: 0.0,
        ..Workload::default()
    };
    let mean_slope = |policy: &str| {
        let slopes = (0..6).map(|seed| {
            let study = generate(&workload, seed);
            let tally = judged(&study, &traced(&study), named(policy));
            Metric::ClockAdvantage.of(&tally).expect("clocks differ")
        });
        slopes.sum::<f64>() / 6.0
    };
    let (last, random) = (mean_slope("last-writer-wins"), mean_slope("random"));
    assert!(last > 0.1, "{last}");
    assert!(random.abs() < 0.1, "{random}");
}

/// Gray, Helland, O'Neil and Shasha, "The dangers of replication and a
/// solution" (SIGMOD 1996): where a change takes as many times as long to reach
/// everybody as there are nodes, conflicts in a time grow with the cube of the
/// nodes. Times apart grow with the devices; conflicts are writes that meet;
/// the time is the same for all.
#[test]
fn conflicts_grow_with_the_cube_of_the_nodes() {
    let points: Vec<(f64, f64)> = [4usize, 8, 16]
        .into_iter()
        .map(|devices| {
            let workload = Workload {
                devices,
                records: 20_000 / 40,
                fields: 40,
                writes: 1,
                zipf: 0.0,
                edits: 100,
                pause: 60_000,
                apart: 30_000 * devices as u64,
                ..Workload::default()
            };
            let met: u64 = (0..4)
                .map(|seed| {
                    let trace = traced(&generate(&workload, seed));
                    trace.contention().map(|(_, [_, met, _])| met).sum::<u64>()
                })
                .sum();
            ((devices as f64).ln(), (met as f64).ln())
        })
        .collect();
    let exponent = slope(&points).expect("there are three sizes");
    assert!((2.7..=3.3).contains(&exponent), "{exponent} of {points:?}");
}

/// Shows the oldest write, and tells nobody: worse than the last writer where
/// people correct each other.
struct Oldest;

impl Policy for Oldest {
    fn id(&self) -> &'static str {
        "oldest"
    }
    fn order_insensitive(&self) -> bool {
        false
    }
    fn decide(&self, contest: Contest<'_>) -> Decision {
        Decision {
            shown: contest.standing.min(contest.arriving),
            others: Others::Settled,
        }
    }
}

/// A planted worse policy is found to be worse with the confidence that is
/// stated, and the last writer is at least as good as a random one: on
/// regret, over paired seeds.
#[test]
fn worse_is_found_to_be_worse() {
    let workload = Workload {
        deletions: 0.0,
        skew: 0,
        ..busy()
    };
    let mut regret: BTreeMap<&str, BTreeMap<u64, f64>> = BTreeMap::new();
    for seed in 0..12 {
        let study = generate(&workload, seed);
        let trace = traced(&study);
        let added =
            |policy: Arc<dyn Policy + Send>| Contestant::new(policy, Granularity::Field).trial();
        for (name, trial) in [
            ("last", named("last-writer-wins")),
            ("random", added(Arc::new(RandomWinner { seed }))),
            (
                "oldest by record",
                Contestant::new(Arc::new(Oldest), Granularity::Record).trial(),
            ),
        ] {
            let tally = judged(&study, &trace, trial);
            let value = Metric::Regret.of(&tally).expect("there are writes");
            regret.entry(name).or_default().insert(seed, value);
        }
    }
    let compare = |first, second| {
        let paired = Paired::new(&regret[first], &regret[second]);
        paired.compare(2_000, &mut Stream::new(1, "worse"))
    };
    let planted = compare("oldest by record", "last");
    assert!(planted.difference.low > 0.0, "{planted:?}");
    assert!(planted.test.p < 0.01, "{planted:?}");
    let null = compare("last", "random");
    assert!(null.difference.low <= 0.0, "{null:?}");
}

#[test]
fn every_name_is_a_workload_of_its_own() {
    let workloads: Vec<Workload> = Workload::NAMES
        .iter()
        .map(|(name, _)| Workload::named(name).expect(name))
        .collect();
    for (place, workload) in workloads.iter().enumerate() {
        assert_eq!(workload.name, Workload::NAMES[place].0);
        let laws = |workload: &Workload| Workload {
            name: String::new(),
            ..workload.clone()
        };
        let same = workloads
            .iter()
            .filter(|other| laws(other) == laws(workload));
        assert_eq!(same.count(), 1, "{}", workload.name);
    }
    assert_eq!(Workload::named("nobody"), None);
}
