//! Operations of every kind.

use crate::file::{Group, Read, check, shown, words};
use crate::sample::{DEVICE, MORNING, operation, record, secret};
use cairn_model::definition::{
    AlternateKey, BusinessUnit, Combine, Depth, FieldSecurity, Files, Filter, Granularity, Heading,
    Hierarchy, Members, OnDelete, Owned, Position, Profile, ProfileType, Relationship, Right, Role,
    WithoutProfile,
};
use cairn_model::value::FileRef;
use cairn_model::{
    Access, Action, Change, Decimal, DefinitionChange, Field, FieldId, Hash, KeyId, Kind, Money,
    Mutation, Operation, OperationId, RecordType, SettleOutcome, Team, TypeId, User, Value,
    Version, Write, codec,
};
use cairn_oplog::bundle::decode_operation;
use cairn_projection::document;
use serde_json::json;

fn read(bytes: &[u8]) -> Result<Read, String> {
    let operation = decode_operation(bytes).map_err(words)?;
    let says = shown(&operation);
    let again = codec::encode(&operation);
    Ok(Read { says, again })
}

fn mutation(change: Change) -> Action {
    Action::Edit(vec![Mutation {
        record: record(1),
        record_type: TypeId(7),
        base: Version(41),
        change,
    }])
}

fn update(write: Write) -> Action {
    mutation(Change::Update(vec![(FieldId(3), write)]))
}

fn field(kind: Kind) -> Field {
    Field::new(FieldId(3), "pressure", "Pressure", kind)
}

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

fn values() -> Vec<(&'static str, Value)> {
    let money = Money {
        amount: decimal("12.5"),
        currency: "EUR".into(),
    };
    let options = ["low".to_owned(), "high".to_owned()];
    let file = FileRef {
        hash: Hash::of(b"a photograph"),
        size: 12,
        name: "photo.jpg".into(),
    };
    vec![
        ("text", Value::Text("Pumpe prüfen".into())),
        ("integer", Value::Integer(-42)),
        ("decimal", Value::Decimal(decimal("-0.125"))),
        ("money", money.into()),
        ("boolean", Value::Boolean(true)),
        ("date", Value::Date(-1)),
        ("timestamp", Value::Timestamp(MORNING)),
        ("choice", Value::Choice("high".into())),
        ("multi-choice", Value::MultiChoice(options.into())),
        ("lookup", Value::Lookup(record(2))),
        ("file", file.into()),
    ]
}

fn writes() -> Vec<(&'static str, Write)> {
    let element = |name: &str| Value::Text(name.to_owned());
    let author = OperationId {
        log: crate::sample::log(DEVICE, 0),
        sequence: 1,
    };
    let typed = document::edit(&Kind::RichText, &[], &json!("hi"), &author);
    let typed = typed.expect("it can be typed").expect("it is a change");
    vec![
        ("clear", Write::Clear),
        ("add", Write::Add(3)),
        ("subtract", Write::Add(-3)),
        (
            "change a set",
            Write::Change {
                add: [element("urgent"), element("wet")].into(),
                remove: [element("dry")].into(),
            },
        ),
        ("merge", Write::Merge(typed)),
    ]
}

fn changes() -> Vec<(&'static str, Change)> {
    let writes = || {
        vec![
            (FieldId(3), Write::Set(Value::Integer(5))),
            (FieldId(4), Write::Clear),
        ]
    };
    let resolve = |keep| Change::Resolve {
        fields: writes(),
        keep,
    };
    vec![
        ("create", Change::Create(writes())),
        ("update", Change::Update(writes())),
        ("delete", Change::Delete),
        ("restore", Change::Restore),
        ("resolve", resolve(None)),
        ("resolve and keep", resolve(Some(true))),
        ("resolve and delete", resolve(Some(false))),
        ("follow", Change::Follow),
        ("unfollow", Change::Unfollow),
    ]
}

