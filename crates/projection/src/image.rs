//! Images: records as bytes, whole or only what changed since a version.
//!
//! Versions inside an image are written as short distances from the record's
//! newest version, and each operation behind the standing writes is told once,
//! so that an image is about as large as its values.

use crate::record::{FieldSlot, FieldState, Origin, Record};
use crate::register::{OpenConflict, Register, RegisterWrite, Writes};
use crate::set::ElementSet;
use cairn_model::codec::{self, DecodeError};
use cairn_model::{AuthorId, FieldId, HybridTime, RecordId, Timestamp, TypeId, Value, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct ImageForm {
    id: RecordId,
    record_type: TypeId,
    version: u64,
    created: u64,
    origins: Vec<OriginForm>,
    /// `None` when only the fields changed.
    life: LifeForm<RegisterForm>,
    whole: bool,
    fields: Vec<FieldForm>,
}

#[derive(Serialize, Deserialize)]
struct OriginForm {
    behind: u64,
    author: u32,
    generation: u32,
    sequence: u64,
    time: HybridTime,
    received_after: i64,
}

#[derive(Deserialize)]
struct RegisterForm {
    writes: Vec<(u64, Option<Value>)>,
    shown: u32,
    open: Option<OpenConflict>,
}

#[derive(Deserialize)]
struct FieldForm {
    id: u16,
    changed_behind: u64,
    state: StateForm,
}

#[derive(Deserialize)]
enum StateForm {
    /// A register with one write, made by the operation that changed it last.
    Value(Value),
    Register(RegisterForm),
    Counter(i64),
    Set(Vec<(Value, Vec<u64>)>),
    Document(#[serde(with = "cairn_oplog::bundle::byte_string")] Vec<u8>),
    /// A register that nobody wrote since the record got its defaults.
    Default(Value),
}

/// What an image tells of a record's life.
#[derive(Serialize, Deserialize)]
enum LifeForm<R> {
    /// It is as it was.
    Unchanged,
    /// The operation of the image's version keeps the record, and no other
    /// write stands: by far the most usual.
    Kept,
    /// When it changed, as a distance, and its writes.
    Told(u64, R),
}

/// The same forms, borrowed, for writing: nothing is copied.
mod writing {
    use super::{LifeForm, OpenConflict, OriginForm, RecordId, TypeId, Value};
    use serde::Serialize;

    #[derive(Serialize)]
    pub(super) struct ImageForm<'a> {
        pub(super) id: RecordId,
        pub(super) record_type: TypeId,
        pub(super) version: u64,
        pub(super) created: u64,
        pub(super) origins: Vec<OriginForm>,
        pub(super) life: LifeForm<RegisterForm<'a>>,
        pub(super) whole: bool,
        pub(super) fields: Vec<FieldForm<'a>>,
    }

    #[derive(Serialize)]
    pub(super) struct RegisterForm<'a> {
        pub(super) writes: Vec<(u64, &'a Option<Value>)>,
        pub(super) shown: u32,
        pub(super) open: Option<&'a OpenConflict>,
    }

    #[derive(Serialize)]
    pub(super) struct FieldForm<'a> {
        pub(super) id: u16,
        pub(super) changed_behind: u64,
        pub(super) state: StateForm<'a>,
    }

    #[derive(Serialize)]
    pub(super) enum StateForm<'a> {
        Value(&'a Value),
        Register(RegisterForm<'a>),
        Counter(i64),
        Set(Vec<(&'a Value, Vec<u64>)>),
        Document(#[serde(with = "cairn_oplog::bundle::byte_string")] &'a [u8]),
        Default(&'a Value),
    }
}

/// An image as read: a record, of which a partial image tells only some parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    record: Record,
    tells_life: bool,
    whole: bool,
}

impl Record {
    /// The whole record as bytes. Equal states have equal bytes.
    pub fn to_image(&self) -> Vec<u8> {
        codec::encode(&self.form(Version(0), true))
    }

    /// What changed after `since`, as bytes, for a holder of the record as of
    /// `since`.
    pub fn to_partial_image(&self, since: Version) -> Vec<u8> {
        codec::encode(&self.form(since, self.created > since))
    }

    fn form(&self, since: Version, whole: bool) -> writing::ImageForm<'_> {
        let changed = |version: Version| whole || version > since;
        let behind = |version: Version| self.version.0 - version.0;
        let mut fields = Vec::with_capacity(if whole { self.fields.len() } else { 1 });
        fields.extend(
            self.fields
                .iter()
                .filter(|slot| changed(slot.changed))
                .map(|slot| writing::FieldForm {
                    id: slot.id.0,
                    changed_behind: behind(slot.changed),
                    state: state_form(slot, behind),
                }),
        );
        writing::ImageForm {
            id: self.id,
            record_type: self.record_type,
            version: self.version.0,
            created: behind(self.created),
            origins: self
                .origins
                .iter()
                .filter(|origin| changed(origin.version))
                .map(|origin| OriginForm {
                    behind: behind(origin.version),
                    author: origin.author.0,
                    generation: origin.generation,
                    sequence: origin.sequence,
                    time: origin.time,
                    received_after: origin.received.0.wrapping_sub(origin.time.wall().0) as i64,
                })
                .collect(),
            life: match &self.life.writes[..] {
                _ if !changed(self.life_changed) => LifeForm::Unchanged,
                [write]
                    if write.version == self.version
                        && self.life_changed == self.version
                        && self.is_alive()
                        && self.life.open.is_none() =>
                {
                    LifeForm::Kept
                }
                _ => LifeForm::Told(behind(self.life_changed), register_form(&self.life, behind)),
            },
            whole,
            fields,
        }
    }
}

fn register_form(
    register: &Register,
    behind: impl Fn(Version) -> u64,
) -> writing::RegisterForm<'_> {
    writing::RegisterForm {
        writes: register
            .writes
            .iter()
            .map(|write| (behind(write.version), &write.value))
            .collect(),
        shown: register.shown as u32,
        open: register.open.as_deref(),
    }
}

fn state_form(slot: &FieldSlot, behind: impl Fn(Version) -> u64) -> writing::StateForm<'_> {
    use writing::StateForm;
    match &slot.state {
        FieldState::Register(register) => match lone_value(register) {
            Some((version, value)) if version == slot.changed => StateForm::Value(value),
            Some((Version(0), value)) => StateForm::Default(value),
            _ => StateForm::Register(register_form(register, behind)),
        },
        FieldState::Counter(total) => StateForm::Counter(*total),
        FieldState::Set(set) => {
            let additions = set.additions.iter().map(|(element, by)| {
                (element, by.iter().map(|version| behind(*version)).collect())
            });
            StateForm::Set(additions.collect())
        }
        FieldState::Document(saved) => StateForm::Document(saved),
    }
}

/// The value of a register that holds nothing else.
fn lone_value(register: &Register) -> Option<(Version, &Value)> {
    match &*register.writes {
        [write] if register.open.is_none() => Some((write.version, write.value.as_ref()?)),
        _ => None,
    }
}

/// Turns distances back into versions; a distance beyond the record's version
/// is malformed.
struct Reader {
    version: u64,
}

impl Reader {
    fn version(&self, behind: u64) -> Result<Version, DecodeError> {
        self.version
            .checked_sub(behind)
            .map(Version)
            .ok_or_else(|| malformed("a version lies before the first"))
    }

    fn register(&self, form: RegisterForm) -> Result<Register, DecodeError> {
        let writes: Writes = form
            .writes
            .into_iter()
            .map(|(behind, value)| {
                Ok(RegisterWrite {
                    version: self.version(behind)?,
                    value,
                })
            })
            .collect::<Result<_, DecodeError>>()?;
        let shown = form.shown as usize;
        if shown >= writes.len() && shown != 0 {
            return Err(malformed("the shown write is not among the writes"));
        }
        Ok(Register {
            writes,
            shown,
            open: form.open.map(Box::new),
        })
    }

    fn state(&self, form: StateForm, changed: Version) -> Result<FieldState, DecodeError> {
        Ok(match form {
            StateForm::Value(value) => lone(changed, value),
            StateForm::Default(value) => lone(Version(0), value),
            StateForm::Register(form) => FieldState::Register(self.register(form)?),
            StateForm::Counter(total) => FieldState::Counter(total),
            StateForm::Set(elements) => {
                let mut additions = BTreeMap::new();
                for (element, behinds) in elements {
                    let versions: Result<Vec<Version>, _> = behinds
                        .into_iter()
                        .map(|behind| self.version(behind))
                        .collect();
                    additions.insert(element, versions?);
                }
                FieldState::Set(ElementSet { additions })
            }
            StateForm::Document(saved) => FieldState::Document(saved),
        })
    }
}

fn lone(version: Version, value: Value) -> FieldState {
    let mut register = Register::default();
    register.replace(RegisterWrite {
        version,
        value: Some(value),
    });
    FieldState::Register(register)
}

fn malformed(reason: &str) -> DecodeError {
    DecodeError::Malformed {
        what: "image",
        reason: reason.to_owned(),
    }
}

impl Image {
    /// Reads an image.
    pub fn read(bytes: &[u8]) -> Result<Image, DecodeError> {
        let form: ImageForm = codec::decode("image", bytes)?;
        let reader = Reader {
            version: form.version,
        };
        let origins = form
            .origins
            .iter()
            .map(|origin| {
                Ok(Origin {
                    version: reader.version(origin.behind)?,
                    author: AuthorId(origin.author),
                    generation: origin.generation,
                    sequence: origin.sequence,
                    time: origin.time,
                    received: Timestamp(
                        origin
                            .time
                            .wall()
                            .0
                            .wrapping_add(origin.received_after as u64),
                    ),
                })
            })
            .collect::<Result<Vec<Origin>, DecodeError>>()?;
        let mut fields = Vec::with_capacity(form.fields.len());
        for field in form.fields {
            let changed = reader.version(field.changed_behind)?;
            fields.push(FieldSlot {
                id: FieldId(field.id),
                changed,
                state: reader.state(field.state, changed)?,
            });
        }
        if !fields.is_sorted_by(|a, b| a.id < b.id)
            || !origins.is_sorted_by(|a, b| a.version < b.version)
        {
            return Err(malformed("its parts are out of order"));
        }
        let tells_life = !matches!(form.life, LifeForm::Unchanged);
        let (life_changed, life) = match form.life {
            LifeForm::Told(behind, register) => {
                (reader.version(behind)?, reader.register(register)?)
            }
            LifeForm::Kept => {
                let mut life = Register::default();
                life.replace(RegisterWrite {
                    version: Version(form.version),
                    value: Some(Value::Boolean(true)),
                });
                (Version(form.version), life)
            }
            LifeForm::Unchanged => (Version(0), Register::default()),
        };
        Ok(Image {
            record: Record {
                id: form.id,
                record_type: form.record_type,
                version: Version(form.version),
                created: reader.version(form.created)?,
                origins,
                life,
                life_changed,
                fields,
            },
            tells_life,
            whole: form.whole,
        })
    }

    /// Which record it tells of.
    pub fn id(&self) -> RecordId {
        self.record.id
    }

    /// The type of that record.
    pub fn record_type(&self) -> TypeId {
        self.record.record_type
    }

    /// The version of the record that it is of.
    pub fn version(&self) -> Version {
        self.record.version
    }

    /// The fields it tells of.
    pub fn fields(&self) -> impl Iterator<Item = FieldId> {
        self.record.fields.iter().map(|slot| slot.id)
    }

    /// Whether it tells everything, so that nothing need be held before.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// The record it makes of what was held. `None` when it tells only a part
    /// and nothing was held.
    pub fn over(self, held: Option<Record>) -> Option<Record> {
        if self.whole {
            return Some(self.record);
        }
        let mut record = held?;
        let told = self.record;
        if told.version < record.version {
            return Some(record);
        }
        for origin in told.origins {
            record.add_origin(origin);
        }
        record.version = told.version;
        if self.tells_life {
            record.life = told.life;
            record.life_changed = told.life_changed;
        }
        for slot in told.fields {
            match record.fields.binary_search_by_key(&slot.id, |held| held.id) {
                Ok(at) => record.fields[at] = slot,
                Err(at) => record.fields.insert(at, slot),
            }
        }
        record.prune_origins();
        Some(record)
    }
}
