//! From a person's wish to an operation.
//!
//! What can be known to be wrong here is refused here, in words, before
//! anything is logged. Whether an edit stands is still the fold's to say.

use crate::machine::{Agent, Reply};
use crate::mode::ModeChange;
use cairn_model::{
    Action, Change, Definition, Field, FieldId, Kind, LogId, Mutation, Operation, OperationId,
    RecordId, RecordType, SettleOutcome, Timestamp, TypeId, Value, Version, Write, codec, limit,
};
use cairn_oplog::StorageError;
use cairn_projection::document::{self, DocumentError};
use cairn_projection::{FieldState, Record};

/// What a person wants done.
#[derive(Debug, Clone)]
pub enum Request {
    /// Records edited, as one operation.
    Edit(Vec<RecordEdit>),
    /// A rejected or superseded operation done again on a fresh base, but for
    /// what its author has written since.
    Resubmit {
        /// The issue, by number.
        issue: u64,
        /// Fields to write whatever stands there, of the first record.
        instead: Vec<(FieldId, FieldEdit)>,
    },
    /// A rejected or superseded operation given up.
    Discard {
        /// The issue, by number.
        issue: u64,
    },
    /// Everything that came from the relay given up, to be downloaded anew.
    /// The device's own work stays.
    StartOver,
    /// The mode set otherwise.
    Mode(ModeChange),
    /// The definition applied that came in the background.
    AcceptDefinition,
}

/// One record edited.
#[derive(Debug, Clone)]
pub struct RecordEdit {
    /// Which; `None` mints one, for a create.
    pub record: Option<RecordId>,
    /// Its type.
    pub record_type: TypeId,
    /// What happens to it.
    pub kind: RecordEditKind,
    /// The base to write on, where the person looked at an older state than
    /// the device now has.
    pub base: Option<Version>,
}

/// What happens to a record.
#[derive(Debug, Clone)]
pub enum RecordEditKind {
    /// It is created.
    Create(Vec<(FieldId, FieldEdit)>),
    /// It is changed.
    Update(Vec<(FieldId, FieldEdit)>),
    /// It is deleted.
    Delete,
    /// It is restored.
    Restore,
    /// Its open conflicts are decided.
    Resolve {
        /// Field by field.
        fields: Vec<(FieldId, FieldEdit)>,
        /// Kept or deleted, where that is in question.
        keep: Option<bool>,
    },
    /// Followed.
    Follow,
    /// No longer followed.
    Unfollow,
}

/// What happens to a field.
#[derive(Debug, Clone)]
pub enum FieldEdit {
    /// A write as it is.
    Write(Write),
    /// A rich text (a string) or JSON (an object) that shall read like this:
    /// the difference to what is shown becomes the write.
    Document(serde_json::Value),
}

