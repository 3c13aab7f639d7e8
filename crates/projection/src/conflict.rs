//! The conflict journal: every time concurrent writes met, with both sides,
//! what they started from, and what became of them.

use cairn_model::{
    AuthorId, FieldId, HybridTime, OperationId, RecordId, Timestamp, TypeId, Value, Version,
};
use serde::{Deserialize, Serialize};

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// From 1, dense.
    pub number: u64,
    /// The record.
    pub record: RecordId,
    /// Its type.
    pub record_type: TypeId,
    /// The field; `None` when the record itself is in question: deleted by one,
    /// changed by another.
    pub field: Option<FieldId>,
    /// The policy that decided, by its id.
    pub policy: String,
    /// What the field showed before the sides diverged; `None` when that is
    /// older than the values the relay keeps (see the record's history).
    pub base: Option<Option<Value>>,
    /// The writes that met, in ledger order.
    pub sides: Vec<Side>,
    /// The version of the side that shows.
    pub shown: Version,
    /// What became of the others.
    pub outcome: Outcome,
    /// The newest version that changed this entry.
    pub changed: Version,
}

/// One of the writes that met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// Its operation's place in the ledger.
    pub version: Version,
    /// Its author's device.
    pub author: AuthorId,
    /// Its operation in its author's log.
    pub operation: OperationId,
    /// The author's clock.
    pub time: HybridTime,
    /// When the relay received it.
    pub received: Timestamp,
    /// What it wrote. For the record itself: `true` keeps, `false` deletes.
    pub value: Option<Value>,
}

/// What became of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The policy decided; the other side is superseded.
    Superseded,
    /// It waits for a person.
    Open,
    /// A person resolved it.
    Resolved {
        /// By this operation.
        by: Version,
    },
    /// An ordinary write, whose author had seen every candidate, settled it.
    Overwritten {
        /// By this operation.
        by: Version,
    },
}

impl Outcome {
    /// The outcome's name, for people and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Superseded => "superseded",
            Outcome::Open => "open",
            Outcome::Resolved { .. } => "resolved",
            Outcome::Overwritten { .. } => "overwritten",
        }
    }
}

impl Conflict {
    /// Whether it waits for a person.
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }
}
