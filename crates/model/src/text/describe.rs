//! A published change in words, one line each.

use super::field::ON_DELETE;
use super::organization::{ACCESSES, GRANULARITIES};
use super::record_type::label_of;
use super::section::either;
use crate::definition::{
    AlternateKey, Definition, DefinitionChange, Field, Granularity, Kind, RecordType, Team, User,
};
use crate::id::TypeId;
use crate::value::Decimal;
use std::fmt::Display;

/// Says what each of `changes` does to `before`, a line for each.
pub fn describe(changes: &[DefinitionChange], before: &Definition) -> Vec<String> {
    let after = overlaid(changes, before);
    let say = |change: &DefinitionChange| match change {
        DefinitionChange::Organization {
            name,
            policy,
            granularity,
        } => organization(before, name, policy, *granularity),
        DefinitionChange::Type(record_type) => {
            let now = after.types.get(&record_type.id).unwrap_or(record_type);
            record_type_line(before.types.get(&record_type.id), now)
        }
        DefinitionChange::Field(id, field) => {
            let place = after.types.get(id).map_or("?", |owner| &owner.name);
            let old = before
                .types
                .get(id)
                .and_then(|owner| owner.fields.get(&field.id));
            format!(
                "{place}.{}: {}",
                field.name,
                Words {
                    before,
                    after: &after
                }
                .field(old, field)
            )
        }
        DefinitionChange::User(login, user) => {
            format!(
                "user {login}: {}",
                user_words(before.users.get(login), user.as_ref())
            )
        }
        DefinitionChange::Team(name, team) => {
            format!(
                "team {name}: {}",
                team_words(before.teams.get(name), team.as_ref())
            )
        }
    };
    changes.iter().map(say).collect()
}

/// `before` with the types and fields of `changes`, for their names.
fn overlaid(changes: &[DefinitionChange], before: &Definition) -> Definition {
    let mut after = before.clone();
    for change in changes {
        match change {
            DefinitionChange::Type(record_type) => {
                let fields = after.types.remove(&record_type.id).map(|old| old.fields);
                let fields = fields.unwrap_or_default();
                after.types.insert(
                    record_type.id,
                    RecordType {
                        fields,
                        ..record_type.clone()
                    },
                );
            }
            DefinitionChange::Field(id, field) => {
                if let Some(owner) = after.types.get_mut(id) {
                    owner.fields.insert(field.id, field.clone());
                }
            }
            _ => {}
        }
    }
    after
}

fn organization(before: &Definition, name: &str, policy: &str, granularity: Granularity) -> String {
    let mut parts = Parts::default();
    parts.changed("name", &before.name.as_str(), &name);
    parts.changed("policy", &before.policy.as_str(), &policy);
    parts.changed(
        "granularity",
        &granularity_name(before.granularity),
        &granularity_name(granularity),
    );
    format!("organization: {}", parts.joined())
}

fn granularity_name(granularity: Granularity) -> &'static str {
    name_of(GRANULARITIES, granularity)
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names
        .iter()
        .find(|(_, named)| *named == value)
        .map_or("", |(name, _)| *name)
}

fn record_type_line(old: Option<&RecordType>, now: &RecordType) -> String {
    let mut parts = Parts::default();
    if old.is_none() {
        parts.add("new record type");
        parts.add_if(now.label != label_of(&now.name), || {
            format!("label {}", now.label)
        });
    }
    if let Some(old) = old {
        parts.add_if(old.name != now.name, || {
            format!("renamed from {}", old.name)
        });
        let followed = old.label == label_of(&old.name) && now.label == label_of(&now.name);
        parts.add_if(old.label != now.label && !followed, || {
            format!("label {} (was {})", now.label, old.label)
        });
        parts.retired(old.retired, now.retired);
    }
    let title = |of: &RecordType| {
        of.title
            .and_then(|id| Some(of.fields.get(&id)?.name.clone()))
    };
    parts.optional("title", old.and_then(title), title(now));
    parts.optional(
        "policy",
        old.and_then(|old| old.policy.clone()),
        now.policy.clone(),
    );
    let granularity = |of: &RecordType| of.granularity.map(granularity_name);
    parts.optional("granularity", old.and_then(granularity), granularity(now));
    keys(old.map_or(&[], |old| &old.keys), now, &mut parts);
    format!("{}: {}", now.name, parts.joined())
}

fn keys(old: &[AlternateKey], now: &RecordType, parts: &mut Parts) {
    for key in now.keys.iter().filter(|key| !old.contains(key)) {
        let fields = key.fields.iter().filter_map(|id| now.fields.get(id));
        let fields: Vec<&str> = fields.map(|field| field.name.as_str()).collect();
        parts.add(format!("key {} on {}", key.name, fields.join(", ")));
    }
    for key in old
        .iter()
        .filter(|key| now.keys.iter().all(|kept| kept.id != key.id))
    {
        parts.add(format!("no key {} any more", key.name));
    }
}

struct Words<'a> {
    before: &'a Definition,
    after: &'a Definition,
}

