//! May an operation stand? Everything is asked before anything changes.

use super::register::Register;
use super::rights::{Rights, Whose};
use super::{Cell, Fault, Incoming, Reference, Rejection, Row};
use cairn_model::definition::Right;
use cairn_model::{
    Change, Field, FieldId, KeyId, Kind, Mutation, OnDelete, RecordId, RecordType, TypeId, Value,
    Write, limit,
};
use std::collections::{BTreeMap, BTreeSet};

/// Records one deletion may take along.
const TAKEN_ALONG_MAX: usize = 10_000;

/// What earlier mutations of the same operation will have done.
#[derive(Default)]
struct Ahead {
    created: BTreeMap<RecordId, TypeId>,
    deleted: BTreeSet<RecordId>,
    whose: BTreeMap<RecordId, Whose>,
    keys: BTreeMap<(RecordId, KeyId), Option<Vec<Value>>>,
    lookups: BTreeMap<(RecordId, FieldId), Option<RecordId>>,
}

/// One mutation, and what is known around it.
struct Question<'a> {
    reference: &'a Reference,
    incoming: &'a Incoming<'a>,
    mutation: &'a Mutation,
    record_type: &'a RecordType,
    row: Option<&'a Row>,
}

fn is_follow(mutation: &Mutation) -> bool {
    matches!(mutation.change, Change::Follow | Change::Unfollow)
}

impl Reference {
    pub(super) fn may_stand(
        &self,
        mutations: &[Mutation],
        incoming: &Incoming<'_>,
    ) -> Result<(), Rejection> {
        if mutations.is_empty() || mutations.len() > limit::MUTATIONS_MAX {
            return Err("limit.exceeded".into());
        }
        let login = &self.authors[incoming.by.author].user;
        let may_follow = self.definition.users.contains_key(login);
        if !(incoming.may_edit || may_follow && mutations.iter().all(is_follow)) {
            return Err("privilege.denied".into());
        }
        let mut ahead = Ahead::default();
        for mutation in mutations {
            let row = self.rows.get(&mutation.record);
            let builds_on = self.builds_on.get(&(incoming.by.author, mutation.record));
            if let Some(first) = builds_on.filter(|first| mutation.base < **first)
                && !(is_follow(mutation) && row.is_some())
            {
                return Err(Rejection {
                    builds_on: Some(*first),
                    ..Rejection::from("dependent")
                });
            }
            let record_type = self.definition.types.get(&mutation.record_type);
            let question = Question {
                reference: self,
                incoming,
                mutation,
                record_type: record_type.ok_or("type.unknown")?,
                row,
            };
            question.ask(&mut ahead)?;
        }
        Ok(())
    }

    /// The records that point at one, by which field, and what their lookup
    /// does when it goes.
    pub(super) fn pointing_at(
        &self,
        target: RecordId,
    ) -> impl Iterator<Item = (RecordId, FieldId, OnDelete)> {
        let alive = self.rows.iter().filter(|(_, row)| row.is_alive());
        alive.flat_map(move |(id, row)| {
            let fields = self.definition.types.get(&row.record_type);
            let fields = fields.into_iter().flat_map(|t| t.live_fields());
            fields.filter_map(move |field| {
                let points = row.value(field.id) == Some(&Value::Lookup(target));
                match field.kind {
                    Kind::Lookup { on_delete, .. } if points => Some((*id, field.id, on_delete)),
                    _ => None,
                }
            })
        })
    }
}

