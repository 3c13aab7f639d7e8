//! What a draft of the definition would change for some users, before it is
//! published.

use crate::columns::type_name;
use crate::engine::Engine;
use crate::person::Person;
use crate::rules::{FilterRules, Part, Plan, Rules};
use cairn_model::definition::ProfileType;
use cairn_model::{Definition, FieldId, Kind, RecordId, RecordType, TypeId};
use cairn_projection::State;
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Records of a type from which on `all` is worth a warning.
const LARGE_ROWS: u64 = 10_000;
/// Records whose images are measured to estimate those of a type.
const SAMPLE: usize = 200;
/// Records that are named of those that come and go.
const EXAMPLES: usize = 5;
/// Milliseconds that the clock is looked ahead for records that come and go.
const AHEAD_MS: u64 = 24 * 60 * 60 * 1000;
/// Of a hundred records that a filter lets in, how many may turn within a day
/// before that is worth a warning.
const CHURN_PERCENT: usize = 20;

/// What a draft would change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preview {
    /// By user, in the order they were asked for.
    pub users: Vec<UserPreview>,
    /// What an administrator should think over.
    pub warnings: Vec<Warning>,
}

/// What one user would hold.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPreview {
    /// Their login.
    pub user: String,
    /// The profiles they would be in.
    pub profiles: Vec<String>,
    /// Types of which they hold records, or would.
    pub types: Vec<TypePreview>,
    /// Records.
    pub rows: u64,
    /// About how many bytes of images.
    pub bytes: u64,
    /// Records that would come.
    pub gains: u64,
    /// Records that would leave.
    pub loses: u64,
}

/// What one user would hold of one type.
#[derive(Debug, Clone, PartialEq)]
pub struct TypePreview {
    /// The type.
    pub record_type: TypeId,
    /// Its name.
    pub name: String,
    /// Records.
    pub rows: u64,
    /// About how many bytes of images, before packing.
    pub bytes: u64,
    /// How many records come, and the first of them.
    pub gains: (u64, Vec<RecordId>),
    /// How many records leave, and the first of them.
    pub loses: (u64, Vec<RecordId>),
}

/// Something that works, and may not be what was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// What, for programs.
    pub code: &'static str,
    /// Where: profile and type.
    pub place: String,
    /// What, in a sentence, and what else could be done.
    pub words: String,
}

impl Engine {
    /// What `draft` would change for `users`, and what in it is worth a warning.
    pub fn preview(&self, state: &State, draft: &Definition, users: &[String]) -> Preview {
        let mut next = self.beside();
        next.have(state, Rules::of(&Arc::new(draft.clone())));
        let previews = users
            .iter()
            .map(|user| next.user_preview(self, state, user));
        Preview {
            users: previews.collect(),
            warnings: next.warnings(),
        }
    }

    fn held(&self, state: &State, user: &str) -> RoaringBitmap {
        let person = Person::of(&self.rules, state, user);
        self.find(&person, &self.kept(state, &person))
    }

    fn user_preview(&self, before: &Engine, state: &State, user: &str) -> UserPreview {
        let (was, is) = (before.held(state, user), self.held(state, user));
        let profiles = self.rules.profiles_of(user);
        let hidden = self.rules.hidden(user, &profiles);
        let none = BTreeSet::new();
        let mut types = Vec::new();
        for (id, of_type) in &self.index.alive {
            let (was, is) = (&was & &**of_type, &is & &**of_type);
            if was.is_empty() && is.is_empty() {
                continue;
            }
            let named = |records: RoaringBitmap| {
                let first = records.iter().take(EXAMPLES).map(|at| self.record(at));
                (records.len(), first.collect())
            };
            types.push(TypePreview {
                record_type: *id,
                name: type_name(&self.rules.definition, *id),
                rows: is.len(),
                bytes: self.bytes(state, &is, hidden.get(id).unwrap_or(&none)),
                gains: named(&is - &was),
                loses: named(&was - &is),
            });
        }
        types.sort_by_key(|of_type| self.terms(user, of_type.record_type).rank);
        let sum = |of: fn(&TypePreview) -> u64| types.iter().map(of).sum();
        UserPreview {
            user: user.to_owned(),
            rows: sum(|of| of.rows),
            bytes: sum(|of| of.bytes),
            gains: sum(|of| of.gains.0),
            loses: sum(|of| of.loses.0),
            profiles,
            types,
        }
    }

