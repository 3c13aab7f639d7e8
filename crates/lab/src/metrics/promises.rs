//! What a definition and a history promise of every state: keys that no two
//! records share, lookups that lead somewhere, trees without circles, numbers
//! that stay within bounds and come to what they should.

use crate::door::{Bound, Truth};
use cairn_model::{Definition, FieldId, Kind, RecordId, RecordType, TypeId, Value};
use cairn_projection::{FieldState, Record, State};
use std::collections::{BTreeMap, BTreeSet};

/// A field of a record, or its life.
pub(super) type Place = (RecordId, Option<FieldId>);

/// What is promised of a place, and how far it is broken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Promise {
    /// Alternate keys that a record has.
    pub(super) keyed: u64,
    /// … that an earlier one has.
    pub(super) duplicates: u64,
    /// Lookups.
    pub(super) lookups: u64,
    /// … that point at no living record.
    pub(super) orphans: u64,
    /// Records that point at one of their own type.
    pub(super) treed: u64,
    /// … and so come back to themselves.
    pub(super) circular: u64,
    /// … and so come to a record that is not there.
    pub(super) stranded: u64,
    /// Numbers with bounds.
    pub(super) bounded: u64,
    /// … that are beyond.
    pub(super) overshot: u64,
    /// What there is room for within bounds.
    pub(super) room: u64,
    /// … and how far beyond a number is.
    pub(super) beyond: u64,
}

impl Promise {
    fn is_broken(&self) -> bool {
        [self.duplicates, self.orphans, self.circular, self.overshot] != [0; 4]
    }
}

/// Whether anything is promised.
pub(super) fn promised(definition: &Definition, truth: &Truth) -> bool {
    let promises = |record_type: &RecordType| {
        let is_lookup = |kind: &Kind| matches!(kind, Kind::Lookup { .. });
        let mut fields = record_type.live_fields();
        !record_type.keys.is_empty() || fields.any(|field| is_lookup(&field.kind))
    };
    let declared = !truth.bounds.is_empty() || !truth.sums.is_empty();
    declared
        || definition.types.values().any(promises)
        || bounds(definition, truth).next().is_some()
}

/// Whether a state breaks any promise of every state. What sums come to is
/// promised of the end alone.
pub(super) fn is_broken(state: &State, truth: &Truth) -> bool {
    let mut broken = false;
    each(state, truth, &mut |_, promise| {
        broken |= promise.is_broken()
    });
    broken
}

/// Gives what is promised of each living record.
pub(super) fn each(state: &State, truth: &Truth, give: &mut dyn FnMut(Place, Promise)) {
    let definition = state.definition();
    let mut bounded: BTreeMap<TypeId, Vec<Bound>> = BTreeMap::new();
    for bound in bounds(definition, truth) {
        bounded.entry(bound.record_type).or_default().push(bound);
    }
    let mut taken = BTreeSet::new();
    let mut trees = Trees::default();
    for record in state.records().filter(|record| record.is_alive()) {
        let Some(record_type) = definition.types.get(&record.record_type) else {
            continue;
        };
        for key in &record_type.keys {
            if let Some(values) = record.key_values(&key.fields) {
                let is_new = taken.insert((record_type.id, key.id, values));
                let promise = Promise {
                    keyed: 1,
                    duplicates: u64::from(!is_new),
                    ..Promise::default()
                };
                give((record.id, key.fields.first().copied()), promise);
            }
        }
        for slot in &record.fields {
            if let Some(target) = lookup(&slot.state) {
                let leads = state.record(target).is_some_and(Record::is_alive);
                let promise = Promise {
                    lookups: 1,
                    orphans: u64::from(!leads),
                    ..Promise::default()
                };
                give((record.id, Some(slot.id)), promise);
                if is_own(record_type, slot.id) {
                    trees.point(record.id, slot.id, target, leads);
                }
            }
        }
        for bound in bounded.get(&record_type.id).into_iter().flatten() {
            if let Some(number) = record.field(bound.field).and_then(number) {
                give((record.id, Some(bound.field)), within(bound, number));
            }
        }
    }
    trees.each(give);
}

