//! A definition as the engine asks it: expressions taken apart once, ways from
//! type to type in the direction a scope grows.

use crate::eyes::routes;
use crate::links::LinkKey;
use crate::parts::{Key, Test};
use cairn_model::definition::{
    Combine, Filter, Owned, Profile, ProfileType, Relationship, WithoutProfile,
};
use cairn_model::expression::{Expression, compile};
use cairn_model::security::Security;
use cairn_model::{Definition, FieldId, RecordId, TypeId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rules of one definition.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    pub(crate) definition: Arc<Definition>,
    pub(crate) security: Security,
    pub(crate) types: BTreeMap<TypeId, TypeRules>,
    pub(crate) profiles: BTreeMap<String, ProfileRules>,
    /// Every test of any filter, each once.
    pub(crate) tests: Vec<Test>,
    /// Every key of any filter, each once.
    pub(crate) keys: Vec<Key>,
    /// The lookups that scopes and tests go along.
    pub(crate) links: BTreeSet<LinkKey>,
    /// Along which lookups tests and keys read other records.
    pub(crate) traces: BTreeSet<Vec<LinkKey>>,
    /// The same for what keys read of users, from the user's own record on.
    pub(crate) user_traces: BTreeSet<Vec<LinkKey>>,
    /// Whether keys read anything of users' records.
    pub(crate) reads_users: bool,
    /// Users by their records.
    pub(crate) logins: BTreeMap<RecordId, String>,
}

/// A test or a key, by its place in [`Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Test(usize),
    Key(usize),
}

/// What holds for every user and profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TypeRules {
    /// Whether anybody holds records of the type.
    pub(crate) offline: bool,
    /// What a record must meet to be held because of a profile.
    pub(crate) limit: Option<Plan>,
    pub(crate) owner: Option<FieldId>,
    /// Where readers and writers are named.
    pub(crate) shared: Vec<FieldId>,
}

/// A condition over tests and keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    Always(bool),
    Part(Part),
    All(Vec<Plan>),
    Any(Vec<Plan>),
    Not(Box<Plan>),
}

#[derive(Debug, Clone)]
pub(crate) struct ProfileRules {
    pub(crate) types: BTreeMap<TypeId, TypeInProfile>,
    /// Ways onward from records of a type.
    pub(crate) onward: BTreeMap<TypeId, Vec<Way>>,
    /// Milliseconds.
    pub(crate) grace: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct TypeInProfile {
    pub(crate) filter: FilterRules,
    pub(crate) combine: Combine,
    /// The ways that lead here.
    pub(crate) ways: Vec<Way>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FilterRules {
    All,
    Nothing,
    Owned(Owned),
    Where(Plan),
}

/// A relationship as a way from held records to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) from: TypeId,
    pub(crate) to: TypeId,
    pub(crate) link: LinkKey,
    /// Whether the held record is the one that points.
    pub(crate) forth: bool,
    /// Steps from a filtered record at most.
    pub(crate) depth: u32,
}

impl Way {
    fn of(to: TypeId, relationship: &Relationship) -> Way {
        let steps = |depth: &Option<u8>| depth.map_or(u32::MAX, u32::from);
        match relationship {
            Relationship::PointedAtBy {
                record_type,
                field,
                depth,
            } => Way {
                from: *record_type,
                to,
                link: (*record_type, *field),
                forth: true,
                depth: steps(depth),
            },
            Relationship::PointingAt {
                record_type,
                field,
                depth,
            } => Way {
                from: *record_type,
                to,
                link: (to, *field),
                forth: false,
                depth: steps(depth),
            },
        }
    }
}

const MINUTE_MS: u64 = 60_000;

impl Rules {
    pub(crate) fn of(definition: &Arc<Definition>) -> Rules {
        let mut maker = Maker {
            definition,
            tests: Vec::new(),
            keys: Vec::new(),
        };
        let types: BTreeMap<TypeId, TypeRules> = definition
            .types
            .values()
            .map(|record_type| {
                let limit = record_type.offline_where.as_deref();
                let rules = TypeRules {
                    offline: record_type.offline,
                    limit: limit.map(|text| maker.plan(record_type.id, text)),
                    owner: record_type.owner,
                    shared: record_type
                        .readers
                        .into_iter()
                        .chain(record_type.writers)
                        .collect(),
                };
                (record_type.id, rules)
            })
            .collect();
        let profiles: BTreeMap<String, ProfileRules> = definition
            .profiles
            .iter()
            .map(|(name, profile)| (name.clone(), maker.profile(profile)))
            .collect();
        let Maker { tests, keys, .. } = maker;
        let of_tests = tests.iter().flat_map(|test: &Test| test.atom.paths());
        let of_keys = keys.iter().filter_map(|key: &Key| key.keyed.path());
        let traces: BTreeSet<_> = of_tests.chain(of_keys).flat_map(routes).collect();
        let of_users = || keys.iter().filter_map(|key: &Key| key.keyed.user_path());
        let user_traces: BTreeSet<_> = of_users().flat_map(routes).collect();
        let reads_users = of_users().next().is_some();
        let ways = profiles
            .values()
            .flat_map(|profile| profile.onward.values());
        let mut links: BTreeSet<LinkKey> = ways.flatten().map(|way| way.link).collect();
        links.extend(traces.iter().chain(&user_traces).flatten());
        Rules {
            definition: Arc::clone(definition),
            security: Security::of(definition),
            types,
            profiles,
            tests,
            keys,
            links,
            traces,
            user_traces,
            reads_users,
            logins: definition
                .users
                .keys()
                .map(|login| (Definition::user_record(login), login.clone()))
                .collect(),
        }
    }

