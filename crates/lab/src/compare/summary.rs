//! What the numbers prove: every policy held against the first, block by block.

use super::subject::CLOSED_LOOP;
use super::{BLOCKS_MIN, ByPolicy, FieldSummary, Gap, Manifest, Outcome, gap};
use crate::metrics::{Confluence, Metric, Sets, Tally};
use crate::stats::{
    Comparison, Equivalence, Interval, Paired, Stream, bca, holm, mean, neighbours, none_seen, tost,
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
    /// By history: what a block of it is.
    pub blocks: BTreeMap<String, String>,
    /// By history, then by policy.
    pub scenarios: BTreeMap<String, BTreeMap<String, PolicySummary>>,
    /// By history, kind of field and policy: plain counts.
    pub fields: BTreeMap<String, BTreeMap<String, ByPolicy>>,
    /// By scene that was lived in open and in closed loop: what reactions
    /// change.
    pub gaps: BTreeMap<String, Gap>,
    /// What to know before believing the numbers.
    pub threats: Vec<String>,
}

/// A policy on a history.
#[derive(Debug, Clone, Default, Serialize)]
pub struct PolicySummary {
    /// By metric.
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// Whether it is no worse than the first on the primary metric, by more
    /// than the margin. `None` for the first itself.
    pub no_worse: Option<Equivalence>,
    /// How alike its differences to the first are in blocks that follow each
    /// other in a history that was lived ([`neighbours`]). `None` for the first
    /// itself.
    pub neighbours: Option<f64>,
    /// The comparison on the primary metric with as many neighbours taken for one
    /// block as it takes until those are not alike any more. `None` where they
    /// are not alike in the first place, or too few would be left.
    pub batched: Option<Batched>,
    /// Against the random winner, where that takes part: on agreement with
    /// people's decisions of true conflicts where those are known, else on
    /// regret. What is no better learned nothing from what it looks at.
    pub versus_random: Option<Comparison>,
    /// D5: what was promised of the state, whether the operations of the ledger
    /// could break it when they meet, and where it was broken.
    pub promises: Vec<Confluence>,
    /// What it costs, by what a wrong decision costs.
    pub costs: Vec<Cost>,
    /// The cost of a wrong decision from which on the first policy is cheaper,
    /// where there is one.
    pub baseline_cheaper_from: Option<f64>,
}

impl PolicySummary {
    /// Whether it leaves anything to people.
    pub(super) fn asks(&self) -> bool {
        let questions = self.metrics.get(Metric::QuestionsAsked.id());
        questions.and_then(|questions| questions.whole) != Some(0.0)
    }

    /// Whether it is known what people decided where both sides had written.
    pub(super) fn people_known(&self) -> bool {
        let agreed = self.metrics.get(Metric::AgreementOnConflicts.id());
        agreed.is_some_and(|agreed| agreed.whole.is_some())
    }
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

/// A comparison of which neighbouring blocks were taken for one.
#[derive(Debug, Clone, Serialize)]
pub struct Batched {
    /// How many.
    pub size: usize,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
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
        blocks: manifest
            .subjects
            .iter()
            .map(|subject| (subject.name.clone(), block_of(&subject.name, outcomes)))
            .collect(),
        fields: fields(outcomes),
        gaps: gap::of(manifest, outcomes),
        threats: manifest.threats.clone(),
    }
}

/// What a block of a history is, in a word.
fn block_of(subject: &str, outcomes: &[Outcome]) -> String {
    let mut own = outcomes.iter().filter(|o| o.subject == subject);
    let (first, more) = (own.next(), own.next());
    let word = match first {
        Some(outcome) if !outcome.blocks.is_empty() => outcome.span.as_deref().unwrap_or("merge"),
        _ if more.is_some() => "seed",
        _ => "history",
    };
    word.to_owned()
}