/// By declared sum: how far it is off, and what it should be.
pub(super) fn sums<'a>(
    state: &'a State,
    truth: &'a Truth,
) -> impl Iterator<Item = (u64, u64)> + 'a {
    truth.sums.iter().map(|sum| {
        let of = |record: &&Record| record.is_alive() && record.record_type == sum.record_type;
        let numbers = state.records().filter(of);
        let numbers = numbers.filter_map(|record| record.field(sum.field).and_then(number));
        let found: i128 = numbers.map(i128::from).sum();
        let off = (found - i128::from(sum.expected)).unsigned_abs();
        let off = u64::try_from(off).unwrap_or(u64::MAX);
        (off, sum.expected.unsigned_abs())
    })
}

/// Bounds that the history declares, and those of whole numbers that the
/// definition does.
fn bounds<'a>(definition: &'a Definition, truth: &'a Truth) -> impl Iterator<Item = Bound> + 'a {
    let fields = |record_type: &'a RecordType| {
        record_type
            .live_fields()
            .filter_map(|field| match field.kind {
                Kind::Integer { min, max } if min.or(max).is_some() => Some(Bound {
                    record_type: record_type.id,
                    field: field.id,
                    min,
                    max,
                }),
                _ => None,
            })
    };
    let defined = definition.types.values().flat_map(fields);
    truth.bounds.iter().copied().chain(defined)
}

/// A number against its bound. What there is room for is what lies between both
/// ends, or the size of the only one, and at least 1.
fn within(bound: &Bound, number: i64) -> Promise {
    let short = bound
        .min
        .map_or(0, |min| i128::from(min) - i128::from(number));
    let over = bound
        .max
        .map_or(0, |max| i128::from(number) - i128::from(max));
    let room = match (bound.min, bound.max) {
        (Some(min), Some(max)) => i128::from(max) - i128::from(min),
        (only, other) => i128::from(only.or(other).unwrap_or(0)).abs(),
    };
    let whole = |number: i128, least: u64| u64::try_from(number).unwrap_or(least).max(least);
    let beyond = whole(short.max(over), 0);
    Promise {
        bounded: 1,
        overshot: u64::from(beyond > 0),
        room: whole(room, 1),
        beyond,
        ..Promise::default()
    }
}

fn number(state: &FieldState) -> Option<i64> {
    match state {
        FieldState::Counter(total) => Some(*total),
        FieldState::Register(register) => match register.value()? {
            Value::Integer(number) => Some(*number),
            _ => None,
        },
        FieldState::Set(_) | FieldState::Document(_) => None,
    }
}

