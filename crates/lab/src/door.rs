//! The one door by which histories come into the lab: whatever they were, they
//! leave it as ledgers that the fold of the product folds.
//!
//! [`merges`] makes a ledger of what met in each merge, with what a person made
//! of it as the truth; [`whole`] makes one of everything that was done, as
//! exactly as the causal model of operations can say it. Ledgers that relays
//! recorded come in by [`crate::ledger::Archived`], as they are.
//!
//! What has no schema gets one: a record type `record`, in which each record
//! numbers its own paths. Values are texts, their JSON as it stood, so that
//! equal means equal; lists are sets where [`Lists::Sets`] says so.

mod merges;
mod whole;

pub use merges::merges;
pub use whole::{Fidelity, RECORD_STEPS_MAX, whole};

use crate::history::HistoryFault;
use crate::ledger::Held;
use cairn_model::{
    DeviceId, Field, FieldId, Hash, Kind, RecordId, RecordType, Timestamp, TypeId, Value, Version,
    Write, limit,
};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// The record type of histories without a schema.
pub const TYPE: TypeId = TypeId(1);
/// Fields that are registers, from 1 on; sets have the numbers after them.
const REGISTERS: u16 = 800;
const FIELDS: u16 = limit::FIELDS_MAX as u16;
/// Bytes of writes in one operation: what is left is for what is around them.
const WRITES_BYTES_MAX: usize = limit::OPERATION_BYTES_MAX * 3 / 4;

/// What lists are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// One value, which a write replaces.
    Values,
    /// Sets of texts, where every value of the field is a list of texts: a
    /// write adds and removes what differs from what its author had seen.
    Sets,
}

/// A history ready to be folded under every policy.
#[derive(Debug)]
pub struct Study {
    /// What it is called.
    pub name: String,
    /// What is folded.
    pub ledger: Held,
    /// What is known besides.
    pub truth: Truth,
}

/// What is known of a history that no operation says.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// The blocks that statistics are over, by name: merges of a real history.
    /// Empty where the whole history is one block.
    pub blocks: Vec<String>,
    /// Of what length blocks are, where they are spans of time.
    pub span: Option<&'static str>,
    /// The block of each record.
    pub block_of: BTreeMap<RecordId, u32>,
    /// Names of kinds of fields.
    pub classes: Vec<String>,
    /// The kind of each field of each record, where it is not its own name.
    pub class_of: BTreeMap<(RecordId, FieldId), u32>,
    /// By how many milliseconds each device's clock was ahead, where that is
    /// known.
    pub offsets: BTreeMap<DeviceId, i64>,
    /// What people made of what met.
    pub resolutions: Vec<Resolution>,
    /// What fields must stay within, besides what the definition says.
    pub bounds: Vec<Bound>,
    /// What fields must come to.
    pub sums: Vec<Sum>,
    /// When the last outage ended, where that is known.
    pub healed: Option<Timestamp>,
    /// How much what each device's person meant counts; 1 where nothing is said.
    pub weights: BTreeMap<DeviceId, u32>,
    /// What people wrote into texts in one go, to stay in one piece.
    pub runs: Vec<Run>,
}

/// What one person wrote at one place of a text between two syncs, in one edit
/// or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The record.
    pub record: RecordId,
    /// The field.
    pub field: FieldId,
    /// Its author's device.
    pub author: DeviceId,
    /// The first of its operations.
    pub first: Version,
    /// The last.
    pub last: Version,
    /// What its author had seen: runs that had not seen each other met.
    pub base: Version,
    /// Its pieces in the order in which their author left them, each of which
    /// no other run of the text has.
    pub pieces: Vec<String>,
}

/// What a counter or a whole number of every record must stay within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Of which records.
    pub record_type: TypeId,
    /// Which field.
    pub field: FieldId,
    /// The least it may be. With [`Bound::max`] it says how much a record has
    /// room for; one of them alone stands for that itself.
    pub min: Option<i64>,
    /// The most it may be.
    pub max: Option<i64>,
}

/// What a counter or a whole number must come to over all living records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// Of which records.
    pub record_type: TypeId,
    /// Which field.
    pub field: FieldId,
    /// What everybody meant it to be in the end.
    pub expected: i64,
}

/// What a person made of one field, or of a record's life.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The record.
    pub record: RecordId,
    /// The field; `None` for the record's life.
    pub field: Option<FieldId>,
    /// What the person left: `None` for an empty field. A record's life is
    /// `true` or `false`.
    pub value: Option<Resolved>,
    /// Whether both sides had written, and differently.
    pub conflict: bool,
    /// Whether a person had to look at it.
    pub by_hand: bool,
    /// Whether one side had held the other's value before: no true conflict.
    pub sequel: bool,
    /// Whether the record was there before the sides diverged.
    pub existed: bool,
    /// Whether it is known which side arrived last. Where it is not, nothing
    /// is learned about policies that ask for it.
    pub arrival_known: bool,
    /// Whether the times of the sides are known.
    pub times_known: bool,
}

