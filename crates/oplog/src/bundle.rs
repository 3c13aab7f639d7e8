//! Bundles: runs of consecutive operations of one device log under one
//! signature. The unit of storage, transfer and acknowledgement.
//!
//! `head = blake3("cairn/1 head", previous head, first sequence, blake3 of the
//! operation hashes)`. Because the head commits to hashes, a bundle can still
//! be proven with some operations withheld ([`Slot::Withheld`]).

use crate::key::{self, SIGNATURE_BYTES, SecretKey};
use cairn_model::codec::{self, DecodeError};
use cairn_model::{Hash, LogId, Operation, OrganizationId, PublicKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Operations in one bundle.
pub const BUNDLE_OPERATIONS_MAX: usize = 256;
/// Bytes of one encoded bundle.
pub const BUNDLE_BYTES_MAX: usize = 64 * 1024;

/// Why a bundle is not what it claims to be. Always the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// Larger than a bundle may be.
    #[error("the bundle has {0} bytes; at most {BUNDLE_BYTES_MAX} are allowed")]
    TooLarge(usize),
    /// The bytes are no bundle.
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// None, or too many operations.
    #[error("the bundle has {0} operations; 1 to {BUNDLE_OPERATIONS_MAX} are allowed")]
    Count(usize),
    /// Sequences start at 1 and do not overflow.
    #[error("the bundle starts at sequence {0}, which no log has")]
    Sequence(u64),
    /// The device's key does not hash to its id.
    #[error("the key given for device {0} is not that device's")]
    WrongKey(LogId),
    /// The signature does not verify.
    #[error(
        "the signature of bundle {log} from sequence {first} does not verify: the bytes were changed, or another key signed them"
    )]
    Signature {
        /// The log it claims.
        log: LogId,
        /// Where it claims to start.
        first: u64,
    },
}

/// Where a device log stands: the next bundle continues here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// The last sequence; 0 for an empty log.
    pub sequence: u64,
    /// The chain head after it.
    pub head: Hash,
}

impl LogHead {
    /// The head of an empty log.
    pub fn genesis(organization: &OrganizationId, log: &LogId) -> LogHead {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 log");
        hasher.update(&organization.0);
        hasher.update(&log.device.0);
        hasher.update(&log.generation.to_be_bytes());
        LogHead {
            sequence: 0,
            head: Hash(*hasher.finalize().as_bytes()),
        }
    }

    /// The head after operations with these hashes.
    pub fn after(&self, hashes: &[Hash]) -> LogHead {
        LogHead {
            sequence: self.sequence + hashes.len() as u64,
            head: chain(&self.head, self.sequence + 1, hashes),
        }
    }
}

fn chain(previous: &Hash, first: u64, hashes: &[Hash]) -> Hash {
    let mut list = blake3::Hasher::new();
    for hash in hashes {
        list.update(&hash.0);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn/1 head");
    hasher.update(&previous.0);
    hasher.update(&first.to_be_bytes());
    hasher.update(list.finalize().as_bytes());
    Hash(*hasher.finalize().as_bytes())
}

fn signed_message(organization: &OrganizationId, log: &LogId, head: &Hash) -> Vec<u8> {
    let mut message = Vec::with_capacity(14 + 16 + 16 + 4 + 32);
    message.extend_from_slice(b"cairn/1 bundle");
    message.extend_from_slice(&organization.0);
    message.extend_from_slice(&log.device.0);
    message.extend_from_slice(&log.generation.to_be_bytes());
    message.extend_from_slice(&head.0);
    message
}

/// One operation of a bundle, or its hash where a reader may not see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// The operation's bytes.
    Whole(#[serde(with = "byte_string")] Vec<u8>),
    /// blake3 of the operation's bytes.
    Withheld(Hash),
}

impl Slot {
    /// blake3 of the operation's bytes.
    pub fn hash(&self) -> Hash {
        match self {
            Slot::Whole(bytes) => Hash::of(bytes),
            Slot::Withheld(hash) => *hash,
        }
    }
}

/// The encoded form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Form {
    log: LogId,
    first: u64,
    previous: Hash,
    slots: Vec<Slot>,
    signature: ([u8; 32], [u8; 32]),
}

/// What of a bundle the receiver cannot know when it has the log up to there.
#[derive(Serialize, Deserialize)]
struct Continuation {
    slots: Vec<Slot>,
    signature: ([u8; 32], [u8; 32]),
}

/// A bundle whose form is right. Nothing in it is to be believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    bytes: Arc<[u8]>,
    form: Form,
}

/// A bundle whose signature is its device's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    parsed: Parsed,
    head: LogHead,
}

