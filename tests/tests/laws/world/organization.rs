//! The organization of the stories: a small field service with every kind of
//! field.

use cairn_model::{
    Access, AlternateKey, Definition, Field, FieldId, Granularity, KeyId, Kind, OnDelete,
    RecordType, Team, TypeId, User, Value,
};
use std::collections::BTreeMap;

/// Every policy, in the order of the design.
pub(crate) const POLICIES: [&str; 8] = [
    "client-wins",
    "server-wins",
    "flag",
    "last-writer-wins",
    "first-writer-wins",
    "max",
    "min",
    "random",
];

/// Both granularities.
pub(crate) const GRANULARITIES: [Granularity; 2] = [Granularity::Field, Granularity::Record];

const ACCOUNT: TypeId = TypeId(1);
const ORDER: TypeId = TypeId(2);
const PART: TypeId = TypeId(3);

/// Accounts, orders and parts, under a policy. An order cannot lose its
/// account, goes with the order it belongs to, and forgets a deleted backup.
pub(crate) fn organization(policy: &str, granularity: Granularity) -> Definition {
    let mut definition = Definition {
        name: "Lift Service".to_owned(),
        policy: policy.to_owned(),
        granularity,
        ..Definition::default()
    };
    for record_type in [
        account(),
        order(),
        part(),
        people("user", 4),
        people("team", 5),
    ] {
        definition.types.insert(record_type.id, record_type);
    }
    for login in ["ann", "bob", "cho", "dee"] {
        definition
            .users
            .insert(login.to_owned(), user(login, Access::Edit));
    }
    definition
        .users
        .insert("eve".to_owned(), user("eve", Access::Read));
    let members = ["ann", "bob"].map(str::to_owned).into();
    definition
        .teams
        .insert("lifts".to_owned(), Team::new("Lifts", members));
    definition
}

fn user(login: &str, access: Access) -> User {
    User {
        email: Some(format!("{login}@lift.example")),
        access,
        ..User::new(&login.to_uppercase())
    }
}

fn account() -> RecordType {
    let mut account = record_type(
        ACCOUNT,
        "account",
        vec![
            field(1, "name", Kind::text()),
            field(2, "number", Kind::text()),
            field(3, "rating", Kind::integer()),
        ],
    );
    account
        .fields
        .entry(FieldId(1))
        .and_modify(|name| name.required = true);
    account
        .fields
        .entry(FieldId(3))
        .and_modify(|rating| rating.default = Some(Value::Integer(3)));
    account.keys = vec![key(1, "number", &[2])];
    account
}

fn order() -> RecordType {
    let lookup = |target: TypeId, on_delete| Kind::Lookup {
        targets: [target].into(),
        on_delete,
    };
    let options = ["open", "done", "billed"].map(str::to_owned).to_vec();
    let mut order = record_type(
        ORDER,
        "order",
        vec![
            field(
                1,
                "title",
                Kind::Text {
                    length_max: Some(100),
                },
            ),
            field(2, "start", Kind::Timestamp),
            field(3, "end", Kind::Timestamp),
            field(
                4,
                "priority",
                Kind::Integer {
                    min: Some(0),
                    max: Some(9),
                },
            ),
            field(5, "hours", Kind::decimal()),
            field(6, "cost", Kind::money("EUR")),
            field(7, "urgent", Kind::Boolean),
            field(8, "due", Kind::Date),
            field(
                9,
                "status",
                Kind::Choice {
                    options: options.clone(),
                },
            ),
            field(10, "flags", Kind::MultiChoice { options }),
            field(11, "photo", Kind::File),
            field(12, "account", lookup(ACCOUNT, OnDelete::Restrict)),
            field(13, "parent", lookup(ORDER, OnDelete::Cascade)),
            field(14, "backup", lookup(ORDER, OnDelete::Clear)),
            field(15, "visits", Kind::Counter),
            field(
                16,
                "tags",
                Kind::Set {
                    of: Box::new(Kind::text()),
                },
            ),
            field(17, "note", Kind::RichText),
            field(18, "checklist", Kind::Json),
            field(19, "number", Kind::text()),
            field(20, "floor", Kind::integer()),
        ],
    );
    order.keys = vec![key(1, "number", &[19]), key(2, "place", &[8, 20])];
    order
}

fn part() -> RecordType {
    record_type(
        PART,
        "part",
        vec![
            field(1, "name", Kind::text()),
            field(2, "stock", Kind::Counter),
            field(
                3,
                "fits",
                Kind::Set {
                    of: Box::new(Kind::Lookup {
                        targets: [ORDER].into(),
                        on_delete: OnDelete::Clear,
                    }),
                },
            ),
        ],
    )
}

fn people(name: &str, id: u16) -> RecordType {
    let fields =
        [(1, "login"), (2, "name"), (3, "email")].map(|(id, name)| field(id, name, Kind::text()));
    record_type(TypeId(id), name, fields.to_vec())
}

fn record_type(id: TypeId, name: &str, fields: Vec<Field>) -> RecordType {
    RecordType {
        title: Some(FieldId(1)),
        fields: fields
            .into_iter()
            .map(|field| (field.id, field))
            .collect::<BTreeMap<_, _>>(),
        ..RecordType::new(id, name, name)
    }
}

/// An optional field called `name`, also where people read it.
pub(crate) fn field(id: u16, name: &str, kind: Kind) -> Field {
    Field::new(FieldId(id), name, name, kind)
}

fn key(id: u16, name: &str, fields: &[u16]) -> AlternateKey {
    let fields = fields.iter().copied().map(FieldId).collect();
    AlternateKey {
        id: KeyId(id),
        name: name.to_owned(),
        fields,
    }
}

/// A type of the definition by name, to change it.
pub(crate) fn type_mut<'a>(definition: &'a mut Definition, name: &str) -> &'a mut RecordType {
    definition
        .types
        .values_mut()
        .find(|t| t.name == name)
        .expect(name)
}

/// A field of the definition by the names of its type and itself, to change it.
pub(crate) fn field_mut<'a>(
    definition: &'a mut Definition,
    record_type: &str,
    name: &str,
) -> &'a mut Field {
    let record_type = type_mut(definition, record_type);
    record_type
        .fields
        .values_mut()
        .find(|field| field.name == name)
        .expect(name)
}
