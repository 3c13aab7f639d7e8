//! Instants and days that an expression names, and when the clock moves them
//! past a value.

use super::{Answer, Moment};
use crate::time::Timestamp;

pub(super) const MINUTE_MS: i64 = 60_000;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
pub(super) const DAY_MS: i64 = 24 * HOUR_MS;

/// An instant or a day: an origin and so many milliseconds more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Moving {
    pub(super) origin: Origin,
    pub(super) plus: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Origin {
    Now,
    Today,
    Day(i32),
    Instant(i64),
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Order {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// What a time is counted in when it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Unit {
    Days,
    Milliseconds,
}

impl Order {
    pub(super) fn flipped(self) -> Order {
        match self {
            Order::Equal => Order::Equal,
            Order::Less => Order::Greater,
            Order::AtMost => Order::AtLeast,
            Order::Greater => Order::Less,
            Order::AtLeast => Order::AtMost,
        }
    }

    pub(super) fn holds(self, found: std::cmp::Ordering) -> bool {
        match self {
            Order::Equal => found.is_eq(),
            Order::Less => found.is_lt(),
            Order::AtMost => found.is_le(),
            Order::Greater => found.is_gt(),
            Order::AtLeast => found.is_ge(),
        }
    }
}

impl Moving {
    /// Whether it is a whole day of the organization.
    pub(super) fn is_day(self) -> bool {
        match self.origin {
            Origin::Now | Origin::Instant(_) => false,
            Origin::Today | Origin::Day(_) => self.plus % DAY_MS == 0,
        }
    }

    /// Whether it is another one later.
    pub(super) fn moves(self) -> bool {
        match self.origin {
            Origin::Now | Origin::Today => true,
            Origin::Day(_) | Origin::Instant(_) => false,
        }
    }

    /// What it is at a moment, in `unit`s since 1970.
    pub(super) fn at(self, unit: Unit, moment: &Moment) -> i128 {
        let now = i128::from(moment.now.0);
        let offset = offset_ms(moment);
        let day_ms = i128::from(DAY_MS);
        let beginning = match self.origin {
            Origin::Now => now + offset,
            Origin::Today => (now + offset).div_euclid(day_ms) * day_ms,
            Origin::Day(day) => i128::from(day) * day_ms,
            Origin::Instant(instant) => i128::from(instant) + offset,
        };
        let local = beginning + i128::from(self.plus);
        match unit {
            Unit::Days => local.div_euclid(day_ms),
            Unit::Milliseconds => local - offset,
        }
    }

    /// The first `now` at which it is at least `value`; it never falls.
    fn reaches(self, value: i128, unit: Unit, moment: &Moment) -> i128 {
        let day_ms = i128::from(DAY_MS);
        let offset = offset_ms(moment);
        // The organization's clock time at which it has to be.
        let local = match unit {
            Unit::Days => value * day_ms,
            Unit::Milliseconds => value + offset,
        };
        let needed = local - i128::from(self.plus);
        match self.origin {
            Origin::Now => needed - offset,
            // The least beginning of a day that is not before what is needed.
            Origin::Today => -(-needed).div_euclid(day_ms) * day_ms - offset,
            Origin::Day(_) | Origin::Instant(_) if self.at(unit, moment) >= value => i128::MIN,
            Origin::Day(_) | Origin::Instant(_) => i128::MAX,
        }
    }

    /// Whether `value` compares with it as `order` says, and until when.
    pub(super) fn compare(self, value: i128, order: Order, unit: Unit, moment: &Moment) -> Answer {
        let reached = |value| self.reaches(value, unit, moment);
        let (from, to) = match order {
            Order::Less => (reached(value + 1), i128::MAX),
            Order::AtMost => (reached(value), i128::MAX),
            Order::Greater => (i128::MIN, reached(value)),
            Order::AtLeast => (i128::MIN, reached(value + 1)),
            Order::Equal => (reached(value), reached(value + 1)),
        };
        during(from, to, moment.now)
    }
}

fn offset_ms(moment: &Moment) -> i128 {
    i128::from(i64::from(moment.utc_offset) * MINUTE_MS)
}

/// Holds at every instant from `from` on and before `to`.
fn during(from: i128, to: i128, now: Timestamp) -> Answer {
    let at = i128::from(now.0);
    let turns = [from, to].into_iter().find(|turn| *turn > at && from < to);
    Answer {
        holds: from <= at && at < to,
        until: turns
            .and_then(|turn| u64::try_from(turn).ok())
            .map(Timestamp),
    }
}
