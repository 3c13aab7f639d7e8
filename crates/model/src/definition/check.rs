//! What makes a definition wrong, whoever wrote it: the fold refuses to
//! publish what these checks find.

mod expression;
mod people;
mod profile;
mod security;
mod tree;

use super::{Definition, Field, Kind, OnDelete, RecordType};
use crate::limit;
use crate::value::is_currency;
use std::collections::BTreeSet;
use std::fmt;

/// One thing wrong with a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionFault {
    /// Where: `organization`, `work_order`, `work_order.status`, `user ada`.
    pub place: String,
    /// What is wrong.
    pub wrong: String,
    /// What to write instead.
    pub instead: String,
}

impl fmt::Display for DefinitionFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.wrong, self.instead)
    }
}

/// Faults while they are gathered.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<DefinitionFault>);

impl Faults {
    /// Notes a fault.
    pub(super) fn add(
        &mut self,
        place: &str,
        wrong: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.0.push(DefinitionFault {
            place: place.to_owned(),
            wrong: wrong.into(),
            instead: instead.into(),
        });
    }
}

/// Whether `name` can name a type or field: a lower-case letter, then
/// lower-case letters, digits and underscores, at most 64.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

const NAME_FORM: &str = "use lower-case letters, digits and underscores, starting with a letter";

impl Definition {
    /// Everything wrong with this definition, in the order of its text.
    /// Policy ids are not checked here: policies plug in elsewhere.
    pub fn faults(&self) -> Vec<DefinitionFault> {
        let mut faults = Faults::default();
        if self.name.trim().is_empty() {
            faults.add("organization", "it has no name", "give it a `name`");
        }
        if self.types.len() > limit::TYPES_MAX {
            faults.add(
                "organization",
                format!("{} record types are too many", self.types.len()),
                format!("at most {} are possible", limit::TYPES_MAX),
            );
        }
        for record_type in self.types.values() {
            record_type.key_faults(&mut faults);
        }
        let mut names = BTreeSet::new();
        for record_type in self.types.values().filter(|t| !t.retired) {
            if !names.insert(&record_type.name) {
                faults.add(
                    &record_type.name,
                    "two record types have this name",
                    "rename one",
                );
            }
            self.type_faults(record_type, &mut faults);
        }
        self.people_faults(&mut faults);
        self.security_faults(&mut faults);
        self.profile_faults(&mut faults);
        self.expression_faults(&mut faults);
        faults.0
    }

    fn type_faults(&self, record_type: &RecordType, faults: &mut Faults) {
        let place = &record_type.name;
        if !is_name(place) {
            faults.add(place, "this cannot name a record type", NAME_FORM);
        }
        if record_type.fields.len() > limit::FIELDS_MAX {
            faults.add(
                place,
                format!("{} fields are too many", record_type.fields.len()),
                format!("at most {} are possible", limit::FIELDS_MAX),
            );
        }
        if let Some(title) = record_type.title
            && record_type
                .fields
                .get(&title)
                .is_none_or(|field| field.retired)
        {
            faults.add(
                place,
                "its title field does not exist",
                "name a field of the type",
            );
        }
        let mut names = BTreeSet::new();
        for field in record_type.live_fields() {
            let place = format!("{}.{}", record_type.name, field.name);
            if !names.insert(&field.name) {
                faults.add(&place, "two fields have this name", "rename one");
            }
            self.field_faults(field, &place, faults);
        }
        for key in &record_type.keys {
            let place = record_type.key_place(&key.name);
            for id in &key.fields {
                match record_type.fields.get(id).filter(|field| !field.retired) {
                    None => faults.add(
                        &place,
                        "a field of it does not exist",
                        "name fields of the type",
                    ),
                    Some(field) if !field.kind.is_register() => faults.add(
                        &place,
                        format!(
                            "`{}` is a {}, which cannot be part of a key",
                            field.name,
                            field.kind.name()
                        ),
                        "use fields that hold one value",
                    ),
                    Some(_) => {}
                }
            }
        }
    }

