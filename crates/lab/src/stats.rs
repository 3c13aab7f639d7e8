//! The statistics of comparisons.
//!
//! The unit is the block: a seed, or a merge of a real history. Every policy
//! sees the same blocks, so comparisons are within them. The order to read in:
//! [`Paired`] and what [`Paired::compare`] says of it; then each method, with
//! where it was published and whose worked example it reproduces.

mod bootstrap;
mod clustered;
mod equivalence;
mod rank;
mod rare;
mod special;
mod stream;

pub use bootstrap::{Interval, RESAMPLES, acceleration, bca, quantile};
pub use clustered::{Cluster, clustered_share};
pub use equivalence::{Equivalence, tost};
pub use rank::{EXACT_MAX, SignedRank, cliffs_delta, paired_a12, paired_delta, signed_rank};
pub use rare::{clopper_pearson, none_seen, rule_of_three};
pub use special::{normal_cdf, normal_quantile, student_cdf};
pub use stream::Stream;

use std::collections::BTreeMap;

/// Two policies' values of one metric, paired by block.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Paired {
    pairs: Vec<(f64, f64)>,
    unpaired: usize,
}

/// What is to be said of a paired comparison. Differences are first less
/// second.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Comparison {
    /// Blocks that both have a value of.
    pub blocks: usize,
    /// Blocks that only one has a value of; they are left out.
    pub unpaired: usize,
    /// The mean difference, with its BCa interval.
    pub difference: Interval,
    /// How often the first is smaller within a block, ties counting half.
    pub a12: f64,
    /// `2 a12 - 1`.
    pub delta: f64,
    /// Wilcoxon's signed-rank test.
    pub test: SignedRank,
    /// The share of variance that pairing took away,
    /// `1 - Var(X - Y) / (Var X + Var Y)`.
    pub variance_reduction: f64,
}

impl Paired {
    /// Pairs the values of two policies. Values that are no numbers are as if
    /// they were not there.
    pub fn new<K: Ord>(first: &BTreeMap<K, f64>, second: &BTreeMap<K, f64>) -> Paired {
        let is_number = |value: &&f64| value.is_finite();
        let pairs: Vec<(f64, f64)> = first
            .iter()
            .filter_map(|(block, x)| Some((*x, *second.get(block)?)))
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .collect();
        let known = |map: &BTreeMap<K, f64>| map.values().filter(is_number).count();
        let unpaired = known(first) + known(second) - 2 * pairs.len();
        Paired { pairs, unpaired }
    }

    /// The pairs.
    pub fn pairs(&self) -> &[(f64, f64)] {
        &self.pairs
    }

    /// First less second, by block.
    pub fn differences(&self) -> Vec<f64> {
        self.pairs.iter().map(|(x, y)| x - y).collect()
    }

    /// Means of as many neighbours each, as if those were one block; what is
    /// left over is of the last. Batch means, the textbook's way with values of
    /// which neighbours are alike: Law and Kelton, "Simulation Modeling and
    /// Analysis" (1991), section 9.5.
    pub fn batched(&self, size: usize) -> Paired {
        let batches = (self.pairs.len() / size.max(1)).max(1);
        let batch = |number: usize| {
            let end = match number + 1 == batches {
                true => self.pairs.len(),
                false => (number + 1) * size,
            };
            let (xs, ys): (Vec<f64>, Vec<f64>) =
                self.pairs[number * size..end].iter().copied().unzip();
            (mean(&xs), mean(&ys))
        };
        Paired {
            pairs: (0..batches).map(batch).collect(),
            unpaired: self.unpaired,
        }
    }

    /// Compares, with a 95 % interval from this many resamples.
    pub fn compare(&self, resamples: usize, stream: &mut Stream) -> Comparison {
        let differences = self.differences();
        let (xs, ys): (Vec<f64>, Vec<f64>) = self.pairs.iter().copied().unzip();
        let apart = variance(&xs) + variance(&ys);
        Comparison {
            blocks: self.pairs.len(),
            unpaired: self.unpaired,
            difference: bca(&differences, mean, 0.95, resamples, stream),
            a12: paired_a12(&self.pairs),
            delta: paired_delta(&self.pairs),
            test: signed_rank(&differences),
            variance_reduction: 1.0 - variance(&differences) / apart,
        }
    }
}

/// The mean; NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The sample variance; NaN for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    let center = mean(values);
    let squares: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

/// How alike neighbours are: the correlation of each value with the next (the
/// lag-one autocorrelation, Box and Jenkins, "Time Series Analysis", 1970).
/// Of independent values it lies within `2 / sqrt(n)` of zero, 19 times of 20.
/// `None` for fewer than three values, or where all are alike.
pub fn neighbours(values: &[f64]) -> Option<f64> {
    let center = mean(values);
    let along: f64 = values.iter().map(|value| (value - center).powi(2)).sum();
    let pairs = values.windows(2);
    let across: f64 = pairs.map(|p| (p[0] - center) * (p[1] - center)).sum();
    (values.len() > 2 && along > 0.0).then(|| across / along)
}

