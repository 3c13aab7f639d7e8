//! Whether an edit may stand. Everything is checked before anything changes,
//! so an operation is applied whole or not at all.

use crate::document;
use crate::issue::Code;
use crate::record::{FieldState, Origin, Record};
use crate::state::{KeyEntry, State};
use cairn_model::{
    Access, Change, Definition, Field, FieldId, Kind, Mutation, OnDelete, RecordId, RecordType,
    TypeId, Value, Version, Write, limit,
};
use std::collections::{BTreeMap, BTreeSet};

/// Records one deletion may take along.
pub(crate) const CASCADE_MAX: usize = 10_000;

/// Why an operation is rejected.
#[derive(Debug)]
pub(crate) struct Rejection {
    pub(crate) code: Code,
    pub(crate) what: String,
    pub(crate) record: Option<RecordId>,
    pub(crate) field: Option<FieldId>,
    /// Every record of the operation: what later ones may depend on.
    pub(crate) records: Vec<RecordId>,
    pub(crate) depends_on: Option<Version>,
}

impl Rejection {
    pub(crate) fn new(code: Code, what: impl Into<String>) -> Rejection {
        Rejection {
            code,
            what: what.into(),
            record: None,
            field: None,
            records: Vec::new(),
            depends_on: None,
        }
    }

    fn of(mut self, record: RecordId) -> Rejection {
        self.record = Some(record);
        self
    }

    fn at(mut self, field: FieldId) -> Rejection {
        self.field = Some(field);
        self
    }
}

/// What earlier mutations of the same operation will have done.
#[derive(Default)]
struct Ahead {
    created: BTreeMap<RecordId, TypeId>,
    deleted: BTreeSet<RecordId>,
    keys: BTreeMap<KeyEntry, RecordId>,
}

impl State {
    /// Checks every mutation of an edit.
    pub(crate) fn admit(
        &mut self,
        mutations: &[Mutation],
        origin: &Origin,
        definition: &Definition,
    ) -> Result<(), Rejection> {
        let outcome = self.admit_all(mutations, origin, definition);
        outcome.map_err(|mut rejection| {
            rejection.records = mutations.iter().map(|mutation| mutation.record).collect();
            rejection
        })
    }

    fn admit_all(
        &mut self,
        mutations: &[Mutation],
        origin: &Origin,
        definition: &Definition,
    ) -> Result<(), Rejection> {
        if mutations.is_empty() || mutations.len() > limit::MUTATIONS_MAX {
            return Err(Rejection::new(
                Code::Limit,
                format!(
                    "The change touches {} records; 1 to {} are possible.",
                    mutations.len(),
                    limit::MUTATIONS_MAX
                ),
            ));
        }
        self.admit_author(mutations, origin, definition)?;
        let mut ahead = Ahead::default();
        for mutation in mutations {
            self.admit_mutation(mutation, origin, definition, &mut ahead)
                .map_err(|rejection| rejection.of(mutation.record))?;
        }
        Ok(())
    }

