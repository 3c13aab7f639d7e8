//! The product's state beside the reference's: where do they differ?

use crate::reference::{Reference, Shown};
use cairn_model::{FieldId, RecordId, Value, Version};
use cairn_projection::register::Register;
use cairn_projection::{FieldState, Outcome, Record, State};
use std::collections::{BTreeMap, BTreeSet};

/// The first difference, in words; `None` when they agree.
pub fn difference(reference: &Reference, state: &State) -> Option<String> {
    (1..=reference.version().0)
        .find_map(|version| verdict(reference, state, Version(version)))
        .or_else(|| numbers(reference, state))
        .or_else(|| records(reference, state))
        .or_else(|| journal(reference, state))
        .or_else(|| issues(reference, state))
}

fn verdict(reference: &Reference, state: &State, version: Version) -> Option<String> {
    let product = state.verdict(version).rejected.map(|code| code.code());
    let own = reference.verdict(version);
    let words = |verdict: Option<&str>| verdict.unwrap_or("admitted").to_owned();
    (product != own).then(|| {
        let (product, own) = (words(product), words(own));
        format!("operation {version} is {product}, and by the rules it is {own}")
    })
}

fn numbers(reference: &Reference, state: &State) -> Option<String> {
    if state.version() != reference.version() {
        let (product, own) = (state.version(), reference.version());
        return Some(format!(
            "the fold is at version {product}, the ledger at {own}"
        ));
    }
    if **state.definition() != *reference.definition() {
        return Some("the definition in force is another than the published one".to_owned());
    }
    for (device, author) in state.devices().iter().zip(reference.authors()) {
        let product = (device.id, device.revoked, device.quarantined);
        if product != (author.device, author.revoked, author.quarantined) {
            return Some(format!(
                "device {} is revoked at {:?} and quarantined at {:?}, by the rules at {:?} and {:?}",
                device.id, device.revoked, device.quarantined, author.revoked, author.quarantined
            ));
        }
    }
    let (product, own) = (state.devices().len(), reference.authors().len());
    (product != own).then(|| format!("{product} devices are enrolled, by the rules {own}"))
}

fn records(reference: &Reference, state: &State) -> Option<String> {
    let product: BTreeMap<RecordId, &Record> = state.records().map(|r| (r.id, r)).collect();
    let own: BTreeMap<_, _> = reference.records().collect();
    if let Some(lost) = own.keys().find(|id| !product.contains_key(id)) {
        return Some(format!("record {lost} is missing"));
    }
    for (id, record) in product {
        if own.get(&id) != Some(&record.record_type) {
            return Some(format!("record {id} was never created as what it is"));
        }
        if let Some(words) = register(reference, id, None, &record.life) {
            return Some(words);
        }
        let slots = record.fields.iter();
        let found =
            slots
                .map(|slot| (slot.id, &slot.state))
                .find_map(|(field, state)| match state {
                    FieldState::Register(held) => register(reference, id, Some(field), held),
                    other => merged(reference, id, field, other),
                });
        if found.is_some() {
            return found;
        }
        let written = reference.fields(id);
        if let Some(lost) = written
            .into_iter()
            .find(|field| record.field(*field).is_none())
        {
            return Some(format!("field {lost} of record {id} lost what was written"));
        }
    }
    None
}

fn words(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| format!("“{value}”"))
}

