//! A unit as lines of JSON: what was done, and what each policy made of it, for
//! whoever works the numbers out anew ([`crate::metrics`] says how).
//!
//! Devices and records are in hexadecimal digits, types and fields their
//! numbers, times milliseconds since 1970, versions places in the ledger. Values
//! are there to be told apart, not to be read: equal ones have equal JSON.

use super::unit::{Foresight, foresight};
use super::{CompareFault, Entrant, Make, Prepared, Subject};
use crate::ledger::{Ledger, LedgerFault};
use crate::policies::hindsight;
use crate::trace::Trace;
use cairn_model::{Action, Change, FieldId, Mutation, Operation, Timestamp, Version, Write};
use cairn_oplog::Entry;
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_projection::{FieldState, Record, State};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An edit.
    Operation,
    /// A record at the end.
    Record,
    /// An entry of the journal of conflicts.
    Conflict,
    /// An issue.
    Issue,
    /// An operation that the fold rejected.
    Rejected,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Operation => "operation",
            Kind::Record => "record",
            Kind::Conflict => "conflict",
            Kind::Issue => "issue",
            Kind::Rejected => "rejected",
        }
    }
}

/// Takes lines: under which policy, if under any, of which kind, and what.
pub type Take<'a> = dyn FnMut(Option<&str>, Kind, Json) -> io::Result<()> + 'a;

/// Gives a unit line by line: operations, under no policy, or in closed loop under
/// each; then what each policy made of them.
pub fn write(
    subject: &Subject,
    entrants: &[Entrant],
    seed: u64,
    out: &mut Take<'_>,
) -> Result<(), CompareFault> {
    let fault = |fault| CompareFault::Ledger {
        subject: subject.name.clone(),
        fault,
    };
    match &subject.make {
        Make::Once(make) => {
            let prepared = make(seed)?;
            operations(&*prepared.ledger, None, out).map_err(fault)??;
            for entrant in entrants {
                let given = match foresight(entrant, seed) {
                    Some(given) => given,
                    None => {
                        let trace = Trace::of(&*prepared.ledger, &mut |_| ()).map_err(fault)?;
                        Foresight::known(hindsight(&trace, &prepared.truth))
                    }
                };
                let state = folded(&prepared, &given).map_err(fault)?;
                checked(&given, subject, entrant, seed)?;
                lines_of(&state, entrant.name(), out)?;
            }
        }
        Make::Each(make) => {
            for entrant in entrants {
                let Some(given) = foresight(entrant, seed) else {
                    continue;
                };
                let prepared = make(seed, given.trial.clone());
                let state = folded(&prepared, &given).map_err(fault)?;
                checked(&given, subject, entrant, seed)?;
                let name = entrant.name();
                operations(&*prepared.ledger, Some(name), out).map_err(fault)??;
                lines_of(&state, name, out)?;
            }
        }
    }
    Ok(())
}

type Written = Result<Result<(), CompareFault>, LedgerFault>;

fn kept(kind: Kind, written: io::Result<()>) -> Result<(), CompareFault> {
    written.map_err(|source| CompareFault::Shelf {
        name: kind.name().to_owned(),
        source,
    })
}

/// A line for each edit. Operations of devices whose log does not continue are
/// not there: no fold takes them.
fn operations(ledger: &dyn Ledger, policy: Option<&str>, out: &mut Take<'_>) -> Written {
    let mut version = Version(0);
    let mut ends = BTreeMap::new();
    let mut written = Ok(());
    ledger.each(&mut |entry: &Entry| {
        let bundle = &entry.bundle;
        let end = ends.entry(bundle.log()).or_insert(0);
        let continues = bundle.first() == *end + 1;
        if continues {
            *end = bundle.last();
        }
        for (sequence, slot) in (bundle.first()..).zip(bundle.slots()) {
            version = version.next();
            if let (true, true, Slot::Whole(bytes)) = (written.is_ok(), continues, slot)
                && let Ok(operation) = decode_operation(bytes)
                && let Action::Edit(mutations) = &operation.action
            {
                let line = json!({
                    "version": version.0,
                    "device": bundle.log().device.to_string(),
                    "sequence": sequence,
                    "time": wall(&operation),
                    "received": entry.received.0,
                    "mutations": mutations.iter().map(mutation).collect::<Vec<Json>>(),
                });
                written = out(policy, Kind::Operation, line);
            }
        }
    })?;
    Ok(kept(Kind::Operation, written))
}