impl Parsed {
    /// Reads the form of a bundle. There is one way to write it: the signature
    /// covers what a bundle says, and this its bytes.
    pub fn parse(bytes: impl Into<Arc<[u8]>>) -> Result<Parsed, BundleFault> {
        let bytes = bytes.into();
        if bytes.len() > BUNDLE_BYTES_MAX {
            return Err(BundleFault::TooLarge(bytes.len()));
        }
        let form: Form = codec::decode("bundle", &bytes)?;
        if codec::encode(&form) != *bytes {
            let reason = "it is not written in the shortest form".to_owned();
            return Err(BundleFault::Malformed(DecodeError::Malformed {
                what: "bundle",
                reason,
            }));
        }
        if form.slots.is_empty() || form.slots.len() > BUNDLE_OPERATIONS_MAX {
            return Err(BundleFault::Count(form.slots.len()));
        }
        if form.first == 0 || form.first > u64::MAX / 2 {
            return Err(BundleFault::Sequence(form.first));
        }
        Ok(Parsed { bytes, form })
    }

    /// Reads the short form of a bundle that continues `log` at `at`, as
    /// [`Verified::continuation`] writes it. The signature stands for the
    /// whole: it covers the head, which commits to log, place and operations.
    pub fn continuing(bytes: &[u8], log: LogId, at: &LogHead) -> Result<Parsed, BundleFault> {
        let Continuation { slots, signature } = codec::decode("bundle", bytes)?;
        let form = Form {
            log,
            first: at.sequence + 1,
            previous: at.head,
            slots,
            signature,
        };
        Parsed::parse(codec::encode(&form))
    }

    /// The bytes it was read from.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The log it claims.
    pub fn log(&self) -> LogId {
        self.form.log
    }

    /// The sequence of its first operation.
    pub fn first(&self) -> u64 {
        self.form.first
    }

    /// The sequence of its last operation.
    pub fn last(&self) -> u64 {
        self.form.first + self.form.slots.len() as u64 - 1
    }

    /// Checks the signature against the device's key.
    pub fn verify(
        self,
        organization: &OrganizationId,
        key: &PublicKey,
    ) -> Result<Verified, BundleFault> {
        let form = &self.form;
        if key.device() != form.log.device {
            return Err(BundleFault::WrongKey(form.log));
        }
        let hashes: Vec<Hash> = form.slots.iter().map(Slot::hash).collect();
        let head = chain(&form.previous, form.first, &hashes);
        let mut signature = [0; SIGNATURE_BYTES];
        signature[..32].copy_from_slice(&form.signature.0);
        signature[32..].copy_from_slice(&form.signature.1);
        if !key::verifies(
            key,
            &signed_message(organization, &form.log, &head),
            &signature,
        ) {
            return Err(BundleFault::Signature {
                log: form.log,
                first: form.first,
            });
        }
        let head = LogHead {
            sequence: self.last(),
            head,
        };
        Ok(Verified { parsed: self, head })
    }

    /// Takes a bundle out of this program's own storage, where it was put
    /// after verification and is guarded by a checksum.
    pub fn trust_own_storage(self) -> Verified {
        let hashes: Vec<Hash> = self.form.slots.iter().map(Slot::hash).collect();
        let head = LogHead {
            sequence: self.last(),
            head: chain(&self.form.previous, self.form.first, &hashes),
        };
        Verified { parsed: self, head }
    }
}

impl Verified {
    /// The bytes as received.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.parsed.bytes
    }

    /// The log.
    pub fn log(&self) -> LogId {
        self.parsed.log()
    }

    /// The sequence of its first operation.
    pub fn first(&self) -> u64 {
        self.parsed.first()
    }

    /// The sequence of its last operation.
    pub fn last(&self) -> u64 {
        self.parsed.last()
    }

    /// The head it continues.
    pub fn previous(&self) -> Hash {
        self.parsed.form.previous
    }

    /// The log's head after it.
    pub fn head(&self) -> LogHead {
        self.head
    }

    /// Its operations, in order.
    pub fn slots(&self) -> &[Slot] {
        &self.parsed.form.slots
    }

    /// The short form for a receiver that has the log up to this bundle.
    pub fn continuation(&self) -> Vec<u8> {
        let form = &self.parsed.form;
        codec::encode(&Continuation {
            slots: form.slots.clone(),
            signature: form.signature,
        })
    }

    /// The same bundle with every operation withheld but those `keep` names by
    /// their index. It still verifies.
    pub fn redacted(&self, keep: impl Fn(usize) -> bool) -> Vec<u8> {
        let mut form = self.parsed.form.clone();
        for (index, slot) in form.slots.iter_mut().enumerate() {
            if !keep(index) {
                *slot = Slot::Withheld(slot.hash());
            }
        }
        codec::encode(&form)
    }
}