fn register(
    reference: &Reference,
    record: RecordId,
    field: Option<FieldId>,
    held: &Register,
) -> Option<String> {
    let place = match field {
        None => format!("the life of record {record}"),
        Some(field) => format!("field {field} of record {record}"),
    };
    let Some(Shown::Register { standing, value }) = reference.shown(record, field) else {
        return Some(format!("{place} has writes, and by the rules none"));
    };
    if held.value() != value.as_ref() {
        let (product, own) = (words(held.value()), words(value.as_ref()));
        return Some(format!("{place} shows {product}, and by the rules {own}"));
    }
    let product = held
        .writes
        .iter()
        .map(|write| (write.version, write.value.clone()));
    let product: Vec<_> = product.collect();
    (product != standing).then(|| {
        let versions = |writes: &[(Version, Option<Value>)]| {
            writes
                .iter()
                .map(|(v, _)| v.to_string())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (product, own) = (versions(&product), versions(&standing));
        format!("in {place} the writes of {product} stand, and by the rules those of {own}")
    })
}

fn merged(
    reference: &Reference,
    record: RecordId,
    field: FieldId,
    held: &FieldState,
) -> Option<String> {
    let shown = match held {
        FieldState::Counter(sum) => Shown::Counter(*sum),
        FieldState::Set(set) => Shown::Set(set.elements().cloned().collect()),
        FieldState::Document(_) | FieldState::Register(_) => Shown::Document,
    };
    let own = reference.shown(record, Some(field));
    (own.as_ref() != Some(&shown))
        .then(|| format!("field {field} of record {record} is {shown:?}, and by the rules {own:?}"))
}

/// An entry of the journal, for comparison: record, field, policy, sides,
/// shown, outcome and by what.
type Told = (
    RecordId,
    Option<FieldId>,
    String,
    Vec<(Version, Option<Value>)>,
    Version,
    &'static str,
    Option<Version>,
);

fn journal(reference: &Reference, state: &State) -> Option<String> {
    let product = state.journal().iter().map(|entry| {
        let by = match entry.outcome {
            Outcome::Resolved { by } | Outcome::Overwritten { by } => Some(by),
            Outcome::Superseded | Outcome::Open => None,
        };
        let sides = entry
            .sides
            .iter()
            .map(|side| (side.version, side.value.clone()))
            .collect();
        let told: Told = (
            entry.record,
            entry.field,
            entry.policy.clone(),
            sides,
            entry.shown,
            entry.outcome.name(),
            by,
        );
        (told, entry.base.clone())
    });
    let own = reference.journal().iter().map(|entry| {
        let (outcome, by) = entry.outcome;
        let told: Told = (
            entry.record,
            entry.field,
            entry.policy.clone(),
            entry.sides.clone(),
            entry.shown,
            outcome,
            by,
        );
        (told, entry.base.clone())
    });
    let (mut product, mut own): (Vec<_>, Vec<_>) = (product.collect(), own.collect());
    product.sort_by(|one, other| one.0.cmp(&other.0));
    own.sort_by(|one, other| one.0.cmp(&other.0));
    for ((told, base), (due, own_base)) in product.iter().zip(&own) {
        if told != due || base.as_ref().is_some_and(|base| base != own_base) {
            return Some(format!(
                "the journal has {told:?} on {base:?}, and by the rules {due:?} on {own_base:?}"
            ));
        }
    }
    let (held, due) = (product.len(), own.len());
    (held != due).then(|| format!("the journal has {held} entries, and by the rules {due}"))
}

fn issues(reference: &Reference, state: &State) -> Option<String> {
    let product: BTreeSet<_> = state
        .issues()
        .iter()
        .map(|issue| {
            let filed: Vec<Version> = issue.dependents.iter().map(|d| d.version).collect();
            let settled = issue.settled.is_some();
            (
                issue.version,
                issue.code.code(),
                issue.user.clone(),
                settled,
                filed,
            )
        })
        .collect();
    let own: BTreeSet<_> = reference
        .notices()
        .iter()
        .map(|n| {
            (
                n.version,
                n.code,
                n.user.clone(),
                n.settled.is_some(),
                n.filed.clone(),
            )
        })
        .collect();
    let mut differing = product.symmetric_difference(&own);
    differing.next().map(|issue| {
        let whose = if product.contains(issue) {
            "raised"
        } else {
            "not raised"
        };
        format!("an issue was {whose} against the rules: {issue:?}")
    })
}
