//! One field: its kind with the limits, and what every field may say.

use super::default;
use super::organization::policy;
use super::record_type::{TypeNames, label_of};
use super::section::{Section, Word, either};
use super::suggest::{did_you_mean, nearest};
use crate::definition::{Field, Kind, OnDelete};
use crate::id::{FieldId, TypeId};
use std::collections::BTreeSet;

/// What a field of any kind may say.
const COMMON: &[&str] = &[
    "kind",
    "label",
    "required",
    "default",
    "policy",
    "secured",
    "retired",
    "renamed_from",
];

/// On-delete behaviours by their names.
pub(super) const ON_DELETE: &[(&str, OnDelete)] = &[
    ("restrict", OnDelete::Restrict),
    ("cascade", OnDelete::Cascade),
    ("clear", OnDelete::Clear),
];

/// `target = "*"`: every record type in use.
pub(super) const ANY_TYPE: &str = "*";

/// Kinds with what each may say beside [`COMMON`].
const KINDS: &[(&str, &[&str])] = &[
    ("text", &["length_max"]),
    ("integer", &["min", "max"]),
    ("decimal", &["min", "max", "scale"]),
    ("money", &["currency", "min", "max"]),
    ("boolean", &[]),
    ("date", &[]),
    ("timestamp", &[]),
    ("choice", &["options"]),
    ("multi-choice", &["options"]),
    ("lookup", &["target", "on_delete"]),
    ("file", &[]),
    ("counter", &[]),
    ("set", &["of"]),
    ("rich-text", &[]),
    ("json", &[]),
];

/// What other systems call the kinds.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("string", "text"),
    ("varchar", "text"),
    ("int", "integer"),
    ("number", "integer` or `decimal"),
    ("float", "decimal"),
    ("double", "decimal"),
    ("currency", "money"),
    ("bool", "boolean"),
    ("datetime", "timestamp"),
    ("time", "timestamp"),
    ("enum", "choice"),
    ("select", "choice"),
    ("picklist", "choice"),
    ("reference", "lookup"),
    ("link", "lookup"),
    ("relation", "lookup"),
    ("attachment", "file"),
    ("image", "file"),
    ("list", "set"),
    ("tags", "set"),
    ("markdown", "rich-text"),
    ("memo", "rich-text"),
    ("object", "json"),
];

/// What a field stands among.
pub(super) struct Surroundings<'a> {
    pub(super) types: &'a TypeNames<'a>,
    pub(super) policies: &'a [&'a str],
    /// The field in force.
    pub(super) old: Option<&'a Field>,
    pub(super) type_retired: bool,
}

/// How a lookup is on its target's deletion when the text does not say: what
/// keeps the record valid without deleting it.
pub(super) fn on_delete_default(required: bool) -> OnDelete {
    if required {
        OnDelete::Restrict
    } else {
        OnDelete::Clear
    }
}

/// Reads a field. A kind that cannot be read stands as text, and nothing that
/// depends on it is read.
pub(super) fn read(
    section: Section<'_>,
    name: &str,
    id: FieldId,
    around: &Surroundings<'_>,
) -> Field {
    let kind = kind(section, around);
    if let (Some(kind), Some(old)) = (&kind, around.old)
        && !old.kind.widens_to(kind)
    {
        narrowing(section, name, old, kind);
    }
    Field {
        id,
        name: name.to_owned(),
        label: section
            .text("label")
            .map_or_else(|| label_of(name), str::to_owned),
        required: section.flag("required") && kind.is_some(),
        default: kind.as_ref().and_then(|kind| default::read(section, kind)),
        kind: kind.unwrap_or_else(Kind::text),
        policy: policy(section, around.policies),
        secured: section.flag("secured"),
        retired: section.flag("retired"),
    }
}

fn narrowing(section: Section<'_>, name: &str, old: &Field, kind: &Kind) {
    let (from, to) = (old.kind.full_name(), kind.full_name());
    let wrong = format!("`{name}` cannot become {to}: it is {from}, and only widening is possible");
    let instead = if old.retired {
        "it is the retired field that comes back; give a new field another name"
    } else {
        "keep the kind, or retire the field and add a new one"
    };
    section.fault("kind", wrong, instead);
}

fn kind(section: Section<'_>, around: &Surroundings<'_>) -> Option<Kind> {
    let found = kind_named(section);
    match found {
        Some(("set", _)) => {}
        Some((name, own)) => section.only(&format!("a {name} field"), &[COMMON, own].concat()),
        None => {
            let every: Vec<&[&str]> = KINDS.iter().map(|(_, own)| *own).collect();
            section.only("a field", &[COMMON, &every.concat()].concat());
        }
    }
    read_kind(section, found?.0, around)
}

