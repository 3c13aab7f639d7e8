//! Registers: the multi-value register under every scalar field, and under a
//! record's life.
//!
//! A write `c` is dominated by a write `x` iff `c.version <= x.base` or both
//! come from one device and `c` is earlier. A register holds the writes that
//! nothing dominates; the policy says which of them shows.

use cairn_model::{AuthorId, Value, Version};
use serde::{Deserialize, Serialize};

/// One undominated write. Its author and times are the record's origin of the
/// same version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterWrite {
    /// The operation that wrote it.
    pub version: Version,
    /// What it wrote; `None` empties the field.
    pub value: Option<Value>,
}

/// A register. Empty until first written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Register {
    /// Undominated writes in ledger order.
    pub writes: Vec<RegisterWrite>,
    /// The index of the one that shows.
    pub shown: usize,
    /// The journal number of the conflict that a person must resolve.
    pub open: Option<OpenConflict>,
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
        self.writes.clear();
        self.writes.push(write);
        self.shown = 0;
        self.open = None;
    }

    /// Drops what a write by `author` with `base` dominates. Gives whether
    /// anything is left. The shown index points at what showed before, or at
    /// the first that is left.
    pub fn dominate(
        &mut self,
        author: AuthorId,
        base: Version,
        author_of: impl Fn(Version) -> AuthorId,
    ) -> bool {
        let shown = self.shown().map(|write| write.version);
        self.writes
            .retain(|write| write.version > base && author_of(write.version) != author);
        self.shown = self
            .writes
            .iter()
            .position(|write| Some(write.version) == shown)
            .unwrap_or(0);
        !self.writes.is_empty()
    }
}
