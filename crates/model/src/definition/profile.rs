//! Offline profiles: what an administrator lets a group of users hold offline.

use super::{Definition, RecordType};
use crate::id::{FieldId, TypeId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A group of users.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Logins.
    pub users: BTreeSet<String>,
    /// Names of teams.
    pub teams: BTreeSet<String>,
    /// Names of roles, held by the user or by one of the user's teams.
    pub roles: BTreeSet<String>,
}

/// What users in no offline profile hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithoutProfile {
    /// Every record they may read, of every type that is enabled for offline.
    Everything,
    /// What they follow, what they have just created, what is unsettled.
    Nothing,
}

/// What a group of users holds offline. A user may be in several profiles and
/// holds what any of them lets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What people read.
    pub label: String,
    /// Whom it is for.
    pub members: Members,
    /// Whether its members may be in no other profile.
    pub exclusive: bool,
    /// Minutes that a record stays with the user who created it though no
    /// filter lets it in.
    pub grace: u32,
    /// The default profile of the organization's template that it was copied
    /// from: types that nobody edited here are as they are there.
    pub based_on: Option<String>,
    /// Record types it lets in.
    pub types: BTreeMap<TypeId, ProfileType>,
}

impl Profile {
    /// A profile that lets nothing in and has no members.
    pub fn new(label: &str) -> Profile {
        Profile {
            label: label.to_owned(),
            members: Members::default(),
            exclusive: false,
            grace: Profile::GRACE,
            based_on: None,
            types: BTreeMap::new(),
        }
    }

    /// The grace of a profile that names none: a week.
    pub const GRACE: u32 = 7 * 24 * 60;
}

impl ProfileType {
    /// What lets in the records of a filter, live, with every field.
    pub fn new(filter: Filter) -> ProfileType {
        ProfileType {
            filter,
            related: Vec::new(),
            combine: Combine::Or,
            columns: None,
            interval: 0,
            files: Files::OnView,
            rank: ProfileType::RANK,
        }
    }

    /// The rank of a type that names none.
    pub const RANK: u16 = 100;
}

/// Which records of a type a profile lets in, and how they are kept current.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileType {
    /// Which records by themselves.
    pub filter: Filter,
    /// Which because of other records that are held.
    pub related: Vec<Relationship>,
    /// Whether a record must meet the filter and a relationship, or either.
    pub combine: Combine,
    /// The fields that devices get; all when there is none named.
    pub columns: Option<BTreeSet<FieldId>>,
    /// Minutes between updates; 0 is live.
    pub interval: u32,
    /// When its files are fetched.
    pub files: Files,
    /// Place in the first download, smaller first.
    pub rank: u16,
}

/// Which records of a type are let in by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// Every record.
    All,
    /// None.
    RelatedOnly,
    /// By owner.
    Owned(Owned),
    /// Those that meet an expression.
    Where(String),
}

/// Whose records are let in; at least one is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The user's own.
    pub mine: bool,
    /// Those of the user's teams.
    pub my_teams: bool,
    /// Those owned within the user's business unit.
    pub my_business_unit: bool,
}

/// How filter and relationships go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Combine {
    /// Either lets a record in.
    Or,
    /// A record must meet the filter and be reached.
    And,
}

/// A way from records that are held to records of this type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Relationship {
    /// Records that a held record of `record_type` points at by its lookup, or
    /// its set of lookups, `field`.
    PointedAtBy {
        /// The type that points.
        record_type: TypeId,
        /// By which of its fields.
        field: FieldId,
        /// Steps from the record that a filter let in, at most.
        depth: Option<u8>,
    },
    /// Records that point at a held record of `record_type` by their own
    /// `field`.
    PointingAt {
        /// The type pointed at.
        record_type: TypeId,
        /// By which field of this type.
        field: FieldId,
        /// Steps from the record that a filter let in, at most.
        depth: Option<u8>,
    },
}

impl Relationship {
    /// The way in words, as in the definition's text form, for records of type
    /// `of`: `pointing at account by parent, at most 3 steps`.
    pub fn words(&self, definition: &Definition, of: &RecordType) -> String {
        let name = |id: &TypeId| {
            definition
                .types
                .get(id)
                .map_or("?", |other| other.name.as_str())
        };
        let field = |of: Option<&RecordType>, id: &FieldId| {
            let field = of.and_then(|of| of.fields.get(id));
            field.map_or("?".to_owned(), |field| field.name.clone())
        };
        let (words, depth) = match self {
            Relationship::PointedAtBy {
                record_type,
                field: by,
                depth,
            } => {
                let by = field(definition.types.get(record_type), by);
                (format!("pointed at by {}.{by}", name(record_type)), depth)
            }
            Relationship::PointingAt {
                record_type,
                field: by,
                depth,
            } => {
                let by = field(Some(of), by);
                (format!("pointing at {} by {by}", name(record_type)), depth)
            }
        };
        match depth {
            None => words,
            Some(1) => format!("{words}, at most 1 step"),
            Some(steps) => format!("{words}, at most {steps} steps"),
        }
    }
}

/// When a device fetches the files of a type's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Files {
    /// With the records.
    Eager,
    /// When somebody looks at one.
    OnView,
}
