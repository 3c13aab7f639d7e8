//! Counts that add up, from which every metric follows.

use super::Lags;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! tally {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts. Those of parts of a ledger add up to those of the whole,
        /// but for [`Tally::width_max`], of which the larger counts.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
            /// The widest antichain.
            pub width_max: u64,
            /// By the width of their widest antichain: keys that were disputed.
            pub widths: BTreeMap<u64, u64>,
            /// By author: writes, and of them the lost ones.
            pub authors: BTreeMap<u32, (u64, u64)>,
            /// Conflicts that were left open: for how many milliseconds, and
            /// whether they were closed then.
            pub waits: Vec<(u64, bool)>,
            /// By how many milliseconds their author's clock was ahead, where that
            /// is known: contested standing values, and of them the shown ones.
            pub clocks: BTreeMap<i64, (u64, u64)>,
            /// By the standard deviation of clocks in milliseconds, where that
            /// is known: writes, and of them those lost silently.
            pub skews: BTreeMap<u64, (u64, u64)>,
            /// By how many writes their author had not seen of their field: how
            /// many writes.
            pub unseen: BTreeMap<u64, u64>,
            /// From operations until each core device had them.
            pub sights: Lags,
            /// … until all core devices had them.
            pub sights_by_all: Lags,
            /// … until the relay knew that they had.
            pub finals: Lags,
            /// Fields that a person left in a known state.
            pub fields: Agreed,
            /// … of which both sides had written different values.
            pub conflicts: Agreed,
        }

        impl Tally {
            /// Adds another's counts.
            pub fn add(&mut self, other: &Tally) {
                $(self.$name += other.$name;)*
                self.width_max = self.width_max.max(other.width_max);
                for (author, (writes, lost)) in &other.authors {
                    let known = self.authors.entry(*author).or_default();
                    *known = (known.0 + writes, known.1 + lost);
                }
                self.waits.extend(&other.waits);
                for (offset, (contested, shown)) in &other.clocks {
                    let known = self.clocks.entry(*offset).or_default();
                    *known = (known.0 + contested, known.1 + shown);
                }
                for (skew, (writes, lost)) in &other.skews {
                    let known = self.skews.entry(*skew).or_default();
                    *known = (known.0 + writes, known.1 + lost);
                }
                add_counts(&mut self.widths, &other.widths);
                add_counts(&mut self.unseen, &other.unseen);
                self.sights.add(&other.sights);
                self.sights_by_all.add(&other.sights_by_all);
                self.finals.add(&other.finals);
                self.fields.add(&other.fields);
                self.conflicts.add(&other.conflicts);
            }
        }
    };
}

tally! {
    /// Operations of people.
    operations,
    /// … that the fold rejected.
    refused,
    /// … for nothing but that they build on a rejected one.
    collateral,
    /// Operations by which people resolved conflicts and settled issues.
    answers,
    /// Writes.
    writes,
    /// … that met a concurrent one.
    contested,
    /// … with which they do not commute.
    disputed,
    /// Bytes of writes.
    bytes,
    /// Writes that nobody replaced.
    standing,
    /// … whose effect is there.
    satisfied,
    /// … whose effects one state could have had at most.
    satisfiable,
    /// What the standing writes weigh, by what their authors' intents count.
    meant,
    /// … of those whose effect is there.
    meant_kept,
    /// Lost writes that nobody was told of.
    lost_silently,
    /// … of which contested.
    contested_lost_silently,
    /// Lost writes that somebody was told of.
    lost_surfaced,
    /// Bytes of lost writes.
    bytes_lost,
    /// Operations of several writes.
    transactions,
    /// … of which some are lost and some not.
    fractured,
    /// Deletions of records and removals of elements.
    deletions,
    /// … whose object is there all the same.
    resurrected,
    /// Pairs of runs put in at one place of a text by people apart.
    meetings,
    /// … their interleaving indices, in millionths, together.
    interleaved,
    /// Sets of writes that met and do not commute.
    conflict_sets,
    /// What each had not seen of the other, together.
    depth,
    /// Milliseconds from the first write to the last one's arrival, together.
    window_ms,
    /// Conflict sets that people were asked about.
    asked,
    /// Conflict sets in which no value satisfies everybody.
    harmful,
    /// … and people were asked about.
    asked_rightly,
    /// Conflict sets that were decided without asking, and wrongly: against
    /// what a person decided, or where that is not known, against somebody.
    wrong,
    /// Questions to people.
    questions,
    /// Writes that vanished before their author's eyes.
    surprises,
    /// Shown values that gave way to ones whose author had not seen them.
    flips,
    /// Conflicts that are still open.
    open,
    /// Writes in them.
    siblings,
    /// Lookups.
    lookups,
    /// … that point at no living record.
    orphans,
    /// Living records with an alternate key.
    keyed,
    /// … that an earlier one has.
    duplicates,
    /// Living records that point at one of their own type.
    treed,
    /// … in a circle.
    circular,
    /// … and so come to one that is not there.
    stranded,
    /// Numbers with bounds.
    bounded,
    /// … that are beyond.
    overshot,
    /// What there is room for within bounds.
    room,
    /// … and how far beyond numbers are.
    beyond,
    /// What declared sums should come to.
    sums_expected,
    /// … and by how much they are off.
    sums_off,
    /// Milliseconds for which devices were watched, together.
    watched_ms,
    /// … in which they were shown something broken.
    exposed_ms,
    /// Operations that could break a key by meeting others.
    risks_unique,
    /// … a lookup.
    risks_lookup,
    /// … a bound.
    risks_bound,
    /// … a tree.
    risks_tree,
    /// Tokens to change until the state is what people made of it.
    edits,
    /// Tokens of the longer of both.
    tokens,
    /// Milliseconds from operations to their arrival, together.
    lag_ms,
    /// Bytes of the log.
    log_bytes,
    /// Own earlier writes of their field that the relay did not have when
    /// writes were made.
    unsent,
    /// Milliseconds since the relay had the first write of their field that the
    /// authors of writes had not seen.
    stale_ms,
    /// Changes of counters.
    counted,
    /// What counters were off by when those were made.
    off_by,
    /// Outages after which all core devices came to have everything.
    heals,
    /// Milliseconds that took.
    heal_ms,
    /// Operations accepted from devices that might not write.
    strangers,
    /// Logs that were written twice.
    forks,
    /// Milliseconds from the first branch's arrival to the second's, together.
    fork_ms,
    /// Operations of others that build on a first branch.
    fork_blast,
    /// Operations of revoked devices that the revocation had not seen.
    after_revocation,
    /// … that were accepted.
    leaked,
    /// Operations of revoked devices made before the revocation.
    before_revocation,
    /// … that were not accepted.
    discarded,
}

