//! One edit at work on one record.

use super::contest::{Arrival, Contests, Decided, Met, Site, Terms, Yields, author_of};
use super::{Documents, SetAside};
use crate::record::{FieldState, Record, slot_at};
use crate::records::Held;
use crate::register::{Register, RegisterWrite};
use crate::rules::TypeRules;
use cairn_model::{Change, Field, FieldId, RecordType, Value, Version, Write};

/// What is done to a record: by its author, or by the fold in consequence.
pub(super) enum Deed {
    /// What the author did.
    Change(Change),
    /// A lookup is emptied because its target is gone.
    ClearLookup(FieldId),
}

impl Deed {
    /// The fields it writes.
    pub(super) fn fields(&self) -> impl Iterator<Item = FieldId> {
        let (writes, cleared) = match self {
            Deed::Change(change) => (change.writes(), None),
            Deed::ClearLookup(field) => (&[] as &[_], Some(*field)),
        };
        writes.iter().map(|(field, _)| *field).chain(cleared)
    }
}

/// One edit at work on one record.
pub(super) struct RecordChange<'a> {
    pub(super) held: &'a mut Held,
    pub(super) record_type: &'a RecordType,
    pub(super) rules: &'a TypeRules,
    pub(super) arrival: Arrival<'a>,
    pub(super) contests: Contests<'a>,
    pub(super) documents: &'a mut Documents,
    pub(super) set_aside: &'a mut Vec<SetAside>,
}

/// How an arriving row meets the one that stands.
struct Row<'a> {
    decided: Decided<'a>,
    yields: Yields,
    /// What stands that the author had not seen.
    unseen: Vec<FieldId>,
}

impl<'a> RecordChange<'a> {
    pub(super) fn carry_out(&mut self, deed: Deed) {
        let change = match deed {
            Deed::Change(change) => change,
            Deed::ClearLookup(field) => return self.write(field, Write::Clear, None),
        };
        let alive = match &change {
            Change::Delete => false,
            Change::Resolve { keep, .. } => keep.unwrap_or(true),
            _ => true,
        };
        if !self.live(alive) {
            return;
        }
        match change {
            Change::Create(writes) => {
                self.write_all(writes);
                self.fill_defaults();
            }
            Change::Update(writes) => self.write_all(writes),
            Change::Resolve { fields, .. } => {
                for (field, write) in fields {
                    self.write(field, write, None);
                }
            }
            Change::Delete | Change::Restore | Change::Follow | Change::Unfollow => {}
        }
    }

    /// Writes the record's life. Gives whether what comes with it applies.
    fn live(&mut self, alive: bool) -> bool {
        let Held {
            record,
            history,
            weight,
            uses,
            ..
        } = &mut *self.held;
        let before = Shape::of(&record.life);
        uses.discount(record.life.sources());
        let site = Site {
            record: record.id,
            record_type: record.record_type,
            created: record.created,
            field: None,
            register: &mut record.life,
            origins: &record.origins,
            history,
        };
        let terms = Terms {
            policy: &*self.rules.policy,
            yields: Yields::Dominated,
        };
        let value = Some(Value::Boolean(alive));
        let met = self.contests.meet(site, value, &self.arrival, &terms);
        let after = Shape::of(&record.life);
        uses.count(record.life.sources());
        *weight = *weight + after.weight - before.weight;
        if matches!(met, Met::Stands) || after != before {
            record.life_changed = self.arrival.origin.version;
        }
        if let Met::SetAside { told: true, .. } = met {
            let words = match alive {
                true => "The record was deleted meanwhile; your change of it is kept here.",
                false => "The record was changed meanwhile, so it was not deleted.",
            };
            self.set_aside.push((record.id, None, words.to_owned()));
        }
        matches!(met, Met::Stands)
    }

    fn write_all(&mut self, writes: Vec<(FieldId, Write)>) {
        let row = self.rules.by_record.then(|| self.row(&writes)).flatten();
        let Some(Row {
            decided,
            yields,
            unseen,
        }) = row
        else {
            for (field, write) in writes {
                self.write(field, write, None);
            }
            return;
        };
        let terms = Terms {
            policy: &decided,
            yields,
        };
        let is_written = |field: &FieldId| writes.iter().any(|(written, _)| written == field);
        let unwritten: Vec<FieldId> = unseen.into_iter().filter(|f| !is_written(f)).collect();
        for (field, write) in writes {
            self.write(field, write, Some(&terms));
        }
        if decided.shows_arriving {
            for field in unwritten {
                self.put_back(field, &terms);
            }
        }
    }