fn wall(operation: &Operation) -> u64 {
    let Timestamp(time) = operation.time.wall();
    time
}

fn mutation(mutation: &Mutation) -> Json {
    let (change, keep) = match &mutation.change {
        Change::Create(_) => ("create", None),
        Change::Update(_) => ("update", None),
        Change::Delete => ("delete", None),
        Change::Restore => ("restore", None),
        Change::Resolve { keep, .. } => ("resolve", *keep),
        Change::Follow => ("follow", None),
        Change::Unfollow => ("unfollow", None),
    };
    let writes = mutation.change.writes().iter();
    json!({
        "record": mutation.record.to_string(),
        "type": mutation.record_type.0,
        "base": mutation.base.0,
        "change": change,
        "keep": keep,
        "writes": writes.map(write_of).collect::<Vec<Json>>(),
    })
}

fn write_of((field, write): &(FieldId, Write)) -> Json {
    let field = field.0;
    match write {
        Write::Set(value) => json!({"field": field, "set": value}),
        Write::Clear => json!({"field": field, "clear": true}),
        Write::Add(amount) => json!({"field": field, "count": amount}),
        Write::Change { add, remove } => json!({"field": field, "add": add, "remove": remove}),
        Write::Merge(_) => json!({"field": field, "merge": true}),
    }
}

fn folded(prepared: &Prepared, given: &Foresight) -> Result<State, LedgerFault> {
    let ledger = &prepared.ledger;
    let trial = given.trial.clone();
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    ledger.each(&mut |entry| {
        state.fold(entry);
    })?;
    Ok(state)
}

/// What came of a policy that made a mistake means nothing, and is not written.
fn checked(
    given: &Foresight,
    subject: &Subject,
    entrant: &Entrant,
    seed: u64,
) -> Result<(), CompareFault> {
    match given.mistake() {
        None => Ok(()),
        Some(mistake) => Err(CompareFault::Policy {
            policy: entrant.name().to_owned(),
            subject: subject.name.clone(),
            seed,
            mistake,
        }),
    }
}

fn lines_of(state: &State, policy: &str, out: &mut Take<'_>) -> Result<(), CompareFault> {
    let mut put = |kind, line| kept(kind, out(Some(policy), kind, line));
    for record in state.records() {
        put(Kind::Record, record_of(record))?;
    }
    for conflict in state.journal() {
        let sides = conflict.sides.iter().map(|side| side.version.0);
        let line = json!({
            "record": conflict.record.to_string(),
            "field": conflict.field.map(|field| field.0),
            "sides": sides.collect::<Vec<u64>>(),
            "shown": conflict.shown.0,
            "outcome": conflict.outcome.name(),
        });
        put(Kind::Conflict, line)?;
    }
    for issue in state.issues() {
        let line = json!({
            "version": issue.version.0,
            "code": issue.code.code(),
            "record": issue.record.map(|record| record.to_string()),
            "field": issue.field.map(|field| field.0),
        });
        put(Kind::Issue, line)?;
    }
    for version in 1..=state.version().0 {
        if let Some(code) = state.verdict(Version(version)).rejected {
            put(
                Kind::Rejected,
                json!({"version": version, "code": code.code()}),
            )?;
        }
    }
    Ok(())
}

fn record_of(record: &Record) -> Json {
    let fields = record.fields.iter().map(|slot| {
        let holds = match &slot.state {
            FieldState::Register(register) => json!({"shows": register.value()}),
            FieldState::Set(set) => {
                json!({"has": set.additions.keys().collect::<Vec<_>>()})
            }
            FieldState::Counter(sum) => json!({"count": sum}),
            FieldState::Document(_) => json!({"merges": true}),
        };
        (slot.id.0.to_string(), holds)
    });
    json!({
        "record": record.id.to_string(),
        "type": record.record_type.0,
        "lives": record.is_alive(),
        "fields": fields.collect::<serde_json::Map<String, Json>>(),
    })
}

#[cfg(test)]
mod tests;