fn fields(outcomes: &[Outcome]) -> BTreeMap<String, BTreeMap<String, ByPolicy>> {
    let mut counts: BTreeMap<(&str, &str, &str), (Tally, Vec<Sets>)> = BTreeMap::new();
    for outcome in outcomes {
        for (policy, judged) in &outcome.policies {
            for (class, found) in &judged.classes {
                let known = counts.entry((&outcome.subject, class, policy));
                let (whole, blocks) = known.or_default();
                whole.add(&found.whole);
                blocks.extend(found.sets.values());
                if outcome.blocks.is_empty() && found.whole.conflict_sets > 0 {
                    blocks.push(Sets::from(&found.whole));
                }
            }
        }
    }
    let mut fields: BTreeMap<String, BTreeMap<String, ByPolicy>> = BTreeMap::new();
    for ((subject, class, policy), (whole, blocks)) in counts {
        let classes = fields.entry(subject.to_owned()).or_default();
        let policies = classes.entry(class.to_owned()).or_default();
        policies.insert(policy.to_owned(), FieldSummary::new(&whole, blocks));
    }
    fields
}

/// Blocks are the merges or spans of a history that has some, and seeds of
/// others.
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
    let is_lived = own.blocks.keys().all(|(seed, _)| *seed == 0);
    let metrics = Metric::ALL.iter().map(|metric| {
        let (values, others) = (own.values(*metric), first.values(*metric));
        let mut stream = Stream::new(0, &format!("{scenario} {name} {}", metric.id()));
        let paired = Paired::new(&values, &others);
        // What no policy can change is not compared, and Holm does not pay for it.
        let differs = !metric.is_of_ledger() || is_closed(manifest, scenario);
        let compares = !is_first && differs && paired.pairs().len() > 1;
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
        neighbours: neighbours(&paired.differences()).filter(|_| !is_first && is_lived),
        batched: batched(&paired, manifest.resamples).filter(|_| !is_first && is_lived),
        versus_random: versus_random(manifest, own, gathered.get(RANDOM), scenario, name),
        promises: own.whole.confluence(),
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

/// Whether neighbours are more alike than chance makes them.
pub(super) fn are_alike(correlation: f64, values: usize) -> bool {
    correlation > 2.0 / (values as f64).sqrt()
}

/// Whether every policy has a ledger of its own.
fn is_closed(manifest: &Manifest, scenario: &str) -> bool {
    let mut subjects = manifest.subjects.iter();
    subjects.any(|subject| subject.name == scenario && subject.kind == CLOSED_LOOP)
}

/// Takes neighbours together until they are not alike.
fn batched(paired: &Paired, resamples: usize) -> Option<Batched> {
    let alike = |paired: &Paired| {
        let differences = paired.differences();
        neighbours(&differences).is_some_and(|r| are_alike(r, differences.len()))
    };
    if !alike(paired) {
        return None;
    }
    let sizes = 2..=paired.pairs().len() / BLOCKS_MIN;
    let mut batches = sizes.map(|size| (size, paired.batched(size)));
    let (size, batches) = batches.find(|(_, batches)| !alike(batches))?;
    let mut stream = Stream::new(0, "batches");
    Some(Batched {
        size,
        comparison: batches.compare(resamples, &mut stream),
    })
}

/// The null model's name.
const RANDOM: &str = "random-winner";

/// Holds a policy against the random winner.
fn versus_random(
    manifest: &Manifest,
    own: &Gathered,
    random: Option<&Gathered>,
    scenario: &str,
    name: &str,
) -> Option<Comparison> {
    let random = random.filter(|_| name != RANDOM)?;
    let known = |metric: &Metric| !random.values(*metric).is_empty();
    let metric = [Metric::AgreementOnConflicts, Metric::Regret];
    let metric = metric.into_iter().find(known)?;
    let paired = Paired::new(&own.values(metric), &random.values(metric));
    let mut stream = Stream::new(0, &format!("{scenario} {name} against the random winner"));
    (paired.pairs().len() > 1).then(|| paired.compare(manifest.resamples, &mut stream))
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
