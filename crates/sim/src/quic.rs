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
//! so scenarios, checkers and variants are the same. Not in this tier: hostile
//! talks and a relay with two faces (their entries are skipped, and say so),
//! variants that put something between a machine and its store, and losing only
//! some of the unsynced batches (a power cut takes all of them). A host that
//! stands still keeps its datagrams to itself; its timers run on.
//!
//! Reading order: `site` (what is shared), `fabric` and `socket` (the network),
//! `storage`, `platform`, `seat`, `motor`, `director`.

mod director;
mod fabric;
mod motor;
mod platform;
mod seat;
mod site;
mod socket;
mod storage;

use crate::check::{Checker, Violation};
use crate::run::{Case, Outcome, counts_of};
use crate::schedule::{Action, Fault};
use crate::streams::Streams;
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
    // The run owns its checkers while it lasts.
    let lent = checkers
        .iter_mut()
        .map(|checker| std::mem::replace(checker, Box::new(Lent)))
        .collect();
    let (outcome, events, back) = run_owned(case, wiring, lent, keep);
    for (place, checker) in checkers.iter_mut().zip(back) {
        *place = checker;
    }
    (outcome, events)
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

type Ran = (Outcome, Vec<Event>, Vec<Box<dyn Checker>>);

fn run_owned(
    case: &Case,
    wiring: Box<dyn Wiring>,
    checkers: Vec<Box<dyn Checker>>,
    keep: bool,
) -> Ran {
    let ground = World::new(case, wiring, keep)
        .and_then(|world| Ok((world, directory()?, paused_runtime()?)));
    let (world, root, runtime) = match ground {
        Ok(ground) => ground,
        Err(words) => return (Outcome::broken("set-up", words), Vec::new(), checkers),
    };
    runtime.block_on(async {
        let mut director = direct(case, world, root, checkers);
        let violation = director.run().await.err();
        finish(&director.site, violation)
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
        disks: BTreeMap::new(),
        left: BTreeMap::new(),
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

fn finish(shared: &Shared, violation: Option<Violation>) -> Ran {
    let mut site = shared.site();
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
    (outcome, events, std::mem::take(&mut site.checkers))
}
