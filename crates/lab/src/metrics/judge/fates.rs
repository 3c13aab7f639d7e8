//! What became of every write that stands.

use super::{Counts, Judge, Subject, Tally};
use crate::trace::{Best, Effect, Key, StandingWrite};
use cairn_model::{FieldId, Kind, RecordId, Value, Version};
use cairn_projection::{FieldState, Record};
use std::collections::{BTreeMap, BTreeSet};

/// What became of a standing write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its effect is there.
    Satisfied,
    /// It is not, and a person was told.
    Surfaced,
    /// It is not, and nobody was told.
    Silent,
}

impl Judge<'_> {
    /// Judges every standing write. Gives how many each operation lost.
    pub(super) fn writes(&mut self) -> BTreeMap<Version, u32> {
        let mut lost: BTreeMap<Version, u32> = BTreeMap::new();
        let mut counts = std::mem::take(&mut self.counts);
        let mut best: Option<(RecordId, Best)> = None;
        for (key, standing) in self.trace.standing() {
            if best.is_none_or(|(record, _)| record != key.record) {
                self.add_best(best, &mut counts);
                best = Some((key.record, Best::default()));
            }
            if let Some((_, best)) = &mut best {
                best.take(standing);
            }
            let tally = counts.entry(self.at((key.record, key.field))).or_default();
            for write in standing {
                let fate = self.fate(&key, write);
                self.count(tally, &key, write, fate);
                if fate != Fate::Satisfied {
                    *lost.entry(write.version).or_default() += 1;
                    self.judged.whole.authors.entry(write.author).or_default().1 += 1;
                }
            }
        }
        self.add_best(best, &mut counts);
        self.counts = counts;
        lost
    }

    fn count(&self, tally: &mut Tally, key: &Key, write: &StandingWrite, fate: Fate) {
        let at = ((key.record, key.field), write.version);
        let is_lost = fate != Fate::Satisfied;
        tally.standing += 1;
        tally.satisfied += u64::from(!is_lost);
        tally.lost_surfaced += u64::from(fate == Fate::Surfaced);
        tally.lost_silently += u64::from(fate == Fate::Silent);
        tally.contested_lost_silently += u64::from(fate == Fate::Silent && write.contested);
        tally.bytes_lost += u64::from(is_lost) * u64::from(write.bytes);
        let vanished = is_lost && !self.open.contains(&at) || self.lost_once.contains(&at);
        tally.surprises += u64::from(vanished);
        let device = &self.trace.authors()[write.author as usize].device;
        let weight = u64::from(self.truth.weights.get(device).copied().unwrap_or(1));
        tally.meant += weight;
        tally.meant_kept += weight * u64::from(!is_lost);
        let is_value = matches!(write.effect, Effect::Shows(_)) && write.contested;
        if let Some(offset) = self.truth.offsets.get(device).filter(|_| is_value) {
            let clock = tally.clocks.entry(*offset).or_default();
            *clock = (clock.0 + 1, clock.1 + u64::from(!is_lost));
        }
        let deletes = matches!(write.effect, Effect::Lives(false) | Effect::Lacks);
        tally.resurrected += u64::from(is_lost && deletes);
    }

    pub(super) fn fate(&self, key: &Key, write: &StandingWrite) -> Fate {
        let place = (key.record, key.field);
        let is_asked = |asked: &BTreeSet<Version>| asked.contains(&write.version);
        if self.holds(key, write) {
            Fate::Satisfied
        } else if self.asked.get(&place).is_some_and(is_asked)
            || self.state.issue_of(write.version).is_some()
        {
            Fate::Surfaced
        } else {
            Fate::Silent
        }
    }

    fn holds(&self, key: &Key, write: &StandingWrite) -> bool {
        let record = self.state.record(key.record);
        let alive = record.filter(|record| record.is_alive());
        let field = key.field.and_then(|id| Some((id, alive?.field(id)?)));
        match (&write.effect, field) {
            (Effect::Lives(lives), _) => alive.is_some() == *lives,
            (Effect::Lacks, None) => true,
            (Effect::Merges, _) => {
                alive.is_some() && self.state.verdict(write.version).rejected.is_none()
            }
            (Effect::Shows(value), Some((id, FieldState::Register(register)))) => {
                let kind = self.kind(alive, id);
                let widened = |value: &Value| match kind {
                    Some(kind) => kind.widened(value.clone()),
                    None => value.clone(),
                };
                register.value() == value.as_ref().map(widened).as_ref()
            }
            (Effect::Shows(value), None) => alive.is_some() && value.is_none(),
            (Effect::Contains | Effect::Lacks, Some((_, FieldState::Set(set)))) => {
                let has = key
                    .element
                    .as_ref()
                    .is_some_and(|e| set.additions.contains_key(e));
                has == (write.effect == Effect::Contains)
            }
            _ => false,
        }
    }

    fn kind(&self, record: Option<&Record>, field: FieldId) -> Option<&Kind> {
        let record_type = self.state.definition().types.get(&record?.record_type)?;
        Some(&record_type.fields.get(&field)?.kind)
    }

    fn add_best(&self, best: Option<(RecordId, Best)>, counts: &mut Counts) {
        let Some((record, best)) = best else {
            return;
        };
        let block = self.truth.block_of.get(&record).copied();
        let tally = counts.entry((block, Subject::Whole)).or_default();
        tally.satisfiable += best.alive.max(best.dead);
    }

    pub(super) fn operations(&mut self, lost: &BTreeMap<Version, u32>) {
        for (version, writes) in self.trace.transactions() {
            let lost = lost.get(&version).copied().unwrap_or(0);
            self.judged.whole.transactions += 1;
            self.judged.whole.fractured += u64::from(0 < lost && lost < writes);
        }
    }
}