/// Seals operations, given as their encoded bytes, into a bundle that
/// continues `at`.
///
/// # Panics
/// If there are no operations, or more than a bundle may hold.
pub fn seal(
    organization: &OrganizationId,
    log: LogId,
    at: &LogHead,
    operations: Vec<Vec<u8>>,
    key: &SecretKey,
) -> Verified {
    assert!(!operations.is_empty() && operations.len() <= BUNDLE_OPERATIONS_MAX);
    let slots: Vec<Slot> = operations.into_iter().map(Slot::Whole).collect();
    let hashes: Vec<Hash> = slots.iter().map(Slot::hash).collect();
    let head = at.after(&hashes);
    let signature = key.sign(&signed_message(organization, &log, &head.head));
    let (low, high) = signature.split_at(32);
    let form = Form {
        log,
        first: at.sequence + 1,
        previous: at.head,
        slots,
        signature: (
            low.try_into().expect("32 of 64 bytes"),
            high.try_into().expect("32 of 64 bytes"),
        ),
    };
    let bytes = codec::encode(&form).into();
    Verified {
        parsed: Parsed { bytes, form },
        head,
    }
}

/// How many operations from the front of `operations` (their encoded sizes)
/// fit into one bundle.
pub fn fitting(operations: impl Iterator<Item = usize>) -> usize {
    const OVERHEAD: usize = 16 + 5 + 9 + 32 + 64 + 8;
    const SLOT_OVERHEAD: usize = 6;
    let mut bytes = OVERHEAD;
    operations
        .take(BUNDLE_OPERATIONS_MAX)
        .take_while(|size| {
            bytes += size + SLOT_OVERHEAD;
            bytes <= BUNDLE_BYTES_MAX
        })
        .count()
}

/// Decodes an operation of a bundle.
pub fn decode_operation(bytes: &[u8]) -> Result<Operation, DecodeError> {
    codec::decode("operation", bytes)
}

/// Byte vectors as one serde byte string, not element by element.
pub mod byte_string {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    /// Writes the bytes.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    /// Reads the bytes.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORGANIZATION: OrganizationId = OrganizationId([9; 16]);

    fn sealed() -> (Verified, PublicKey) {
        let key = SecretKey::from_seed(&[7; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        let at = LogHead::genesis(&ORGANIZATION, &log);
        let operations = vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
        (
            seal(&ORGANIZATION, log, &at, operations, &key),
            key.public(),
        )
    }

    #[test]
    fn a_sealed_bundle_verifies_from_its_bytes() {
        let (bundle, key) = sealed();
        let parsed = Parsed::parse(bundle.bytes().clone()).unwrap();
        assert_eq!(parsed.verify(&ORGANIZATION, &key), Ok(bundle));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let (bundle, key) = sealed();
        for bit in 0..bundle.bytes().len() * 8 {
            let mut bytes = bundle.bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = Parsed::parse(bytes).and_then(|b| b.verify(&ORGANIZATION, &key));
            assert!(verdict.is_err(), "bit {bit} was flipped unnoticed");
        }
    }

    #[test]
    fn every_truncation_is_noticed() {
        let (bundle, _) = sealed();
        for length in 0..bundle.bytes().len() {
            assert!(Parsed::parse(bundle.bytes()[..length].to_vec()).is_err());
        }
    }

    #[test]
    fn a_bundle_is_bound_to_its_organization() {
        let (bundle, key) = sealed();
        let parsed = Parsed::parse(bundle.bytes().clone()).unwrap();
        let elsewhere = parsed.verify(&OrganizationId([8; 16]), &key);
        assert!(matches!(elsewhere, Err(BundleFault::Signature { .. })));
    }

    #[test]
    fn a_continuation_is_the_same_bundle_to_who_has_the_log() {
        let (bundle, key) = sealed();
        let log = bundle.log();
        let at = LogHead::genesis(&ORGANIZATION, &log);
        let continued = Parsed::continuing(&bundle.continuation(), log, &at).unwrap();
        assert_eq!(continued.verify(&ORGANIZATION, &key), Ok(bundle.clone()));
        let elsewhere = Parsed::continuing(&bundle.continuation(), log, &bundle.head()).unwrap();
        assert!(elsewhere.verify(&ORGANIZATION, &key).is_err());
    }

    #[test]
    fn a_redacted_bundle_still_proves_what_it_shows() {
        let (bundle, key) = sealed();
        let redacted = bundle.redacted(|index| index == 1);
        let verified = Parsed::parse(redacted)
            .unwrap()
            .verify(&ORGANIZATION, &key)
            .unwrap();
        assert_eq!(verified.head(), bundle.head());
        assert_eq!(verified.slots()[1], Slot::Whole(b"two".to_vec()));
        assert!(matches!(verified.slots()[0], Slot::Withheld(_)));
    }

    #[test]
    fn fitting_never_overfills() {
        let size = 700;
        let count = fitting(std::iter::repeat_n(size, 1000));
        let key = SecretKey::from_seed(&[1; 32]);
        let log = LogId {
            device: key.public().device(),
            generation: u32::MAX,
        };
        let at = LogHead {
            sequence: u64::MAX / 4,
            head: Hash::ZERO,
        };
        let bundle = seal(&ORGANIZATION, log, &at, vec![vec![0; size]; count], &key);
        assert!(bundle.bytes().len() <= BUNDLE_BYTES_MAX);
        assert!(bundle.bytes().len() + size + 8 > BUNDLE_BYTES_MAX - 1024);
    }
}
