//! What follows from the numbers, in sentences.

use super::words::{escaped, number, p_value, per_thousand, share};
use super::{Manifest, Policies, add};
use crate::compare::summary::are_alike;
use crate::compare::{Batched, Cost, PolicySummary, can_be_chosen};
use crate::metrics::Metric;
use crate::stats::Comparison;
use std::fmt::Write as _;

/// The probability below which a difference is called one.
const LEVEL: f64 = 0.05;

/// All that is said of a history.
pub(super) fn add_all(html: &mut String, manifest: &Manifest, policies: &Policies) {
    rejected(html, policies);
    in_short(html, manifest, policies);
    null(html, manifest, policies);
    cost(html, manifest, policies);
    as_people(html, manifest, policies);
}

/// What no policy saw: operations that the fold rejected, whatever it folded
/// under.
fn rejected(html: &mut String, policies: &Policies) {
    let of = |policy: &PolicySummary| policy.metrics.get(Metric::RefusalRate.id())?.whole;
    let most = policies.values().filter_map(of).fold(0.0, f64::max);
    if most > 0.0 {
        let text = format!(
            "<p>Up to {} of the operations were rejected (over a limit, a key that was taken, or what builds on such). What they wrote \
             counts for nobody, and their records do not count for agreement with people.</p>",
            share(most)
        );
        add(html, &text);
    }
}

/// The policy that others are held against.
fn first(manifest: &Manifest) -> String {
    escaped(manifest.policies.first().map_or("", String::as_str))
}

/// From where on asking pays.
fn cost(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let costs = |name: &String| policies.get(name).map_or(&[][..], |p| &p.costs[..]);
    let Some(baseline) = manifest.policies.first() else {
        return;
    };
    let others = manifest.policies.iter().filter(|n| can_be_chosen(n));
    let turns = others.filter_map(|name| {
        let k = cheaper_from(costs(name), costs(baseline))?;
        Some(format!("<b>{}</b> from {} on", escaped(name), number(k)))
    });
    let turns: Vec<String> = turns.collect();
    if !turns.is_empty() {
        let text = format!(
            "<p>Cheaper here than <b>{}</b> by what a wrong decision costs, in questions: {}.</p>",
            first(manifest),
            turns.join(", ")
        );
        add(html, &text);
    }
}

/// What a wrong decision must cost for a policy to be cheaper than the first:
/// the cost of either is a straight line over it.
fn cheaper_from(own: &[Cost], first: &[Cost]) -> Option<f64> {
    let line = |costs: &[Cost]| {
        let (low, high) = (costs.first()?, costs.last()?);
        let slope = (high.cost - low.cost) / (high.k - low.k);
        Some((low.cost - slope * low.k, slope))
    };
    let ((asked, wrong), (first_asked, first_wrong)) = (line(own)?, line(first)?);
    let k = (asked - first_asked) / (first_wrong - wrong);
    (first_wrong - wrong > 1e-9).then_some(k.max(0.0))
}

/// What is said of a policy against the first.
fn told(comparison: &Comparison, p: f64, policy: &PolicySummary) -> &'static str {
    let no_worse = policy.no_worse.is_some_and(|test| test.p_high < LEVEL);
    let difference = comparison.difference;
    match (difference.estimate < 0.0, comparison.test.direction() < 0.0) {
        (true, true) if p < LEVEL => "loses less in silence",
        (false, false) if p < LEVEL => "loses more in silence",
        (true, false) if p < LEVEL => {
            "loses more in silence in most blocks, but so much less in a few that the mean is lower; \
             nothing follows for all of them"
        }
        (false, true) if p < LEVEL => {
            "loses less in silence in most blocks, but so much more in a few that the mean is higher; \
             nothing follows for all of them"
        }
        _ if difference.low == 0.0 && difference.high == 0.0 => "loses as much in every block",
        _ if no_worse => "is no worse by more than the margin",
        _ => "is not told apart",
    }
}

/// What makes a comparison weaker than its numbers look.
fn weakness(policy: &PolicySummary, first: Option<f64>) -> Option<String> {
    let loss = policy.metrics.get(Metric::PRIMARY.id())?;
    let versus = loss.versus.as_ref()?;
    let mut found = Vec::new();
    let blocks = versus.comparison.blocks;
    if let Some(r) = policy.neighbours.filter(|r| are_alike(*r, blocks)) {
        found.push(format!(
            "blocks that follow each other are alike (r = {}), so that the interval is too narrow{}",
            number(r),
            policy.batched.as_ref().map_or_else(String::new, in_batches)
        ));
    }
    let mean = versus.comparison.difference.estimate;
    if let (Some(own), Some(first)) = (loss.whole, first)
        && mean * (own - first) < 0.0
    {
        found.push(
            "over all writes at once it is the other way round: large blocks differ from small ones"
                .to_owned(),
        );
    }
    (!found.is_empty()).then(|| format!(" But {}.", found.join("; and ")))
}