    fn field_faults(&self, field: &Field, place: &str, faults: &mut Faults) {
        if !is_name(&field.name) {
            faults.add(place, "this cannot name a field", NAME_FORM);
        }
        if field.required && !field.kind.is_register() {
            faults.add(
                place,
                format!(
                    "a {} is never empty, so it cannot be required",
                    field.kind.name()
                ),
                "remove `required`",
            );
        }
        if field.policy.is_some() && !field.kind.is_register() {
            faults.add(
                place,
                format!(
                    "a {} merges by itself, so a conflict policy has nothing to decide",
                    field.kind.name()
                ),
                "remove `policy`",
            );
        }
        if let Kind::Lookup { on_delete, .. } = &field.kind
            && *on_delete == OnDelete::Clear
            && field.required
        {
            faults.add(
                place,
                "it is required, but becomes empty when its target is deleted",
                "write `on_delete = \"restrict\"` or `on_delete = \"cascade\"`, or remove `required`",
            );
        }
        self.kind_faults(&field.kind, place, faults);
        match &field.default {
            Some(_) if !field.kind.is_register() => faults.add(
                place,
                format!("a {} cannot have a default", field.kind.name()),
                "remove `default`",
            ),
            Some(default) => {
                if let Err(reason) = field.kind.accepts(default) {
                    faults.add(
                        place,
                        format!("its default is wrong: {reason}"),
                        "give a value the field takes",
                    );
                }
            }
            None => {}
        }
    }

    fn kind_faults(&self, kind: &Kind, place: &str, faults: &mut Faults) {
        if let Kind::Money { currency, .. } = kind
            && !is_currency(currency)
        {
            faults.add(
                place,
                format!("`{currency}` is not a currency"),
                "write its three letters, such as \"EUR\"",
            );
        }
        match kind {
            Kind::Integer {
                min: Some(min),
                max: Some(max),
            } if min > max => {
                faults.add(place, format!("min {min} is above max {max}"), "swap them");
            }
            Kind::Decimal {
                min: Some(min),
                max: Some(max),
                ..
            }
            | Kind::Money {
                min: Some(min),
                max: Some(max),
                ..
            } if min > max => {
                faults.add(place, format!("min {min} is above max {max}"), "swap them");
            }
            Kind::Choice { options } | Kind::MultiChoice { options } => {
                if options.is_empty() {
                    faults.add(place, "it offers no option", "list its `options`");
                }
                let mut seen = BTreeSet::new();
                for option in options.iter().filter(|option| !seen.insert(*option)) {
                    faults.add(
                        place,
                        format!("option `{option}` is listed twice"),
                        "list it once",
                    );
                }
                for option in options.iter().filter(|o| o.is_empty() || o.contains(',')) {
                    faults.add(
                        place,
                        format!("`{option}` cannot name an option"),
                        "leave out commas, and leave none empty",
                    );
                }
            }
            Kind::Lookup { targets, .. } => {
                if targets.is_empty() {
                    faults.add(place, "it points at no record type", "name its `target`");
                }
                for target in targets {
                    if self.types.get(target).is_none_or(|target| target.retired) {
                        faults.add(
                            place,
                            "it points at a record type that does not exist",
                            "name one that does",
                        );
                    }
                }
            }
            Kind::Set { of } => match &**of {
                Kind::Text { .. } | Kind::Lookup { .. } => self.kind_faults(of, place, faults),
                other => faults.add(
                    place,
                    format!("a set of {} is not possible", other.name()),
                    "use a set of text or of lookups",
                ),
            },
            _ => {}
        }
    }
}

impl RecordType {
    /// What is wrong with the keys themselves: the fold looks records up by
    /// them in a retired type, too.
    fn key_faults(&self, faults: &mut Faults) {
        let (mut names, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for key in &self.keys {
            let place = self.key_place(&key.name);
            if key.fields.is_empty() {
                faults.add(&place, "it names no field", "list its `fields`");
            }
            if !names.insert(&key.name) {
                faults.add(&place, "two keys have this name", "rename one");
            }
            if !ids.insert(key.id) {
                faults.add(
                    &place,
                    format!("two keys have the id {}", key.id),
                    "give each its own",
                );
            }
            let mut fields = BTreeSet::new();
            for id in key.fields.iter().filter(|id| !fields.insert(**id)) {
                let name = self.fields.get(id).map_or("?", |field| &field.name);
                faults.add(
                    &place,
                    format!("it names `{name}` twice"),
                    "name each field once",
                );
            }
        }
    }

    /// What faults call a key of this type.
    pub(super) fn key_place(&self, key: &str) -> String {
        format!("{}, key {key}", self.name)
    }
}
