//! "No worse", claimed properly: two one-sided tests against a margin that was
//! declared before. Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987); Lakens,
//! "Equivalence tests", Soc. Psychol. Personal. Sci. 8 (2017).

use super::special::student_cdf;

/// What two one-sided paired t-tests found.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Equivalence {
    /// The mean difference.
    pub mean: f64,
    /// Against "the difference is below -margin".
    pub p_low: f64,
    /// Against "the difference is above +margin".
    pub p_high: f64,
}

impl Equivalence {
    /// The p-value of the claim "the difference lies within the margin".
    pub fn p(&self) -> f64 {
        self.p_low.max(self.p_high)
    }
}

/// Two one-sided tests of paired differences. `None` for fewer than two. Where
/// the differences are all alike, the tests are certain.
pub fn tost(differences: &[f64], margin: f64) -> Option<Equivalence> {
    let n = differences.len();
    if n < 2 {
        return None;
    }
    let mean = super::mean(differences);
    let squares: f64 = differences.iter().map(|d| (d - mean).powi(2)).sum();
    let error = (squares / (n as f64 - 1.0) / n as f64).sqrt();
    let df = n as f64 - 1.0;
    let below = |difference: f64| match error > 0.0 {
        true => student_cdf(difference / error, df),
        false if difference < 0.0 => 0.0,
        false => 1.0,
    };
    Some(Equivalence {
        mean,
        p_low: below(-(mean + margin)),
        p_high: below(mean - margin),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Student's sleep data with bounds of half an hour, as in the vignette of
    /// R's package TOSTER: t(9) = -2.777, p = 0.989 for the lower bound;
    /// t(9) = -5.348, p < 0.001 for the upper one.
    #[test]
    fn sleep_is_as_toster_has_it() {
        let hours = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4];
        let found = tost(&hours, 0.5).unwrap();
        assert!((found.mean + 1.58).abs() < 1e-12);
        assert!((found.p_low - 0.989).abs() < 5e-4, "{found:?}");
        assert!((found.p_high - 0.000_231).abs() < 1e-6, "{found:?}");
        assert_eq!(found.p(), found.p_low);
    }

    #[test]
    fn a_small_difference_within_a_wide_margin_is_equivalent() {
        let small = [0.01, -0.02, 0.0, 0.015, -0.01, 0.02];
        assert!(tost(&small, 0.1).unwrap().p() < 0.001);
        assert!(tost(&small, 0.001).unwrap().p() > 0.05);
        assert_eq!(tost(&[0.0; 9], 0.1).unwrap().p(), 0.0);
        assert_eq!(tost(&[0.5; 9], 0.1).unwrap().p(), 1.0);
        assert_eq!(tost(&[1.0], 0.1), None);
    }
}