fn lookup(state: &FieldState) -> Option<RecordId> {
    match state {
        FieldState::Register(register) => match register.value()? {
            Value::Lookup(target) => Some(*target),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a lookup points at records of its own type.
fn is_own(record_type: &RecordType, field: FieldId) -> bool {
    match record_type.fields.get(&field).map(|field| &field.kind) {
        Some(Kind::Lookup { targets, .. }) => targets.contains(&record_type.id),
        _ => false,
    }
}

/// Lookups to records of the own type.
#[derive(Default)]
struct Trees {
    points_at: BTreeMap<RecordId, Vec<RecordId>>,
    /// The first such field of each record that points.
    by: BTreeMap<RecordId, FieldId>,
    /// Records that point at one that is not there.
    dangling: Vec<RecordId>,
}

impl Trees {
    fn point(&mut self, record: RecordId, by: FieldId, target: RecordId, leads: bool) {
        self.by.entry(record).or_insert(by);
        if leads {
            self.points_at.entry(record).or_default().push(target);
        } else {
            self.dangling.push(record);
        }
    }

    fn each(&self, give: &mut dyn FnMut(Place, Promise)) {
        let circular = on_circles(&self.points_at);
        let stranded = self.stranded();
        for (record, by) in &self.by {
            let promise = Promise {
                treed: 1,
                circular: u64::from(circular.contains(record)),
                stranded: u64::from(stranded.contains(record)),
                ..Promise::default()
            };
            give((*record, Some(*by)), promise);
        }
    }

    /// Records from which lookups lead to one that is not there.
    fn stranded(&self) -> BTreeSet<RecordId> {
        let mut pointed_at: BTreeMap<RecordId, Vec<RecordId>> = BTreeMap::new();
        for (record, targets) in self.points_at.iter().filter(|_| !self.dangling.is_empty()) {
            for target in targets {
                pointed_at.entry(*target).or_default().push(*record);
            }
        }
        let mut stranded = BTreeSet::new();
        let mut next = self.dangling.clone();
        while let Some(record) = next.pop() {
            if stranded.insert(record) {
                next.extend(pointed_at.get(&record).into_iter().flatten());
            }
        }
        stranded
    }
}

/// Records that come back to themselves. What points at nothing further is
/// taken away until the rest lies on circles or leads from one to another; what
/// nothing points at is then taken away likewise.
fn on_circles(points_at: &BTreeMap<RecordId, Vec<RecordId>>) -> BTreeSet<RecordId> {
    let mut left: BTreeSet<RecordId> = points_at.keys().copied().collect();
    loop {
        let before = left.len();
        let leads_on: BTreeSet<RecordId> = left
            .iter()
            .filter(|record| {
                points_at[*record]
                    .iter()
                    .any(|target| left.contains(target))
            })
            .copied()
            .collect();
        let targets: BTreeSet<RecordId> = leads_on
            .iter()
            .flat_map(|record| &points_at[record])
            .copied()
            .collect();
        left = leads_on.intersection(&targets).copied().collect();
        if left.len() == before {
            return left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: between 0 and 10 there is room for 10, and 12 is 2 beyond; -3
    /// is 3 below 0, where the only bound has no size, so 1; 7 is 2 above 5.
    #[test]
    fn what_is_beyond_is_held_against_what_there_is_room_for() {
        let found = |min, max, number| {
            let bound = Bound {
                record_type: TypeId(1),
                field: FieldId(1),
                min,
                max,
            };
            let promise = within(&bound, number);
            (promise.beyond, promise.room)
        };
        assert_eq!(found(Some(0), Some(10), 12), (2, 10));
        assert_eq!(found(Some(0), Some(10), 10), (0, 10));
        assert_eq!(found(Some(0), None, -3), (3, 1));
        assert_eq!(found(None, Some(5), 7), (2, 5));
        let all = found(Some(i64::MIN), Some(i64::MAX), 0);
        assert_eq!(all, (0, u64::MAX));
    }

    /// By hand: 1 points at what is not there, 2 at 1, 3 at 2; 4 and 5 at each
    /// other, 6 at 4; 7 at 3 and at 4: it is stranded, and in no circle.
    #[test]
    fn trees_end_somewhere_or_nowhere() {
        let id = |number: u8| RecordId([number; 16]);
        let mut trees = Trees::default();
        for (from, to) in [(2, 1), (3, 2), (4, 5), (5, 4), (6, 4), (7, 3), (7, 4)] {
            trees.point(id(from), FieldId(1), id(to), true);
        }
        trees.point(id(1), FieldId(1), id(9), false);
        let mut found = (Vec::new(), Vec::new());
        trees.each(&mut |(record, _), promise| {
            found
                .0
                .extend((promise.stranded == 1).then_some(record.0[0]));
            found
                .1
                .extend((promise.circular == 1).then_some(record.0[0]));
        });
        assert_eq!(found, (vec![1, 2, 3, 7], vec![4, 5]));
    }
}
