//! How the kind of a set's elements is read: text or lookup, and no other.
//!
//! A kind that could hold any kind could hold itself, and some thousand bytes
//! of sets of sets would exhaust the stack of whoever reads them.

use super::{Kind, OnDelete};
use crate::id::TypeId;
use serde::{Deserialize, Deserializer, de};
use std::collections::BTreeSet;

/// The variants of [`Kind`] up to the last one that a set can be of, in their
/// order: on the wire a variant is its number.
#[derive(Deserialize)]
enum Element {
    Text {
        length_max: Option<u32>,
    },
    Integer,
    Decimal,
    Money,
    Boolean,
    Date,
    Timestamp,
    Choice,
    MultiChoice,
    Lookup {
        targets: BTreeSet<TypeId>,
        on_delete: OnDelete,
    },
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Kind>, D::Error> {
    match Element::deserialize(from)? {
        Element::Text { length_max } => Ok(Box::new(Kind::Text { length_max })),
        Element::Lookup { targets, on_delete } => Ok(Box::new(Kind::Lookup { targets, on_delete })),
        _ => Err(de::Error::custom("a set is of text or of lookups")),
    }
}

#[cfg(test)]
mod tests {
    use crate::codec;
    use crate::definition::{Kind, OnDelete};
    use crate::id::TypeId;

    #[test]
    fn sets_of_text_and_of_lookups_are_read() {
        let text = Kind::Text {
            length_max: Some(9),
        };
        let lookup = Kind::Lookup {
            targets: [TypeId(3)].into(),
            on_delete: OnDelete::Clear,
        };
        for of in [text, lookup] {
            let set = Kind::Set { of: Box::new(of) };
            assert_eq!(codec::decode("kind", &codec::encode(&set)), Ok(set));
        }
    }

    #[test]
    fn sets_of_anything_else_are_refused() {
        for of in [Kind::Boolean, Kind::Counter, Kind::integer()] {
            let set = Kind::Set { of: Box::new(of) };
            assert!(codec::decode::<Kind>("kind", &codec::encode(&set)).is_err());
        }
        let nested = vec![12; 4_000_000];
        assert!(codec::decode::<Kind>("kind", &nested).is_err());
    }
}
