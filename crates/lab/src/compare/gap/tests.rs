//! The gap, reckoned by hand and from end to end.

use super::*;
use crate::compare::tests::{Memory, run};
use crate::compare::{Entrant, Known, PAGE, Plan, SUMMARY, Shard, Subject};
use crate::metrics::Judged;
use crate::synthetic::{Agents, Scene, Workload};

fn outcome(subject: &str, seed: u64, lost: [u64; 2]) -> Outcome {
    let judged = |lost: u64| Judged {
        whole: Tally {
            writes: 1_000,
            operations: 100 + lost,
            lost_silently: lost,
            ..Tally::default()
        },
        ..Judged::default()
    };
    Outcome {
        plan: String::new(),
        subject: subject.to_owned(),
        seed,
        ledgers: BTreeMap::new(),
        blocks: Vec::new(),
        span: None,
        policies: ["one", "two"]
            .into_iter()
            .zip(lost)
            .map(|(name, lost)| (name.to_owned(), judged(lost)))
            .collect(),
    }
}

fn manifest() -> Manifest {
    let mut manifest = plan(0..1).manifest();
    manifest.policies = ["one", "two", "oracle"].map(str::to_owned).into();
    let known = |name: &str, kind: &str| Known {
        name: name.to_owned(),
        kind: kind.to_owned(),
        source: String::new(),
        seeds: (0..8).collect(),
    };
    manifest.subjects = vec![
        known("depot", "synthetic"),
        known("depot, closed loop", CLOSED_LOOP),
        known("alone, closed loop", CLOSED_LOOP),
    ];
    manifest
}

fn plan(seeds: std::ops::Range<u64>) -> Plan {
    let workload = Workload {
        name: "depot".to_owned(),
        records: 5,
        edits: 12,
        ..Workload::default()
    };
    let policies = ["last-writer-wins", "flag", "random-winner", "oracle"];
    Plan {
        subjects: vec![
            Subject::synthetic(&workload, seeds.clone()),
            Subject::closed(&workload, seeds),
        ],
        entrants: policies
            .iter()
            .map(|name| Entrant::named(name).expect(name))
            .collect(),
        margin: 0.001,
        resamples: 200,
    }
}

/// In open loop the first loses 10 and the second 20 of 1,000; in closed loop
/// 30 and 15, by seed one more or less.
#[test]
fn closed_less_open_within_each_seed() {
    let mut outcomes = Vec::new();
    for seed in 0..8 {
        let off = seed % 2;
        outcomes.push(outcome("depot", seed, [10 + off, 20 + off]));
        outcomes.push(outcome("depot, closed loop", seed, [30 + off, 15 + off]));
    }
    let gaps = of(&manifest(), &outcomes);
    assert_eq!(gaps.len(), 1, "what is there in one loop only has no gap");
    let gap = &gaps["depot"];
    assert_eq!(gap.policies.len(), 2, "nothing is known of the oracle");
    let one = &gap.policies["one"];
    assert_eq!(one.n, 8);
    assert!((one.open - 0.0105).abs() < 1e-12 && (one.closed - 0.0305).abs() < 1e-12);
    let between = one.gap.unwrap();
    assert!((between.low - 0.02).abs() < 1e-9 && (between.high - 0.02).abs() < 1e-9);
    assert!((one.work - 130.5 / 110.5).abs() < 1e-12);
    assert_eq!(gap.ranking_open, ["one", "two"]);
    assert_eq!(gap.ranking_closed, ["two", "one"]);
    let turned = Turned {
        open: "one".to_owned(),
        closed: "two".to_owned(),
        proven: true,
    };
    assert_eq!(gap.turned, [turned]);
    assert!(gap.changes_ranking());
}

/// Of one seed, and where seeds disagree, nothing is proven.
#[test]
fn chance_is_not_called_a_finding() {
    let one = [
        outcome("depot", 1, [10, 20]),
        outcome("depot, closed loop", 1, [30, 15]),
    ];
    let gap = &of(&manifest(), &one)["depot"];
    assert_eq!(gap.policies["one"].gap, None);
    assert!(!gap.changes_ranking() && gap.turned.len() == 1);
    let mut several = Vec::new();
    for seed in 0..8 {
        several.push(outcome("depot", seed, [10, 20]));
        let lost = if seed < 5 { [30, 15] } else { [15, 30] };
        several.push(outcome("depot, closed loop", seed, lost));
    }
    let gap = &of(&manifest(), &several)["depot"];
    assert!(!gap.changes_ranking() && gap.turned.len() == 1);
}

/// From end to end: every policy has its own ledger where people react, one
/// for all where they do not, and none where it needs hindsight.
#[test]
fn every_policy_has_its_own_ledger() {
    let plan = plan(0..4);
    let shelf = Memory::default();
    assert_eq!(run(&plan, &shelf, 2, Shard::WHOLE), 8);
    let report = plan.report(&shelf).expect("all units are there");
    let gap = &report.summary.gaps["depot"];
    assert_eq!(gap.policies.len(), 3);
    assert_eq!(gap.policies["flag"].closed, 0.0);
    assert!(gap.policies["flag"].work > 1.0, "questions are answered");
    let files = shelf.files();
    let ledgers = |closed: bool| {
        let units = files.iter().filter(|(name, _)| name.starts_with("units/"));
        let outcomes = units.map(|(_, bytes)| serde_json::from_slice::<Outcome>(bytes).unwrap());
        let own = outcomes.filter(|o| o.subject.ends_with(CLOSED) == closed);
        own.map(|o| {
            o.ledgers
                .into_values()
                .collect::<std::collections::BTreeSet<_>>()
                .len()
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(ledgers(false), [1; 4]);
    assert_eq!(ledgers(true), [3; 4]);
    let summary = String::from_utf8(files[SUMMARY].clone()).unwrap();
    assert!(summary.contains("\"ranking_closed\""));
    let page = String::from_utf8(files[PAGE].clone()).unwrap();
    assert!(page.contains("<h2>When people react</h2>"));
    assert!(!page.contains("NaN"), "what is not known is left out");
}

/// Where nobody looks there is no gap at all.
#[test]
fn without_reactions_there_is_no_gap() {
    let mut plan = plan(0..3);
    let workload = Workload {
        name: "depot".to_owned(),
        records: 5,
        edits: 12,
        ..Workload::default()
    };
    let scene = Scene::from(workload).with(Agents::oblivious());
    plan.subjects[1] = Subject::closed(scene, 0..3);
    let shelf = Memory::default();
    run(&plan, &shelf, 1, Shard::WHOLE);
    let report = plan.report(&shelf).expect("all units are there");
    let gap = &report.summary.gaps["depot"];
    for (name, found) in &gap.policies {
        assert_eq!((found.open, found.work), (found.closed, 1.0), "{name}");
    }
    assert!(gap.turned.is_empty());
}
