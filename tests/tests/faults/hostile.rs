//! Operations that are right in form and wrong in everything else: they decode,
//! and say what no honest device says.

use cairn_model::definition::{AlternateKey, Granularity, Heading, OnDelete};
use cairn_model::value::FileRef;
use cairn_model::{
    Access, Action, Change, Decimal, Definition, DefinitionChange, DeviceId, Field, FieldId, Hash,
    HybridTime, KeyId, Kind, Money, Mutation, Operation, PublicKey, RecordId, RecordType,
    SettleOutcome, Team, Timestamp, TypeId, User, Value, Version, Write,
};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;

/// Types of the definition below; the last one exists nowhere.
const TYPES: u16 = 4;
/// Fields of each type; some exist nowhere.
const FIELDS: u16 = 20;

/// A definition with a field of every kind, under every policy.
pub(crate) fn definition() -> Definition {
    let mut definition = Definition {
        name: "Hostile Works".into(),
        ..Definition::default()
    };
    let policies = cairn_policy::ids();
    for number in 0..TYPES - 1 {
        let granularity = match number {
            1 => Granularity::Record,
            _ => Granularity::Field,
        };
        let mut record_type = RecordType {
            title: Some(FieldId(0)),
            policy: Some(policies[usize::from(number) % policies.len()].to_owned()),
            granularity: Some(granularity),
            ..RecordType::new(
                TypeId(number),
                &format!("thing_{number}"),
                &format!("Thing {number}"),
            )
        };
        for (id, kind) in (0..).zip(kinds()) {
            let field = Field {
                default: matches!(kind, Kind::Integer { .. }).then_some(Value::Integer(5)),
                policy: kind
                    .is_register()
                    .then(|| policies[usize::from(id + number) % policies.len()].to_owned()),
                retired: id == 3,
                ..Field::new(
                    FieldId(id),
                    &format!("field_{id}"),
                    &format!("Field {id}"),
                    kind,
                )
            };
            record_type.fields.insert(field.id, field);
        }
        let key = |id, fields: &[u16]| AlternateKey {
            id: KeyId(id),
            name: format!("key {id}"),
            fields: fields.iter().copied().map(FieldId).collect(),
        };
        record_type.keys = vec![key(0, &[0]), key(1, &[1, 4])];
        definition.types.insert(record_type.id, record_type);
    }
    for (login, access) in [
        ("ada", Access::Edit),
        ("ben", Access::Edit),
        ("cy", Access::Read),
    ] {
        let user = User {
            access,
            ..User::new(login)
        };
        definition.users.insert(login.to_owned(), user);
    }
    definition
}

fn kinds() -> Vec<Kind> {
    let options = vec!["low".to_owned(), "high".to_owned()];
    let lookup = |on_delete| Kind::Lookup {
        targets: (0..TYPES - 1).map(TypeId).collect(),
        on_delete,
    };
    vec![
        Kind::text(),
        Kind::integer(),
        Kind::decimal(),
        Kind::money("EUR"),
        Kind::Boolean,
        Kind::Date,
        Kind::Timestamp,
        Kind::Choice {
            options: options.clone(),
        },
        Kind::MultiChoice { options },
        lookup(OnDelete::Restrict),
        lookup(OnDelete::Cascade),
        lookup(OnDelete::Clear),
        Kind::File,
        Kind::Counter,
        Kind::Set {
            of: Box::new(Kind::text()),
        },
        Kind::Set {
            of: Box::new(lookup(OnDelete::Clear)),
        },
        Kind::RichText,
        Kind::Json,
    ]
}

/// A few records, so that operations meet.
pub(crate) fn records() -> Vec<RecordId> {
    let minted = (0..5_u8).map(|n| RecordId::mint(u64::from(n), [n; 10]));
    let derived = (0..3_u8).map(|n| RecordId::derive(&[n], "child"));
    let people = ["ada", "eve"].into_iter().map(Definition::user_record);
    minted.chain(derived).chain(people).collect()
}

