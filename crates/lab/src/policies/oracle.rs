//! The oracle: decides with the knowledge of how it ended. No policy can do
//! better, so the distance to it is what is left to gain.

use super::highest;
use crate::door::{Resolved, Truth};
use crate::trace::{Effect, Key, Trace};
use cairn_model::{FieldId, Granularity, Value, Version};
use cairn_policy::{Contest, Decision, Others, Policy};
use cairn_projection::Trial;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Decides the contests of one field.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    best: BTreeSet<(Version, Option<Value>)>,
}

impl Policy for Oracle {
    fn id(&self) -> &'static str {
        "oracle"
    }
    fn order_insensitive(&self) -> bool {
        true
    }
    fn compares_values(&self) -> bool {
        true
    }
    /// A write that was best in hindsight; of several, and where none was, the
    /// last by effective time.
    fn decide(&self, contest: Contest<'_>) -> Decision {
        let shown = highest(contest, |contender| {
            let write = (contender.version, contender.value.cloned());
            let time = contender.effective_time();
            (self.best.contains(&write), time, contender.device)
        });
        Decision {
            shown,
            others: Others::Candidates,
        }
    }
}

/// The oracle of a ledger, field by field: where people's decision is known, it
/// is theirs; elsewhere it is the value that most standing writes wanted.
pub fn hindsight(trace: &Trace, truth: &Truth) -> Trial {
    let mut oracles: BTreeMap<Option<FieldId>, Oracle> = BTreeMap::new();
    let mut known = BTreeMap::new();
    for resolution in &truth.resolutions {
        known.insert((resolution.record, resolution.field), &resolution.value);
    }
    for (key, standing) in trace.standing() {
        let Key {
            record,
            field,
            element: None,
        } = key
        else {
            continue;
        };
        let wanted = match known.get(&(record, field)) {
            Some(Some(Resolved::Value(value))) => Some(Some(value.clone())),
            Some(None) => Some(None),
            _ => most_wanted(standing.iter().filter_map(|write| write.effect.value())),
        };
        for write in standing {
            if let (Some(wanted), Some(value)) = (&wanted, write.effect.value())
                && *wanted == value
            {
                let oracle = oracles.entry(field).or_default();
                oracle.best.insert((write.version, value));
            }
        }
    }
    let oracles: BTreeMap<Option<FieldId>, Arc<Oracle>> = oracles
        .into_iter()
        .map(|(field, oracle)| (field, Arc::new(oracle)))
        .collect();
    let nothing = Arc::new(Oracle::default());
    Trial::choosing(Some(Granularity::Field), move |_, field| {
        let oracle = oracles.get(&field.map(|field| field.id));
        Some(Arc::clone(oracle.unwrap_or(&nothing)) as Arc<dyn Policy + Send>)
    })
}

/// The value that most want; of equally many, the one wanted last.
fn most_wanted(values: impl Iterator<Item = Option<Value>>) -> Option<Option<Value>> {
    let mut counts: BTreeMap<Option<Value>, (usize, usize)> = BTreeMap::new();
    for (at, value) in values.enumerate() {
        let (count, last) = counts.entry(value).or_default();
        *count += 1;
        *last = at;
    }
    counts
        .into_iter()
        .max_by_key(|(_, rank)| *rank)
        .map(|(value, _)| value)
}

impl Effect {
    /// The value of a register that the write wants to be seen.
    fn value(&self) -> Option<Option<Value>> {
        match self {
            Effect::Shows(value) => Some(value.clone()),
            Effect::Lives(alive) => Some(Some(Value::Boolean(*alive))),
            Effect::Contains | Effect::Lacks | Effect::Merges => None,
        }
    }
}
