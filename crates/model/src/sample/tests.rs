use super::{SampleRecord, crowd, field_service};
use crate::definition::{Definition, Field, Filter, Kind, RecordType};
use crate::expression::compile;
use crate::id::{RecordId, TypeId};
use crate::text::{parse, template};
use crate::value::Value;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

const POLICIES: &[&str] = &[
    "client-wins",
    "server-wins",
    "flag",
    "last-writer-wins",
    "first-writer-wins",
    "max",
    "min",
];

fn definition() -> Definition {
    organization("field-service")
}

fn organization(name: &str) -> Definition {
    let files = template(name).expect("a template");
    parse(&files, &Definition::default(), POLICIES).expect("it has no mistakes")
}

/// What a sample has so far, checked record by record.
struct Checker<'a> {
    definition: &'a Definition,
    records: BTreeMap<RecordId, TypeId>,
    keys: BTreeSet<(TypeId, String, Vec<String>)>,
}

impl<'a> Checker<'a> {
    fn new(definition: &'a Definition) -> Checker<'a> {
        let id = |name: &str| definition.type_named(name).expect(name).id;
        let users = definition
            .users
            .keys()
            .map(|login| (Definition::user_record(login), id("user")));
        let teams = definition
            .teams
            .keys()
            .map(|name| (Definition::team_record(name), id("team")));
        Checker {
            definition,
            records: users.chain(teams).collect(),
            keys: BTreeSet::new(),
        }
    }

    fn check(&mut self, sample: &SampleRecord) {
        let record_type = self
            .definition
            .type_named(&sample.type_name)
            .expect(&sample.type_name);
        let values: BTreeMap<&str, &Json> = sample
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect();
        assert_eq!(
            values.len(),
            sample.fields.len(),
            "a field twice: {sample:?}"
        );
        for (name, value) in &values {
            let field = record_type
                .field_named(name)
                .unwrap_or_else(|| panic!("{name}: {sample:?}"));
            self.check_value(field, value);
        }
        for field in record_type.live_fields().filter(|field| field.required) {
            assert!(
                values.contains_key(field.name.as_str()),
                "no {}: {sample:?}",
                field.name
            );
        }
        self.check_keys(record_type, &values);
        assert!(!sample.record.is_derived());
        assert_eq!(
            self.records.insert(sample.record, record_type.id),
            None,
            "{sample:?}"
        );
    }

    fn check_value(&self, field: &Field, value: &Json) {
        match &field.kind {
            Kind::Counter => assert!(value.is_i64(), "{}: {value}", field.name),
            Kind::RichText => assert!(value.is_string(), "{}: {value}", field.name),
            Kind::Json => assert!(value.is_object(), "{}: {value}", field.name),
            Kind::Set { of } => {
                for element in value.as_array().expect(&field.name) {
                    self.check_register(of, element);
                }
            }
            kind => self.check_register(kind, value),
        }
    }

    fn check_register(&self, kind: &Kind, json: &Json) {
        let value = Value::from_json(kind, json).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(kind.accepts(&value), Ok(()));
        if let (Kind::Lookup { targets, .. }, Value::Lookup(record)) = (kind, value) {
            let target = self
                .records
                .get(&record)
                .unwrap_or_else(|| panic!("{record} is not there yet"));
            assert!(targets.contains(target), "{record} is of the wrong type");
        }
    }

    fn check_keys(&mut self, record_type: &RecordType, values: &BTreeMap<&str, &Json>) {
        for key in &record_type.keys {
            let field = |id| {
                values
                    .get(record_type.fields[id].name.as_str())
                    .map(ToString::to_string)
            };
            let parts: Option<Vec<String>> = key.fields.iter().map(field).collect();
            if let Some(parts) = parts {
                let entry = (record_type.id, key.name.clone(), parts);
                assert!(
                    self.keys.insert(entry.clone()),
                    "two records share {entry:?}"
                );
            }
        }
    }
}

fn check_sample(size: u32) -> Vec<SampleRecord> {
    let definition = definition();
    let records = field_service(&definition, size, 7);
    let mut checker = Checker::new(&definition);
    for record in &records {
        checker.check(record);
    }
    records
}

#[test]
fn the_written_sample_is_valid_and_whole() {
    let records = check_sample(1);
    assert_eq!(records.len(), 82);
    let written: usize = super::written::portion()
        .iter()
        .map(|draft| draft.fields.len())
        .sum();
    let kept: usize = records.iter().map(|record| record.fields.len()).sum();
    assert_eq!(
        kept, written,
        "a field or lookup of the sample is not in the template"
    );
}

#[test]
fn fifty_portions_are_valid() {
    assert_eq!(check_sample(50).len(), 82 + 49 * 77);
    assert_eq!(check_sample(0).len(), 0);
}

#[test]
fn a_sample_is_the_same_every_time_and_begins_with_every_smaller_one() {
    let definition = definition();
    let (two, three) = (
        field_service(&definition, 2, 7),
        field_service(&definition, 3, 7),
    );
    assert_eq!(three[..two.len()], two);
    let other = field_service(&definition, 2, 8);
    assert_eq!(other.len(), two.len());
    assert_ne!(other[0].record, two[0].record);
    assert_ne!(other[100].fields, two[100].fields);
    assert_eq!(
        two[0].record.to_string(),
        "019e818d-9481-7b82-a3b6-5cf25b2cb2bd"
    );
}

#[test]
fn a_definition_without_some_types_users_or_fields_gets_what_it_has() {
    let mut definition = definition();
    definition.users.clear();
    definition.teams.clear();
    let case = definition.type_named("case").expect("cases").id;
    definition.types.get_mut(&case).expect("cases").retired = true;
    let records = field_service(&definition, 2, 7);
    assert!(records.iter().all(|record| record.type_name != "case"));
    let mut checker = Checker::new(&definition);
    for record in &records {
        checker.check(record);
    }
}

#[test]
fn a_crowd_fits_into_every_template_and_its_filters_can_be_asked() {
    for name in crate::text::TEMPLATES {
        let mut definition = organization(name);
        crowd(&mut definition, 230);
        let changes = Definition::default().changes_to(&definition);
        let made = Definition::default().changed(&changes);
        assert_eq!(
            made.map(|made| made.teams.len()).ok(),
            Some(definition.teams.len())
        );
        for profile in definition.profiles.values() {
            for (id, rule) in &profile.types {
                if let Filter::Where(text) = &rule.filter {
                    assert_eq!(compile(text, &definition, *id).err(), None, "{text}");
                }
            }
        }
        assert!(
            definition
                .profiles
                .values()
                .all(|profile| profile.members.users.len() >= 230)
        );
        let team = &definition.teams["team_0022"];
        assert_eq!(team.members.len(), 10);
        assert_eq!(team.business_unit.as_deref(), Some("unit_002"));
    }
}
