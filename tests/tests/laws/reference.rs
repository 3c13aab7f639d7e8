//! A small model of what must hold for every write, in maps and lists. It
//! shares the words of an operation with the product, and no code: it trusts
//! the product's verdicts, and recomputes who dominates whom.

use crate::world::World;
use cairn_model::{
    Action, Change, DeviceId, FieldId, Operation, RecordId, Value, Version, Write, codec,
};
use cairn_oplog::bundle::Slot;
use std::collections::{BTreeMap, BTreeSet};

/// An admitted write of one field; of the record's life where `field` is `None`.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) version: Version,
    /// Its place among the writes of its operation.
    place: usize,
    pub(crate) device: DeviceId,
    pub(crate) base: Version,
    pub(crate) record: RecordId,
    pub(crate) field: Option<FieldId>,
    pub(crate) write: Write,
}

impl Made {
    /// The causal model, in one line.
    fn is_dominated_by(&self, other: &Made) -> bool {
        let same_place = (self.record, self.field) == (other.record, other.field);
        let order = |made: &Made| (made.version, made.place);
        let later_own = self.device == other.device && order(self) < order(other);
        same_place && (self.version <= other.base || later_own)
    }

    /// What it puts into a register; `None` for writes that merge.
    pub(crate) fn value(&self) -> Option<Option<Value>> {
        match &self.write {
            Write::Set(value) => Some(Some(value.clone())),
            Write::Clear => Some(None),
            Write::Add(_) | Write::Change { .. } | Write::Merge(_) => None,
        }
    }
}

/// Every operation of the ledger, and whether it was admitted.
pub(crate) fn operations(world: &World) -> Vec<(Version, DeviceId, Operation, bool)> {
    let mut operations = Vec::new();
    let mut version = Version(0);
    for entry in &world.ledger {
        for slot in entry.bundle.slots() {
            version = version.next();
            let Slot::Whole(bytes) = slot else { continue };
            let Ok(operation) = codec::decode("operation", bytes) else {
                continue;
            };
            let admitted = world.state.verdict(version).rejected.is_none();
            operations.push((version, entry.bundle.log().device, operation, admitted));
        }
    }
    operations
}

/// Every admitted write, in ledger order. Deletions and what undoes them are
/// writes of a record's life.
pub(crate) fn writes(world: &World) -> Vec<Made> {
    let mut made = Vec::new();
    for (version, device, operation, admitted) in operations(world) {
        let Action::Edit(mutations) = operation.action else {
            continue;
        };
        for mutation in mutations.into_iter().filter(|_| admitted) {
            let (record, base) = (mutation.record, mutation.base);
            let life = match &mutation.change {
                Change::Follow | Change::Unfollow => continue,
                Change::Delete => false,
                Change::Resolve { keep, .. } => keep.unwrap_or(true),
                _ => true,
            };
            let life = (None, Write::Set(Value::Boolean(life)));
            let writes = mutation.change.writes().iter();
            let writes = writes.map(|(field, write)| (Some(*field), write.clone()));
            for (field, write) in std::iter::once(life).chain(writes) {
                let place = made.len();
                made.push(Made {
                    version,
                    place,
                    device,
                    base,
                    record,
                    field,
                    write,
                });
            }
        }
    }
    made
}

/// Writes that no other write dominates, of those `of` a place.
pub(crate) fn undominated(writes: &[Made]) -> Vec<&Made> {
    let stands = |made: &&Made| !writes.iter().any(|other| made.is_dominated_by(other));
    writes.iter().filter(stands).collect()
}

/// Operations that a deletion, or an edit of what was deleted, was set aside
/// with: none of their writes of that record took effect.
pub(crate) fn set_aside(world: &World) -> BTreeSet<(RecordId, Version)> {
    let journal = world.state.journal().iter();
    let settled =
        journal.filter(|entry| entry.field.is_none() && entry.outcome.name() == "superseded");
    settled
        .filter(|entry| ["server-wins"].contains(&entry.policy.as_str()))
        .filter_map(|entry| Some((entry.record, entry.sides.last()?.version)))
        .collect()
}

/// The sum that each counter must show.
pub(crate) fn sums(world: &World, writes: &[Made]) -> BTreeMap<(RecordId, FieldId), i64> {
    let set_aside = set_aside(world);
    let mut sums = BTreeMap::new();
    for made in writes {
        if let (Some(field), Write::Add(change)) = (made.field, &made.write)
            && !set_aside.contains(&(made.record, made.version))
        {
            *sums.entry((made.record, field)).or_insert(0) += change;
        }
    }
    sums
}

/// The elements that each set must hold: those with an addition that no
/// removal or later addition of the same element had seen.
pub(crate) fn elements(
    world: &World,
    writes: &[Made],
) -> BTreeMap<(RecordId, FieldId), BTreeSet<Value>> {
    let set_aside = set_aside(world);
    let mut standing: BTreeMap<(RecordId, FieldId), Vec<(Value, &Made)>> = BTreeMap::new();
    for made in writes {
        let (Some(field), Write::Change { add, remove }) = (made.field, &made.write) else {
            continue;
        };
        if set_aside.contains(&(made.record, made.version)) {
            continue;
        }
        let set = standing.entry((made.record, field)).or_default();
        set.retain(|(element, by)| {
            let named = add.contains(element) || remove.contains(element);
            !(named && (by.version <= made.base || by.device == made.device))
        });
        set.extend(add.iter().map(|element| (element.clone(), made)));
    }
    let elements = |(place, set): ((RecordId, FieldId), Vec<(Value, &Made)>)| {
        (place, set.into_iter().map(|(element, _)| element).collect())
    };
    standing.into_iter().map(elements).collect()
}
