//! Units: a history with a seed, folded under every policy.

use super::{CompareFault, Entrant, Manifest, Plan, Prepared, Progress, Shelf, get, keep};
use crate::metrics::{Judged, judge};
use crate::policies::{RandomWinner, hindsight};
use crate::trace::Trace;
use cairn_model::Granularity;
use cairn_projection::{State, Trial};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A history, by its place in the plan, with a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// The history.
    pub subject: usize,
    /// The seed.
    pub seed: u64,
}

/// What came of a unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The plan that it is of.
    pub plan: String,
    /// The history.
    pub subject: String,
    /// The seed.
    pub seed: u64,
    /// A hash over the ledger: what every policy folded.
    pub ledger: String,
    /// Names of its blocks; empty where it is one.
    pub blocks: Vec<String>,
    /// By policy.
    pub policies: BTreeMap<String, Judged>,
}

/// The units of a plan, in order.
pub(super) fn units(manifest: &Manifest) -> Vec<Unit> {
    let of = |(subject, seeds): (usize, &Vec<u64>)| {
        let units = seeds.iter().map(move |seed| Unit {
            subject,
            seed: *seed,
        });
        units.collect::<Vec<_>>()
    };
    let seeds = manifest.subjects.iter().map(|subject| &subject.seeds);
    seeds.enumerate().flat_map(of).collect()
}

/// What the result of a unit is kept as.
pub(super) fn name(manifest: &Manifest, unit: Unit) -> String {
    let subject = manifest.subjects[unit.subject].name.as_str();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let readable: String = subject.chars().map(plain).take(40).collect();
    format!("units/{:04}-{readable}-{}.json", unit.subject, unit.seed)
}

/// Works units that are not on the shelf yet: several at a time where there are
/// many, several policies at a time where there are few.
pub(super) fn work_all(
    plan: &Plan,
    manifest: &Manifest,
    units: Vec<Unit>,
    shelf: &dyn Shelf,
    jobs: usize,
    tell: &(dyn Fn(Progress) + Sync),
) -> Result<(), CompareFault> {
    let (outside, inside) = match units.len() >= jobs {
        true => (jobs, 1),
        false => (1, jobs),
    };
    let done = AtomicUsize::new(0);
    let of = units.len();
    let work = |unit: &Unit| {
        let name = name(manifest, *unit);
        if read(&manifest.plan, &name, shelf)?.is_none() {
            let outcome = work(plan, &manifest.plan, *unit, inside)?;
            let bytes = serde_json::to_vec(&outcome).unwrap_or_default();
            keep(shelf, &name, &bytes)?;
        }
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        tell(Progress {
            done,
            of,
            unit: name,
        });
        Ok(())
    };
    in_parallel(outside, &units, work).map(drop)
}

/// Does something to every item, several at a time. Gives the results in order,
/// or the first fault; after a fault nothing more is begun.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    jobs: usize,
    items: &[T],
    work: impl Fn(&T) -> Result<R, CompareFault> + Sync,
) -> Result<Vec<R>, CompareFault> {
    if jobs <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    if let Ok(mut results) = results.lock() {
                        results.insert(at, result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().map_err(|_| CompareFault::Worker)?;
    results.into_values().collect()
}

fn work(plan: &Plan, hash: &str, unit: Unit, jobs: usize) -> Result<Outcome, CompareFault> {
    let subject = &plan.subjects[unit.subject];
    let prepared = (subject.make)(unit.seed)?;
    let fault = |fault| CompareFault::Ledger {
        subject: subject.name.clone(),
        fault,
    };
    let mut trace = Trace::default();
    let mut hasher = blake3::Hasher::new();
    prepared
        .ledger
        .each(&mut |entry| {
            hasher.update(entry.bundle.bytes());
            trace.observe(entry);
        })
        .map_err(fault)?;
    let judged = in_parallel(jobs, &plan.entrants, |entrant| {
        judged(entrant, &prepared, &trace, unit.seed).map_err(fault)
    })?;
    let names = plan
        .entrants
        .iter()
        .map(|entrant| entrant.name().to_owned());
    Ok(Outcome {
        plan: hash.to_owned(),
        subject: subject.name.clone(),
        seed: unit.seed,
        ledger: hasher.finalize().to_hex().to_string(),
        blocks: prepared.truth.blocks.clone(),
        policies: names.zip(judged).collect(),
    })
}

fn judged(
    entrant: &Entrant,
    prepared: &Prepared,
    trace: &Trace,
    seed: u64,
) -> Result<Judged, crate::ledger::LedgerFault> {
    let Prepared { ledger, truth } = prepared;
    let (trial, asks_for_arrival) = match entrant {
        Entrant::Policy(contestant) => (contestant.trial(), contestant.asks_for_arrival()),
        Entrant::Random => {
            let random = Arc::new(RandomWinner { seed });
            (Trial::everywhere(random, Granularity::Field), false)
        }
        Entrant::Oracle => (hindsight(trace, truth), false),
    };
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    ledger.each(&mut |entry| {
        state.fold(entry);
    })?;
    Ok(judge(trace, &state, truth, asks_for_arrival))
}

/// A result that is on the shelf already.
pub(super) fn read(
    hash: &str,
    name: &str,
    shelf: &dyn Shelf,
) -> Result<Option<Outcome>, CompareFault> {
    let Some(bytes) = get(shelf, name)? else {
        return Ok(None);
    };
    let outcome: Outcome =
        serde_json::from_slice(&bytes).map_err(|error| CompareFault::Damaged {
            name: name.to_owned(),
            reason: error.to_string(),
        })?;
    if outcome.plan != hash {
        return Err(CompareFault::Other(name.to_owned()));
    }
    Ok(Some(outcome))
}

/// What came of every unit, in order.
pub(super) fn read_all(
    manifest: &Manifest,
    shelf: &dyn Shelf,
) -> Result<Vec<Outcome>, CompareFault> {
    let units = units(manifest);
    let mut outcomes = Vec::with_capacity(units.len());
    let mut missing = Vec::new();
    for unit in &units {
        let name = name(manifest, *unit);
        match read(&manifest.plan, &name, shelf)? {
            Some(outcome) => outcomes.push(outcome),
            None => missing.push(name),
        }
    }
    match missing.first() {
        None => Ok(outcomes),
        Some(first) => Err(CompareFault::Missing {
            missing: missing.len(),
            of: units.len(),
            first: first.clone(),
        }),
    }
}
