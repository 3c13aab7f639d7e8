//! A condition on a record and the clock.

use super::compare::{compare, equal, is_among, text};
use super::moving::{Moving, Order, Unit};
use super::path::Path;
use super::{Answer, Look, Moment};
use crate::id::RecordId;
use crate::value::Value;

/// A condition on a record and the clock, the same for every user. Equal atoms
/// of one record type have equal answers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Atom(pub(super) Test);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Test {
    /// The path leads to nothing.
    Empty(Path),
    /// A value of the path compares with the constant.
    Constant(Path, Order, Value),
    /// A value of the path is one of these keys, which are in their order.
    Among(Path, Vec<Value>),
    /// A value of the one path compares with a value of the other.
    Fields(Path, Order, Path),
    /// A text of the path has the part there.
    Part(Path, Place, String),
    /// The path's day or instant compares with one that may move.
    Time(Path, Order, Moving, Unit),
    /// A constant day or instant compares with one that moves.
    Clock(Moving, Order, Moving, Unit),
}

/// Where in a text a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Place {
    Start,
    End,
    Anywhere,
}

impl Atom {
    /// Whether it holds of a record, and until when.
    pub fn answer(&self, record: RecordId, look: &dyn Look, moment: &Moment) -> Answer {
        let any = |path: &Path, test: &mut dyn FnMut(&Value) -> bool| {
            Answer::always(path.any(record, look, test))
        };
        match &self.0 {
            Test::Empty(path) => any(path, &mut |_| true).negated(),
            Test::Constant(path, order, constant) => any(path, &mut |value| {
                compare(value, constant).is_some_and(|found| order.holds(found))
            }),
            Test::Among(path, keys) => any(path, &mut |value| is_among(keys, value)),
            Test::Fields(path, Order::Equal, other) => any(path, &mut |value| {
                other.any(record, look, &mut |other| equal(value, other))
            }),
            Test::Fields(path, order, other) => any(path, &mut |value| {
                other.any(record, look, &mut |other| {
                    compare(value, other).is_some_and(|found| order.holds(found))
                })
            }),
            Test::Part(path, place, part) => any(path, &mut |value| {
                text(value).is_some_and(|text| place.has(text, part))
            }),
            Test::Time(path, order, moving, unit) => {
                let mut value = None;
                path.any(record, look, &mut |found| {
                    value = time_of(found, *unit);
                    true
                });
                value.map_or(Answer::always(false), |value| {
                    moving.compare(value, *order, *unit, moment)
                })
            }
            Test::Clock(constant, order, moving, unit) => {
                moving.compare(constant.at(*unit, moment), *order, *unit, moment)
            }
        }
    }

    /// The paths by which it reads the record.
    pub fn paths(&self) -> Vec<&Path> {
        match &self.0 {
            Test::Empty(path)
            | Test::Constant(path, ..)
            | Test::Among(path, _)
            | Test::Part(path, ..)
            | Test::Time(path, ..) => vec![path],
            Test::Fields(path, _, other) => vec![path, other],
            Test::Clock(..) => Vec::new(),
        }
    }

    /// Whether the answer may change though no record does.
    pub fn moves(&self) -> bool {
        match &self.0 {
            Test::Time(_, _, moving, _) | Test::Clock(_, _, moving, _) => moving.moves(),
            _ => false,
        }
    }
}

impl Place {
    fn has(self, text: &str, part: &str) -> bool {
        match self {
            Place::Start => text.starts_with(part),
            Place::End => text.ends_with(part),
            Place::Anywhere => text.contains(part),
        }
    }
}

fn time_of(value: &Value, unit: Unit) -> Option<i128> {
    match (value, unit) {
        (Value::Date(day), Unit::Days) => Some(i128::from(*day)),
        (Value::Timestamp(time), Unit::Milliseconds) => Some(i128::from(time.0)),
        _ => None,
    }
}
