//! Tests and effect sizes on ranks: they ask which is larger, not by how much,
//! and so do not trust the shape of a distribution.

use super::special::normal_cdf;

/// Differences up to which the exact distribution of the signed-rank statistic
/// is counted out; beyond them the normal approximation is good to three
/// digits.
pub const EXACT_MAX: usize = 50;

/// What Wilcoxon's signed-rank test found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct SignedRank {
    /// Differences that are not zero.
    pub n: usize,
    /// The sum of the ranks of the positive ones.
    pub positive: f64,
    /// The two-sided p-value; 1 where every difference is zero.
    pub p: f64,
    /// Whether it is exact: there are at most [`EXACT_MAX`].
    pub exact: bool,
}

impl SignedRank {
    /// How much further up than down the differences lie, by ranks: from -1,
    /// all of them down, to 1 (the matched-pairs rank-biserial correlation,
    /// Kerby 2014). 0 where every difference is zero.
    pub fn direction(&self) -> f64 {
        let all = (self.n * (self.n + 1)) as f64 / 2.0;
        match self.n {
            0 => 0.0,
            _ => 2.0 * self.positive / all - 1.0,
        }
    }
}

/// Wilcoxon's signed-rank test of differences around zero: Wilcoxon,
/// "Individual comparisons by ranking methods", Biometrics 1 (1945). Zeros are
/// dropped, as Wilcoxon did, and ties share their ranks. Few are counted out
/// exactly, given the ranks; of many, it is the normal approximation with
/// correction for ties and continuity (Hollander and Wolfe, "Nonparametric
/// Statistical Methods", 1973, section 3.1).
pub fn signed_rank(differences: &[f64]) -> SignedRank {
    let mut left: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    left.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let n = left.len();
    let (mut positive, mut tied) = (0.0, 0.0);
    let mut start = 0;
    let mut doubled = Vec::with_capacity(n);
    for run in left.chunk_by(|a, b| a.abs() == b.abs()) {
        let rank = start as f64 + (run.len() as f64 + 1.0) / 2.0;
        positive += rank * run.iter().filter(|d| **d > 0.0).count() as f64;
        doubled.extend(run.iter().map(|_| 2 * start + run.len() + 1));
        tied += (run.len() as f64).powi(3) - run.len() as f64;
        start += run.len();
    }
    let exact = n <= EXACT_MAX;
    let p = match (n, exact) {
        (0, _) => 1.0,
        (_, true) => exact_p(&doubled, (2.0 * positive) as usize),
        (_, false) => approximate_p(n as f64, positive, tied),
    };
    SignedRank {
        n,
        positive,
        p,
        exact,
    }
}

/// Of the 2^n ways to sign the ranks, the share whose sum is as far out. Ranks
/// and the sum of the positive ones are doubled, so that shared ranks are whole.
fn exact_p(ranks: &[usize], positive: usize) -> f64 {
    let total = ranks.iter().sum::<usize>();
    let mut ways = vec![0.0; total + 1];
    ways[0] = 1.0;
    for rank in ranks {
        for sum in (*rank..=total).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    let smaller = positive.min(total - positive);
    let tail: f64 = ways[..=smaller].iter().sum();
    (2.0 * tail / 2f64.powi(ranks.len() as i32)).min(1.0)
}

fn approximate_p(n: f64, positive: f64, tied: f64) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let variance = n * (n + 1.0) * (2.0 * n + 1.0) / 24.0 - tied / 48.0;
    let away = ((positive - mean).abs() - 0.5).max(0.0);
    (2.0 * normal_cdf(-away / variance.sqrt())).min(1.0)
}

/// Cliff's delta of two independent samples: how much more often a value of
/// `xs` is larger than one of `ys` than smaller. Cliff, "Dominance statistics",
/// Psychological Bulletin 114 (1993). NaN where either is empty.
pub fn cliffs_delta(xs: &[f64], ys: &[f64]) -> f64 {
    let mut sorted = ys.to_vec();
    sorted.sort_by(f64::total_cmp);
    let dominance = |x: &f64| {
        let smaller = sorted.partition_point(|y| y < x);
        let larger = sorted.len() - sorted.partition_point(|y| y <= x);
        smaller as f64 - larger as f64
    };
    xs.iter().map(dominance).sum::<f64>() / (xs.len() * ys.len()) as f64
}

/// How often the first of a pair is smaller, ties counting half: A12 of Vargha
/// and Delaney (2000), within pairs of one seed. NaN without pairs.
pub fn paired_a12(pairs: &[(f64, f64)]) -> f64 {
    let smaller = pairs.iter().filter(|(x, y)| x < y).count() as f64;
    let equal = pairs.iter().filter(|(x, y)| x == y).count() as f64;
    (smaller + 0.5 * equal) / pairs.len() as f64
}