    /// About how many bytes the images of these records have, from some of them.
    fn bytes(&self, state: &State, records: &RoaringBitmap, hidden: &BTreeSet<FieldId>) -> u64 {
        let rows = records.len();
        let every = (rows / SAMPLE as u64).max(1);
        let picked = records.iter().step_by(every as usize);
        let images = picked.filter_map(|at| state.record(self.record(at)));
        let sizes: Vec<u64> = images
            .map(|record| record.without(hidden).to_image().len() as u64)
            .collect();
        let measured = sizes.len().max(1) as u64;
        sizes.iter().sum::<u64>() * rows / measured
    }

    /// What in the rules is worth a warning.
    fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let definition = &*self.rules.definition;
        for (name, profile) in &self.rules.profiles {
            for (id, rule) in &profile.types {
                let place = format!("profile {name}, {}", type_name(definition, *id));
                let warn = |code, words| Warning {
                    code,
                    place: place.clone(),
                    words,
                };
                let count = self.index.alive(*id).len();
                if rule.filter == FilterRules::All && count > LARGE_ROWS {
                    let words = format!(
                        "it gives every record of the type, and there are {count}; a `where` or `related-only` would give those that are needed"
                    );
                    warnings.push(warn("all-records", words));
                }
                if let FilterRules::Where(plan) = &rule.filter {
                    let turning = self.turning(plan).map(|words| warn("churn", words));
                    warnings.extend(turning);
                }
            }
            let declared = &definition.profiles[name];
            warnings.extend(self.targets_missing(name, &declared.types));
        }
        warnings
    }

    /// Whether much of what a condition lets in turns within a day.
    fn turning(&self, plan: &Plan) -> Option<String> {
        let mut parts = Vec::new();
        plan.tests(&mut parts);
        let until = self.now.plus(AHEAD_MS);
        let turns = |at: &usize| self.index.tests[*at].flips_within(until);
        let at = parts.into_iter().max_by_key(turns)?;
        let (turns, held) = (turns(&at), self.index.tests[at].holds.len() as usize);
        (turns * 100 > held * CHURN_PERCENT && turns > SAMPLE).then(|| {
            format!(
                "within a day the clock moves {turns} records across an edge of its time window, which {held} are in now; a longer window would keep them"
            )
        })
    }

    /// Lookups of held records that lead to what nobody in the profile holds.
    fn targets_missing(
        &self,
        profile: &str,
        types: &BTreeMap<TypeId, ProfileType>,
    ) -> Vec<Warning> {
        let definition = &*self.rules.definition;
        let is_held = |id: &TypeId| types.contains_key(id) && self.rules.is_offline(*id);
        let mut warnings = Vec::new();
        for (id, rule) in types {
            let Some(of_type) = definition.types.get(id) else {
                continue;
            };
            for (field, targets) in lookups(of_type) {
                let wanted = rule
                    .columns
                    .as_ref()
                    .is_none_or(|wanted| wanted.contains(&field));
                if wanted && !targets.iter().any(is_held) {
                    let names: Vec<String> = targets
                        .iter()
                        .map(|id| type_name(definition, *id))
                        .collect();
                    let field = &of_type.fields[&field].name;
                    warnings.push(Warning {
                        code: "target-not-held",
                        place: format!("profile {profile}, {}", of_type.name),
                        words: format!(
                            "`{field}` points at {}, of which the profile gives none: it will show no more than an id; add the type as `related-only`, or leave the column out",
                            names.join(" or ")
                        ),
                    });
                }
            }
        }
        warnings
    }
}

/// The lookups of a type, and the sets of lookups, with their targets.
fn lookups(of_type: &RecordType) -> impl Iterator<Item = (FieldId, &BTreeSet<TypeId>)> {
    of_type.live_fields().filter_map(|field| match &field.kind {
        Kind::Lookup { targets, .. } => Some((field.id, targets)),
        Kind::Set { of } => match &**of {
            Kind::Lookup { targets, .. } => Some((field.id, targets)),
            _ => None,
        },
        _ => None,
    })
}

impl Plan {
    /// The tests it is made of.
    fn tests(&self, into: &mut Vec<usize>) {
        match self {
            Plan::Always(_) | Plan::Part(Part::Key(_)) => {}
            Plan::Part(Part::Test(at)) => into.push(*at),
            Plan::All(plans) | Plan::Any(plans) => {
                plans.iter().for_each(|plan| plan.tests(into));
            }
            Plan::Not(plan) => plan.tests(into),
        }
    }
}
