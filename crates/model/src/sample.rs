//! A believable organization to try things on: a field-service company's
//! customers, machines and working week, at any size, the same every time.
//!
//! The first portion is written by hand (`written`); every further one is made
//! up from word lists (`made`). A portion never depends on how many follow it,
//! so a larger sample begins with the smaller one.

pub(crate) mod crowd;
pub(crate) mod dice;
mod made;
#[cfg(test)]
mod tests;
mod written;

pub use crowd::crowd;

use crate::definition::{Definition, Field, Kind};
use crate::id::{RecordId, TypeId};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A record to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleRecord {
    /// Its id.
    pub record: RecordId,
    /// The name of its type.
    pub type_name: String,
    /// Values by field name, in the shapes of [`crate::Value::to_json`]; a
    /// lookup is a record id. A set is a list of such values, a counter the
    /// number it starts from, rich text a string, JSON itself.
    pub fields: Vec<(String, Json)>,
}

/// A record with symbolic lookups: `account.elm_grove`, `user.ada`.
struct Draft {
    type_name: String,
    /// What lookups of later drafts call it.
    alias: String,
    fields: Vec<(String, Json)>,
}

/// `size` portions of some 80 records each, in an order in which every lookup
/// finds its target.
///
/// Types and fields that `definition` does not have are left out, and so are
/// lookups to them; who does the work is one of its users.
pub fn field_service(definition: &Definition, size: u32, seed: u64) -> Vec<SampleRecord> {
    portions(definition, size, seed).flatten().collect()
}

/// The same, portion by portion: a large sample need not be held as a whole.
pub fn portions(
    definition: &Definition,
    size: u32,
    seed: u64,
) -> impl Iterator<Item = Vec<SampleRecord>> + '_ {
    let mut sample = Sample::new(definition, seed);
    let mut written = BTreeMap::new();
    (0..size).map(move |portion| {
        if portion == 0 {
            sample.extend(written::portion());
            written.clone_from(&sample.targets);
        } else {
            sample.extend(made::portion(portion, seed, &sample.logins));
            sample.targets.clone_from(&written);
        }
        std::mem::take(&mut sample.records)
    })
}

/// Milliseconds of the first record's id: 2026-06-01T05:00:00Z.
const FIRST_ID_MS: u64 = 1_780_290_000_000;

struct Sample<'a> {
    definition: &'a Definition,
    seed: u64,
    logins: Vec<&'a str>,
    /// By alias: what lookups of the portion at hand can name.
    targets: BTreeMap<String, (TypeId, RecordId)>,
    records: Vec<SampleRecord>,
    /// Drafts seen, those left out included: ids do not depend on the definition.
    drafts: u64,
}

impl<'a> Sample<'a> {
    fn new(definition: &'a Definition, seed: u64) -> Sample<'a> {
        Sample {
            definition,
            seed,
            logins: definition.users.keys().map(String::as_str).collect(),
            targets: BTreeMap::new(),
            records: Vec::new(),
            drafts: 0,
        }
    }

    fn extend(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            self.add(draft);
        }
    }

    fn add(&mut self, draft: Draft) {
        self.drafts += 1;
        let record = self.mint();
        let Some(record_type) = self.definition.type_named(&draft.type_name) else {
            return;
        };
        let field = |(name, value): (String, Json)| {
            let value = self.resolved(record_type.field_named(&name)?, value)?;
            Some((name, value))
        };
        let fields = draft.fields.into_iter().filter_map(field).collect();
        self.targets.insert(draft.alias, (record_type.id, record));
        let type_name = draft.type_name;
        self.records.push(SampleRecord {
            record,
            type_name,
            fields,
        });
    }

    fn mint(&self) -> RecordId {
        let random = dice::bytes(self.seed, "record ids", self.drafts);
        RecordId::mint(FIRST_ID_MS + self.drafts, random)
    }

    /// The value with its lookups as record ids; `None` where nothing is left.
    fn resolved(&self, field: &Field, value: Json) -> Option<Json> {
        match (&field.kind, value) {
            (kind @ Kind::Lookup { .. }, Json::String(name)) => self.target(kind, &name),
            (Kind::Set { of }, Json::Array(names)) if matches!(**of, Kind::Lookup { .. }) => {
                let found = names
                    .iter()
                    .filter_map(|name| self.target(of, name.as_str()?));
                let found: Vec<Json> = found.collect();
                (!found.is_empty()).then_some(Json::Array(found))
            }
            (_, value) => Some(value),
        }
    }

    fn target(&self, kind: &Kind, name: &str) -> Option<Json> {
        let Kind::Lookup { targets, .. } = kind else {
            return None;
        };
        let (target_type, record) = match name.split_once('.')? {
            ("user", login) => (
                self.type_id("user")?,
                Definition::user_record(self.login(login)?),
            ),
            ("team", team) => {
                self.definition.teams.get(team)?;
                (self.type_id("team")?, Definition::team_record(team))
            }
            _ => *self.targets.get(name)?,
        };
        targets
            .contains(&target_type)
            .then(|| Json::String(record.to_string()))
    }

    fn type_id(&self, name: &str) -> Option<TypeId> {
        self.definition
            .type_named(name)
            .map(|record_type| record_type.id)
    }

    /// The user called `login`, or whoever stands in: always the same one.
    fn login(&self, login: &str) -> Option<&'a str> {
        let letters = login.bytes().map(usize::from).sum::<usize>();
        let found = self.logins.iter().find(|known| **known == login);
        found
            .or_else(|| self.logins.get(letters % self.logins.len().max(1)))
            .copied()
    }
}
