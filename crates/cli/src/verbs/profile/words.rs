//! Offline profiles in words.

use cairn_model::definition::{Combine, Files, Filter, Owned, ProfileType, Relationship};
use cairn_model::expression::compile;
use cairn_model::{Definition, FieldId, RecordType, TypeId};
use std::collections::BTreeSet;

/// Whom a profile is for: `team field, users amara and dilys`.
pub(super) fn members_words(
    users: &BTreeSet<String>,
    teams: &BTreeSet<String>,
    roles: &BTreeSet<String>,
) -> String {
    let part = |what: &str, names: &BTreeSet<String>| {
        let names: Vec<String> = names.iter().cloned().collect();
        let plural = if names.len() == 1 { "" } else { "s" };
        (!names.is_empty()).then(|| format!("{what}{plural} {}", some_of(&names, MEMBERS_MAX)))
    };
    let parts = [
        part("team", teams),
        part("role", roles),
        part("user", users),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "nobody".to_owned(),
        false => parts.join("; "),
    }
}

/// Members that are named.
const MEMBERS_MAX: usize = 10;

/// The first names of many, and how many more there are.
pub(super) fn some_of(names: &[String], most: usize) -> String {
    let shown = names[..names.len().min(most)].join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Which records of its type a rule lets in by themselves.
pub(super) fn filter_words(rule: &ProfileType, of: &RecordType, definition: &Definition) -> String {
    match &rule.filter {
        Filter::All => "every record the user may read".to_owned(),
        Filter::RelatedOnly => "none by itself".to_owned(),
        Filter::Owned(owned) => format!("records of {}", owners_words(*owned)),
        Filter::Where(text) => {
            let compiled = compile(text, definition, of.id);
            let words = compiled.map(|expression| expression.describe(definition));
            format!("records where {}", words.unwrap_or_else(|_| text.clone()))
        }
    }
}

fn owners_words(owned: Owned) -> String {
    let parts = [
        (owned.mine, "the user's own"),
        (owned.my_teams, "the user's teams"),
        (owned.my_business_unit, "the user's business unit"),
    ];
    let parts = parts.iter().filter(|(is, _)| *is).map(|(_, words)| *words);
    let parts: Vec<&str> = parts.collect();
    parts.join(" or ")
}

/// A relationship with its direction: `those that a held booking points at by
/// work_order`.
pub(super) fn related_words(
    relationship: &Relationship,
    of: &RecordType,
    definition: &Definition,
) -> String {
    let type_name = |id: &TypeId| {
        let found = definition.types.get(id);
        found.map_or("?".to_owned(), |found| found.name.clone())
    };
    let field_name = |of: Option<&RecordType>, id: &FieldId| {
        let found = of.and_then(|of| of.fields.get(id));
        found.map_or("?".to_owned(), |field| field.name.clone())
    };
    let (words, depth) = match relationship {
        Relationship::PointedAtBy {
            record_type,
            field,
            depth,
        } => {
            let by = field_name(definition.types.get(record_type), field);
            let from = type_name(record_type);
            (format!("those that a held {from} points at by {by}"), depth)
        }
        Relationship::PointingAt {
            record_type,
            field,
            depth,
        } => {
            let (to, by) = (type_name(record_type), field_name(Some(of), field));
            (format!("those that point by {by} at a held {to}"), depth)
        }
    };
    match depth {
        None => words,
        Some(1) => format!("{words}, one step away"),
        Some(steps) => format!("{words}, at most {steps} steps away"),
    }
}

/// How filter and relationships go together.
pub(super) fn combine_words(combine: Combine) -> &'static str {
    match combine {
        Combine::Or => "or",
        Combine::And => "and",
    }
}

/// When files are fetched.
pub(super) fn files_words(files: Files) -> &'static str {
    match files {
        Files::Eager => "with the records",
        Files::OnView => "when somebody looks at one",
    }
}

/// Minutes between updates.
pub(super) fn interval_words(minutes: u32) -> String {
    match minutes {
        0 => "live".to_owned(),
        1440 => "once a day".to_owned(),
        60 => "every hour".to_owned(),
        minutes if minutes % 60 == 0 => format!("every {} hours", minutes / 60),
        1 => "every minute".to_owned(),
        minutes => format!("every {minutes} minutes"),
    }
}

/// A number of bytes as people read it.
pub(super) fn bytes_words(bytes: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match STEPS.iter().find(|(size, _)| bytes >= *size) {
        Some((size, unit)) => format!("{:.1} {unit}", bytes as f64 / *size as f64),
        None => format!("{bytes} bytes"),
    }
}

/// A span of time as people read it.
pub(super) fn seconds_words(seconds: f64) -> String {
    match seconds {
        seconds if seconds < 60.0 => format!("{seconds:.1} s"),
        seconds if seconds < 3600.0 => format!("{:.0} min", (seconds / 60.0).ceil()),
        seconds => format!("{:.1} h", seconds / 3600.0),
    }
}
