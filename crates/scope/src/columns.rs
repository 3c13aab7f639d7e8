//! What a user gets of the records they hold, and how.

use crate::engine::Engine;
use crate::rules::Rules;
use cairn_model::definition::{Files, ProfileType, Relationship};
use cairn_model::{Definition, FieldId, RecordType, TypeId};
use roaring::RoaringBitmap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// How a user's devices keep records of a type: of several profiles the one
/// that gives most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Minutes between updates; 0 is live.
    pub interval: u32,
    /// When files are fetched.
    pub files: Files,
    /// Place in the first download, smaller first.
    pub rank: u16,
}

/// Of types that no profile of the user names: what the user follows is wanted
/// now, and after everything that is in a profile.
const TERMS_OF_OTHERS: Terms = Terms {
    interval: 0,
    files: Files::OnView,
    rank: u16::MAX,
};

impl Engine {
    /// The fields of a type that a user's devices do not have: what the user
    /// may not read, and what no profile of theirs names. Title, owner and the
    /// lookups that relationships go by are always named.
    pub fn hidden(&self, user: &str, record_type: TypeId) -> Cow<'_, BTreeSet<FieldId>> {
        match self.watched.get(user) {
            Some(watched) => match watched.person.hidden.get(&record_type) {
                Some(hidden) => Cow::Borrowed(hidden),
                None => Cow::default(),
            },
            None => {
                let profiles = self.rules.profiles_of(user);
                let hidden = self.rules.hidden(user, &profiles).remove(&record_type);
                Cow::Owned(hidden.unwrap_or_default())
            }
        }
    }

    /// The fields of a type that a user's devices may have.
    pub fn columns(&self, user: &str, record_type: TypeId) -> BTreeSet<FieldId> {
        let hidden = self.hidden(user, record_type);
        let of_type = self.rules.definition.types.get(&record_type);
        let fields = of_type.into_iter().flat_map(RecordType::live_fields);
        let fields = fields.map(|field| field.id);
        fields.filter(|field| !hidden.contains(field)).collect()
    }

    /// How a user's devices keep records of a type.
    pub fn terms(&self, user: &str, record_type: TypeId) -> Terms {
        let profiles = self.rules.profiles_of(user);
        let of_types = self.rules.of_type(&profiles, record_type).into_iter();
        let terms = of_types.map(|of_type| Terms {
            interval: of_type.interval,
            files: of_type.files,
            rank: of_type.rank,
        });
        let more = |one: Terms, other: Terms| Terms {
            interval: one.interval.min(other.interval),
            files: if one.files == Files::Eager {
                one.files
            } else {
                other.files
            },
            rank: one.rank.min(other.rank),
        };
        terms.reduce(more).unwrap_or(TERMS_OF_OTHERS)
    }

    /// The first `most` of `records` in the order in which they are useful to a
    /// user: by the ranks of the profiles, then in the order they were created.
    pub fn first(&self, user: &str, records: &RoaringBitmap, most: usize) -> Vec<u32> {
        let types = self.index.alive.iter();
        let mut types: Vec<_> = types
            .filter(|(_, of_type)| !of_type.is_disjoint(records))
            .map(|(id, of_type)| (self.terms(user, *id).rank, *id, of_type))
            .collect();
        types.sort_unstable_by_key(|(rank, id, _)| (*rank, *id));
        let mut rest = records.clone();
        let mut first = Vec::with_capacity(most.min(records.len() as usize));
        for (_, _, of_type) in types {
            let here = records & &**of_type;
            first.extend(here.iter().take(most - first.len()));
            rest -= here;
        }
        first.extend(rest.iter().take(most - first.len()));
        first
    }
}

impl Rules {
    /// What some profiles say of a type.
    fn of_type(&self, profiles: &[String], record_type: TypeId) -> Vec<&ProfileType> {
        let all = &self.definition.profiles;
        let of_type = |name: &String| all.get(name)?.types.get(&record_type);
        profiles.iter().filter_map(of_type).collect()
    }

    /// The fields that devices of a user in `profiles` do not have, by type.
    pub(crate) fn hidden(
        &self,
        login: &str,
        profiles: &[String],
    ) -> BTreeMap<TypeId, BTreeSet<FieldId>> {
        let types = self.definition.types.values().map(|of_type| {
            let mut hidden = self.security.hidden_fields(login, of_type.id);
            if let Some(wanted) = self.wanted_columns(profiles, of_type) {
                let fields = of_type.live_fields().map(|field| field.id);
                hidden.extend(fields.filter(|field| !wanted.contains(field)));
            }
            (of_type.id, hidden)
        });
        types.filter(|(_, hidden)| !hidden.is_empty()).collect()
    }

    /// The fields that some profiles ask for; `None` when all are.
    fn wanted_columns(
        &self,
        profiles: &[String],
        of_type: &RecordType,
    ) -> Option<BTreeSet<FieldId>> {
        let of_types = self.of_type(profiles, of_type.id);
        if of_types.is_empty() {
            return None;
        }
        let mut wanted = BTreeSet::new();
        for of_type in of_types {
            wanted.extend(of_type.columns.as_ref()?);
        }
        wanted.extend(of_type.title);
        wanted.extend(of_type.owner);
        let all = &self.definition.profiles;
        let profiles = profiles.iter().filter_map(|name| all.get(name));
        for (id, rule) in profiles.flat_map(|profile| &profile.types) {
            let links = rule.related.iter().map(|way| lookup_of(way, *id));
            let here = links.filter(|(from, _)| *from == of_type.id);
            wanted.extend(here.map(|(_, field)| field));
        }
        Some(wanted)
    }
}

/// The lookup that a relationship of a type goes by, and whose field it is.
pub(crate) fn lookup_of(way: &Relationship, of: TypeId) -> (TypeId, FieldId) {
    match way {
        Relationship::PointedAtBy {
            record_type, field, ..
        } => (*record_type, *field),
        Relationship::PointingAt { field, .. } => (of, *field),
    }
}

/// What a type is called in the text form, whether or not it exists.
pub(crate) fn type_name(definition: &Definition, id: TypeId) -> String {
    let of_type = definition.types.get(&id);
    of_type.map_or_else(|| format!("type {id}"), |of_type| of_type.name.clone())
}

/// The relationships by which a profile gives records of a type, in words.
pub(crate) fn type_ways(definition: &Definition, profile: &str, id: TypeId) -> String {
    let rule = definition
        .profiles
        .get(profile)
        .and_then(|profile| profile.types.get(&id));
    let (Some(rule), Some(of_type)) = (rule, definition.types.get(&id)) else {
        return String::new();
    };
    let ways = rule
        .related
        .iter()
        .map(|way| way.words(definition, of_type));
    ways.collect::<Vec<String>>().join(", or ")
}
