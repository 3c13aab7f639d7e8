//! What a domain tells of itself: its record types, its people, and what they
//! do next.

use super::laws::{Hours, Law, Line, Uplink};
use super::sight::Sight;
use crate::door::Truth;
use crate::stats::Stream;
use cairn_model::{
    Field, FieldId, Kind, OnDelete, RecordId, RecordType, Timestamp, TypeId, Value, Write,
};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A small world of records, and people at work on them.
///
/// What people do of their own accord follows from their stream and from what
/// they see, so that a policy can only change it through what it shows.
pub(crate) trait Domain: Send + Sync {
    /// Its record types.
    fn types(&self) -> Vec<RecordType>;
    /// Its people.
    fn people(&self) -> Vec<Role>;
    /// The uplinks of its sites.
    fn sites(&self) -> Vec<Uplink> {
        Vec::new()
    }
    /// What is there before anybody begins.
    fn begin(&self) -> Vec<Draft>;
    /// What a person does next; nothing, if there is nothing to do.
    fn act(&self, desk: &Desk<'_>, stream: &mut Stream) -> Draft;
    /// Whether people look at what is there before they act.
    fn looks(&self) -> bool {
        true
    }
    /// What must hold in the end, besides what the operations say.
    fn declare(&self, _truth: &mut Truth) {}
}

/// A person: how they work, and how their device is in reach.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    /// How much what they meant counts.
    pub(crate) weight: u32,
    /// The site whose uplink they depend on.
    pub(crate) site: Option<usize>,
    pub(crate) line: Line,
    pub(crate) pause: Law,
    pub(crate) hours: Option<Hours>,
    /// Acts at most.
    pub(crate) acts: usize,
    /// The end of their work, since the beginning.
    pub(crate) until: u64,
    /// How far the clock is off at most, either way.
    pub(crate) skew: u64,
}

/// One operation, as a person means it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) edits: Vec<Edit>,
    /// A piece of text that stands before what its author wrote there since
    /// the last sync.
    pub(crate) piece: Option<String>,
}

/// What is done to one record.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) record: RecordId,
    pub(crate) record_type: TypeId,
    pub(crate) deed: Deed,
}

#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Create(Vec<(FieldId, Put)>),
    Update(Vec<(FieldId, Put)>),
    Delete,
}

/// What is put into a field.
#[derive(Debug, Clone)]
pub(crate) enum Put {
    Write(Write),
    /// What a document is to read as.
    Document(Json),
}

impl Draft {
    /// Nothing is done.
    pub(crate) fn nothing() -> Draft {
        Draft::default()
    }

    pub(crate) fn create(
        record_type: TypeId,
        record: RecordId,
        puts: Vec<(FieldId, Put)>,
    ) -> Draft {
        Draft::one(record_type, record, Deed::Create(puts))
    }

    pub(crate) fn update(
        record_type: TypeId,
        record: RecordId,
        puts: Vec<(FieldId, Put)>,
    ) -> Draft {
        Draft::one(record_type, record, Deed::Update(puts))
    }

    pub(crate) fn delete(record_type: TypeId, record: RecordId) -> Draft {
        Draft::one(record_type, record, Deed::Delete)
    }

    fn one(record_type: TypeId, record: RecordId, deed: Deed) -> Draft {
        let edits = vec![Edit {
            record,
            record_type,
            deed,
        }];
        Draft { edits, piece: None }
    }

    /// Both at once, as one operation.
    pub(crate) fn and(mut self, other: Draft) -> Draft {
        self.edits.extend(other.edits);
        self
    }
}

pub(crate) fn set(field: FieldId, value: Value) -> (FieldId, Put) {
    (field, Put::Write(Write::Set(value)))
}

pub(crate) fn text(field: FieldId, text: impl Into<String>) -> (FieldId, Put) {
    set(field, Value::Text(text.into()))
}

pub(crate) fn choice(field: FieldId, option: &str) -> (FieldId, Put) {
    set(field, Value::Choice(option.to_owned()))
}

pub(crate) fn add(field: FieldId, change: i64) -> (FieldId, Put) {
    (field, Put::Write(Write::Add(change)))
}

/// Puts an element into a set that lacks it, and takes it out of one that has it.
pub(crate) fn toggle(field: FieldId, has: bool, element: Value) -> (FieldId, Put) {
    let (one, none) = (BTreeSet::from([element]), BTreeSet::new());
    let (add, remove) = if has { (none, one) } else { (one, none) };
    (field, Put::Write(Write::Change { add, remove }))
}

