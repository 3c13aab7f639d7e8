//! Laws of spans: how long a message travels, a device is out of reach, a disk
//! takes. Sampled with arithmetic that gives the same bits on every machine.

use crate::streams::Stream;
use serde::{Deserialize, Serialize};

/// How spans, in microseconds, are distributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "law")]
pub enum Law {
    /// Always the same.
    Constant {
        /// The span.
        value: u64,
    },
    /// Any span between two, equally likely.
    Uniform {
        /// The shortest.
        min: u64,
        /// The longest.
        max: u64,
    },
    /// Without memory, above a shortest span.
    Exponential {
        /// The shortest.
        min: u64,
        /// The mean of what comes on top.
        mean: u64,
    },
    /// Its logarithm is normal: many short, some much longer.
    Lognormal {
        /// Half are shorter.
        median: u64,
        /// One in a hundred is longer.
        p99: u64,
    },
    /// A heavy tail: the chance to exceed x falls with a power of x.
    Pareto {
        /// The shortest.
        min: u64,
        /// The power, in hundredths: 120 is a very heavy tail.
        power: u32,
        /// Longer ones are this long.
        max: u64,
    },
}

impl Law {
    /// Draws a span.
    pub fn sample(&self, stream: &mut Stream) -> u64 {
        match *self {
            Law::Constant { value } => value,
            Law::Uniform { min, max } => stream.between(min, max.max(min)),
            Law::Exponential { min, mean } => {
                min.saturating_add((-ln(stream.unit()) * mean as f64) as u64)
            }
            Law::Lognormal { median, p99 } => {
                let median = median.max(1) as f64;
                let sigma = ln((p99.max(1) as f64 / median).max(1.0)) / 2.326_347_874;
                (median * exp(sigma * normal(stream))) as u64
            }
            Law::Pareto { min, power, max } => {
                let power = f64::from(power.max(1)) / 100.0;
                let factor = exp(-ln(stream.unit()) / power);
                ((min.max(1) as f64 * factor) as u64).min(max)
            }
        }
    }
}

/// A span between two on a logarithmic scale: as often 1 to 2 minutes as 1 to
/// 2 days.
pub fn between_evenly_scaled(stream: &mut Stream, low: u64, high: u64) -> u64 {
    if low >= high {
        return low;
    }
    let (from, to) = (ln((low.max(1)) as f64), ln(high as f64));
    (exp(from + (to - from) * stream.unit()) as u64).clamp(low, high)
}

/// Weights after Zipf's law: the n-th of `count` weighs as much as the first
/// divided by n to a power, which is given in hundredths.
pub fn zipf(count: u32, power: u32) -> Vec<(u32, u32)> {
    let power = f64::from(power) / 100.0;
    let weight = |rank: f64| (FIRST * exp(-power * ln(rank))) as u32;
    let ranks = 0..count;
    ranks
        .map(|at| (at, weight(f64::from(at) + 1.0).max(1)))
        .collect()
}

/// The weight of the first: enough for the last of a thousand to differ from
/// its neighbours, and little enough for their sum.
const FIRST: f64 = 1_000_000.0;

/// Twelve uniform draws less six: normal enough up to six deviations, and made
/// of nothing but additions.
fn normal(stream: &mut Stream) -> f64 {
    (0..12).map(|_| stream.unit()).sum::<f64>() - 6.0
}

const LN_2: f64 = std::f64::consts::LN_2;

/// The natural logarithm of a positive number. The platform's own may differ
/// in the last bit from machine to machine; additions, products and quotients
/// may not.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mantissa = f64::from_bits((bits & !(0x7ff << 52)) | (1023 << 52));
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    for term in (0..20).rev() {
        sum = sum * square + 1.0 / f64::from(2 * term + 1);
    }
    2.0 * z * sum + exponent as f64 * LN_2
}

/// e to the power of `x`, for spans that fit 64 bits.
fn exp(x: f64) -> f64 {
    let x = x.clamp(-40.0, 43.0);
    let whole = (x / LN_2) as i64;
    let rest = x - whole as f64 * LN_2;
    let mut sum = 1.0;
    for term in (1..20).rev() {
        sum = 1.0 + sum * rest / f64::from(term);
    }
    sum * f64::from_bits(((1023 + whole) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::Streams;

    #[test]
    fn logarithm_and_exponential_are_right() {
        for x in [1e-9, 0.001, 0.3, 0.999, 1.0, 1.5, 2.0, 700.0, 3e12] {
            assert!(
                (ln(x) - x.ln()).abs() < 1e-12 * x.ln().abs().max(1.0),
                "{x}"
            );
        }
        for x in [-30.0, -1.0, -0.1, 0.0, 0.5, 1.0, 3.25, 40.0] {
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn the_second_of_zipfs_law_weighs_half() {
        let close = |weight: u32, wanted: u32| weight.abs_diff(wanted) <= 1;
        let weights: Vec<u32> = zipf(4, 100).into_iter().map(|(_, weight)| weight).collect();
        let wanted = [1_000_000, 500_000, 333_333, 250_000];
        let right = weights
            .iter()
            .zip(wanted)
            .all(|(one, other)| close(*one, other));
        assert!(right, "{weights:?}");
        assert!(
            zipf(9, 0)
                .iter()
                .all(|(_, weight)| close(*weight, 1_000_000))
        );
    }

    fn sorted(law: Law) -> Vec<u64> {
        let mut stream = Streams::of(3).stream("law");
        let mut spans: Vec<u64> = (0..10_000).map(|_| law.sample(&mut stream)).collect();
        spans.sort_unstable();
        spans
    }

    #[test]
    fn a_lognormal_has_its_median_and_its_tail() {
        let spans = sorted(Law::Lognormal {
            median: 60_000,
            p99: 900_000,
        });
        assert!((57_000..63_000).contains(&spans[5_000]), "{}", spans[5_000]);
        assert!(
            (780_000..1_020_000).contains(&spans[9_900]),
            "{}",
            spans[9_900]
        );
    }

    #[test]
    fn an_exponential_has_its_mean_and_a_pareto_its_bounds() {
        let spans = sorted(Law::Exponential {
            min: 10,
            mean: 1_000,
        });
        let mean = spans.iter().sum::<u64>() / 10_000;
        assert!((970..1_050).contains(&mean), "{mean}");
        assert!(spans[0] >= 10);
        let spans = sorted(Law::Pareto {
            min: 100,
            power: 110,
            max: 50_000,
        });
        assert!(spans[0] >= 100 && spans[9_999] <= 50_000);
        assert!(spans[9_900] > 4_000, "{}", spans[9_900]);
    }
}
