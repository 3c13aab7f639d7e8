//! What one state could satisfy of what people wrote.

use super::{Effect, StandingWrite};
use std::collections::BTreeMap;

/// How many standing writes of a record one state could satisfy at most, as far
/// as it lives and as far as it does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Best {
    /// … where it lives.
    pub(crate) alive: u64,
    /// … where it does not.
    pub(crate) dead: u64,
}

impl Best {
    /// Takes in a key: of its writes, the most that want the same.
    pub(crate) fn take(&mut self, standing: &[StandingWrite]) {
        let mut want: BTreeMap<&Effect, u64> = BTreeMap::new();
        for write in standing {
            *want.entry(&write.effect).or_default() += 1;
        }
        let gone = want.remove(&Effect::Lives(false)).unwrap_or(0);
        self.dead += gone + want.get(&Effect::Lacks).copied().unwrap_or(0);
        self.alive += want.into_values().max().unwrap_or(0);
    }
}
