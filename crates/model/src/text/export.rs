//! A definition written as its text. [`parse`](super::parse) on top of the
//! same definition gives it back.

mod profile;
mod security;

pub(super) use profile::owned_names;

use super::SourceFile;
use super::default::{decimal, write as default_text};
use super::field::{ANY_TYPE, ON_DELETE, on_delete_default};
use super::layout::{Row, heading_of, line, list, quoted, shown};
use super::organization::GRANULARITIES;
use super::record_type::label_of;
use crate::definition::{Definition, Field, Kind, OnDelete, RecordType};
use crate::id::{FieldId, TypeId};
use std::collections::{BTreeMap, BTreeSet};

/// Writes the definition as a folder.
///
/// Retired types and fields are written with `retired = true`. Those whose
/// names mean something else by now are left out: the definition in force
/// keeps them.
pub fn export(definition: &Definition) -> Vec<SourceFile> {
    let names = type_names(definition);
    let mut files = vec![
        file("organization.toml", security::heading(definition)),
        file("business_units.toml", units(definition)),
        file("positions.toml", positions(definition)),
        file("users.toml", security::users(definition)),
        file("teams.toml", security::teams(definition)),
        file("field_security.toml", security::field_security(definition)),
    ];
    files.retain(|file| !file.text.is_empty());
    for (name, role) in &definition.roles {
        let text = security::role(name, role, definition);
        files.push(file(&format!("roles/{name}.toml"), text));
    }
    for (name, profile) in &definition.profiles {
        let text = profile::profile(name, profile, definition);
        files.push(file(&format!("profiles/{name}.toml"), text));
    }
    let nameable =
        |record_type: &&RecordType| names.get(record_type.name.as_str()) == Some(&record_type.id);
    for record_type in definition.types.values().filter(nameable) {
        let writer = TypeWriter {
            definition,
            names: &names,
            record_type,
        };
        if !record_type.retired || writer.is_faithful() {
            files.push(file(
                &format!("types/{}.toml", record_type.name),
                writer.text(),
            ));
        }
    }
    files
}

fn file(path: &str, text: String) -> SourceFile {
    SourceFile {
        path: path.to_owned(),
        text,
    }
}

fn units(definition: &Definition) -> String {
    let units = definition.business_units.iter();
    security::tree(units.map(|(name, unit)| (name, &unit.label, &unit.parent)))
}

fn positions(definition: &Definition) -> String {
    let positions = definition.positions.iter();
    security::tree(positions.map(|(name, position)| (name, &position.label, &position.parent)))
}

/// The type each name means: the one in use, else the last one retired.
fn type_names(definition: &Definition) -> BTreeMap<&str, TypeId> {
    let mut types: Vec<&RecordType> = definition.types.values().collect();
    types.sort_by_key(|record_type| (!record_type.retired, record_type.id));
    types
        .iter()
        .map(|record_type| (record_type.name.as_str(), record_type.id))
        .collect()
}

fn name_of<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names
        .iter()
        .find(|(_, named)| *named == value)
        .map_or("", |(name, _)| *name)
}

/// One record type while it is written.
struct TypeWriter<'a> {
    definition: &'a Definition,
    names: &'a BTreeMap<&'a str, TypeId>,
    record_type: &'a RecordType,
}