/// A value that a person left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolved {
    /// Of a register.
    Value(Value),
    /// Of a set.
    Set(BTreeSet<Value>),
}

impl Truth {
    fn class(&mut self, names: &mut BTreeMap<String, u32>, path: &str) -> u32 {
        let class = class_of(path);
        *names.entry(class).or_insert_with_key(|class| {
            self.classes.push(class.clone());
            self.classes.len() as u32 - 1
        })
    }
}

/// A path without what tells rows of a list and versions apart.
fn class_of(path: &str) -> String {
    let plain = |part: &str| match part.chars().next() {
        Some('[' | '0'..='9') => "*".to_owned(),
        _ => part.to_owned(),
    };
    path.split('/').map(plain).collect::<Vec<_>>().join("/")
}

fn record_type() -> RecordType {
    let mut record_type = RecordType::new(TYPE, "record", "Record");
    for id in 1..=FIELDS {
        let (name, kind) = match id <= REGISTERS {
            true => (format!("value_{id}"), Kind::text()),
            false => {
                let of = Box::new(Kind::text());
                (format!("set_{id}"), Kind::Set { of })
            }
        };
        let id = FieldId(id);
        record_type
            .fields
            .insert(id, Field::new(id, &name, &name, kind));
    }
    record_type
}

/// The numbers of a record's paths.
#[derive(Debug, Default)]
struct Slots {
    registers: BTreeMap<String, FieldId>,
    sets: BTreeMap<String, FieldId>,
}

impl Slots {
    fn register(&mut self, record: &str, path: &str) -> Result<FieldId, HistoryFault> {
        slot(&mut self.registers, record, path, 0, REGISTERS)
    }

    fn set(&mut self, record: &str, path: &str) -> Result<FieldId, HistoryFault> {
        slot(&mut self.sets, record, path, REGISTERS, FIELDS)
    }
}

fn slot(
    slots: &mut BTreeMap<String, FieldId>,
    record: &str,
    path: &str,
    from: u16,
    to: u16,
) -> Result<FieldId, HistoryFault> {
    if let Some(slot) = slots.get(path) {
        return Ok(*slot);
    }
    let most = usize::from(to - from);
    if slots.len() == most {
        return Err(HistoryFault::TooManyFields {
            record: record.to_owned(),
            fields: slots.len() + 1,
            most,
        });
    }
    let id = FieldId(from + slots.len() as u16 + 1);
    slots.insert(path.to_owned(), id);
    Ok(id)
}

/// The value that stands for a JSON value: its text, with the keys of objects
/// in order; of a text too long for a field, its hash.
fn value_of(json: &Json) -> Value {
    let text = sorted(json).to_string();
    Value::Text(match text.len() <= limit::TEXT_BYTES_MAX {
        true => text,
        false => format!("blake3:{}", Hash::of(text.as_bytes())),
    })
}

fn sorted(json: &Json) -> Json {
    match json {
        Json::Array(parts) => parts.iter().map(sorted).collect(),
        Json::Object(parts) => {
            let parts: BTreeMap<&String, Json> = parts
                .iter()
                .map(|(key, part)| (key, sorted(part)))
                .collect();
            parts
                .into_iter()
                .map(|(key, part)| (key.clone(), part))
                .collect()
        }
        other => other.clone(),
    }
}

fn write_of(json: Option<&Json>) -> Write {
    match json {
        Some(json) => Write::Set(value_of(json)),
        None => Write::Clear,
    }
}

/// The elements of a list of texts; an absent list is empty. `None` for
/// anything else.
fn elements(json: Option<&Json>) -> Option<BTreeSet<Value>> {
    match json {
        None => Some(BTreeSet::new()),
        Some(Json::Array(parts)) => parts
            .iter()
            .map(|part| part.is_string().then(|| value_of(part)))
            .collect(),
        Some(_) => None,
    }
}

/// Writes in as many parts as operations have room for; one part, if empty.
fn parts(writes: Vec<(FieldId, Write)>) -> Vec<Vec<(FieldId, Write)>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0;
    for write in writes {
        let size = 16 + size_of_write(&write.1);
        let last = parts.last_mut().expect("there is always one");
        if !last.is_empty() && (bytes + size > WRITES_BYTES_MAX || last.len() == limit::WRITES_MAX)
        {
            parts.push(vec![write]);
            bytes = size;
        } else {
            last.push(write);
            bytes += size;
        }
    }
    parts
}

fn size_of_write(write: &Write) -> usize {
    let size = |value: &Value| value.to_string().len() + 4;
    match write {
        Write::Set(value) => size(value),
        Write::Change { add, remove } => add.iter().chain(remove).map(size).sum(),
        Write::Clear | Write::Add(_) | Write::Merge(_) => 8,
    }
}
