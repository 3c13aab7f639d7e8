//! What the numbers prove: every policy held against the first, block by block.

use super::{ByPolicy, FieldSummary, Manifest, Outcome};
use crate::metrics::{Metric, Tally};
use crate::stats::{
    Comparison, Equivalence, Interval, Paired, Stream, bca, holm, mean, none_seen, tost,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Costs of a wrong decision, in questions, that the curve is given at.
const COSTS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 70.0, 100.0];

/// All of it: by history, and by policy.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The plan that it is of.
    pub plan: String,
    /// The policy that others are held against.
    pub baseline: String,
    /// The metric that comparisons are decided by.
    pub primary: &'static str,
    /// By history, then by policy.
    pub scenarios: BTreeMap<String, BTreeMap<String, PolicySummary>>,
    /// By history, kind of field and policy: plain counts.
    pub fields: BTreeMap<String, BTreeMap<String, ByPolicy>>,
    /// What to know before believing the numbers.
    pub threats: Vec<String>,
}

/// A policy on a history.
#[derive(Debug, Clone, Serialize)]
pub struct PolicySummary {
    /// By metric.
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// Whether it is no worse than the first on the primary metric, by more
    /// than the margin. `None` for the first itself.
    pub no_worse: Option<Equivalence>,
    /// What it costs, by what a wrong decision costs.
    pub costs: Vec<Cost>,
    /// The cost of a wrong decision from which on the first policy is cheaper,
    /// where there is one.
    pub baseline_cheaper_from: Option<f64>,
}

/// A metric of a policy.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// Over everything at once: plain counts.
    pub whole: Option<f64>,
    /// The mean over blocks, each weighing the same, with its interval.
    pub blocks: Option<Interval>,
    /// How many blocks.
    pub n: usize,
    /// Where it is 0 in all blocks: the share of blocks in which it may not be
    /// at most, with 95 % confidence.
    pub none_seen: Option<f64>,
    /// Against the first policy.
    pub versus: Option<Versus>,
}

/// A comparison with the first policy.
#[derive(Debug, Clone, Serialize)]
pub struct Versus {
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The p-value adjusted by Holm: of the primary metric for the number of
    /// policies, of the others for that of all other comparisons on the
    /// history.
    pub p_holm: f64,
}

/// A point of the cost curve.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cost {
    /// What a wrong decision costs, in questions.
    pub k: f64,
    /// What the policy costs for each conflict set.
    pub cost: f64,
}

/// A metric's values by block.
type Values = BTreeMap<(u64, u32), f64>;

/// What is known of a policy on a history.
#[derive(Default)]
struct Gathered {
    whole: Tally,
    blocks: BTreeMap<(u64, u32), Tally>,
}

impl Gathered {
    fn values(&self, metric: Metric) -> Values {
        let value = |(block, tally): (&(u64, u32), &Tally)| Some((*block, metric.of(tally)?));
        self.blocks.iter().filter_map(value).collect()
    }
}

pub(super) fn of(manifest: &Manifest, outcomes: &[Outcome]) -> Summary {
    let baseline = manifest.policies.first().cloned().unwrap_or_default();
    let scenarios = manifest.subjects.iter().map(|subject| {
        let own = outcomes.iter().filter(|o| o.subject == subject.name);
        let gathered = gather(own);
        let mut policies = BTreeMap::new();
        for name in &manifest.policies {
            let summary = summarise(manifest, &gathered, &baseline, name, &subject.name);
            policies.insert(name.clone(), summary);
        }
        adjust(&mut policies);
        (subject.name.clone(), policies)
    });
    Summary {
        plan: manifest.plan.clone(),
        scenarios: scenarios.collect(),
        baseline,
        primary: Metric::PRIMARY.id(),
        fields: fields(outcomes),
        threats: manifest.threats.clone(),
    }
}

