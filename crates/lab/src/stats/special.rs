//! The distribution functions that the tests need, by textbook series.

/// Terms of a series or continued fraction before it is taken as it is.
const TERMS_MAX: usize = 500;
/// Relative change below which a series has converged.
const CONVERGED: f64 = 1e-15;
/// Halvings of an interval of quantiles: beyond the precision of a double.
const HALVINGS: usize = 200;

/// The standard normal distribution function.
pub fn normal_cdf(z: f64) -> f64 {
    let upper = 0.5 * gamma_upper(0.5, z * z / 2.0);
    if z > 0.0 { 1.0 - upper } else { upper }
}

/// The standard normal quantile: the `z` below which lies the share `p`.
/// Infinite for 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    match p {
        p if p <= 0.0 => f64::NEG_INFINITY,
        p if p >= 1.0 => f64::INFINITY,
        p => bisect(-40.0, 40.0, |z| normal_cdf(z) < p),
    }
}

/// Student's distribution function with `df` degrees of freedom.
pub fn student_cdf(t: f64, df: f64) -> f64 {
    let tail = 0.5 * beta_regular(df / 2.0, 0.5, df / (df + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The quantile of Student's distribution with `df` degrees of freedom.
pub(super) fn student_quantile(p: f64, df: f64) -> f64 {
    bisect(-1e6, 1e6, |t| student_cdf(t, df) < p)
}

/// The quantile of the beta distribution.
pub(super) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    bisect(0.0, 1.0, |x| beta_regular(a, b, x) < p)
}

fn bisect(mut low: f64, mut high: f64, is_below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        match is_below(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}

/// The logarithm of the gamma function: Lanczos' approximation (g = 7, 9
/// terms).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        let reflected = std::f64::consts::PI / (std::f64::consts::PI * x).sin();
        return reflected.ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let t = x + 7.5;
    let series = (1u8..)
        .zip(TERMS)
        .fold(0.999_999_999_999_809_9, |sum, (k, term)| {
            sum + term / (x + f64::from(k))
        });
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}

/// The regularised upper incomplete gamma function: a series below `a + 1`,
/// Lentz's continued fraction above.
fn gamma_upper(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..TERMS_MAX {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * CONVERGED {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    let first = x + 1.0 - a;
    front
        / lentz(first, |k| {
            let k = k as f64;
            (-k * (k - a), first + 2.0 * k)
        })
}

/// The regularised incomplete beta function.
fn beta_regular(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regular(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let fraction = lentz(1.0, |k| {
        let m = (k / 2) as f64;
        let numerator = match k % 2 {
            0 => m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            _ => -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        };
        (numerator, 1.0)
    });
    front.exp() / (a * fraction)
}

/// `first + n1 / (d1 + n2 / (d2 + …))` by Lentz's method.
fn lentz(first: f64, terms: impl Fn(usize) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |x: f64| if x.abs() < TINY { TINY } else { x };
    let (mut f, mut c, mut d) = (away_from_zero(first), away_from_zero(first), 0.0);
    for k in 1..TERMS_MAX {
        let (numerator, denominator) = terms(k);
        d = 1.0 / away_from_zero(denominator + numerator * d);
        c = away_from_zero(denominator + numerator / c);
        let change = c * d;
        f *= change;
        if (change - 1.0).abs() < CONVERGED {
            break;
        }
    }
    f
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    /// Abramowitz and Stegun, Handbook of Mathematical Functions, tables 26.1,
    /// 26.2 and 26.10.
    #[test]
    fn distribution_functions_agree_with_the_tables() {
        near(normal_cdf(0.0), 0.5);
        near(normal_cdf(1.0), 0.841_344_746_068_542_9);
        near(normal_cdf(-3.0), 0.001_349_898_031_630_094_6);
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        near(student_cdf(2.0, 4.0), 0.941_941_738_241_592_2);
        near(student_cdf(-1.0, 1.0), 0.25);
        near(beta_regular(2.0, 3.0, 0.5), 0.6875);
        near(beta_quantile(0.6875, 2.0, 3.0), 0.5);
    }
}