/// Why an edit was not logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Nothing would change.
    #[error("nothing would change")]
    Nothing,
    /// The device has not synced once.
    #[error("this device does not know the organization yet; sync once (`cairn device sync`)")]
    NoDefinition,
    /// The record type is not in use.
    #[error("there is no record type {0} in use")]
    UnknownType(TypeId),
    /// The record is not on this device.
    #[error("record {0} is not on this device")]
    UnknownRecord(RecordId),
    /// The record is of another type.
    #[error("record {record} is not a {record_type}")]
    WrongType {
        /// Which.
        record: RecordId,
        /// The type that was named.
        record_type: String,
    },
    /// The record is deleted.
    #[error("record {0} is deleted; restore it first")]
    Deleted(RecordId),
    /// The record is not deleted.
    #[error("record {0} is not deleted")]
    NotDeleted(RecordId),
    /// The field is not in use.
    #[error("{record_type} has no field {field} in use")]
    UnknownField {
        /// The type.
        record_type: String,
        /// The field.
        field: FieldId,
    },
    /// A value does not fit.
    #[error("{field}: {reason}")]
    Value {
        /// The field, by name.
        field: String,
        /// Why not.
        reason: String,
    },
    /// Over a limit.
    #[error("{0}")]
    Limit(String),
    /// There is no conflict to resolve.
    #[error("record {0} has no open conflict there")]
    NoConflict(RecordId),
    /// There is no such issue.
    #[error("there is no open issue {0}; `cairn issue list` shows them")]
    UnknownIssue(u64),
    /// The payload of an issue cannot be done again.
    #[error("issue {0} holds nothing that can be resubmitted; discard it")]
    NotResubmittable(u64),
    /// Everything in an issue was written otherwise since.
    #[error(
        "everything that issue {0} holds was written otherwise on this device since, and that stays; discard it (`cairn issue discard {0}`), or name the fields to write after all"
    )]
    WrittenSince(u64),
    /// The device is offline and the answer is at the relay.
    #[error("this needs the relay, and the device is not connected")]
    Offline,
    /// What may be done in the foreground only.
    #[error("the app is in the background; bring it to the front first")]
    InBackground,
    /// Storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Agent {
    pub(crate) fn request(
        &mut self,
        now: Timestamp,
        random: &[[u8; 10]],
        request: Request,
    ) -> Result<Reply, EditError> {
        if let Some(error) = &self.failed {
            return Err(EditError::Storage(error.clone()));
        }
        let edits = match request {
            Request::Edit(_) | Request::Resubmit { .. } | Request::Discard { .. } => true,
            Request::StartOver | Request::Mode(_) | Request::AcceptDefinition => false,
        };
        if self.directory.definition.number == 0 && edits {
            return Err(EditError::NoDefinition);
        }
        match request {
            Request::Edit(edits) => self.edit(now, random, edits),
            Request::Resubmit { issue, instead } => self.resubmit(now, issue, &instead),
            Request::Discard { issue } => {
                let version = self.open_issue(issue)?;
                Ok(self.settle(now, version, SettleOutcome::Discarded))
            }
            Request::StartOver => self.give_up_images(now),
            Request::Mode(change) => Ok(self.set_mode(change)),
            Request::AcceptDefinition => self.accept_definition(),
        }
    }

    fn edit(
        &mut self,
        now: Timestamp,
        random: &[[u8; 10]],
        edits: Vec<RecordEdit>,
    ) -> Result<Reply, EditError> {
        if edits.is_empty() {
            return Err(EditError::Nothing);
        }
        if edits.len() > limit::MUTATIONS_MAX {
            return Err(EditError::Limit(format!(
                "one edit may touch at most {} records",
                limit::MUTATIONS_MAX
            )));
        }
        let mut random = random.iter();
        let mut mutations = Vec::with_capacity(edits.len());
        for edit in edits {
            let record = match edit.record {
                Some(record) => record,
                None => {
                    let random = random.next().ok_or_else(|| {
                        EditError::Limit("no random bytes for a new record".into())
                    })?;
                    RecordId::mint(now.0, *random)
                }
            };
            mutations.push(self.mutation(record, edit)?);
        }
        self.log_edit(now, mutations)
    }

    pub(crate) fn log_edit(
        &mut self,
        now: Timestamp,
        mutations: Vec<Mutation>,
    ) -> Result<Reply, EditError> {
        let records = mutations.iter().map(|mutation| mutation.record).collect();
        let operation = Operation {
            time: self.clock.tick(now),
            definition: self.directory.definition.number,
            action: Action::Edit(mutations),
        };
        let bytes = codec::encode(&operation).len();
        if bytes > limit::OPERATION_BYTES_MAX {
            return Err(EditError::Limit(format!(
                "the edit has {bytes} bytes; at most {} are possible: make it in several steps",
                limit::OPERATION_BYTES_MAX
            )));
        }
        let sequence = self.log_operation(operation);
        let log = self.log.log();
        Ok(Reply::Logged {
            log,
            sequence,
            records,
        })
    }

    fn mutation(&self, record: RecordId, edit: RecordEdit) -> Result<Mutation, EditError> {
        let record_type = self.type_in_use(edit.record_type)?;
        let held = self.record(record)?;
        if let Some(held) = &held
            && held.record_type != edit.record_type
        {
            return Err(EditError::WrongType {
                record,
                record_type: record_type.label.clone(),
            });
        }
        let change = self.change(record, record_type, held.as_ref(), edit.kind)?;
        let base = match edit.base {
            Some(base) => base,
            None => self.base_of(record, edit.record_type, held.as_ref())?,
        };
        Ok(Mutation {
            record,
            record_type: edit.record_type,
            base,
            change,
        })
    }

    pub(crate) fn type_in_use(&self, id: TypeId) -> Result<&RecordType, EditError> {
        let types = &self.directory.definition.types;
        types.get(&id).ok_or(EditError::UnknownType(id))
    }

    fn change(
        &self,
        record: RecordId,
        record_type: &RecordType,
        held: Option<&Record>,
        kind: RecordEditKind,
    ) -> Result<Change, EditError> {
        let present = || held.ok_or(EditError::UnknownRecord(record));
        match kind {
            RecordEditKind::Create(fields) => {
                if record_type.retired {
                    return Err(EditError::UnknownType(record_type.id));
                }
                let mut writes = self.writes(record_type, None, fields)?;
                if held.is_none() {
                    writes.extend(self.own_write(record_type, &writes));
                }
                for field in record_type
                    .live_fields()
                    .filter(|field| field.required && field.default.is_none())
                {
                    let given = writes
                        .iter()
                        .any(|(id, write)| *id == field.id && matches!(write, Write::Set(_)));
                    if !given {
                        return Err(value_error(field, "it must not be empty"));
                    }
                }
                Ok(Change::Create(writes))
            }
            RecordEditKind::Update(fields) => {
                let held = present()?;
                if !held.is_alive() {
                    return Err(EditError::Deleted(record));
                }
                let writes = self.writes(record_type, Some(held), fields)?;
                if writes.is_empty() {
                    Err(EditError::Nothing)
                } else {
                    Ok(Change::Update(writes))
                }
            }
            RecordEditKind::Delete => match present()?.is_alive() {
                true => Ok(Change::Delete),
                false => Err(EditError::Deleted(record)),
            },
            RecordEditKind::Restore => match present()?.is_alive() {
                true => Err(EditError::NotDeleted(record)),
                false => Ok(Change::Restore),
            },
            RecordEditKind::Resolve { fields, keep } => {
                if !present()?.in_conflict() {
                    return Err(EditError::NoConflict(record));
                }
                Ok(Change::Resolve {
                    fields: self.writes(record_type, held, fields)?,
                    keep,
                })
            }
            // Also of what left, or never was here: the relay knows whether it
            // is there to be read.
            RecordEditKind::Follow => Ok(Change::Follow),
            RecordEditKind::Unfollow => Ok(Change::Unfollow),
        }
    }

    /// The write that makes a new record this device's user's, where nobody
    /// says whose it shall be. It is part of the operation: the fold invents
    /// nothing.
    fn own_write(
        &self,
        record_type: &RecordType,
        writes: &[(FieldId, Write)],
    ) -> Option<(FieldId, Write)> {
        let definition = &self.directory.definition;
        let owner = record_type.fields.get(&record_type.owner?)?;
        let Kind::Lookup { targets, .. } = &owner.kind else {
            return None;
        };
        let user = &self.directory.device(self.author?)?.user;
        let is_said = owner.default.is_some() || writes.iter().any(|(id, _)| *id == owner.id);
        let people = definition.type_named("user")?;
        let is_known = definition.users.contains_key(user) && targets.contains(&people.id);
        let own = Write::Set(Value::Lookup(Definition::user_record(user)));
        (!is_said && is_known).then_some((owner.id, own))
    }

    pub(crate) fn writes(
        &self,
        record_type: &RecordType,
        held: Option<&Record>,
        fields: Vec<(FieldId, FieldEdit)>,
    ) -> Result<Vec<(FieldId, Write)>, EditError> {
        let mut writes = Vec::with_capacity(fields.len());
        for (id, edit) in fields {
            let field = record_type
                .fields
                .get(&id)
                .filter(|field| !field.retired)
                .ok_or_else(|| EditError::UnknownField {
                    record_type: record_type.label.clone(),
                    field: id,
                })?;
            match edit {
                FieldEdit::Write(write) => {
                    self.check_write(field, &write)?;
                    writes.push((id, write));
                }
                FieldEdit::Document(wanted) => {
                    if let Some(write) = self.document_write(field, held, &wanted)? {
                        writes.push((id, write));
                    }
                }
            }
        }
        Ok(writes)
    }

    fn document_write(
        &self,
        field: &Field,
        held: Option<&Record>,
        wanted: &serde_json::Value,
    ) -> Result<Option<Write>, EditError> {
        let saved: &[u8] = match held.and_then(|record| record.field(field.id)) {
            Some(FieldState::Document(saved)) => saved,
            _ => &[],
        };
        let log: LogId = self.log.log();
        let operation = OperationId {
            log,
            sequence: self.log.end() + 1,
        };
        let changes = document::edit(&field.kind, saved, wanted, &operation)
            .map_err(|error: DocumentError| value_error(field, &error.to_string()))?;
        Ok(changes.map(Write::Merge))
    }

    fn check_write(&self, field: &Field, write: &Write) -> Result<(), EditError> {
        match (&field.kind, write) {
            (kind, Write::Set(value)) if kind.is_register() => {
                kind.accepts(value)
                    .map_err(|reason| value_error(field, &reason))?;
                self.check_lookup(field, kind, value)
            }
            (kind, Write::Clear) if kind.is_register() => match field.required {
                true => Err(value_error(field, "it must not be empty")),
                false => Ok(()),
            },
            (Kind::Set { of }, Write::Change { add, .. }) => add.iter().try_for_each(|element| {
                of.accepts(element)
                    .map_err(|reason| value_error(field, &reason))?;
                self.check_lookup(field, of, element)
            }),
            (Kind::Counter, Write::Add(_)) | (Kind::RichText | Kind::Json, Write::Merge(_)) => {
                Ok(())
            }
            (kind, _) => Err(value_error(field, &format!("it takes {}", kind.describe()))),
        }
    }

    fn check_lookup(&self, field: &Field, kind: &Kind, value: &Value) -> Result<(), EditError> {
        let (Kind::Lookup { targets, .. }, Value::Lookup(target)) = (kind, value) else {
            return Ok(());
        };
        match self.record_type_of(*target) {
            Some(record_type) if !targets.contains(&record_type) => Err(value_error(
                field,
                &format!("record {target} is not of a type it can point at"),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn open_issue(&self, number: u64) -> Result<Version, EditError> {
        self.issues
            .get(&number)
            .filter(|issue| issue.is_open() && !self.is_settled_here(issue.version))
            .map(|issue| issue.version)
            .ok_or(EditError::UnknownIssue(number))
    }

    pub(crate) fn settle(
        &mut self,
        now: Timestamp,
        operation: Version,
        outcome: SettleOutcome,
    ) -> Reply {
        let settle = Operation {
            time: self.clock.tick(now),
            definition: self.directory.definition.number,
            action: Action::Settle { operation, outcome },
        };
        Reply::Logged {
            log: self.log.log(),
            sequence: self.log_operation(settle),
            records: Vec::new(),
        }
    }
}

fn value_error(field: &Field, reason: &str) -> EditError {
    EditError::Value {
        field: field.label.clone(),
        reason: reason.to_owned(),
    }
}