fn fields(outcomes: &[Outcome]) -> BTreeMap<String, BTreeMap<String, ByPolicy>> {
    let mut tallies: BTreeMap<(&str, &str, &str), Tally> = BTreeMap::new();
    for outcome in outcomes {
        for (policy, judged) in &outcome.policies {
            for (class, tally) in &judged.classes {
                let known = tallies.entry((&outcome.subject, class, policy));
                known.or_default().add(tally);
            }
        }
    }
    let mut fields: BTreeMap<String, BTreeMap<String, ByPolicy>> = BTreeMap::new();
    for ((subject, class, policy), tally) in &tallies {
        let classes = fields.entry((*subject).to_owned()).or_default();
        let policies = classes.entry((*class).to_owned()).or_default();
        policies.insert((*policy).to_owned(), FieldSummary::from(tally));
    }
    fields
}

/// Blocks are the merges of a history that has some, and seeds of others.
fn gather<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> BTreeMap<String, Gathered> {
    let mut gathered: BTreeMap<String, Gathered> = BTreeMap::new();
    for outcome in outcomes {
        for (policy, judged) in &outcome.policies {
            let policy = gathered.entry(policy.clone()).or_default();
            policy.whole.add(&judged.whole);
            if outcome.blocks.is_empty() {
                policy
                    .blocks
                    .insert((outcome.seed, 0), judged.whole.clone());
            }
            for (block, tally) in &judged.blocks {
                policy.blocks.insert((outcome.seed, *block), tally.clone());
            }
        }
    }
    gathered
}

fn summarise(
    manifest: &Manifest,
    gathered: &BTreeMap<String, Gathered>,
    baseline: &str,
    name: &str,
    scenario: &str,
) -> PolicySummary {
    let nothing = Gathered::default();
    let own = gathered.get(name).unwrap_or(&nothing);
    let first = gathered.get(baseline).unwrap_or(&nothing);
    let is_first = name == baseline;
    let metrics = Metric::ALL.iter().map(|metric| {
        let (values, others) = (own.values(*metric), first.values(*metric));
        let mut stream = Stream::new(0, &format!("{scenario} {name} {}", metric.id()));
        let paired = Paired::new(&values, &others);
        let compares = !is_first && paired.pairs().len() > 1;
        let versus = compares.then(|| paired.compare(manifest.resamples, &mut stream));
        let estimate = Estimate {
            whole: metric.of(&own.whole),
            blocks: interval(&values, manifest.resamples, &mut stream),
            n: values.len(),
            none_seen: none_seen(values.len() as u64, 0.95)
                .filter(|_| values.values().all(|value| *value == 0.0)),
            versus: versus.map(|comparison| Versus {
                p_holm: comparison.test.p,
                comparison,
            }),
        };
        (metric.id(), estimate)
    });
    let metrics = metrics.collect();
    let paired = Paired::new(&own.values(Metric::PRIMARY), &first.values(Metric::PRIMARY));
    PolicySummary {
        metrics,
        no_worse: tost(&paired.differences(), manifest.margin).filter(|_| !is_first),
        costs: COSTS
            .iter()
            .filter_map(|k| {
                let cost = own.whole.cost(*k)?;
                Some(Cost { k: *k, cost })
            })
            .collect(),
        baseline_cheaper_from: own.whole.costs_cross(&first.whole),
    }
}

/// The mean over blocks; of one block there is nothing to say how sure it is.
fn interval(values: &Values, resamples: usize, stream: &mut Stream) -> Option<Interval> {
    let values: Vec<f64> = values.values().copied().collect();
    (values.len() > 1).then(|| bca(&values, mean, 0.95, resamples, stream))
}

/// Adjusts the p-values of a history.
fn adjust(policies: &mut BTreeMap<String, PolicySummary>) {
    for primary in [true, false] {
        let mut tests: Vec<&mut Versus> = policies
            .values_mut()
            .flat_map(|policy| &mut policy.metrics)
            .filter(|(id, _)| (**id == Metric::PRIMARY.id()) == primary)
            .filter_map(|(_, estimate)| estimate.versus.as_mut())
            .collect();
        let ps: Vec<f64> = tests
            .iter()
            .map(|versus| versus.comparison.test.p)
            .collect();
        for (versus, p) in tests.iter_mut().zip(holm(&ps)) {
            versus.p_holm = p;
        }
    }
}