impl TypeWriter<'_> {
    fn text(&self) -> String {
        let record_type = self.record_type;
        let names = self.field_names();
        let mut text = String::new();
        if record_type.label != label_of(&record_type.name) {
            line(&mut text, "label", &quoted(&record_type.label));
        }
        if let Some(title) = record_type.title.and_then(|id| record_type.fields.get(&id)) {
            line(&mut text, "title", &quoted(&title.name));
        }
        if let Some(policy) = &record_type.policy {
            line(&mut text, "policy", &quoted(policy));
        }
        if let Some(granularity) = record_type.granularity {
            line(
                &mut text,
                "granularity",
                &quoted(name_of(GRANULARITIES, granularity)),
            );
        }
        for (key, id) in people_fields(record_type) {
            if let Some(field) = record_type.fields.get(&id) {
                line(&mut text, key, &quoted(&field.name));
            }
        }
        if !record_type.offline {
            line(&mut text, "offline", "false");
        }
        if let Some(expression) = &record_type.offline_where {
            line(&mut text, "offline_where", &quoted(expression));
        }
        if record_type.retired {
            line(&mut text, "retired", "true");
        }
        heading_of("keys", record_type.keys.is_empty(), &mut text);
        for key in &record_type.keys {
            let fields = key
                .fields
                .iter()
                .filter_map(|id| record_type.fields.get(id));
            line(&mut text, &key.name, &list(fields.map(|field| &field.name)));
        }
        let shown = |field: &&Field| {
            names.get(field.name.as_str()) == Some(&field.id)
                && (!field.retired || self.is_nameable(&field.kind))
        };
        let fields: Vec<&Field> = record_type.fields.values().filter(shown).collect();
        heading_of("fields", fields.is_empty(), &mut text);
        for field in fields {
            line(&mut text, &field.name, &self.field(field));
        }
        text
    }

    /// Whether reading the text gives the type back, though it is retired and
    /// names around it have changed their meaning.
    fn is_faithful(&self) -> bool {
        let names = self.field_names();
        let live = |field: &&Field| !field.retired;
        let means = |id: &FieldId| {
            let field = self.record_type.fields.get(id);
            field.is_some_and(|field| names.get(field.name.as_str()) == Some(id))
        };
        self.record_type
            .fields
            .values()
            .filter(live)
            .all(|field| means(&field.id) && self.is_nameable(&field.kind))
            && self.record_type.title.iter().all(means)
            && people_fields(self.record_type).all(|(_, id)| means(&id))
            && self
                .record_type
                .keys
                .iter()
                .flat_map(|key| &key.fields)
                .all(means)
    }

    /// The field each name means: the one in use, else the last one retired.
    fn field_names(&self) -> BTreeMap<&str, FieldId> {
        let mut fields: Vec<&Field> = self.record_type.fields.values().collect();
        fields.sort_by_key(|field| (!field.retired, field.id));
        fields
            .iter()
            .map(|field| (field.name.as_str(), field.id))
            .collect()
    }

    fn field(&self, field: &Field) -> String {
        let mut row = Row::default();
        row.add("kind", quoted(field.kind.name()));
        self.kind(&field.kind, field.required, &mut row);
        row.add_if("required", field.required, || "true".to_owned());
        if let Some(default) = &field.default {
            row.add("default", shown(default_text(&field.kind, default)));
        }
        row.add_if("label", field.label != label_of(&field.name), || {
            quoted(&field.label)
        });
        row.add_text("policy", field.policy.as_deref());
        row.add_if("secured", field.secured, || "true".to_owned());
        row.add_if("retired", field.retired, || "true".to_owned());
        row.text(&field.name)
    }

    fn kind(&self, kind: &Kind, required: bool, row: &mut Row) {
        let limit = |row: &mut Row, key, limit: &Option<crate::value::Decimal>| {
            if let Some(limit) = limit {
                row.add(key, shown(decimal(&limit.to_string())));
            }
        };
        match kind {
            Kind::Text { length_max } => row.add_number("length_max", *length_max),
            Kind::Integer { min, max } => {
                row.add_number("min", *min);
                row.add_number("max", *max);
            }
            Kind::Decimal { min, max, scale } => {
                limit(row, "min", min);
                limit(row, "max", max);
                row.add_number("scale", *scale);
            }
            Kind::Money { currency, min, max } => {
                row.add("currency", quoted(currency));
                limit(row, "min", min);
                limit(row, "max", max);
            }
            Kind::Choice { options } | Kind::MultiChoice { options } => {
                row.add("options", list(options))
            }
            Kind::Lookup { targets, on_delete } => self.lookup(targets, *on_delete, required, row),
            Kind::Set { of } => {
                row.add("of", quoted(of.name()));
                self.kind(of, false, row);
            }
            Kind::Boolean | Kind::Date | Kind::Timestamp | Kind::File => {}
            Kind::Counter | Kind::RichText | Kind::Json => {}
        }
    }

    fn lookup(
        &self,
        targets: &BTreeSet<TypeId>,
        on_delete: OnDelete,
        required: bool,
        row: &mut Row,
    ) {
        row.add("target", self.targets(targets));
        let is_default = on_delete == on_delete_default(required);
        row.add_if("on_delete", !is_default, || {
            quoted(name_of(ON_DELETE, on_delete))
        });
    }

    fn targets(&self, targets: &BTreeSet<TypeId>) -> String {
        let live = self
            .definition
            .types
            .values()
            .filter(|record_type| !record_type.retired);
        if targets.len() > 1
            && live
                .map(|record_type| record_type.id)
                .eq(targets.iter().copied())
        {
            return quoted(ANY_TYPE);
        }
        let names: Vec<&String> = targets
            .iter()
            .filter_map(|id| self.definition.types.get(id))
            .map(|target| &target.name)
            .collect();
        match names[..] {
            [name] => quoted(name),
            _ => list(names),
        }
    }

    /// Whether every type the kind points at is what its name means.
    fn is_nameable(&self, kind: &Kind) -> bool {
        match kind {
            Kind::Lookup { targets, .. } => targets.iter().all(|id| {
                let target = self.definition.types.get(id);
                target.is_some_and(|target| self.names.get(target.name.as_str()) == Some(id))
            }),
            Kind::Set { of } => self.is_nameable(of),
            _ => true,
        }
    }
}

/// The fields that say whose a record is and whom it is shared with, by key.
fn people_fields(record_type: &RecordType) -> impl Iterator<Item = (&'static str, FieldId)> {
    let fields = [
        ("owner", record_type.owner),
        ("readers", record_type.readers),
        ("writers", record_type.writers),
    ];
    let named = fields.into_iter();
    named.filter_map(|(key, field)| Some((key, field?)))
}
