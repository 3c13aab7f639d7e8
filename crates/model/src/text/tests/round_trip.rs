//! What is written is read back as it was, whatever the definition.

use super::security::secure;
use super::{POLICIES, shown};
use crate::definition::{
    Access, AlternateKey, Definition, Field, Granularity, Kind, OnDelete, RecordType, Team, User,
};
use crate::id::{FieldId, Hash, KeyId, RecordId, TypeId};
use crate::text::{TEMPLATES, export, parse, template};
use crate::time::Timestamp;
use crate::value::{Decimal, FileRef, Money, Value};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn policy() -> impl Strategy<Value = String> {
    proptest::sample::select(POLICIES).prop_map(str::to_owned)
}

fn on_delete() -> impl Strategy<Value = OnDelete> {
    proptest::sample::select(vec![OnDelete::Restrict, OnDelete::Cascade, OnDelete::Clear])
}

fn granularity() -> impl Strategy<Value = Granularity> {
    proptest::sample::select(vec![Granularity::Field, Granularity::Record])
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (any::<i64>(), 0u32..10).prop_map(|(digits, scale)| {
        Decimal::new(rust_decimal::Decimal::from_i128_with_scale(
            i128::from(digits) * 1_000_003,
            scale,
        ))
    })
}

fn ordered<T: PartialOrd>(range: (Option<T>, Option<T>)) -> (Option<T>, Option<T>) {
    match range {
        (Some(min), Some(max)) if min > max => (Some(max), Some(min)),
        other => other,
    }
}

fn options() -> impl Strategy<Value = Vec<String>> {
    btree_set("[^,]{1,30}", 1..8).prop_map(|options| options.into_iter().rev().collect())
}

fn lookup() -> impl Strategy<Value = Kind> {
    (btree_set((1u16..9).prop_map(TypeId), 1..8), on_delete())
        .prop_map(|(targets, on_delete)| Kind::Lookup { targets, on_delete })
}

fn text() -> impl Strategy<Value = Kind> {
    of(any::<u32>()).prop_map(|length_max| Kind::Text { length_max })
}

fn kind() -> impl Strategy<Value = Kind> {
    let currency = "[A-Z]{3}";
    prop_oneof![
        text(),
        (of(any::<i64>()), of(any::<i64>()))
            .prop_map(ordered)
            .prop_map(|(min, max)| Kind::Integer { min, max }),
        (
            (of(decimal()), of(decimal())).prop_map(ordered),
            of(0u8..=28)
        )
            .prop_map(|((min, max), scale)| Kind::Decimal { min, max, scale }),
        ((of(decimal()), of(decimal())).prop_map(ordered), currency)
            .prop_map(|((min, max), currency)| Kind::Money { currency, min, max }),
        Just(Kind::Boolean),
        Just(Kind::Date),
        Just(Kind::Timestamp),
        options().prop_map(|options| Kind::Choice { options }),
        options().prop_map(|options| Kind::MultiChoice { options }),
        lookup(),
        Just(Kind::File),
        Just(Kind::Counter),
        prop_oneof![text(), lookup()].prop_map(|of| Kind::Set { of: Box::new(of) }),
        Just(Kind::RichText),
        Just(Kind::Json),
    ]
}

/// A value of the kind, where the dice find one that its limits take.
fn default(kind: &Kind, dice: (i64, Decimal, &str, [u8; 16])) -> Option<Value> {
    let (number, decimal, text, bytes) = dice;
    let at = |options: &[String]| options[number.unsigned_abs() as usize % options.len()].clone();
    let value = match kind {
        Kind::Text { .. } => Value::Text(text.to_owned()),
        Kind::Integer { .. } => Value::Integer(number),
        Kind::Decimal { .. } => Value::Decimal(decimal),
        Kind::Money { currency, .. } => {
            let currency = if number % 2 == 0 {
                currency.clone()
            } else {
                "XAU".to_owned()
            };
            let amount = decimal;
            Money { amount, currency }.into()
        }
        Kind::Boolean => Value::Boolean(number % 2 == 0),
        Kind::Date => Value::Date((number % 700_000) as i32),
        Kind::Timestamp => Value::Timestamp(Timestamp(number.unsigned_abs() % 100_000_000_000_000)),
        Kind::Choice { options } => Value::Choice(at(options)),
        Kind::MultiChoice { options } => {
            Value::MultiChoice([at(options), options[0].clone()].into())
        }
        Kind::Lookup { .. } => Value::Lookup(RecordId(bytes)),
        Kind::File => {
            let size = number.unsigned_abs() / 4;
            let (hash, name) = (Hash::of(&bytes), text.to_owned());
            FileRef { hash, size, name }.into()
        }
        Kind::Counter | Kind::Set { .. } | Kind::RichText | Kind::Json => return None,
    };
    kind.accepts(&value).is_ok().then_some(value)
}

