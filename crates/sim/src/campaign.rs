//! Campaigns: many seeds of many scenarios, one run for each core at a time.
//!
//! Runs know nothing of each other, so a campaign can be split into shards,
//! run anywhere, and merged.

use crate::coverage::{Coverage, Seen};
use crate::run::{Case, Outcome};
use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Failures kept whole; of the rest only the number is.
const FAILURES_MAX: usize = 200;

/// Which seeds, by how many, and which share of them twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// The first seed.
    pub first: u64,
    /// How many, over all shards.
    pub seeds: u64,
    /// Runs at a time.
    pub jobs: usize,
    /// This shard, from 0.
    pub shard: u64,
    /// Of so many.
    pub shards: u64,
    /// Every so-manyth seed is run twice and the traces compared; 0 for none.
    pub twice_every: u64,
}

/// A run that did not keep its promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// What came out.
    pub outcome: Outcome,
}

/// What a campaign, or several merged, found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Runs by scenario.
    pub runs: BTreeMap<String, u64>,
    /// Runs that were done twice.
    pub twice: u64,
    /// Seeds whose two runs differed, by scenario and seed.
    pub differed: Vec<(String, u64)>,
    /// Failed runs, the first of them whole.
    pub failed: Vec<Failed>,
    /// How many failed.
    pub failures: u64,
    /// What was counted, over all runs.
    pub counts: BTreeMap<String, u64>,
    /// What was met.
    pub coverage: Coverage,
    /// How long all runs took in virtual time, in microseconds.
    pub virtual_time: u64,
    /// Devices times their virtual time, in microseconds.
    pub device_time: u64,
}

impl Findings {
    /// Takes in a run.
    pub fn add(&mut self, case: &Case, outcome: &Outcome, seen: &Seen) {
        *self.runs.entry(case.plan.name.clone()).or_default() += 1;
        for (name, count) in &outcome.counts {
            *self.counts.entry(name.clone()).or_default() += count;
        }
        self.coverage.add(seen);
        self.virtual_time += outcome.virtual_time;
        let devices = u64::from(case.plan.topology.devices + case.plan.topology.late);
        self.device_time += outcome.virtual_time * devices;
        if outcome.violation.is_some() {
            self.failures += 1;
            if self.failed.len() < FAILURES_MAX {
                self.failed.push(Failed {
                    scenario: case.plan.name.clone(),
                    seed: case.plan.seed,
                    outcome: outcome.clone(),
                });
            }
        }
    }

    /// Takes in the findings of another campaign.
    pub fn merge(&mut self, other: Findings) {
        let add = |to: &mut BTreeMap<String, u64>, from: BTreeMap<String, u64>| {
            for (name, count) in from {
                *to.entry(name).or_default() += count;
            }
        };
        add(&mut self.runs, other.runs);
        add(&mut self.counts, other.counts);
        self.coverage.merge(&other.coverage);
        self.twice += other.twice;
        self.differed.extend(other.differed);
        self.failed.extend(other.failed);
        self.failed.truncate(FAILURES_MAX);
        self.failures += other.failures;
        self.virtual_time += other.virtual_time;
        self.device_time += other.device_time;
        self.sort();
    }

    /// Runs in all.
    pub fn total(&self) -> u64 {
        self.runs.values().sum()
    }

    fn sort(&mut self) {
        self.differed.sort();
        self.failed
            .sort_by(|a, b| (&a.scenario, a.seed).cmp(&(&b.scenario, b.seed)));
    }
}

/// Runs every seed of the extent on every scenario in turn: seed n on scenario
/// n modulo their number. `one` does a run; `go_on` is asked before each, and
/// told how many are done.
///
/// # Errors
/// In words, when a case cannot be drawn.
pub fn campaign(
    scenarios: &[Scenario],
    extent: &Extent,
    one: &(dyn Fn(&Case) -> (Outcome, Seen) + Sync),
    go_on: &(dyn Fn(u64) -> bool + Sync),
) -> Result<Findings, String> {
    let next = AtomicU64::new(extent.shard);
    let done = AtomicU64::new(0);
    let findings = Mutex::new(Findings::default());
    let fault: Mutex<Option<String>> = Mutex::new(None);
    let work = || {
        loop {
            let number = next.fetch_add(extent.shards.max(1), Ordering::Relaxed);
            if number >= extent.seeds || !go_on(done.load(Ordering::Relaxed)) {
                return;
            }
            let seed = extent.first.wrapping_add(number);
            let scenario = &scenarios[(number % scenarios.len() as u64) as usize];
            let case = match scenario.case(seed) {
                Ok(case) => case,
                Err(words) => {
                    *lock(&fault) = Some(format!("seed {seed}: {words}"));
                    return next.store(extent.seeds, Ordering::Relaxed);
                }
            };
            let (outcome, seen) = guarded(&case, one);
            let twice = extent.twice_every > 0 && number.is_multiple_of(extent.twice_every);
            let same =
                |again: &Outcome| (again.trace, again.shape) == (outcome.trace, outcome.shape);
            let differs = twice && !same(&guarded(&case, one).0);
            done.fetch_add(1, Ordering::Relaxed);
            let mut findings = lock(&findings);
            findings.add(&case, &outcome, &seen);
            findings.twice += u64::from(twice);
            if differs {
                findings.differed.push((case.plan.name.clone(), seed));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..extent.jobs.max(1) {
            scope.spawn(work);
        }
    });
    if let Some(words) = lock(&fault).take() {
        return Err(words);
    }
    let mut findings = findings
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    findings.sort();
    Ok(findings)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A run whose panic is a violation like any other.
pub fn guarded(case: &Case, one: &(dyn Fn(&Case) -> (Outcome, Seen) + Sync)) -> (Outcome, Seen) {
    catch_unwind(AssertUnwindSafe(|| one(case))).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("it said nothing");
        (Outcome::broken("panic", text.to_owned()), Seen::default())
    })
}