pub(crate) fn document(field: FieldId, wanted: impl Into<Json>) -> (FieldId, Put) {
    (field, Put::Document(wanted.into()))
}

/// What a number or an amount is as a value.
pub(crate) fn parsed(kind: &Kind, text: &str) -> Value {
    Value::from_text(kind, text).expect("it is written as values of its kind are")
}

/// The record of a name.
pub(crate) fn record(kind: &str, name: impl ToString) -> RecordId {
    RecordId::derive(format!("synthetic {kind}").as_bytes(), &name.to_string())
}

/// A record type, its fields numbered from 1.
pub(crate) fn record_type(id: TypeId, name: &str, fields: &[(&str, Kind)]) -> RecordType {
    let mut record_type = RecordType::new(id, name, name);
    for (id, (name, kind)) in (1..).map(FieldId).zip(fields) {
        record_type
            .fields
            .insert(id, Field::new(id, name, name, kind.clone()));
    }
    record_type
}

pub(crate) fn one_of(options: &[&str]) -> Kind {
    Kind::Choice {
        options: options.iter().map(|&option| option.to_owned()).collect(),
    }
}

pub(crate) fn lookup(target: TypeId) -> Kind {
    Kind::Lookup {
        targets: [target].into(),
        on_delete: OnDelete::Clear,
    }
}

pub(crate) fn set_of_texts() -> Kind {
    Kind::Set {
        of: Box::new(Kind::text()),
    }
}

/// One of several, all alike.
pub(crate) fn pick<T: Clone>(items: &[T], stream: &mut Stream) -> Option<T> {
    (!items.is_empty()).then(|| items[stream.below(items.len())].clone())
}

/// The place of what was drawn, by weights that are whole numbers.
pub(crate) fn weighed(weights: &[u32], stream: &mut Stream) -> usize {
    let sum: u32 = weights.iter().sum();
    let mut at = stream.below(sum.max(1) as usize) as u32;
    let goes = |weight: &u32| {
        let here = at < *weight;
        at = at.saturating_sub(*weight);
        here
    };
    weights.iter().position(goes).unwrap_or_default()
}

/// What a person has before them.
pub(crate) struct Desk<'a> {
    /// Which person.
    pub(crate) person: usize,
    /// How many times they acted before.
    pub(crate) acts: usize,
    pub(crate) now: Timestamp,
    pub(crate) sight: &'a dyn Sight,
}

impl Desk<'_> {
    pub(crate) fn is_there(&self, record: RecordId) -> bool {
        self.sight.is_there(record)
    }

    /// Records of a type that are there, by id.
    pub(crate) fn records(&self, record_type: TypeId) -> Vec<RecordId> {
        self.sight.records(record_type)
    }

    /// What a register shows.
    pub(crate) fn value(&self, record: RecordId, field: FieldId) -> Option<Value> {
        self.sight.value(record, field)
    }

    pub(crate) fn choice(&self, record: RecordId, field: FieldId) -> String {
        match self.value(record, field) {
            Some(Value::Choice(option)) => option,
            _ => String::new(),
        }
    }

    pub(crate) fn number(&self, record: RecordId, field: FieldId) -> i64 {
        match self.value(record, field) {
            Some(Value::Integer(number)) => number,
            _ => 0,
        }
    }

    pub(crate) fn lookup(&self, record: RecordId, field: FieldId) -> Option<RecordId> {
        match self.value(record, field)? {
            Value::Lookup(target) => Some(target),
            _ => None,
        }
    }

    /// What a counter has come to.
    pub(crate) fn count(&self, record: RecordId, field: FieldId) -> i64 {
        self.sight.count(record, field)
    }

    pub(crate) fn has(&self, record: RecordId, field: FieldId, element: &Value) -> bool {
        self.sight.has(record, field, element)
    }

    /// What a rich text reads as.
    pub(crate) fn text(&self, record: RecordId, field: FieldId) -> String {
        match self.sight.document(record, field, &Kind::RichText) {
            Json::String(text) => text,
            _ => String::new(),
        }
    }

    /// What a JSON document reads as.
    pub(crate) fn json(&self, record: RecordId, field: FieldId) -> Json {
        self.sight.document(record, field, &Kind::Json)
    }
}
