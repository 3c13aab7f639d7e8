//! The ledger: the relay's total order of bundles, hash-chained and
//! checkpointed with the relay's signature.

use crate::bundle::Verified;
use crate::key::{self, SIGNATURE_BYTES, SecretKey};
use cairn_model::{Hash, OrganizationId, PublicKey, Timestamp};
use serde::{Deserialize, Serialize};

/// One place in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From 1, dense.
    pub position: u64,
    /// When the relay took it in; never falls along the ledger.
    pub received: Timestamp,
    /// What it took in.
    pub bundle: Verified,
}

/// Where the ledger stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerHead {
    /// The last position; 0 for an empty ledger.
    pub position: u64,
    /// Operations up to it, which is the version of its last one.
    pub version: u64,
    /// When the last entry was received.
    pub received: Timestamp,
    /// The chain head after it.
    pub head: Hash,
}

impl LedgerHead {
    /// The head of an empty ledger.
    pub fn genesis(organization: &OrganizationId, relay: &PublicKey) -> LedgerHead {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 ledger");
        hasher.update(&organization.0);
        hasher.update(&relay.0);
        LedgerHead {
            position: 0,
            version: 0,
            received: Timestamp(0),
            head: Hash(*hasher.finalize().as_bytes()),
        }
    }

    /// The head after one more bundle.
    pub fn after(&self, received: Timestamp, bundle: &[u8], operations: u64) -> LedgerHead {
        let position = self.position + 1;
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 entry");
        hasher.update(&self.head.0);
        hasher.update(&position.to_be_bytes());
        hasher.update(&received.0.to_be_bytes());
        hasher.update(&Hash::of(bundle).0);
        LedgerHead {
            position,
            version: self.version + operations,
            received,
            head: Hash(*hasher.finalize().as_bytes()),
        }
    }
}

/// The relay's signed word for where its ledger stands. Two checkpoints of one
/// position with different heads prove that a relay shows two faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The position.
    pub position: u64,
    /// The chain head there.
    pub head: Hash,
    signature: ([u8; 32], [u8; 32]),
}

impl Checkpoint {
    /// Signs where the ledger stands.
    pub fn sign(organization: &OrganizationId, at: &LedgerHead, key: &SecretKey) -> Checkpoint {
        let signature = key.sign(&message(organization, at.position, &at.head));
        let (low, high) = signature.split_at(32);
        Checkpoint {
            position: at.position,
            head: at.head,
            signature: (
                low.try_into().expect("32 of 64 bytes"),
                high.try_into().expect("32 of 64 bytes"),
            ),
        }
    }

    /// Whether `relay` signed this.
    pub fn verifies(&self, organization: &OrganizationId, relay: &PublicKey) -> bool {
        let mut signature = [0; SIGNATURE_BYTES];
        signature[..32].copy_from_slice(&self.signature.0);
        signature[32..].copy_from_slice(&self.signature.1);
        key::verifies(
            relay,
            &message(organization, self.position, &self.head),
            &signature,
        )
    }
}

fn message(organization: &OrganizationId, position: u64, head: &Hash) -> Vec<u8> {
    let mut message = b"cairn/1 checkpoint".to_vec();
    message.extend_from_slice(&organization.0);
    message.extend_from_slice(&position.to_be_bytes());
    message.extend_from_slice(&head.0);
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_speaks_for_one_position_of_one_ledger() {
        let organization = OrganizationId([1; 16]);
        let key = SecretKey::from_seed(&[2; 32]);
        let head =
            LedgerHead::genesis(&organization, &key.public()).after(Timestamp(5), b"bundle", 3);
        let checkpoint = Checkpoint::sign(&organization, &head, &key);
        assert!(checkpoint.verifies(&organization, &key.public()));
        assert!(!checkpoint.verifies(&OrganizationId([3; 16]), &key.public()));
        let moved = Checkpoint {
            position: 2,
            ..checkpoint
        };
        assert!(!moved.verifies(&organization, &key.public()));
        assert_eq!(head.version, 3);
    }
}
