//! A state in storage, so that no start folds from zero. Written behind the
//! ledger, which alone is truth: a checkpoint may always be thrown away.

use crate::conflict::Conflict;
use crate::history::History;
use crate::image::Image;
use crate::index::Indexes;
use crate::issue::Issue;
use crate::page::{Page, Pages};
use crate::records::{Changes, Held, Records};
use crate::rules::Rules;
use crate::state::{Device, Dirty, State};
use cairn_model::codec::{self, DecodeError};
use cairn_model::{
    AuthorId, Definition, FieldId, OrganizationId, PublicKey, RecordId, Timestamp, TypeId, Version,
};
use cairn_oplog::bundle::byte_string;
use cairn_oplog::storage::{Batch, Storage, StorageError, Table, large, put_large};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The name it is kept under, and what errors call it.
const STATE: &str = "state";

/// Everything but records, journal, issues, and what there may be many of.
#[derive(Serialize, Deserialize)]
struct Core {
    version: Version,
    position: u64,
    received: Timestamp,
    definition: u32,
    definition_changed: Version,
    devices_changed: Version,
}

#[derive(Serialize, Deserialize)]
struct HeldForm {
    #[serde(with = "byte_string")]
    image: Vec<u8>,
    history: History,
}

impl State {
    /// Adds to `batch` what changed since the last checkpoint.
    pub fn checkpoint(
        &mut self,
        pages: &mut Pages,
        storage: &dyn Storage,
        batch: &mut Batch,
    ) -> Result<(), StorageError> {
        let records = self.records.take_dirty().into_iter().map(
            |Held {
                 record, history, ..
             }| {
                let form = HeldForm {
                    image: record.to_image(),
                    history: history.clone(),
                };
                (record.id, record.record_type, codec::encode(&form))
            },
        );
        for page in Page::pack_all(records) {
            pages.add(page, batch);
        }
        pages.gather(storage, batch)?;
        let dirty = std::mem::replace(&mut self.dirty, Dirty::since(self.journal.len()));
        for number in dirty.journal(self.journal.len()) {
            let entry = &self.journal[number as usize - 1];
            batch.put(Table::Journal, number.to_be_bytes(), codec::encode(entry));
        }
        for number in dirty.issues {
            let issue = &self.issues[number as usize - 1];
            batch.put(Table::Issues, number.to_be_bytes(), codec::encode(issue));
        }
        put_large(STATE, &self.core(), batch);
        Ok(())
    }

    fn core(&self) -> Vec<u8> {
        let mut bytes = codec::encode(&Core {
            version: self.version,
            position: self.position,
            received: self.received,
            definition: self.definition().number,
            definition_changed: self.definition_changed,
            devices_changed: self.devices_changed,
        });
        codec::put_list(
            &mut bytes,
            Definition::default().changes_to(self.definition()),
        );
        codec::put_list(&mut bytes, &self.required_since);
        codec::put_list(&mut bytes, &self.draft);
        codec::put_list(&mut bytes, &self.devices);
        codec::put_list(&mut bytes, &self.rejections);
        codec::put_list(&mut bytes, &self.follows);
        bytes
    }

    /// The state of the last checkpoint, or of an empty ledger. Entries after
    /// [`State::position`] are still to be folded.
    pub fn load(
        organization: OrganizationId,
        relay: PublicKey,
        storage: &dyn Storage,
    ) -> Result<(State, Pages), StorageError> {
        let mut state = State::new(organization, relay);
        let Some(core) = large(storage, STATE)? else {
            return Ok((state, Pages::default()));
        };
        state
            .load_core(&core)
            .map_err(|error| StorageError::corrupt(Table::Meta, STATE.as_bytes(), error))?;
        state.journal = numbered::<Conflict>(Table::Journal, storage)?;
        state.dirty = Dirty::since(state.journal.len());
        state.issues = numbered::<Issue>(Table::Issues, storage)?;
        for issue in &state.issues {
            state.issues_changed = state.issues_changed.max(issue.changed);
            state.issue_of.insert(issue.version, issue.number);
            let dependents = issue.dependents.iter();
            state
                .issue_of
                .extend(dependents.map(|dependent| (dependent.version, issue.number)));
        }
        let pages = Pages::open(storage)?;
        state.load_records(&pages, storage)?;
        Ok((state, pages))
    }

    fn load_core(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let rest = &mut &*bytes;
        let core: Core = codec::take(STATE, rest)?;
        self.version = core.version;
        self.position = core.position;
        self.received = core.received;
        self.definition_changed = core.definition_changed;
        self.devices_changed = core.devices_changed;
        let changes = codec::take_list(STATE, rest)?;
        let definition = Definition::from_changes(core.definition, &changes);
        let definition = definition.map_err(|error| DecodeError::Malformed {
            what: STATE,
            reason: error.to_string(),
        })?;
        self.rules = Arc::new(Rules::of(definition, None));
        self.required_since = codec::take_list::<((TypeId, FieldId), u32)>(STATE, rest)?
            .into_iter()
            .collect();
        self.draft = codec::take_list(STATE, rest)?;
        self.devices = codec::take_list::<Device>(STATE, rest)?;
        let ids = self.devices.iter().map(|device| device.id);
        self.authors = ids.zip((0..).map(AuthorId)).collect();
        self.rejections = codec::take_list::<((AuthorId, RecordId), Version)>(STATE, rest)?
            .into_iter()
            .collect();
        self.follows = codec::take_list::<(String, RecordId)>(STATE, rest)?
            .into_iter()
            .collect();
        self.follows_changed = self.version;
        Ok(())
    }

    fn load_records(&mut self, pages: &Pages, storage: &dyn Storage) -> Result<(), StorageError> {
        let mut records = Records::default();
        pages.visit::<StorageError>(storage, |id, _, bytes| {
            let corrupt = |error: DecodeError| StorageError::corrupt(Table::Pages, &id.0, error);
            let form: HeldForm = codec::decode("record", &bytes).map_err(corrupt)?;
            let record = Image::read(&form.image).map_err(corrupt)?.over(None);
            let record = record
                .ok_or_else(|| StorageError::corrupt(Table::Pages, &id.0, "it is not whole"))?;
            records.insert(Held::new(record, form.history));
            Ok(())
        })?;
        self.indexes = Indexes::of(&records, self.definition());
        self.changes = Changes::of(&records);
        self.records = records;
        Ok(())
    }
}

fn numbered<T: DeserializeOwned>(
    table: Table,
    storage: &dyn Storage,
) -> Result<Vec<T>, StorageError> {
    storage
        .range(table, &[], usize::MAX)?
        .into_iter()
        .map(|(key, value)| {
            codec::decode("entry", &value)
                .map_err(|error| StorageError::corrupt(table, &key, error))
        })
        .collect()
}
