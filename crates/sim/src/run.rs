//! One run: chaos, then healing, then silence.

use crate::check::{Checker, Violation};
use crate::scenario::{Plan, Tier};
use crate::schedule::Schedule;
use crate::time::{MINUTE, SECOND, VirtualTime};
use crate::trace::Event;
use crate::wiring::Wiring;
use crate::world::{View, World};
use cairn_model::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How often it is looked whether the core has come to rest.
pub(crate) const LOOK: u64 = SECOND;
/// How long the core must be silent once it agrees.
pub(crate) const SILENCE: u64 = 10 * MINUTE;

/// What is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Every resolved option, the seed included.
    pub plan: Plan,
    /// What happens.
    pub schedule: Schedule,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The first promise that was not kept.
    pub violation: Option<Violation>,
    /// The hash over the whole trace.
    pub trace: Hash,
    /// Events of it.
    pub events: u64,
    /// What was counted: messages, bytes, crashes, conflicts, …
    pub counts: BTreeMap<String, u64>,
    /// The hash over the shape of what went over the network: when, from where,
    /// to where and how long each datagram was. Only where there are datagrams.
    #[serde(default)]
    pub shape: Option<Hash>,
    /// How long the run took in virtual time, in microseconds.
    pub virtual_time: u64,
}

impl Outcome {
    /// Of a run that came to nothing.
    pub(crate) fn broken(checker: &str, words: String) -> Outcome {
        Outcome {
            violation: Some(Violation {
                checker: checker.to_owned(),
                at: VirtualTime(0),
                host: None,
                words,
            }),
            trace: Hash([0; 32]),
            events: 0,
            counts: BTreeMap::new(),
            shape: None,
            virtual_time: 0,
        }
    }
}

/// Runs a case to its end, or to the first violation. Gives the events too,
/// when they are to be kept.
pub fn run(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    keep: bool,
) -> (Outcome, Vec<Event>) {
    match case.plan.tier {
        Tier::Message => in_messages(case, wiring, checkers, keep),
        #[cfg(feature = "quic")]
        Tier::Quic => crate::quic::run(case, wiring, checkers, keep),
        #[cfg(not(feature = "quic"))]
        Tier::Quic => (Outcome::broken("set-up", NO_QUIC.to_owned()), Vec::new()),
    }
}

/// A run as it is at some moment.
pub struct Glance<'a> {
    /// The world.
    pub view: View<'a>,
    /// The first promise that was not kept until then.
    pub violation: Option<Violation>,
    /// What was counted until then, by name.
    pub counts: BTreeMap<String, u64>,
}

impl Glance<'_> {
    pub(crate) fn at(world: &World, violation: Option<Violation>) -> Glance<'_> {
        Glance {
            view: world.view(),
            violation,
            counts: counts_of(world),
        }
    }
}

