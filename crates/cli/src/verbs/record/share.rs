//! `cairn record assign`, `share` and `unshare`: they change the fields that
//! say whose a record is and whom it is shared with.

use super::edit::{EditedView, carry_out, edit};
use crate::editing::Place;
use crate::exit::Failure;
use crate::host::Host;
use crate::record_ref;
use cairn_agent::{FieldEdit, RecordEditKind};
use cairn_model::{Definition, Field, FieldId, Kind, RecordId, RecordType, Value, Write, text};
use cairn_projection::{FieldState, Record};
use serde::{Deserialize, Serialize};

/// How a record is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Sharing {
    /// To read.
    Read,
    /// To read and write.
    Write,
    /// No longer.
    None,
}

/// A user or a team.
struct Whom {
    record: RecordId,
    /// The type of the record that stands for them.
    type_name: &'static str,
    /// `callum`, or `team office`.
    words: String,
}

impl Whom {
    fn read(definition: &Definition, text: &str) -> Result<Whom, Failure> {
        match text.split_once(':') {
            Some(("team", name)) => {
                let known = definition.teams.keys();
                let name = named("team", name, known)?;
                Ok(Whom {
                    record: Definition::team_record(name),
                    type_name: "team",
                    words: format!("team {name}"),
                })
            }
            prefixed => {
                let login = match prefixed {
                    Some(("user", login)) => login,
                    _ => text,
                };
                let login = named("user", login, definition.users.keys())?;
                Ok(Whom {
                    record: Definition::user_record(login),
                    type_name: "user",
                    words: login.to_owned(),
                })
            }
        }
    }

    /// That a field's kind takes the record that stands for them.
    fn fits(&self, definition: &Definition, field: &Field, kind: &Kind) -> Result<(), Failure> {
        let of = definition.type_named(self.type_name);
        let takes = match (kind, of) {
            (Kind::Lookup { targets, .. }, Some(of)) => targets.contains(&of.id),
            _ => false,
        };
        match takes {
            true => Ok(()),
            false => Err(Failure::usage(format!(
                "{} is no value for `{}`: it takes no {}s",
                self.words, field.name, self.type_name
            ))),
        }
    }
}

fn named<'a>(
    what: &str,
    name: &'a str,
    known: impl Iterator<Item = &'a String> + Clone,
) -> Result<&'a str, Failure> {
    if known.clone().any(|one| one == name) {
        return Ok(name);
    }
    let words = known.map(String::as_str);
    let hint = text::did_you_mean(name, words, || {
        "`cairn org export` writes down who there is; a team is written team:NAME".to_owned()
    });
    Err(Failure::not_found(format!(
        "there is no {what} `{name}`: {hint}"
    )))
}

/// Gives a record to a user or a team.
pub(super) async fn assign(
    host: &Host,
    reference: String,
    whom: String,
) -> Result<EditedView, Failure> {
    let place = Place::from(host);
    let prepared = place.look(move |holding| {
        let definition = holding.definition();
        let record = record_ref::find(holding, &reference)?;
        let record_type = record_ref::type_of(holding, &record)?;
        let whom = Whom::read(definition, &whom)?;
        let field = field_of(definition, record_type, record_type.owner, &OWNER)?;
        whom.fits(definition, field, &field.kind)?;
        let write = Write::Set(Value::Lookup(whom.record));
        Ok::<_, Failure>((
            edit(&record, update(vec![(field.id, write)]), None),
            format!("assigned to {}", whom.words),
        ))
    });
    let (edit, done) = prepared.await??;
    carry_out(&place, edit, &done).await
}

/// Shares a record with a user or a team, or ends that.
pub(super) async fn share(
    host: &Host,
    reference: String,
    whom: String,
    access: Sharing,
) -> Result<EditedView, Failure> {
    let place = Place::from(host);
    let prepared = place.look(move |holding| {
        let definition = holding.definition();
        let record = record_ref::find(holding, &reference)?;
        let record_type = record_ref::type_of(holding, &record)?;
        let whom = Whom::read(definition, &whom)?;
        let (writes, done) = match access {
            Sharing::Read | Sharing::Write => {
                shared(definition, record_type, &record, &whom, access)?
            }
            Sharing::None => (
                unshared(definition, record_type, &record, &whom)?,
                format!("no longer shared with {}", whom.words),
            ),
        };
        Ok::<_, Failure>((edit(&record, update(writes), None), done))
    });
    let (edit, done) = prepared.await??;
    carry_out(&place, edit, &done).await
}

