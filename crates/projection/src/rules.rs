//! The definition as the fold asks it for every operation: policies looked up
//! by their names once, and which fields the indexes are made of.

use crate::trial::Trial;
use cairn_model::{Definition, Field, FieldId, Granularity, Kind, RecordType, Security, TypeId};
use cairn_policy::Policy;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The rules in force.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    pub(crate) definition: Arc<Definition>,
    pub(crate) security: Arc<Security>,
    /// Whether there is anything but access to judge by: an organization
    /// without roles and secured fields does not pay for them.
    pub(crate) has_rights: bool,
    types: BTreeMap<TypeId, TypeRules>,
}

/// The rules for records of one type.
#[derive(Clone)]
pub(crate) struct TypeRules {
    /// The policy for the record as a whole, and for fields without their own.
    pub(crate) policy: Chosen,
    /// Whether writes of different fields contest each other.
    pub(crate) by_record: bool,
    /// Whether a key or the index of lookups is made of any field.
    pub(crate) has_indexes: bool,
    /// Fields in use that have a value where nobody wrote one.
    pub(crate) defaults: Vec<FieldId>,
    /// Fields in use that must not be empty.
    pub(crate) required: Vec<FieldId>,
    fields: BTreeMap<FieldId, FieldRules>,
}

#[derive(Clone)]
struct FieldRules {
    policy: Chosen,
    indexed: bool,
}

/// A policy in force, or one on trial.
#[derive(Clone)]
pub(crate) enum Chosen {
    InForce(&'static dyn Policy),
    OnTrial(Arc<dyn Policy + Send>),
}

impl Deref for Chosen {
    type Target = dyn Policy;
    fn deref(&self) -> &(dyn Policy + 'static) {
        match self {
            Chosen::InForce(policy) => *policy,
            Chosen::OnTrial(policy) => &**policy,
        }
    }
}

/// What a field is for, as rights see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It says whose a record is.
    Owner,
    /// It says whom a record is shared with.
    Sharing,
    /// Anything else.
    Other,
}

impl Purpose {
    pub(crate) fn of(record_type: &RecordType, field: FieldId) -> Purpose {
        let field = Some(field);
        if record_type.owner == field {
            Purpose::Owner
        } else if record_type.readers == field || record_type.writers == field {
            Purpose::Sharing
        } else {
            Purpose::Other
        }
    }
}

impl fmt::Debug for TypeRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let granularity = if self.by_record { "record" } else { "field" };
        write!(f, "{} by {granularity}", self.policy.id())
    }
}

impl Rules {
    /// The rules of a definition, with the policies on trial in place of its
    /// own.
    pub(crate) fn of(definition: Definition, trial: Option<&Trial>) -> Rules {
        let types = definition.types.values();
        let security = Security::of(&definition);
        Rules {
            has_rights: security.has_roles() || security.has_secured_fields(),
            security: Arc::new(security),
            types: types
                .map(|record_type| {
                    (
                        record_type.id,
                        TypeRules::of(&definition, record_type, trial),
                    )
                })
                .collect(),
            definition: Arc::new(definition),
        }
    }

    /// A record type, and the rules for its records.
    pub(crate) fn get(&self, id: TypeId) -> Option<(&RecordType, &TypeRules)> {
        Some((self.definition.types.get(&id)?, self.types.get(&id)?))
    }
}

impl TypeRules {
    fn of(definition: &Definition, record_type: &RecordType, trial: Option<&Trial>) -> TypeRules {
        let policy_of = |field: Option<&Field>| {
            trial
                .and_then(|trial| trial.policy(record_type, field))
                .map_or_else(
                    || Chosen::InForce(named(definition.policy_of(record_type, field))),
                    Chosen::OnTrial,
                )
        };
        let rules_of = |field: &Field| FieldRules {
            policy: policy_of(Some(field)),
            indexed: matches!(field.kind, Kind::Lookup { .. })
                || record_type
                    .keys
                    .iter()
                    .any(|key| key.fields.contains(&field.id)),
        };
        let policy = policy_of(None);
        let granularity = trial
            .and_then(Trial::granularity)
            .unwrap_or_else(|| definition.granularity_of(record_type));
        let by_record = granularity == Granularity::Record;
        let fields: BTreeMap<FieldId, FieldRules> = record_type
            .fields
            .values()
            .map(|field| (field.id, rules_of(field)))
            .collect();
        let that = |is: fn(&Field) -> bool| {
            let fields = record_type.live_fields().filter(|field| is(field));
            fields.map(|field| field.id).collect()
        };
        TypeRules {
            by_record: by_record && !policy.compares_values(),
            has_indexes: fields.values().any(|rules| rules.indexed),
            defaults: that(|field| field.default.is_some()),
            required: that(|field| field.required),
            policy,
            fields,
        }
    }

    /// The policy for a field.
    pub(crate) fn policy_of(&self, field: FieldId) -> &dyn Policy {
        let chosen = self.fields.get(&field).map(|rules| &rules.policy);
        &**chosen.unwrap_or(&self.policy)
    }

    /// Whether a key or the index of lookups is made of the field.
    pub(crate) fn is_indexed(&self, field: FieldId) -> bool {
        self.fields.get(&field).is_some_and(|rules| rules.indexed)
    }
}

/// The policy of an id. Definitions are published only with known policies, so
/// an unknown one is a newer program's: people decide rather than a guess.
fn named(id: &str) -> &'static dyn Policy {
    cairn_policy::named(id)
        .or_else(|| cairn_policy::named("flag"))
        .expect("there is a policy called flag")
}
