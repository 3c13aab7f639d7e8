//! Kinds of fields: what each policy did to them, and what follows from it.

use crate::metrics::{Agreed, Tally};
use crate::stats::{Interval, clopper_pearson};
use serde::Serialize;
use std::collections::BTreeMap;

/// Conflict sets below which nothing is concluded: of what was never seen in
/// 30, there may still be one in ten.
pub const SETS_MIN: u64 = 30;

/// A kind of field under a policy, in plain counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct FieldSummary {
    /// Writes.
    pub writes: u64,
    /// Sets of writes that met and do not commute.
    pub conflict_sets: u64,
    /// … that people were asked about.
    pub asked: u64,
    /// … that were decided without asking, and wrongly.
    pub wrong: u64,
    /// Writes that were lost and nobody was told.
    pub lost_silently: u64,
    /// Lost writes that somebody was told of.
    pub lost_surfaced: u64,
    /// True conflicts that people decided, where that is known.
    pub people: Agreed,
}

/// What policies did to a kind of field, by their names.
pub type ByPolicy = BTreeMap<String, FieldSummary>;

impl From<&Tally> for FieldSummary {
    fn from(tally: &Tally) -> FieldSummary {
        FieldSummary {
            writes: tally.writes,
            conflict_sets: tally.conflict_sets,
            asked: tally.asked,
            wrong: tally.wrong,
            lost_silently: tally.lost_silently,
            lost_surfaced: tally.lost_surfaced,
            people: tally.conflicts.clone(),
        }
    }
}

impl FieldSummary {
    /// What a conflict set costs, in questions, where a wrong decision costs
    /// `k` of them. The interval is exact (Clopper and Pearson) in the share of
    /// wrong decisions among those taken without asking, and takes conflict
    /// sets for independent. `None` without conflict sets.
    pub fn cost(&self, k: f64) -> Option<Interval> {
        let sets = self.conflict_sets as f64;
        let alone = self.conflict_sets.checked_sub(self.asked)?;
        let cost = |share: f64| (self.asked as f64 + k * share * alone as f64) / sets;
        let (low, high) = clopper_pearson(self.wrong, alone, 0.95).unwrap_or((0.0, 0.0));
        (sets > 0.0).then(|| Interval {
            estimate: cost(self.wrong as f64 / alone.max(1) as f64),
            low: cost(low),
            high: cost(high),
            level: 0.95,
        })
    }
}

/// Whether a person could choose it: neither a null model nor one that knows
/// the end.
pub fn can_be_chosen(policy: &str) -> bool {
    policy != "oracle" && !policy.starts_with("random")
}

/// The policies that cost least on a kind of field, the cheapest first: those
/// whose cost is not told apart from the cheapest's. Empty where there are
/// fewer conflict sets than [`SETS_MIN`].
pub fn cheapest(policies: &ByPolicy, k: f64) -> Vec<&str> {
    let enough = |summary: &&FieldSummary| summary.conflict_sets >= SETS_MIN;
    let costs = policies.iter().filter_map(|(name, summary)| {
        let cost = Some(summary).filter(enough)?.cost(k)?;
        can_be_chosen(name).then_some((name.as_str(), cost))
    });
    let mut costs: Vec<(&str, Interval)> = costs.collect();
    costs.sort_by(|(_, a), (_, b)| a.estimate.total_cmp(&b.estimate));
    let most = costs.first().map_or(0.0, |(_, cost)| cost.high);
    let level = costs.into_iter().filter(|(_, cost)| cost.low <= most);
    level.map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(conflict_sets: u64, asked: u64, wrong: u64) -> FieldSummary {
        FieldSummary {
            conflict_sets,
            asked,
            wrong,
            ..FieldSummary::default()
        }
    }

    fn policies(of: &[(&str, FieldSummary)]) -> ByPolicy {
        let named = of.iter().map(|(name, s)| ((*name).to_owned(), s.clone()));
        named.collect()
    }

    /// 12 of 40 wrong: 0.3, exactly between 0.1656 and 0.4653 (R's
    /// `binom.test(12, 40)`).
    #[test]
    fn a_cost_has_the_exact_interval_of_what_was_wrong() {
        let cost = summary(40, 0, 12).cost(10.0).unwrap();
        assert!((cost.estimate - 3.0).abs() < 1e-12, "{cost:?}");
        assert!((cost.low - 1.656).abs() < 2e-3, "{cost:?}");
        assert!((cost.high - 4.653).abs() < 2e-3, "{cost:?}");
        let asks = summary(40, 40, 0).cost(10.0).unwrap();
        assert_eq!((asks.low, asks.estimate, asks.high), (1.0, 1.0, 1.0));
        assert_eq!(summary(0, 0, 0).cost(10.0), None);
    }

    #[test]
    fn what_a_wrong_decision_costs_decides_what_is_cheapest() {
        let known = policies(&[
            ("client-wins", summary(100, 0, 30)),
            ("flag", summary(100, 100, 0)),
            ("last-writer-wins", summary(100, 0, 60)),
            ("oracle", summary(100, 0, 0)),
        ]);
        assert_eq!(cheapest(&known, 1.0), ["client-wins"]);
        assert_eq!(cheapest(&known, 10.0), ["flag"]);
        let alike = policies(&[
            ("client-wins", summary(100, 0, 30)),
            ("server-wins", summary(100, 0, 33)),
        ]);
        assert_eq!(cheapest(&alike, 1.0), ["client-wins", "server-wins"]);
    }

    #[test]
    fn too_few_conflicts_say_nothing() {
        let few = policies(&[("flag", summary(SETS_MIN - 1, SETS_MIN - 1, 0))]);
        assert_eq!(cheapest(&few, 10.0), [""; 0]);
    }
}
