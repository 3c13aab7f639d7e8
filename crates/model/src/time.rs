//! Time as data: wall-clock milliseconds and the hybrid logical clock of
//! Kulkarni et al., "Logical Physical Clocks" (OPODIS 2014).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This time plus `milliseconds`, at most the end of time.
    pub fn plus(self, milliseconds: u64) -> Timestamp {
        Timestamp(self.0.saturating_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this time; 0 when it is not earlier.
    pub fn since(self, earlier: Timestamp) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = i64::try_from(self.0)
            .ok()
            .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        match shown {
            Some(time) => write!(f, "{time:.3}"),
            None => write!(f, "{} ms after 1970", self.0),
        }
    }
}

/// A text that is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time; write it as 2026-05-04T09:30:00Z")]
pub struct TimestampError(String);

impl FromStr for Timestamp {
    type Err = TimestampError;
    fn from_str(text: &str) -> Result<Self, TimestampError> {
        text.parse::<jiff::Timestamp>()
            .ok()
            .and_then(|time| u64::try_from(time.as_millisecond()).ok())
            .map(Timestamp)
            .ok_or_else(|| TimestampError(text.to_owned()))
    }
}

/// A reading of the hybrid clock: wall milliseconds above, a counter below.
/// Readings of one device always grow, whatever its wall clock does.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct HybridTime(u64);

const COUNTER_BITS: u32 = 16;

impl HybridTime {
    /// A reading from its two parts. Wall times beyond the year 10889 saturate.
    pub fn new(wall: Timestamp, counter: u16) -> HybridTime {
        let wall = wall.0.min((1 << (64 - COUNTER_BITS)) - 1);
        HybridTime((wall << COUNTER_BITS) | u64::from(counter))
    }

    /// The wall-clock part.
    pub fn wall(self) -> Timestamp {
        Timestamp(self.0 >> COUNTER_BITS)
    }

    /// The counter part.
    pub fn counter(self) -> u16 {
        (self.0 & 0xffff) as u16
    }
}

/// A device's hybrid clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HybridClock {
    last: HybridTime,
}

impl HybridClock {
    /// A clock that has already given `last`.
    pub fn resuming_after(last: HybridTime) -> HybridClock {
        HybridClock { last }
    }

    /// The last reading given or seen.
    pub fn last(&self) -> HybridTime {
        self.last
    }

    /// The next reading: after every earlier one, and not before `now`.
    pub fn tick(&mut self, now: Timestamp) -> HybridTime {
        let wall = HybridTime::new(now, 0);
        self.last = if wall > self.last {
            wall
        } else {
            HybridTime(self.last.0.saturating_add(1))
        };
        self.last
    }

    /// Takes note of a reading seen elsewhere, unless it lies more than
    /// `ahead_max` milliseconds beyond `now`: one wrong clock must not drag
    /// the others along.
    pub fn observe(&mut self, seen: HybridTime, now: Timestamp, ahead_max: u64) {
        if seen.wall() <= now.plus(ahead_max) {
            self.last = self.last.max(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_grow_when_the_wall_clock_falls_back() {
        let mut clock = HybridClock::default();
        let first = clock.tick(Timestamp(1_000));
        let second = clock.tick(Timestamp(10));
        assert!(second > first);
        assert_eq!(second.wall(), Timestamp(1_000));
        assert_eq!(second.counter(), 1);
    }

    #[test]
    fn a_clock_years_ahead_is_not_followed() {
        let mut clock = HybridClock::default();
        clock.observe(HybridTime::new(Timestamp(9_000_000), 0), Timestamp(5), 300);
        assert_eq!(clock.tick(Timestamp(6)).wall(), Timestamp(6));
        clock.observe(HybridTime::new(Timestamp(200), 4), Timestamp(6), 300);
        assert_eq!(clock.tick(Timestamp(7)), HybridTime::new(Timestamp(200), 5));
    }

    #[test]
    fn times_print_and_parse() {
        let time = Timestamp(1_767_225_600_123);
        assert_eq!(time.to_string(), "2026-01-01T00:00:00.123Z");
        assert_eq!(time.to_string().parse(), Ok(time));
        assert!("tomorrow".parse::<Timestamp>().is_err());
    }
}
