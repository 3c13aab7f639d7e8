//! What people made of what met, and how far the policy is from it.

use super::{Judge, Tally};
use crate::door::{Resolution, Resolved};
use crate::metrics::sequence::{distance, tokens};
use cairn_model::{Value, Version};
use cairn_projection::{FieldState, State};
use std::collections::BTreeSet;

impl Judge<'_> {
    pub(super) fn read_resolutions(&mut self) {
        for resolution in &self.truth.resolutions {
            let place = (resolution.record, resolution.field);
            let agrees = shown(self.state, resolution) == resolution.value;
            self.resolved.insert(place, agrees);
        }
    }

    /// Compares with what people did.
    pub(super) fn people(&mut self) {
        for resolution in &self.truth.resolutions {
            let known = match self.asks_for_arrival {
                true => resolution.arrival_known,
                false => resolution.times_known,
            };
            if !known || self.refused.contains(&resolution.record) {
                continue;
            }
            let place = (resolution.record, resolution.field);
            let is_open = self.open.range((place, Version(0))..).next();
            let asked = is_open.is_some_and(|(open, _)| *open == place)
                || resolution.conflict && self.told.contains_key(&resolution.record);
            let found = shown(self.state, resolution);
            let agrees = found == resolution.value;
            let (found, wanted) = (words(&found), words(&resolution.value));
            let (found, wanted) = (tokens(&found), tokens(&wanted));
            let mut tally = Tally {
                edits: distance(&found, &wanted) as u64,
                tokens: found.len().max(wanted.len()) as u64,
                ..Tally::default()
            };
            tally.fields.count(asked, agrees);
            if resolution.conflict && !resolution.sequel {
                tally.conflicts.count(asked, agrees);
            }
            self.add(place, &tally);
        }
    }
}

/// What the state shows where a person decided.
fn shown(state: &State, resolution: &Resolution) -> Option<Resolved> {
    let record = state.record(resolution.record).filter(|r| r.is_alive());
    let Some(field) = resolution.field else {
        return Some(Resolved::Value(Value::Boolean(record.is_some())));
    };
    match record?.field(field)? {
        FieldState::Register(register) => register.value().cloned().map(Resolved::Value),
        FieldState::Set(set) => {
            let elements: BTreeSet<Value> = set.elements().cloned().collect();
            let wanted = matches!(resolution.value, Some(Resolved::Set(_)));
            (wanted || !elements.is_empty()).then_some(Resolved::Set(elements))
        }
        FieldState::Counter(_) | FieldState::Document(_) => None,
    }
}

fn words(resolved: &Option<Resolved>) -> String {
    match resolved {
        None => String::new(),
        Some(Resolved::Value(value)) => value.to_string(),
        Some(Resolved::Set(elements)) => {
            let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
            elements.join(" ")
        }
    }
}