impl Question<'_> {
    fn ask(&self, ahead: &mut Ahead) -> Result<(), Fault> {
        if self.mutation.base >= self.incoming.by.version {
            return Err("structure.malformed");
        }
        let writes = self.mutation.change.writes();
        let said = (self.incoming.said)(self.incoming.by.version);
        if writes.len() > limit::WRITES_MAX || !writes.is_empty() && said == Some("limit.exceeded")
        {
            return Err("limit.exceeded");
        }
        self.existence(ahead)?;
        self.rights(ahead)?;
        for (field, write) in writes {
            self.write(*field, write, ahead)?;
        }
        match &self.mutation.change {
            Change::Create(_) => self.required()?,
            Change::Delete
            | Change::Resolve {
                keep: Some(false), ..
            } => self.deletion(ahead)?,
            _ => {}
        }
        self.keys(ahead)
    }

    fn existence(&self, ahead: &mut Ahead) -> Result<(), Fault> {
        let Mutation {
            record,
            record_type,
            base,
            change,
        } = self.mutation;
        let held = self.row.map(|row| row.record_type);
        let present = held.or(ahead.created.get(record).copied());
        if present.is_some_and(|present| present != *record_type) {
            return Err("record.type");
        }
        if let Change::Create(_) = change {
            if self.record_type.retired {
                return Err("type.unknown");
            }
            if present.is_some() && !record.is_derived() {
                return Err("record.exists");
            }
            ahead.created.insert(*record, *record_type);
            ahead.deleted.remove(record);
            return Ok(());
        }
        if present.is_none() {
            return Err("record.missing");
        }
        let Some(row) = self.row else {
            let deleted = ahead.deleted.contains(record);
            let updates = matches!(change, Change::Update(_));
            return if deleted && updates {
                Err("record.deleted")
            } else {
                Ok(())
            };
        };
        match change {
            Change::Update(_) if ahead.deleted.contains(record) => Err("record.deleted"),
            Change::Update(_) if self.knows(row, false) => Err("record.deleted"),
            Change::Restore if self.knows(row, true) => Err("record.alive"),
            Change::Resolve { fields, keep } => {
                let contested =
                    |register: &Register| register.open.is_some() || register.newest() > *base;
                let of_fields =
                    |(field, _): &(FieldId, Write)| row.register(*field).is_some_and(contested);
                let decides = keep.is_some() || !fields.is_empty();
                let life = keep.is_none() || contested(&row.life);
                match decides && life && fields.iter().all(of_fields) {
                    true => Ok(()),
                    false => Err("conflict.none"),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether the record is alive, or deleted, and the author could see that.
    fn knows(&self, row: &Row, alive: bool) -> bool {
        row.is_alive() == alive
            && row.life.standing().all(|made| {
                if made.by.author == self.incoming.by.author {
                    made.value == Some(Value::Boolean(alive))
                } else {
                    made.version <= self.mutation.base
                }
            })
    }

    /// Whether the author's rights reach what is done.
    fn rights(&self, ahead: &mut Ahead) -> Result<(), Fault> {
        let Some(user) = self.incoming.user else {
            return Ok(());
        };
        let rights = Rights::of(&self.reference.definition, user);
        let Mutation { record, change, .. } = self.mutation;
        let standing = self.whose(*record, ahead);
        let stands = standing.clone().unwrap_or_default();
        let has = |right| rights.may(right, self.record_type.id, &stands);
        match change {
            Change::Create(writes) => {
                let coming = self.coming(standing.as_ref());
                rights.may(Right::Create, self.record_type.id, &coming)?;
                match standing {
                    Some(_) => {
                        has(Right::Write)?;
                        self.changes(&rights, writes, &stands, ahead)?;
                    }
                    None => {
                        for (field, write) in writes {
                            if self.is_sharing(*field) {
                                rights.may(Right::Share, self.record_type.id, &coming)?;
                            }
                            self.field(&rights, *field, write, ahead)?;
                        }
                    }
                }
                ahead.whose.insert(*record, coming);
                Ok(())
            }
            Change::Update(writes) => self.changes(&rights, writes, &stands, ahead),
            Change::Resolve { fields, keep } => {
                if keep.is_some() || fields.is_empty() {
                    has(Right::Write)?;
                }
                if *keep == Some(false) {
                    has(Right::Delete)?;
                }
                self.changes(&rights, fields, &stands, ahead)
            }
            Change::Delete => has(Right::Delete),
            Change::Restore => has(Right::Write),
            Change::Follow => has(Right::Read),
            Change::Unfollow => Ok(()),
        }
    }

    fn is_sharing(&self, field: FieldId) -> bool {
        let of = self.record_type;
        of.readers == Some(field) || of.writers == Some(field)
    }

    fn changes(
        &self,
        rights: &Rights<'_>,
        writes: &[(FieldId, Write)],
        stands: &Whose,
        ahead: &Ahead,
    ) -> Result<(), Fault> {
        for (field, write) in writes {
            let right = match self.record_type.owner == Some(*field) {
                true => Right::Assign,
                false if self.is_sharing(*field) => Right::Share,
                false => Right::Write,
            };
            rights.may(right, self.record_type.id, stands)?;
            self.field(rights, *field, write, ahead)?;
        }
        Ok(())
    }

    /// Whether a field may be written, and the author point where it does.
    fn field(
        &self,
        rights: &Rights<'_>,
        id: FieldId,
        write: &Write,
        ahead: &Ahead,
    ) -> Result<(), Fault> {
        let Some(field) = self.record_type.fields.get(&id) else {
            return Ok(());
        };
        if !rights.may_update(self.record_type.id, id) {
            return Err("privilege.field");
        }
        if self.is_sharing(id) || self.record_type.owner == Some(id) || field.retired {
            return Ok(());
        }
        let targets = match (&field.kind, write) {
            (Kind::Lookup { .. }, Write::Set(value)) => vec![value],
            (Kind::Set { .. }, Write::Change { add, .. }) => add.iter().collect(),
            _ => Vec::new(),
        };
        for target in targets.into_iter().filter_map(pointed_at) {
            let row = self.reference.rows.get(&target);
            let of = ahead.created.get(&target).copied();
            if let Some(of) = of.or(row.map(|row| row.record_type)) {
                let whose = self.whose(target, ahead).unwrap_or_default();
                rights.may(Right::Append, of, &whose)?;
            }
        }
        Ok(())
    }

    /// Whose a record is; `None` before it comes into being.
    fn whose(&self, record: RecordId, ahead: &Ahead) -> Option<Whose> {
        if let Some(ahead) = ahead.whose.get(&record) {
            return Some(ahead.clone());
        }
        let row = self.reference.rows.get(&record)?;
        let of = self.reference.definition.types.get(&row.record_type)?;
        let parties = |field: Option<FieldId>| match field.and_then(|id| row.cells.get(&id)) {
            Some(Cell::Set(elements)) => elements.keys().filter_map(pointed_at).collect(),
            _ => BTreeSet::new(),
        };
        Some(Whose {
            owner: of.owner.and_then(|owner| pointed_at(row.value(owner)?)),
            readers: parties(of.readers),
            writers: parties(of.writers),
        })
    }

    /// Whose a created record will be.
    fn coming(&self, standing: Option<&Whose>) -> Whose {
        let of = self.record_type;
        let mut whose = standing.cloned().unwrap_or_default();
        if standing.is_none() {
            let owner = of.owner.and_then(|owner| of.fields.get(&owner));
            let default = owner.and_then(|owner| owner.default.as_ref());
            whose.owner = default.and_then(pointed_at);
        }
        for (field, write) in self.mutation.change.writes() {
            match write {
                Write::Set(value) if of.owner == Some(*field) => {
                    whose.owner = pointed_at(value).or(whose.owner);
                }
                Write::Clear if of.owner == Some(*field) => whose.owner = None,
                Write::Change { add, .. } if of.readers == Some(*field) => {
                    whose.readers.extend(add.iter().filter_map(pointed_at));
                }
                Write::Change { add, .. } if of.writers == Some(*field) => {
                    whose.writers.extend(add.iter().filter_map(pointed_at));
                }
                _ => {}
            }
        }
        whose
    }

    fn write(&self, field: FieldId, write: &Write, ahead: &mut Ahead) -> Result<(), Fault> {
        let field = self.record_type.fields.get(&field).ok_or("field.unknown")?;
        if field.retired {
            return Ok(());
        }
        if let (Kind::Lookup { .. }, Write::Set(_) | Write::Clear) = (&field.kind, write) {
            let target = match write {
                Write::Set(Value::Lookup(target)) => Some(*target),
                _ => None,
            };
            ahead
                .lookups
                .insert((self.mutation.record, field.id), target);
        }
        match (&field.kind, write) {
            (kind, Write::Set(value)) if kind.is_register() => {
                let takes = kind.accepts(value).is_ok()
                    || kind.accepts(&kind.widened(value.clone())).is_ok();
                if !takes {
                    return Err("value.invalid");
                }
                self.target(kind, value, ahead)
            }
            (kind, Write::Clear) if kind.is_register() => match field.required {
                true => Err("value.required"),
                false => Ok(()),
            },
            (Kind::Counter, Write::Add(_)) => Ok(()),
            (Kind::Set { of }, Write::Change { add, remove }) => {
                if add.len() + remove.len() > limit::SET_ELEMENTS_MAX {
                    return Err("limit.exceeded");
                }
                add.iter().try_for_each(|element| {
                    of.accepts(element).map_err(|_| "value.invalid")?;
                    self.target(of, element, ahead)
                })
            }
            (Kind::RichText | Kind::Json, Write::Merge(_)) => {
                match (self.incoming.said)(self.incoming.by.version) {
                    Some("document.invalid") => Err("document.invalid"),
                    _ => Ok(()),
                }
            }
            _ => Err("value.invalid"),
        }
    }

    fn target(&self, kind: &Kind, value: &Value, ahead: &Ahead) -> Result<(), Fault> {
        let (Kind::Lookup { targets, .. }, Value::Lookup(target)) = (kind, value) else {
            return Ok(());
        };
        let alive = self.reference.rows.get(target).filter(|row| row.is_alive());
        let created = ahead.created.get(target).copied();
        let present = created.or(alive.map(|row| row.record_type));
        match present.filter(|_| !ahead.deleted.contains(target)) {
            None => Err("lookup.missing"),
            Some(present) if targets.contains(&present) => Ok(()),
            Some(_) => Err("value.invalid"),
        }
    }

    /// Required fields are judged by the definition the author worked under.
    fn required(&self) -> Result<(), Fault> {
        let binds = |field: &&Field| {
            let key = (self.record_type.id, field.id);
            let since = self
                .reference
                .required_since
                .get(&key)
                .copied()
                .unwrap_or(0);
            field.required && field.default.is_none() && self.incoming.definition >= since
        };
        let given = |field: &Field| {
            let writes = self.mutation.change.writes().iter().rev();
            let written = writes.clone().find(|(id, _)| *id == field.id);
            let held = self.row.is_some_and(|row| row.value(field.id).is_some());
            held || matches!(written, Some((_, Write::Set(_))))
        };
        match self.record_type.live_fields().filter(binds).all(given) {
            true => Ok(()),
            false => Err("value.required"),
        }
    }

    fn deletion(&self, ahead: &mut Ahead) -> Result<(), Fault> {
        let mut victims = BTreeSet::from([self.mutation.record]);
        let mut left = vec![self.mutation.record];
        while let Some(victim) = left.pop() {
            for (by, on_delete) in self.pointing_at(victim, ahead) {
                if on_delete == OnDelete::Cascade && victims.insert(by) {
                    left.push(by);
                }
            }
            if victims.len() > TAKEN_ALONG_MAX {
                return Err("limit.exceeded");
            }
        }
        for victim in &victims {
            for (by, on_delete) in self.pointing_at(*victim, ahead) {
                let stays = !victims.contains(&by) && !ahead.deleted.contains(&by);
                if on_delete == OnDelete::Restrict && stays {
                    return Err("record.referenced");
                }
            }
        }
        ahead.deleted.extend(victims);
        Ok(())
    }

    /// Who will still point at a record by then.
    fn pointing_at(&self, target: RecordId, ahead: &Ahead) -> Vec<(RecordId, OnDelete)> {
        let still = |by: RecordId, field: FieldId| match ahead.lookups.get(&(by, field)) {
            Some(ahead) => *ahead == Some(target),
            None => true,
        };
        let pointing = self.reference.pointing_at(target);
        pointing
            .filter(|(by, field, _)| still(*by, *field))
            .map(|(by, _, on_delete)| (by, on_delete))
            .collect()
    }

    fn keys(&self, ahead: &mut Ahead) -> Result<(), Fault> {
        let appears = match self.mutation.change {
            Change::Delete | Change::Follow | Change::Unfollow => return Ok(()),
            Change::Create(_) | Change::Restore => true,
            Change::Update(_) | Change::Resolve { .. } => {
                self.row.is_some_and(|row| !row.is_alive())
            }
        };
        let writes = self.mutation.change.writes();
        for key in &self.record_type.keys {
            let moves = writes.iter().any(|(field, _)| key.fields.contains(field));
            if !appears && !moves {
                continue;
            }
            let values: Option<Vec<Value>> = key
                .fields
                .iter()
                .map(|field| self.prospective(*field))
                .collect();
            if values.is_some() && self.is_taken(key.id, &key.fields, &values, ahead) {
                return Err("key.taken");
            }
            ahead.keys.insert((self.mutation.record, key.id), values);
        }
        Ok(())
    }

    /// What a field of a key would show if the write stood.
    fn prospective(&self, field: FieldId) -> Option<Value> {
        let field = self.record_type.fields.get(&field)?;
        let shown = |row: &Row| row.value(field.id).cloned();
        let mut writes = self.mutation.change.writes().iter().rev();
        match (writes.find(|(id, _)| *id == field.id), self.row) {
            (Some((_, Write::Set(value))), _) => Some(field.kind.widened(value.clone())),
            (Some(_), _) => None,
            (None, None) => field.default.clone(),
            (None, Some(row)) => match self.mutation.change {
                Change::Create(_) => shown(row).or_else(|| field.default.clone()),
                _ => shown(row),
            },
        }
    }

    /// Whether another record has the key, once the operation is carried out.
    fn is_taken(
        &self,
        key: KeyId,
        fields: &[FieldId],
        values: &Option<Vec<Value>>,
        ahead: &Ahead,
    ) -> bool {
        let others = self.reference.rows.keys().chain(ahead.created.keys());
        let others =
            others.filter(|id| **id != self.mutation.record && !ahead.deleted.contains(id));
        for id in others.collect::<BTreeSet<_>>() {
            let row = self.reference.rows.get(id);
            let of = ahead
                .created
                .get(id)
                .copied()
                .or(row.map(|row| row.record_type));
            if of != Some(self.record_type.id) {
                continue;
            }
            let has = match ahead.keys.get(&(*id, key)) {
                Some(ahead) => ahead.clone(),
                None => row.filter(|row| row.is_alive()).and_then(|row| {
                    fields
                        .iter()
                        .map(|field| row.value(*field).cloned())
                        .collect()
                }),
            };
            if has == *values {
                return true;
            }
        }
        false
    }
}

fn pointed_at(value: &Value) -> Option<RecordId> {
    match value {
        Value::Lookup(target) => Some(*target),
        _ => None,
    }
}

/// The definition's word on which fields a record must have.
pub(super) fn is_required(
    types: &BTreeMap<TypeId, RecordType>,
    (record_type, field): (TypeId, FieldId),
) -> bool {
    let record_type = types.get(&record_type);
    let field = record_type.and_then(|record_type| record_type.fields.get(&field));
    field.is_some_and(|field| field.required && field.default.is_none())
}
