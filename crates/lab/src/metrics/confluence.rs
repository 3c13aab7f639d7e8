//! D5: which promises the operations of a ledger could break by themselves when
//! they meet, and whether any did.
//!
//! A promise is *confluent* with operations where any two states that keep it,
//! merged, keep it: then no policy and no coordination is needed. Bailis,
//! Fekete, Franklin, Ghodsi, Hellerstein and Stoica, "Coordination avoidance in
//! database systems" (VLDB 2015), table 2: values chosen by people are not
//! unique by themselves; a reference may be written and its target deleted,
//! unless the deletion takes along or clears what points at it; a counter may
//! only move away from a bound.

use super::Tally;
use crate::door::Truth;
use crate::stats::clopper_pearson;
use crate::trace::{Survey, Use};
use cairn_model::{Definition, Kind, OnDelete, RecordType};
use serde::Serialize;

/// Kinds of promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// No two records share a key.
    Unique,
    /// Lookups lead to living records.
    ForeignKey,
    /// Numbers stay within bounds.
    Bound,
    /// Lookups to the own type lead in no circle.
    Acyclic,
}

/// What the checker says of a kind of promises, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Confluence {
    /// Which.
    pub invariant: Invariant,
    /// Whether no operation of the ledger can break it by meeting another.
    pub confluent: bool,
    /// Where it was broken at the end.
    pub broken: u64,
    /// … of how many places.
    pub places: u64,
    /// The share that may be broken at most, with 95 % confidence: Clopper and
    /// Pearson, from above. It takes places for independent.
    pub at_most: f64,
}

impl Tally {
    /// What was promised of the state, of each kind that anything was promised
    /// of. A confluent kind that was broken contradicts the checker.
    pub fn confluence(&self) -> Vec<Confluence> {
        let kinds = [
            (
                Invariant::Unique,
                self.risks_unique,
                self.duplicates,
                self.keyed,
            ),
            (
                Invariant::ForeignKey,
                self.risks_lookup,
                self.orphans,
                self.lookups,
            ),
            (
                Invariant::Bound,
                self.risks_bound,
                self.overshot,
                self.bounded,
            ),
            (
                Invariant::Acyclic,
                self.risks_tree,
                self.circular,
                self.treed,
            ),
        ];
        let of = |(invariant, risks, broken, places)| {
            // Both tails of the interval at 90 % are 5 %.
            let (_, at_most) = clopper_pearson(broken, places, 0.90)?;
            Some(Confluence {
                invariant,
                confluent: risks == 0,
                broken,
                places,
                at_most,
            })
        };
        kinds.into_iter().filter_map(of).collect()
    }
}

/// Operations of the ledger that could break a promise by meeting others.
pub(super) fn risks(survey: &Survey, definition: &Definition, truth: &Truth) -> Tally {
    let mut tally = Tally::default();
    for record_type in definition.types.values() {
        let uses = |field| survey.uses(record_type.id, field);
        for field in record_type.keys.iter().flat_map(|key| &key.fields) {
            let Use { given, changed, .. } = uses(*field);
            tally.risks_unique += given + changed;
        }
        for field in record_type.live_fields() {
            if let Kind::Lookup { targets, on_delete } = &field.kind {
                let Use { given, changed, .. } = uses(field.id);
                let deleted: u64 = targets.iter().map(|target| survey.deletions(*target)).sum();
                let stays = *on_delete == OnDelete::Restrict && given + changed > 0;
                tally.risks_lookup += if stays { deleted } else { 0 };
                tally.risks_tree += u64::from(targets.contains(&record_type.id)) * changed;
            }
        }
        tally.risks_bound += risks_of_bounds(survey, record_type, truth);
    }
    tally
}

/// Counting towards a bound. A register takes one of the values that people
/// wrote, each of which was within.
fn risks_of_bounds(survey: &Survey, record_type: &RecordType, truth: &Truth) -> u64 {
    let own = truth
        .bounds
        .iter()
        .filter(|bound| bound.record_type == record_type.id);
    let risks = own.map(|bound| {
        let Use {
            raised, lowered, ..
        } = survey.uses(record_type.id, bound.field);
        let up = if bound.max.is_some() { raised } else { 0 };
        up + if bound.min.is_some() { lowered } else { 0 }
    });
    risks.sum()
}
