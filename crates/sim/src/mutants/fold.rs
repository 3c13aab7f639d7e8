//! Variants of the fold, made by telling it otherwise what was done.

use crate::check::Told;
use cairn_model::{
    Action, Change, HybridTime, Mutation, Operation, Timestamp, Version, Write, codec,
};
use cairn_oplog::Entry;
use cairn_oplog::bundle::Slot;

fn mutations(told: &mut Told) -> &mut [Mutation] {
    match &mut told.operation.action {
        Action::Edit(mutations) => mutations,
        _ => &mut [],
    }
}

fn writes(told: &mut Told) -> impl Iterator<Item = &mut Write> {
    let writes = mutations(told)
        .iter_mut()
        .filter_map(|m| match &mut m.change {
            Change::Create(writes) | Change::Update(writes) => Some(writes),
            Change::Resolve { fields, .. } => Some(fields),
            _ => None,
        });
    writes.flatten().map(|(_, write)| write)
}

pub(super) fn all_seen(told: &mut Told) {
    let newest = Version(told.version.0 - 1);
    for mutation in mutations(told) {
        mutation.base = mutation.base.max(newest);
    }
}

/// What is received in the same moment as the entry before counts as seen.
pub(super) fn batch_seen(told: &mut Told) {
    if told.before == Some(told.received) {
        all_seen(told);
    }
}

pub(super) fn nothing_seen(told: &mut Told) {
    for mutation in mutations(told) {
        mutation.base = Version(0);
    }
}

/// What is received never dates itself ahead of its arrival if it arrives at
/// the end of time.
pub(super) fn trusted_clock(told: &mut Told) {
    told.received = Timestamp(u64::MAX >> 17);
}

pub(super) fn arrival_order(told: &mut Told) {
    told.operation.time = HybridTime::new(Timestamp(told.version.0), 0);
}

pub(super) fn twice(told: &mut Told) {
    for write in writes(told) {
        if let Write::Add(change) = write {
            *change = change.saturating_mul(2);
        }
    }
}

pub(super) fn no_removals(told: &mut Told) {
    for write in writes(told) {
        if let Write::Change { remove, .. } = write {
            remove.clear();
        }
    }
}

pub(super) fn first_only(told: &mut Told) {
    if let Action::Edit(mutations) = &mut told.operation.action {
        mutations.truncate(1);
    }
}

/// Entries that revoke change places with the next.
pub(super) fn revocation_late(mut entries: Vec<Entry>) -> Vec<Entry> {
    for at in (0..entries.len().saturating_sub(1)).rev() {
        if revokes(&entries[at]) {
            let (one, other) = (entries[at].position, entries[at + 1].position);
            entries.swap(at, at + 1);
            entries[at].position = one;
            entries[at + 1].position = other;
        }
    }
    entries
}

fn revokes(entry: &Entry) -> bool {
    entry.bundle.slots().iter().any(|slot| {
        let Slot::Whole(bytes) = slot else {
            return false;
        };
        let operation = codec::decode::<Operation>("operation", bytes);
        operation.is_ok_and(|operation| matches!(operation.action, Action::Revoke { .. }))
    })
}