impl Words<'_> {
    fn field(&self, old: Option<&Field>, now: &Field) -> String {
        let mut parts = Parts::default();
        let Some(old) = old else {
            parts.add("new field");
            parts.add(kind(&now.kind, self.after));
            parts.add_if(now.required, || "required".to_owned());
            parts.optional("default", None, now.default.as_ref());
            parts.optional("policy", None, now.policy.as_ref());
            parts.add_if(now.label != label_of(&now.name), || {
                format!("label {}", now.label)
            });
            parts.add_if(now.retired, || "retired".to_owned());
            return parts.joined();
        };
        parts.add_if(old.name != now.name, || {
            format!("renamed from {}", old.name)
        });
        parts.add_if(old.kind != now.kind, || {
            self.kind_change(&old.kind, &now.kind)
        });
        parts.add_if(!old.required && now.required, || "now required".to_owned());
        parts.add_if(old.required && !now.required, || {
            "no longer required".to_owned()
        });
        parts.optional("default", old.default.as_ref(), now.default.as_ref());
        parts.optional("policy", old.policy.as_ref(), now.policy.as_ref());
        let followed = old.label == label_of(&old.name) && now.label == label_of(&now.name);
        parts.add_if(old.label != now.label && !followed, || {
            format!("label {} (was {})", now.label, old.label)
        });
        parts.retired(old.retired, now.retired);
        parts.joined()
    }

    fn kind_change(&self, old: &Kind, now: &Kind) -> String {
        match (old, now) {
            (Kind::Choice { options: old }, Kind::Choice { options: now })
            | (Kind::MultiChoice { options: old }, Kind::MultiChoice { options: now }) => {
                options(old, now)
            }
            _ => format!("{} (was {})", kind(now, self.after), kind(old, self.before)),
        }
    }
}

fn options(old: &[String], now: &[String]) -> String {
    let missing = |from: &[String], of: &[String]| -> Vec<String> {
        of.iter()
            .filter(|option| !from.contains(option))
            .cloned()
            .collect()
    };
    let (added, removed) = (missing(old, now), missing(now, old));
    let mut parts = Parts::default();
    parts.add_if(!added.is_empty(), || {
        format!("new option {}", added.join(", "))
    });
    parts.add_if(!removed.is_empty(), || {
        format!("no option {} any more", removed.join(", "))
    });
    parts.add_if(added.is_empty() && removed.is_empty(), || {
        format!("options in the order {}", now.join(", "))
    });
    parts.joined()
}

fn kind(kind_now: &Kind, definition: &Definition) -> String {
    match kind_now {
        Kind::Text {
            length_max: Some(max),
        } => format!("text of at most {max} characters"),
        Kind::Integer { min, max } => format!("integer{}", range(min, max)),
        Kind::Decimal { min, max, scale } => {
            let scale = scale.map_or(String::new(), |scale| {
                format!(" with {scale} digits after the point")
            });
            format!("decimal{}{scale}", range::<Decimal>(min, max))
        }
        Kind::Money { currency, min, max } => {
            format!("money in {currency}{}", range::<Decimal>(min, max))
        }
        Kind::Choice { options } => format!("choice of {}", options.join(", ")),
        Kind::MultiChoice { options } => format!("multi-choice of {}", options.join(", ")),
        Kind::Lookup { targets, on_delete } => {
            let name = |id: &TypeId| {
                definition
                    .types
                    .get(id)
                    .map_or("?", |target| target.name.as_str())
            };
            let names: Vec<&str> = targets.iter().map(name).collect();
            format!(
                "lookup to {}, on delete {}",
                either(&names),
                name_of(ON_DELETE, *on_delete)
            )
        }
        Kind::Set { of } => format!("set of {}", kind(of, definition)),
        other => other.name().to_owned(),
    }
}

fn range<T: Display>(min: &Option<T>, max: &Option<T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" up to {max}"),
        (None, None) => String::new(),
    }
}

fn user_words(old: Option<&User>, now: Option<&User>) -> String {
    let Some(now) = now else {
        return "removed".to_owned();
    };
    let access = |user: &User| name_of(ACCESSES, user.access);
    let mut parts = Parts::default();
    match old {
        None => {
            parts.add(format!("new, {}", now.name));
            parts.optional("email", None, now.email.as_ref());
            parts.add(format!("access {}", access(now)));
        }
        Some(old) => {
            parts.changed("name", &old.name, &now.name);
            parts.optional("email", old.email.as_ref(), now.email.as_ref());
            parts.changed("access", &access(old), &access(now));
        }
    }
    parts.joined()
}

fn team_words(old: Option<&Team>, now: Option<&Team>) -> String {
    let Some(now) = now else {
        return "removed".to_owned();
    };
    let mut parts = Parts::default();
    match old {
        None => parts.add(format!("new, {}", now.name)),
        Some(old) => parts.changed("name", &old.name, &now.name),
    }
    let join = |logins: Vec<&String>| {
        logins
            .into_iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let none = Default::default();
    let old = old.map_or(&none, |old| &old.members);
    let (joined, left) = (
        join(now.members.difference(old).collect()),
        join(old.difference(&now.members).collect()),
    );
    parts.add_if(!joined.is_empty(), || format!("with {joined}"));
    parts.add_if(!left.is_empty(), || format!("without {left}"));
    parts.joined()
}

/// What is said of one thing, piece by piece.
#[derive(Default)]
struct Parts(Vec<String>);

impl Parts {
    fn add(&mut self, part: impl Into<String>) {
        self.0.push(part.into());
    }

    fn add_if(&mut self, said: bool, part: impl FnOnce() -> String) {
        if said {
            self.add(part());
        }
    }

    fn changed<T: PartialEq + Display>(&mut self, what: &str, old: &T, now: &T) {
        self.add_if(old != now, || format!("{what} {now} (was {old})"));
    }

    fn optional<T: PartialEq + Display>(&mut self, what: &str, old: Option<T>, now: Option<T>) {
        match (old, now) {
            (Some(old), Some(now)) if old != now => self.add(format!("{what} {now} (was {old})")),
            (None, Some(now)) => self.add(format!("{what} {now}")),
            (Some(old), None) => self.add(format!("no {what} any more (was {old})")),
            _ => {}
        }
    }

    fn retired(&mut self, old: bool, now: bool) {
        self.add_if(!old && now, || "retired".to_owned());
        self.add_if(old && !now, || "in use again".to_owned());
    }

    fn joined(&self) -> String {
        self.0.join(", ")
    }
}
