//! A mapping checked against the definition: every mistake at once, before the
//! first row is read.

use super::mapping::{FieldSource, Mapping, Table};
use super::rows::Format;
use crate::fields;
use cairn_model::{Definition, Field, FieldId, Kind, RecordType, TypeId};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// One pass over one file, ready to carry out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The file, as named.
    pub(crate) file: PathBuf,
    /// How it is written, where its name does not tell.
    pub(crate) format: Option<Format>,
    /// What stands between cells of CSV, where the heading does not tell.
    pub(crate) delimiter: Option<char>,
    /// The record type.
    pub(crate) record_type: RecordType,
    /// How a row's record is found.
    pub(crate) identity: Identity,
    /// Whether rows only change records that exist.
    pub(crate) update_only: bool,
    /// The fields.
    pub(crate) fields: Vec<FieldPlan>,
}

/// How a row's record is found again in a second run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// By these columns, from which the id is derived.
    Key(Vec<String>),
    /// By the record id in this column.
    Id(String),
    /// By all that the row says: a row that says the same is the same.
    Content,
}

/// Where one field's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldPlan {
    /// The field.
    pub(crate) field: Field,
    /// The value before `map`.
    pub(crate) source: Source,
    /// Where a lookup's target is found; `None` for any way a person may name
    /// a record.
    pub(crate) lookup: Option<(TypeId, FieldId)>,
    /// Values instead of those in the file.
    pub(crate) map: BTreeMap<String, Json>,
    /// What stands between the elements of a set.
    pub(crate) split: Option<String>,
}

/// A value before `map`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// What a column has.
    Column(String),
    /// Text with columns in it.
    Text(Vec<Piece>),
    /// The same for every row.
    Constant(Json),
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// As it is.
    Plain(String),
    /// What a column has.
    Column(String),
}

impl FieldPlan {
    /// The column to name when the value is wrong.
    pub(crate) fn column(&self) -> &str {
        match &self.source {
            Source::Column(column) => column,
            Source::Text(pieces) => pieces
                .iter()
                .find_map(|piece| match piece {
                    Piece::Column(column) => Some(column.as_str()),
                    Piece::Plain(_) => None,
                })
                .unwrap_or(&self.field.name),
            Source::Constant(_) => &self.field.name,
        }
    }
}

impl Plan {
    /// The fields that are counters, by name.
    pub(crate) fn counters(&self) -> Vec<String> {
        let fields = self.fields.iter().map(|plan| &plan.field);
        let counters = fields.filter(|field| field.kind == Kind::Counter);
        counters.map(|field| field.name.clone()).collect()
    }

    /// Every column the plan reads.
    pub(crate) fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = match &self.identity {
            Identity::Key(columns) => columns.iter().map(String::as_str).collect(),
            Identity::Id(column) => vec![column],
            Identity::Content => Vec::new(),
        };
        for plan in &self.fields {
            match &plan.source {
                Source::Column(column) => columns.push(column),
                Source::Text(pieces) => {
                    columns.extend(pieces.iter().filter_map(|piece| match piece {
                        Piece::Column(column) => Some(column.as_str()),
                        Piece::Plain(_) => None,
                    }))
                }
                Source::Constant(_) => {}
            }
        }
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}

/// Checks a mapping. Gives every mistake, each with its table.
pub(crate) fn plan(mapping: &Mapping, definition: &Definition) -> Result<Vec<Plan>, Vec<String>> {
    let mut plans = Vec::new();
    let mut mistakes = Vec::new();
    for (number, table) in (1..).zip(&mapping.tables) {
        let name = table.record_type.as_deref().unwrap_or("no type");
        let mut check = Check {
            definition,
            place: format!("table {number} ({name})"),
            mistakes: Vec::new(),
        };
        if let Some(plan) = check.table(table) {
            plans.push(plan);
        }
        mistakes.append(&mut check.mistakes);
    }
    if mistakes.is_empty() {
        Ok(plans)
    } else {
        Err(mistakes)
    }
}

/// The plan for a file without a mapping: columns are called like fields.
/// Gives also the columns that no field is called like.
pub(crate) fn plan_by_heading(
    file: PathBuf,
    format: Option<Format>,
    record_type: &RecordType,
    heading: &[String],
    key: &[String],
) -> Result<(Plan, Vec<String>), String> {
    let mut fields = Vec::new();
    let mut unknown = Vec::new();
    for column in heading {
        match record_type.field_named(column) {
            Some(field) => fields.push(FieldPlan {
                field: field.clone(),
                source: Source::Column(column.clone()),
                lookup: None,
                map: BTreeMap::new(),
                split: None,
            }),
            None if column == "id" || key.contains(column) => {}
            None => unknown.push(column.clone()),
        }
    }
    if fields.is_empty() {
        let known: Vec<&str> = record_type
            .live_fields()
            .map(|field| field.name.as_str())
            .collect();
        return Err(format!(
            "{}: no column is called like a field of {}: rename columns, or say with --mapping what they are (fields: {})",
            file.display(),
            record_type.name,
            known.join(", ")
        ));
    }
    if let Some(missing) = key.iter().find(|column| !heading.contains(column)) {
        return Err(format!(
            "{}: there is no column `{missing}` to tell rows apart by",
            file.display()
        ));
    }
    let has_column = |id: &FieldId| {
        record_type
            .fields
            .get(id)
            .is_some_and(|field| heading.contains(&field.name))
    };
    let alternate = record_type
        .keys
        .iter()
        .find(|key| key.fields.iter().all(has_column));
    let identity = if !key.is_empty() {
        Identity::Key(key.to_vec())
    } else if heading.iter().any(|column| column == "id") && record_type.field_named("id").is_none()
    {
        Identity::Id("id".to_owned())
    } else if let Some(alternate) = alternate {
        Identity::Key(
            alternate
                .fields
                .iter()
                .map(|id| record_type.fields[id].name.clone())
                .collect(),
        )
    } else {
        Identity::Content
    };
    let plan = Plan {
        file,
        format,
        delimiter: None,
        record_type: record_type.clone(),
        identity,
        update_only: false,
        fields,
    };
    Ok((plan, unknown))
}

