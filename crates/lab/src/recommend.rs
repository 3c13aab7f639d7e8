//! A policy for each field, from what a log shows.
//!
//! Every policy folds the log; for each field the cheapest is proposed, if it
//! is told apart from the one in force. What cannot be told is said so: a log
//! without people's decisions shows what is lost and what is asked, not who was
//! right.

mod difference;

use crate::compare::{
    BLOCKS_MIN, ByPolicy, CompareFault, FieldSummary, SETS_MIN, can_be_chosen, cheapest,
    in_parallel, level_of_each,
};
use crate::door::Truth;
use crate::ledger::Ledger;
use crate::metrics::judge;
use crate::policies::{Contestant, all};
use crate::stats::Interval;
use crate::trace::Trace;
use cairn_model::{Definition, Field, Granularity, RecordType, text};
use cairn_projection::State;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

pub use difference::Changed;

/// What the numbers of a recommendation do not say.
pub const LIMITS: &[&str] = &[
    "The log shows what is lost and what is asked, not who was right: policies that ask nobody lose equally much wherever everybody wanted something else, and are then not told apart.",
    "People reacted to the policies of their time. What they would have done under others is not in the log.",
    "Intervals are those of the share of wrong decisions (Clopper and Pearson's, with as many conflicts as independent ones would tell as much: Korn and Graubard 1998), at a level at which all fields together are right with 95 %. Spans of time are taken for independent.",
    "Where somebody who had seen both sides wrote again later, nothing counts as lost any more, whatever happened until then.",
];

/// What is proposed for an organization.
#[derive(Debug, Clone, Serialize)]
pub struct Recommendation {
    /// The definition that is in force at the end of the log, by number.
    pub definition: u32,
    /// What it costs to lose a write in silence, in questions.
    pub wrong_costs: f64,
    /// The spans of time that are taken for independent of each other; `None`
    /// where the log is too short for any.
    pub span: Option<&'static str>,
    /// Every field that a policy decides, and every type as a whole.
    pub proposals: Vec<Proposal>,
    /// The files of the definition that would change.
    pub changed: Vec<Changed>,
    /// What the numbers do not say.
    pub limits: &'static [&'static str],
}

/// What is proposed for a field.
#[derive(Debug, Clone, Serialize)]
pub struct Proposal {
    /// The record type.
    #[serde(rename = "type")]
    pub record_type: String,
    /// The field; `None` for whether a record is deleted.
    pub field: Option<String>,
    /// The policy in force.
    pub in_force: String,
    /// What follows from the evidence.
    pub advice: Advice,
    /// The evidence: what each policy makes of this log.
    pub evidence: ByPolicy,
    /// What a conflict set costs under each, in questions.
    pub costs: BTreeMap<String, Interval>,
}

/// What follows from the evidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Advice {
    /// Nothing met that does not commute.
    NothingMet,
    /// There are too few conflict sets to conclude anything, or they come from
    /// too few spans of time.
    TooThin {
        /// How many sets there are.
        sets: u64,
        /// How many it takes.
        sets_needed: u64,
        /// In how many spans of time.
        spans: usize,
        /// How many it takes.
        spans_needed: usize,
    },
    /// Nothing is told to be cheaper than what is in force.
    Keep,
    /// Another policy is cheaper.
    Change {
        /// Which.
        to: String,
        /// Others that are not told apart from it.
        alike: Vec<String>,
        /// What a conflict set costs in force, in questions.
        from_cost: f64,
        /// … and with the change.
        to_cost: f64,
        /// What a silent loss must cost for the change to be right; where it is
        /// right above that, `true`.
        turns_at: Option<(f64, bool)>,
    },
    /// Another policy would be cheaper, but belongs to the type as a whole,
    /// where it would change all of its fields.
    ByHand {
        /// Which.
        to: String,
    },
}

