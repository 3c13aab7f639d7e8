//! What is measured with: one record type of ten fields, and records that are
//! the same on every machine.

use crate::exit::Failure;
use cairn_model::text::{self, SourceFile};
use cairn_model::{
    Change, Definition, FieldId, Mutation, RecordId, RecordType, Value, Version, Write,
};

/// Whose devices all of them are.
pub(super) const USER: &str = "surveyor";

const ORGANIZATION: &str = r#"
name = "Bench"
policy = "client-wins"
"#;
const USERS: &str = r#"
surveyor = { name = "Surveyor" }
"#;
const READING: &str = r#"
title = "place"
[fields]
place = { kind = "text" }
street = { kind = "text" }
town = { kind = "text" }
engineer = { kind = "text" }
remarks = { kind = "text" }
meter = { kind = "integer" }
value = { kind = "integer" }
visits = { kind = "integer" }
deviation = { kind = "decimal" }
sealed = { kind = "boolean" }
"#;

/// The first record's id carries this time: 2026-06-01T00:00:00Z.
const FIRST_ID_MS: u64 = 1_780_272_000_000;

const WORDS: [&str; 32] = [
    "alder", "amber", "basin", "beacon", "birch", "bridge", "canal", "cedar", "cliff", "copper",
    "delta", "dune", "ember", "fern", "field", "flint", "grove", "harbour", "hazel", "island",
    "juniper", "ledge", "marsh", "meadow", "mill", "orchard", "pebble", "quarry", "ridge", "slate",
    "thorn", "willow",
];

/// The definition that is measured with.
pub(super) fn definition() -> Result<Definition, Failure> {
    let file = |path: &str, text: &str| SourceFile {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let files = [
        file("organization.toml", ORGANIZATION),
        file("users.toml", USERS),
        file("types/reading.toml", READING),
    ];
    text::parse(&files, &Definition::default(), &cairn_policy::ids()).map_err(|faults| {
        Failure::usage(format!(
            "the definition to measure with is wrong: {}",
            faults[0]
        ))
    })
}

/// The one record type, as published.
pub(super) fn reading(definition: &Definition) -> &RecordType {
    definition
        .type_named("reading")
        .expect("the definition has one type")
}

/// The field that edits are made to.
pub(super) fn edited_field(definition: &Definition) -> FieldId {
    reading(definition)
        .field_named("value")
        .expect("the type has this field")
        .id
}

/// The id of a record.
pub(super) fn record_id(number: u32) -> RecordId {
    let mut dice = Dice::of(number, 0);
    let mut random = [0; 10];
    random[..8].copy_from_slice(&dice.next().to_be_bytes());
    RecordId::mint(FIRST_ID_MS + u64::from(number), random)
}

/// A record as it is created: about 230 bytes as JSON.
pub(super) fn create(definition: &Definition, number: u32) -> Mutation {
    let mut dice = Dice::of(number, 1);
    let record_type = reading(definition);
    let name = |dice: &mut Dice| format!("{} {}", dice.word(), dice.word());
    let texts = [
        ("place", format!("{} {}", name(&mut dice), dice.below(900))),
        (
            "street",
            format!("{} {} street", dice.below(200), dice.word()),
        ),
        ("town", name(&mut dice)),
        ("engineer", format!("{} {}", dice.word(), name(&mut dice))),
        (
            "remarks",
            format!(
                "{} by the {}, {}",
                name(&mut dice),
                dice.word(),
                dice.word()
            ),
        ),
    ];
    let numbers = [("meter", 10_000_000), ("value", 100_000), ("visits", 60)];
    let mut values: Vec<(&str, Value)> = texts
        .into_iter()
        .map(|(name, text)| (name, Value::Text(text)))
        .collect();
    for (name, below) in numbers {
        values.push((name, Value::Integer(dice.below(below))));
    }
    let deviation = format!("{}.{:02}", dice.below(20), dice.below(100));
    values.push((
        "deviation",
        Value::Decimal(deviation.parse().expect("it is a decimal number")),
    ));
    values.push(("sealed", Value::Boolean(dice.below(2) == 1)));
    let writes = values.into_iter().map(|(name, value)| {
        let field = record_type
            .field_named(name)
            .expect("the type has this field");
        (field.id, Write::Set(value))
    });
    Mutation {
        record: record_id(number),
        record_type: record_type.id,
        base: Version(0),
        change: Change::Create(writes.collect()),
    }
}

/// Bytes of a record as JSON.
pub(super) fn json_bytes(definition: &Definition, number: u32) -> usize {
    let create = create(definition, number);
    let mut object = serde_json::Map::new();
    for (id, write) in create.change.writes() {
        if let (Some(field), Write::Set(value)) = (reading(definition).fields.get(id), write) {
            object.insert(field.name.clone(), value.to_json());
        }
    }
    serde_json::Value::Object(object).to_string().len()
}

/// An edit of one field of a record.
pub(super) fn edit(definition: &Definition, number: u32, value: i64, base: Version) -> Mutation {
    Mutation {
        record: record_id(number),
        record_type: reading(definition).id,
        base,
        change: Change::Update(vec![(
            edited_field(definition),
            Write::Set(Value::Integer(value)),
        )]),
    }
}

/// Numbers that look random and are the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn of(number: u32, stream: u64) -> Dice {
        Dice(
            u64::from(number)
                .wrapping_mul(2)
                .wrapping_add(stream)
                .wrapping_mul(0xd605_bbb5_8c8a_bbfd),
        )
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        (self.next() % bound.unsigned_abs().max(1)) as i64
    }

    fn word(&mut self) -> &'static str {
        WORDS[self.below(WORDS.len() as i64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_ten_fields_and_about_230_bytes() {
        let definition = definition().unwrap();
        assert_eq!(create(&definition, 0).change.writes().len(), 10);
        let bytes: usize = (0..1_000)
            .map(|number| json_bytes(&definition, number))
            .sum();
        assert!(
            (220..=240).contains(&(bytes / 1_000)),
            "{} bytes",
            bytes / 1_000
        );
    }
}