    /// The names of the profiles a user is in.
    pub(crate) fn profiles_of(&self, login: &str) -> Vec<String> {
        self.definition
            .profiles
            .iter()
            .filter(|(_, profile)| self.security.includes(&profile.members, login))
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// Whether users in no profile hold whatever they may read.
    pub(crate) fn unfiltered(&self) -> bool {
        self.definition.without_profile == WithoutProfile::Everything
    }

    /// Whether records of the type are held at all.
    pub(crate) fn is_offline(&self, record_type: TypeId) -> bool {
        let rules = self.types.get(&record_type);
        rules.is_some_and(|rules| rules.offline)
    }

    pub(crate) fn limit(&self, record_type: TypeId) -> Option<&Plan> {
        self.types.get(&record_type)?.limit.as_ref()
    }
}

struct Maker<'a> {
    definition: &'a Definition,
    tests: Vec<Test>,
    keys: Vec<Key>,
}

impl Maker<'_> {
    /// An expression that does not compile lets nothing in: `org check` refuses
    /// it before it gets here.
    fn plan(&mut self, record_type: TypeId, text: &str) -> Plan {
        match compile(text, self.definition, record_type) {
            Ok(expression) => self.taken_apart(record_type, &expression),
            Err(_) => Plan::Always(false),
        }
    }

    fn taken_apart(&mut self, record_type: TypeId, expression: &Expression) -> Plan {
        let mut plans = |parts: &[Expression]| -> Vec<Plan> {
            let plans = parts.iter().map(|part| self.taken_apart(record_type, part));
            plans.collect()
        };
        match expression {
            Expression::All(parts) => Plan::All(plans(parts)),
            Expression::Any(parts) => Plan::Any(plans(parts)),
            Expression::Not(part) => Plan::Not(Box::new(self.taken_apart(record_type, part))),
            Expression::Atom(atom) => {
                let atom = atom.clone();
                let test = Test { record_type, atom };
                Plan::Part(Part::Test(place_of(&mut self.tests, test)))
            }
            Expression::Keyed(keyed) => {
                let keyed = keyed.clone();
                let key = Key { record_type, keyed };
                Plan::Part(Part::Key(place_of(&mut self.keys, key)))
            }
        }
    }

    fn profile(&mut self, profile: &Profile) -> ProfileRules {
        let mut types = BTreeMap::new();
        let mut onward: BTreeMap<TypeId, Vec<Way>> = BTreeMap::new();
        for (id, in_profile) in &profile.types {
            let rules = self.type_in_profile(*id, in_profile);
            for way in &rules.ways {
                onward.entry(way.from).or_default().push(*way);
            }
            types.insert(*id, rules);
        }
        ProfileRules {
            types,
            onward,
            grace: u64::from(profile.grace) * MINUTE_MS,
        }
    }

    fn type_in_profile(&mut self, id: TypeId, rules: &ProfileType) -> TypeInProfile {
        TypeInProfile {
            filter: match &rules.filter {
                Filter::All => FilterRules::All,
                Filter::RelatedOnly => FilterRules::Nothing,
                Filter::Owned(owned) => FilterRules::Owned(*owned),
                Filter::Where(text) => FilterRules::Where(self.plan(id, text)),
            },
            combine: rules.combine,
            ways: rules.related.iter().map(|way| Way::of(id, way)).collect(),
        }
    }
}

fn place_of<T: PartialEq>(all: &mut Vec<T>, one: T) -> usize {
    let found = all.iter().position(|known| *known == one);
    found.unwrap_or_else(|| {
        all.push(one);
        all.len() - 1
    })
}