    fn admit_author(
        &mut self,
        mutations: &[Mutation],
        origin: &Origin,
        definition: &Definition,
    ) -> Result<(), Rejection> {
        let user = &self.devices[origin.author.0 as usize].user;
        let may_edit = match definition.users.get(user) {
            Some(user) => user.access == Access::Edit,
            None => origin.author == crate::state::RELAY,
        };
        let only_follows = mutations
            .iter()
            .all(|m| matches!(m.change, Change::Follow | Change::Unfollow));
        if !may_edit && !only_follows {
            return Err(Rejection::new(
                Code::PrivilegeDenied,
                format!("{user} may read records but not change them."),
            ));
        }
        for mutation in mutations {
            let key = (origin.author, mutation.record);
            match self.rejections.get(&key) {
                Some(first) if mutation.base < *first => {
                    let mut rejection = Rejection::new(
                        Code::Dependent,
                        format!("It builds on the rejected operation {first} on the same record."),
                    );
                    rejection.depends_on = Some(*first);
                    return Err(rejection.of(mutation.record));
                }
                Some(_) => {
                    self.rejections.remove(&key);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn admit_mutation(
        &self,
        mutation: &Mutation,
        origin: &Origin,
        definition: &Definition,
        ahead: &mut Ahead,
    ) -> Result<(), Rejection> {
        let record_type = definition.types.get(&mutation.record_type).ok_or_else(|| {
            Rejection::new(
                Code::TypeUnknown,
                format!("There is no record type {}.", mutation.record_type),
            )
        })?;
        if mutation.change.writes().len() > limit::WRITES_MAX {
            return Err(Rejection::new(
                Code::Limit,
                format!("The change writes more than {} fields.", limit::WRITES_MAX),
            ));
        }
        let held = self.record(mutation.record);
        self.admit_existence(mutation, held, record_type, origin, ahead)?;
        for (id, write) in mutation.change.writes() {
            let field = record_type.fields.get(id).ok_or_else(|| {
                Rejection::new(
                    Code::FieldUnknown,
                    format!("{} has no field {id}.", record_type.label),
                )
                .at(*id)
            })?;
            if !field.retired {
                self.admit_write(field, write, held, definition, ahead)
                    .map_err(|rejection| rejection.at(*id))?;
            }
        }
        if let Change::Create(writes) = &mutation.change {
            admit_required(record_type, writes, held)?;
        }
        if let Change::Delete
        | Change::Resolve {
            keep: Some(false), ..
        } = mutation.change
        {
            self.admit_deletion(mutation.record, definition, ahead)?;
        }
        self.admit_keys(mutation, held, record_type, ahead)
    }

    fn admit_existence(
        &self,
        mutation: &Mutation,
        held: Option<&Record>,
        record_type: &RecordType,
        origin: &Origin,
        ahead: &mut Ahead,
    ) -> Result<(), Rejection> {
        let label = &record_type.label;
        let present = held
            .map(|record| record.record_type)
            .or(ahead.created.get(&mutation.record).copied());
        if let Some(present) = present
            && present != mutation.record_type
        {
            return Err(Rejection::new(
                Code::TypeMismatch,
                format!("The record is not a {label}."),
            ));
        }
        if matches!(mutation.change, Change::Create(_)) {
            if record_type.retired {
                return Err(Rejection::new(
                    Code::TypeUnknown,
                    format!("{label} takes no new records."),
                ));
            }
            if present.is_some() && !mutation.record.is_derived() {
                return Err(Rejection::new(
                    Code::RecordExists,
                    format!("This {label} exists already."),
                ));
            }
            ahead.created.insert(mutation.record, mutation.record_type);
            ahead.deleted.remove(&mutation.record);
            return Ok(());
        }
        if present.is_none() {
            return Err(Rejection::new(
                Code::RecordMissing,
                format!("There is no such {label}."),
            ));
        }
        let Some(held) = held else { return Ok(()) };
        let seen = |version: Version| {
            version <= mutation.base
                || held
                    .origin(version)
                    .is_some_and(|by| by.author == origin.author)
        };
        let life_seen = held.life.writes.iter().all(|write| seen(write.version));
        match &mutation.change {
            Change::Update(_) if !held.is_alive() && life_seen => Err(Rejection::new(
                Code::RecordDeleted,
                format!("This {label} was deleted."),
            )),
            Change::Restore if held.is_alive() && life_seen => Err(Rejection::new(
                Code::RecordAlive,
                format!("This {label} is not deleted."),
            )),
            Change::Resolve { fields, keep } => {
                admit_resolution(held, fields, *keep, mutation.base)
            }
            _ => Ok(()),
        }
    }

    fn admit_write(
        &self,
        field: &Field,
        write: &Write,
        held: Option<&Record>,
        definition: &Definition,
        ahead: &Ahead,
    ) -> Result<(), Rejection> {
        let invalid = |reason: String| {
            Rejection::new(Code::ValueInvalid, format!("{}: {reason}.", field.label))
        };
        match (&field.kind, write) {
            (kind, Write::Set(value)) if kind.is_register() => {
                let value = kind.widened(value.clone());
                kind.accepts(&value).map_err(invalid)?;
                self.admit_lookup(field, kind, &value, definition, ahead)
            }
            (kind, Write::Clear) if kind.is_register() => {
                if field.required {
                    return Err(Rejection::new(
                        Code::ValueRequired,
                        format!("{} must not be empty.", field.label),
                    ));
                }
                Ok(())
            }
            (Kind::Counter, Write::Add(_)) => Ok(()),
            (Kind::Set { of }, Write::Change { add, remove }) => {
                if add.len() + remove.len() > limit::SET_ELEMENTS_MAX {
                    return Err(Rejection::new(
                        Code::Limit,
                        format!(
                            "{}: at most {} elements change at once.",
                            field.label,
                            limit::SET_ELEMENTS_MAX
                        ),
                    ));
                }
                for element in add {
                    of.accepts(element).map_err(invalid)?;
                    self.admit_lookup(field, of, element, definition, ahead)?;
                }
                Ok(())
            }
            (Kind::RichText | Kind::Json, Write::Merge(changes)) => {
                if changes.len() > limit::MERGE_BYTES_MAX {
                    return Err(Rejection::new(
                        Code::Limit,
                        format!("{}: the edit is too large.", field.label),
                    ));
                }
                let saved: &[u8] = match held.and_then(|record| record.field(field.id)) {
                    Some(FieldState::Document(saved)) => saved,
                    _ => &[],
                };
                document::merge(&field.kind, saved, changes)
                    .map(drop)
                    .map_err(|error| {
                        Rejection::new(Code::DocumentInvalid, format!("{}: {error}.", field.label))
                    })
            }
            (kind, _) => Err(invalid(format!(
                "the write is not one of {}",
                kind.describe()
            ))),
        }
    }

    fn admit_lookup(
        &self,
        field: &Field,
        kind: &Kind,
        value: &Value,
        definition: &Definition,
        ahead: &Ahead,
    ) -> Result<(), Rejection> {
        let (Kind::Lookup { targets, .. }, Value::Lookup(target)) = (kind, value) else {
            return Ok(());
        };
        let present = match ahead.created.get(target) {
            Some(record_type) => Some(*record_type),
            None => self
                .record(*target)
                .filter(|record| record.is_alive() && !ahead.deleted.contains(target))
                .map(|record| record.record_type),
        };
        match present {
            Some(record_type) if targets.contains(&record_type) => Ok(()),
            Some(record_type) => {
                let label = definition
                    .types
                    .get(&record_type)
                    .map_or("record", |t| t.label.as_str());
                Err(Rejection::new(
                    Code::ValueInvalid,
                    format!("{}: it cannot point at a {label}.", field.label),
                ))
            }
            None => Err(Rejection::new(
                Code::LookupMissing,
                format!(
                    "{}: the record {target} it points at is not there.",
                    field.label
                ),
            )),
        }
    }

    fn admit_deletion(
        &self,
        record: RecordId,
        definition: &Definition,
        ahead: &mut Ahead,
    ) -> Result<(), Rejection> {
        let victims = self.cascade(record, definition)?;
        for victim in &victims {
            for (by, field) in self.referrers_of(*victim) {
                let restricts = self.on_delete(by, field, definition) == Some(OnDelete::Restrict);
                if restricts && !victims.contains(&by) && !ahead.deleted.contains(&by) {
                    let title = self.record(by).and_then(|record| {
                        let record_type = definition.types.get(&record.record_type)?;
                        Some(format!(
                            "{} {}",
                            record_type.label,
                            record.title(record_type)
                        ))
                    });
                    let title = title.unwrap_or_else(|| by.to_string());
                    return Err(Rejection::new(
                        Code::RecordReferenced,
                        format!("{title} points at it."),
                    ));
                }
            }
        }
        ahead.deleted.extend(victims);
        Ok(())
    }

    /// The records a deletion takes along, itself included.
    pub(crate) fn cascade(
        &self,
        record: RecordId,
        definition: &Definition,
    ) -> Result<BTreeSet<RecordId>, Rejection> {
        let mut victims = BTreeSet::from([record]);
        let mut frontier = vec![record];
        while let Some(victim) = frontier.pop() {
            for (by, field) in self.referrers_of(victim) {
                let cascades = self.on_delete(by, field, definition) == Some(OnDelete::Cascade);
                if cascades && victims.insert(by) {
                    frontier.push(by);
                }
            }
            if victims.len() > CASCADE_MAX {
                return Err(Rejection::new(
                    Code::Limit,
                    format!(
                        "Deleting it would delete more than {CASCADE_MAX} records that point at it."
                    ),
                ));
            }
        }
        Ok(victims)
    }

    pub(crate) fn referrers_of(
        &self,
        record: RecordId,
    ) -> impl Iterator<Item = (RecordId, FieldId)> + '_ {
        self.referrers.get(&record).into_iter().flatten().copied()
    }

    pub(crate) fn on_delete(
        &self,
        by: RecordId,
        field: FieldId,
        definition: &Definition,
    ) -> Option<OnDelete> {
        let record_type = definition.types.get(&self.record(by)?.record_type)?;
        match record_type.fields.get(&field)?.kind {
            Kind::Lookup { on_delete, .. } => Some(on_delete),
            _ => None,
        }
    }

    fn admit_keys(
        &self,
        mutation: &Mutation,
        held: Option<&Record>,
        record_type: &RecordType,
        ahead: &mut Ahead,
    ) -> Result<(), Rejection> {
        let writes = mutation.change.writes();
        let appears = matches!(mutation.change, Change::Create(_) | Change::Restore)
            || held.is_some_and(|record| !record.is_alive());
        for key in &record_type.keys {
            if !appears && !writes.iter().any(|(field, _)| key.fields.contains(field)) {
                continue;
            }
            let values: Option<Vec<Value>> = key
                .fields
                .iter()
                .map(|field| prospective(*field, writes, held, record_type))
                .collect();
            let Some(values) = values else { continue };
            let entry = (record_type.id, key.id, values);
            let holder = ahead.keys.get(&entry).or_else(|| {
                self.keys
                    .get(&entry)
                    .filter(|id| !ahead.deleted.contains(id))
            });
            if let Some(holder) = holder
                && *holder != mutation.record
            {
                let (_, _, values) = &entry;
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                return Err(Rejection::new(
                    Code::KeyTaken,
                    format!(
                        "Another {} has {} {} already: record {holder}.",
                        record_type.label,
                        key.name,
                        values.join(", ")
                    ),
                )
                .at(key.fields[0]));
            }
            ahead.keys.insert(entry, mutation.record);
        }
        Ok(())
    }
}

/// What a key field would show if the write stood.
fn prospective(
    field: FieldId,
    writes: &[(FieldId, Write)],
    held: Option<&Record>,
    record_type: &RecordType,
) -> Option<Value> {
    let kind = &record_type.fields.get(&field)?.kind;
    match writes.iter().rev().find(|(id, _)| *id == field) {
        Some((_, Write::Set(value))) => Some(kind.widened(value.clone())),
        Some(_) => None,
        None => match held {
            Some(record) => record.value(field).cloned(),
            None => record_type.fields.get(&field)?.default.clone(),
        },
    }
}

fn admit_required(
    record_type: &RecordType,
    writes: &[(FieldId, Write)],
    held: Option<&Record>,
) -> Result<(), Rejection> {
    for field in record_type
        .live_fields()
        .filter(|field| field.required && field.default.is_none())
    {
        let written = writes
            .iter()
            .any(|(id, write)| *id == field.id && matches!(write, Write::Set(_)));
        let present = held.is_some_and(|record| record.value(field.id).is_some());
        if !written && !present {
            return Err(Rejection::new(
                Code::ValueRequired,
                format!("{} must not be empty.", field.label),
            )
            .at(field.id));
        }
    }
    Ok(())
}

/// A resolution needs something that was, or still is, in conflict: an open
/// conflict, or a write its author had not seen.
fn admit_resolution(
    held: &Record,
    fields: &[(FieldId, Write)],
    keep: Option<bool>,
    base: Version,
) -> Result<(), Rejection> {
    let contested =
        |register: &crate::register::Register| register.open.is_some() || register.newest() > base;
    let fields_contested = fields.iter().all(|(id, _)| match held.field(*id) {
        Some(FieldState::Register(register)) => contested(register),
        _ => false,
    });
    let life_contested = keep.is_none() || contested(&held.life);
    if fields_contested && life_contested && (keep.is_some() || !fields.is_empty()) {
        return Ok(());
    }
    Err(Rejection::new(
        Code::NothingToResolve,
        "There is no open conflict on what was resolved.",
    ))
}