fn field() -> impl Strategy<Value = Field> {
    let dice = (any::<i64>(), decimal(), ".{0,40}", any::<[u8; 16]>());
    (
        "[a-e][a-z0-9_]{0,2}",
        of(".{0,20}"),
        kind(),
        any::<bool>(),
        of(dice),
        of(policy()),
        any::<bool>(),
    )
        .prop_map(
            |(name, label, kind, required, dice, policy, retired)| Field {
                id: FieldId(0),
                label: label.unwrap_or_else(|| crate::text::record_type::label_of(&name)),
                name,
                required: required && kind.is_register() && !is_cleared(&kind),
                default: dice.and_then(|(number, decimal, text, bytes)| {
                    default(&kind, (number, decimal, &text, bytes))
                }),
                policy: policy.filter(|_| kind.is_register()),
                kind,
                secured: false,
                retired,
            },
        )
}

/// Whether the field can become empty by a deletion elsewhere.
fn is_cleared(kind: &Kind) -> bool {
    match kind {
        Kind::Lookup { on_delete, .. } => *on_delete == OnDelete::Clear,
        _ => false,
    }
}

type Keys = BTreeMap<String, (u16, Vec<prop::sample::Index>)>;

fn record_type() -> impl Strategy<Value = RecordType> {
    let keys = btree_map(
        ".{0,9}",
        (1u16..99, vec(any::<prop::sample::Index>(), 1..3)),
        0..3,
    );
    let fields = btree_map((1u16..30).prop_map(FieldId), field(), 0..8);
    let overrides = (of(policy()), of(granularity()));
    (
        "[a-d][a-z0-9_]{0,1}",
        ".{0,12}",
        any::<bool>(),
        fields,
        keys,
        overrides,
        any::<prop::sample::Index>(),
    )
        .prop_map(
            |(name, label, retired, fields, keys, (policy, granularity), title)| {
                let mut fields = fields;
                retire_doubles(
                    fields
                        .values_mut()
                        .map(|field| (&field.name, &mut field.retired)),
                );
                for (id, field) in &mut fields {
                    field.id = *id;
                }
                let live: Vec<FieldId> = fields
                    .values()
                    .filter(|f| !f.retired)
                    .map(|f| f.id)
                    .collect();
                RecordType {
                    id: TypeId(0),
                    name,
                    label,
                    title: (!live.is_empty()).then(|| *title.get(&live)),
                    keys: keys_on(keys, &fields),
                    fields,
                    policy,
                    granularity,
                    retired,
                    ..RecordType::new(TypeId(0), "", "")
                }
            },
        )
}

fn keys_on(keys: Keys, fields: &BTreeMap<FieldId, Field>) -> Vec<AlternateKey> {
    let usable = |field: &&Field| !field.retired && field.kind.is_register();
    let usable: Vec<FieldId> = fields
        .values()
        .filter(usable)
        .map(|field| field.id)
        .collect();
    let mut ids = BTreeSet::new();
    keys.into_iter()
        .filter(|(_, (id, _))| !usable.is_empty() && ids.insert(*id))
        .map(|(name, (id, fields))| AlternateKey {
            id: KeyId(id),
            name,
            fields: {
                let picked = fields.iter().map(|index| *index.get(&usable));
                let picked: BTreeSet<FieldId> = picked.collect();
                picked.into_iter().rev().collect()
            },
        })
        .collect()
}

