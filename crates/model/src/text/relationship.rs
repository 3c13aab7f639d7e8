//! Relationships in words: `pointed at by booking.work_order` and `pointing at
//! account by parent, at most 3 steps`.

use super::file::File;
use super::record_type::TypesRead;
use super::section::Word;
use super::suggest::did_you_mean;
use crate::definition::{Definition, RecordType, Relationship};
use crate::id::TypeId;

const FORM: &str = "write \"pointed at by TYPE.FIELD\" or \"pointing at TYPE by FIELD\", with \", at most 3 steps\" where it shall end";

/// What is wrong with a relationship.
pub(super) enum Mistake {
    /// It is not in the form of one.
    Form,
    /// It names a type or a field that there is not. The type's file may be
    /// broken, so that nobody can tell.
    Name(Option<TypeId>, String, String),
}

/// Reads a relationship of the type `id`.
pub(super) fn read(
    file: &File<'_>,
    word: &Word<'_>,
    id: TypeId,
    types: &TypesRead,
    definition: &Definition,
) -> Option<Relationship> {
    match meant(word.text, id, definition) {
        Ok(relationship) => return Some(relationship),
        Err(Mistake::Form) => {
            let wrong = format!("`{}` is not a relationship", word.text);
            file.fault(word.span.clone(), wrong, FORM);
        }
        Err(Mistake::Name(of, ..)) if of.is_some_and(|of| types.is_broken(of)) => {}
        Err(Mistake::Name(_, wrong, instead)) => file.fault(word.span.clone(), wrong, instead),
    }
    None
}

/// What the words of a relationship of the type `id` mean.
pub(super) fn meant(
    text: &str,
    id: TypeId,
    definition: &Definition,
) -> Result<Relationship, Mistake> {
    let (way, depth) = match text.split_once(',') {
        Some((way, limit)) => (way, Some(steps(limit).ok_or(Mistake::Form)?)),
        None => (text, None),
    };
    let words: Vec<&str> = way.split_whitespace().collect();
    match words[..] {
        ["pointed", "at", "by", path] => {
            let (name, field) = path.split_once('.').ok_or(Mistake::Form)?;
            let by = type_named(name, definition)?;
            let field = field_named(by, field)?;
            Ok(Relationship::PointedAtBy {
                record_type: by.id,
                field,
                depth,
            })
        }
        ["pointing", "at", name, "by", field] => {
            let record_type = type_named(name, definition)?.id;
            let field = field_named(&definition.types[&id], field)?;
            Ok(Relationship::PointingAt {
                record_type,
                field,
                depth,
            })
        }
        _ => Err(Mistake::Form),
    }
}

fn steps(limit: &str) -> Option<u8> {
    let words: Vec<&str> = limit.split_whitespace().collect();
    match words[..] {
        ["at", "most", number, "step" | "steps"] => number.parse().ok(),
        _ => None,
    }
}

fn type_named<'d>(name: &str, definition: &'d Definition) -> Result<&'d RecordType, Mistake> {
    definition.type_named(name).ok_or_else(|| {
        let (wrong, instead) = super::record_type::no_type(name, definition);
        Mistake::Name(None, wrong, instead)
    })
}

fn field_named(of: &RecordType, name: &str) -> Result<crate::id::FieldId, Mistake> {
    let found = of.field_named(name).map(|field| field.id);
    found.ok_or_else(|| {
        let known = of.live_fields().map(|field| field.name.as_str());
        let instead = did_you_mean(name, known, || format!("name a field of {}", of.name));
        let wrong = format!("{} has no field `{name}`", of.name);
        Mistake::Name(Some(of.id), wrong, instead)
    })
}
