//! Whether its author's rights reach what an edit does. Judged by the rules in
//! force when it arrives, and by records as they stand then.

use super::{Rejection, Scrutiny, Subject};
use crate::issue::Code;
use crate::rules::Purpose;
use cairn_model::definition::Right;
use cairn_model::security::{Denial, Ownership, Who};
use cairn_model::{Change, Field, FieldId, Kind, RecordId, TypeId, Value, Write};
use std::collections::BTreeSet;

impl Scrutiny<'_> {
    /// Refuses a change that its author has no right to.
    pub(super) fn admit_rights(&mut self, subject: &Subject<'_>) -> Result<(), Rejection> {
        let Some(who) = self.incoming.who else {
            return Ok(());
        };
        let id = subject.mutation.record;
        let standing = self.ownership_of(subject);
        match &subject.mutation.change {
            Change::Create(writes) => self.admit_new(who, subject, writes, standing),
            Change::Update(writes) => {
                let standing = standing.unwrap_or_default();
                self.admit_changes(who, subject, writes, &standing)
            }
            Change::Resolve { fields, keep } => {
                let standing = standing.unwrap_or_default();
                if keep.is_some() || fields.is_empty() {
                    self.has(who, Right::Write, subject.record_type.id, &standing)?;
                }
                if *keep == Some(false) {
                    self.has(who, Right::Delete, subject.record_type.id, &standing)?;
                }
                self.admit_changes(who, subject, fields, &standing)
            }
            Change::Delete => self.has_on(who, Right::Delete, id, subject.record_type.id),
            Change::Restore => self.has_on(who, Right::Write, id, subject.record_type.id),
            Change::Follow => self.has_on(who, Right::Read, id, subject.record_type.id),
            Change::Unfollow => Ok(()),
        }
    }

    /// A new record is judged by whose it will be; one that stands, by whose
    /// it is, too.
    fn admit_new(
        &mut self,
        who: Who,
        subject: &Subject<'_>,
        writes: &[(FieldId, Write)],
        standing: Option<Ownership>,
    ) -> Result<(), Rejection> {
        let coming = coming(subject, writes, standing.as_ref());
        let id = subject.record_type.id;
        self.has(who, Right::Create, id, &coming)?;
        match &standing {
            Some(standing) => {
                self.has(who, Right::Write, id, standing)?;
                self.admit_changes(who, subject, writes, standing)?;
            }
            None => {
                for (field, write) in writes {
                    if Purpose::of(subject.record_type, *field) == Purpose::Sharing {
                        self.has(who, Right::Share, id, &coming)
                            .map_err(|rejection| rejection.at(*field))?;
                    }
                    self.admit_field(who, subject, *field, write)?;
                }
            }
        }
        self.ahead.owned.insert(subject.mutation.record, coming);
        Ok(())
    }

    fn admit_changes(
        &self,
        who: Who,
        subject: &Subject<'_>,
        writes: &[(FieldId, Write)],
        standing: &Ownership,
    ) -> Result<(), Rejection> {
        let mut held = BTreeSet::new();
        for (field, write) in writes {
            let right = match Purpose::of(subject.record_type, *field) {
                Purpose::Owner => Right::Assign,
                Purpose::Sharing => Right::Share,
                Purpose::Other => Right::Write,
            };
            if held.insert(right) {
                self.has(who, right, subject.record_type.id, standing)
                    .map_err(|rejection| rejection.at(*field))?;
            }
            self.admit_field(who, subject, *field, write)?;
        }
        Ok(())
    }

    /// Refuses a write to a secured field, and one that points at a record
    /// that its author may not point at.
    fn admit_field(
        &self,
        who: Who,
        subject: &Subject<'_>,
        id: FieldId,
        write: &Write,
    ) -> Result<(), Rejection> {
        let Some(field) = subject.record_type.fields.get(&id) else {
            return Ok(());
        };
        let rules = &self.state.rules;
        if field.secured
            && !rules
                .security
                .may_update_field_as(who, subject.record_type.id, id)
        {
            let what = format!(
                "{} may not change {}, which is secured.",
                self.user(),
                field.label
            );
            return Err(Rejection::new(Code::PrivilegeField, what).at(id));
        }
        if Purpose::of(subject.record_type, id) != Purpose::Other || field.retired {
            return Ok(());
        }
        for target in pointed_at(field, write) {
            let created = self.ahead.created.get(&target).copied();
            let held = || self.state.record(target).map(|record| record.record_type);
            // What is not there is told apart, by whoever checks the lookup.
            if let Some(record_type) = created.or_else(held) {
                self.has_on(who, Right::Append, target, record_type)
                    .map_err(|rejection| rejection.at(id))?;
            }
        }
        Ok(())
    }

    /// Whose the record is that a mutation is about; `None` before it comes
    /// into being.
    fn ownership_of(&self, subject: &Subject<'_>) -> Option<Ownership> {
        let ahead = self.ahead.owned.get(&subject.mutation.record).cloned();
        ahead.or_else(|| Some(subject.record()?.ownership(subject.record_type)))
    }

    fn has(
        &self,
        who: Who,
        right: Right,
        record_type: TypeId,
        ownership: &Ownership,
    ) -> Result<(), Rejection> {
        let security = &self.state.rules.security;
        let may = |right| security.may_as(who, right, record_type, ownership);
        may(right).map_err(|denial| {
            let code = code_of(&denial);
            // Whose a record is, only those are told who may read it.
            let is_theirs = right == Right::Create || may(Right::Read).is_ok();
            let what = match is_theirs || denial.needed.is_none() {
                true => denial.what,
                false => format!("{} may not read the record any more.", self.user()),
            };
            Rejection::new(code, what)
        })
    }

    fn has_on(
        &self,
        who: Who,
        right: Right,
        record: RecordId,
        record_type: TypeId,
    ) -> Result<(), Rejection> {
        if let Some(ahead) = self.ahead.owned.get(&record) {
            return self.has(who, right, record_type, ahead);
        }
        let ownership = self.state.record(record).and_then(|record| {
            let (record_type, _) = self.state.rules.get(record.record_type)?;
            Some(record.ownership(record_type))
        });
        self.has(who, right, record_type, &ownership.unwrap_or_default())
    }

    /// Whether words to the author may tell of a record.
    pub(super) fn may_tell_of(&self, record: RecordId) -> bool {
        let held = self.state.record(record);
        let record_type = held.map_or(TypeId(0), |record| record.record_type);
        self.incoming
            .who
            .is_none_or(|who| self.has_on(who, Right::Read, record, record_type).is_ok())
    }

    /// The author's user.
    pub(super) fn user(&self) -> &str {
        &self.state.devices[self.incoming.origin.author.0 as usize].user
    }
}