/// How what a policy did compares with what a person did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreed {
    /// Fields of which it is known.
    pub known: u64,
    /// … that the policy asked about.
    pub asked: u64,
    /// … that it did not ask about, and left as the person did.
    pub agreed: u64,
}

impl Agreed {
    fn add(&mut self, other: &Agreed) {
        self.known += other.known;
        self.asked += other.asked;
        self.agreed += other.agreed;
    }

    pub(super) fn count(&mut self, asked: bool, agrees: bool) {
        self.known += 1;
        self.asked += u64::from(asked);
        self.agreed += u64::from(!asked && agrees);
    }
}

impl Tally {
    /// The authors' shares of lost writes; `None` without authors.
    pub(super) fn loss_rates(&self) -> Option<Vec<f64>> {
        let rates = self.authors.values().filter(|(writes, _)| *writes > 0);
        let rates: Vec<f64> = rates
            .map(|(writes, lost)| *lost as f64 / *writes as f64)
            .collect();
        (!rates.is_empty()).then_some(rates)
    }

    /// The time in seconds after which half of the open conflicts were closed;
    /// those that never were count for as long as they were watched. `None`
    /// where fewer than half were.
    pub(super) fn half_life(&self) -> Option<f64> {
        let mut waits = self.waits.clone();
        waits.sort_unstable_by_key(|(ms, closed)| (*ms, !closed));
        let mut open = 1.0;
        for (before, (ms, closed)) in waits.iter().enumerate() {
            if *closed {
                open *= 1.0 - 1.0 / (waits.len() - before) as f64;
            }
            if open <= 0.5 {
                return Some(*ms as f64 / 1_000.0);
            }
        }
        None
    }

    /// The slope of the share of shown values over their authors' clocks, for
    /// each hour ahead; `None` where clocks are alike or not known.
    pub(super) fn clock_slope(&self) -> Option<f64> {
        let clocks = self.clocks.iter();
        slope(clocks.map(|(offset, (all, shown))| (*offset as f64, *all, *shown)))
    }

    /// The slope of the share of silently lost writes over how far clocks are
    /// apart, for each hour; `None` where only one distance is known.
    pub(super) fn skew_slope(&self) -> Option<f64> {
        let skews = self.skews.iter();
        slope(skews.map(|(skew, (all, lost))| (*skew as f64, *all, *lost)))
    }
}

fn add_counts(counts: &mut BTreeMap<u64, u64>, others: &BTreeMap<u64, u64>) {
    for (number, count) in others {
        *counts.entry(*number).or_default() += count;
    }
}

/// The share of those that are this many or fewer; `None` of none.
pub(super) fn at_most(counts: &BTreeMap<u64, u64>, number: u64) -> Option<f64> {
    let all: u64 = counts.values().sum();
    let few: u64 = counts.range(..=number).map(|(_, count)| count).sum();
    (all > 0).then(|| few as f64 / all as f64)
}

/// How many they are at most, but for those beyond this share of them; `None`
/// of none.
pub(super) fn quantile(counts: &BTreeMap<u64, u64>, share: f64) -> Option<f64> {
    let all: u64 = counts.values().sum();
    let mut few = 0;
    let mut reached = counts.iter().skip_while(|(_, count)| {
        few += **count;
        (few as f64) < share * all as f64
    });
    reached.next().map(|(number, _)| *number as f64)
}

/// The slope of a share for each hour, by least squares: `(milliseconds, all,
/// of them)`, each weighing as many as there are.
fn slope(points: impl Iterator<Item = (f64, u64, u64)> + Clone) -> Option<f64> {
    const HOUR: f64 = 3_600_000.0;
    let points = points.map(|(ms, all, part)| (ms / HOUR, all as f64, part as f64));
    let all: f64 = points.clone().map(|(_, n, _)| n).sum();
    let part: f64 = points.clone().map(|(_, _, y)| y).sum();
    let middle = points.clone().map(|(x, n, _)| x * n).sum::<f64>() / all;
    let along: f64 = points
        .clone()
        .map(|(x, n, _)| n * (x - middle).powi(2))
        .sum();
    let across: f64 = points
        .map(|(x, n, y)| (x - middle) * (y - n * part / all))
        .sum();
    (along > 0.0).then(|| across / along)
}
