//! What is simpler than a case, an entry, a write.

use crate::laws::Law;
use crate::run::Case;
use crate::schedule::{Action, Entry, Fault, FieldWrite};
use crate::time::{MILLISECOND, MINUTE, SECOND, VirtualTime};
use crate::{host::Host, scenario::LossPlan};
use std::collections::{BTreeMap, BTreeSet};

/// The devices an entry needs.
pub(super) fn devices_of(action: &Action) -> Vec<u32> {
    let mut action = action.clone();
    let mut devices = Vec::new();
    for_each_device(&mut action, |device| devices.push(*device));
    devices
}

fn for_each_device(action: &mut Action, mut with: impl FnMut(&mut u32)) {
    match action {
        Action::Edit { device, .. }
        | Action::Resolve { device, .. }
        | Action::Settle { device, .. }
        | Action::LookBack { device, .. }
        | Action::Online { device }
        | Action::Offline { device }
        | Action::HangUp { device }
        | Action::Enrol { device }
        | Action::Revoke { device } => with(device),
        Action::Fault { fault } => match fault {
            Fault::Crash { host, .. }
            | Fault::Stop { host, .. }
            | Fault::Pause { host, .. }
            | Fault::Disk { host, .. }
            | Fault::Backup { host }
            | Fault::Restore { host }
            | Fault::Clock { host, .. } => {
                if let Host::Device(device) = host {
                    with(device);
                }
            }
            Fault::Block { device, .. }
            | Fault::Cut { device }
            | Fault::Slow { device, .. }
            | Fault::Corrupt { device, .. }
            | Fault::Duplicate { device }
            | Fault::Mtu { device, .. }
            | Fault::Address { device, .. }
            | Fault::Wipe { device }
            | Fault::Clone { device }
            | Fault::Hostile { device, .. }
            | Fault::Face { device, .. }
            | Fault::Program { device, .. } => with(device),
        },
        Action::Publish { .. } | Action::Import { .. } | Action::Checkpoint => {}
    }
}

/// The case with only the devices its entries need, numbered anew; `None` when
/// that is all of them.
pub(super) fn renumbered(case: &Case) -> Option<Case> {
    let entries = case.schedule.entries.iter();
    let used: BTreeSet<u32> = entries
        .flat_map(|entry| devices_of(&entry.action))
        .collect();
    let numbers: BTreeMap<u32, u32> = used.into_iter().zip(0..).collect();
    let count = numbers.len().max(1) as u32;
    if count >= case.plan.topology.devices || case.plan.topology.late > 0 {
        return None;
    }
    let mut case = case.clone();
    case.plan.topology.devices = count;
    for entry in &mut case.schedule.entries {
        for_each_device(&mut entry.action, |device| *device = numbers[device]);
    }
    Some(case)
}

/// What may be simpler about the world.
pub(super) fn simpler_plans() -> Vec<fn(&mut Case)> {
    vec![
        |case| {
            case.plan.link.loss = LossPlan::default();
            case.plan.link.duplicate = 0;
            case.plan.link.corrupt = 0;
            case.plan.link.cut = 0;
            case.plan.link.bandwidth = 0;
            case.plan.link.mtu = None;
        },
        |case| {
            let value = 20 * MILLISECOND;
            case.plan.link.up = Law::Constant { value };
            case.plan.link.down = Law::Constant { value };
        },
        |case| {
            case.plan.disk.synced = Law::Constant { value: MILLISECOND };
            case.plan.disk.behind = Law::Constant { value: MILLISECOND };
        },
        |case| case.plan.faults.clear(),
        |case| {
            // What was counted of the whole says nothing of a part.
            case.plan.expect.clear();
            case.plan.expectations.clear();
        },
        |case| case.plan.organization.policies.clear(),
        |case| case.plan.topology.late = 0,
        |case| case.plan.organization.records = case.plan.organization.records.min(1),
        |case| case.plan.topology.users = case.plan.topology.users.min(case.plan.topology.devices),
        |case| {
            let last = case
                .schedule
                .entries
                .last()
                .map_or(VirtualTime(0), |entry| entry.at);
            case.plan.chaos = case.plan.chaos.min(last.0 + MINUTE);
        },
        |case| spaced(case, MINUTE),
        |case| spaced(case, 10 * SECOND),
        |case| spaced(case, SECOND),
    ]
}