/// The type a record is of, unless somebody says otherwise.
pub(crate) fn type_of(record: &RecordId) -> TypeId {
    TypeId(u16::from(record.0[15]) % (TYPES - 1))
}

fn record() -> impl Strategy<Value = RecordId> {
    select(records())
}

pub(crate) fn version() -> impl Strategy<Value = Version> {
    let border = select(vec![0, 1, (1 << 63) - 1, 1 << 63, u64::MAX - 1, u64::MAX]);
    prop_oneof![12 => 0..16_u64, 3 => 0..50_u64, 1 => border].prop_map(Version)
}

pub(crate) fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-3..4_i64, select(vec![i64::MIN, i64::MAX]), any::<i64>()]
}

fn decimal() -> impl Strategy<Value = Decimal> {
    const MANTISSA_MAX: i128 = (1 << 96) - 1;
    let mantissa = prop_oneof![-3..4_i128, select(vec![-MANTISSA_MAX, MANTISSA_MAX])];
    (mantissa, 0..29_u8).prop_map(|(mantissa, scale)| {
        let bytes = cairn_model::codec::encode(&(mantissa, scale));
        cairn_model::codec::decode("decimal", &bytes).expect("28 digits")
    })
}

fn text() -> impl Strategy<Value = String> {
    let long = select(vec![1_000, 16 * 1024, 16 * 1024 + 1, 40 * 1024]).prop_map(|n| "x".repeat(n));
    let odd =
        select(vec!["", "low", "high", "a,b", "\0", "\u{202e}é", "\n"]).prop_map(String::from);
    prop_oneof![6 => odd, 1 => long]
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    let file = (any::<[u8; 32]>(), any::<u64>(), text()).prop_map(|(hash, size, name)| {
        let hash = Hash(hash);
        Value::from(FileRef { hash, size, name })
    });
    prop_oneof![
        text().prop_map(Value::Text),
        number().prop_map(Value::Integer),
        decimal().prop_map(Value::Decimal),
        (decimal(), text()).prop_map(|(amount, currency)| Money { amount, currency }.into()),
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Date),
        any::<u64>().prop_map(|ms| Value::Timestamp(Timestamp(ms))),
        text().prop_map(Value::Choice),
        prop::collection::btree_set(text(), 0..4).prop_map(Value::MultiChoice),
        record().prop_map(Value::Lookup),
        file,
    ]
}

/// A write that is of the field's kind more often than not.
fn write(field: u16) -> BoxedStrategy<(FieldId, Write)> {
    let elements = || prop::collection::btree_set(value(), 0..4);
    let any_write = prop_oneof![
        value().prop_map(Write::Set),
        Just(Write::Clear),
        number().prop_map(Write::Add),
        (elements(), elements()).prop_map(|(add, remove)| Write::Change { add, remove }),
        prop::collection::vec(any::<u8>(), 0..50).prop_map(Write::Merge),
    ];
    let fitting = match field {
        13 => number().prop_map(Write::Add).boxed(),
        14 | 15 => (fitting_elements(field), fitting_elements(field))
            .prop_map(|(add, remove)| Write::Change { add, remove })
            .boxed(),
        16 | 17 => document_change(field).prop_map(Write::Merge).boxed(),
        _ => prop_oneof![5 => fitting_value(field).prop_map(Write::Set), 1 => Just(Write::Clear)]
            .boxed(),
    };
    prop_oneof![40 => fitting, 1 => any_write]
        .prop_map(move |write| (FieldId(field), write))
        .boxed()
}