/// Folds a log under every policy and says what follows.
pub fn recommend(
    ledger: &dyn Ledger,
    wrong_costs: f64,
    jobs: usize,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Recommendation, CompareFault> {
    let fault = |fault| CompareFault::Ledger {
        subject: "the log".to_owned(),
        fault,
    };
    let trace = Trace::of(ledger, &mut |_| ()).map_err(fault)?;
    let mut truth = Truth::default();
    truth.divide(&trace);
    let by_field = |c: &Contestant| c.granularity == Granularity::Field && can_be_chosen(&c.name);
    let contestants: Vec<Contestant> = all().into_iter().filter(by_field).collect();
    let judged = in_parallel(jobs, &contestants, |contestant| {
        let trial = contestant.trial_as_defined();
        let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
        ledger
            .each(&mut |entry| {
                state.fold(entry);
            })
            .map_err(fault)?;
        let asks = contestant.asks_for_arrival();
        let judged = judge(&trace, &state, &truth, asks);
        tell(&contestant.name);
        Ok((judged, Arc::clone(state.definition())))
    })?;
    let definition = judged
        .first()
        .map_or_else(Arc::default, |(_, d)| Arc::clone(d));
    let evidence = |class: &str| -> ByPolicy {
        let named = contestants.iter().zip(&judged);
        let tally = named.map(|(contestant, (judged, _))| {
            let summary = judged.classes.get(class).map(|class| {
                let blocks = class.sets.values().copied().collect();
                FieldSummary::new(&class.whole, blocks)
            });
            (contestant.name.clone(), summary.unwrap_or_default())
        });
        tally.collect()
    };
    let mut found = of(&definition, wrong_costs, &evidence);
    found.span = truth.span;
    Ok(found)
}

/// What evidence is weighed by.
#[derive(Clone, Copy)]
struct Scale {
    /// What a wrong decision costs, in questions.
    k: f64,
    /// The level of confidence of each interval.
    level: f64,
}

/// Weighs the evidence on every field that a policy decides.
fn of(
    definition: &Definition,
    wrong_costs: f64,
    evidence: &dyn Fn(&str) -> ByPolicy,
) -> Recommendation {
    let mut subjects = Vec::new();
    for record_type in definition.types.values().filter(|t| !t.retired) {
        let name = &record_type.name;
        subjects.push((record_type, None, evidence(&format!("{name} itself"))));
        let fields = record_type.fields.values();
        for field in fields.filter(|f| !f.retired && f.kind.is_register()) {
            let evidence = evidence(&format!("{name}.{}", field.name));
            subjects.push((record_type, Some(field), evidence));
        }
    }
    let judged = |(_, _, evidence): &&(_, _, ByPolicy)| evidence.values().any(|s| s.is_enough());
    let scale = Scale {
        k: wrong_costs,
        level: level_of_each(subjects.iter().filter(judged).count()),
    };
    let mut proposals = Vec::new();
    let mut proposed = definition.clone();
    for (record_type, field, evidence) in subjects {
        let found = proposal(definition, record_type, field, evidence, scale);
        let target = proposed.types.get_mut(&record_type.id);
        if let (Advice::Change { to, .. }, Some(target), Some(field)) =
            (&found.advice, target, field)
            && let Some(field) = target.fields.get_mut(&field.id)
        {
            field.policy = Some(to.clone());
        }
        proposals.push(found);
    }
    Recommendation {
        definition: definition.number,
        wrong_costs,
        span: None,
        proposals,
        changed: difference::of(&text::export(definition), &text::export(&proposed)),
        limits: LIMITS,
    }
}

fn proposal(
    definition: &Definition,
    record_type: &RecordType,
    field: Option<&Field>,
    evidence: ByPolicy,
    scale: Scale,
) -> Proposal {
    // Where a record counts as one thing, its type's policy decides all of it.
    let by_record = definition.granularity_of(record_type) == Granularity::Record;
    let decides = field.filter(|_| !by_record);
    let in_force = definition.policy_of(record_type, decides).to_owned();
    let advice = match advice(&in_force, &evidence, scale) {
        Advice::Change { to, .. } if decides.is_none() => Advice::ByHand { to },
        advice => advice,
    };
    let costs = evidence.iter();
    let costs = costs.filter_map(|(name, summary)| {
        let cost = summary.cost(scale.k, scale.level)?;
        Some((name.clone(), cost))
    });
    let costs: BTreeMap<String, Interval> = costs.collect();
    Proposal {
        record_type: record_type.name.clone(),
        field: field.map(|field| field.name.clone()),
        in_force,
        advice,
        costs,
        evidence,
    }
}

fn advice(in_force: &str, evidence: &ByPolicy, scale: Scale) -> Advice {
    let sets = evidence.values().map(|summary| summary.conflict_sets).max();
    let spans = evidence.values().map(|summary| summary.blocks).max();
    match (sets.unwrap_or(0), spans.unwrap_or(0)) {
        (0, _) => return Advice::NothingMet,
        (sets, spans) if sets < SETS_MIN || spans < BLOCKS_MIN => {
            return Advice::TooThin {
                sets,
                sets_needed: SETS_MIN,
                spans,
                spans_needed: BLOCKS_MIN,
            };
        }
        _ => {}
    }
    let cheap = cheapest(evidence, scale.k, scale.level);
    let from = evidence.get(in_force);
    let (Some((to, alike)), Some(from)) = (cheap.split_first(), from) else {
        return Advice::Keep;
    };
    let target = &evidence[*to];
    let cost = |of: &FieldSummary| of.cost(scale.k, scale.level);
    let costs = (cost(from), cost(target));
    let (Some(from_cost), Some(to_cost)) = costs else {
        return Advice::Keep;
    };
    if cheap.contains(&in_force) {
        return Advice::Keep;
    }
    Advice::Change {
        to: (*to).to_owned(),
        alike: alike.iter().map(|&name| name.to_owned()).collect(),
        from_cost: from_cost.estimate,
        to_cost: to_cost.estimate,
        turns_at: turns_at(from, target),
    }
}

/// The cost of a wrong decision at which two policies cost the same, and
/// whether the second is cheaper above it. `None` where there is none.
fn turns_at(from: &FieldSummary, to: &FieldSummary) -> Option<(f64, bool)> {
    let [from_asked, to_asked, from_wrong, to_wrong] =
        [from.asked, to.asked, from.wrong, to.wrong].map(|count| count as f64);
    let k = (to_asked - from_asked) / (from_wrong - to_wrong);
    (k.is_finite() && k > 0.0).then_some((k, from_wrong > to_wrong))
}

#[cfg(test)]
mod tests;
