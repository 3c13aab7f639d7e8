//! Registers: the multi-value register under every scalar field, and under a
//! record's life.
//!
//! A write `c` is dominated by a write `x` iff `c.version <= x.base` or both
//! come from one device and `c` is earlier. A register holds the writes that
//! nothing dominates; the policy says which of them shows.

use cairn_model::{Value, Version};
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// One undominated write. Its author and times are the record's origin of the
/// same version. Version 0 is a default value: older than any write, so that
/// every write dominates it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterWrite {
    /// The operation that wrote it.
    pub version: Version,
    /// What it wrote; `None` empties the field.
    pub value: Option<Value>,
}

/// Undominated writes in ledger order: a slice to whoever reads it. Nearly
/// always there is one, which then needs no allocation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writes(Kept);

/// `Many` never holds exactly one, so that equal writes compare equal.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    One(RegisterWrite),
    Many(Vec<RegisterWrite>),
}

impl Default for Kept {
    fn default() -> Self {
        Kept::Many(Vec::new())
    }
}

impl Deref for Writes {
    type Target = [RegisterWrite];
    fn deref(&self) -> &[RegisterWrite] {
        match &self.0 {
            Kept::One(write) => std::slice::from_ref(write),
            Kept::Many(writes) => writes,
        }
    }
}

impl FromIterator<RegisterWrite> for Writes {
    fn from_iter<I: IntoIterator<Item = RegisterWrite>>(writes: I) -> Self {
        let mut kept = Writes::default();
        writes.into_iter().for_each(|write| kept.push(write));
        kept
    }
}

impl Writes {
    fn push(&mut self, write: RegisterWrite) {
        self.0 = match std::mem::take(&mut self.0) {
            Kept::Many(writes) if writes.is_empty() => Kept::One(write),
            Kept::Many(mut writes) => {
                writes.push(write);
                Kept::Many(writes)
            }
            Kept::One(first) => Kept::Many(vec![first, write]),
        };
    }

    /// Drops the writes that `goes` names. Gives the first of `version`, if it
    /// went.
    fn drop_writes(
        &mut self,
        version: Option<Version>,
        mut goes: impl FnMut(&RegisterWrite) -> bool,
    ) -> Option<RegisterWrite> {
        let is_it = |write: &RegisterWrite| Some(write.version) == version;
        let writes = match &mut self.0 {
            Kept::One(write) if !goes(write) => return None,
            Kept::One(_) => match std::mem::take(&mut self.0) {
                Kept::One(write) => return Some(write).filter(is_it),
                Kept::Many(_) => return None,
            },
            Kept::Many(writes) => writes,
        };
        let mut went = None;
        for write in writes.extract_if(.., |write| goes(write)) {
            if went.is_none() && is_it(&write) {
                went = Some(write);
            }
        }
        if let [_] = writes[..] {
            self.0 = writes.pop().map_or_else(Kept::default, Kept::One);
        }
        went
    }

    /// Replaces every value by what `with` makes of it.
    pub(crate) fn map_values(&mut self, with: impl Fn(Value) -> Value) {
        let writes = match &mut self.0 {
            Kept::One(write) => std::slice::from_mut(write),
            Kept::Many(writes) => writes,
        };
        for write in writes {
            write.value = write.value.take().map(&with);
        }
    }
}

impl Extend<RegisterWrite> for Writes {
    fn extend<I: IntoIterator<Item = RegisterWrite>>(&mut self, writes: I) {
        writes.into_iter().for_each(|write| self.push(write));
    }
}

/// A register. Empty until first written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Register {
    /// Undominated writes in ledger order.
    pub writes: Writes,
    /// The index of the one that shows.
    pub shown: usize,
    /// The conflict that a person must resolve.
    pub open: Option<Box<OpenConflict>>,
}

/// What a device needs to know of an open conflict besides the candidates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenConflict {
    /// The conflict's number in the journal.
    pub number: u64,
    /// What the field showed before the first of the candidates; `None` when
    /// that is no longer known.
    pub base: Option<Option<Value>>,
}

impl Register {
    /// The write that shows.
    pub fn shown(&self) -> Option<&RegisterWrite> {
        self.writes.get(self.shown)
    }

    /// The value that shows.
    pub fn value(&self) -> Option<&Value> {
        self.shown().and_then(|write| write.value.as_ref())
    }

    /// The operations that its writes come from.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Version> {
        self.writes.iter().map(|write| write.version)
    }

    /// The newest write, shown or not.
    pub fn newest(&self) -> Version {
        self.writes
            .iter()
            .map(|write| write.version)
            .max()
            .unwrap_or_default()
    }

    /// Takes `write` as the only one: it dominates all others.
    pub fn replace(&mut self, write: RegisterWrite) {
        self.writes = Writes(Kept::One(write));
        self.shown = 0;
        self.open = None;
    }

    /// Adds a write behind the others; what shows stays. Gives its index.
    pub(crate) fn add(&mut self, write: RegisterWrite) -> usize {
        self.writes.push(write);
        self.writes.len() - 1
    }

    /// Drops the writes that `goes` names. Gives the one that showed, if it
    /// went; then the first that is left shows.
    pub(crate) fn drop_writes(
        &mut self,
        goes: impl FnMut(&RegisterWrite) -> bool,
    ) -> Option<RegisterWrite> {
        let shown = self.shown().map(|write| write.version);
        let went = self.writes.drop_writes(shown, goes);
        let shows = |write: &RegisterWrite| Some(write.version) == shown;
        self.shown = self.writes.iter().position(shows).unwrap_or(0);
        went
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(version: u64) -> RegisterWrite {
        let value = Some(Value::Integer(version as i64));
        RegisterWrite {
            version: Version(version),
            value,
        }
    }

    #[test]
    fn what_shows_keeps_showing_until_it_is_dropped() {
        let mut register = Register::default();
        assert_eq!(register.drop_writes(|_| true), None);
        for version in 1..=3 {
            register.add(write(version));
        }
        register.shown = 1;
        assert_eq!(register.drop_writes(|w| w.version == Version(1)), None);
        assert_eq!(register.shown(), Some(&write(2)));
        let went = register.drop_writes(|w| w.version == Version(2));
        assert_eq!(went, Some(write(2)));
        assert_eq!(register.shown(), Some(&write(3)));
    }

    #[test]
    fn writes_compare_equal_however_they_came_about() {
        let mut writes: Writes = (1..=3).map(write).collect();
        writes.drop_writes(None, |w| w.version > Version(1));
        assert_eq!(writes, [write(1)].into_iter().collect());
        writes.drop_writes(None, |_| true);
        assert_eq!(writes, Writes::default());
    }
}
