//! Bundles read from their bytes as `proto/README.md` writes them: rule by
//! rule, with blake3 and Ed25519 and nothing of ours in between.

use cairn_model::{DeviceId, Hash, OrganizationId, PublicKey, Version};
use ed25519_dalek::{Signature, VerifyingKey};

/// A bundle, by its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Whose log.
    pub device: DeviceId,
    /// Which of them.
    pub generation: u32,
    /// The sequence of its first operation.
    pub first: u64,
    /// The head it continues.
    pub previous: Hash,
    /// Its operations' bytes; `None` where one is withheld.
    pub operations: Vec<Option<Vec<u8>>>,
    hashes: Vec<Hash>,
    signature: [u8; 64],
}

/// An entry of the ledger as the relay keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// When the relay received it, in milliseconds since 1970.
    pub received: u64,
    /// The version of its first operation.
    pub first_version: u64,
    /// The chain head after it.
    pub head: Hash,
    /// The bundle's bytes.
    pub bundle: Vec<u8>,
}

impl StoredEntry {
    /// Reads it; `None` when the bytes are none.
    pub fn read(bytes: &[u8]) -> Option<StoredEntry> {
        let mut rest = Rest(bytes);
        let (received, first_version) = (rest.number()?, rest.number()?);
        let head = Hash(rest.array()?);
        let length = rest.number()?.try_into().ok()?;
        let bundle = rest.take(length)?.to_vec();
        rest.0.is_empty().then_some(StoredEntry {
            received,
            first_version,
            head,
            bundle,
        })
    }

    /// The version of its last operation.
    pub fn last_version(&self) -> Version {
        let operations = Bundle::read(&self.bundle).map_or(0, |b| b.operations.len() as u64);
        Version(self.first_version + operations.saturating_sub(1))
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// ENC-1.
    fn number(&mut self) -> Option<u64> {
        let [marker] = self.array()?;
        match marker {
            0..=250 => Some(marker.into()),
            251 => self.array().map(|b| u16::from_le_bytes(b).into()),
            252 => self.array().map(|b| u32::from_le_bytes(b).into()),
            253 => self.array().map(u64::from_le_bytes),
            _ => None,
        }
    }
}

fn blake3_of(parts: &[&[u8]]) -> Hash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(*hasher.finalize().as_bytes())
}

/// The head of an empty log (LOG-2).
pub fn empty_log(organization: &OrganizationId, device: &DeviceId, generation: u32) -> Hash {
    let generation = generation.to_be_bytes();
    blake3_of(&[b"cairn/1 log", &organization.0, &device.0, &generation])
}

/// The head of an empty ledger (LEDGER-2).
pub fn empty_ledger(organization: &OrganizationId, relay: &PublicKey) -> Hash {
    blake3_of(&[b"cairn/1 ledger", &organization.0, &relay.0])
}

/// The head of a ledger after one more entry (LEDGER-3).
pub fn ledger_after(head: &Hash, position: u64, received: u64, bundle: &[u8]) -> Hash {
    blake3_of(&[
        b"cairn/1 entry",
        &head.0,
        &position.to_be_bytes(),
        &received.to_be_bytes(),
        &blake3_of(&[bundle]).0,
    ])
}

impl Bundle {
    /// Reads BUNDLE-1; `None` when the bytes are no bundle.
    pub fn read(bytes: &[u8]) -> Option<Bundle> {
        let mut rest = Rest(bytes);
        let device = DeviceId(rest.array()?);
        let generation = rest.number()?.try_into().ok()?;
        let first = rest.number()?;
        let previous = Hash(rest.array()?);
        let count = rest.number()?;
        let (mut operations, mut hashes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            match rest.number()? {
                0 => {
                    let length = rest.number()?.try_into().ok()?;
                    let operation = rest.take(length)?;
                    hashes.push(blake3_of(&[operation]));
                    operations.push(Some(operation.to_vec()));
                }
                1 => {
                    hashes.push(Hash(rest.array()?));
                    operations.push(None);
                }
                _ => return None,
            }
        }
        let signature = rest.array()?;
        (rest.0.is_empty() && count > 0 && first > 0).then_some(Bundle {
            device,
            generation,
            first,
            previous,
            operations,
            hashes,
            signature,
        })
    }

    /// The sequence of its last operation.
    pub fn last(&self) -> u64 {
        self.first + self.operations.len() as u64 - 1
    }

    /// The hashes of its operations.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The head after it (LOG-3).
    pub fn head(&self) -> Hash {
        let list: Vec<u8> = self.hashes.iter().flat_map(|hash| hash.0).collect();
        let first = self.first.to_be_bytes();
        let list = blake3_of(&[&list]);
        blake3_of(&[b"cairn/1 head", &self.previous.0, &first, &list.0])
    }

    /// Whether `key` is its device's and signed it (BUNDLE-6 to BUNDLE-8).
    pub fn is_signed_by(&self, organization: &OrganizationId, key: &PublicKey) -> bool {
        let generation = self.generation.to_be_bytes();
        let head = self.head().0;
        let prefix: &[u8] = b"cairn/1 bundle";
        let parts = [prefix, &organization.0, &self.device.0, &generation, &head];
        let message = parts.concat();
        let is_device = blake3_of(&[&key.0]).0[..16] == self.device.0;
        let signature = Signature::from_bytes(&self.signature);
        is_device
            && VerifyingKey::from_bytes(&key.0)
                .is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_model::LogId;
    use cairn_oplog::bundle::{LogHead, seal};
    use cairn_oplog::{LedgerHead, SecretKey};

    /// Signed by the product, read here.
    fn sealed() -> (OrganizationId, SecretKey, Vec<u8>, LogHead) {
        let (organization, key) = (OrganizationId([5; 16]), SecretKey::from_seed(&[3; 32]));
        let log = LogId {
            device: key.public().device(),
            generation: 300,
        };
        let at = LogHead {
            sequence: 70_000,
            ..LogHead::genesis(&organization, &log)
        };
        let operations = vec![b"one".to_vec(), vec![7; 300]];
        let bundle = seal(&organization, log, &at, operations, &key);
        (organization, key, bundle.bytes().to_vec(), bundle.head())
    }

    #[test]
    fn a_bundle_of_the_product_is_read_by_the_written_rules() {
        let (organization, key, bytes, head) = sealed();
        let bundle = Bundle::read(&bytes).expect("a bundle");
        assert_eq!((bundle.generation, bundle.first), (300, 70_001));
        assert_eq!(bundle.operations[0].as_deref(), Some(&b"one"[..]));
        assert_eq!((bundle.head(), bundle.last()), (head.head, head.sequence));
        assert!(bundle.is_signed_by(&organization, &key.public()));
    }

    #[test]
    fn a_changed_bit_is_no_longer_signed() {
        let (organization, key, bytes, _) = sealed();
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            let signed = Bundle::read(&changed)
                .is_some_and(|bundle| bundle.is_signed_by(&organization, &key.public()));
            assert!(!signed, "the bit at {place} does not count");
        }
    }

    #[test]
    fn the_heads_of_a_ledger_are_the_written_ones() {
        let (organization, key, bytes, _) = sealed();
        let genesis = LedgerHead::genesis(&organization, &key.public());
        let after = genesis.after(cairn_model::Timestamp(9), &bytes, 2);
        let own = empty_ledger(&organization, &key.public());
        assert_eq!(own, genesis.head);
        assert_eq!(ledger_after(&own, 1, 9, &bytes), after.head);
    }
}
