//! The definition as the fold asks it for every operation: policies looked up
//! by their names once, and which fields the indexes are made of.

use cairn_model::{Definition, FieldId, Granularity, Kind, RecordType, Security, TypeId};
use cairn_policy::Policy;
use std::collections::BTreeMap;
use std::fmt;
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
    pub(crate) policy: &'static dyn Policy,
    /// Whether writes of different fields contest each other.
    pub(crate) by_record: bool,
    fields: BTreeMap<FieldId, FieldRules>,
}

#[derive(Clone)]
struct FieldRules {
    policy: &'static dyn Policy,
    indexed: bool,
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
    /// The rules of a definition.
    pub(crate) fn of(definition: Definition) -> Rules {
        let types = definition.types.values();
        let security = Security::of(&definition);
        Rules {
            has_rights: security.has_roles() || security.has_secured_fields(),
            security: Arc::new(security),
            types: types
                .map(|record_type| (record_type.id, TypeRules::of(&definition, record_type)))
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
    fn of(definition: &Definition, record_type: &RecordType) -> TypeRules {
        let rules_of = |field: &cairn_model::Field| FieldRules {
            policy: named(definition.policy_of(record_type, Some(field))),
            indexed: matches!(field.kind, Kind::Lookup { .. })
                || record_type
                    .keys
                    .iter()
                    .any(|key| key.fields.contains(&field.id)),
        };
        let policy = named(definition.policy_of(record_type, None));
        let by_record = definition.granularity_of(record_type) == Granularity::Record;
        TypeRules {
            policy,
            by_record: by_record && !policy.compares_values(),
            fields: record_type
                .fields
                .values()
                .map(|field| (field.id, rules_of(field)))
                .collect(),
        }
    }

    /// The policy for a field.
    pub(crate) fn policy_of(&self, field: FieldId) -> &'static dyn Policy {
        self.fields
            .get(&field)
            .map_or(self.policy, |rules| rules.policy)
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
