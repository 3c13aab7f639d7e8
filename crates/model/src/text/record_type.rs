//! `types/NAME.toml`: record types, their title and keys.

use super::field::{self, Surroundings};
use super::file::{File, Folder};
use super::identity::{Identity, Known, LostReason, Named, identify};
use super::organization::{GRANULARITIES, policy};
use super::place::Places;
use super::section::{Section, Word};
use super::suggest::did_you_mean;
use crate::definition::{AlternateKey, Definition, Field, RecordType};
use crate::id::{FieldId, KeyId, TypeId};
use std::collections::{BTreeMap, BTreeSet};

const PARTS: &[&str] = &[
    "label",
    "title",
    "policy",
    "granularity",
    "owner",
    "readers",
    "writers",
    "offline",
    "offline_where",
    "retired",
    "renamed_from",
    "keys",
    "fields",
];

/// What lookups may name.
#[derive(Default)]
pub(super) struct TypeNames<'a> {
    /// Every type there is or was.
    pub(super) ids: BTreeMap<&'a str, TypeId>,
    /// The types in use.
    pub(super) live: BTreeSet<TypeId>,
}

/// The types as they were read, for what names them afterwards.
#[derive(Default)]
pub(super) struct TypesRead {
    /// Types whose files cannot be read: nobody can tell what is missing in
    /// them.
    broken: BTreeSet<TypeId>,
}

/// What is wrong with a name that no type in use has, and what to write
/// instead.
pub(super) fn no_type(name: &str, definition: &Definition) -> (String, String) {
    let live = definition.types.values().filter(|t| !t.retired);
    if definition.types.values().any(|t| t.name == name) {
        let wrong = format!("record type `{name}` is retired");
        return (wrong, "name one in use".to_owned());
    }
    let instead = did_you_mean(name, live.map(|t| t.name.as_str()), || {
        format!("name a record type, or add types/{name}.toml")
    });
    (format!("there is no record type `{name}`"), instead)
}

impl TypesRead {
    /// Whether every type was read, so that what is told of it is its fault.
    pub(super) fn are_whole(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether the type's file cannot be read.
    pub(super) fn is_broken(&self, id: TypeId) -> bool {
        self.broken.contains(&id)
    }

    /// Notes where something stands that names types.
    pub(super) fn add_place<'a>(&self, places: &mut Places<'a>, place: &str, section: Section<'a>) {
        if self.are_whole() {
            places.add(place.to_owned(), section);
        }
    }

    /// The type in use that a word names.
    pub(super) fn named<'d>(
        &self,
        definition: &'d Definition,
        file: &File<'_>,
        word: &Word<'_>,
    ) -> Option<&'d RecordType> {
        let found = definition.type_named(word.text);
        if found.is_none() {
            let (wrong, instead) = no_type(word.text, definition);
            file.fault(word.span.clone(), wrong, instead);
        }
        found
    }

    /// The field in use that a word names.
    pub(super) fn field(
        &self,
        of: &RecordType,
        file: &File<'_>,
        word: &Word<'_>,
    ) -> Option<FieldId> {
        let name = word.text;
        let found = of.field_named(name).map(|field| field.id);
        if found.is_none() && !self.is_broken(of.id) {
            let known = of.live_fields().map(|field| field.name.as_str());
            let instead = did_you_mean(name, known, || format!("name a field of {}", of.name));
            let wrong = format!("{} has no field `{name}`", of.name);
            file.fault(word.span.clone(), wrong, instead);
        }
        found
    }

    /// The field that a word names as `work_order.status`.
    pub(super) fn field_path(
        &self,
        definition: &Definition,
        file: &File<'_>,
        word: &Word<'_>,
    ) -> Option<(TypeId, FieldId)> {
        let Some((record_type, field)) = word.text.split_once('.') else {
            let wrong = format!("`{}` does not name a field", word.text);
            file.fault(
                word.span.clone(),
                wrong,
                "write TYPE.FIELD, such as \"work_order.status\"",
            );
            return None;
        };
        let part = |text| Word {
            text,
            span: word.span.clone(),
        };
        let of = self.named(definition, file, &part(record_type))?;
        Some((of.id, self.field(of, file, &part(field))?))
    }
}

/// Reads every record type; those that only `base` has are kept as retired.
pub(super) fn read_all<'a>(
    folder: &'a Folder<'a>,
    base: &'a Definition,
    policies: &'a [&'a str],
    definition: &mut Definition,
    places: &mut Places<'a>,
) -> TypesRead {
    let mut types = TypesRead::default();
    let identities = identities(folder, base);
    let names = type_names(folder, base, &identities);
    for ((name, file), identity) in folder.types.iter().zip(&identities) {
        let Some(id) = identity.id().map(TypeId) else {
            file.fault(
                0..0,
                "no id is left for another record type",
                "bring a retired one back instead",
            );
            continue;
        };
        let old = base.types.get(&id);
        let read = match file.root() {
            Some(root) => {
                check_rename(
                    "record type",
                    root,
                    identity,
                    base.types.values().map(|t| t.name.as_str()),
                );
                places.add((*name).to_owned(), root);
                places.add_parts(
                    name,
                    root,
                    &["owner", "readers", "writers", "offline_where"],
                );
                let reader = Reader {
                    root,
                    name,
                    id,
                    old,
                    names: &names,
                    policies,
                };
                reader.read(places)
            }
            None => {
                types.broken.insert(id);
                unread(name, id, old)
            }
        };
        definition.types.insert(id, read);
    }
    for (id, old) in &base.types {
        let kept = || RecordType {
            retired: true,
            ..old.clone()
        };
        definition.types.entry(*id).or_insert_with(kept);
    }
    types
}

