//! Concurrent edit histories: who changed what, having seen what, and what
//! people made of it where it met.
//!
//! The one form in which the lab holds a history that is no ledger yet:
//! [`Step`]s, each a change of one record, in a graph of what each had seen;
//! and [`Merge`]s, each with what both sides had written and what a person made
//! of it. [`read`] reads both from files, as [`mod@write`] writes them;
//! [`crate::door`] makes ledgers of them.

mod order;
pub mod read;
pub mod write;

pub use order::in_order;

use cairn_model::Timestamp;
use serde_json::Value as Json;

/// Steps of one history. More have no business in one run, and would not fit
/// into the memory of a small machine.
pub const STEPS_MAX: usize = 5_000_000;

/// Why a history is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryFault {
    /// Two steps have one id.
    #[error("step `{id}` is there twice; ids must be unique")]
    Twice {
        /// The id.
        id: String,
    },
    /// A step follows one that is not there.
    #[error("step `{id}` follows `{parent}`, which is not in the history; export it whole")]
    MissingParent {
        /// The step.
        id: String,
        /// What it follows.
        parent: String,
    },
    /// A step follows one of another record.
    #[error("step `{id}` of record `{record}` follows `{parent}`, which is of record `{other}`")]
    OtherRecord {
        /// The step.
        id: String,
        /// Its record.
        record: String,
        /// What it follows.
        parent: String,
        /// … and that one's record.
        other: String,
    },
    /// Steps follow each other in a circle.
    #[error(
        "step `{id}` follows itself, by way of others ({count} steps are in such circles); nothing can have been seen before it was done"
    )]
    Circle {
        /// One of them.
        id: String,
        /// How many there are.
        count: usize,
    },
    /// Too many steps.
    #[error("the history has more than {STEPS_MAX} steps; take a part of it")]
    TooLong,
    /// A record has too many fields for a record type.
    #[error(
        "record `{record}` has {fields} different fields; at most {most} are possible: leave some out"
    )]
    TooManyFields {
        /// The record.
        record: String,
        /// Its fields.
        fields: usize,
        /// How many are possible.
        most: usize,
    },
    /// A record was changed too often.
    #[error("record `{record}` has more than {most} steps; take a part of its history")]
    RecordTooLong {
        /// The record.
        record: String,
        /// How many are possible.
        most: usize,
    },
    /// Two records have one id.
    #[error("records `{first}` and `{second}` have one id; give them other keys")]
    KeysCollide {
        /// One of them.
        first: String,
        /// The other.
        second: String,
    },
    /// A change is too large for an operation.
    #[error("step `{id}`: {reason}")]
    TooLarge {
        /// The step.
        id: String,
        /// Why.
        reason: crate::scribe::TooLarge,
    },
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Unique in its history.
    pub id: String,
    /// What else was done with it, whole or not at all: steps of one
    /// transaction have one name.
    pub transaction: String,
    /// Who did it.
    pub author: String,
    /// When, by the author's clock.
    pub time: Timestamp,
    /// When others could have it, where that is known.
    pub received: Option<Timestamp>,
    /// The record's key.
    pub record: String,
    /// The steps on the record that it directly follows, by their places in the
    /// history: what its author had seen last.
    pub parents: Vec<usize>,
    /// What was done.
    pub deed: Deed,
}

/// What a step does to its record. Fields are named by paths; `None` empties
/// one. What a field holds afterwards is what it held after the first parent,
/// if it is not named.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// It comes into being.
    Create(Vec<(String, Option<Json>)>),
    /// Fields change.
    Change(Vec<(String, Option<Json>)>),
    /// It is deleted.
    Delete,
}

impl Deed {
    /// The fields it writes.
    pub fn writes(&self) -> &[(String, Option<Json>)] {
        match self {
            Deed::Create(writes) | Deed::Change(writes) => writes,
            Deed::Delete => &[],
        }
    }
}

/// Two sides that met, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Its name in its history.
    pub id: String,
    /// When a person decided.
    pub time: Timestamp,
    /// When the sides diverged.
    pub base_time: Timestamp,
    /// Which side others had already; the other one had worked apart. `None`
    /// where nobody knows.
    pub server: Option<Side>,
    /// The records that both sides changed.
    pub records: Vec<MergedRecord>,
}

/// One of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The first parent.
    Left,
    /// The second.
    Right,
}

/// A record that both sides changed.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedRecord {
    /// Its key.
    pub record: String,
    /// Whether it was there before the sides diverged.
    pub existed: bool,
    /// What became of each field that a side had changed.
    pub fields: Vec<MergedField>,
    /// Where one side deleted it and the other changed it.
    pub deletion: Option<Deletion>,
}

/// A field that a side changed, or both.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedField {
    /// Its path.
    pub path: String,
    /// What it held before.
    pub base: Option<Json>,
    /// What the left side wrote, if it did.
    pub left: Option<SideWrite>,
    /// What the right side wrote, if it did.
    pub right: Option<SideWrite>,
    /// What the person left it at.
    pub resolved: Option<Json>,
    /// Whether a person had to look at the file.
    pub by_hand: bool,
    /// Whether one side had held the other's value before: no true conflict.
    pub sequel: bool,
}

impl MergedField {
    /// Whether both sides wrote, and different values.
    pub fn is_conflict(&self) -> bool {
        match (&self.left, &self.right) {
            (Some(left), Some(right)) => left.value != right.value,
            _ => false,
        }
    }
}

/// What one side wrote to a field.
#[derive(Debug, Clone, PartialEq)]
pub struct SideWrite {
    /// The value; `None` empties the field.
    pub value: Option<Json>,
    /// The step that wrote it.
    pub step: String,
    /// When, by its author's clock.
    pub time: Timestamp,
}

/// A record deleted on one side and changed on the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Deletion {
    /// The side that deleted it.
    pub by: Side,
    /// The fields that the other side changed.
    pub edited: Vec<String>,
    /// Whether the person left it deleted.
    pub deleted: bool,
}
