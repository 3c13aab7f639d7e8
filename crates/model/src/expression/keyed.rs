//! A comparison of a record with the user: both sides have keys, and it holds
//! when they share one.

use super::Look;
use super::compare::key;
use super::path::Path;
use crate::definition::Definition;
use crate::id::RecordId;
use crate::value::Value;

/// Equality of, or membership between, something of a record and something of
/// the user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Keyed {
    pub(super) record: RecordSide,
    pub(super) user: UserSide,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum RecordSide {
    Path(Path),
    /// The same for every record; keys in their order.
    Constants(Vec<Value>),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum UserSide {
    Record,
    Login,
    Teams,
    BusinessUnit,
    /// From the user's record.
    Path(Path),
}

/// What an expression knows of a user without looking at a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserView {
    /// The record that stands for the user.
    pub record: RecordId,
    /// The login.
    pub login: String,
    /// The records of the teams the user is in.
    pub teams: Vec<RecordId>,
    /// The name of the unit the user belongs to.
    pub business_unit: Option<String>,
}

impl UserView {
    /// A user of a definition.
    pub fn new(definition: &Definition, login: &str) -> UserView {
        let teams = definition
            .teams
            .iter()
            .filter(|(_, team)| team.members.contains(login));
        UserView {
            record: Definition::user_record(login),
            login: login.to_owned(),
            teams: teams
                .map(|(name, _)| Definition::team_record(name))
                .collect(),
            business_unit: definition
                .users
                .get(login)
                .and_then(|user| user.business_unit.clone()),
        }
    }
}

impl Keyed {
    /// The keys of a record, in the form that equal values share: options of
    /// choices as text, numbers as decimals. Sorted, each once; none when what
    /// it reads is empty.
    pub fn keys(&self, record: RecordId, look: &dyn Look) -> Vec<Value> {
        match &self.record {
            RecordSide::Path(path) => path.values(record, look),
            RecordSide::Constants(keys) => keys.clone(),
        }
    }

    /// The keys of a user, in the same form.
    pub fn user_keys(&self, user: &UserView, look: &dyn Look) -> Vec<Value> {
        let text = |text: &String| Value::Text(text.clone());
        let mut keys: Vec<Value> = match &self.user {
            UserSide::Record => vec![Value::Lookup(user.record)],
            UserSide::Login => vec![text(&user.login)],
            UserSide::Teams => user.teams.iter().copied().map(Value::Lookup).collect(),
            UserSide::BusinessUnit => user.business_unit.iter().map(text).collect(),
            UserSide::Path(path) => return path.values(user.record, look),
        };
        keys.sort();
        keys
    }

    /// Whether it holds of a record for a user.
    pub fn holds(&self, record: RecordId, user: &UserView, look: &dyn Look) -> bool {
        let held = self.user_keys(user, look);
        let shared = |value: &Value| held.binary_search(value).is_ok();
        match &self.record {
            RecordSide::Path(path) => path.any(record, look, &mut |value| shared(&key(value))),
            RecordSide::Constants(keys) => keys.iter().any(shared),
        }
    }

    /// The path by which it reads the record; `None` when it asks about the
    /// user alone, and every record has the same keys.
    pub fn path(&self) -> Option<&Path> {
        match &self.record {
            RecordSide::Path(path) => Some(path),
            RecordSide::Constants(_) => None,
        }
    }

    /// The path by which it reads the user's record, if it does.
    pub fn user_path(&self) -> Option<&Path> {
        match &self.user {
            UserSide::Path(path) => Some(path),
            _ => None,
        }
    }
}
