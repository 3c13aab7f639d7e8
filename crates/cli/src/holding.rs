//! What a directory holds, a relay's or a device's: verbs look things up the
//! same way in both.

use cairn_agent::{Agent, LeftRecord};
use cairn_model::{
    AlternateKey, AuthorId, Definition, PublicKey, RecordId, RecordType, TypeId, Value,
};
use cairn_oplog::StorageError;
use cairn_projection::{Record, State};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Records, and who is who.
pub(crate) trait Holding {
    /// The definition in force.
    fn definition(&self) -> &Definition;

    /// A record as it is shown here, deleted ones too.
    fn record(&self, id: RecordId) -> Result<Option<Record>, StorageError>;

    /// Visits every record as it is shown here, deleted ones too.
    fn visit(&self, visitor: &mut dyn FnMut(&Record)) -> Result<(), StorageError>;

    /// The type of a record that is here, or about to be.
    fn type_of(&self, id: RecordId) -> Option<TypeId>;

    /// The visible record with these values in an alternate key, where there
    /// is an index to ask; otherwise `None`, and [`Holding::visit`] finds it.
    fn with_key(
        &self,
        record_type: &RecordType,
        key: &AlternateKey,
        values: Vec<Value>,
    ) -> Option<RecordId>;

    /// The user and the device behind an author number.
    fn person(&self, author: AuthorId) -> Person;

    /// Keys and users of all devices, by author number; the relay is the first.
    fn devices(&self) -> Vec<(PublicKey, String)>;

    /// The author that edits made here are of.
    fn own_author(&self) -> AuthorId;

    /// Why a record would have left this device, where only unsettled work
    /// keeps it.
    fn kept(&self, id: RecordId) -> Option<String>;
}

/// Whose work something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Person {
    /// The user's login.
    pub(crate) user: String,
    /// What people call the device.
    pub(crate) device: String,
}

impl Person {
    fn unknown() -> Person {
        Person {
            user: "unknown".to_owned(),
            device: "unknown".to_owned(),
        }
    }
}

impl Holding for Agent {
    fn definition(&self) -> &Definition {
        &self.directory().definition
    }

    fn record(&self, id: RecordId) -> Result<Option<Record>, StorageError> {
        Agent::record(self, id)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&Record)) -> Result<(), StorageError> {
        Agent::visit(self, |record| visitor(&record))
    }

    fn type_of(&self, id: RecordId) -> Option<TypeId> {
        self.record_type_of(id)
    }

    fn with_key(&self, _: &RecordType, _: &AlternateKey, _: Vec<Value>) -> Option<RecordId> {
        None
    }

    fn person(&self, author: AuthorId) -> Person {
        self.directory()
            .device(author)
            .map_or_else(Person::unknown, |device| Person {
                user: device.user.clone(),
                device: device.name.clone(),
            })
    }

    fn devices(&self) -> Vec<(PublicKey, String)> {
        self.directory()
            .devices
            .iter()
            .map(|device| (device.key, device.user.clone()))
            .collect()
    }

    fn own_author(&self) -> AuthorId {
        Agent::own_author(self)
    }

    fn kept(&self, id: RecordId) -> Option<String> {
        let left = self.left(id).filter(|left| left.kept);
        left.map(LeftRecord::words)
    }
}

impl Holding for State {
    fn definition(&self) -> &Definition {
        State::definition(self)
    }

    fn record(&self, id: RecordId) -> Result<Option<Record>, StorageError> {
        Ok(State::record(self, id).cloned())
    }

    fn visit(&self, visitor: &mut dyn FnMut(&Record)) -> Result<(), StorageError> {
        self.records().for_each(visitor);
        Ok(())
    }

    fn type_of(&self, id: RecordId) -> Option<TypeId> {
        State::record(self, id).map(|record| record.record_type)
    }

    fn with_key(
        &self,
        record_type: &RecordType,
        key: &AlternateKey,
        values: Vec<Value>,
    ) -> Option<RecordId> {
        self.record_with_key(record_type.id, key.id, values)
    }

    fn person(&self, author: AuthorId) -> Person {
        self.device(author)
            .map_or_else(Person::unknown, |device| Person {
                user: device.user.clone(),
                device: device.name.clone(),
            })
    }

    fn devices(&self) -> Vec<(PublicKey, String)> {
        State::devices(self)
            .iter()
            .map(|device| (device.key, device.user.clone()))
            .collect()
    }

    fn own_author(&self) -> AuthorId {
        cairn_projection::state::RELAY
    }

    fn kept(&self, _: RecordId) -> Option<String> {
        None
    }
}

/// Records looked up one by one up to here; for more, all are visited once.
const TITLES_BY_ONE_MAX: usize = 64;

/// The titles of records, for showing lookups as people know them. Records
/// that are not here are left out.
pub(crate) fn titles(
    holding: &dyn Holding,
    wanted: &BTreeSet<RecordId>,
) -> Result<BTreeMap<RecordId, String>, StorageError> {
    let mut titles = BTreeMap::new();
    let mut note = |record: &Record| {
        if let Some(record_type) = holding.definition().types.get(&record.record_type) {
            titles.insert(record.id, record.title(record_type));
        }
    };
    if wanted.len() <= TITLES_BY_ONE_MAX {
        for id in wanted {
            if let Some(record) = holding.record(*id)? {
                note(&record);
            }
        }
    } else {
        holding.visit(&mut |record| {
            if wanted.contains(&record.id) {
                note(record);
            }
        })?;
    }
    Ok(titles)
}
