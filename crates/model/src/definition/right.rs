//! Who may do what with which records.

use crate::id::{FieldId, TypeId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A part of the organization: units form a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessUnit {
    /// What people read.
    pub label: String,
    /// The unit above; one unit has none.
    pub parent: Option<String>,
}

/// A place in the organization chart: positions form a tree of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// What people read.
    pub label: String,
    /// The position above.
    pub parent: Option<String>,
}

/// Whose records a superior may see besides what roles say: those owned by the
/// people below. What the people directly below own may be written, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hierarchy {
    /// Nobody's.
    None,
    /// Along [`User::manager`](super::User::manager), so many levels down.
    Manager(u8),
    /// Along [`User::position`](super::User::position), so many levels down.
    Position(u8),
}

/// What one may do with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Right {
    /// Bring one into being, owned by whom the depth reaches.
    Create,
    /// See it.
    Read,
    /// Change its fields, resolve its conflicts, restore it.
    Write,
    /// Delete it.
    Delete,
    /// Change whose it is.
    Assign,
    /// Change whom it is shared with.
    Share,
    /// Point a lookup or a set of lookups at it.
    Append,
}

impl Right {
    /// Every right.
    pub const ALL: [Right; 7] = [
        Right::Create,
        Right::Read,
        Right::Write,
        Right::Delete,
        Right::Assign,
        Right::Share,
        Right::Append,
    ];

    /// The right's name in the definition's text form.
    pub fn name(self) -> &'static str {
        match self {
            Right::Create => "create",
            Right::Read => "read",
            Right::Write => "write",
            Right::Delete => "delete",
            Right::Assign => "assign",
            Right::Share => "share",
            Right::Append => "append",
        }
    }
}

/// Whose records a right reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// Nobody's.
    None,
    /// The user's own, and those of the user's teams.
    User,
    /// Those owned within the unit that the role is held in; a role that is
    /// held in no unit reaches no further than [`Depth::User`].
    BusinessUnit,
    /// … and within the units below.
    BusinessUnitAndBelow,
    /// Everybody's, and those nobody owns.
    Organization,
}

impl Depth {
    /// Every depth, from nothing to everything.
    pub const ALL: [Depth; 5] = [
        Depth::None,
        Depth::User,
        Depth::BusinessUnit,
        Depth::BusinessUnitAndBelow,
        Depth::Organization,
    ];

    /// The depth's name in the definition's text form.
    pub fn name(self) -> &'static str {
        match self {
            Depth::None => "none",
            Depth::User => "user",
            Depth::BusinessUnit => "business-unit",
            Depth::BusinessUnitAndBelow => "business-unit-and-below",
            Depth::Organization => "organization",
        }
    }
}

/// A bundle of rights that users and teams are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What people read.
    pub label: String,
    /// Rights on records of types that `types` does not name.
    pub others: BTreeMap<Right, Depth>,
    /// Rights by record type: they stand instead of `others`, not beside them.
    pub types: BTreeMap<TypeId, BTreeMap<Right, Depth>>,
}

/// Who may read and update which secured fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSecurity {
    /// What people read.
    pub label: String,
    /// Whom it is for.
    pub members: super::Members,
    /// Fields they may read.
    pub read: BTreeSet<(TypeId, FieldId)>,
    /// Fields they may update; reading is included.
    pub update: BTreeSet<(TypeId, FieldId)>,
}