fn in_batches(batched: &Batched) -> String {
    let Comparison {
        difference, test, ..
    } = &batched.comparison;
    format!(
        ": with {} of them taken for one, {} of 1,000 (95 % interval {} to {}, p = {})",
        batched.size,
        per_thousand(difference.estimate),
        per_thousand(difference.low),
        per_thousand(difference.high),
        p_value(test.p)
    )
}

/// Which policies that ask nobody are no better than a winner by lot.
fn null(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let (mut better, mut no_better) = (Vec::new(), Vec::new());
    for name in manifest.policies.iter().filter(|n| can_be_chosen(n)) {
        let Some(policy) = policies.get(name).filter(|p| !p.asks()) else {
            continue;
        };
        let Some(found) = &policy.versus_random else {
            continue;
        };
        let differs = found.test.p < LEVEL && found.difference.estimate != 0.0;
        let list = if differs { &mut better } else { &mut no_better };
        let difference = found.difference;
        list.push(format!(
            "<b>{}</b> ({} points [{}, {}], p = {})",
            escaped(name),
            number(difference.estimate * 100.0),
            number(difference.low * 100.0),
            number(difference.high * 100.0),
            p_value(found.test.p)
        ));
    }
    let what = match policies.values().any(|p| p.people_known()) {
        true => "in how often it did as people did where both sides had changed a field",
        false => "in regret, the share of intents that one state could have satisfied and did not",
    };
    for (list, verdict) in [
        (better, "Told apart from a winner by lot"),
        (
            no_better,
            "Not told apart from a winner by lot, so that what they look at decides nothing here",
        ),
    ] {
        if !list.is_empty() {
            add(
                html,
                &format!("<p>{verdict}, {what}: {}.</p>", list.join(", ")),
            );
        }
    }
}

/// What people decided, and how often a policy that asks nobody did the same.
fn as_people(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let mut sentences = Vec::new();
    for name in manifest.policies.iter().filter(|n| can_be_chosen(n)) {
        let of = |metric: Metric| policies.get(name)?.metrics.get(metric.id());
        let asked = of(Metric::ConflictsAsked).and_then(|asked| asked.whole);
        let Some(agreed) = of(Metric::AgreementOnConflicts) else {
            continue;
        };
        let (Some(share_of), Some(0.0)) = (agreed.whole, asked) else {
            continue;
        };
        let mut sentence = format!("<li><b>{}</b>: {}", escaped(name), share(share_of));
        if let Some(versus) = &agreed.versus {
            let points = |share: f64| number(share * 100.0);
            let found = versus.comparison.difference;
            let _ = write!(
                sentence,
                "; {} points against the first, mean of {} blocks (95 % interval {} to {}, \
                 p<sub>Holm</sub> = {})",
                points(found.estimate),
                versus.comparison.blocks,
                points(found.low),
                points(found.high),
                p_value(versus.p_holm)
            );
        }
        sentences.push(sentence + "</li>");
    }
    let displaced = policies.get("oracle").and_then(|oracle| {
        let loss = oracle.metrics.get(Metric::PRIMARY.id())?;
        loss.whole.filter(|_| oracle.people_known())
    });
    if let Some(displaced) = displaced {
        let text = format!(
            "<p>What people decided displaces {} of 1,000 writes itself, as far as one policy can do \
             as they did (<b>oracle</b>): a write that is lost in silence is not always one that was \
             right.</p>",
            per_thousand(displaced)
        );
        add(html, &text);
    }
    if !sentences.is_empty() {
        add(
            html,
            "<p>Of the conflicts that people decided, policies that ask nobody left as they did:</p><ul>",
        );
        sentences.iter().for_each(|sentence| add(html, sentence));
        add(html, "</ul>");
    }
}

