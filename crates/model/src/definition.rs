//! The organization definition: record types, fields, policies, users, teams,
//! who may do what, and what devices hold offline.
//!
//! A definition is data in the ledger. Each published change makes the next
//! numbered definition; type and field ids are never used again, so operations
//! made under an older definition keep their meaning.

mod accept;
mod change;
mod check;
mod element;
mod profile;
mod right;
#[cfg(test)]
mod tests;

pub use change::{DefinitionChange, Group, Heading, PublishError};
pub use check::DefinitionFault;
pub use profile::{
    Combine, Files, Filter, Members, Owned, Profile, ProfileType, Relationship, WithoutProfile,
};
pub use right::{BusinessUnit, Depth, FieldSecurity, Hierarchy, Position, Right, Role};

use crate::id::{FieldId, KeyId, RecordId, TypeId};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What an organization has agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// 0 before the first publication, then 1, 2, …
    pub number: u32,
    /// What people call the organization.
    pub name: String,
    /// Conflict policy where neither type nor field says otherwise, by its id.
    pub policy: String,
    /// What counts as one thing when writes are concurrent.
    pub granularity: Granularity,
    /// Whose records a superior may see, besides what their roles say.
    pub hierarchy: Hierarchy,
    /// How far the organization's days are ahead of UTC, in minutes: what
    /// `today` means in a filter.
    pub utc_offset: i16,
    /// What users in no offline profile hold.
    pub without_profile: WithoutProfile,
    /// Record types, retired ones included.
    pub types: BTreeMap<TypeId, RecordType>,
    /// Business units by name: a tree.
    pub business_units: BTreeMap<String, BusinessUnit>,
    /// Positions by name: a tree.
    pub positions: BTreeMap<String, Position>,
    /// Roles by name. While there is none, [`User::access`] alone decides.
    pub roles: BTreeMap<String, Role>,
    /// Users by login.
    pub users: BTreeMap<String, User>,
    /// Teams by name.
    pub teams: BTreeMap<String, Team>,
    /// Who may read and update secured fields, by name.
    pub field_security: BTreeMap<String, FieldSecurity>,
    /// Offline profiles by name.
    pub profiles: BTreeMap<String, Profile>,
}

impl Default for Definition {
    fn default() -> Self {
        Definition {
            number: 0,
            name: String::new(),
            policy: "flag".to_owned(),
            granularity: Granularity::Field,
            hierarchy: Hierarchy::None,
            utc_offset: 0,
            without_profile: WithoutProfile::Everything,
            types: BTreeMap::new(),
            business_units: BTreeMap::new(),
            positions: BTreeMap::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            teams: BTreeMap::new(),
            field_security: BTreeMap::new(),
            profiles: BTreeMap::new(),
        }
    }
}

/// What counts as one thing when writes are concurrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// Two writes conflict when they touch the same field.
    Field,
    /// Two writes conflict when they touch the same record.
    Record,
}

/// A table of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordType {
    /// Never used again after retiring.
    pub id: TypeId,
    /// Lower-case name with underscores, as in commands: `work_order`.
    pub name: String,
    /// What people read: `Work order`.
    pub label: String,
    /// The field shown as a record's title.
    pub title: Option<FieldId>,
    /// Columns, retired ones included.
    pub fields: BTreeMap<FieldId, Field>,
    /// Field combinations that no two records share.
    pub keys: Vec<AlternateKey>,
    /// Overrides the organization's policy.
    pub policy: Option<String>,
    /// Overrides the organization's granularity.
    pub granularity: Option<Granularity>,
    /// The lookup to a user's or a team's record that says whose a record is.
    /// Records of a type without one are of the whole organization.
    pub owner: Option<FieldId>,
    /// The set of lookups to users' or teams' records who may read a record
    /// because it was shared with them.
    pub readers: Option<FieldId>,
    /// … and those who may read and write it.
    pub writers: Option<FieldId>,
    /// Whether devices hold records of the type offline at all.
    pub offline: bool,
    /// An expression that a record must meet to be held offline by anybody,
    /// whatever their profiles say.
    pub offline_where: Option<String>,
    /// Whether the type takes no new records.
    pub retired: bool,
}