/// Moves entries together: none comes later than `gap` after the one before.
fn spaced(case: &mut Case, gap: u64) {
    let (mut before, mut moved) = (VirtualTime(0), VirtualTime(0));
    for entry in &mut case.schedule.entries {
        let wait = entry.at.since(before).min(gap);
        before = entry.at;
        moved = moved.plus(wait);
        entry.at = moved;
    }
    case.plan.chaos = case.plan.chaos.min(moved.0 + MINUTE);
}

/// Entries that say less than this one.
pub(super) fn simpler_entries(entry: &Entry) -> Vec<Entry> {
    let with = |action: Action| Entry {
        at: entry.at,
        action,
    };
    match &entry.action {
        Action::Edit { device, edits } => {
            let device = *device;
            simpler_edits(edits)
                .into_iter()
                .map(|edits| with(Action::Edit { device, edits }))
                .collect()
        }
        Action::Import { edits } => {
            let simpler = simpler_edits(edits).into_iter();
            simpler
                .map(|edits| with(Action::Import { edits }))
                .collect()
        }
        Action::Fault { fault } => {
            let simpler = simpler_faults(fault).into_iter();
            simpler.map(|fault| with(Action::Fault { fault })).collect()
        }
        _ => Vec::new(),
    }
}

fn simpler_edits(edits: &[crate::schedule::Edit]) -> Vec<Vec<crate::schedule::Edit>> {
    let mut simpler = Vec::new();
    if edits.len() > 1 {
        simpler.extend((0..edits.len()).map(|left_out| {
            let kept = edits.iter().enumerate().filter(|(at, _)| *at != left_out);
            kept.map(|(_, edit)| edit.clone()).collect()
        }));
    }
    for (at, edit) in edits.iter().enumerate() {
        let mut replace = |changed: crate::schedule::Edit| {
            let mut edits = edits.to_vec();
            edits[at] = changed;
            simpler.push(edits);
        };
        if edit.behind.is_some() {
            replace(crate::schedule::Edit {
                behind: None,
                ..edit.clone()
            });
        }
        for field in 0..edit.fields.len() {
            if edit.fields.len() > 1 {
                let mut fewer = edit.clone();
                fewer.fields.remove(field);
                replace(fewer);
            }
            if let Some(write) = simpler_write(&edit.fields[field].1) {
                let mut plain = edit.clone();
                plain.fields[field].1 = write;
                replace(plain);
            }
        }
    }
    simpler
}

fn simpler_write(write: &FieldWrite) -> Option<FieldWrite> {
    let simpler = match write {
        FieldWrite::Set(serde_json::Value::String(text)) if text.len() > 8 => {
            let short: String = text.chars().take(4).collect();
            FieldWrite::Set(short.into())
        }
        FieldWrite::Add(change) if change.abs() > 1 => FieldWrite::Add(change.signum()),
        FieldWrite::Change { add, remove } if add.len() + remove.len() > 1 => FieldWrite::Change {
            add: add.iter().take(1).cloned().collect(),
            remove: if add.is_empty() {
                remove.iter().take(1).cloned().collect()
            } else {
                Vec::new()
            },
        },
        _ => return None,
    };
    Some(simpler)
}

fn simpler_faults(fault: &Fault) -> Vec<Fault> {
    match fault {
        Fault::Crash {
            host,
            after_outputs: Some(_),
            down,
        } => vec![Fault::Crash {
            host: *host,
            after_outputs: None,
            down: *down,
        }],
        Fault::Crash {
            host,
            after_outputs,
            down,
        } if *down > SECOND => vec![Fault::Crash {
            host: *host,
            after_outputs: *after_outputs,
            down: SECOND,
        }],
        Fault::Stop { host, down } if *down > SECOND => vec![Fault::Stop {
            host: *host,
            down: SECOND,
        }],
        _ => Vec::new(),
    }
}