/// The slope of the straight line through points by least squares; `None`
/// where it has none.
pub fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().copied().unzip();
    let (x, y) = (mean(&xs), mean(&ys));
    let across: f64 = points.iter().map(|(a, b)| (a - x) * (b - y)).sum();
    let along: f64 = xs.iter().map(|a| (a - x).powi(2)).sum();
    (along > 0.0).then(|| across / along)
}

/// p-values adjusted for being several: Holm, "A simple sequentially rejective
/// multiple test procedure", Scand. J. Statist. 6 (1979). In the order given.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_by(|a, b| ps[*a].total_cmp(&ps[*b]));
    let mut adjusted = vec![0.0; ps.len()];
    let mut least = 0.0f64;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(ps[index] * (ps.len() - rank) as f64).min(1.0);
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of Wikipedia's article on the method, with R's
    /// `p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")`.
    #[test]
    fn holm_is_as_r_has_it() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        for (found, expected) in adjusted.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn only_blocks_that_both_have_are_compared() {
        let first = BTreeMap::from([(1, 4.0), (2, 6.0), (3, 1.0), (5, f64::NAN)]);
        let second = BTreeMap::from([(1, 3.0), (2, 3.0), (4, 9.0), (5, 1.0)]);
        let paired = Paired::new(&first, &second);
        assert_eq!(paired.differences(), [1.0, 3.0]);
        let comparison = paired.compare(500, &mut Stream::new(1, "blocks"));
        assert_eq!((comparison.blocks, comparison.unpaired), (2, 3));
        assert_eq!(comparison.difference.estimate, 2.0);
        assert_eq!(comparison.delta, -1.0);
    }

    #[test]
    fn neighbours_become_one_block() {
        let first = BTreeMap::from([(1, 1.0), (2, 3.0), (3, 5.0), (4, 7.0), (5, 9.0)]);
        let second = first.keys().map(|block| (*block, 0.0)).collect();
        let paired = Paired::new(&first, &second);
        assert_eq!(paired.batched(2).differences(), [2.0, 7.0]);
        assert_eq!(paired.batched(1), paired);
        assert_eq!(paired.batched(9).differences(), [5.0]);
    }

    /// Where one policy is the other plus a constant, pairing leaves nothing
    /// of the variance between blocks.
    #[test]
    fn pairing_takes_the_variance_between_blocks_away() {
        let first: BTreeMap<usize, f64> = (0..20).map(|b| (b, (b * b) as f64)).collect();
        let second = first.iter().map(|(b, x)| (*b, x + 1.0)).collect();
        let comparison = Paired::new(&first, &second).compare(500, &mut Stream::new(1, "pairs"));
        assert_eq!(comparison.variance_reduction, 1.0);
        assert_eq!(
            (comparison.difference.low, comparison.difference.high),
            (-1.0, -1.0)
        );
        assert!(comparison.test.p < 0.001);
    }

    /// A null comparison is significant in about 5 % of repetitions: of 1,000
    /// seeds, 2.7 % to 7.3 % is three standard errors around it. The interval
    /// misses zero about as often: of 200, 0.4 % to 9.6 %.
    #[test]
    fn nothing_is_found_where_nothing_is() {
        let (mut significant, mut missed) = (0, 0);
        for seed in 0..1_000 {
            let mut stream = Stream::new(seed, "null");
            let differences: Vec<f64> = (0..30).map(|_| stream.share() - 0.5).collect();
            significant += usize::from(signed_rank(&differences).p < 0.05);
            if seed < 200 {
                let interval = bca(&differences, mean, 0.95, 200, &mut stream);
                missed += usize::from(interval.low > 0.0 || interval.high < 0.0);
            }
        }
        assert!((27..=73).contains(&significant), "{significant}");
        assert!((1..=19).contains(&missed), "{missed}");
    }

    /// By hand: of 1, 2, 3, 4 around 2.5, neighbours make 0.75 - 0.25 + 0.75 of
    /// 5 in all.
    #[test]
    fn neighbours_are_as_alike_as_they_are() {
        assert_eq!(neighbours(&[1.0, 2.0, 3.0, 4.0]), Some(0.25));
        assert_eq!(neighbours(&[1.0, -1.0, 1.0, -1.0]), Some(-0.75));
        assert_eq!(neighbours(&[1.0, 2.0]), None);
        assert_eq!(neighbours(&[2.0, 2.0, 2.0]), None);
    }

    #[test]
    fn a_line_has_its_slope() {
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 4.0), (2.0, 7.0)]), Some(3.0));
        assert_eq!(slope(&[(2.0, 1.0), (2.0, 4.0)]), None);
    }
}