fn identities(folder: &Folder<'_>, base: &Definition) -> Vec<Identity> {
    let named = |(name, file): &(&'_ str, File<'_>)| -> (String, Option<String>) {
        let renamed_from = file.root().and_then(|root| root.quiet_text("renamed_from"));
        ((*name).to_owned(), renamed_from.map(str::to_owned))
    };
    let entries: Vec<(String, Option<String>)> = folder.types.iter().map(named).collect();
    let entries: Vec<Named<'_>> = entries
        .iter()
        .map(|(name, renamed_from)| Named {
            name,
            renamed_from: renamed_from.as_deref(),
        })
        .collect();
    let known: Vec<Known<'_>> = base
        .types
        .values()
        .map(|old| Known {
            id: old.id.0,
            name: &old.name,
            retired: old.retired,
        })
        .collect();
    identify(&entries, &known)
}

fn type_names<'a>(
    folder: &'a Folder<'a>,
    base: &'a Definition,
    identities: &[Identity],
) -> TypeNames<'a> {
    let mut names = TypeNames::default();
    for ((name, file), identity) in folder.types.iter().zip(identities) {
        let Some(id) = identity.id().map(TypeId) else {
            continue;
        };
        names.ids.insert(name, id);
        if !file.root().is_some_and(|root| root.quiet_flag("retired")) {
            names.live.insert(id);
        }
    }
    for old in base.types.values().rev() {
        names.ids.entry(&old.name).or_insert(old.id);
    }
    names
}

/// What stands for a type whose file is broken: what it was, so that nothing
/// else seems wrong for want of it.
fn unread(name: &str, id: TypeId, old: Option<&RecordType>) -> RecordType {
    old.cloned()
        .unwrap_or_else(|| RecordType::new(id, name, &label_of(name)))
}

/// The label of what nobody gave one: `Work order` for `work_order`.
pub(super) fn label_of(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut letters = spaced.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Notes a rename of what is not there.
fn check_rename<'n>(
    owner: &str,
    section: Section<'_>,
    identity: &Identity,
    known: impl Iterator<Item = &'n str>,
) {
    let old = section.text("renamed_from").unwrap_or_default();
    let Identity::Lost(_, reason) = identity else {
        return;
    };
    let (wrong, instead) = match reason {
        LostReason::Unknown => (
            format!("there is no {owner} `{old}` to rename"),
            did_you_mean(old, known, || {
                "leave out `renamed_from` for a new one".to_owned()
            }),
        ),
        LostReason::Taken => (
            format!("{owner} `{old}` goes on under another name already"),
            "leave out `renamed_from` for a new one".to_owned(),
        ),
    };
    section.fault("renamed_from", wrong, instead);
}

/// One record type while it is read.
struct Reader<'a, 'n> {
    root: Section<'a>,
    name: &'a str,
    id: TypeId,
    old: Option<&'a RecordType>,
    names: &'n TypeNames<'a>,
    policies: &'a [&'a str],
}

