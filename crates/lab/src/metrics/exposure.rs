//! What devices are shown between the beginning and the end.

use super::visibility::{Timelines, is_of_merges};
use super::{Tally, promises};
use crate::door::Truth;
use crate::trace::Trace;
use cairn_model::Version;
use cairn_projection::State;

/// Points at which a state is looked at on the way, at most.
const POINTS_MAX: usize = 32;
/// Records that may be looked at in any case, at all points together.
const RECORDS_MIN: usize = 100_000;

/// Looks at a state on its way through a ledger, to say for how long devices
/// are shown what breaks a promise of the definition. Looks so seldom that all
/// looks together cost no more than the fold.
#[derive(Debug)]
pub struct Watch<'a> {
    trace: &'a Trace,
    truth: &'a Truth,
    /// Where to look, first ones last.
    points: Vec<Version>,
    /// Where it looked, and whether something was broken.
    found: Vec<(Version, bool)>,
    promised: bool,
}

impl<'a> Watch<'a> {
    /// Is to look at the states of a ledger.
    pub fn new(trace: &'a Trace, truth: &'a Truth) -> Watch<'a> {
        let done = trace.survey().done();
        let records = trace.records().count().max(1);
        let looks = done.len().max(RECORDS_MIN) / records;
        let points = looks.clamp(2, POINTS_MAX).min(done.len());
        let at = |point: usize| done[done.len() * point / points - 1].version;
        Watch {
            trace,
            truth,
            points: (1..=points).rev().map(at).collect(),
            found: Vec::new(),
            promised: false,
        }
    }

    /// Looks at the state after each entry.
    pub fn look(&mut self, state: &State) {
        let due = |point: &Version| *point <= state.version();
        if !self.points.last().is_some_and(due) {
            return;
        }
        while self.points.last().is_some_and(due) {
            self.points.pop();
        }
        self.promised = promises::promised(state.definition(), self.truth);
        let broken = self.promised && promises::is_broken(state, self.truth);
        self.found.push((state.version(), broken));
    }

    /// D2: for how long devices were watched, and were shown something broken.
    /// Nothing where nothing is promised.
    pub fn exposure(&self) -> Tally {
        let mut tally = Tally::default();
        if !self.promised || is_of_merges(self.truth) {
            return tally;
        }
        let timelines = Timelines::new(self.trace.survey(), self.truth);
        for timeline in &timelines.of {
            let ends = timeline.steps.iter().skip(1).map(|step| step.made);
            let ends = ends.chain([timeline.last]);
            for (step, end) in timeline.steps.iter().zip(ends) {
                let span = end.since(step.made);
                tally.watched_ms += span;
                tally.exposed_ms += u64::from(self.was_broken(step.reached)) * span;
            }
        }
        tally
    }

    /// Whether something was broken when last looked at up to a version.
    fn was_broken(&self, version: Version) -> bool {
        let at = self.found.partition_point(|(point, _)| *point <= version);
        at.checked_sub(1).is_some_and(|at| self.found[at].1)
    }
}
