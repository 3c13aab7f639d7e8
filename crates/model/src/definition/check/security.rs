//! Who may do what: owners and sharing, roles, secured fields.

use super::{Faults, is_name};
use crate::definition::{Definition, Depth, Field, Kind, Members, RecordType};
use crate::id::{FieldId, TypeId};
use std::collections::BTreeSet;

impl Definition {
    pub(super) fn security_faults(&self, faults: &mut Faults) {
        for record_type in self.types.values().filter(|t| !t.retired) {
            self.owner_faults(record_type, faults);
            self.sharing_faults(record_type, faults);
            record_type.secured_faults(faults);
        }
        self.role_faults(faults);
        self.field_security_faults(faults);
    }

    fn owner_faults(&self, record_type: &RecordType, faults: &mut Faults) {
        let Some(owner) = record_type.owner else {
            return;
        };
        let place = format!("{}, owner", record_type.name);
        match record_type.live_field(owner) {
            None => faults.add(
                &place,
                "this field does not exist",
                "name a field of the type",
            ),
            Some(field) if !self.is_of_people(&field.kind) => faults.add(
                &place,
                format!(
                    "`{}` is {}, which no record can belong to",
                    field.name,
                    self.in_words(&field.kind)
                ),
                "name a lookup whose target is `user`, `team` or both",
            ),
            Some(_) => {}
        }
    }

    fn sharing_faults(&self, record_type: &RecordType, faults: &mut Faults) {
        for (part, id) in [
            ("readers", record_type.readers),
            ("writers", record_type.writers),
        ] {
            let Some(id) = id else { continue };
            let place = format!("{}, {part}", record_type.name);
            match record_type.live_field(id) {
                None => faults.add(
                    &place,
                    "this field does not exist",
                    "name a field of the type",
                ),
                Some(Field {
                    kind: Kind::Set { of },
                    ..
                }) if self.is_of_people(of) => {}
                Some(field) => faults.add(
                    &place,
                    format!(
                        "`{}` is {}, which names nobody to share with",
                        field.name,
                        self.in_words(&field.kind)
                    ),
                    "name a set of lookups whose target is `user`, `team` or both",
                ),
            }
        }
        if let (Some(readers), Some(writers)) = (record_type.readers, record_type.writers)
            && readers == writers
        {
            faults.add(
                &format!("{}, writers", record_type.name),
                "readers and writers are the same field",
                "give each a field of its own",
            );
        }
    }

    /// Whether it is a lookup to users' or teams' records and no others.
    fn is_of_people(&self, kind: &Kind) -> bool {
        let is_people = |id: &TypeId| {
            let target = self.types.get(id);
            target.is_some_and(|target| target.name == "user" || target.name == "team")
        };
        match kind {
            Kind::Lookup { targets, .. } => targets.iter().all(is_people),
            _ => false,
        }
    }

    fn in_words(&self, kind: &Kind) -> String {
        match kind {
            Kind::Lookup { targets, .. } => {
                let names = targets.iter().filter_map(|id| self.types.get(id));
                let names: Vec<&str> = names.map(|target| target.name.as_str()).take(4).collect();
                format!("a lookup to {}", names.join(", "))
            }
            Kind::Set { of } => format!("a set of {}", of.name()),
            other => format!("a field of kind {}", other.name()),
        }
    }

    fn role_faults(&self, faults: &mut Faults) {
        for (name, role) in &self.roles {
            if !is_name(name) {
                let place = format!("role {name}");
                faults.add(&place, "this cannot name a role", super::NAME_FORM);
            }
            for (id, rights) in &role.types {
                let Some(record_type) = self.live_type(*id, &format!("role {name}"), faults) else {
                    continue;
                };
                for (right, depth) in rights {
                    if record_type.owner.is_none()
                        && !matches!(depth, Depth::None | Depth::Organization)
                    {
                        faults.add(
                            &format!("role {name}, {}, {}", record_type.name, right.name()),
                            format!(
                                "a {} has no owner, so `{}` reaches none",
                                record_type.name,
                                depth.name()
                            ),
                            "write \"organization\" or \"none\", or name the type's `owner`",
                        );
                    }
                }
            }
        }
    }

    fn field_security_faults(&self, faults: &mut Faults) {
        for (name, security) in &self.field_security {
            let place = format!("field security {name}");
            self.member_faults(&security.members, &place, faults);
            for (part, fields) in [("read", &security.read), ("update", &security.update)] {
                let place = format!("{place}, {part}");
                for (record_type, field) in fields {
                    self.secured_named(*record_type, *field, &place, faults);
                }
            }
        }
    }

    fn secured_named(&self, id: TypeId, field: FieldId, place: &str, faults: &mut Faults) {
        let Some(record_type) = self.live_type(id, place, faults) else {
            return;
        };
        match record_type.live_field(field) {
            None => faults.add(
                place,
                format!("a field of {} does not exist", record_type.name),
                "name fields in use",
            ),
            Some(field) if !field.secured => faults.add(
                place,
                format!(
                    "`{}.{}` is not secured, so that everybody sees it",
                    record_type.name, field.name
                ),
                "write `secured = true` at the field, or leave it out here",
            ),
            Some(_) => {}
        }
    }

    pub(super) fn member_faults(&self, members: &Members, place: &str, faults: &mut Faults) {
        for login in members
            .users
            .iter()
            .filter(|login| !self.users.contains_key(*login))
        {
            faults.add(
                &format!("{place}, users"),
                format!("`{login}` is no user"),
                "name a user's login, or add the user",
            );
        }
        for team in members
            .teams
            .iter()
            .filter(|team| !self.teams.contains_key(*team))
        {
            faults.add(
                &format!("{place}, teams"),
                format!("there is no team `{team}`"),
                "name one that there is",
            );
        }
        self.roles_named(&members.roles, || format!("{place}, roles"), faults);
    }

    /// The type of an id that `place` names, unless it is not in use.
    pub(super) fn live_type(
        &self,
        id: TypeId,
        place: &str,
        faults: &mut Faults,
    ) -> Option<&RecordType> {
        let found = self.types.get(&id);
        match found {
            None => faults.add(
                place,
                format!("there is no record type {id}"),
                "name one in use",
            ),
            Some(retired) if retired.retired => faults.add(
                place,
                format!("record type `{}` is retired", retired.name),
                "leave it out here, too",
            ),
            Some(_) => {}
        }
        found.filter(|found| !found.retired)
    }
}

impl RecordType {
    /// A field in use.
    pub(super) fn live_field(&self, id: FieldId) -> Option<&Field> {
        self.fields.get(&id).filter(|field| !field.retired)
    }

    /// Fields that a reader without the right could not do without.
    fn secured_faults(&self, faults: &mut Faults) {
        let in_keys: BTreeSet<FieldId> = self
            .keys
            .iter()
            .flat_map(|key| &key.fields)
            .copied()
            .collect();
        for field in self.live_fields().filter(|field| field.secured) {
            let id = Some(field.id);
            let why = if self.title == id {
                "it is the title, and readers without the right could not tell records apart"
            } else if self.owner == id {
                "it is the owner, and readers without the right could not tell whose a record is"
            } else if self.readers == id || self.writers == id {
                "it says whom a record is shared with, and they must know"
            } else if in_keys.contains(&field.id) {
                "it is part of a key, and a value that is taken gives away what others hold"
            } else if field.required {
                "it is required, and readers without the right could not make a record"
            } else {
                continue;
            };
            faults.add(
                &format!("{}.{}, secured", self.name, field.name),
                format!("it cannot be secured: {why}"),
                "remove `secured`, or keep what is secret in a field of its own",
            );
        }
    }
}
