//! Tier `quic`: the same machines as in tier `message`, driven by the services
//! of the product over real QUIC, with real sled beneath them.
//!
//! What is real: `RelayService` and `DeviceService`, sessions, lanes, frames,
//! TLS and QUIC, tickets and early data, and the store. What is simulated: the
//! clock (one paused runtime on one thread, so that time passes when there is
//! nothing to do), the wall clocks, randomness, the network under the sockets,
//! and what a power cut leaves in a directory.
//!
//! The world of tier `message` keeps the machines, the schedule and the trace,
//! so scenarios, checkers and variants are the same. Not in this tier: variants
//! that put something between a machine and its store, and losing only some of
//! the unsynced batches (a power cut takes all of them). A host that stands
//! still keeps its datagrams to itself; its timers run on. A stored value rots
//! while its host is down, and must be missed when it starts.
//!
//! Reading order: `site` (what is shared), `fabric` and `socket` (the network),
//! `storage` and `rot`, `platform`, `seat`, `motor`, `director`, `thief`.

mod director;
mod fabric;
mod motor;
mod platform;
mod rot;
mod seat;
mod site;
mod socket;
mod storage;
mod thief;

use crate::check::{Checker, Violation};
use crate::run::{Case, Glance, Outcome, counts_of};
use crate::schedule::{Action, DiskFault, Fault};
use crate::streams::Streams;
use crate::time::VirtualTime;
use crate::trace::{Event, Trace};
use crate::wiring::Wiring;
use crate::world::{View, World};
use director::Director;
use fabric::Fabric;
use motor::{Errands, Services};
use site::{Shared, Site};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::sync::Notify;

/// Where directories of stores are put: in memory, where there is such a place.
const IN_MEMORY: &str = "/dev/shm";

/// Runs a case to its end, or to the first violation. Gives the events too,
/// when they are to be kept.
pub fn run(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    keep: bool,
) -> (Outcome, Vec<Event>) {
    let ran = run_until(case, wiring, checkers, (keep, None), finish);
    ran.unwrap_or_else(|words| (Outcome::broken("set-up", words), Vec::new()))
}

/// Runs a case until a time, or to its end, and looks at it there.
///
/// # Errors
/// In words, when the case cannot be set up.
pub(crate) fn look<R>(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    until: Option<VirtualTime>,
    see: impl FnOnce(Glance<'_>) -> R,
) -> Result<R, String> {
    run_until(
        case,
        wiring,
        checkers,
        (true, until),
        |shared, violation| see(Glance::at(&shared.site().world, violation)),
    )
}

/// Stands where a checker was lent from.
struct Lent;

impl Checker for Lent {
    fn name(&self) -> &'static str {
        "lent"
    }

    fn observe(&mut self, _: &Event, _: &View<'_>) -> Result<(), Violation> {
        Ok(())
    }

    fn end(&mut self, _: &View<'_>) -> Result<(), Violation> {
        Ok(())
    }
}

fn run_until<R>(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: &mut [Box<dyn Checker>],
    (keep, until): (bool, Option<VirtualTime>),
    then: impl FnOnce(&Shared, Option<Violation>) -> R,
) -> Result<R, String> {
    let world = World::new(case, wiring, keep)?;
    let (root, runtime) = (directory()?, paused_runtime()?);
    // The run owns its checkers while it lasts.
    let lent = checkers
        .iter_mut()
        .map(|checker| std::mem::replace(checker, Box::new(Lent)))
        .collect();
    runtime.block_on(async {
        let mut director = direct(case, world, root, lent);
        director.stop_at(until.unwrap_or(VirtualTime(u64::MAX)));
        let violation = director.run().await.err();
        let shown = then(&director.site, violation);
        let back = std::mem::take(&mut director.site.site().checkers);
        for (place, checker) in checkers.iter_mut().zip(back) {
            *place = checker;
        }
        Ok(shown)
    })
}

fn directory() -> Result<TempDir, String> {
    let made = match Path::new(IN_MEMORY).is_dir() {
        true => tempfile::tempdir_in(IN_MEMORY),
        false => tempfile::tempdir(),
    };
    made.map_err(|error| format!("no directory for stores: {error}"))
}

fn paused_runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("no runtime: {error}"))
}

fn direct(case: &Case, world: World, root: TempDir, checkers: Vec<Box<dyn Checker>>) -> Director {
    let streams = Streams::of(case.plan.seed);
    let changed = Arc::new(Notify::new());
    let (errands, differences) = (Errands::default(), storage::Differences::default());
    let site = Site {
        world,
        checkers,
        violation: None,
        differences: differences.clone(),
    };
    let site = Shared::new(site, Fabric::new(streams), changed.clone());
    let services = Services {
        errands: errands.clone(),
        changed: changed.clone(),
        site: site.backward(),
        differences,
        copies: loses_power(case),
        rots: rots(case),
        disks: BTreeMap::new(),
        left: BTreeMap::new(),
        flips: BTreeMap::new(),
        rotten: BTreeMap::new(),
        next: 0,
        root,
    };
    site.site().world.hand_over(Box::new(services));
    Director::new(site, errands, changed, streams)
}

/// Whether a host of the case is going to lose its power, or a sync to fail.
fn loses_power(case: &Case) -> bool {
    case.schedule.entries.iter().any(|entry| {
        matches!(
            entry.action,
            Action::Fault {
                fault: Fault::Crash { .. } | Fault::Disk { .. }
            }
        )
    })
}

/// Whether a stored value of the case is going to rot.
fn rots(case: &Case) -> bool {
    case.schedule.entries.iter().any(|entry| {
        matches!(
            entry.action,
            Action::Fault {
                fault: Fault::Disk {
                    disk: DiskFault::Rot { .. },
                    ..
                }
            }
        )
    })
}

fn finish(shared: &Shared, violation: Option<Violation>) -> (Outcome, Vec<Event>) {
    let site = shared.site();
    let fabric = shared.fabric();
    let mut counts = counts_of(&site.world);
    counts.insert("datagrams".to_owned(), fabric.datagrams);
    counts.insert("datagram_bytes".to_owned(), fabric.bytes);
    let trace: &Trace = site.world.trace();
    let outcome = Outcome {
        violation,
        trace: trace.hash(),
        events: trace.count(),
        counts,
        shape: Some(fabric.shape()),
        virtual_time: site.world.now().0,
    };
    let events = trace.events().to_vec();
    (outcome, events)
}
