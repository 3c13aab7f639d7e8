//! Filters over records, written in a part of CEL: `record.status == "open" &&
//! record.starts_at < today + days(8)`.
//!
//! [`compile`] reads a text against a definition and refuses, with the place
//! and what to write instead, everything that it could not answer exactly. A
//! compiled [`Expression`] is total: it answers for every record, and says
//! until when the answer holds if nothing but the clock moves.
//!
//! An empty field is `null` and equals nothing else. So every comparison with
//! an empty value is false, `!=` alone is true: it is always the opposite of
//! `==`. Text is compared by its characters, upper and lower case apart. Days
//! are those of the organization; a time compared with a day is compared with
//! its beginning. Amounts of money in different currencies are neither equal
//! nor ordered.
//!
//! What depends on the user is equality or membership ([`Keyed`]), so that an
//! engine finds a user's records by a key instead of asking about each.
//!
//! Reading order: this file, `source` (text to syntax tree), `compile`,
//! `comparison`, `operand` and `constant` (tree to conditions), `path`, `atom`,
//! `keyed`, `moving` (the clock), `words`.

mod atom;
mod compare;
mod comparison;
mod compile;
mod constant;
mod keyed;
mod moving;
mod operand;
mod path;
mod sort;
mod source;
mod words;

pub use atom::Atom;
pub use compile::compile;
pub use keyed::{Keyed, UserView};
pub use path::{Path, Read, Step};

use crate::id::{FieldId, RecordId, TypeId};
use crate::time::Timestamp;
use crate::value::Value;
use std::borrow::Cow;

/// UTF-8 bytes of an expression. Room for a list of some 200 record ids.
pub const EXPRESSION_BYTES_MAX: usize = 8 * 1024;
/// Brackets within brackets: bounds the stack of whoever reads the text.
pub const EXPRESSION_NESTING_MAX: usize = 12;
/// Operators and dots between two `&&`, `||`, commas or brackets: the same.
pub const EXPRESSION_CHAIN_MAX: usize = 24;
/// Lookups that one path goes through: a change far away is traced back along
/// them.
pub const EXPRESSION_HOPS_MAX: usize = 8;
/// Days that a time may be moved by, two centuries.
pub const EXPRESSION_DAYS_MAX: i64 = 73_200;

/// A compiled filter over the records of one type.
///
/// Normalized: `All` and `Any` hold at least two parts and no part of their own
/// kind, `Not` holds an atom or a keyed comparison.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Expression {
    /// Every part holds.
    All(Vec<Expression>),
    /// Some part holds.
    Any(Vec<Expression>),
    /// The part does not hold.
    Not(Box<Expression>),
    /// About the record and the clock.
    Atom(Atom),
    /// About the record and the user.
    Keyed(Keyed),
}

/// What is wrong with the text of an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {wrong}; {instead}")]
pub struct ExpressionFault {
    /// Bytes before the place.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub wrong: String,
    /// What to write instead.
    pub instead: String,
}

/// How an expression reads records. A record that does not exist or is deleted
/// has no type, no value and no element.
pub trait Look {
    /// The type of a record that exists.
    fn record_type(&self, record: RecordId) -> Option<TypeId>;
    /// The value of a register, `None` when it is empty; a counter's value is
    /// an integer.
    fn value(&self, record: RecordId, field: FieldId) -> Option<Cow<'_, Value>>;
    /// The elements of a set.
    fn elements(&self, record: RecordId, field: FieldId) -> Vec<Value>;
    /// When the relay received the operation that created the record.
    fn created(&self, record: RecordId) -> Option<Timestamp>;
    /// When the relay received the latest operation on the record.
    fn modified(&self, record: RecordId) -> Option<Timestamp>;
}

/// The clock, as an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// What `now` is.
    pub now: Timestamp,
    /// How far the organization's days are ahead of UTC, in minutes.
    pub utc_offset: i16,
}

/// Whether an expression holds, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// Whether it holds.
    pub holds: bool,
    /// The first instant at which the answer may differ though no record
    /// changes; at every earlier one it is this. For a single atom it does
    /// differ then. `None`: never.
    pub until: Option<Timestamp>,
}

/// The part of an expression that keeps a record out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing<'a> {
    /// The part: never an `All`.
    pub part: &'a Expression,
    /// What it read of the record. Who is told must have the right to read it.
    pub found: Vec<Found<'a>>,
}

/// The values a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<'a> {
    /// The path.
    pub path: &'a Path,
    /// Its values; none when it is empty.
    pub values: Vec<Value>,
}

