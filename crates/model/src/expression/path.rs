//! Ways from a record, or from the user's record, to a value: a field, or a
//! field of what lookups lead to.

use super::Look;
use super::compare::key;
use crate::id::{FieldId, RecordId, TypeId};
use crate::value::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a path reads of one record, by the record's type: a lookup with several
/// target types leads to any of them.
pub type Step = BTreeMap<TypeId, Read>;

/// What is read of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Read {
    /// The record itself.
    Id,
    /// When the relay received its creation.
    Created,
    /// When the relay received the latest operation on it.
    Modified,
    /// A field.
    Field(FieldId),
    /// The elements of a set.
    Elements(FieldId),
}

/// A way from one record to values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path {
    /// At least one; all but the last read a lookup.
    pub(super) steps: Vec<Step>,
    /// Whether it leads to several values.
    pub(super) many: bool,
}

impl Path {
    /// What is read of the record it starts from, of the record that leads to,
    /// and so on. All steps but the last read lookups, so a change of a record
    /// at step `n` is traced back by following step `n - 1` backwards.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The lookups it goes through: for each step but the last, the field that
    /// leads on, by type.
    pub fn hops(&self) -> Vec<Vec<(TypeId, FieldId)>> {
        let lookups = |step: &Step| {
            let field = |(id, read): (&TypeId, &Read)| Some((*id, read.field()?));
            step.iter().filter_map(field).collect()
        };
        let (_, before) = self.steps.split_last().expect("a path has a step");
        before.iter().map(lookups).collect()
    }

    /// Everything it reads, of each type.
    pub fn reads(&self) -> impl Iterator<Item = (TypeId, Read)> {
        self.steps
            .iter()
            .flat_map(|step| step.iter().map(|(id, read)| (*id, *read)))
    }

    /// The values it leads to from `record`, in the form that equal values
    /// share: options of choices as text, numbers as decimals. Sorted, each
    /// once.
    pub fn values(&self, record: RecordId, look: &dyn Look) -> Vec<Value> {
        let mut values = Vec::new();
        self.any(record, look, &mut |value| {
            values.push(key(value));
            false
        });
        values.sort();
        values.dedup();
        values
    }

    /// Whether any of its values passes `test`.
    pub(super) fn any(
        &self,
        record: RecordId,
        look: &dyn Look,
        test: &mut dyn FnMut(&Value) -> bool,
    ) -> bool {
        let Some((at, read)) = self.end(record, look) else {
            return false;
        };
        let value = match read {
            Read::Id => Some(Cow::Owned(Value::Lookup(at))),
            Read::Created => look.created(at).map(|at| Cow::Owned(Value::Timestamp(at))),
            Read::Modified => look.modified(at).map(|at| Cow::Owned(Value::Timestamp(at))),
            Read::Field(field) => look.value(at, field),
            Read::Elements(field) => return look.elements(at, field).iter().any(test),
        };
        match value.as_deref() {
            Some(Value::MultiChoice(names)) => names
                .iter()
                .any(|name| test(&Value::Choice(name.to_owned()))),
            Some(value) => test(value),
            None => false,
        }
    }

    /// The record it ends at, and what is read there.
    fn end(&self, record: RecordId, look: &dyn Look) -> Option<(RecordId, Read)> {
        let (last, before) = self.steps.split_last()?;
        let mut at = record;
        for (hop, step) in before.iter().enumerate() {
            let read = read_of(step, at, hop == 0, look)?;
            let value = look.value(at, read.field()?)?;
            let Value::Lookup(target) = *value else {
                return None;
            };
            at = target;
        }
        Some((at, read_of(last, at, before.is_empty(), look)?))
    }
}

/// The record a path starts from is of the one type there; what a lookup leads
/// to may be of a type that was a target once.
fn read_of(step: &Step, at: RecordId, is_first: bool, look: &dyn Look) -> Option<Read> {
    if is_first {
        return step.values().next().copied();
    }
    step.get(&look.record_type(at)?).copied()
}

impl Read {
    /// The field, unless it is something else of the record.
    pub fn field(self) -> Option<FieldId> {
        match self {
            Read::Field(field) | Read::Elements(field) => Some(field),
            Read::Id | Read::Created | Read::Modified => None,
        }
    }
}
