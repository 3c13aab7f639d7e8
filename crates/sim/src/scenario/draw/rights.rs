//! Draws changes of who may do what, and of what is held offline.

use super::super::plan::{FaultPlan, Plan};
use crate::organization::{FILTERS, PROFILES, ROLES, TEAMS, UNITS, login};
use crate::schedule::DefinitionStep;
use crate::streams::Stream;
use cairn_model::definition::{Depth, Right};

/// The changes that only a crew has something to make on.
pub(super) const STEPS: [&str; 11] = [
    "role", "member", "unit", "user", "depth", "secure", "trust", "filter", "columns", "profile",
    "offline",
];

/// Columns of a profile that leaves some out.
const COLUMNS: [&str; 3] = ["", "due", "due price"];
/// Fields that are secured now and then.
const SECRETS: [&str; 2] = ["price", "number"];

/// A change of this mode: what the fault names of it, and else what is drawn.
/// A user comes first in its `field` and what they get behind a point.
pub(super) fn step(
    mode: &str,
    fault: &FaultPlan,
    plan: &Plan,
    stream: &mut Stream,
) -> DefinitionStep {
    let users = plan.topology.users.max(1);
    let drawn_user = stream.below(u64::from(users)) as u32;
    let coin = stream.chance(500_000);
    let (subject, object) = match &fault.field {
        Some(field) => field.split_once('.').unwrap_or((field, "")),
        None => ("", ""),
    };
    let named = |number: &u32| login(*number) == subject;
    let user = (0..users).find(named).unwrap_or(drawn_user);
    let yes = fault.value.as_deref().map_or(coin, |value| value == "true");
    let mut or_drawn = |given: &str, all: &[&str]| match given {
        "" => stream.pick(all).copied().unwrap_or_default().to_owned(),
        given => given.to_owned(),
    };
    let value = fault.value.as_deref().unwrap_or_default();
    match mode {
        "role" => DefinitionStep::Role {
            user,
            role: or_drawn(object, &ROLES),
            held: yes,
        },
        "member" => DefinitionStep::Member {
            user,
            team: or_drawn(object, &TEAMS),
            member: yes,
        },
        "unit" => DefinitionStep::Unit {
            user,
            unit: or_drawn(value, &UNITS),
        },
        "user" => DefinitionStep::User { user, there: yes },
        "depth" => DefinitionStep::Depth {
            role: or_drawn(subject, &["worker", "reader"]),
            right: or_drawn(object, &Right::ALL.map(Right::name)),
            depth: or_drawn(value, &Depth::ALL.map(Depth::name)),
        },
        "secure" => DefinitionStep::Secure {
            record_type: "job".to_owned(),
            field: or_drawn(object, &SECRETS),
            secured: yes,
        },
        "trust" => DefinitionStep::Trust { user, trusted: yes },
        "filter" => DefinitionStep::Filter {
            profile: or_drawn(subject, &PROFILES),
            filter: or_drawn(value, &FILTERS[1..]),
        },
        "columns" => DefinitionStep::Columns {
            profile: or_drawn(subject, &PROFILES),
            fields: match &fault.value {
                Some(given) => given.clone(),
                None => or_drawn("", &COLUMNS),
            }
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        },
        "profile" => DefinitionStep::Profile {
            user,
            profile: or_drawn(object, &PROFILES),
            member: yes,
        },
        _ => DefinitionStep::Offline {
            record_type: "job".to_owned(),
            offline: yes,
        },
    }
}
