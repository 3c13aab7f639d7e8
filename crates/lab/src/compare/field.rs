//! Kinds of fields: what each policy did to them, and what follows from it.

use crate::metrics::{Agreed, Sets, Tally};
use crate::stats::{Cluster, Interval, clustered_share};
use serde::Serialize;
use std::collections::BTreeMap;

/// Conflict sets below which nothing is concluded: of what was never seen in
/// 30, there may still be one in ten.
pub const SETS_MIN: u64 = 30;
/// Blocks with conflict sets below which nothing is concluded: how much blocks
/// differ is not known from fewer.
pub const BLOCKS_MIN: usize = 10;

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
    /// Blocks with conflict sets.
    pub blocks: usize,
    /// Their conflict sets.
    #[serde(skip)]
    pub by_block: Vec<Sets>,
}

/// What policies did to a kind of field, by their names.
pub type ByPolicy = BTreeMap<String, FieldSummary>;

impl FieldSummary {
    /// Of the counts of everything, and of the conflict sets of each block.
    pub fn new(tally: &Tally, by_block: Vec<Sets>) -> FieldSummary {
        FieldSummary {
            writes: tally.writes,
            conflict_sets: tally.conflict_sets,
            asked: tally.asked,
            wrong: tally.wrong,
            lost_silently: tally.lost_silently,
            lost_surfaced: tally.lost_surfaced,
            people: tally.conflicts.clone(),
            blocks: by_block.len(),
            by_block,
        }
    }

    /// Whether there is enough to conclude anything from.
    pub fn is_enough(&self) -> bool {
        self.conflict_sets >= SETS_MIN && self.blocks >= BLOCKS_MIN
    }

    /// What a conflict set costs, in questions, where a wrong decision costs
    /// `k` of them, at a level of confidence: the interval is that of the share
    /// of wrong decisions among those taken without asking, of which those of
    /// one block are alike ([`clustered_share`]). `None` without conflict sets,
    /// or with sets of one block only.
    pub fn cost(&self, k: f64, level: f64) -> Option<Interval> {
        let sets = self.conflict_sets as f64;
        let alone = self.conflict_sets.checked_sub(self.asked)?;
        let cost = |share: f64| (self.asked as f64 + k * share * alone as f64) / sets;
        let cluster = |sets: &Sets| Cluster {
            trials: sets.all - sets.asked,
            events: sets.wrong,
        };
        let clusters: Vec<Cluster> = self.by_block.iter().map(cluster).collect();
        let wrong = match alone {
            0 => Some((0.0, 0.0)),
            _ => clustered_share(&clusters, level).map(|share| (share.low, share.high)),
        };
        let (low, high) = wrong.filter(|_| sets > 0.0)?;
        Some(Interval {
            estimate: cost(self.wrong as f64 / alone.max(1) as f64),
            low: cost(low),
            high: cost(high),
            level,
        })
    }
}

/// Whether a person could choose it: neither a null model nor one that knows
/// the end.
pub fn can_be_chosen(policy: &str) -> bool {
    policy != "oracle" && !policy.starts_with("random")
}

/// The level of confidence at which each of several kinds of fields is judged,
/// so that all of them together are right with 95 %: Bonferroni's.
pub fn level_of_each(fields: usize) -> f64 {
    1.0 - 0.05 / fields.max(1) as f64
}