/// Runs a case until a time, or to its end, and looks at it there. Its events
/// are kept.
///
/// # Errors
/// In words, when the case cannot be set up.
pub fn look<R>(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    until: Option<VirtualTime>,
    see: impl FnOnce(Glance<'_>) -> R,
) -> Result<R, String> {
    match case.plan.tier {
        Tier::Message => {
            let mut run = Run::new(case, wiring, true)?;
            run.stop = until.unwrap_or(run.stop);
            let violation = run.complete(checkers).err();
            Ok(see(Glance::at(&run.world, violation)))
        }
        #[cfg(feature = "quic")]
        Tier::Quic => crate::quic::look(case, wiring, checkers, until, see),
        #[cfg(not(feature = "quic"))]
        Tier::Quic => Err(NO_QUIC.to_owned()),
    }
}

#[cfg(not(feature = "quic"))]
const NO_QUIC: &str = "this program was built without tier quic";

fn in_messages(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    keep: bool,
) -> (Outcome, Vec<Event>) {
    let mut run = match Run::new(case, wiring, keep) {
        Ok(run) => run,
        Err(words) => return (Outcome::broken("set-up", words), Vec::new()),
    };
    let violation = run.complete(checkers).err();
    run.finish(violation)
}

/// A run under way.
struct Run {
    world: World,
    /// When it is left as it is, if before its end.
    stop: VirtualTime,
    /// Events that are being shown.
    shown: Vec<Event>,
}

impl Run {
    /// A run of this case, before its first event.
    fn new(case: &Case, wiring: Box<dyn Wiring>, keep: bool) -> Result<Run, String> {
        let world = World::new(case, wiring, keep)?;
        Ok(Run {
            world,
            stop: VirtualTime(u64::MAX),
            shown: Vec::new(),
        })
    }

    fn is_over(&self) -> bool {
        self.world.now() >= self.stop
    }

    /// Lets everything happen up to a time. Gives the first violation.
    fn until(
        &mut self,
        limit: VirtualTime,
        checkers: &mut [Box<dyn Checker>],
    ) -> Result<(), Violation> {
        let limit = limit.min(self.stop);
        self.show(checkers)?;
        while self.world.step(limit) {
            self.show(checkers)?;
        }
        self.world.pass(limit);
        Ok(())
    }

    /// Runs to the end, or to where it stops: chaos, healing, silence. Gives the
    /// first violation.
    fn complete(&mut self, checkers: &mut [Box<dyn Checker>]) -> Result<(), Violation> {
        let plan = self.world.view().plan();
        let (chaos, settle) = (plan.chaos, plan.settle);
        self.until(VirtualTime(chaos), checkers)?;
        if self.is_over() {
            return Ok(());
        }
        let core = self.world.heal();
        self.come_to_rest(&core, settle, checkers)?;
        self.be_silent(&core, checkers)?;
        if self.is_over() {
            return Ok(());
        }
        self.world.compare_all(&core);
        self.show(checkers)?;
        self.expect_counts()?;
        let view = self.world.view();
        checkers
            .iter_mut()
            .try_for_each(|checker| checker.end(&view))
    }

    /// Shows checkers what has happened since they looked last.
    fn show(&mut self, checkers: &mut [Box<dyn Checker>]) -> Result<(), Violation> {
        self.world.take_fresh(&mut self.shown);
        let view = self.world.view();
        for event in &self.shown {
            for checker in checkers.iter_mut() {
                checker.observe(event, &view)?;
            }
        }
        Ok(())
    }

    fn come_to_rest(
        &mut self,
        core: &[u32],
        settle: u64,
        checkers: &mut [Box<dyn Checker>],
    ) -> Result<(), Violation> {
        let limit = self.world.now().plus(settle);
        loop {
            let next = self.world.now().plus(LOOK).min(limit);
            self.until(next, checkers)?;
            self.world.people_start_over(core);
            let unrest = self.world.unrest(core);
            if unrest.is_empty() || self.is_over() {
                return Ok(());
            }
            if next >= limit {
                let words: Vec<String> = unrest.iter().map(ToString::to_string).collect();
                return Err(self.violation("liveness", words.join("; ")));
            }
        }
    }

    fn be_silent(
        &mut self,
        core: &[u32],
        checkers: &mut [Box<dyn Checker>],
    ) -> Result<(), Violation> {
        let before = self.world.counts().messages;
        let until = self.world.now().plus(SILENCE);
        // Time alone may change what devices hold.
        let is_due = self.world.is_scope_due(until);
        self.until(until, checkers)?;
        if self.is_over() {
            return Ok(());
        }
        if is_due {
            let settle = self.world.view().plan().settle;
            return self.come_to_rest(core, settle, checkers);
        }
        let after = self.world.counts().messages;
        if before != after && self.world.unrest(core).is_empty() {
            let words = format!(
                "{} messages were sent although everybody had everything",
                after - before
            );
            return Err(self.violation("silence", words));
        }
        match self.world.unrest(core).first() {
            None => Ok(()),
            Some(unrest) => Err(self.violation("silence", unrest.to_string())),
        }
    }

    fn expect_counts(&self) -> Result<(), Violation> {
        match unexpected(&self.world) {
            Some(words) => Err(self.violation("expectation", words)),
            None => Ok(()),
        }
    }

    fn violation(&self, checker: &str, words: String) -> Violation {
        Violation {
            checker: checker.to_owned(),
            at: self.world.now(),
            host: None,
            words,
        }
    }

    fn finish(self, violation: Option<Violation>) -> (Outcome, Vec<Event>) {
        let counts = counts_of(&self.world);
        let trace = self.world.trace();
        let outcome = Outcome {
            violation,
            trace: trace.hash(),
            events: trace.count(),
            counts,
            shape: None,
            virtual_time: self.world.now().0,
        };
        (outcome, trace.events().to_vec())
    }
}

/// What was counted in a world, by name.
pub(crate) fn counts_of(world: &World) -> BTreeMap<String, u64> {
    let value = serde_json::to_value(world.counts()).unwrap_or_default();
    let mut counts: BTreeMap<String, u64> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or_default()))
        .collect();
    if let Some(relay) = world.view().relay().machine() {
        let state = relay.state();
        let open = state.issues().iter().filter(|issue| issue.is_open());
        counts.insert("open_issues".to_owned(), open.count() as u64);
        counts.insert("issues".to_owned(), state.issues().len() as u64);
        counts.insert("conflicts".to_owned(), state.journal().len() as u64);
        counts.insert("operations".to_owned(), state.version().0);
    }
    counts
}

/// The first count that is not what the scenario expects, in words.
pub(crate) fn unexpected(world: &World) -> Option<String> {
    let counts = counts_of(world);
    world.view().plan().expect.iter().find_map(|(name, range)| {
        let count = counts.get(name).copied().unwrap_or_default();
        (count < range.min || count > range.max).then(|| {
            format!(
                "{count} {name}; the scenario expects {} to {}",
                range.min, range.max
            )
        })
    })
}

/// The counts that a scenario can expect something of.
pub const COUNTED: [&str; 15] = [
    "messages",
    "bytes",
    "edits",
    "acknowledged",
    "declined",
    "sessions",
    "crashes",
    "partitions",
    "batches",
    "faults",
    "settling_messages",
    "open_issues",
    "issues",
    "conflicts",
    "operations",
];
