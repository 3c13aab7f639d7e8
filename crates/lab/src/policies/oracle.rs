//! The oracle: decides with the knowledge of how it ended, so that the distance
//! to it is what is left to gain.

use super::highest;
use crate::door::{Resolved, Truth};
use crate::trace::{Best, Effect, StandingWrite, Trace};
use cairn_model::{FieldId, Granularity, RecordId, Value, Version};
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
/// is theirs; elsewhere it is the value that most standing writes wanted, and of
/// a record that was deleted on one side whether its deletion or what else was
/// written there satisfies more of them.
pub fn hindsight(trace: &Trace, truth: &Truth) -> Trial {
    let mut oracles: BTreeMap<Option<FieldId>, Oracle> = BTreeMap::new();
    let mut known = BTreeMap::new();
    for resolution in &truth.resolutions {
        known.insert((resolution.record, resolution.field), &resolution.value);
    }
    let mut lives = Lives::default();
    for (key, standing) in trace.standing() {
        if lives.record != Some(key.record) {
            lives.decide(oracles.entry(None).or_default());
            lives = Lives::of(key.record);
        }
        let wanted = match known.get(&(key.record, key.field)) {
            Some(Some(Resolved::Value(value))) => Some(Some(value.clone())),
            Some(None) => Some(None),
            _ if key.field.is_none() => None,
            _ => most_wanted(standing.iter().filter_map(|write| write.effect.value())),
        };
        if key.field.is_none() {
            lives.known.clone_from(&wanted);
        }
        lives.take(standing);
        for write in standing.iter().filter(|_| key.element.is_none()) {
            if let (Some(wanted), Some(value)) = (&wanted, write.effect.value())
                && *wanted == value
            {
                let oracle = oracles.entry(key.field).or_default();
                oracle.best.insert((write.version, value));
            }
        }
    }
    lives.decide(oracles.entry(None).or_default());
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

/// Whether a record had better live: what its life and its death would satisfy.
#[derive(Default)]
struct Lives {
    record: Option<RecordId>,
    /// What a person decided.
    known: Option<Option<Value>>,
    best: Best,
    /// Writes that need it alive.
    need: Vec<Version>,
    /// Its deletions.
    end: Vec<Version>,
}

impl Lives {
    fn of(record: RecordId) -> Lives {
        Lives {
            record: Some(record),
            ..Lives::default()
        }
    }

    fn take(&mut self, standing: &[StandingWrite]) {
        self.best.take(standing);
        for write in standing {
            match write.effect {
                Effect::Lives(false) => self.end.push(write.version),
                Effect::Lacks => {}
                _ => self.need.push(write.version),
            }
        }
    }

    fn decide(&self, oracle: &mut Oracle) {
        if self.end.is_empty() {
            return;
        }
        let alive = match &self.known {
            Some(known) => *known == Some(Value::Boolean(true)),
            None => self.best.alive >= self.best.dead,
        };
        let best = if alive { &self.need } else { &self.end };
        let value = Some(Value::Boolean(alive));
        oracle
            .best
            .extend(best.iter().map(|version| (*version, value.clone())));
    }
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