/// A column of a record type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Never used again after retiring.
    pub id: FieldId,
    /// Lower-case name with underscores, as in commands.
    pub name: String,
    /// What people read.
    pub label: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether a record must have a value here.
    pub required: bool,
    /// The value of a record created without one.
    pub default: Option<Value>,
    /// Overrides the record type's policy.
    pub policy: Option<String>,
    /// Whether only those see it whom [`Definition::field_security`] names.
    pub secured: bool,
    /// Whether writes to it are kept aside and it is no longer shown.
    pub retired: bool,
}

/// Field combinations that no two visible records of a type share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlternateKey {
    /// Stable while the key is there. Only the definition itself refers to it,
    /// so that a later key may have the id of one that was removed before.
    pub id: KeyId,
    /// What people call it.
    pub name: String,
    /// The fields; a record with any of them empty is outside the key.
    pub fields: Vec<FieldId>,
}

/// What a field holds, with its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A register of text.
    Text {
        /// Characters at most.
        length_max: Option<u32>,
    },
    /// A register of whole numbers.
    Integer {
        /// Smallest.
        min: Option<i64>,
        /// Largest.
        max: Option<i64>,
    },
    /// A register of exact decimal numbers.
    Decimal {
        /// Smallest.
        min: Option<crate::value::Decimal>,
        /// Largest.
        max: Option<crate::value::Decimal>,
        /// Digits after the point at most.
        scale: Option<u8>,
    },
    /// A register of amounts of money.
    Money {
        /// The currency of an amount given without one.
        currency: String,
        /// Smallest amount.
        min: Option<crate::value::Decimal>,
        /// Largest amount.
        max: Option<crate::value::Decimal>,
    },
    /// A register of yes or no.
    Boolean,
    /// A register of calendar days.
    Date,
    /// A register of instants.
    Timestamp,
    /// A register of one option.
    Choice {
        /// Option names in the order shown.
        options: Vec<String>,
    },
    /// A register of several options.
    MultiChoice {
        /// Option names in the order shown.
        options: Vec<String>,
    },
    /// A register that points at a record.
    Lookup {
        /// Record types it may point at.
        targets: BTreeSet<TypeId>,
        /// What happens here when the target is deleted.
        on_delete: OnDelete,
    },
    /// A register of file references.
    File,
    /// A number that concurrent changes add up in.
    Counter,
    /// An observed-remove set of texts or lookups (N:N links).
    Set {
        /// Kind of the elements: text or lookup.
        #[serde(deserialize_with = "element::deserialize")]
        of: Box<Kind>,
    },
    /// Text that concurrent edits merge in, character by character.
    RichText,
    /// A JSON document that concurrent edits merge in.
    Json,
}

/// What happens to a lookup when its target is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDelete {
    /// The target cannot be deleted while it is pointed at.
    Restrict,
    /// The record that points is deleted too.
    Cascade,
    /// The lookup becomes empty.
    Clear,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What people read.
    pub name: String,
    /// Mail address.
    pub email: Option<String>,
    /// The most the user may do, whatever the roles say.
    pub access: Access,
    /// The unit the user belongs to.
    pub business_unit: Option<String>,
    /// The login of the user's manager.
    pub manager: Option<String>,
    /// The user's position.
    pub position: Option<String>,
    /// Names of the user's roles; rights add up.
    pub roles: BTreeSet<String>,
}

/// What a user may do with records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read and write.
    Edit,
    /// Read only.
    Read,
}

/// A group of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// What people read.
    pub name: String,
    /// Logins.
    pub members: BTreeSet<String>,
    /// The unit the team belongs to.
    pub business_unit: Option<String>,
    /// Names of roles that every member has, for records of the team's unit.
    pub roles: BTreeSet<String>,
}

impl Definition {
    /// The type called `name`, unless it is retired.
    pub fn type_named(&self, name: &str) -> Option<&RecordType> {
        self.types
            .values()
            .find(|record_type| record_type.name == name && !record_type.retired)
    }

