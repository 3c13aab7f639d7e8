//! What reactions change: the same scene in open and in closed loop, seed by
//! seed.

use super::subject::{CLOSED, CLOSED_LOOP};
use super::{Manifest, Outcome};
use crate::metrics::{Metric, Tally};
use crate::stats::{Interval, Paired, Stream, bca, mean};
use serde::Serialize;
use std::collections::BTreeMap;

/// A scene that was lived in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gap {
    /// By policy; those that need hindsight are not there.
    pub policies: BTreeMap<String, GapOf>,
    /// Policies from the least of the primary metric to the most, in open loop.
    pub ranking_open: Vec<String>,
    /// … and in closed loop.
    pub ranking_closed: Vec<String>,
    /// Pairs of policies of which the first is better on average in open loop
    /// and the second in closed loop.
    pub turned: Vec<Turned>,
}

/// Two policies that change places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turned {
    /// Better in open loop.
    pub open: String,
    /// Better in closed loop.
    pub closed: String,
    /// Whether both differences stand out: neither interval has 0 in it.
    pub proven: bool,
}

/// A policy in both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GapOf {
    /// Seeds that both were lived with.
    pub n: usize,
    /// The primary metric in open loop, the mean over seeds.
    pub open: f64,
    /// … in closed loop.
    pub closed: f64,
    /// Closed less open, within each seed, with its BCa interval; `None` for
    /// one seed, of which nothing says how sure it is.
    pub gap: Option<Interval>,
    /// Operations of people for each of the open loop: what reacting took.
    pub work: f64,
}

type Values = BTreeMap<u64, f64>;

impl Gap {
    /// Whether a policy that was better in open loop is worse in closed loop,
    /// beyond what chance explains.
    pub fn changes_ranking(&self) -> bool {
        self.turned.iter().any(|turned| turned.proven)
    }
}

/// By the name of the scene.
pub(super) fn of(manifest: &Manifest, outcomes: &[Outcome]) -> BTreeMap<String, Gap> {
    let closed = manifest
        .subjects
        .iter()
        .filter(|subject| subject.kind == CLOSED_LOOP);
    let pairs = closed.filter_map(|closed| {
        let name = closed.name.strip_suffix(CLOSED)?;
        let is_open = manifest.subjects.iter().any(|open| open.name == name);
        is_open.then_some((name, closed.name.as_str()))
    });
    let gaps = pairs.filter_map(|(open, closed)| {
        let own = |subject: &str| {
            outcomes
                .iter()
                .filter(move |o| o.subject == subject)
                .collect()
        };
        let gap = between(manifest, &own(open), &own(closed));
        (!gap.policies.is_empty()).then(|| (open.to_owned(), gap))
    });
    gaps.collect()
}

fn between(manifest: &Manifest, open: &Vec<&Outcome>, closed: &Vec<&Outcome>) -> Gap {
    let mut policies = BTreeMap::new();
    let mut known: BTreeMap<&str, [Values; 2]> = BTreeMap::new();
    for name in &manifest.policies {
        let values = [open, closed].map(|outcomes| of_policy(outcomes, name, primary));
        let paired = Paired::new(&values[1], &values[0]);
        if paired.pairs().is_empty() {
            continue;
        }
        let work = [open, closed].map(|outcomes| {
            let operations = of_policy(outcomes, name, |tally| Some(tally.operations as f64));
            operations.values().sum::<f64>()
        });
        let mut stream = Stream::new(0, &format!("gap {name}"));
        let gap = interval(&paired.differences(), manifest.resamples, &mut stream);
        let side = |first: bool| {
            let pairs = paired.pairs().iter();
            mean(
                &pairs
                    .map(|(x, y)| if first { *x } else { *y })
                    .collect::<Vec<_>>(),
            )
        };
        let found = GapOf {
            n: paired.pairs().len(),
            open: side(false),
            closed: side(true),
            gap,
            work: work[1] / work[0],
        };
        policies.insert(name.clone(), found);
        known.insert(name, values);
    }
    let ranking = |value: fn(&GapOf) -> f64| {
        let mut names: Vec<&String> = policies.keys().collect();
        names.sort_by(|a, b| value(&policies[*a]).total_cmp(&value(&policies[*b])));
        names.into_iter().cloned().collect()
    };
    Gap {
        ranking_open: ranking(|gap| gap.open),
        ranking_closed: ranking(|gap| gap.closed),
        turned: turned(&known, manifest.resamples),
        policies,
    }
}

fn primary(tally: &Tally) -> Option<f64> {
    Metric::PRIMARY.of(tally)
}

fn of_policy(outcomes: &[&Outcome], policy: &str, value: impl Fn(&Tally) -> Option<f64>) -> Values {
    let known = outcomes.iter().filter_map(|outcome| {
        let judged = outcome.policies.get(policy)?;
        Some((outcome.seed, value(&judged.whole)?))
    });
    known.collect()
}

fn interval(values: &[f64], resamples: usize, stream: &mut Stream) -> Option<Interval> {
    (values.len() > 1).then(|| bca(values, mean, 0.95, resamples, stream))
}

fn turned(known: &BTreeMap<&str, [Values; 2]>, resamples: usize) -> Vec<Turned> {
    let mut turned = Vec::new();
    for (first, values) in known {
        for (second, others) in known {
            let difference = |at: usize| {
                let paired = Paired::new(&values[at], &others[at]);
                let mut stream = Stream::new(0, &format!("turn {at} {first} {second}"));
                interval(&paired.differences(), resamples, &mut stream)
            };
            let of = |at: usize| mean(&Paired::new(&values[at], &others[at]).differences());
            if !(of(0) < 0.0 && of(1) > 0.0) {
                continue;
            }
            let open = difference(0).is_some_and(|open| open.high < 0.0);
            let closed = difference(1).is_some_and(|closed| closed.low > 0.0);
            turned.push(Turned {
                open: (*first).to_owned(),
                closed: (*second).to_owned(),
                proven: open && closed,
            });
        }
    }
    turned
}

#[cfg(test)]
mod tests;
