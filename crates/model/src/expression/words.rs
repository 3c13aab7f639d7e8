//! Expressions in words, for a person who asks why a record is where it is.

use super::atom::{Place, Test};
use super::keyed::{RecordSide, UserSide};
use super::moving::{DAY_MS, HOUR_MS, MINUTE_MS, Moving, Order, Origin, Unit};
use super::path::{Path, Read};
use super::{Atom, Expression, Failing, Found, Keyed};
use crate::definition::Definition;
use crate::time::Timestamp;
use crate::value::Value;

/// Values of a list that are shown.
const SHOWN_MAX: usize = 5;

impl Expression {
    /// The expression in words: `Starts at is before today + 8 days`.
    pub fn describe(&self, definition: &Definition) -> String {
        let joined = |parts: &[Expression], word: &str| {
            let parts: Vec<String> = parts.iter().map(|part| part.part(definition)).collect();
            parts.join(word)
        };
        match self {
            Expression::All(parts) => joined(parts, " and "),
            Expression::Any(parts) => joined(parts, " or "),
            Expression::Not(part) => match &**part {
                Expression::Atom(atom) => atom.words(definition, false),
                Expression::Keyed(keyed) => keyed.words(definition, false),
                other => format!("not ({})", other.describe(definition)),
            },
            Expression::Atom(atom) => atom.words(definition, true),
            Expression::Keyed(keyed) => keyed.words(definition, true),
        }
    }

    /// The words of a part of a whole.
    fn part(&self, definition: &Definition) -> String {
        match self {
            Expression::All(_) | Expression::Any(_) => format!("({})", self.describe(definition)),
            leaf => leaf.describe(definition),
        }
    }
}

impl Failing<'_> {
    /// What does not hold, and what was found instead: `Status is "open", but
    /// Status is "closed"`.
    pub fn describe(&self, definition: &Definition) -> String {
        let part = self.part.describe(definition);
        let mut found: Vec<String> = Vec::new();
        for one in self.found.iter().map(|found| found.describe(definition)) {
            if !found.contains(&one) {
                found.push(one);
            }
        }
        if found.is_empty() {
            return part;
        }
        format!("{part}, but {}", found.join(" and "))
    }
}

impl Found<'_> {
    /// What was found: `Status is "closed"`, `Account's City is empty`.
    pub fn describe(&self, definition: &Definition) -> String {
        let path = self.path.describe(definition);
        match self.values.as_slice() {
            [] => format!("{path} is empty"),
            values => format!("{path} is {}", listed(values)),
        }
    }
}

impl Path {
    /// The path in words: `Account's City`.
    pub fn describe(&self, definition: &Definition) -> String {
        let label = |step: &super::Step| {
            let (id, read) = step.first_key_value()?;
            let record_type = definition.types.get(id)?;
            let field = |id| {
                record_type
                    .fields
                    .get(&id)
                    .map(|field| field.label.as_str())
            };
            Some(match read {
                Read::Id => "record itself",
                Read::Created => "time of creation",
                Read::Modified => "time of the latest change",
                Read::Field(id) | Read::Elements(id) => field(*id)?,
            })
        };
        let labels: Vec<&str> = self
            .steps()
            .iter()
            .map(|step| label(step).unwrap_or("?"))
            .collect();
        labels.join("'s ")
    }
}

impl Atom {
    fn words(&self, definition: &Definition, holds: bool) -> String {
        let verb = |path: &Path, positive: &str, negative: &str| {
            let path = path.describe(definition);
            format!("{path} {}", if holds { positive } else { negative })
        };
        let ordered = |path: &Path, order, timed| {
            let is = if holds { "is" } else { "is not" };
            let path = path.describe(definition);
            format!("{path} {is}{}", comparison(order, timed))
        };
        match &self.0 {
            Test::Empty(path) => verb(path, "is empty", "is not empty"),
            Test::Constant(path, Order::Equal, value) if path.many => {
                format!(
                    "{} {}",
                    verb(path, "contains", "does not contain"),
                    shown(value)
                )
            }
            Test::Constant(path, order, value) => {
                format!("{} {}", ordered(path, *order, false), shown(value))
            }
            Test::Among(path, keys) if path.many => format!(
                "{} {}",
                verb(path, "contains one of", "contains none of"),
                listed(keys)
            ),
            Test::Among(path, keys) => {
                format!("{} {}", verb(path, "is one of", "is none of"), listed(keys))
            }
            Test::Fields(path, Order::Equal, other) if path.many || other.many => format!(
                "{} {}",
                verb(path, "shares a value with", "shares no value with"),
                other.describe(definition)
            ),
            Test::Fields(path, order, other) => format!(
                "{} {}",
                ordered(path, *order, is_timed(path, definition)),
                other.describe(definition)
            ),
            Test::Part(path, place, part) => {
                let (positive, negative) = match place {
                    Place::Start => ("starts with", "does not start with"),
                    Place::End => ("ends with", "does not end with"),
                    Place::Anywhere => ("contains", "does not contain"),
                };
                format!("{} {part:?}", verb(path, positive, negative))
            }
            Test::Time(path, order, moving, unit) => {
                format!("{} {}", ordered(path, *order, true), moving.words(*unit))
            }
            Test::Clock(constant, order, moving, unit) => {
                let is = if holds { "is" } else { "is not" };
                let than = comparison(order.flipped(), true);
                format!("{} {is}{than} {}", moving.words(*unit), {
                    constant.words(*unit)
                })
            }
        }
    }
}

