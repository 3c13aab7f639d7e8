//! Identifiers. Fixed-width byte ids print as lower-case hexadecimal, record
//! ids as UUIDs.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {expected}")]
pub struct IdError {
    text: String,
    what: &'static str,
    expected: &'static str,
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $length:literal, $what:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $length]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map($name).ok_or_else(|| IdError {
                    text: text.to_owned(),
                    what: $what,
                    expected: $expected,
                })
            }
        }
    };
}

byte_id!(
    /// An organization: the unit of isolation. 16 random bytes.
    OrganizationId, 16, "an organization id", "expected 32 hexadecimal digits"
);
byte_id!(
    /// A device: the first 16 bytes of the blake3 hash of its public key.
    DeviceId, 16, "a device id", "expected 32 hexadecimal digits"
);
byte_id!(
    /// An Ed25519 public key.
    PublicKey, 32, "a public key", "expected 64 hexadecimal digits"
);
byte_id!(
    /// A blake3 hash.
    Hash, 32, "a hash", "expected 64 hexadecimal digits"
);

impl PublicKey {
    /// The id of the device that holds this key.
    pub fn device(&self) -> DeviceId {
        let hash = blake3::hash(&self.0);
        DeviceId(hash.as_bytes()[..16].try_into().expect("16 of 32 bytes"))
    }
}

impl Hash {
    /// The hash that stands before the first of a chain.
    pub const ZERO: Hash = Hash([0; 32]);

    /// blake3 of `bytes`.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }
}

/// A record: 16 bytes, a UUID of version 7 when minted for a person's action,
/// of version 8 when derived from a parent and a name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// Mints a UUIDv7 (RFC 9562 §5.7) from a time in milliseconds and 10 random bytes.
    pub fn mint(milliseconds: u64, random: [u8; 10]) -> RecordId {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        RecordId(bytes).stamped(7)
    }

    /// The id of a get-or-create child: blake3 of parent and name, as a UUIDv8.
    /// Two devices that create the same child offline create the same record.
    pub fn derive(parent: &[u8], name: &str) -> RecordId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 derived record");
        hasher.update(&(parent.len() as u64).to_be_bytes());
        hasher.update(parent);
        hasher.update(name.as_bytes());
        let hash = hasher.finalize();
        RecordId(hash.as_bytes()[..16].try_into().expect("16 of 32 bytes")).stamped(8)
    }

    fn stamped(mut self, version: u8) -> RecordId {
        self.0[6] = (self.0[6] & 0x0f) | (version << 4);
        self.0[8] = (self.0[8] & 0x3f) | 0x80;
        self
    }

    /// Whether the id was derived from a parent and a name, so that two creates
    /// of it mean the same record.
    pub fn is_derived(&self) -> bool {
        self.0[6] >> 4 == 8
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if [4, 6, 8, 10].contains(&index) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl FromStr for RecordId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        parse_hex(&text.replace('-', ""))
            .map(RecordId)
            .ok_or_else(|| IdError {
                text: text.to_owned(),
                what: "a record id",
                expected: "expected a UUID such as 0192d3a4-7c11-7e2f-8a55-3b1c9d0e4f60",
            })
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// A record type within an organization; never used again after retiring.
    TypeId(u16)
);
number_id!(
    /// A field within a record type; never used again after retiring.
    FieldId(u16)
);
number_id!(
    /// An alternate key within a record type.
    KeyId(u16)
);
number_id!(
    /// An enrolled device by order of enrolment in the ledger, from 0: short
    /// where a [`DeviceId`] would be long.
    AuthorId(u32)
);
number_id!(
    /// The ordinal of an operation in the ledger: dense, from 1. 0 is "before
    /// everything".
    Version(u64)
);

impl Version {
    /// Where a device numbers its own operations that have no ledger version
    /// yet; above every ledger version.
    pub const PENDING: Version = Version(1 << 63);

    /// Whether this numbers an operation that the relay has not acknowledged.
    pub fn is_pending(self) -> bool {
        self >= Version::PENDING
    }

    /// The following version.
    pub fn next(self) -> Version {
        Version(self.0 + 1)
    }
}

/// One device log. A device restored from a backup starts a new generation
/// rather than contradict what it had signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogId {
    /// Whose log.
    pub device: DeviceId,
    /// From 0; counts restarts of the log.
    pub generation: u32,
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.device, self.generation)
    }
}

/// One operation, wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OperationId {
    /// The log it stands in.
    pub log: LogId,
    /// Its place there, from 1.
    pub sequence: u64,
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.log, self.sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_ids_print_and_parse() {
        let id = RecordId::mint(0x0192_d3a4_7c11, [7; 10]);
        assert_eq!(id.to_string(), "0192d3a4-7c11-7707-8707-070707070707");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(!id.is_derived());
    }

    #[test]
    fn derived_ids_agree_and_are_marked() {
        let one = RecordId::derive(b"task-1", "inspection");
        assert_eq!(one, RecordId::derive(b"task-1", "inspection"));
        assert_ne!(one, RecordId::derive(b"task-2", "inspection"));
        assert_ne!(one, RecordId::derive(b"task-1i", "nspection"));
        assert!(one.is_derived());
    }

    #[test]
    fn a_broken_id_says_what_was_expected() {
        let error = "xyz".parse::<DeviceId>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`xyz` is not a device id: expected 32 hexadecimal digits"
        );
        assert!("é".repeat(16).parse::<DeviceId>().is_err());
    }
}