/// Leaves one of each name in use.
fn retire_doubles<'a>(named: impl Iterator<Item = (&'a String, &'a mut bool)>) {
    let mut names = BTreeSet::new();
    for (name, retired) in named {
        *retired |= !*retired && !names.insert(name);
    }
}

/// Makes lookups of types and fields in use point at types in use.
fn point_at_live(definition: &mut Definition) {
    let every: BTreeSet<TypeId> = definition.types.keys().copied().collect();
    let live: BTreeSet<TypeId> = definition
        .types
        .values()
        .filter(|t| !t.retired)
        .map(|t| t.id)
        .collect();
    for record_type in definition.types.values_mut() {
        for field in record_type.fields.values_mut() {
            let allowed = if record_type.retired || field.retired {
                &every
            } else {
                &live
            };
            let slot = match &mut field.kind {
                Kind::Set { of } => &mut **of,
                other => other,
            };
            if let Kind::Lookup { targets, .. } = slot {
                targets.retain(|target| allowed.contains(target));
                if targets.is_empty() {
                    *slot = Kind::text();
                    field.default = None;
                }
            }
        }
    }
}

fn definition() -> impl Strategy<Value = Definition> {
    let access = proptest::sample::select(vec![Access::Edit, Access::Read]);
    let user = (".{0,20}", of(".{0,20}"), access).prop_map(|(name, email, access)| User {
        email,
        access,
        ..User::new(&name)
    });
    let team = (".{0,9}", vec(any::<prop::sample::Index>(), 0..9));
    let types = btree_map((1u16..9).prop_map(TypeId), record_type(), 0..6);
    let heading = (any::<u32>(), "[^ ].{0,20}", policy(), granularity());
    (
        heading,
        types,
        btree_map(".{0,9}", user, 0..6),
        btree_map(".{0,9}", team, 0..3),
        any::<u64>(),
    )
        .prop_map(
            |((number, name, policy, granularity), mut types, users, teams, seed)| {
                retire_doubles(types.values_mut().map(|t| (&t.name, &mut t.retired)));
                for (id, record_type) in &mut types {
                    record_type.id = *id;
                }
                let logins: Vec<&String> = users.keys().collect();
                let members = |picks: Vec<prop::sample::Index>| match logins[..] {
                    [] => BTreeSet::new(),
                    _ => picks
                        .iter()
                        .map(|pick| (*pick.get(&logins)).clone())
                        .collect(),
                };
                let teams = teams
                    .into_iter()
                    .map(|(key, (name, picks))| {
                        let members = members(picks);
                        (key, Team::new(&name, members))
                    })
                    .collect();
                let name = format!("The {name}");
                let mut definition = Definition {
                    number,
                    name,
                    policy,
                    granularity,
                    types,
                    users,
                    teams,
                    ..Definition::default()
                };
                point_at_live(&mut definition);
                secure(&mut definition, seed);
                definition
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_exported_definition_reads_as_itself(definition in definition()) {
        prop_assert_eq!(definition.faults(), vec![]);
        let text = export(&definition);
        match parse(&text, &definition, POLICIES) {
            Ok(read) => prop_assert_eq!(read, definition),
            Err(faults) => prop_assert!(false, "{}\n{text:#?}", shown(&faults)),
        }
    }

    #[test]
    fn damaged_text_is_read_without_a_panic(
        which in any::<prop::sample::Index>(),
        file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        cut in 0usize..40,
        put in "[a-z\\[\\]{}=\",\n0-9é]{0,12}",
    ) {
        let mut files = template(TEMPLATES[which.index(TEMPLATES.len())]).expect("a template");
        let before = parse(&files, &Definition::default(), POLICIES).expect("it is whole");
        let index = file.index(files.len());
        let text = &mut files[index].text;
        let letters: Vec<char> = text.chars().collect();
        let start = at.index(letters.len());
        let end = (start + cut).min(letters.len());
        *text = letters[..start].iter().copied().chain(put.chars()).chain(letters[end..].iter().copied()).collect();
        for base in [Definition::default(), before] {
            match parse(&files, &base, POLICIES) {
                Ok(read) => prop_assert!(base.changed(&base.changes_to(&read)).is_ok()),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}