/// What the numbers prove, and what they do not, in sentences.
fn in_short(html: &mut String, manifest: &Manifest, policies: &Policies) {
    let first = first(manifest);
    let mut sentences = Vec::new();
    let mut open = Vec::new();
    let baseline = manifest.policies.first().and_then(|name| {
        let loss = policies.get(name)?.metrics.get(Metric::PRIMARY.id())?;
        loss.whole
    });
    for name in manifest
        .policies
        .iter()
        .skip(1)
        .filter(|n| can_be_chosen(n))
    {
        let Some(policy) = policies.get(name) else {
            continue;
        };
        let Some(loss) = policy.metrics.get(Metric::PRIMARY.id()) else {
            continue;
        };
        let Some(versus) = &loss.versus else {
            open.push(escaped(name));
            continue;
        };
        let difference = versus.comparison.difference;
        let which = told(&versus.comparison, versus.p_holm, policy);
        let asks = policy.metrics.get(Metric::QuestionsAsked.id());
        let asks = asks.and_then(|asks| asks.whole).unwrap_or(0.0);
        sentences.push(format!(
            "<li><b>{}</b> {which}: {} of 1,000 writes (95 % interval {} to {}, p<sub>Holm</sub> = {}), \
             and asks {} questions per 1,000 writes.{}</li>",
            escaped(name),
            per_thousand(difference.estimate),
            per_thousand(difference.low),
            per_thousand(difference.high),
            p_value(versus.p_holm),
            number(asks),
            weakness(policy, baseline).unwrap_or_default()
        ));
    }
    if !sentences.is_empty() {
        add(html, &format!("<p>Against <b>{first}</b>:</p><ul>"));
        sentences.iter().for_each(|sentence| add(html, sentence));
        add(html, "</ul>");
    }
    if !open.is_empty() {
        let text = format!(
            "<p>Nothing is inferred about {}: of one block there are counts, but nothing says how \
             sure they are.</p>",
            open.join(", ")
        );
        add(html, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Estimate, Versus};
    use crate::stats::{Paired, Stream};

    #[test]
    fn what_was_rejected_is_said() {
        let refused = |rate: f64| {
            let whole = Some(rate);
            let estimate = Estimate {
                whole,
                blocks: None,
                n: 1,
                none_seen: None,
                versus: None,
            };
            PolicySummary {
                metrics: [(Metric::RefusalRate.id(), estimate)].into(),
                ..PolicySummary::default()
            }
        };
        let said = |rate: f64| {
            let mut html = String::new();
            let policies = [("flag".to_owned(), refused(rate))].into();
            rejected(&mut html, &policies);
            html
        };
        assert!(said(0.02).contains("Up to 2 % of the operations were rejected"));
        assert_eq!(said(0.0), "");
    }

    fn costs(asked: f64, wrong: f64) -> Vec<Cost> {
        let point = |k: f64| Cost {
            k,
            cost: asked + k * wrong,
        };
        [1.0, 10.0, 100.0].map(point).into()
    }

    fn compared(differences: &[f64]) -> Comparison {
        let blocks = || 0..differences.len();
        let own = blocks().map(|block| (block, differences[block])).collect();
        let first = blocks().map(|block| (block, 0.0)).collect();
        Paired::new(&own, &first).compare(200, &mut Stream::new(1, "told"))
    }

    fn said(differences: &[f64]) -> &'static str {
        let comparison = compared(differences);
        told(&comparison, comparison.test.p, &PolicySummary::default())
    }

    #[test]
    fn a_difference_is_one_where_mean_and_ranks_agree() {
        let less: Vec<f64> = (1..=20).map(|n| -0.01 * f64::from(n)).collect();
        assert_eq!(said(&less), "loses less in silence");
        let more: Vec<f64> = less.iter().map(|d| -d).collect();
        assert_eq!(said(&more), "loses more in silence");
        assert_eq!(said(&[0.0; 8]), "loses as much in every block");
        assert_eq!(said(&[0.1, -0.1, 0.2, -0.2]), "is not told apart");
        // Nineteen blocks a little worse, one so much better that the mean is.
        let mut split = more.clone();
        split[0] = -100.0;
        assert!(said(&split).starts_with("loses more in silence in most blocks, but"));
        split.iter_mut().for_each(|d| *d = -*d);
        assert!(said(&split).starts_with("loses less in silence in most blocks, but"));
    }

    fn losing(whole: f64, differences: &[f64], neighbours: Option<f64>) -> PolicySummary {
        let loss = Estimate {
            whole: Some(whole),
            blocks: None,
            n: differences.len(),
            none_seen: None,
            versus: Some(Versus {
                comparison: compared(differences),
                p_holm: 0.01,
            }),
        };
        PolicySummary {
            metrics: [(Metric::PRIMARY.id(), loss)].into(),
            neighbours,
            ..PolicySummary::default()
        }
    }

    #[test]
    fn what_makes_a_comparison_weaker_is_said() {
        let better = [-0.1, -0.2, -0.1, -0.3];
        let plain = losing(0.2, &better, Some(0.1));
        assert_eq!(weakness(&plain, Some(0.3)), None);
        let turned = weakness(&plain, Some(0.1)).unwrap();
        assert!(turned.contains("the other way round"), "{turned}");
        let alike = weakness(&losing(0.2, &better, Some(1.01)), Some(0.3)).unwrap();
        assert!(alike.contains("too narrow"), "{alike}");
    }

    #[test]
    fn a_policy_that_asks_is_cheaper_from_where_the_lines_cross() {
        let (asks, decides) = (costs(1.0, 0.0), costs(0.0, 0.75));
        let k = cheaper_from(&asks, &decides).unwrap();
        assert!((k - 4.0 / 3.0).abs() < 1e-9, "{k}");
        assert_eq!(cheaper_from(&decides, &asks), None);
        assert_eq!(cheaper_from(&costs(0.0, 0.25), &decides), Some(0.0));
        assert_eq!(cheaper_from(&decides, &decides), None);
        assert_eq!(cheaper_from(&[], &decides), None);
    }
}