impl Answer {
    /// An answer that no clock changes.
    pub const fn always(holds: bool) -> Answer {
        Answer { holds, until: None }
    }

    /// The opposite, for as long.
    pub fn negated(self) -> Answer {
        Answer {
            holds: !self.holds,
            ..self
        }
    }
}

impl Expression {
    /// Whether it holds of a record for one user.
    pub fn answer(
        &self,
        record: RecordId,
        user: &UserView,
        look: &dyn Look,
        moment: &Moment,
    ) -> Answer {
        let answers = |parts: &[Expression], decisive: bool| {
            let parts = parts
                .iter()
                .map(|part| part.answer(record, user, look, moment));
            joined(parts, decisive)
        };
        match self {
            Expression::All(parts) => answers(parts, false),
            Expression::Any(parts) => answers(parts, true),
            Expression::Not(part) => part.answer(record, user, look, moment).negated(),
            Expression::Atom(atom) => atom.answer(record, look, moment),
            Expression::Keyed(keyed) => Answer::always(keyed.holds(record, user, look)),
        }
    }

    /// The first part, in the order of the text, that keeps a record out;
    /// `None` when the expression holds.
    pub fn first_failing(
        &self,
        record: RecordId,
        user: &UserView,
        look: &dyn Look,
        moment: &Moment,
    ) -> Option<Failing<'_>> {
        if self.answer(record, user, look, moment).holds {
            return None;
        }
        if let Expression::All(parts) = self {
            return parts
                .iter()
                .find_map(|part| part.first_failing(record, user, look, moment));
        }
        let found = |path| Found {
            path,
            values: Path::values(path, record, look),
        };
        Some(Failing {
            part: self,
            found: self.paths().into_iter().map(found).collect(),
        })
    }

    /// The paths by which it reads the record, in the order of the text.
    pub fn paths(&self) -> Vec<&Path> {
        match self {
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().flat_map(Expression::paths).collect()
            }
            Expression::Not(part) => part.paths(),
            Expression::Atom(atom) => atom.paths(),
            Expression::Keyed(keyed) => keyed.path().into_iter().collect(),
        }
    }

    /// Whether the answer depends on who asks.
    pub fn asks_user(&self) -> bool {
        match self {
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().any(Expression::asks_user)
            }
            Expression::Not(part) => part.asks_user(),
            Expression::Atom(_) => false,
            Expression::Keyed(_) => true,
        }
    }

    /// Whether the answer may change though no record does.
    pub fn moves(&self) -> bool {
        match self {
            Expression::All(parts) | Expression::Any(parts) => parts.iter().any(Expression::moves),
            Expression::Not(part) => part.moves(),
            Expression::Atom(atom) => atom.moves(),
            Expression::Keyed(_) => false,
        }
    }

    fn all(parts: Vec<Expression>) -> Expression {
        let flat = parts.into_iter().flat_map(|part| match part {
            Expression::All(inner) => inner,
            part => vec![part],
        });
        Expression::one_or(flat.collect(), Expression::All)
    }

    fn any(parts: Vec<Expression>) -> Expression {
        let flat = parts.into_iter().flat_map(|part| match part {
            Expression::Any(inner) => inner,
            part => vec![part],
        });
        Expression::one_or(flat.collect(), Expression::Any)
    }

    fn one_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
        match parts.len() {
            1 => parts.remove(0),
            _ => join(parts),
        }
    }

    fn negated(self) -> Expression {
        let negated = |parts: Vec<Expression>| parts.into_iter().map(Expression::negated).collect();
        match self {
            Expression::All(parts) => Expression::any(negated(parts)),
            Expression::Any(parts) => Expression::all(negated(parts)),
            Expression::Not(part) => *part,
            leaf => Expression::Not(Box::new(leaf)),
        }
    }
}

/// The answer of parts of which one that is `decisive` settles the whole: it
/// stands for as long as any such part does, otherwise until the first part
/// may turn.
fn joined(parts: impl Iterator<Item = Answer>, decisive: bool) -> Answer {
    // An instant that never comes is later than every other.
    let instant = |answer: &Answer| answer.until.unwrap_or(Timestamp(u64::MAX));
    let (mut settled, mut open) = (None, Timestamp(u64::MAX));
    for answer in parts {
        if answer.holds == decisive {
            settled = settled.max(Some(instant(&answer)));
        } else {
            open = open.min(instant(&answer));
        }
    }
    let until = settled.unwrap_or(open);
    Answer {
        holds: settled.is_some() == decisive,
        until: (until < Timestamp(u64::MAX)).then_some(until),
    }
}
