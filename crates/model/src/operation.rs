//! Operations: what a person did, and what they had seen when they did it.
//!
//! An operation never says how to resolve a conflict. Policies are applied
//! when the ledger is folded.

use crate::definition::DefinitionChange;
use crate::id::{DeviceId, FieldId, PublicKey, RecordId, TypeId, Version};
use crate::time::HybridTime;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One user intention, applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The author's hybrid clock.
    pub time: HybridTime,
    /// The number of the definition the author worked under.
    pub definition: u32,
    /// What was done.
    pub action: Action,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Edits records.
    Edit(Vec<Mutation>),
    /// Answers an issue of the author's own.
    Settle {
        /// The rejected or superseded operation, by its version.
        operation: Version,
        /// What became of it.
        outcome: SettleOutcome,
    },
    /// Changes the organization definition. Only the relay's own log may.
    Publish {
        /// The definition number the change was made against.
        base: u32,
        /// The change.
        changes: Vec<DefinitionChange>,
        /// Whether the change goes on in the next operation; it takes effect,
        /// whole, with the part that says `false`.
        more: bool,
    },
    /// Enrols a device for a user. Only the relay's own log may.
    Enrol {
        /// The device's key.
        key: PublicKey,
        /// The user it is bound to.
        user: String,
        /// What people call the device.
        name: String,
    },
    /// Revokes a device. Only the relay's own log may.
    Revoke {
        /// Which.
        device: DeviceId,
    },
}

/// How an author settled an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettleOutcome {
    /// The work was given up.
    Discarded,
    /// The work was done again, corrected or on a fresh base.
    Resubmitted,
}

/// A change of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutation {
    /// The record.
    pub record: RecordId,
    /// Its type.
    pub record_type: TypeId,
    /// The version of the record's image that the author had incorporated.
    pub base: Version,
    /// What changes.
    pub change: Change,
}

/// What happens to a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// It comes into being.
    Create(Vec<(FieldId, Write)>),
    /// Fields change.
    Update(Vec<(FieldId, Write)>),
    /// It is deleted.
    Delete,
    /// A deleted record comes back as it was.
    Restore,
    /// An open conflict is decided: the named fields take the written values,
    /// and the record is kept or deleted where that was in question.
    Resolve {
        /// Outcomes by field.
        fields: Vec<(FieldId, Write)>,
        /// `Some(true)` keeps a delete-conflicted record, `Some(false)` deletes it.
        keep: Option<bool>,
    },
    /// The author's user wants the record offline.
    Follow,
    /// … and no longer.
    Unfollow,
}

impl Change {
    /// The field writes it carries.
    pub fn writes(&self) -> &[(FieldId, Write)] {
        match self {
            Change::Create(writes) | Change::Update(writes) => writes,
            Change::Resolve { fields, .. } => fields,
            Change::Delete | Change::Restore | Change::Follow | Change::Unfollow => &[],
        }
    }

    /// The change's name, for people and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Change::Create(_) => "create",
            Change::Update(_) => "update",
            Change::Delete => "delete",
            Change::Restore => "restore",
            Change::Resolve { .. } => "resolve",
            Change::Follow => "follow",
            Change::Unfollow => "unfollow",
        }
    }
}

/// A change of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Write {
    /// A register takes a value.
    Set(Value),
    /// A register becomes empty.
    Clear,
    /// A counter moves.
    Add(i64),
    /// A set gains and loses elements. A removal takes away the additions its
    /// author had seen.
    Change {
        /// Elements added.
        add: BTreeSet<Value>,
        /// Elements removed.
        remove: BTreeSet<Value>,
    },
    /// Automerge changes to a rich text or JSON field.
    Merge(Vec<u8>),
}

impl Operation {
    /// The records it touches.
    pub fn mutations(&self) -> &[Mutation] {
        match &self.action {
            Action::Edit(mutations) => mutations,
            _ => &[],
        }
    }
}
