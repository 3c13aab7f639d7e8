//! A state in storage, so that no start folds from zero. Written behind the
//! ledger, which alone is truth: a checkpoint may always be thrown away.

use crate::conflict::Conflict;
use crate::history::History;
use crate::image::Image;
use crate::issue::Issue;
use crate::page::{Page, Pages};
use crate::state::{Device, Held, State};
use cairn_model::codec::{self, DecodeError};
use cairn_model::{
    AuthorId, Definition, DefinitionChange, OrganizationId, PublicKey, RecordId, Timestamp, Version,
};
use cairn_oplog::bundle::byte_string;
use cairn_oplog::storage::{Batch, Storage, StorageError, Table, large, put_large};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

const CORE: &str = "state";

/// Everything but records, journal and issues.
#[derive(Serialize, Deserialize)]
struct Core {
    version: Version,
    position: u64,
    received: Timestamp,
    definition: Definition,
    definition_changed: Version,
    draft: Vec<DefinitionChange>,
    devices: Vec<Device>,
    rejections: Vec<(AuthorId, RecordId, Version)>,
    follows: BTreeSet<(String, RecordId)>,
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
        let dirty = self.take_dirty();
        let records = dirty.records.iter().filter_map(|id| {
            let held = self.records.get(id)?;
            let form = HeldForm {
                image: held.record.to_image(),
                history: held.history.clone(),
            };
            Some((*id, held.record.record_type, codec::encode(&form)))
        });
        for page in Page::pack_all(records) {
            pages.add(page, batch);
        }
        pages.gather(storage, batch)?;
        for number in dirty.journal {
            let entry = &self.journal[number as usize - 1];
            batch.put(Table::Journal, number.to_be_bytes(), codec::encode(entry));
        }
        for number in dirty.issues {
            let issue = &self.issues[number as usize - 1];
            batch.put(Table::Issues, number.to_be_bytes(), codec::encode(issue));
        }
        put_large(CORE, &codec::encode(&self.core()), batch);
        Ok(())
    }

    fn core(&self) -> Core {
        Core {
            version: self.version,
            position: self.position,
            received: self.received,
            definition: (*self.definition).clone(),
            definition_changed: self.definition_changed,
            draft: self.draft.clone(),
            devices: self.devices.clone(),
            rejections: self
                .rejections
                .iter()
                .map(|((a, r), v)| (*a, *r, *v))
                .collect(),
            follows: self.follows.clone(),
        }
    }

    /// The state of the last checkpoint, or of an empty ledger. Entries after
    /// [`State::position`] are still to be folded.
    pub fn load(
        organization: OrganizationId,
        relay: PublicKey,
        storage: &dyn Storage,
    ) -> Result<(State, Pages), StorageError> {
        let mut state = State::new(organization, relay);
        let Some(core) = large(storage, CORE)? else {
            return Ok((state, Pages::default()));
        };
        let corrupt =
            |error: DecodeError| StorageError::corrupt(Table::Meta, CORE.as_bytes(), error);
        let core: Core = codec::decode("state", &core).map_err(corrupt)?;
        state.version = core.version;
        state.position = core.position;
        state.received = core.received;
        state.definition = Arc::new(core.definition);
        state.definition_changed = core.definition_changed;
        state.draft = core.draft;
        state.authors = (0..)
            .zip(&core.devices)
            .map(|(n, device)| (device.key.device(), AuthorId(n)))
            .collect();
        state.devices = core.devices;
        state.rejections = core
            .rejections
            .into_iter()
            .map(|(a, r, v)| ((a, r), v))
            .collect();
        state.follows = core.follows;
        state.journal = numbered::<Conflict>(Table::Journal, storage)?;
        state.issues = numbered::<Issue>(Table::Issues, storage)?;
        for issue in &state.issues {
            state.issues_changed = state.issues_changed.max(issue.changed);
            state.issue_of.insert(issue.version, issue.number);
            state.issue_of.extend(
                issue
                    .dependents
                    .iter()
                    .map(|dependent| (dependent.version, issue.number)),
            );
        }
        let pages = Pages::open(storage)?;
        state.load_records(&pages, storage)?;
        Ok((state, pages))
    }

    fn load_records(&mut self, pages: &Pages, storage: &dyn Storage) -> Result<(), StorageError> {
        let mut loaded = Vec::with_capacity(pages.len());
        pages.visit::<StorageError>(storage, |id, _, bytes| {
            let corrupt = |error: DecodeError| StorageError::corrupt(Table::Pages, &id.0, error);
            let form: HeldForm = codec::decode("record", &bytes).map_err(corrupt)?;
            let record = Image::read(&form.image).map_err(corrupt)?.over(None);
            let record = record
                .ok_or_else(|| StorageError::corrupt(Table::Pages, &id.0, "it is not whole"))?;
            loaded.push((
                id,
                Held {
                    record,
                    history: form.history,
                },
            ));
            Ok(())
        })?;
        self.recent = loaded
            .iter()
            .map(|(id, held)| (held.record.version, *id))
            .collect();
        self.recent.sort_unstable();
        self.records = loaded.into_iter().collect();
        self.rebuild_indexes();
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
