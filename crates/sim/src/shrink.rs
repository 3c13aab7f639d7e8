//! From a case that fails to a small one that fails in the same way: the
//! schedule is data, so entries are taken out, simplified and moved together,
//! and the rest still runs.

mod simpler;

use crate::check::Violation;
use crate::run::Case;
use crate::schedule::Entry;
use simpler::{devices_of, renumbered, simpler_entries, simpler_plans};
use std::collections::BTreeSet;

/// Runs one shrinking may take.
pub const RUNS_MAX: u32 = 3_000;

/// A small case that fails.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The case.
    pub case: Case,
    /// How it fails.
    pub violation: Violation,
    /// Runs it took.
    pub runs: u32,
}

/// A case on its way to a smaller one.
struct Shrinking<F> {
    best: Case,
    violation: Violation,
    runs: u32,
    fails: F,
}

/// Makes a failing case smaller as long as `fails` finds what the same checker
/// found.
pub fn shrink(
    case: &Case,
    violation: &Violation,
    fails: impl FnMut(&Case) -> Option<Violation>,
) -> Shrunk {
    let mut shrinking = Shrinking {
        best: case.clone(),
        violation: violation.clone(),
        runs: 0,
        fails,
    };
    loop {
        let before = weight(&shrinking.best);
        shrinking.cut_the_end();
        shrinking.drop_devices();
        shrinking.drop_entries();
        shrinking.simplify();
        if weight(&shrinking.best) >= before || shrinking.runs >= RUNS_MAX {
            return Shrunk {
                case: shrinking.best,
                violation: shrinking.violation,
                runs: shrinking.runs,
            };
        }
    }
}

/// What is to become smaller: entries, then what they and the plan say.
fn weight(case: &Case) -> (usize, usize) {
    let entries = serde_json::to_string(&case.schedule).map_or(0, |text| text.len());
    let plan = serde_json::to_string(&case.plan).map_or(0, |text| text.len());
    (case.schedule.entries.len(), entries + plan)
}

impl<F: FnMut(&Case) -> Option<Violation>> Shrinking<F> {
    /// Takes `candidate` if it fails as the case does.
    fn take(&mut self, candidate: Case) -> bool {
        if self.runs >= RUNS_MAX {
            return false;
        }
        self.runs += 1;
        match (self.fails)(&candidate) {
            Some(violation) if violation.checker == self.violation.checker => {
                self.best = candidate;
                self.violation = violation;
                true
            }
            _ => false,
        }
    }

    fn take_entries(&mut self, entries: Vec<Entry>) -> bool {
        let mut candidate = self.best.clone();
        candidate.schedule.entries = entries;
        self.take(candidate)
    }

    /// What happens after the failure has no part in it.
    fn cut_the_end(&mut self) {
        let at = self.violation.at;
        let entries = &self.best.schedule.entries;
        let kept: Vec<Entry> = entries.iter().filter(|e| e.at <= at).cloned().collect();
        if kept.len() < entries.len() {
            self.take_entries(kept);
        }
    }

    fn drop_devices(&mut self) {
        let entries = self.best.schedule.entries.iter();
        let devices: BTreeSet<u32> = entries.flat_map(|e| devices_of(&e.action)).collect();
        for device in devices {
            let entries = self.best.schedule.entries.iter();
            let others = entries.filter(|e| !devices_of(&e.action).contains(&device));
            self.take_entries(others.cloned().collect());
        }
        if let Some(renumbered) = renumbered(&self.best) {
            self.take(renumbered);
        }
    }

    /// Takes out runs of entries, long ones first.
    fn drop_entries(&mut self) {
        let mut length = self.best.schedule.entries.len().div_ceil(2);
        while length > 0 {
            let mut at = self.best.schedule.entries.len();
            while at > 0 {
                let from = at.saturating_sub(length);
                let mut entries = self.best.schedule.entries.clone();
                entries.drain(from..at.min(entries.len()));
                self.take_entries(entries);
                at = from;
            }
            length = if length == 1 { 0 } else { length.div_ceil(2) };
        }
        self.drop_pairs();
    }

    /// Takes out two entries that only make sense together, such as a backup
    /// and what restores it.
    fn drop_pairs(&mut self) {
        if self.best.schedule.entries.len() > 40 {
            return;
        }
        let mut first = 0;
        while first < self.best.schedule.entries.len() {
            let mut second = first + 1;
            while second < self.best.schedule.entries.len() {
                let mut entries = self.best.schedule.entries.clone();
                entries.remove(second);
                entries.remove(first);
                if !self.take_entries(entries) {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    fn simplify(&mut self) {
        for plan in simpler_plans() {
            let mut candidate = self.best.clone();
            plan(&mut candidate);
            if candidate != self.best {
                self.take(candidate);
            }
        }
        for at in 0..self.best.schedule.entries.len() {
            while self.simplify_entry(at) {}
        }
    }

    /// Whether an entry could be made simpler.
    fn simplify_entry(&mut self, at: usize) -> bool {
        let Some(entry) = self.best.schedule.entries.get(at) else {
            return false;
        };
        simpler_entries(entry).into_iter().any(|simpler| {
            let mut entries = self.best.schedule.entries.clone();
            entries[at] = simpler;
            self.take_entries(entries)
        })
    }
}
