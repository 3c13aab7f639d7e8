//! Units: a history with a seed, folded under every policy.

use super::{CompareFault, Entrant, Make, Manifest, Plan, Prepared, Progress, Shelf, get, keep};
use crate::ledger::LedgerFault;
use crate::metrics::{Judged, Watch, judge};
use crate::policies::{Guarded, RandomWinner, hindsight};
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
    /// By policy, a hash over the ledger that it folded: in open loop one for
    /// all.
    pub ledgers: BTreeMap<String, String>,
    /// Names of its blocks; empty where it is one.
    pub blocks: Vec<String>,
    /// Of what length they are, where they are spans of time.
    pub span: Option<String>,
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
    let (done, folds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = || {
        tell(Progress {
            done: done.load(Ordering::Relaxed),
            of: units.len(),
            folds: folds.load(Ordering::Relaxed),
            folds_of: units.len() * plan.entrants.len(),
        });
    };
    let folded = || {
        folds.fetch_add(1, Ordering::Relaxed);
        progress();
    };
    progress();
    let work = |unit: &Unit| {
        let name = name(manifest, *unit);
        if read(&manifest.plan, &name, shelf)?.is_none() {
            let outcome = work(plan, &manifest.plan, *unit, inside, &folded)?;
            let bytes = serde_json::to_vec(&outcome).unwrap_or_default();
            keep(shelf, &name, &bytes)?;
        } else {
            folds.fetch_add(plan.entrants.len(), Ordering::Relaxed);
        }
        done.fetch_add(1, Ordering::Relaxed);
        progress();
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

fn work(
    plan: &Plan,
    hash: &str,
    unit: Unit,
    jobs: usize,
    folded: &(dyn Fn() + Sync),
) -> Result<Outcome, CompareFault> {
    let subject = &plan.subjects[unit.subject];
    let fault = |fault| CompareFault::Ledger {
        subject: subject.name.clone(),
        fault,
    };
    let mut outcome = Outcome {
        plan: hash.to_owned(),
        subject: subject.name.clone(),
        seed: unit.seed,
        ledgers: BTreeMap::new(),
        blocks: Vec::new(),
        span: None,
        policies: BTreeMap::new(),
    };
    let found = |entrant: &Entrant, prepared: &Prepared, trace: &Trace| {
        let (judged, mistake) = judged(entrant, prepared, trace, unit.seed).map_err(fault)?;
        folded();
        match mistake {
            None => Ok(judged),
            Some(mistake) => Err(CompareFault::Policy {
                policy: entrant.name().to_owned(),
                subject: subject.name.clone(),
                seed: unit.seed,
                mistake,
            }),
        }
    };
    let judged = match &subject.make {
        Make::Once(make) => {
            let mut prepared = make(unit.seed)?;
            let (trace, ledger) = traced(&prepared).map_err(fault)?;
            if matches!(subject.kind, "recorded" | "real") && prepared.truth.blocks.is_empty() {
                prepared.truth.divide(&trace);
            }
            outcome.blocks = prepared.truth.blocks.clone();
            outcome.span = prepared.truth.span.map(str::to_owned);
            in_parallel(jobs, &plan.entrants, |entrant| {
                Ok(Some((ledger.clone(), found(entrant, &prepared, &trace)?)))
            })?
        }
        // Hindsight is on a ledger, and here every policy has its own.
        Make::Each(make) => in_parallel(jobs, &plan.entrants, |entrant| {
            let Some(foresight) = foresight(entrant, unit.seed) else {
                folded();
                return Ok(None);
            };
            let prepared = make(unit.seed, foresight.trial);
            let (trace, ledger) = traced(&prepared).map_err(fault)?;
            Ok(Some((ledger, found(entrant, &prepared, &trace)?)))
        })?,
    };
    for (entrant, found) in plan.entrants.iter().zip(judged) {
        if let Some((ledger, judged)) = found {
            let name = entrant.name().to_owned();
            outcome.ledgers.insert(name.clone(), ledger);
            outcome.policies.insert(name, judged);
        }
    }
    Ok(outcome)
}

/// What is to be said of a ledger whatever the policy, and its hash.
fn traced(prepared: &Prepared) -> Result<(Trace, String), LedgerFault> {
    let mut hasher = blake3::Hasher::new();
    let trace = Trace::of(&*prepared.ledger, &mut |entry| {
        hasher.update(entry.bundle.bytes());
    })?;
    Ok((trace, hasher.finalize().to_hex().to_string()))
}

/// What an entrant gives the fold before any ledger is known.
pub(super) struct Foresight {
    pub(super) trial: Trial,
    /// Whether what it decides depends on the order of arrival.
    asks_for_arrival: bool,
    /// Who says afterwards whether it made a mistake.
    guard: Option<Arc<Guarded>>,
}

impl Foresight {
    /// Of a policy of ours, which makes no mistakes that could be told.
    pub(super) fn known(trial: Trial) -> Foresight {
        Foresight {
            trial,
            asks_for_arrival: false,
            guard: None,
        }
    }

    /// The first mistake of the policy, after which its results mean nothing.
    pub(super) fn mistake(&self) -> Option<String> {
        let guard = self.guard.as_ref()?;
        guard.mistake().map(str::to_owned)
    }
}

/// `None` for the oracle, which knows the end.
pub(super) fn foresight(entrant: &Entrant, seed: u64) -> Option<Foresight> {
    match entrant {
        Entrant::Policy(contestant) => {
            let (trial, guard) = contestant.guarded();
            Some(Foresight {
                trial,
                asks_for_arrival: contestant.asks_for_arrival(),
                guard: Some(guard),
            })
        }
        Entrant::Random => {
            let random = Arc::new(RandomWinner { seed });
            let trial = Trial::everywhere(random, Granularity::Field);
            Some(Foresight::known(trial))
        }
        Entrant::Oracle => None,
    }
}

/// What a policy made of a ledger, and the mistake after which that means nothing.
fn judged(
    entrant: &Entrant,
    prepared: &Prepared,
    trace: &Trace,
    seed: u64,
) -> Result<(Judged, Option<String>), LedgerFault> {
    let Prepared { ledger, truth } = prepared;
    let given = foresight(entrant, seed);
    let given = given.unwrap_or_else(|| Foresight::known(hindsight(trace, truth)));
    let trial = given.trial.clone();
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    let mut watch = Watch::new(trace, truth);
    ledger.each(&mut |entry| {
        state.fold(entry);
        watch.look(&state);
    })?;
    let mut judged = judge(trace, &state, truth, given.asks_for_arrival);
    judged.whole.add(&watch.exposure());
    Ok((judged, given.mistake()))
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
