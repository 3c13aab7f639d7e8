//! The one binary encoding of Cairn: bincode 2, `standard` configuration
//! (little endian, variable-length integers), through serde.
//!
//! Signatures and hashes are computed over bytes as received; nothing is ever
//! verified by encoding it again.

use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::{Serialize, de::DeserializeOwned};

/// Why bytes did not decode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end early, name an unknown variant, or claim more than the limit.
    #[error("the bytes do not form a {what}: {reason}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What the decoder found.
        reason: String,
    },
    /// Bytes are left over after a whole value.
    #[error("{left} bytes follow a whole {what}; nothing may follow it")]
    Trailing {
        /// What was decoded.
        what: &'static str,
        /// How many bytes follow.
        left: usize,
    },
}

/// Largest value [`decode`] builds, in bytes claimed by lengths inside it.
/// A hostile length cannot make it allocate more.
pub const DECODE_BYTES_MAX: usize = 4 * 1024 * 1024;

fn configuration() -> bincode::config::Configuration<
    bincode::config::LittleEndian,
    bincode::config::Varint,
    bincode::config::Limit<DECODE_BYTES_MAX>,
> {
    bincode::config::standard().with_limit::<DECODE_BYTES_MAX>()
}

/// Encodes a value of ours.
///
/// # Panics
/// If the value exceeds [`DECODE_BYTES_MAX`] or its `Serialize` fails, which
/// would be an error of this program: callers bound what they encode.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ENCODED_BYTES_USUAL);
    encode_onto(value, &mut bytes);
    bytes
}

/// Encodes a value of ours behind what `bytes` holds already.
///
/// # Panics
/// As [`encode`] does.
pub fn encode_onto<T: Serialize>(value: &T, bytes: &mut Vec<u8>) {
    bincode::serde::encode_into_writer(value, Behind(bytes), configuration())
        .expect("values of this program are bounded and encodable");
}

/// Room that is made for an encoded value at first: most operations, images
/// and messages of live edits fit, and making more room costs more than they do.
const ENCODED_BYTES_USUAL: usize = 128;

/// Writes behind what is there.
struct Behind<'a>(&'a mut Vec<u8>);

impl Writer for Behind<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Decodes exactly one value; trailing bytes are an error.
pub fn decode<T: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, read) = decode_prefix(what, bytes)?;
    if read == bytes.len() {
        Ok(value)
    } else {
        Err(DecodeError::Trailing {
            what,
            left: bytes.len() - read,
        })
    }
}

/// Decodes one value from the front of `bytes`; returns it and its length.
pub fn decode_prefix<T: DeserializeOwned>(
    what: &'static str,
    bytes: &[u8],
) -> Result<(T, usize), DecodeError> {
    bincode::serde::decode_from_slice(bytes, configuration()).map_err(|error| {
        DecodeError::Malformed {
            what,
            reason: error.to_string(),
        }
    })
}

/// Puts a list item by item: a whole list may be longer than what is decoded
/// in one piece. [`take_list`] takes it back.
pub fn put_list<T: Serialize>(bytes: &mut Vec<u8>, items: impl IntoIterator<Item = T>) {
    let before = bytes.len();
    let mut count = 0u64;
    for item in items {
        encode_onto(&item, bytes);
        count += 1;
    }
    bytes.splice(before..before, encode(&count));
}

/// Takes a list off the front of `bytes`.
pub fn take_list<T: DeserializeOwned>(
    what: &'static str,
    bytes: &mut &[u8],
) -> Result<Vec<T>, DecodeError> {
    let count: u64 = take(what, bytes)?;
    (0..count).map(|_| take(what, bytes)).collect()
}

/// Takes one value off the front of `bytes`.
pub fn take<T: DeserializeOwned>(what: &'static str, bytes: &mut &[u8]) -> Result<T, DecodeError> {
    let (value, read) = decode_prefix(what, bytes)?;
    *bytes = &bytes[read..];
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_length_is_refused_without_allocating() {
        let claims_an_exabyte = [253, 0, 0, 0, 0, 0, 0, 0, 16];
        let refused = decode::<Vec<u8>>("text", &claims_an_exabyte);
        assert!(matches!(refused, Err(DecodeError::Malformed { .. })));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        let mut bytes = encode(&7u32);
        bytes.push(0);
        assert_eq!(
            decode::<u32>("number", &bytes),
            Err(DecodeError::Trailing {
                what: "number",
                left: 1
            })
        );
    }
}
