//! Who could see an operation when, as far as the ledger proves it.
//!
//! A device's base at an operation says what of the ledger it had by then. So
//! an operation was visible at a device at the latest when that device first
//! wrote on a base that reaches it, and at the earliest when the relay had it:
//! times to see are bounds from above, and tight where devices write soon after
//! they sync. A device that writes no more is watched until it last wrote. The
//! base of one record stands for the whole ledger, though a type that comes in
//! intervals, or a download that was broken off, may be behind it.
//!
//! The *core devices* of an operation are those, besides its author's, that
//! wrote after it was made: what others had seen nobody knows.
//!
//! Times are of the authors' clocks, set right where the history says how far
//! they were off, and never later than the arrival at the relay.

use super::{Lags, Tally};
use crate::door::Truth;
use crate::trace::{Done, Survey};
use cairn_model::{Timestamp, Version};

/// Pairs of operations and devices that are looked at. On larger ledgers every
/// second, third, … operation is looked at alone.
const PAIRS_MAX: usize = 1_000_000;

/// Whether a ledger is of merges. They are put side by side in it: between them
/// nobody saw anything.
pub(super) fn is_of_merges(truth: &Truth) -> bool {
    !truth.blocks.is_empty() && truth.span.is_none()
}

/// A device's proof that it had come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// Up to where it had the ledger.
    pub(super) reached: Version,
    /// When its operation was made.
    pub(super) made: Timestamp,
    /// When that arrived.
    pub(super) received: Timestamp,
}

/// How far a device came when.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Each reaches further than the one before.
    pub(super) steps: Vec<Step>,
    /// When it last wrote.
    pub(super) last: Timestamp,
}

/// When operations were made, and how far devices came when.
pub(super) struct Timelines<'a> {
    survey: &'a Survey,
    /// By how many milliseconds each device's clock was ahead.
    offsets: Vec<i64>,
    /// By device.
    pub(super) of: Vec<Timeline>,
}

impl<'a> Timelines<'a> {
    pub(super) fn new(survey: &'a Survey, truth: &Truth) -> Timelines<'a> {
        let offset = |device| truth.offsets.get(device).copied().unwrap_or(0);
        let offsets: Vec<i64> = survey.devices().iter().map(offset).collect();
        let mut of: Vec<Timeline> = Vec::new();
        of.resize_with(offsets.len(), Timeline::default);
        let mut timelines = Timelines {
            survey,
            offsets,
            of,
        };
        for done in survey.done() {
            let (sent, made) = (survey.sent_in(done), timelines.made(done));
            let timeline = &mut timelines.of[sent.device as usize];
            timeline.last = timeline.last.max(made);
            let furthest = timeline
                .steps
                .last()
                .map_or(Version(0), |step| step.reached);
            if done.base > furthest {
                timeline.steps.push(Step {
                    reached: done.base,
                    made,
                    received: sent.received,
                });
            }
        }
        timelines
    }

    /// When an operation was made.
    pub(super) fn made(&self, done: &Done) -> Timestamp {
        let sent = self.survey.sent_in(done);
        let ahead = self.offsets[sent.device as usize];
        let right = done.time.0.saturating_add_signed(ahead.saturating_neg());
        Timestamp(right).min(sent.received)
    }
}

/// When all core devices had an operation.
#[derive(Clone, Copy)]
struct Everywhere {
    /// Whether there are any, and all of them are known to have had it.
    core: bool,
    known: bool,
    seen: Timestamp,
    fixed: Timestamp,
}

/// E1, E2 and E6 of a ledger.
pub(super) fn of(survey: &Survey, truth: &Truth) -> Tally {
    let timelines = Timelines::new(survey, truth);
    let mut tally = Tally::default();
    let mut healed = truth.healed.map(|_| Everywhere::begin());
    let mut next = vec![0; timelines.of.len()];
    let stride = (survey.done().len() * timelines.of.len()).div_ceil(PAIRS_MAX);
    for done in survey.done().iter().step_by(stride.max(1)) {
        let made = timelines.made(done);
        let everywhere = see(&timelines, done, &mut next, &mut tally.sights);
        if everywhere.core {
            let (seen, fixed) = (everywhere.seen, everywhere.fixed);
            tally.sights_by_all.note(seen.since(made), everywhere.known);
            tally.finals.note(fixed.since(made), everywhere.known);
        }
        if let (Some(healed), Some(at)) = (&mut healed, truth.healed)
            && made <= at
        {
            healed.known &= everywhere.known;
            healed.seen = healed.seen.max(everywhere.seen);
        }
    }
    if let (Some(healed), Some(at)) = (healed, truth.healed)
        && healed.known
    {
        tally.heals = 1;
        tally.heal_ms = healed.seen.since(at);
    }
    tally
}

impl Everywhere {
    fn begin() -> Everywhere {
        Everywhere {
            core: false,
            known: true,
            seen: Timestamp(0),
            fixed: Timestamp(0),
        }
    }
}

/// Looks for when each device had an operation. `next` is each device's first
/// step that may reach it.
fn see(
    timelines: &Timelines<'_>,
    done: &Done,
    next: &mut [usize],
    sights: &mut Lags,
) -> Everywhere {
    let sent = timelines.survey.sent_in(done);
    let made = timelines.made(done);
    let mut everywhere = Everywhere::begin();
    for ((device, timeline), next) in (0..).zip(&timelines.of).zip(next) {
        let short = |step: &&Step| step.reached < done.version;
        *next += timeline.steps[*next..].iter().take_while(short).count();
        if device == sent.device || timeline.last <= made {
            continue;
        }
        let step = timeline.steps.get(*next);
        let seen = step.map_or(timeline.last, |step| step.made.max(sent.received));
        sights.note(seen.since(made), step.is_some());
        everywhere.core = true;
        everywhere.known &= step.is_some();
        everywhere.seen = everywhere.seen.max(seen);
        let fixed = step.map_or(timeline.last, |step| step.received);
        everywhere.fixed = everywhere.fixed.max(fixed);
    }
    everywhere
}

/// E2's k-staleness and E3 of a ledger.
pub(super) fn behind(survey: &Survey) -> Tally {
    let behind = survey.behind();
    Tally {
        unseen: behind.unseen.clone(),
        unsent: behind.unsent,
        stale_ms: behind.stale_ms,
        counted: behind.counted,
        off_by: behind.off_by,
        ..Tally::default()
    }
}