fn kinds() -> Vec<Kind> {
    let options = vec!["low".to_owned(), "high".to_owned()];
    let lookup = |on_delete| Kind::Lookup {
        targets: [TypeId(7), TypeId(8)].into(),
        on_delete,
    };
    let (min, max) = (Some(decimal("0")), Some(decimal("99.5")));
    vec![
        Kind::Text {
            length_max: Some(80),
        },
        Kind::Integer {
            min: Some(-1),
            max: None,
        },
        Kind::Decimal {
            min,
            max,
            scale: Some(1),
        },
        Kind::Money {
            currency: "EUR".into(),
            min,
            max: None,
        },
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

fn definition_changes() -> Vec<(String, DefinitionChange)> {
    let record_type = RecordType {
        title: Some(FieldId(3)),
        keys: vec![AlternateKey {
            id: KeyId(1),
            name: "number".into(),
            fields: vec![FieldId(3), FieldId(4)],
        }],
        policy: Some("server-wins".into()),
        granularity: Some(Granularity::Record),
        owner: Some(FieldId(5)),
        readers: Some(FieldId(6)),
        writers: Some(FieldId(7)),
        offline: false,
        offline_where: Some("record.modified > today - days(90)".into()),
        ..RecordType::new(TypeId(7), "work_order", "Work order")
    };
    let full = Field {
        required: true,
        default: Some(Value::Integer(5)),
        policy: Some("max".into()),
        secured: true,
        retired: true,
        ..field(Kind::integer())
    };
    let user = |access| User {
        email: Some("ada@example.org".into()),
        access,
        ..User::new("Ada")
    };
    let team = Team {
        business_unit: Some("north".into()),
        roles: ["technician".to_owned()].into(),
        ..Team::new("North", ["ada".to_owned(), "ben".to_owned()].into())
    };
    let organization = DefinitionChange::Organization(Heading {
        name: "Pumps and Sons".into(),
        policy: "flag".into(),
        granularity: Granularity::Field,
        hierarchy: Hierarchy::Manager(3),
        utc_offset: -90,
        without_profile: WithoutProfile::Nothing,
    });
    let mut changes = vec![
        ("organization".to_owned(), organization),
        ("type".to_owned(), DefinitionChange::Type(record_type)),
        (
            "field with everything set".to_owned(),
            DefinitionChange::Field(TypeId(7), full),
        ),
        (
            "user who edits".to_owned(),
            DefinitionChange::User("ada".into(), Some(user(Access::Edit))),
        ),
        (
            "user who reads".to_owned(),
            DefinitionChange::User("ada".into(), Some(user(Access::Read))),
        ),
        (
            "user removed".to_owned(),
            DefinitionChange::User("ada".into(), None),
        ),
        (
            "team".to_owned(),
            DefinitionChange::Team("north".into(), Some(team)),
        ),
        (
            "team removed".to_owned(),
            DefinitionChange::Team("north".into(), None),
        ),
    ];
    changes.extend(rights());
    changes.extend(profiles());
    changes.extend((0..).zip(kinds()).map(|(number, kind): (u8, Kind)| {
        let name = format!("field {number}, {}", kind.name());
        (name, DefinitionChange::Field(TypeId(7), field(kind)))
    }));
    changes
}

fn rights() -> [(String, DefinitionChange); 5] {
    let unit = BusinessUnit {
        label: "North".into(),
        parent: Some("uk".into()),
    };
    let position = Position {
        label: "Head".into(),
        parent: None,
    };
    let every = Right::ALL.into_iter().zip(Depth::ALL.into_iter().cycle());
    let role = Role {
        label: "Technician".into(),
        others: [(Right::Read, Depth::Organization)].into(),
        types: [(TypeId(7), every.collect())].into(),
    };
    let prices = FieldSecurity {
        label: "Prices".into(),
        members: members(),
        read: [(TypeId(7), FieldId(3))].into(),
        update: [(TypeId(7), FieldId(4))].into(),
    };
    [
        (
            "business unit".into(),
            DefinitionChange::BusinessUnit("north".into(), Some(unit)),
        ),
        (
            "position".into(),
            DefinitionChange::Position("head".into(), Some(position)),
        ),
        (
            "role".into(),
            DefinitionChange::Role("technician".into(), Some(role)),
        ),
        (
            "field security".into(),
            DefinitionChange::FieldSecurity("prices".into(), Some(prices)),
        ),
        (
            "role removed".into(),
            DefinitionChange::Role("technician".into(), None),
        ),
    ]
}

fn members() -> Members {
    Members {
        users: ["ada".to_owned()].into(),
        teams: ["north".to_owned()].into(),
        roles: ["technician".to_owned()].into(),
    }
}

fn profiles() -> Vec<(String, DefinitionChange)> {
    let owned = Owned {
        mine: true,
        my_teams: false,
        my_business_unit: true,
    };
    let related = vec![
        Relationship::PointedAtBy {
            record_type: TypeId(8),
            field: FieldId(2),
            depth: None,
        },
        Relationship::PointingAt {
            record_type: TypeId(7),
            field: FieldId(5),
            depth: Some(3),
        },
    ];
    let full = ProfileType {
        related,
        combine: Combine::And,
        columns: Some([FieldId(3)].into()),
        interval: 15,
        files: Files::Eager,
        rank: 1,
        ..ProfileType::new(Filter::Owned(owned))
    };
    let expression = Filter::Where("record.starts_at < today + days(8)".into());
    let profile = Profile {
        members: members(),
        exclusive: true,
        based_on: Some("technician".into()),
        ..Profile::new("Field technicians")
    };
    let rule = |rule| DefinitionChange::ProfileType("field".into(), TypeId(7), rule);
    let users = |group| DefinitionChange::Users(group, ["ben".to_owned()].into());
    let changes = [
        (
            "profile",
            DefinitionChange::Profile("field".into(), Some(profile)),
        ),
        (
            "profile removed",
            DefinitionChange::Profile("field".into(), None),
        ),
        ("profile, type with everything set", rule(Some(full))),
        (
            "profile, every record",
            rule(Some(ProfileType::new(Filter::All))),
        ),
        (
            "profile, related records",
            rule(Some(ProfileType::new(Filter::RelatedOnly))),
        ),
        (
            "profile, expression",
            rule(Some(ProfileType::new(expression))),
        ),
        ("profile, type removed", rule(None)),
        (
            "more users of a profile",
            users(cairn_model::definition::Group::Profile("field".into())),
        ),
        (
            "more users of a team",
            users(cairn_model::definition::Group::Team("north".into())),
        ),
        (
            "more users of field security",
            users(cairn_model::definition::Group::FieldSecurity(
                "prices".into(),
            )),
        ),
    ];
    let named = changes.into_iter();
    named
        .map(|(name, change)| (name.to_owned(), change))
        .collect()
}

fn others() -> Vec<(&'static str, Action)> {
    let settle = |outcome| Action::Settle {
        operation: Version(300),
        outcome,
    };
    let both = |change| match mutation(change) {
        Action::Edit(mutations) => mutations,
        _ => Vec::new(),
    };
    vec![
        ("nothing at all", Action::Edit(Vec::new())),
        (
            "two mutations",
            Action::Edit([both(Change::Follow), both(Change::Delete)].concat()),
        ),
        ("settle: discarded", settle(SettleOutcome::Discarded)),
        ("settle: resubmitted", settle(SettleOutcome::Resubmitted)),
        (
            "publish, more to come",
            Action::Publish {
                base: 3,
                changes: Vec::new(),
                more: true,
            },
        ),
        (
            "enrol",
            Action::Enrol {
                key: secret(DEVICE).public(),
                user: "ada".into(),
                name: "Ada's phone".into(),
            },
        ),
        (
            "revoke",
            Action::Revoke {
                device: secret(DEVICE).public().device(),
            },
        ),
    ]
}

fn bytes(action: Action) -> Vec<u8> {
    codec::encode::<Operation>(&operation(2, action))
}

#[test]
fn operations_read_as_they_did() {
    let mut group = Group::new("operations", read);
    for (name, value) in values() {
        group = group.valid(format!("set a {name}"), bytes(update(Write::Set(value))));
    }
    for (name, write) in writes() {
        group = group.valid(name, bytes(update(write)));
    }
    for (name, change) in changes() {
        group = group.valid(name, bytes(mutation(change)));
    }
    for (name, change) in definition_changes() {
        let (base, changes, more) = (1, vec![change], false);
        let publish = Action::Publish {
            base,
            changes,
            more,
        };
        group = group.valid(format!("publish {name}"), bytes(publish));
    }
    for (name, action) in others() {
        group = group.valid(name, bytes(action));
    }
    let group = refused(group);
    check("operations.json", "Operations of every kind.", vec![group]);
}

fn refused(group: Group) -> Group {
    let whole = bytes(update(Write::Set(Value::Boolean(true))));
    let changed = |back: usize, byte: u8| {
        let mut bytes = whole.clone();
        let at = bytes.len() - back;
        bytes[at] = byte;
        bytes
    };
    let longer = [whole.as_slice(), &[0]].concat();
    let text = bytes(update(Write::Set(Value::Text("ab".into()))));
    let broken_text = [&text[..text.len() - 1], &[0xff]].concat();
    let head = codec::encode(&(operation(2, Action::Edit(Vec::new())).time, 1_u32));
    let action = |rest: &[u8]| [head.as_slice(), rest].concat();
    let kind = bytes(Action::Publish {
        base: 1,
        changes: vec![DefinitionChange::Field(
            TypeId(7),
            field(Kind::Set {
                of: Box::new(Kind::Boolean),
            }),
        )],
        more: false,
    });
    group
        .invalid("OP-1", "empty", [])
        .invalid("ENC-12", "with a byte behind it", longer)
        .invalid("OP-1", "cut short", &whole[..whole.len() - 1])
        .invalid("ENC-4", "a boolean of 2", changed(1, 2))
        .invalid("VALUE-1", "a value of no kind", changed(2, 11))
        .invalid("WRITE-1", "a write of no kind", changed(3, 5))
        .invalid("OP-3", "an action of no kind", action(&[5]))
        .invalid(
            "ENC-11",
            "a list that claims 2^60 mutations",
            action(&[0, 253, 0, 0, 0, 0, 0, 0, 0, 16]),
        )
        .invalid("ENC-8", "a text that is no UTF-8", broken_text)
        .invalid("DEF-5", "a set of booleans", kind)
}
