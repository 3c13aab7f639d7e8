//! What follows from the numbers, in sentences.

use super::words::{escaped, number, p_value, per_thousand, share};
use super::{Manifest, Policies, add};
use crate::compare::{Cost, PolicySummary, can_be_chosen};
use crate::metrics::Metric;
use crate::stats::Interval;
use std::fmt::Write as _;

/// The probability below which a difference is called one.
const LEVEL: f64 = 0.05;

/// All that is said of a history.
pub(super) fn add_all(html: &mut String, manifest: &Manifest, policies: &Policies) {
    in_short(html, manifest, policies);
    cost(html, manifest, policies);
    as_people(html, manifest, policies);
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
fn told(difference: &Interval, p: f64, policy: &PolicySummary) -> &'static str {
    let no_worse = policy.no_worse.is_some_and(|test| test.p_high < LEVEL);
    match (p < LEVEL, difference.estimate < 0.0) {
        (true, true) => "loses less in silence",
        (true, false) => "loses more in silence",
        _ if difference.low == 0.0 && difference.high == 0.0 => "loses as much in every block",
        _ if no_worse => "is no worse by more than the margin",
        _ => "is not told apart",
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
        let which = told(&difference, versus.p_holm, policy);
        let asks = policy.metrics.get(Metric::QuestionsAsked.id());
        let asks = asks.and_then(|asks| asks.whole).unwrap_or(0.0);
        sentences.push(format!(
            "<li><b>{}</b> {which}: {} of 1,000 writes (95 % interval {} to {}, p<sub>Holm</sub> = {}), \
             and asks {} questions per 1,000 writes.</li>",
            escaped(name),
            per_thousand(difference.estimate),
            per_thousand(difference.low),
            per_thousand(difference.high),
            p_value(versus.p_holm),
            number(asks)
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

    fn costs(asked: f64, wrong: f64) -> Vec<Cost> {
        let point = |k: f64| Cost {
            k,
            cost: asked + k * wrong,
        };
        [1.0, 10.0, 100.0].map(point).into()
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