fn kind_named(section: Section<'_>) -> Option<(&'static str, &'static [&'static str])> {
    let names: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    if !section.has("kind") {
        section.fault(
            "kind",
            "the field has no kind",
            format!("give it a `kind`: {}", either(&names)),
        );
        return None;
    }
    let given = section.text("kind")?;
    let found = KINDS.iter().find(|(name, _)| *name == given);
    if found.is_none() {
        let meant = OTHER_WORDS
            .iter()
            .find(|(word, _)| *word == given.to_lowercase());
        let instead = match meant
            .map(|(_, kind)| *kind)
            .or_else(|| nearest(given, names.iter().copied()))
        {
            Some(kind) => format!("did you mean `{kind}`?"),
            None => format!("write {}", either(&names)),
        };
        section.fault("kind", format!("there is no kind `{given}`"), instead);
    }
    found.copied()
}

fn read_kind(section: Section<'_>, name: &str, around: &Surroundings<'_>) -> Option<Kind> {
    Some(match name {
        "text" => text(section),
        "integer" => Kind::Integer {
            min: section.whole("min"),
            max: section.whole("max"),
        },
        "decimal" => Kind::Decimal {
            min: section.decimal("min"),
            max: section.decimal("max"),
            scale: section
                .count("scale", SCALE_MAX)
                .and_then(|scale| u8::try_from(scale).ok()),
        },
        "money" => Kind::Money {
            currency: currency(section),
            min: section.decimal("min"),
            max: section.decimal("max"),
        },
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "timestamp" => Kind::Timestamp,
        "choice" => Kind::Choice {
            options: options(section),
        },
        "multi-choice" => Kind::MultiChoice {
            options: options(section),
        },
        "lookup" => lookup(section, around, section.quiet_flag("required")),
        "file" => Kind::File,
        "counter" => Kind::Counter,
        "set" => Kind::Set {
            of: Box::new(element(section, around)?),
        },
        "rich-text" => Kind::RichText,
        _ => Kind::Json,
    })
}

/// Digits after the point that a decimal can have at most.
const SCALE_MAX: u32 = 28;

fn text(section: Section<'_>) -> Kind {
    Kind::Text {
        length_max: section.count("length_max", u32::MAX),
    }
}

fn options(section: Section<'_>) -> Vec<String> {
    let words = section.words("options").unwrap_or_default();
    words.into_iter().map(|word| word.text.to_owned()).collect()
}

fn currency(section: Section<'_>) -> String {
    if !section.has("currency") {
        section.fault(
            "currency",
            "the money has no currency",
            "give a `currency`, such as \"EUR\"",
        );
    }
    section.text("currency").unwrap_or(NO_CURRENCY).to_owned()
}

/// What ISO 4217 writes where no currency is meant.
const NO_CURRENCY: &str = "XXX";

fn element(section: Section<'_>, around: &Surroundings<'_>) -> Option<Kind> {
    const ELEMENTS: &str = "write `of = \"text\"` or `of = \"lookup\"`";
    let (owner, own): (_, &[&str]) = match section.quiet_text("of") {
        Some("text") => ("a set of texts", &["of", "length_max"]),
        Some("lookup") => ("a set of lookups", &["of", "target", "on_delete"]),
        _ => ("a set", &["of", "length_max", "target", "on_delete"]),
    };
    section.only(owner, &[COMMON, own].concat());
    if !section.has("of") {
        section.fault("of", "the set does not say what it is of", ELEMENTS);
    }
    match section.text("of")? {
        "text" => Some(text(section)),
        "lookup" => Some(lookup(section, around, false)),
        other => {
            section.fault("of", format!("a set of {other} is not possible"), ELEMENTS);
            None
        }
    }
}

fn lookup(section: Section<'_>, around: &Surroundings<'_>, required: bool) -> Kind {
    let retired = around.type_retired || section.quiet_flag("retired");
    let mut targets = BTreeSet::new();
    for word in section.word_or_words("target").unwrap_or_default() {
        if word.text == ANY_TYPE {
            targets.extend(&around.types.live);
        } else {
            targets.extend(target(section, &word, around.types, retired));
        }
    }
    let on_delete = section.one_of("on_delete", ON_DELETE);
    Kind::Lookup {
        targets,
        on_delete: on_delete.unwrap_or(on_delete_default(required)),
    }
}

fn target(
    section: Section<'_>,
    word: &Word<'_>,
    types: &TypeNames<'_>,
    retired: bool,
) -> Option<TypeId> {
    let name = word.text;
    let found = types.ids.get(name).copied();
    match found {
        None => {
            let instead = did_you_mean(name, types.ids.keys().copied(), || {
                format!("name a record type, or add types/{name}.toml")
            });
            section.file.fault(
                word.span.clone(),
                format!("there is no record type `{name}`"),
                instead,
            );
        }
        Some(id) if !retired && !types.live.contains(&id) => section.file.fault(
            word.span.clone(),
            format!("record type `{name}` is retired"),
            "name one in use",
        ),
        Some(_) => {}
    }
    found
}