/// The policies that cost least on a kind of field, the cheapest first: those
/// whose interval reaches down to the cheapest's. Empty where there is too
/// little to conclude anything from.
pub fn cheapest(policies: &ByPolicy, k: f64, level: f64) -> Vec<&str> {
    let costs = policies.iter().filter_map(|(name, summary)| {
        let cost = Some(summary).filter(|s| s.is_enough())?.cost(k, level)?;
        can_be_chosen(name).then_some((name.as_str(), cost))
    });
    let mut costs: Vec<(&str, Interval)> = costs.collect();
    costs.sort_by(|(_, a), (_, b)| a.estimate.total_cmp(&b.estimate));
    let most = costs.first().map_or(0.0, |(_, cost)| cost.high);
    let level = costs.into_iter().filter(|(_, cost)| cost.low <= most);
    level.map(|(name, _)| name).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Counts whose conflict sets come one in a block, the wrong ones first.
    pub(crate) fn summary(conflict_sets: u64, asked: u64, wrong: u64) -> FieldSummary {
        let tally = Tally {
            conflict_sets,
            asked,
            wrong,
            ..Tally::default()
        };
        let one = |set: u64| Sets {
            all: 1,
            asked: u64::from(set >= conflict_sets - asked),
            wrong: u64::from(set < wrong),
        };
        FieldSummary::new(&tally, (0..conflict_sets).map(one).collect())
    }

    fn policies(of: &[(&str, FieldSummary)]) -> ByPolicy {
        let named = of.iter().map(|(name, s)| ((*name).to_owned(), s.clone()));
        named.collect()
    }

    /// 12 of 40 wrong, each in a block of its own: 0.3, about between 0.1656 and
    /// 0.4653 (R's `binom.test(12, 40)`), a little more as blocks that differ
    /// have a degree of freedom less.
    #[test]
    fn a_cost_has_the_interval_of_what_was_wrong() {
        let cost = summary(40, 0, 12).cost(10.0, 0.95).unwrap();
        assert!((cost.estimate - 3.0).abs() < 1e-12, "{cost:?}");
        assert!((cost.low - 1.656).abs() < 0.02, "{cost:?}");
        assert!((cost.high - 4.653).abs() < 0.05, "{cost:?}");
        let asks = summary(40, 40, 0).cost(10.0, 0.95).unwrap();
        assert_eq!((asks.low, asks.estimate, asks.high), (1.0, 1.0, 1.0));
        assert_eq!(summary(0, 0, 0).cost(10.0, 0.95), None);
    }

    #[test]
    fn what_a_wrong_decision_costs_decides_what_is_cheapest() {
        let known = policies(&[
            ("client-wins", summary(100, 0, 30)),
            ("flag", summary(100, 100, 0)),
            ("last-writer-wins", summary(100, 0, 60)),
            ("oracle", summary(100, 0, 0)),
        ]);
        assert_eq!(cheapest(&known, 1.0, 0.95), ["client-wins"]);
        assert_eq!(cheapest(&known, 10.0, 0.95), ["flag"]);
        let alike = policies(&[
            ("client-wins", summary(100, 0, 30)),
            ("server-wins", summary(100, 0, 33)),
        ]);
        assert_eq!(cheapest(&alike, 1.0, 0.95), ["client-wins", "server-wins"]);
    }

    #[test]
    fn too_few_conflicts_say_nothing() {
        let few = policies(&[("flag", summary(SETS_MIN - 1, SETS_MIN - 1, 0))]);
        assert_eq!(cheapest(&few, 10.0, 0.95), [""; 0]);
    }

    /// The same 30 of 100 wrong, of one to each block or of ten blocks: three
    /// of them all wrong, the others not at all.
    #[test]
    fn conflicts_of_few_blocks_tell_less_than_as_many_from_everywhere() {
        let apart = summary(100, 0, 30);
        let mut together = apart.clone();
        let block = |wrong: bool| Sets {
            all: 10,
            asked: 0,
            wrong: if wrong { 10 } else { 0 },
        };
        together.by_block = (0..10).map(|n| block(n < 3)).collect();
        together.blocks = 10;
        let (wide, narrow) = (together.cost(1.0, 0.95), apart.cost(1.0, 0.95));
        let width = |i: Option<Interval>| i.map(|i| i.high - i.low).expect("blocks");
        assert!(width(wide) > 2.5 * width(narrow), "{wide:?} {narrow:?}");
        together.by_block.truncate(9);
        together.blocks = 9;
        assert!(apart.is_enough() && !together.is_enough());
    }
}
