//! Shares of what comes in clusters: conflicts of one merge are alike, and
//! count for less than as many from everywhere.

use super::bootstrap::Interval;
use super::special::{beta_quantile, student_quantile};

/// What was counted in one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// The trials.
    pub trials: u64,
    /// … of which events.
    pub events: u64,
}

/// The interval of the share of events among trials that come in clusters:
/// Clopper and Pearson's, with as many trials as independent ones would tell as
/// much. Korn and Graubard, "Confidence intervals for proportions with small
/// expected number of positive counts estimated from survey data", Survey
/// Methodology 24 (1998), as the U.S. National Center for Health Statistics
/// uses it (Vital and Health Statistics, series 2, number 175, 2017): the
/// variance is that of a ratio over clusters. Where all trials or none are
/// events, that variance is none, and the clusters themselves are the trials.
/// `None` with trials in fewer than two clusters: nothing says how alike they
/// are.
pub fn clustered_share(clusters: &[Cluster], level: f64) -> Option<Interval> {
    let clusters: Vec<&Cluster> = clusters.iter().filter(|c| c.trials > 0).collect();
    let count = clusters.len() as f64;
    if clusters.len() < 2 {
        return None;
    }
    let trials = clusters.iter().map(|c| c.trials).sum::<u64>() as f64;
    let events = clusters.iter().map(|c| c.events).sum::<u64>() as f64;
    let share = events / trials;
    let apart = |c: &&Cluster| (c.events as f64 - share * c.trials as f64).powi(2);
    let squares: f64 = clusters.iter().map(apart).sum();
    let variance = count / (count - 1.0) * squares / trials.powi(2);
    let tail = (1.0 - level) / 2.0;
    let effective = match share * (1.0 - share) {
        0.0 => count,
        _ if variance == 0.0 => trials,
        spread => {
            let t = |df| student_quantile(1.0 - tail, df);
            let fewer = (t(trials - 1.0) / t(count - 1.0)).powi(2);
            (spread / variance * fewer).min(trials)
        }
    };
    let (hits, misses) = (share * effective, (1.0 - share) * effective);
    Some(Interval {
        estimate: share,
        low: match events {
            0.0 => 0.0,
            _ => beta_quantile(tail, hits, misses + 1.0),
        },
        high: match events == trials {
            true => 1.0,
            false => beta_quantile(1.0 - tail, hits + 1.0, misses),
        },
        level,
    })
}

#[cfg(test)]
mod tests {
    use super::super::clopper_pearson;
    use super::*;

    fn clusters(of: &[(u64, u64)]) -> Vec<Cluster> {
        let cluster = |&(events, trials): &(u64, u64)| Cluster { trials, events };
        of.iter().map(cluster).collect()
    }

    /// By hand: 12 of 40 in five clusters of eight, (6, 4, 2, 0, 0). Around
    /// 2.4 each, squares 12.96 + 2.56 + 0.16 + 5.76 + 5.76 = 27.2; variance
    /// 5/4 * 27.2 / 1600 = 0.02125; 0.21 / 0.02125 = 9.8824 trials; t(39) =
    /// 2.0227 and t(4) = 2.7764 make 5.2449 of them. The ends are those of
    /// beta distributions of (1.5735, 4.6714) and (2.5735, 3.6714), by numeric
    /// integration.
    #[test]
    fn clusters_that_differ_tell_less() {
        let found = clustered_share(&clusters(&[(6, 8), (4, 8), (2, 8), (0, 8), (0, 8)]), 0.95);
        let found = found.expect("five clusters");
        assert!((found.estimate - 0.3).abs() < 1e-12);
        assert!((found.low - 0.024_905).abs() < 1e-4, "{found:?}");
        assert!((found.high - 0.780_635).abs() < 1e-4, "{found:?}");
        let (low, high) = clopper_pearson(12, 40, 0.95).expect("trials");
        assert!(found.low < low && high < found.high);
    }

    /// Clusters of one trial are independent trials, but for the one degree of
    /// freedom that the share takes.
    #[test]
    fn clusters_of_one_tell_as_much_as_trials() {
        let ones: Vec<(u64, u64)> = (0..400).map(|n| (u64::from(n % 4 == 0), 1)).collect();
        let found = clustered_share(&clusters(&ones), 0.95).expect("clusters");
        let (low, high) = clopper_pearson(100, 400, 0.95).expect("trials");
        assert!((found.low - low).abs() < 1e-3, "{found:?} {low}");
        assert!((found.high - high).abs() < 1e-3, "{found:?} {high}");
    }

    #[test]
    fn nothing_seen_in_few_clusters_says_little_however_many_trials() {
        let found = clustered_share(&clusters(&[(0, 500), (0, 500)]), 0.95).expect("two clusters");
        let (_, high) = clopper_pearson(0, 2, 0.95).expect("trials");
        assert_eq!((found.low, found.high), (0.0, high));
        let all = clustered_share(&clusters(&[(500, 500), (500, 500)]), 0.95).expect("two");
        assert!(
            (all.low - (1.0 - high)).abs() < 1e-12 && all.high == 1.0,
            "{all:?}"
        );
    }

    #[test]
    fn one_cluster_says_nothing_of_how_alike_its_trials_are() {
        assert_eq!(clustered_share(&clusters(&[(3, 10), (0, 0)]), 0.95), None);
        assert_eq!(clustered_share(&[], 0.95), None);
    }
}