fn fitting_value(field: u16) -> BoxedStrategy<Value> {
    let option = || select(vec!["low", "high"]).prop_map(String::from);
    match field {
        0 => "[a-c]".prop_map(Value::Text).boxed(),
        1 => number().prop_map(Value::Integer).boxed(),
        2 => decimal().prop_map(Value::Decimal).boxed(),
        3 => decimal()
            .prop_map(|amount| {
                Value::from(Money {
                    amount,
                    currency: "EUR".into(),
                })
            })
            .boxed(),
        4 => any::<bool>().prop_map(Value::Boolean).boxed(),
        5 => any::<i32>().prop_map(Value::Date).boxed(),
        6 => any::<u64>()
            .prop_map(|ms| Value::Timestamp(Timestamp(ms)))
            .boxed(),
        7 => option().prop_map(Value::Choice).boxed(),
        8 => prop::collection::btree_set(option(), 0..3)
            .prop_map(Value::MultiChoice)
            .boxed(),
        9..=11 => record().prop_map(Value::Lookup).boxed(),
        _ => value().boxed(),
    }
}

fn fitting_elements(field: u16) -> BoxedStrategy<BTreeSet<Value>> {
    let element = match field {
        14 => "[a-c]".prop_map(Value::Text).boxed(),
        _ => record().prop_map(Value::Lookup).boxed(),
    };
    prop::collection::btree_set(element, 0..4).boxed()
}

/// A true change of a document, sometimes with a byte of it changed.
fn document_change(field: u16) -> impl Strategy<Value = Vec<u8>> {
    let (kind, wanted) = match field {
        16 => (
            Kind::RichText,
            vec![serde_json::json!("one"), serde_json::json!("two")],
        ),
        _ => (
            Kind::Json,
            vec![serde_json::json!({"a": [1]}), serde_json::json!({"b": {}})],
        ),
    };
    let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    (select(wanted), 0..3_u64, damage).prop_map(move |(wanted, sequence, damage)| {
        let log = cairn_model::LogId {
            device: DeviceId([1; 16]),
            generation: 0,
        };
        let operation = cairn_model::OperationId { log, sequence };
        let change = cairn_projection::document::edit(&kind, &[], &wanted, &operation);
        let mut change = change.expect("it is an edit").expect("of something");
        if let Some((at, byte)) = damage {
            let at = at.index(change.len());
            change[at] = byte;
        }
        change
    })
}

fn change() -> impl Strategy<Value = Change> {
    let field = || prop_oneof![30 => 0..FIELDS - 2, 1 => 0..FIELDS];
    let writes = move || prop::collection::vec(field().prop_flat_map(write), 0..4);
    prop_oneof![
        2 => writes().prop_map(Change::Create),
        9 => writes().prop_map(Change::Update),
        2 => Just(Change::Delete),
        1 => Just(Change::Restore),
        2 => (writes(), any::<Option<bool>>()).prop_map(|(fields, keep)| Change::Resolve { fields, keep }),
        1 => Just(Change::Follow),
        1 => Just(Change::Unfollow),
    ]
}

