//! What the policy was asked, and what people were asked by it.

use super::fates::Fate;
use super::{Judge, Tally};
use crate::trace::{ConflictSet, Effect, Key, StandingWrite};
use cairn_model::Version;
use cairn_projection::{Code, Conflict, Outcome};
use std::collections::{BTreeMap, BTreeSet};

impl Judge<'_> {
    pub(super) fn read_journal(&mut self) {
        for conflict in self.state.journal() {
            let place = (conflict.record, conflict.field);
            let is_open = conflict.outcome == Outcome::Open;
            let mut tally = Tally::default();
            if conflict.outcome == Outcome::Superseded {
                let newest = conflict.sides.iter().map(|side| side.version).max();
                tally.flips = u64::from(newest == Some(conflict.shown));
                let losing = conflict
                    .sides
                    .iter()
                    .filter(|s| s.version != conflict.shown);
                self.lost_once
                    .extend(losing.map(|side| (place, side.version)));
            } else {
                tally.questions = 1;
                tally.waits.push(self.wait(conflict));
                let sides = conflict.sides.iter().map(|side| side.version);
                self.asked.entry(place).or_default().extend(sides.clone());
                if is_open {
                    tally.open = 1;
                    tally.siblings = conflict.sides.len() as u64;
                    self.open.extend(sides.map(|version| (place, version)));
                }
            }
            self.add(place, &tally);
        }
    }

    /// For how long a conflict was open, and whether it was closed then.
    fn wait(&self, conflict: &Conflict) -> (u64, bool) {
        let since = conflict.sides.get(1).map(|side| side.received);
        let until = match conflict.outcome {
            Outcome::Resolved { by } | Outcome::Overwritten { by } => self.trace.received(by),
            Outcome::Open | Outcome::Superseded => None,
        };
        let end = until.unwrap_or(self.state.received());
        (end.since(since.unwrap_or(end)), until.is_some())
    }

    pub(super) fn read_issues(&mut self) {
        for issue in self.state.issues() {
            if issue.code != Code::Superseded {
                let dependents = issue.dependents.len() as u64;
                self.judged.whole.refused += 1 + dependents;
                self.judged.whole.collateral += dependents;
                self.refused.extend(issue.records());
                continue;
            }
            let question = Tally {
                questions: 1,
                ..Tally::default()
            };
            if let Some(record) = issue.record {
                self.add((record, issue.field), &question);
            }
            for record in issue.records() {
                self.told.entry(record).or_default().insert(issue.version);
            }
        }
    }

    /// Judges every set of writes that met.
    pub(super) fn conflicts(&mut self) {
        let standing: BTreeMap<Key, &[StandingWrite]> = self.trace.standing().collect();
        for (key, sets, width) in self.trace.conflicts() {
            let place = (key.record, key.field);
            let stand = standing.get(&key).copied().unwrap_or_default();
            let mut tally = Tally {
                width_max: width as u64,
                widths: [(width as u64, 1)].into(),
                ..Tally::default()
            };
            for set in sets {
                self.judge_set(&mut tally, &key, set, stand);
            }
            self.add(place, &tally);
        }
    }

    fn judge_set(&self, tally: &mut Tally, key: &Key, set: &ConflictSet, stand: &[StandingWrite]) {
        let place = (key.record, key.field);
        let within = set.first..=set.last;
        let met: Vec<&StandingWrite> = stand
            .iter()
            .filter(|write| within.contains(&write.version))
            .collect();
        let disagree = met.windows(2).any(|pair| pair[0].effect != pair[1].effect);
        let is_deletion = met.iter().any(|write| write.effect == Effect::Lives(false));
        let harmful = disagree || is_deletion && met.iter().all(|write| write.contested);
        let touches = |versions: Option<&BTreeSet<Version>>| {
            versions.is_some_and(|versions| versions.range(within.clone()).next().is_some())
        };
        let asked = touches(self.asked.get(&place)) || touches(self.told.get(&key.record));
        let displaced = met
            .iter()
            .any(|write| self.fate(key, write) == Fate::Silent);
        let wrong = match self.resolved.get(&place) {
            Some(agrees) => !agrees,
            None => displaced,
        };
        tally.conflict_sets += 1;
        tally.depth += u64::from(set.depth);
        tally.window_ms += set.gathered.since(set.began);
        tally.asked += u64::from(asked);
        tally.harmful += u64::from(harmful);
        tally.asked_rightly += u64::from(asked && harmful);
        tally.wrong += u64::from(!asked && wrong);
    }
}