impl<'a> Reader<'a, '_> {
    fn read(&self, places: &mut Places<'a>) -> RecordType {
        let root = self.root;
        root.only("a record type", PARTS);
        let fields = self.fields(places);
        let names = self.field_names(&fields);
        RecordType {
            id: self.id,
            name: self.name.to_owned(),
            label: root
                .text("label")
                .map_or_else(|| label_of(self.name), str::to_owned),
            title: self.field_under("title", &names),
            keys: self.keys(&names, places),
            policy: policy(root, self.policies),
            granularity: root.one_of("granularity", GRANULARITIES),
            owner: self.field_under("owner", &names),
            readers: self.field_under("readers", &names),
            writers: self.field_under("writers", &names),
            offline: root.flag_unless_false("offline"),
            offline_where: root.text("offline_where").map(str::to_owned),
            retired: root.flag("retired"),
            fields,
        }
    }

    fn fields(&self, places: &mut Places<'a>) -> BTreeMap<FieldId, Field> {
        let entries = match self.root.table("fields", "fields under [fields]") {
            Some(section) => section.tables("a field as { kind = \"text\" }"),
            None => Vec::new(),
        };
        let identities = self.field_identities(&entries);
        let old_fields = || self.old.into_iter().flat_map(|old| old.fields.values());
        let mut fields = BTreeMap::new();
        for ((name, section), identity) in entries.iter().zip(&identities) {
            let Some(id) = identity.id().map(FieldId) else {
                section.file.fault(
                    section.name_span(),
                    "no id is left for another field",
                    "bring a retired one back instead",
                );
                continue;
            };
            check_rename(
                "field",
                *section,
                identity,
                old_fields().map(|f| f.name.as_str()),
            );
            let place = format!("{}.{name}", self.name);
            places.add_parts(&place, *section, &["secured"]);
            places.add(place, *section);
            let surroundings = Surroundings {
                types: self.names,
                policies: self.policies,
                old: self.old.and_then(|old| old.fields.get(&id)),
                type_retired: self.root.quiet_flag("retired"),
            };
            fields.insert(id, field::read(*section, name, id, &surroundings));
        }
        for old in old_fields() {
            fields.entry(old.id).or_insert_with(|| Field {
                retired: true,
                ..old.clone()
            });
        }
        fields
    }

    fn field_identities(&self, entries: &[(&str, Section<'_>)]) -> Vec<Identity> {
        let entries: Vec<Named<'_>> = entries
            .iter()
            .map(|(name, section)| Named {
                name,
                renamed_from: section.quiet_text("renamed_from"),
            })
            .collect();
        let known = |field: &'a Field| Known {
            id: field.id.0,
            name: &field.name,
            retired: field.retired,
        };
        let fields = self.old.into_iter().flat_map(|old| old.fields.values());
        identify(&entries, &fields.map(known).collect::<Vec<_>>())
    }

    /// Fields by name; a name that was used more than once means the field of
    /// the text, or the last one in use.
    fn field_names<'f>(&self, fields: &'f BTreeMap<FieldId, Field>) -> BTreeMap<&'f str, FieldId> {
        let mut sorted: Vec<&Field> = fields.values().collect();
        sorted.sort_by_key(|field| (!field.retired, field.id));
        sorted
            .iter()
            .map(|field| (field.name.as_str(), field.id))
            .collect()
    }

    /// The field that the value of `key` names.
    fn field_under(&self, key: &str, names: &BTreeMap<&str, FieldId>) -> Option<FieldId> {
        let given = self.root.text(key)?;
        match field_named(names, given) {
            Ok(id) => Some(id),
            Err((wrong, instead)) => {
                self.root.fault(key, wrong, instead);
                None
            }
        }
    }

    fn keys(&self, names: &BTreeMap<&str, FieldId>, places: &mut Places<'a>) -> Vec<AlternateKey> {
        let Some(section) = self
            .root
            .table("keys", "keys under [keys], such as number = [\"number\"]")
        else {
            return Vec::new();
        };
        let lists = section.lists();
        let identities = self.key_identities(&lists);
        let mut keys = Vec::new();
        for ((name, words), identity) in lists.into_iter().zip(identities) {
            let span = section.span(name);
            let Some(id) = identity.id().map(KeyId) else {
                section.file.fault(
                    span,
                    "no id is left for another key",
                    "change one that is there",
                );
                continue;
            };
            if words.is_empty() && !section.file.has_fault_in(&span) {
                let wrong = format!("key `{name}` names no field");
                section.fault(name, wrong, "list the fields that no two records share");
            }
            places.add_span(format!("{}, key {name}", self.name), section.file, span);
            let fields = key_fields(section.file, words, names);
            keys.push(AlternateKey {
                id,
                name: name.to_owned(),
                fields,
            });
        }
        keys
    }

    fn key_identities<T>(&self, lists: &[(&'a str, T)]) -> Vec<Identity> {
        let named = |(name, _): &(&'a str, T)| Named {
            name,
            renamed_from: None,
        };
        let known = |key: &'a AlternateKey| Known {
            id: key.id.0,
            name: &key.name,
            retired: false,
        };
        let keys = self.old.into_iter().flat_map(|old| &old.keys);
        let entries: Vec<Named<'_>> = lists.iter().map(named).collect();
        identify(&entries, &keys.map(known).collect::<Vec<_>>())
    }
}

fn key_fields(
    file: &File<'_>,
    words: Vec<Word<'_>>,
    names: &BTreeMap<&str, FieldId>,
) -> Vec<FieldId> {
    let found = |word: Word<'_>| match field_named(names, word.text) {
        Ok(id) => Some(id),
        Err((wrong, instead)) => {
            file.fault(word.span, wrong, instead);
            None
        }
    };
    words.into_iter().filter_map(found).collect()
}

/// The field called `given`, or what is wrong and what to write instead.
fn field_named(names: &BTreeMap<&str, FieldId>, given: &str) -> Result<FieldId, (String, String)> {
    names.get(given).copied().ok_or_else(|| {
        let instead = did_you_mean(given, names.keys().copied(), || {
            "name a field of this type".to_owned()
        });
        (format!("there is no field `{given}`"), instead)
    })
}
