//! A hash over the records that are there to be seen, equal exactly when those
//! are: how a relay and its devices find that they agree. Deleted records do
//! not count: a device keeps those that it held, and gets no others.

use crate::record::{FieldState, Record};
use crate::state::State;
use cairn_model::codec::encode;
use cairn_model::{Definition, Hash, RecordId};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Gathers records in any order.
#[derive(Debug, Default)]
pub struct Digest {
    records: BTreeMap<RecordId, Hash>,
}

impl Digest {
    /// Takes a record in, unless it is deleted. Documents count by the hashes of their heads, which
    /// do not depend on the order their edits came in.
    pub fn add(&mut self, record: &Record, definition: &Definition) {
        if !record.is_alive() {
            return;
        }
        let mut record = Cow::Borrowed(record);
        if record
            .fields
            .iter()
            .any(|slot| matches!(slot.state, FieldState::Document(_)))
        {
            let record_type = definition.types.get(&record.record_type);
            for slot in &mut record.to_mut().fields {
                if let FieldState::Document(saved) = &mut slot.state
                    && let Some(field) = record_type.and_then(|t| t.fields.get(&slot.id))
                {
                    *saved = crate::document::heads(&field.kind, saved).concat();
                }
            }
        }
        self.records.insert(record.id, Hash::of(&record.to_image()));
    }

    /// The hash over all of them.
    pub fn finish(self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"cairn/1 digest");
        for (id, hash) in &self.records {
            hasher.update(&id.0);
            hasher.update(&hash.0);
        }
        Hash(*hasher.finalize().as_bytes())
    }
}

impl State {
    /// The digest of every record that is there to be seen.
    pub fn digest(&self) -> Hash {
        let mut digest = Digest::default();
        for record in self.records() {
            digest.add(record, self.definition());
        }
        digest.finish()
    }

    /// A digest of everything the fold decided and remembers: records and
    /// their histories, journal, issues, devices, definition.
    pub fn full_digest(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.digest().0);
        let mut add = |bytes: Vec<u8>| {
            hasher.update(&Hash::of(&bytes).0);
        };
        add(encode(&(self.version, self.position, self.received)));
        for held in self.records.iter() {
            add(encode(&held.history));
        }
        for conflict in &self.journal {
            add(encode(conflict));
        }
        for issue in &self.issues {
            add(encode(issue));
        }
        add(encode(&(&self.devices, self.definition_changed)));
        add(encode(&(
            &**self.definition(),
            &self.required_since,
            &self.draft,
        )));
        add(encode(&(&self.rejections, &self.follows)));
        Hash(*hasher.finalize().as_bytes())
    }
}