fn code_of(denial: &Denial) -> Code {
    match denial.right {
        // No depth would do: the user's access, or the user, is in the way.
        _ if denial.needed.is_none() => Code::PrivilegeDenied,
        Right::Create => Code::PrivilegeCreate,
        Right::Read => Code::PrivilegeRead,
        Right::Write => Code::PrivilegeWrite,
        Right::Delete => Code::PrivilegeDelete,
        Right::Assign => Code::PrivilegeAssign,
        Right::Share => Code::PrivilegeShare,
        Right::Append => Code::PrivilegeAppend,
    }
}

/// Whose a created record will be.
fn coming(
    subject: &Subject<'_>,
    writes: &[(FieldId, Write)],
    standing: Option<&Ownership>,
) -> Ownership {
    let record_type = subject.record_type;
    let mut coming = standing.cloned().unwrap_or_default();
    let default = record_type.owner.and_then(|owner| {
        let field = record_type.fields.get(&owner)?;
        field.default.as_ref()
    });
    if let (None, Some(Value::Lookup(owner))) = (standing, default) {
        coming.owner = Some(*owner);
    }
    for (field, write) in writes {
        match write {
            Write::Set(Value::Lookup(owner)) if record_type.owner == Some(*field) => {
                coming.owner = Some(*owner);
            }
            Write::Clear if record_type.owner == Some(*field) => coming.owner = None,
            Write::Change { add, .. } => {
                let people = add.iter().filter_map(looked_up);
                if record_type.readers == Some(*field) {
                    coming.readers.extend(people);
                } else if record_type.writers == Some(*field) {
                    coming.writers.extend(people);
                }
            }
            _ => {}
        }
    }
    coming
}

/// The records that a write makes a field point at.
fn pointed_at(field: &Field, write: &Write) -> Vec<RecordId> {
    match (&field.kind, write) {
        (Kind::Lookup { .. }, Write::Set(value)) => looked_up(value).into_iter().collect(),
        (Kind::Set { .. }, Write::Change { add, .. }) => add.iter().filter_map(looked_up).collect(),
        _ => Vec::new(),
    }
}

fn looked_up(value: &Value) -> Option<RecordId> {
    match value {
        Value::Lookup(target) => Some(*target),
        _ => None,
    }
}