/// Cliff's delta within pairs: `2 A12 - 1`. Positive where the first of a pair
/// tends to be the smaller.
pub fn paired_delta(pairs: &[(f64, f64)]) -> f64 {
    2.0 * paired_a12(pairs) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, within: f64) {
        assert!(
            (found - expected).abs() < within,
            "{found} is not {expected}"
        );
    }

    /// Differences in height of cross- and self-fertilised corn (Darwin, in
    /// Fisher's "Design of Experiments"): the example in the documentation of
    /// scipy.stats.wilcoxon, statistic 24, p = 0.041259765625.
    #[test]
    fn corn_is_as_scipy_has_it() {
        let corn = [6, 8, 14, 16, 23, 24, 28, 29, 41, -48, 49, 56, 60, -67, 75].map(f64::from);
        let found = signed_rank(&corn);
        assert_eq!((found.n, found.positive, found.exact), (15, 96.0, true));
        assert!((found.direction() - 0.6).abs() < 1e-12);
        near(found.p, 0.041_259_765_625, 1e-15);
    }

    /// Hamilton depression scale factors of nine patients, Hollander and Wolfe
    /// (1973), page 29, and R's `wilcox.test`: V = 40, one-sided p = 0.01953.
    #[test]
    fn depression_scales_are_as_hollander_and_wolfe_have_them() {
        let first = [1830, 500, 1620, 2480, 1680, 1880, 1550, 3060, 1300];
        let second = [878, 647, 598, 2050, 1060, 1290, 1060, 3140, 1290];
        let thousandths = first.iter().zip(second).map(|(x, y)| x - y);
        let differences: Vec<f64> = thousandths.map(f64::from).collect();
        let found = signed_rank(&differences);
        assert_eq!((found.positive, found.exact), (40.0, true));
        near(found.p, 2.0 * 0.019_531_25, 1e-12);
    }

    /// With a tie and a zero: the pairs of the worked example in Wikipedia's
    /// article on the test.
    const TIED: [i32; 10] = [15, -7, 5, 20, 0, -9, 17, -12, 5, -10];

    /// R's `wilcox.test(x, y, paired = TRUE)`, which approximates where there
    /// are ties, gives V = 27 and p = 0.6353.
    #[test]
    fn the_approximation_with_ties_is_as_r_has_it() {
        assert_eq!(signed_rank(&TIED.map(f64::from)).positive, 27.0);
        near(approximate_p(9.0, 27.0, 6.0), 0.6353, 5e-5);
    }

    /// The magnitudes 5, 5, 7, 9, 10, 12, 15, 17, 20 have the ranks 1.5, 1.5, 3
    /// to 9; all 512 ways to sign them are gone through.
    #[test]
    fn ties_are_counted_out_exactly() {
        let ranks = [1.5, 1.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
        let is_out = |signs: &u32| {
            let sum: f64 = (0..9)
                .filter(|r| signs & (1 << r) != 0)
                .map(|r| ranks[r])
                .sum();
            (sum - 22.5).abs() >= 4.5
        };
        let out = (0..512u32).filter(is_out).count();
        let found = signed_rank(&TIED.map(f64::from));
        assert_eq!((found.n, found.exact), (9, true));
        near(found.p, out as f64 / 512.0, 1e-12);
    }

    #[test]
    fn exact_and_approximate_p_agree_where_one_passes_into_the_other() {
        let ranks: Vec<usize> = (1..=EXACT_MAX).map(|rank| 2 * rank).collect();
        let exact = exact_p(&ranks, 800);
        let approximate = approximate_p(EXACT_MAX as f64, 400.0, 0.0);
        near(exact, approximate, 1e-3);
        assert_ne!(exact, approximate);
    }

    #[test]
    fn no_difference_is_no_evidence() {
        assert_eq!(signed_rank(&[0.0; 7]).p, 1.0);
        assert_eq!(signed_rank(&[]).p, 1.0);
    }

    /// The example of R's package effsize, after Hess and Kromrey (2004):
    /// delta -0.25.
    #[test]
    fn cliffs_delta_is_as_effsize_has_it() {
        let treatment = [10, 10, 20, 20, 20, 30, 30, 30, 40, 50].map(f64::from);
        let control = [10, 20, 30, 40, 40, 50].map(f64::from);
        near(cliffs_delta(&treatment, &control), -0.25, 1e-12);
    }

    #[test]
    fn within_pairs_the_smaller_first_counts() {
        let pairs = [(1.0, 2.0), (1.0, 1.0), (3.0, 2.0), (0.0, 5.0)];
        assert_eq!(paired_a12(&pairs), 0.625);
        assert_eq!(paired_delta(&pairs), 0.25);
    }
}
