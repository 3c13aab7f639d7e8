//! Shares of few or no events, exactly: nothing seen is not nothing there.

use super::special::beta_quantile;

/// The exact interval of a share: Clopper and Pearson, "The use of confidence
/// or fiducial limits illustrated in the case of the binomial", Biometrika 26
/// (1934). `None` without trials, or with more events than trials.
pub fn clopper_pearson(events: u64, trials: u64, level: f64) -> Option<(f64, f64)> {
    let left = trials.checked_sub(events).filter(|_| trials > 0)?;
    let (k, left, tail) = (events as f64, left as f64, (1.0 - level) / 2.0);
    let low = match events {
        0 => 0.0,
        _ => beta_quantile(tail, k, left + 1.0),
    };
    let high = match events == trials {
        true => 1.0,
        false => beta_quantile(1.0 - tail, k + 1.0, left),
    };
    Some((low, high))
}

/// What a share may be at most, with one-sided confidence `level`, where no
/// event was seen in this many trials. `None` without trials.
pub fn none_seen(trials: u64, level: f64) -> Option<f64> {
    (trials > 0).then(|| 1.0 - (1.0 - level).powf(1.0 / trials as f64))
}

/// The rule of three, for people: [`none_seen`] at 95 % is about `3 / trials`.
/// Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?",
/// JAMA 249 (1983). `None` without trials.
pub fn rule_of_three(trials: u64) -> Option<f64> {
    (trials > 0).then(|| (3.0 / trials as f64).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mendel's peas in Conover (1971), page 97, as in the documentation of
    /// R's `binom.test`: 682 of 925, from 0.7076683 to 0.7654066.
    #[test]
    fn the_exact_interval_is_as_r_has_it() {
        let (low, high) = clopper_pearson(682, 925, 0.95).unwrap();
        assert!((low - 0.707_668_3).abs() < 5e-8, "{low}");
        assert!((high - 0.765_406_6).abs() < 5e-8, "{high}");
    }

    /// 0 of 14 patients, the article's opening example: at most 19.3 %, and
    /// 3 / 14 by the rule.
    #[test]
    fn nothing_seen_is_not_nothing_there() {
        assert!((none_seen(14, 0.95).unwrap() - 0.1926).abs() < 5e-5);
        assert_eq!(rule_of_three(14), Some(3.0 / 14.0));
        let (low, high) = clopper_pearson(0, 14, 0.90).unwrap();
        assert_eq!(low, 0.0);
        assert!((high - none_seen(14, 0.95).unwrap()).abs() < 1e-12);
    }

    #[test]
    fn impossible_counts_have_no_interval() {
        assert_eq!(clopper_pearson(0, 0, 0.95), None);
        assert_eq!(clopper_pearson(3, 2, 0.95), None);
        assert_eq!(none_seen(0, 0.95), None);
        assert_eq!(clopper_pearson(2, 2, 0.95).unwrap().1, 1.0);
    }
}
