//! How long something took, of which not every end was seen.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bits of a time that are kept: it is at most a thirty-second too short.
const BITS: u32 = 6;

/// Times, and for how long those were watched whose end was not seen. Kaplan
/// and Meier, "Nonparametric estimation from incomplete observations", Journal
/// of the American Statistical Association 53 (1958): what was not seen to end
/// counts for as long as it was watched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lags(BTreeMap<u64, (u64, u64)>);

impl Lags {
    /// Takes in one: after how many milliseconds it ended, or for how many it
    /// was watched.
    pub fn note(&mut self, ms: u64, ended: bool) {
        let count = self.0.entry(rounded(ms)).or_default();
        count.0 += u64::from(ended);
        count.1 += u64::from(!ended);
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Lags) {
        for (ms, (ended, watched)) in &other.0 {
            let count = self.0.entry(*ms).or_default();
            *count = (count.0 + ended, count.1 + watched);
        }
    }

    /// How many there are: those whose end was seen, and those whose was not.
    pub fn counts(&self) -> (u64, u64) {
        let add = |(a, b): (u64, u64), (ended, watched): &(u64, u64)| (a + ended, b + watched);
        self.0.values().fold((0, 0), add)
    }

    /// The share that goes on for longer than each time at which one ended.
    fn survival(&self) -> impl Iterator<Item = (u64, f64)> + '_ {
        let (ended, watched) = self.counts();
        let (mut left, mut share) = (ended + watched, 1.0);
        self.0.iter().map(move |(ms, (ended, watched))| {
            share *= 1.0 - *ended as f64 / left.max(1) as f64;
            left -= ended + watched;
            (*ms, share)
        })
    }

    /// The time in seconds after which this share had ended; `None` where that
    /// was not seen.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let mut survival = self.survival();
        let reached = survival.find(|(_, left)| 1.0 - left >= share - 1e-12);
        reached.map(|(ms, _)| ms as f64 / 1_000.0)
    }

    /// The share that ends within this many milliseconds; `None` where there is
    /// nothing.
    pub fn within(&self, ms: u64) -> Option<f64> {
        let last = self.survival().take_while(|(at, _)| *at <= ms).last();
        (!self.0.is_empty()).then(|| 1.0 - last.map_or(1.0, |(_, left)| left))
    }
}

fn rounded(ms: u64) -> u64 {
    let drop = (u64::BITS - ms.leading_zeros()).saturating_sub(BITS);
    ms >> drop << drop
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Freireich's 21 patients under 6-mercaptopurine, in weeks, the textbook
    /// example of Kaplan and Meier's estimate: 18 of 21 go on beyond 6, 16 of
    /// the 17 left beyond 7, then 14 of 15, 11 of 12, 10 of 11, 6 of 7 and 5
    /// of 6. The median is 23.
    #[test]
    fn what_was_not_seen_to_end_counts_for_as_long_as_it_was_watched() {
        let mut lags = Lags::default();
        for ended in [6, 6, 6, 7, 10, 13, 16, 22, 23] {
            lags.note(ended, true);
        }
        for watched in [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35] {
            lags.note(watched, false);
        }
        assert_eq!(lags.counts(), (9, 12));
        for (weeks, share) in [
            (6, 0.857),
            (7, 0.807),
            (13, 0.690),
            (16, 0.627),
            (23, 0.448),
        ] {
            let found = 1.0 - lags.within(weeks).unwrap();
            assert!((found - share).abs() < 5e-4, "{weeks}: {found}");
        }
        assert_eq!(lags.quantile(0.5), Some(0.023));
        assert_eq!(lags.quantile(0.9), None);
        assert_eq!(lags.within(5), Some(0.0));
        assert_eq!(Lags::default().within(5), None);
    }

    /// 6 bits are kept: 63 is itself, 64 and 65 are 64, 1,000,000 =
    /// 0b1111_0100_0010_0100_0000 is 0b1111_01 with 14 zeros.
    #[test]
    fn times_are_rounded_a_little() {
        let found: Vec<u64> = [0, 63, 64, 65, 1_000_000].map(rounded).into();
        assert_eq!(found, [0, 63, 64, 64, 0b11_1101 << 14]);
        let far = u64::MAX;
        assert!(far - rounded(far) <= far / 32);
    }

    #[test]
    fn parts_add_up() {
        let (mut one, mut two, mut both) = (Lags::default(), Lags::default(), Lags::default());
        for (ms, ended) in [(10, true), (20, false), (30, true)] {
            one.note(ms, ended);
            two.note(ms + 10, ended);
            both.note(ms, ended);
            both.note(ms + 10, ended);
        }
        one.add(&two);
        assert_eq!(one, both);
    }
}
