//! Wall clocks, each wrong in its own way. Virtual time is the truth; what a
//! machine is told is what its host's clock shows.

use crate::schedule::ClockFault;
use crate::time::VirtualTime;
use cairn_model::Timestamp;

/// Parts in which drift is counted.
const MILLION: i128 = 1_000_000;

/// A host's clock.
#[derive(Debug, Clone)]
pub struct HostClock {
    /// What true clocks show when the run begins, in milliseconds.
    start: u64,
    /// When it was last set.
    set_at: VirtualTime,
    /// What it showed then, in microseconds.
    shown: i128,
    drift: i32,
    frozen: bool,
    dead: bool,
}

impl HostClock {
    /// A right clock, in a run that begins at `start`.
    pub fn right(start: u64) -> HostClock {
        HostClock {
            start,
            set_at: VirtualTime(0),
            shown: i128::from(start) * 1_000,
            drift: 0,
            frozen: false,
            dead: false,
        }
    }

    fn true_micros(&self, now: VirtualTime) -> i128 {
        i128::from(self.start) * 1_000 + i128::from(now.0)
    }

    fn micros(&self, now: VirtualTime) -> i128 {
        if self.frozen {
            return self.shown;
        }
        let passed = i128::from(now.since(self.set_at));
        let drifted = match self.drift {
            0 => 0,
            drift => passed * i128::from(drift) / MILLION,
        };
        self.shown + passed + drifted
    }

    /// What it shows.
    pub fn reads(&self, now: VirtualTime) -> Timestamp {
        let micros = self.micros(now);
        // The division is asked for at every step, and 64 bits nearly always do.
        Timestamp(match u64::try_from(micros) {
            Ok(micros) => micros / 1_000,
            Err(_) => (micros / 1_000).max(0) as u64,
        })
    }

    /// How far it is off, in milliseconds.
    pub fn off(&self, now: VirtualTime) -> i64 {
        ((self.micros(now) - self.true_micros(now)) / 1_000) as i64
    }

    fn set(&mut self, now: VirtualTime, shown: i128) {
        self.shown = shown.max(0);
        self.set_at = now;
    }

    /// Lets it go wrong.
    pub fn strike(&mut self, now: VirtualTime, fault: &ClockFault) {
        let shown = self.micros(now);
        self.set(now, shown);
        match fault {
            ClockFault::Step { milliseconds } => {
                self.set(now, shown + i128::from(*milliseconds) * 1_000);
            }
            ClockFault::Drift { million } => self.drift = *million,
            ClockFault::Freeze { .. } => self.frozen = true,
            ClockFault::Dead => {
                self.dead = true;
                self.set(now, 0);
            }
            ClockFault::Right => *self = HostClock::right(self.start),
        }
    }

    /// Lets a frozen clock run on from where it stands.
    pub fn thaw(&mut self, now: VirtualTime) {
        if self.frozen {
            let shown = self.shown;
            self.frozen = false;
            self.set(now, shown);
        }
    }

    /// The host starts: a clock without a battery begins again at 1970.
    pub fn power_on(&mut self, now: VirtualTime) {
        if self.dead {
            self.set(now, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, SECOND};

    const START: u64 = 1_800_000_000_000;

    #[test]
    fn a_clock_goes_wrong_in_every_way_and_right_again() {
        let mut clock = HostClock::right(START);
        let at = |hours: u64| VirtualTime(hours * HOUR);
        assert_eq!(clock.reads(at(1)), Timestamp(START + 3_600_000));
        clock.strike(
            at(1),
            &ClockFault::Step {
                milliseconds: -5_000,
            },
        );
        assert_eq!(clock.off(at(2)), -5_000);
        clock.strike(at(2), &ClockFault::Drift { million: 1_000 });
        assert_eq!(clock.off(at(3)), -1_400);
        clock.strike(at(3), &ClockFault::Freeze { lasts: 0 });
        assert_eq!(clock.reads(at(3)), clock.reads(at(7)));
        clock.thaw(at(4));
        assert_eq!(clock.off(VirtualTime(4 * HOUR)), -1_400 - 3_600_000);
        clock.strike(at(5), &ClockFault::Dead);
        assert_eq!(clock.reads(at(5)), Timestamp(0));
        clock.power_on(at(9));
        assert_eq!(
            clock.reads(VirtualTime(9 * HOUR + SECOND)),
            Timestamp(1_001)
        );
        clock.strike(at(10), &ClockFault::Right);
        assert_eq!(clock.off(at(11)), 0);
    }
}
