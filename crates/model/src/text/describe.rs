//! A published change in words, one line each.

mod parts;
mod people;
mod profile;

use super::field::ON_DELETE;
use super::organization::{ACCESSES, GRANULARITIES, WITHOUT_PROFILE};
use super::record_type::label_of;
use super::section::either;
use super::span::offset_text;
use crate::definition::{
    AlternateKey, Definition, DefinitionChange, Field, Granularity, Heading, Hierarchy, Kind,
    RecordType,
};
use crate::id::{FieldId, TypeId};
use crate::value::Decimal;
use parts::Parts;
use std::fmt::Display;

/// Says what each of `changes` does to `before`, a line for each.
pub fn describe(changes: &[DefinitionChange], before: &Definition) -> Vec<String> {
    let changes = &whole(changes);
    let after = overlaid(changes, before);
    let say = |change: &DefinitionChange| match change {
        DefinitionChange::Organization(heading) => organization(before, heading),
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
            let old = before.users.get(login);
            named("user", login, user, |now| people::user(old, now))
        }
        DefinitionChange::Team(name, team) => {
            let old = before.teams.get(name);
            named("team", name, team, |now| people::team(old, now))
        }
        DefinitionChange::BusinessUnit(name, unit) => {
            let old = before.business_units.get(name);
            named("business unit", name, unit, |now| people::unit(old, now))
        }
        DefinitionChange::Position(name, position) => {
            let old = before.positions.get(name);
            named("position", name, position, |now| people::position(old, now))
        }
        DefinitionChange::Role(name, role) => {
            let old = before.roles.get(name);
            named("role", name, role, |now| people::role(old, now, &after))
        }
        DefinitionChange::FieldSecurity(name, security) => {
            let old = before.field_security.get(name);
            named("field security", name, security, |now| {
                people::field_security(old, now, &after)
            })
        }
        DefinitionChange::Profile(name, profile) => {
            let old = before.profiles.get(name);
            named("profile", name, profile, |now| profile::profile(old, now))
        }
        DefinitionChange::ProfileType(name, id, rule) => {
            let profile = before.profiles.get(name);
            let old = profile.and_then(|profile| profile.types.get(id));
            let of = after.types.get(id);
            let place = format!("{name}, {}", of.map_or("?", |of| &of.name));
            named("profile", &place, rule, |now| {
                of.map_or(String::new(), |of| profile::rule(old, now, of, &after))
            })
        }
        DefinitionChange::Users(group, users) => {
            let names: Vec<&str> = users.iter().map(String::as_str).collect();
            format!("{group}: users with {}", names.join(", "))
        }
    };
    changes.iter().map(say).collect()
}

/// The changes with the users of a group told in one.
fn whole(changes: &[DefinitionChange]) -> Vec<DefinitionChange> {
    let mut told: Vec<DefinitionChange> = Vec::new();
    for change in changes {
        let before = told.last_mut().and_then(DefinitionChange::users_mut);
        match (before, change) {
            (Some((of, users)), DefinitionChange::Users(group, more)) if of == *group => {
                users.extend(more.iter().cloned());
            }
            _ => told.push(change.clone()),
        }
    }
    told
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

/// A line about a thing with a name: what it is now, or that it is gone.
fn named<T>(what: &str, name: &str, now: &Option<T>, words: impl FnOnce(&T) -> String) -> String {
    let words = now.as_ref().map_or("removed".to_owned(), words);
    format!("{what} {name}: {words}")
}

fn organization(before: &Definition, heading: &Heading) -> String {
    let mut parts = Parts::default();
    parts.changed("name", &before.name, &heading.name);
    parts.changed("policy", &before.policy, &heading.policy);
    parts.changed(
        "granularity",
        &granularity_name(before.granularity),
        &granularity_name(heading.granularity),
    );
    let hierarchy = |hierarchy: Hierarchy| match hierarchy {
        Hierarchy::None => "none".to_owned(),
        Hierarchy::Manager(levels) => format!("by manager, levels {levels}"),
        Hierarchy::Position(levels) => format!("by position, levels {levels}"),
    };
    let (old, now) = (hierarchy(before.hierarchy), hierarchy(heading.hierarchy));
    parts.changed("hierarchy", &old, &now);
    let (old, now) = (before.utc_offset, heading.utc_offset);
    parts.changed("offset from UTC", &offset_text(old), &offset_text(now));
    parts.changed(
        "without a profile",
        &name_of(WITHOUT_PROFILE, before.without_profile),
        &name_of(WITHOUT_PROFILE, heading.without_profile),
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

/// A field that a type names for a purpose.
type FieldNamed = fn(&RecordType) -> Option<FieldId>;

/// The fields that a type names, by what for.
const FIELDS_NAMED: [(&str, FieldNamed); 4] = [
    ("title", |of| of.title),
    ("owner", |of| of.owner),
    ("readers", |of| of.readers),
    ("writers", |of| of.writers),
];

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
    for (what, field) in FIELDS_NAMED {
        let name = |of: &RecordType| Some(of.fields.get(&field(of)?)?.name.clone());
        parts.optional(what, old.and_then(name), name(now));
    }
    parts.optional(
        "policy",
        old.and_then(|old| old.policy.clone()),
        now.policy.clone(),
    );
    let granularity = |of: &RecordType| of.granularity.map(granularity_name);
    parts.optional("granularity", old.and_then(granularity), granularity(now));
    let was_offline = old.is_none_or(|old| old.offline);
    parts.add_if(was_offline && !now.offline, || "not offline".to_owned());
    parts.add_if(!was_offline && now.offline, || "now offline".to_owned());
    let old_where = old.and_then(|old| old.offline_where.as_ref());
    parts.optional("offline where", old_where, now.offline_where.as_ref());
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
            parts.add_if(now.secured, || "secured".to_owned());
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
        parts.add_if(!old.secured && now.secured, || "now secured".to_owned());
        parts.add_if(old.secured && !now.secured, || {
            "no longer secured".to_owned()
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
