//! Once the core is healed, it agrees.

use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::trace::{Event, What};
use crate::world::{DeviceView, View, digest_for, is_scoped};
use cairn_projection::{Issue, State};
use std::collections::BTreeMap;

/// At the end of a healed run every device of the core has sent all it has,
/// holds what the relay holds, and knows the issues of its user and no others.
#[derive(Debug, Default)]
pub struct Agreement {
    core: Vec<u32>,
    marks: Marks,
}

impl Checker for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        if let What::Healed { core } = &event.what {
            self.core.clone_from(core);
        }
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        let core = self.core.iter().filter_map(|number| view.device(*number));
        for device in core.collect::<Vec<_>>() {
            let host = Host::Device(device.number());
            if !self.marks.is_rotten(host)
                && !self.marks.is_deceived(host)
                && let Some(words) = disagreement(view, &device)
            {
                return violation(self, view, Some(host), words);
            }
        }
        Ok(())
    }
}

fn disagreement(view: &View<'_>, device: &DeviceView<'_>) -> Option<String> {
    let Some(relay) = view.relay().machine() else {
        return Some("the relay is down although it was healed".to_owned());
    };
    let Some(machine) = device.machine() else {
        return Some("it is down although it was healed".to_owned());
    };
    let status = machine.status();
    let state = relay.state();
    let author = state.author(&device.key().device());
    let author = author.and_then(|author| state.device(author));
    if let Some(error) = machine.failure() {
        return Some(format!("its storage fails although it was healed: {error}"));
    }
    if !device.is_enrolled() || author.is_none_or(|author| author.revoked.is_some()) {
        return None;
    }
    if status.unsent > 0 {
        return Some(format!("{} operations are still not sent", status.unsent));
    }
    if !machine.is_synced() {
        return Some("it is not in sync, though nothing hinders it".to_owned());
    }
    // Nobody is told of what concerns only others, nor of what was rejected.
    let scoped = is_scoped(view.plan());
    let newest = state.changed_since(status.cursor).next();
    if let Some(newest) = newest.filter(|_| !scoped) {
        let (cursor, version) = (status.cursor, newest.version);
        return Some(format!(
            "it is at version {cursor}, and a record changed at {version}"
        ));
    }
    let due = match scoped {
        true => digest_for(state, machine, device.user()),
        false => state.digest(),
    };
    match machine.digest() {
        Ok(digest) if digest == due => issues(device, state),
        Ok(_) => Some("it holds something else than the relay".to_owned()),
        Err(error) => Some(format!("its images cannot be read: {error}")),
    }
}

/// What the device knows of issues, and what its user has.
fn issues(device: &DeviceView<'_>, state: &State) -> Option<String> {
    let held = device.machine()?.issues();
    let held: BTreeMap<u64, _> = held.map(|issue| (issue.number, issue)).collect();
    let due = state
        .issues()
        .iter()
        .filter(|issue| issue.user == device.user());
    let due: BTreeMap<u64, _> = due.map(|issue| (issue.number, issue)).collect();
    if let Some((number, _)) = held.iter().find(|(number, _)| !due.contains_key(number)) {
        return Some(format!("it knows issue {number}, which is not its user's"));
    }
    // Words may be withheld from who may no longer see what they are about.
    let without_words = |issue: &Issue| Issue {
        what: String::new(),
        ..issue.clone()
    };
    let differs = due.iter().find(|(number, issue)| {
        let held = held.get(number);
        held.map(|held| without_words(held)) != Some(without_words(issue))
    });
    differs.map(|(number, _)| format!("its user was never told of issue {number}"))
}
