//! What the filters' expressions are made of, kept current for every record:
//! tests that mean the same for everybody, as bitmaps, and keys that a user's
//! own values are looked up by.

use cairn_model::expression::{Answer, Atom, Keyed};
use cairn_model::{Timestamp, TypeId, Value};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, BTreeSet};

/// A condition on the records of a type that is the same for every user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Test {
    pub(crate) record_type: TypeId,
    pub(crate) atom: Atom,
}

/// A comparison of the records of a type with the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) record_type: TypeId,
    pub(crate) keyed: Keyed,
}

/// Which records meet a test.
#[derive(Debug, Clone)]
pub(crate) struct TestIndex {
    pub(crate) test: Test,
    pub(crate) holds: RoaringBitmap,
    flips: BTreeSet<(Timestamp, u32)>,
    until: BTreeMap<u32, Timestamp>,
}

impl TestIndex {
    pub(crate) fn new(test: Test) -> TestIndex {
        TestIndex {
            test,
            holds: RoaringBitmap::new(),
            flips: BTreeSet::new(),
            until: BTreeMap::new(),
        }
    }

    pub(crate) fn record_type(&self) -> TypeId {
        self.test.record_type
    }

    /// `None` for a record that is not there to be seen.
    pub(crate) fn set(&mut self, ordinal: u32, answer: Option<Answer>) {
        if answer.is_some_and(|answer| answer.holds) {
            self.holds.insert(ordinal);
        } else {
            self.holds.remove(ordinal);
        }
        let until = answer.and_then(|answer| answer.until);
        let last = match until {
            Some(until) => self.until.insert(ordinal, until),
            None => self.until.remove(&ordinal),
        };
        if last != until {
            if let Some(last) = last {
                self.flips.remove(&(last, ordinal));
            }
            if let Some(until) = until {
                self.flips.insert((until, ordinal));
            }
        }
    }

    /// Records whose answer may be another one by `now`.
    pub(crate) fn due(&self, now: Timestamp) -> impl Iterator<Item = u32> + '_ {
        self.flips
            .range(..=(now, u32::MAX))
            .map(|(_, ordinal)| *ordinal)
    }

    /// When the next answer may change.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.flips.first().map(|(at, _)| *at)
    }

    /// How many answers change in `from..until`.
    pub(crate) fn flips_within(&self, until: Timestamp) -> usize {
        self.flips.range(..(until, 0)).count()
    }
}

/// What records have where a user's own values are looked for.
#[derive(Debug, Clone)]
pub(crate) struct KeyIndex {
    pub(crate) key: Key,
    values: Vec<RoaringBitmap>,
    numbers: BTreeMap<Value, u32>,
    names: Vec<Value>,
    of: BTreeSet<(u32, u32)>,
}

impl KeyIndex {
    pub(crate) fn new(key: Key) -> KeyIndex {
        KeyIndex {
            key,
            values: Vec::new(),
            numbers: BTreeMap::new(),
            names: Vec::new(),
            of: BTreeSet::new(),
        }
    }

    pub(crate) fn record_type(&self) -> TypeId {
        self.key.record_type
    }

    /// The numbers of a record's values.
    pub(crate) fn of(&self, ordinal: u32) -> BTreeSet<u32> {
        self.of
            .range((ordinal, 0)..=(ordinal, u32::MAX))
            .map(|(_, number)| *number)
            .collect()
    }

    pub(crate) fn set(&mut self, ordinal: u32, values: Vec<Value>) {
        let next: BTreeSet<u32> = values.into_iter().map(|value| self.number(value)).collect();
        let last = self.of(ordinal);
        for number in last.difference(&next) {
            self.of.remove(&(ordinal, *number));
            self.values[*number as usize].remove(ordinal);
        }
        for number in next.difference(&last) {
            self.of.insert((ordinal, *number));
            self.values[*number as usize].insert(ordinal);
        }
    }

    fn number(&mut self, value: Value) -> u32 {
        let next = self.values.len() as u32;
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        self.names.push(value.clone());
        self.numbers.insert(value, next);
        self.values.push(RoaringBitmap::new());
        next
    }

    /// The value of a number.
    pub(crate) fn value(&self, number: u32) -> &Value {
        &self.names[number as usize]
    }

    /// Whether one of a record's values, by number, is among `wanted`.
    pub(crate) fn meets(&self, has: &BTreeSet<u32>, wanted: &[Value]) -> bool {
        let number = |value| self.numbers.get(value);
        wanted
            .iter()
            .filter_map(number)
            .any(|number| has.contains(number))
    }

    /// The records that have one of `wanted`.
    pub(crate) fn records(&self, wanted: &[Value]) -> RoaringBitmap {
        let number = |value| self.numbers.get(value);
        let numbers = wanted.iter().filter_map(number);
        let mut records = RoaringBitmap::new();
        for number in numbers {
            records |= &self.values[*number as usize];
        }
        records
    }
}