    /// How a row meets the one that stands; `None` where it contests nothing.
    fn row(&self, writes: &[(FieldId, Write)]) -> Option<Row<'a>> {
        let is_register = |write: &Write| matches!(write, Write::Set(_) | Write::Clear);
        if !writes.iter().any(|(_, write)| is_register(write)) {
            return None;
        }
        let mut unseen = Vec::new();
        let mut behind = Vec::new();
        for (field, version) in self.unseen(writes) {
            unseen.push(field);
            behind.extend(self.held.record.origin(version));
        }
        if unseen.is_empty() {
            return None;
        }
        let origin = self.arrival.origin;
        let rules = self.rules;
        let (decided, yields) = self.contests.decide_row(&behind, origin, &*rules.policy);
        Some(Row {
            decided,
            yields,
            unseen,
        })
    }

    /// The standing register writes that the author of a row had not seen and
    /// does not agree with.
    fn unseen(&self, writes: &[(FieldId, Write)]) -> Vec<(FieldId, Version)> {
        let record = &self.held.record;
        let (author, base) = (self.arrival.origin.author, self.arrival.base);
        let mut unseen = Vec::new();
        for slot in record.fields.iter().filter(|slot| slot.changed > base) {
            let FieldState::Register(register) = &slot.state else {
                continue;
            };
            let field = self.record_type.fields.get(&slot.id);
            let Some(field) = field.filter(|field| !field.retired) else {
                continue;
            };
            let own = writes.iter().rev().find(|(id, _)| *id == field.id);
            let agrees = |write: &RegisterWrite| match own {
                Some((_, Write::Set(value))) => {
                    write.value.as_ref() == Some(&field.kind.widened(value.clone()))
                }
                Some((_, Write::Clear)) => write.value.is_none(),
                _ => false,
            };
            let is_unseen = |write: &&RegisterWrite| {
                write.version > base
                    && author_of(&record.origins, write.version) != author
                    && !agrees(write)
            };
            unseen.extend(
                register
                    .writes
                    .iter()
                    .filter(is_unseen)
                    .map(|write| (field.id, write.version)),
            );
        }
        unseen
    }

    /// A field that the winning row did not write goes back to what its author
    /// saw, where that is still known: their own last value, or what showed as
    /// of their base.
    fn put_back(&mut self, id: FieldId, terms: &Terms<'_>) {
        let Held {
            record, history, ..
        } = &*self.held;
        let (author, base) = (self.arrival.origin.author, self.arrival.base);
        let Some(FieldState::Register(register)) = record.field(id) else {
            return;
        };
        let is_own = |write: &&RegisterWrite| author_of(&record.origins, write.version) == author;
        let own = register
            .writes
            .iter()
            .rev()
            .find(is_own)
            .map(|write| &write.value);
        let seen = match own.or_else(|| history.own_after(id, base, author)) {
            Some(own) => Some(own.clone()),
            None => history.shown_at(id, base, record.created, register.value()),
        };
        if let (Some(seen), Some(field)) = (seen, self.record_type.fields.get(&id))
            && seen.as_ref() != register.value()
        {
            self.write_register(field, seen, terms);
        }
    }

    /// Gives fields nobody has written their defaults.
    fn fill_defaults(&mut self) {
        let version = self.arrival.origin.version;
        for id in &self.rules.defaults {
            let field = self.record_type.fields.get(id);
            let Some((field, default)) = field.and_then(|f| Some((f, f.default.as_ref()?))) else {
                continue;
            };
            let Held {
                record,
                weight,
                uses,
                ..
            } = &mut *self.held;
            let before = record.weight_of(field);
            uses.discount(record.sources_of(field));
            if let FieldState::Register(register) = &mut record.slot_mut(field, version).state
                && register.writes.is_empty()
            {
                register.add(RegisterWrite {
                    version: Version(0),
                    value: Some(default.clone()),
                });
            }
            uses.count(record.sources_of(field));
            *weight = *weight + record.weight_of(field) - before;
        }
    }

    fn write(&mut self, id: FieldId, write: Write, terms: Option<&Terms<'_>>) {
        let Some(field) = self.record_type.fields.get(&id) else {
            return;
        };
        if field.retired {
            return self
                .held
                .history
                .keep_aside(self.arrival.origin.version, id);
        }
        let by_field = Terms {
            policy: self.rules.policy_of(id),
            yields: Yields::Dominated,
        };
        let terms = terms.unwrap_or(&by_field);
        match write {
            Write::Set(value) => self.write_register(field, Some(value), terms),
            Write::Clear => self.write_register(field, None, terms),
            merging => self.merge(field, &merging),
        }
    }

    fn write_register(&mut self, field: &Field, value: Option<Value>, terms: &Terms<'_>) {
        let version = self.arrival.origin.version;
        let value = value.map(|value| field.kind.widened(value));
        let Held {
            record,
            history,
            weight,
            uses,
            ..
        } = &mut *self.held;
        let at = slot_at(&mut record.fields, field, version);
        let slot = &mut record.fields[at];
        let FieldState::Register(register) = &mut slot.state else {
            return;
        };
        let before = Shape::of(register);
        uses.discount(register.sources());
        let site = Site {
            record: record.id,
            record_type: record.record_type,
            created: record.created,
            field: Some(field.id),
            register,
            origins: &record.origins,
            history,
        };
        let met = self.contests.meet(site, value, &self.arrival, terms);
        let FieldState::Register(register) = &slot.state else {
            return;
        };
        let after = Shape::of(register);
        uses.count(register.sources());
        *weight = *weight + after.weight - before.weight;
        if matches!(met, Met::Stands) || after != before {
            slot.changed = version;
        }
        if let Met::SetAside {
            told: true,
            instead,
            refused,
        } = met
        {
            let (instead, refused) = (spoken(&instead), spoken(&refused));
            let words = format!("{}: {instead} stands, yours was {refused}.", field.label);
            self.set_aside.push((record.id, Some(field.id), words));
        }
    }

    fn merge(&mut self, field: &Field, write: &Write) {
        let Held { record, uses, .. } = &mut *self.held;
        let before = record.weight_of(field);
        uses.discount(record.sources_of(field));
        self.merge_into_slot(field, write);
        let Held {
            record,
            weight,
            uses,
            ..
        } = &mut *self.held;
        uses.count(record.sources_of(field));
        *weight = *weight + record.weight_of(field) - before;
    }

    fn merge_into_slot(&mut self, field: &Field, write: &Write) {
        let Arrival { origin, base, .. } = self.arrival;
        let Record {
            id,
            fields,
            origins,
            ..
        } = &mut self.held.record;
        let at = slot_at(fields, field, origin.version);
        let slot = &mut fields[at];
        match (&mut slot.state, write) {
            (FieldState::Document(saved), Write::Merge(_)) => {
                let Some(merged) = self.documents.remove(&(*id, field.id)) else {
                    return;
                };
                *saved = merged;
            }
            (state, write) => {
                let author_of = |version| author_of(origins, version);
                state.apply_merging(&field.kind, write, origin, base, author_of);
            }
        }
        slot.changed = origin.version;
    }
}

/// What tells whether a register was changed: contests only ever add to it or
/// drop from it.
#[derive(PartialEq, Eq)]
struct Shape {
    writes: usize,
    open: bool,
    weight: usize,
}

impl Shape {
    fn of(register: &Register) -> Shape {
        Shape {
            writes: register.writes.len(),
            open: register.open.is_some(),
            weight: register.weight(),
        }
    }
}

/// Characters of a value that are quoted in an issue.
const SPOKEN_CHARS: usize = 60;

fn spoken(value: &Option<Value>) -> String {
    let Some(value) = value else {
        return "nothing".to_owned();
    };
    let whole = value.to_string();
    match whole.char_indices().nth(SPOKEN_CHARS) {
        Some((end, _)) => format!("“{}…”", &whole[..end]),
        None => format!("“{whole}”"),
    }
}