    /// The policy id in force for a field, or for the record itself.
    pub fn policy_of<'a>(
        &'a self,
        record_type: &'a RecordType,
        field: Option<&'a Field>,
    ) -> &'a str {
        field
            .and_then(|field| field.policy.as_deref())
            .or(record_type.policy.as_deref())
            .unwrap_or(&self.policy)
    }

    /// The granularity in force for a type.
    pub fn granularity_of(&self, record_type: &RecordType) -> Granularity {
        record_type.granularity.unwrap_or(self.granularity)
    }

    /// The record that stands for a user, in organizations that have a record
    /// type called `user`.
    pub fn user_record(login: &str) -> RecordId {
        RecordId::derive(b"user", login)
    }

    /// The record that stands for a team, in organizations that have a record
    /// type called `team`.
    pub fn team_record(name: &str) -> RecordId {
        RecordId::derive(b"team", name)
    }
}

impl RecordType {
    /// A type without fields and rules.
    pub fn new(id: TypeId, name: &str, label: &str) -> RecordType {
        RecordType {
            id,
            name: name.to_owned(),
            label: label.to_owned(),
            title: None,
            fields: BTreeMap::new(),
            keys: Vec::new(),
            policy: None,
            granularity: None,
            owner: None,
            readers: None,
            writers: None,
            offline: true,
            offline_where: None,
            retired: false,
        }
    }

    /// The field called `name`, unless it is retired.
    pub fn field_named(&self, name: &str) -> Option<&Field> {
        self.fields
            .values()
            .find(|field| field.name == name && !field.retired)
    }

    /// The fields in use, in the order of their ids.
    pub fn live_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.values().filter(|field| !field.retired)
    }
}

impl Field {
    /// A field without rules.
    pub fn new(id: FieldId, name: &str, label: &str, kind: Kind) -> Field {
        Field {
            id,
            name: name.to_owned(),
            label: label.to_owned(),
            kind,
            required: false,
            default: None,
            policy: None,
            secured: false,
            retired: false,
        }
    }
}

impl User {
    /// A user who may do everything, unless roles say otherwise.
    pub fn new(name: &str) -> User {
        User {
            name: name.to_owned(),
            email: None,
            access: Access::Edit,
            business_unit: None,
            manager: None,
            position: None,
            roles: BTreeSet::new(),
        }
    }
}

impl Team {
    /// A team with these members.
    pub fn new(name: &str, members: BTreeSet<String>) -> Team {
        Team {
            name: name.to_owned(),
            members,
            business_unit: None,
            roles: BTreeSet::new(),
        }
    }
}

impl Kind {
    /// Text without a limit of its own.
    pub fn text() -> Kind {
        Kind::Text { length_max: None }
    }

    /// Whole numbers of any size.
    pub fn integer() -> Kind {
        Kind::Integer {
            min: None,
            max: None,
        }
    }

    /// Decimals of any size and scale.
    pub fn decimal() -> Kind {
        Kind::Decimal {
            min: None,
            max: None,
            scale: None,
        }
    }

    /// Money of any amount.
    pub fn money(currency: &str) -> Kind {
        Kind::Money {
            currency: currency.to_owned(),
            min: None,
            max: None,
        }
    }

    /// The kind's name in the definition's text form.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Text { .. } => "text",
            Kind::Integer { .. } => "integer",
            Kind::Decimal { .. } => "decimal",
            Kind::Money { .. } => "money",
            Kind::Boolean => "boolean",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Choice { .. } => "choice",
            Kind::MultiChoice { .. } => "multi-choice",
            Kind::Lookup { .. } => "lookup",
            Kind::File => "file",
            Kind::Counter => "counter",
            Kind::Set { .. } => "set",
            Kind::RichText => "rich-text",
            Kind::Json => "json",
        }
    }

    /// The kind's name with that of its elements: `set of text`.
    pub(crate) fn full_name(&self) -> String {
        match self {
            Kind::Set { of } => format!("set of {}", of.name()),
            other => other.name().to_owned(),
        }
    }

    /// What the kind takes, for error messages.
    pub fn describe(&self) -> String {
        match self {
            Kind::Choice { options } => format!("one of {}", options.join(", ")),
            Kind::MultiChoice { options } => format!("a list out of {}", options.join(", ")),
            Kind::Lookup { .. } => "the id of a record".to_owned(),
            other => format!("a {} value", other.name()),
        }
    }

    /// Whether concurrent writes of this kind are decided by policy; the other
    /// kinds merge.
    pub fn is_register(&self) -> bool {
        !matches!(
            self,
            Kind::Counter | Kind::Set { .. } | Kind::RichText | Kind::Json
        )
    }
}