struct Check<'a> {
    definition: &'a Definition,
    place: String,
    mistakes: Vec<String>,
}

impl Check<'_> {
    fn mistake(&mut self, words: impl fmt::Display) {
        self.mistakes.push(format!("{}: {words}", self.place));
    }

    fn table(&mut self, table: &Table) -> Option<Plan> {
        let Some(type_name) = &table.record_type else {
            self.mistake("it names no `type`, and neither does --type");
            return None;
        };
        let Some(record_type) = self.definition.type_named(type_name) else {
            let known: Vec<&str> = self
                .definition
                .types
                .values()
                .filter(|t| !t.retired)
                .map(|t| t.name.as_str())
                .collect();
            self.mistake(format!(
                "there is no record type `{}`; there are {}",
                type_name,
                known.join(", ")
            ));
            return None;
        };
        let Some(file) = table.file.clone() else {
            self.mistake("it names no `file`, and neither does the command");
            return None;
        };
        let mut fields = Vec::new();
        for (name, source) in &table.fields {
            match fields::field_named(record_type, name) {
                Err(error) => self.mistake(error),
                Ok(field) => match self.field(field, source) {
                    Ok(plan) => fields.push(plan),
                    Err(words) => self.mistake(format!("field `{name}`: {words}")),
                },
            }
        }
        let identity = match (&table.id, table.key.as_slice()) {
            (Some(_), [_, ..]) => {
                self.mistake("it has both `id` and `key`; keep the one that tells rows apart");
                return None;
            }
            (Some(column), []) => Identity::Id(column.clone()),
            (None, []) => Identity::Content,
            (None, columns) => Identity::Key(columns.to_vec()),
        };
        Some(Plan {
            file,
            format: table.format,
            delimiter: table.delimiter,
            record_type: record_type.clone(),
            identity,
            update_only: table.update_only,
            fields,
        })
    }

    fn field(&self, field: &Field, source: &FieldSource) -> Result<FieldPlan, String> {
        let given = match (&source.column, &source.text, &source.value) {
            (Some(column), None, None) => Source::Column(column.clone()),
            (None, Some(text), None) => Source::Text(pieces(text)?),
            (None, None, Some(value)) => Source::Constant(value.clone()),
            _ => return Err("give one of `column`, `text` and `value`".to_owned()),
        };
        let lookup = source
            .lookup
            .as_deref()
            .map(|path| self.lookup(field, path))
            .transpose()?;
        if source.split.is_some()
            && !matches!(field.kind, Kind::Set { .. } | Kind::MultiChoice { .. })
        {
            return Err("`split` is for sets; this field holds one value".to_owned());
        }
        if source.split.as_deref() == Some("") {
            return Err(
                "`split` must not be empty; write what stands between the elements".to_owned(),
            );
        }
        Ok(FieldPlan {
            field: field.clone(),
            source: given,
            lookup,
            map: source.map.clone(),
            split: source.split.clone(),
        })
    }

    fn lookup(&self, field: &Field, path: &str) -> Result<(TypeId, FieldId), String> {
        let targets = match &field.kind {
            Kind::Lookup { targets, .. } => targets,
            Kind::Set { of } => match &**of {
                Kind::Lookup { targets, .. } => targets,
                _ => return Err("`lookup` is for lookups; this field holds none".to_owned()),
            },
            _ => return Err("`lookup` is for lookups; this field holds none".to_owned()),
        };
        let (type_name, field_name) = path
            .split_once('.')
            .ok_or("write `lookup` as \"type.field\", such as \"account.number\"")?;
        let target = self
            .definition
            .type_named(type_name)
            .filter(|target| targets.contains(&target.id))
            .ok_or_else(|| format!("it cannot point at a `{type_name}`"))?;
        let by = fields::field_named(target, field_name).map_err(|error| error.to_string())?;
        if !by.kind.is_register() {
            return Err(format!(
                "records cannot be found by {path}, because a {} is not one value",
                by.kind.name()
            ));
        }
        Ok((target.id, by.id))
    }
}

/// Text with columns in braces; `{{` is a brace.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            plain.push_str(brace);
            rest = after;
            continue;
        }
        let end = rest.find('}').filter(|_| brace == "{");
        let end = end.ok_or_else(|| {
            format!("a brace in `{text}` has no partner; write {{{{ or }}}} for a brace itself")
        })?;
        if !plain.is_empty() {
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Column(rest[..end].trim().to_owned()));
        rest = &rest[end + 1..];
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        pieces.push(Piece::Plain(plain));
    }
    Ok(pieces)
}
