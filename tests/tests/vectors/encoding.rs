//! The encoding under everything: numbers, texts, lists, choices.

use crate::file::{Group, Read, check, words};
use cairn_model::{Decimal, codec};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers as text: JSON readers lose digits beyond 2^53.
fn numbers<T>(name: &'static str) -> Group
where
    T: serde::Serialize + serde::de::DeserializeOwned + std::fmt::Display + 'static,
{
    Group::new(name, |bytes| {
        let number: T = codec::decode("number", bytes).map_err(words)?;
        let says = Json::String(number.to_string());
        let again = codec::encode(&number);
        Ok(Read { says, again })
    })
}

#[test]
fn values_are_encoded_as_they_were() {
    let mut unsigned = numbers::<u64>("unsigned");
    for number in [
        0,
        1,
        250,
        251,
        65_535,
        65_536,
        u64::from(u32::MAX),
        1 << 32,
        u64::MAX,
    ] {
        unsigned = unsigned.valid(number.to_string(), codec::encode(&number));
    }
    let unsigned = unsigned
        .valid("in more bytes than needed", [251, 5, 0])
        .invalid(
            "ENC-2",
            "of 128 bits",
            [[254, 1].as_slice(), &[0; 15]].concat(),
        )
        .invalid("ENC-2", "a marker of nothing", [255])
        .invalid("ENC-2", "cut short", [252, 1, 2])
        .invalid("ENC-12", "with a byte behind it", [7, 0]);
    let narrow = numbers::<u16>("unsigned of 16 bits")
        .valid("65535", codec::encode(&u16::MAX))
        .invalid("ENC-2", "of 32 bits", [252, 1, 0, 0, 0]);
    let mut signed = numbers::<i64>("signed");
    for number in [0, -1, 1, -125, 125, -126, 126, i64::MIN, i64::MAX] {
        signed = signed.valid(number.to_string(), codec::encode(&number));
    }
    let mut decimals = numbers::<Decimal>("decimal");
    let largest = "-79228162514264337593543950335";
    for number in [
        "0",
        "1.5",
        "-1.5",
        "12.34",
        "0.0000000000000000000000000001",
        largest,
    ] {
        let decimal: Decimal = number.parse().expect("a decimal");
        decimals = decimals.valid(number, codec::encode(&decimal));
    }
    let decimals = decimals
        .valid(
            "1.50, written with its zero",
            codec::encode(&(150_i128, 2_u8)),
        )
        .invalid(
            "VALUE-3",
            "of 29 digits after the point",
            codec::encode(&(1_i128, 29_u8)),
        )
        .invalid(
            "VALUE-3",
            "of 97 bits",
            codec::encode(&(1_i128 << 96, 0_u8)),
        );
    let groups = vec![unsigned, narrow, signed, decimals];
    check("numbers.json", "How numbers are encoded.", groups);
}

#[test]
fn collections_are_encoded_as_they_were() {
    let options = Group::of::<Option<u64>>("optional unsigned")
        .valid("nothing", codec::encode(&None::<u64>))
        .valid("seven", codec::encode(&Some(7_u64)))
        .invalid("ENC-6", "neither", [2, 7]);
    let truth = Group::of::<bool>("boolean")
        .valid("false", codec::encode(&false))
        .valid("true", codec::encode(&true))
        .invalid("ENC-4", "neither", [2]);
    let texts = Group::of::<String>("text")
        .valid("empty", codec::encode(&""))
        .valid("pump", codec::encode(&"pump"))
        .valid("two bytes for one letter", codec::encode(&"é"))
        .invalid("ENC-8", "no UTF-8", [2, 0xc3, 0x28])
        .invalid("ENC-8", "cut short", [5, b'p', b'u'])
        .invalid(
            "ENC-11",
            "claims 2^60 bytes",
            [253, 0, 0, 0, 0, 0, 0, 0, 16],
        );
    let arrays = Group::of::<[u8; 4]>("four bytes")
        .valid("no length", [1, 2, 3, 4])
        .invalid("ENC-9", "cut short", [1, 2, 3]);
    let lists = Group::of::<Vec<u64>>("list of unsigned")
        .valid("empty", [0])
        .valid("three", codec::encode(&vec![1_u64, 300, 70_000]))
        .invalid("ENC-7", "shorter than it says", [3, 1, 2]);
    let sets = Group::of::<BTreeSet<String>>("set of texts")
        .valid("in order", codec::encode(&BTreeSet::from(["a", "b"])))
        .valid(
            "out of order, one twice",
            codec::encode(&vec!["b", "a", "b"]),
        );
    let maps = Group::of::<BTreeMap<u16, String>>("map from unsigned of 16 bits to text")
        .valid(
            "two entries",
            codec::encode(&BTreeMap::from([(1_u16, "a"), (2, "b")])),
        )
        .valid(
            "the later entry stays",
            codec::encode(&vec![(1_u16, "a"), (1, "b")]),
        );
    let groups = vec![truth, options, texts, arrays, lists, sets, maps];
    check(
        "collections.json",
        "How texts and collections are encoded.",
        groups,
    );
}
