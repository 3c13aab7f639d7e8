//! What the story is about: a few records of what was loaded.

use crate::clock::now;
use crate::exit::Failure;
use crate::key_file::random;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind};
use cairn_model::{Definition, Field, FieldId, RecordId, RecordType, Value, Write};
use cairn_projection::{FieldState, Record, State};
use std::sync::Arc;

/// A record of the story.
#[derive(Debug, Clone)]
pub(super) struct Prop {
    /// Which.
    pub(super) record: RecordId,
    /// The name of its type.
    pub(super) type_name: &'static str,
    /// What people call it.
    pub(super) called: String,
}

/// The records of the story.
#[derive(Debug, Clone)]
pub(super) struct Props {
    /// The definition in force.
    pub(super) definition: Arc<Definition>,
    /// Two people move its start and its end.
    pub(super) planned: Prop,
    /// Two people set its status.
    pub(super) running: Prop,
    /// One strikes it off, another uses it.
    pub(super) part: Prop,
    /// The work order that part is on.
    pub(super) part_of: String,
    /// Two people type in its instructions.
    pub(super) described: Prop,
    /// What they read before.
    pub(super) instructions: String,
    /// Three people take one from the shelf.
    pub(super) shelf: Prop,
    /// How many there are.
    pub(super) on_hand: i64,
    /// Somebody works on it whose device is revoked.
    pub(super) lost: Prop,
    /// Whom new work orders are for.
    pub(super) account: RecordId,
    /// Two new work orders with one number.
    pub(super) new: [Prop; 2],
}

/// What happens to a field.
pub(super) enum Entry<'a> {
    /// It reads like this.
    Value(&'a str),
    /// It points at this record.
    Lookup(RecordId),
    /// Its text becomes this.
    Text(String),
    /// Its counter moves.
    Add(i64),
}

impl Props {
    /// Chooses them from what the relay has.
    pub(super) fn choose(state: &State) -> Result<Props, Failure> {
        let definition = Arc::clone(state.definition());
        let orders = sorted(state, &definition, "work_order");
        let products = sorted(state, &definition, "product");
        let (Some([described, part_of, .., planned, running]), Some(lost)) =
            (orders.get(..6), orders.get(3))
        else {
            return Err(missing("six work orders"));
        };
        let shelf = products
            .iter()
            .find(|product| on_hand(&definition, product) >= ON_HAND_MIN);
        let shelf = *shelf.ok_or_else(|| missing("a product of which ten are on hand"))?;
        let part = line_of(state, &definition, part_of.id)
            .ok_or_else(|| missing("a product on the second work order"))?;
        let account = sorted(state, &definition, "account")
            .first()
            .map(|account| account.id);
        let order = |record: &Record| Prop {
            record: record.id,
            type_name: "work_order",
            called: text(&definition, "work_order", "number", record),
        };
        let new = || -> Result<Prop, Failure> {
            let record = RecordId::mint(now().0, random()?);
            Ok(Prop {
                record,
                type_name: "work_order",
                called: NEW_NUMBER.to_owned(),
            })
        };
        Ok(Props {
            planned: order(planned),
            running: order(running),
            part: Prop {
                record: part.id,
                type_name: "work_order_product",
                called: lookup(&definition, "work_order_product", "product", part)
                    .and_then(|product| {
                        Some(text(&definition, "product", "name", state.record(product)?))
                    })
                    .unwrap_or_default(),
            },
            part_of: order(part_of).called,
            described: order(described),
            instructions: text(&definition, "work_order", "instructions", described),
            shelf: Prop {
                record: shelf.id,
                type_name: "product",
                called: text(&definition, "product", "name", shelf),
            },
            on_hand: on_hand(&definition, shelf),
            lost: order(lost),
            account: account.ok_or_else(|| missing("an account"))?,
            new: [new()?, new()?],
            definition,
        })
    }