/// Whether values of the path are earlier and later, not less and more.
fn is_timed(path: &Path, definition: &Definition) -> bool {
    let Some((id, read)) = path.steps().last().and_then(|step| step.first_key_value()) else {
        return false;
    };
    match read {
        Read::Created | Read::Modified => true,
        Read::Id | Read::Elements(_) => false,
        Read::Field(field) => definition
            .types
            .get(id)
            .and_then(|record_type| record_type.fields.get(field))
            .is_some_and(|field| matches!(field.kind.name(), "date" | "timestamp")),
    }
}

fn comparison(order: Order, timed: bool) -> &'static str {
    match (order, timed) {
        (Order::Equal, _) => "",
        (Order::Less, false) => " less than",
        (Order::AtMost, false) => " at most",
        (Order::Greater, false) => " more than",
        (Order::AtLeast, false) => " at least",
        (Order::Less, true) => " before",
        (Order::AtMost, true) => " at or before",
        (Order::Greater, true) => " after",
        (Order::AtLeast, true) => " at or after",
    }
}

impl Keyed {
    fn words(&self, definition: &Definition, holds: bool) -> String {
        let user = match &self.user {
            UserSide::Record => "the user".to_owned(),
            UserSide::Login => "the user's login".to_owned(),
            UserSide::Teams => "one of the user's teams".to_owned(),
            UserSide::BusinessUnit => "the user's business unit".to_owned(),
            UserSide::Path(path) if path.many => {
                format!("one of the user's {}", path.describe(definition))
            }
            UserSide::Path(path) => format!("the user's {}", path.describe(definition)),
        };
        let verb = |many: bool| match (many, holds) {
            (false, true) => "is",
            (false, false) => "is not",
            (true, true) => "contains",
            (true, false) => "does not contain",
        };
        match &self.record {
            RecordSide::Path(path) => {
                format!("{} {} {user}", path.describe(definition), verb(path.many))
            }
            RecordSide::Constants(keys) => format!("{user} {} {}", verb(false), listed(keys)),
        }
    }
}

impl Moving {
    fn words(self, unit: Unit) -> String {
        let origin = match self.origin {
            Origin::Now => "now".to_owned(),
            Origin::Today if unit == Unit::Milliseconds && !self.is_day() => {
                "the beginning of today".to_owned()
            }
            Origin::Today => "today".to_owned(),
            Origin::Day(day) => Value::Date(day).to_string(),
            Origin::Instant(instant) => Timestamp(u64::try_from(instant).unwrap_or(0)).to_string(),
        };
        match self.plus {
            0 => origin,
            plus if plus < 0 => format!("{origin} - {}", long(-plus)),
            plus => format!("{origin} + {}", long(plus)),
        }
    }
}

/// `8 days`, `1 day 12 hours`.
fn long(mut duration: i64) -> String {
    let mut parts = Vec::new();
    for (unit, length) in [
        ("day", DAY_MS),
        ("hour", HOUR_MS),
        ("minute", MINUTE_MS),
        ("second", 1_000),
    ] {
        match duration / length {
            0 => {}
            1 => parts.push(format!("1 {unit}")),
            count => parts.push(format!("{count} {unit}s")),
        }
        duration %= length;
    }
    parts.join(" ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Choice(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

fn listed(values: &[Value]) -> String {
    let first = values.iter().take(SHOWN_MAX).map(shown);
    let first = first.collect::<Vec<_>>().join(", ");
    match values.len() {
        0..=SHOWN_MAX => first,
        all => format!("{first} and {} more", all - SHOWN_MAX),
    }
}
