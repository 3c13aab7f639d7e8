//! What the relay remembers of a record beyond its image: which operations
//! touched it, what its fields showed before, and what was kept aside.
//!
//! All of it is bounded: the oldest is forgotten first. What is forgotten here
//! still stands, signed, in the ledger.

use crate::weight;
use cairn_model::{AuthorId, FieldId, Value, Version};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::VecDeque;

/// Operations remembered per record.
pub const TOUCHED_MAX: usize = 4096;
/// Earlier shown values kept per record. Conflicts with writes made on a base
/// older than these name no base value.
pub const PAST_VALUES_MAX: usize = 128;
/// Bytes of those values.
pub const PAST_BYTES_MAX: usize = 16 * 1024;
/// Writes to retired fields remembered per record.
pub const ASIDE_MAX: usize = 256;

/// A record's memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct History {
    /// The operations that named the record, admitted or not, by version: the
    /// last [`TOUCHED_MAX`].
    pub touched: Vec<Version>,
    /// Writes to fields that were retired when they arrived, the last
    /// [`ASIDE_MAX`]. They change nothing, and their signed operations keep
    /// the values.
    pub aside: Vec<(Version, FieldId)>,
    /// Values that showed, oldest first.
    past: PastValues,
    /// Per field, the version before which its values are forgotten.
    forgotten: Vec<(FieldId, Version)>,
}

/// Values that showed, oldest first, and what they weigh together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "VecDeque<Past>")]
struct PastValues {
    values: VecDeque<Past>,
    weight: usize,
}

impl From<VecDeque<Past>> for PastValues {
    fn from(values: VecDeque<Past>) -> PastValues {
        let weight = values.iter().map(Past::weight).sum();
        PastValues { values, weight }
    }
}

impl Serialize for PastValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl PastValues {
    fn push(&mut self, past: Past) {
        if self.values.len() < 4 {
            self.values.reserve_exact(1);
        }
        self.weight += past.weight();
        self.values.push_back(past);
    }

    /// Those that showed until after `base`, oldest first.
    fn after(&self, base: Version) -> impl DoubleEndedIterator<Item = &Past> {
        let from = self.values.partition_point(|past| past.until <= base);
        self.values.range(from..)
    }

    fn pop_oldest(&mut self) -> Option<Past> {
        let past = self.values.pop_front()?;
        self.weight -= past.weight();
        Some(past)
    }
}

/// A value that showed until a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    field: FieldId,
    /// The operation that wrote it, and its author.
    by: (Version, AuthorId),
    until: Version,
    value: Option<Value>,
}

impl Past {
    fn weight(&self) -> usize {
        self.value.as_ref().map_or(16, weight::of_value)
    }
}

impl History {
    /// Notes that an operation named the record.
    pub fn touch(&mut self, version: Version) {
        if self.touched.last() != Some(&version) {
            push_bounded(&mut self.touched, version, TOUCHED_MAX);
        }
    }

    /// Notes a write to a retired field.
    pub fn keep_aside(&mut self, version: Version, field: FieldId) {
        push_bounded(&mut self.aside, (version, field), ASIDE_MAX);
    }

    /// Notes that `field` showed a write, by an operation and its author, until
    /// a version.
    pub(crate) fn ended(
        &mut self,
        field: FieldId,
        until: Version,
        by: (Version, AuthorId),
        value: Option<Value>,
    ) {
        self.past.push(Past {
            field,
            by,
            until,
            value,
        });
        while self.past.values.len() > PAST_VALUES_MAX || self.past.weight > PAST_BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(Past { field, until, .. }) = self.past.pop_oldest() else {
            return;
        };
        match self.forgotten.iter_mut().find(|(known, _)| *known == field) {
            Some((_, before)) => *before = until,
            None => self.forgotten.push((field, until)),
        }
    }

    /// What `field` showed as of `base`, given what it shows `now` and when
    /// the record was `created`. `None` when that is no longer known.
    pub fn shown_at(
        &self,
        field: FieldId,
        base: Version,
        created: Version,
        now: Option<&Value>,
    ) -> Option<Option<Value>> {
        if base < created {
            return Some(None);
        }
        let is_forgotten = |(known, before): &(FieldId, Version)| *known == field && base < *before;
        if self.forgotten.iter().any(is_forgotten) {
            return None;
        }
        let showed = |past: &&Past| past.field == field;
        match self.past.after(base).find(showed) {
            Some(past) => Some(past.value.clone()),
            None => Some(now.cloned()),
        }
    }

    /// The newest of an author's own values of `field` that showed after
    /// `base` and no longer does.
    pub(crate) fn own_after(
        &self,
        field: FieldId,
        base: Version,
        author: AuthorId,
    ) -> Option<&Option<Value>> {
        let is_own = |past: &&Past| past.field == field && past.by.1 == author && past.by.0 > base;
        self.past
            .after(base)
            .rev()
            .find(is_own)
            .map(|past| &past.value)
    }
}

/// Pushes, and makes room a quarter at a time once `max` are there.
fn push_bounded<T>(list: &mut Vec<T>, item: T, max: usize) {
    if list.len() == max {
        list.drain(..max / 4);
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::codec;

    const BY: (Version, AuthorId) = (Version(1), AuthorId(1));

    fn value(number: i64) -> Option<Value> {
        Some(Value::Integer(number))
    }

    #[test]
    fn a_field_remembers_what_it_showed() {
        let mut history = History::default();
        let field = FieldId(1);
        history.ended(field, Version(3), BY, value(1));
        history.ended(FieldId(2), Version(5), BY, value(9));
        history.ended(field, Version(7), BY, value(2));
        let now = value(3);
        let at = |base| history.shown_at(field, Version(base), Version(1), now.as_ref());
        assert_eq!(at(2), Some(value(1)));
        assert_eq!(at(3), Some(value(2)));
        assert_eq!(at(7), Some(value(3)));
        assert_eq!(at(0), Some(None), "the record was not there yet");
    }

    #[test]
    fn what_is_forgotten_is_not_guessed() {
        let mut history = History::default();
        for version in 1..=200 {
            history.ended(FieldId(1), Version(version), BY, value(version as i64));
        }
        history.ended(FieldId(2), Version(201), BY, value(0));
        let at = |base| history.shown_at(FieldId(1), Version(base), Version(1), None);
        assert_eq!(at(50), None);
        assert_eq!(at(150), Some(value(151)));
        let other = history.shown_at(FieldId(2), Version(1), Version(1), None);
        assert_eq!(other, Some(value(0)));
    }

    #[test]
    fn long_values_are_forgotten_sooner() {
        let mut history = History::default();
        for version in 1..=10 {
            let text = Value::Text("x".repeat(4_000));
            history.ended(FieldId(1), Version(version), BY, Some(text));
        }
        let read = codec::encode(&history);
        let read: History = codec::decode("history", &read).unwrap();
        assert_eq!(read, history, "what it weighs is known after reading, too");
        assert!(history.past.weight > 4_000 && history.past.weight <= PAST_BYTES_MAX);
        assert_eq!(
            history.shown_at(FieldId(1), Version(5), Version(1), None),
            None
        );
    }

    #[test]
    fn the_oldest_operations_are_forgotten_first() {
        let mut history = History::default();
        (1..=10_000).for_each(|version| history.touch(Version(version)));
        assert!(history.touched.len() <= TOUCHED_MAX);
        assert_eq!(history.touched.last(), Some(&Version(10_000)));
    }
}