    /// A new state of some fields of a record.
    pub(super) fn update(&self, prop: &Prop, entries: &[(&str, Entry<'_>)]) -> RecordEdit {
        self.edit(prop, RecordEditKind::Update(self.fields(prop, entries)))
    }

    /// A new record.
    pub(super) fn create(&self, prop: &Prop, entries: &[(&str, Entry<'_>)]) -> RecordEdit {
        self.edit(prop, RecordEditKind::Create(self.fields(prop, entries)))
    }

    /// An edit of a record.
    pub(super) fn edit(&self, prop: &Prop, kind: RecordEditKind) -> RecordEdit {
        let record_type = record_type(&self.definition, prop.type_name).id;
        RecordEdit {
            record: Some(prop.record),
            record_type,
            kind,
            base: None,
        }
    }

    fn fields(&self, prop: &Prop, entries: &[(&str, Entry<'_>)]) -> Vec<(FieldId, FieldEdit)> {
        let edit = |(name, entry): &(&str, Entry<'_>)| {
            let field = field(&self.definition, prop.type_name, name);
            let edit = match entry {
                Entry::Value(text) => {
                    let value =
                        Value::from_text(&field.kind, text).expect("the story fits the template");
                    FieldEdit::Write(Write::Set(value))
                }
                Entry::Lookup(record) => FieldEdit::Write(Write::Set(Value::Lookup(*record))),
                Entry::Text(text) => FieldEdit::Document(text.clone().into()),
                Entry::Add(change) => FieldEdit::Write(Write::Add(*change)),
            };
            (field.id, edit)
        };
        entries.iter().map(edit).collect()
    }

    /// What a field of a record reads.
    pub(super) fn reads(&self, prop: &Prop, field: &str, record: &Record) -> String {
        text(&self.definition, prop.type_name, field, record)
    }
}

/// How many of a product there must be, so that three can be taken and some
/// are left.
const ON_HAND_MIN: i64 = 10;
/// The number that is given twice.
pub(super) const NEW_NUMBER: &str = "WO-7001";

fn missing(what: &str) -> Failure {
    Failure::usage(format!(
        "the story needs {what}, and the loaded tables do not have it; correct the mapping"
    ))
}

/// A type of the template.
fn record_type<'a>(definition: &'a Definition, name: &str) -> &'a RecordType {
    definition
        .type_named(name)
        .expect("the template has the types of the story")
}

/// A field of the template.
fn field<'a>(definition: &'a Definition, type_name: &str, name: &str) -> &'a Field {
    record_type(definition, type_name)
        .field_named(name)
        .expect("the template has the fields of the story")
}

fn text(definition: &Definition, type_name: &str, name: &str, record: &Record) -> String {
    let field = field(definition, type_name, name);
    record
        .field(field.id)
        .map(|state| state.to_text(&field.kind))
        .unwrap_or_default()
}

fn lookup(
    definition: &Definition,
    type_name: &str,
    name: &str,
    record: &Record,
) -> Option<RecordId> {
    match record.value(field(definition, type_name, name).id) {
        Some(Value::Lookup(target)) => Some(*target),
        _ => None,
    }
}

fn on_hand(definition: &Definition, product: &Record) -> i64 {
    match product.field(field(definition, "product", "on_hand").id) {
        Some(FieldState::Counter(count)) => *count,
        _ => 0,
    }
}

/// The records of a type, by their number.
fn sorted<'a>(state: &'a State, definition: &Definition, type_name: &str) -> Vec<&'a Record> {
    let id = record_type(definition, type_name).id;
    let mut records: Vec<&Record> = state
        .records()
        .filter(|record| record.record_type == id && record.is_alive())
        .collect();
    records.sort_by_cached_key(|record| text(definition, type_name, "number", record));
    records
}

/// The first product on a work order.
fn line_of<'a>(state: &'a State, definition: &Definition, order: RecordId) -> Option<&'a Record> {
    let id = record_type(definition, "work_order_product").id;
    state.records().find(|record| {
        record.record_type == id
            && record.is_alive()
            && lookup(definition, "work_order_product", "work_order", record) == Some(order)
    })
}
