//! Whether a field takes a write: its kind, its limits, what it points at.

use super::{Rejection, Scrutiny, Subject};
use crate::document::{self, DocumentError};
use crate::issue::Code;
use crate::record::FieldState;
use crate::register::Register;
use crate::weight::RECORD_BYTES_MAX;
use cairn_model::{Field, FieldId, Kind, Mutation, Value, Write, limit};
use std::collections::BTreeSet;

impl Scrutiny<'_> {
    /// Bounds the change, and the record it makes.
    pub(super) fn admit_size(&self, subject: &Subject<'_>) -> Result<(), Rejection> {
        if subject.writes().len() > limit::WRITES_MAX {
            let what = format!("The change writes more than {} fields.", limit::WRITES_MAX);
            return Err(Rejection::new(Code::Limit, what));
        }
        let held = subject.held.map_or(0, |held| held.weight);
        let added = self.incoming.bytes.len();
        if subject.writes().is_empty() || held + added <= RECORD_BYTES_MAX {
            return Ok(());
        }
        let bytes = (held + added).saturating_sub(self.replaced(subject));
        if bytes <= RECORD_BYTES_MAX {
            return Ok(());
        }
        let what = format!(
            "This {} would have {bytes} bytes; at most {RECORD_BYTES_MAX} are possible.",
            subject.label()
        );
        Err(Rejection::new(Code::Limit, what))
    }

    /// The weight of the values that the change certainly replaces.
    fn replaced(&self, subject: &Subject<'_>) -> usize {
        let Some(record) = subject.record() else {
            return 0;
        };
        let Mutation { base, .. } = subject.mutation;
        let author = self.incoming.origin.author;
        let is_seen = |register: &Register| {
            register.writes.iter().all(|write| {
                let by = record.origin(write.version).map(|origin| origin.author);
                write.version <= *base || by == Some(author)
            })
        };
        let fields: BTreeSet<FieldId> = subject
            .writes()
            .iter()
            .filter(|(_, write)| matches!(write, Write::Set(_) | Write::Clear))
            .map(|(field, _)| *field)
            .collect();
        let states = fields.iter().filter_map(|field| record.field(*field));
        states
            .map(|state| match state {
                FieldState::Register(register) if is_seen(register) => register.weight(),
                _ => 0,
            })
            .sum()
    }

    pub(super) fn admit_write(
        &mut self,
        subject: &Subject<'_>,
        id: FieldId,
        write: &Write,
    ) -> Result<(), Rejection> {
        let Some(field) = subject.record_type.fields.get(&id) else {
            let what = format!("{} has no field {id}.", subject.label());
            return Err(Rejection::new(Code::FieldUnknown, what));
        };
        if field.retired {
            return Ok(());
        }
        match (&field.kind, write) {
            (kind, Write::Set(value)) if kind.is_register() => {
                self.look_ahead(subject, field, Some(value));
                self.admit_value(field, value)
            }
            (kind, Write::Clear) if kind.is_register() => {
                self.look_ahead(subject, field, None);
                match field.required {
                    true => Err(must_not_be_empty(field)),
                    false => Ok(()),
                }
            }
            (Kind::Counter, Write::Add(_)) => Ok(()),
            (Kind::Set { of }, Write::Change { add, remove }) => {
                if add.len() + remove.len() > limit::SET_ELEMENTS_MAX {
                    let most = limit::SET_ELEMENTS_MAX;
                    return Err(too_large(
                        field,
                        format!("at most {most} elements change at once"),
                    ));
                }
                add.iter()
                    .try_for_each(|element| self.admit_element(field, of, element))
            }
            (Kind::RichText | Kind::Json, Write::Merge(changes)) => {
                self.admit_document(subject, field, changes)
            }
            (kind, _) => Err(invalid(
                field,
                format!("the write is not one of {}", kind.describe()),
            )),
        }
    }

    /// Notes where a lookup will point.
    fn look_ahead(&mut self, subject: &Subject<'_>, field: &Field, value: Option<&Value>) {
        if matches!(field.kind, Kind::Lookup { .. }) {
            let target = match value {
                Some(Value::Lookup(target)) => Some(*target),
                _ => None,
            };
            self.ahead
                .lookups
                .insert((subject.mutation.record, field.id), target);
        }
    }

    fn admit_value(&self, field: &Field, value: &Value) -> Result<(), Rejection> {
        let kind = &field.kind;
        if kind.accepts(value).is_err() {
            let widened = kind.widened(value.clone());
            kind.accepts(&widened)
                .map_err(|reason| invalid(field, reason))?;
        }
        self.admit_lookup(field, kind, value)
    }

    fn admit_element(&self, field: &Field, of: &Kind, element: &Value) -> Result<(), Rejection> {
        of.accepts(element)
            .map_err(|reason| invalid(field, reason))?;
        self.admit_lookup(field, of, element)
    }

    fn admit_document(
        &mut self,
        subject: &Subject<'_>,
        field: &Field,
        changes: &[u8],
    ) -> Result<(), Rejection> {
        if changes.len() > limit::MERGE_BYTES_MAX {
            return Err(too_large(field, "the edit is too large".to_owned()));
        }
        let place = (subject.mutation.record, field.id);
        let held = subject.record().and_then(|record| record.field(field.id));
        let saved: &[u8] = match (self.ahead.documents.get(&place), held) {
            (Some(ahead), _) => ahead,
            (None, Some(FieldState::Document(saved))) => saved,
            _ => &[],
        };
        let merged = document::merge(&field.kind, saved, changes).map_err(|error| {
            let code = match error {
                DocumentError::TooLarge(_) => Code::Limit,
                _ => Code::DocumentInvalid,
            };
            Rejection::new(code, format!("{}: {error}.", field.label))
        })?;
        self.ahead.documents.insert(place, merged);
        Ok(())
    }

    fn admit_lookup(&self, field: &Field, kind: &Kind, value: &Value) -> Result<(), Rejection> {
        let (Kind::Lookup { targets, .. }, Value::Lookup(target)) = (kind, value) else {
            return Ok(());
        };
        let held = || {
            self.state
                .record(*target)
                .filter(|record| record.is_alive())
        };
        let created = self.ahead.created.get(target).copied();
        let present = created.or_else(|| held().map(|record| record.record_type));
        let Some(present) = present.filter(|_| !self.ahead.deleted.contains(target)) else {
            let what = format!(
                "{}: the record {target} it points at is not there.",
                field.label
            );
            return Err(Rejection::new(Code::LookupMissing, what));
        };
        if targets.contains(&present) {
            return Ok(());
        }
        let label = self
            .state
            .rules
            .get(present)
            .map_or("record", |(t, _)| t.label.as_str());
        Err(invalid(field, format!("it cannot point at a {label}")))
    }
}

pub(super) fn must_not_be_empty(field: &Field) -> Rejection {
    Rejection::new(
        Code::ValueRequired,
        format!("{} must not be empty.", field.label),
    )
}

fn invalid(field: &Field, reason: String) -> Rejection {
    Rejection::new(Code::ValueInvalid, format!("{}: {reason}.", field.label))
}

fn too_large(field: &Field, reason: String) -> Rejection {
    Rejection::new(Code::Limit, format!("{}: {reason}.", field.label))
}
