//! A device holds what it shall, and nothing vanishes without a word.

use super::marks::Marks;
use super::sight::{Sight, Words};
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::trace::{Event, What};
use crate::world::{DeviceView, View, is_scoped};
use cairn_agent::Agent;
use cairn_model::RecordId;
use std::collections::{BTreeMap, BTreeSet};

/// Once a device has heard that it has everything, it holds exactly the scope
/// of its user, what it keeps for work that is not settled, and deleted records
/// that its user may read; and for what it held before and holds no more it
/// says why.
#[derive(Debug, Default)]
pub struct HeldSet {
    words: Words,
    marks: Marks,
    core: Vec<u32>,
    /// What each device held when it was looked at last.
    before: BTreeMap<u32, BTreeSet<RecordId>>,
}

impl Checker for HeldSet {
    fn name(&self) -> &'static str {
        "held-set"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        if !is_scoped(view.plan()) {
            return Ok(());
        }
        self.marks.note(event, view);
        match (&event.what, event.host) {
            (What::Healed { core }, _) => self.core.clone_from(core),
            (
                What::Restored { .. } | What::Wiped | What::StartedOver | What::Disk { .. },
                Some(Host::Device(device)),
            ) => drop(self.before.remove(&device)),
            (What::Restored { .. }, Some(Host::Relay)) => self.before.clear(),
            _ => {}
        }
        match self.words.follow(event, view) {
            Some((device, sight)) => self.look(view, device, &sight),
            None => Ok(()),
        }
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let Some(relay) = view.relay().machine().filter(|_| is_scoped(view.plan())) else {
            return Ok(());
        };
        for number in self.core.clone() {
            if let Some(device) = view.device(number) {
                let sight = Sight::now(view, relay.state(), &device);
                self.look(view, number, &sight)?;
            }
        }
        Ok(())
    }
}

impl HeldSet {
    fn look(&mut self, view: &View<'_>, number: u32, sight: &Sight) -> Result<(), Violation> {
        let host = Host::Device(number);
        let Some(device) = view.device(number) else {
            return Ok(());
        };
        let excused = self.marks.is_rotten(host)
            || self.marks.is_deceived(host)
            || self.marks.is_rotten(Host::Relay);
        let synced = |machine: &&Agent| machine.is_synced() && !machine.status().revoked;
        let Some(machine) = device.machine().filter(synced).filter(|_| !excused) else {
            return Ok(());
        };
        let before = self.before.get(&number);
        let candidates = sight.known.iter().chain(before.into_iter().flatten());
        let held: BTreeSet<RecordId> = candidates
            .filter(|id| matches!(machine.image(**id), Ok(Some(_))))
            .copied()
            .collect();
        let found = wrong(&device, machine, sight, &held)
            .or_else(|| vanished(machine, sight, before.into_iter().flatten(), &held));
        self.before.insert(number, held);
        match found {
            Some(words) => violation(self, view, Some(host), words),
            None => Ok(()),
        }
    }
}

fn is_unsettled(machine: &Agent, record: RecordId) -> bool {
    let mut issues = machine.issues();
    let mut unsent = machine.unsent();
    issues.any(|issue| issue.is_open() && issue.records().contains(&record))
        || unsent.any(|(_, operation)| {
            let mut mutations = operation.mutations().iter();
            mutations.any(|mutation| mutation.record == record)
        })
}

/// What a device lacks, or holds for no reason, in words.
fn wrong(
    device: &DeviceView<'_>,
    machine: &Agent,
    sight: &Sight,
    held: &BTreeSet<RecordId>,
) -> Option<String> {
    let user = device.user();
    if let Some(lacks) = sight.must.difference(held).next() {
        return Some(format!(
            "it lacks record {lacks}, which is in the scope of {user}"
        ));
    }
    held.iter().find_map(|id| {
        let kept = machine.left(*id).is_some_and(|left| left.kept);
        let dead = sight.dead.contains(id) && sight.readable.contains(id);
        let may_stay = match kept {
            true => is_unsettled(machine, *id),
            false => sight.may.contains(id) || dead || !sight.known.contains(id),
        };
        (!may_stay).then(|| format!("it holds record {id}, which is not in the scope of {user}"))
    })
}

/// A record that was held and is not, and nothing says why.
fn vanished<'a>(
    machine: &Agent,
    sight: &Sight,
    before: impl Iterator<Item = &'a RecordId>,
    held: &BTreeSet<RecordId>,
) -> Option<String> {
    let stays = |id: &RecordId| sight.known.contains(id) && !sight.dead.contains(id);
    let mut gone = before.filter(|id| !held.contains(id) && stays(id));
    gone.find_map(|id| {
        let told = machine
            .left(*id)
            .is_some_and(|left| !left.words().is_empty());
        (!told).then(|| format!("record {id} is gone from it, and nothing says why"))
    })
}
