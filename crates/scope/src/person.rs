//! A user as the engine asks them: whose records they may read, what profiles
//! they are in, and the values that filters compare with.

use crate::eyes::Eyes;
use crate::rules::Rules;
use cairn_model::definition::Right;
use cairn_model::expression::UserView;
use cairn_model::security::Reach;
use cairn_model::{Definition, FieldId, RecordId, TypeId, Value};
use cairn_projection::State;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Milliseconds that a record stays with the user who created it, for users in
/// no profile: nobody has set a grace for them.
pub(crate) const GRACE_WITHOUT_PROFILE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// A user of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) login: String,
    /// Whether the definition has such a user.
    pub(crate) is_known: bool,
    pub(crate) record: RecordId,
    /// The records that stand for the user and the user's teams.
    pub(crate) principals: BTreeSet<RecordId>,
    pub(crate) unit: Option<String>,
    /// The profiles they are in, by name.
    pub(crate) profiles: Vec<String>,
    pub(crate) reach: BTreeMap<TypeId, Arc<Reach>>,
    /// By the place of the key in [`Rules::keys`].
    pub(crate) wanted: Vec<Vec<Value>>,
    /// Fields that their devices do not have.
    pub(crate) hidden: BTreeMap<TypeId, BTreeSet<FieldId>>,
    /// How long what they create stays, in milliseconds.
    pub(crate) grace: u64,
}

impl Person {
    pub(crate) fn of(rules: &Rules, state: &State, login: &str) -> Person {
        let definition = &*rules.definition;
        let security = &rules.security;
        let profiles = rules.profiles_of(login);
        let graces = profiles.iter().map(|name| rules.profiles[name].grace);
        Person {
            login: login.to_owned(),
            is_known: definition.users.contains_key(login),
            record: Definition::user_record(login),
            principals: security.principals(login),
            unit: security.unit_of_user(login).map(str::to_owned),
            reach: reach_of(rules, login),
            wanted: wanted(rules, state, login),
            hidden: rules.hidden(login, &profiles),
            grace: graces.max().unwrap_or(GRACE_WITHOUT_PROFILE_MS),
            profiles,
        }
    }

    /// The records that stand for the user's teams.
    pub(crate) fn teams(&self) -> impl Iterator<Item = &RecordId> {
        self.principals
            .iter()
            .filter(|record| **record != self.record)
    }

    /// Whose records of a type they may read.
    pub(crate) fn reach(&self, record_type: TypeId) -> Option<&Reach> {
        self.reach.get(&record_type).map(|reach| &**reach)
    }
}

/// A user's own values, by key.
pub(crate) fn wanted(rules: &Rules, state: &State, login: &str) -> Vec<Vec<Value>> {
    let user = UserView::new(&rules.definition, login);
    let eyes = Eyes::of(state);
    let keys = rules.keys.iter();
    keys.map(|key| key.keyed.user_keys(&user, &eyes)).collect()
}

/// The reach of a user by type. Types of equal reach share one.
fn reach_of(rules: &Rules, login: &str) -> BTreeMap<TypeId, Arc<Reach>> {
    let mut distinct: Vec<Arc<Reach>> = Vec::new();
    let mut by_type = BTreeMap::new();
    for record_type in rules.definition.types.keys() {
        let reach = rules.security.reach(login, *record_type, Right::Read);
        let known = distinct.iter().find(|known| ***known == reach).cloned();
        let shared = known.unwrap_or_else(|| {
            distinct.push(Arc::new(reach));
            Arc::clone(&distinct[distinct.len() - 1])
        });
        by_type.insert(*record_type, shared);
    }
    by_type
}