fn mutation() -> impl Strategy<Value = Mutation> {
    (record(), 0..TYPES, 0..40_u8, version(), change()).prop_map(
        move |(record, other, lot, base, change)| Mutation {
            record,
            record_type: if lot == 0 {
                TypeId(other)
            } else {
                type_of(&record)
            },
            base,
            change,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let widened = vec![
        Kind::decimal(),
        Kind::MultiChoice {
            options: vec!["low".into()],
        },
    ];
    let narrow = vec![
        Kind::Integer {
            min: Some(9),
            max: Some(3),
        },
        Kind::Choice {
            options: Vec::new(),
        },
        Kind::Text {
            length_max: Some(0),
        },
    ];
    select([kinds(), widened, narrow].concat())
}

fn definition_change() -> impl Strategy<Value = DefinitionChange> {
    let text = || {
        select(vec!["", "ada", "user", "team", "login", "name", "thing_0"]).prop_map(String::from)
    };
    let policy = || select(vec!["flag", "max", "client-wins", "none such"]).prop_map(String::from);
    let granularity = || {
        any::<bool>().prop_map(|b| {
            if b {
                Granularity::Field
            } else {
                Granularity::Record
            }
        })
    };
    let keys = || {
        let key = (0..3_u16, prop::collection::vec(0..FIELDS, 0..3)).prop_map(|(id, fields)| {
            AlternateKey {
                id: KeyId(id),
                name: "a key".into(),
                fields: fields.into_iter().map(FieldId).collect(),
            }
        });
        prop::collection::vec(key, 0..2)
    };
    let record_type = (
        0..TYPES + 2,
        text(),
        keys(),
        prop::option::of(policy()),
        any::<bool>(),
    )
        .prop_map(|(id, name, keys, policy, retired)| {
            DefinitionChange::Type(RecordType {
                title: (id == 1).then_some(FieldId(0)),
                keys,
                policy,
                retired,
                ..RecordType::new(TypeId(id), &name, &name)
            })
        });
    let field = (
        0..TYPES + 2,
        0..FIELDS,
        text(),
        kind(),
        prop::option::of(value()),
        any::<[bool; 2]>(),
    )
        .prop_map(|(of, id, name, kind, default, [required, retired])| {
            let field = Field {
                required,
                default,
                retired,
                ..Field::new(FieldId(id), &name, &name, kind)
            };
            DefinitionChange::Field(TypeId(of), field)
        });
    let user = (text(), any::<Option<bool>>()).prop_map(|(login, user)| {
        let user = user.map(|edits| User {
            email: Some("ada@example.org".into()),
            access: if edits { Access::Edit } else { Access::Read },
            ..User::new(&login)
        });
        DefinitionChange::User(login, user)
    });
    let team = (text(), text(), any::<bool>()).prop_map(|(name, member, stays)| {
        let team = Team::new(&name, [member].into());
        DefinitionChange::Team(name, stays.then_some(team))
    });
    prop_oneof![
        (text(), policy(), granularity()).prop_map(|(name, policy, granularity)| {
            DefinitionChange::Organization(Heading {
                name,
                policy,
                granularity,
                ..Definition::default().heading()
            })
        }),
        record_type,
        field,
        user,
        team,
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let settled = any::<bool>().prop_map(|b| {
        if b {
            SettleOutcome::Discarded
        } else {
            SettleOutcome::Resubmitted
        }
    });
    let key = any::<[u8; 32]>().prop_map(PublicKey);
    prop_oneof![
        30 => prop::collection::vec(mutation(), 1..3).prop_map(Action::Edit),
        1 => prop::collection::vec(mutation(), 0..9).prop_map(Action::Edit),
        2 => (version(), settled).prop_map(|(operation, outcome)| Action::Settle { operation, outcome }),
        3 => (0..4_u32, prop::collection::vec(definition_change(), 0..3), any::<bool>())
            .prop_map(|(base, changes, more)| Action::Publish { base, changes, more }),
        1 => (key, "ada|eve", "[a-z]{0,3}").prop_map(|(key, user, name)| Action::Enrol { key, user, name }),
        1 => any::<[u8; 16]>().prop_map(|device| Action::Revoke { device: DeviceId(device) }),
    ]
}

/// Any operation at all.
pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let wall = prop_oneof![0..9_u64, select(vec![u64::MAX >> 16, 1_800_000_000_000])];
    let definition = prop_oneof![30 => Just(1), 2 => 0..3_u32, 1 => Just(u32::MAX)];
    (wall, any::<u16>(), definition, action()).prop_map(|(wall, counter, definition, action)| {
        Operation {
            time: HybridTime::new(Timestamp(wall), counter),
            definition,
            action,
        }
    })
}

/// Bytes where an operation belongs: mostly one, sometimes one that was
/// damaged, sometimes anything.
pub(crate) fn operation_bytes() -> impl Strategy<Value = Vec<u8>> {
    let whole = || operation().prop_map(|operation| cairn_model::codec::encode(&operation));
    let damaged =
        (whole(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        });
    let anything = prop::collection::vec(any::<u8>(), 0..80);
    prop_oneof![10 => whole(), 2 => damaged, 1 => anything]
}