type Writes = Vec<(FieldId, Write)>;

fn update(writes: Writes) -> RecordEditKind {
    let edits = writes.into_iter();
    RecordEditKind::Update(
        edits
            .map(|(id, write)| (id, FieldEdit::Write(write)))
            .collect(),
    )
}

fn shared(
    definition: &Definition,
    record_type: &RecordType,
    record: &Record,
    whom: &Whom,
    access: Sharing,
) -> Result<(Writes, String), Failure> {
    let (named, part, how) = match access {
        Sharing::Write => (record_type.writers, &WRITERS, "to read and write"),
        _ => (record_type.readers, &READERS, "to read"),
    };
    let field = field_of(definition, record_type, named, part)?;
    let Kind::Set { of } = &field.kind else {
        return Err(Failure::usage(format!("`{}` is no set", field.name)));
    };
    whom.fits(definition, field, of)?;
    let value = Value::Lookup(whom.record);
    if has(record, field.id, &value) {
        return Err(Failure::usage(format!(
            "it is shared with {} already, {how}",
            whom.words
        )));
    }
    let write = Write::Change {
        add: [value].into(),
        remove: Default::default(),
    };
    let done = format!("shared with {}, {how}", whom.words);
    Ok((vec![(field.id, write)], done))
}

fn unshared(
    definition: &Definition,
    record_type: &RecordType,
    record: &Record,
    whom: &Whom,
) -> Result<Writes, Failure> {
    let sets = [record_type.readers, record_type.writers];
    if sets.iter().all(Option::is_none) {
        return Err(lacking(definition, record_type, &READERS));
    }
    let value = Value::Lookup(whom.record);
    let having = sets.into_iter().flatten();
    let having = having.filter(|field| has(record, *field, &value));
    let writes: Writes = having
        .map(|field| {
            let write = Write::Change {
                add: Default::default(),
                remove: [value.clone()].into(),
            };
            (field, write)
        })
        .collect();
    match writes.is_empty() {
        true => Err(Failure::usage(format!(
            "it is not shared with {}",
            whom.words
        ))),
        false => Ok(writes),
    }
}

fn has(record: &Record, field: FieldId, value: &Value) -> bool {
    match record.field(field) {
        Some(FieldState::Set(set)) => set.elements().any(|element| element == value),
        _ => false,
    }
}

/// A field that a type may name.
struct Part {
    /// Its key in the definition.
    key: &'static str,
    of: fn(&RecordType) -> Option<FieldId>,
}

const OWNER: Part = Part {
    key: "owner",
    of: |of| of.owner,
};
const READERS: Part = Part {
    key: "readers",
    of: |of| of.readers,
};
const WRITERS: Part = Part {
    key: "writers",
    of: |of| of.writers,
};

fn field_of<'a>(
    definition: &Definition,
    record_type: &'a RecordType,
    named: Option<FieldId>,
    part: &Part,
) -> Result<&'a Field, Failure> {
    let field = named.and_then(|field| record_type.fields.get(&field));
    let field = field.filter(|field| !field.retired);
    field.ok_or_else(|| lacking(definition, record_type, part))
}

/// That a type names no such field, and which types do.
fn lacking(definition: &Definition, record_type: &RecordType, part: &Part) -> Failure {
    let types = definition.types.values();
    let having = types.filter(|of| !of.retired && (part.of)(of).is_some());
    let having: Vec<&str> = having.map(|of| of.name.as_str()).collect();
    let others = match having.is_empty() {
        true => "and no record type does".to_owned(),
        false => format!("as {} do", having.join(", ")),
    };
    Failure::usage(format!(
        "{} names no field for its {}, {others}; an administrator can name one in types/{}.toml: {} = \"…\"",
        record_type.name, part.key, record_type.name, part.key
    ))
}
