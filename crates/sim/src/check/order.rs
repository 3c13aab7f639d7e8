//! Where a policy says that the order of arrival does not matter, it does not.

use super::judged::{Judged, entries, entry};
use super::marks::Marks;
use super::{Checker, Violation, violation};
use crate::host::Host;
use crate::streams::Streams;
use crate::trace::Event;
use crate::world::View;
use cairn_model::{
    Action, AuthorId, Definition, Field, Granularity, Kind, Operation, OperationId, Value, Version,
    codec,
};
use cairn_oplog::Entry;
use cairn_oplog::bundle::Slot;
use cairn_projection::record::Origin;
use cairn_projection::{FieldState, Record, State};
use std::collections::BTreeSet;

/// Pairs of neighbouring entries that are swapped at the end of a run.
const SWAPS: usize = 2;

/// Policies that promise the same candidates and the same winner for every
/// order that respects causality. What `flag` shows meanwhile is what the
/// ledger had first; its candidates are the same.
const INSENSITIVE: [&str; 6] = [
    "flag",
    "last-writer-wins",
    "first-writer-wins",
    "max",
    "min",
    "random",
];

/// Two neighbouring bundles of different devices, neither of which had seen
/// the other, swapped in the ledger: candidates and winners stay, where the
/// policy says so.
#[derive(Debug, Default)]
pub struct Order {
    judged: Judged,
    marks: Marks,
}

impl Order {
    /// Of a fold.
    pub fn of(judged: Judged) -> Order {
        Order {
            judged,
            ..Order::default()
        }
    }
}

impl Checker for Order {
    fn name(&self) -> &'static str {
        "order"
    }

    fn observe(&mut self, event: &Event, view: &View<'_>) -> Result<(), Violation> {
        self.marks.note(event, view);
        Ok(())
    }

    fn end(&mut self, view: &View<'_>) -> Result<(), Violation> {
        if self.marks.is_rotten(Host::Relay) {
            return Ok(());
        }
        let entries: Vec<Entry> = entries(view)
            .into_iter()
            .filter_map(|(at, stored)| entry(at, &stored))
            .collect();
        let pairs = swappable(view, &entries);
        let mut stream = Streams::of(view.plan().seed).stream("order checker");
        for _ in 0..SWAPS.min(pairs.len()) {
            let at = pairs[stream.index(pairs.len())];
            if let Some(words) = differs(view, self.judged, &entries, at) {
                let words = format!("with entries {} and {} swapped, {words}", at + 1, at + 2);
                return violation(self, view, Some(Host::Relay), words);
            }
        }
        Ok(())
    }
}

fn operations(entry: &Entry) -> impl Iterator<Item = Operation> {
    entry.bundle.slots().iter().filter_map(|slot| match slot {
        Slot::Whole(bytes) => codec::decode("operation", bytes).ok(),
        Slot::Withheld(_) => None,
    })
}

/// Indexes of entries that may change places with the next: nobody's base or
/// answer tells them apart, and no definition changes from there on.
fn swappable(view: &View<'_>, entries: &[Entry]) -> Vec<usize> {
    let relay = view.relay().key().device();
    let mut first = 1;
    let mut spans = Vec::new();
    let mut named: BTreeSet<u64> = BTreeSet::new();
    let mut from = 0;
    for (at, entry) in entries.iter().enumerate() {
        spans.push(first);
        first += entry.bundle.slots().len() as u64;
        for operation in operations(entry) {
            match operation.action {
                Action::Edit(mutations) => named.extend(mutations.iter().map(|m| m.base.0)),
                Action::Settle { operation, .. } => named.extend([operation.0 - 1, operation.0]),
                _ => from = at + 1,
            }
        }
    }
    spans.push(first);
    (from..entries.len().saturating_sub(1))
        .filter(|at| {
            let device = |at: usize| entries[at].bundle.log().device;
            let apart = device(*at) != device(at + 1);
            let ours = device(*at) == relay || device(at + 1) == relay;
            let between = named.range(spans[*at]..spans[at + 2] - 1).next().is_some();
            apart && !ours && !between
        })
        .collect()
}

fn differs(view: &View<'_>, judged: Judged, entries: &[Entry], at: usize) -> Option<String> {
    let mut one: Vec<Entry> = entries.to_vec();
    one[at].received = one[at + 1].received;
    let mut other = one.clone();
    other.swap(at, at + 1);
    other[at].position = one[at].position;
    other[at + 1].position = one[at + 1].position;
    let (one, other) = (judged.fold(view, one), judged.fold(view, other));
    let definition = one.definition();
    if rejected(&one) != rejected(&other) {
        return None;
    }
    one.records().find_map(|record| {
        let record_type = definition.types.get(&record.record_type)?;
        let by_field = definition.granularity_of(record_type) == Granularity::Field;
        let promised = INSENSITIVE.contains(&definition.policy_of(record_type, None));
        let again = other.record(record.id).filter(|_| by_field && promised)?;
        record_type.live_fields().find_map(|field| {
            let before = told(definition, record, field)?;
            let after = told(definition, again, field)?;
            let id = record.id;
            (before != after).then(|| {
                format!(
                    "field {} of record {id} is {after:?}, not {before:?}",
                    field.name
                )
            })
        })
    })
}

/// The operations that were rejected: an order may change that
/// where records compete for keys, and then nothing is promised.
fn rejected(state: &State) -> BTreeSet<OperationId> {
    let issues = state.issues().iter().filter(|issue| issue.is_rejection());
    issues.map(|issue| issue.operation).collect()
}

/// A write, by who made it and where in their log.
type Place = (AuthorId, u32, u64);

/// What is promised of a field.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Register(BTreeSet<(Place, Option<Value>)>, Option<Value>),
    Sum(i64),
    Elements(BTreeSet<Value>),
}

fn told(definition: &Definition, record: &Record, field: &Field) -> Option<Told> {
    let record_type = definition.types.get(&record.record_type)?;
    let policy = definition.policy_of(record_type, Some(field));
    match record.field(field.id)? {
        FieldState::Register(_) if matches!(field.kind, Kind::Lookup { .. }) => None,
        FieldState::Register(register) if INSENSITIVE.contains(&policy) => {
            let place = |version: Version| match record.origin(version) {
                Some(Origin {
                    author,
                    generation,
                    sequence,
                    ..
                }) => (*author, *generation, *sequence),
                None => (AuthorId(u32::MAX), 0, 0),
            };
            let writes = register.writes.iter();
            let writes = writes.map(|write| (place(write.version), write.value.clone()));
            let shown = register.value().filter(|_| policy != "flag").cloned();
            Some(Told::Register(writes.collect(), shown))
        }
        FieldState::Register(_) | FieldState::Document(_) => None,
        FieldState::Counter(sum) => Some(Told::Sum(*sum)),
        FieldState::Set(set) => Some(Told::Elements(set.elements().cloned().collect())),
    }
}
