//! The definition and the devices, as the relay tells them: gathered part by
//! part, and held when they are whole.

use crate::machine::Agent;
use cairn_model::codec::{self, DecodeError};
use cairn_model::{Definition, DefinitionChange, Timestamp, Version};
use cairn_oplog::storage::{self, Batch, Storage, StorageError, Table};
use cairn_proto::{Directory, DirectoryDevice, DirectoryPart};

const DIRECTORY: &str = "directory";

/// Changes and devices that a directory may have: far more than an
/// organization, far less than memory.
const ITEMS_MAX: usize = 1_000_000;

/// A directory of which some parts have come.
#[derive(Debug)]
pub(crate) struct Gathering {
    version: Version,
    definition: Option<u32>,
    changes: Vec<DefinitionChange>,
    devices: Vec<DirectoryDevice>,
}

impl Agent {
    pub(crate) fn take_directory(&mut self, now: Timestamp, part: DirectoryPart) {
        if part.version <= self.directory.version {
            return;
        }
        if self.holds_back(part.definition) {
            return self.let_definition_wait(part.version);
        }
        let last = part.last;
        let gathered = self.gather_directory(part);
        let gathered = gathered.and_then(|gathering| {
            if !last {
                self.link.directory = Some(gathering);
                return Ok(None);
            }
            gathering.whole(&self.directory).map(Some)
        });
        match gathered {
            Ok(None) => {}
            Ok(Some(directory)) => {
                self.author = directory.author(&self.key().device());
                self.directory = directory;
                let mut batch = Batch::default();
                put(&self.directory, &mut batch);
                self.waiting_batch(storage::Durability::Behind)
                    .extend(batch);
            }
            Err(reason) => {
                tracing::error!(reason, "the relay sent a directory that cannot be true");
                self.break_off(now);
            }
        }
    }

    /// What has come so far, with `part`.
    fn gather_directory(&mut self, part: DirectoryPart) -> Result<Gathering, String> {
        let begun = self.link.directory.take();
        let begun = begun.filter(|begun| begun.version == part.version);
        let mut gathering = begun.unwrap_or_else(|| Gathering {
            version: part.version,
            definition: part.definition,
            changes: Vec::new(),
            devices: self.directory.devices.clone(),
        });
        gathering.changes.extend(part.changes);
        for (author, device) in part.devices {
            let (at, known) = (author.0 as usize, gathering.devices.len());
            match gathering.devices.get_mut(at) {
                Some(known) => *known = device,
                None if at == known => gathering.devices.push(device),
                None => return Err(format!("device {at} comes after a gap")),
            }
        }
        if gathering.changes.len() + gathering.devices.len() > ITEMS_MAX {
            return Err(format!("it has more than {ITEMS_MAX} entries"));
        }
        Ok(gathering)
    }
}

impl Gathering {
    fn whole(self, before: &Directory) -> Result<Directory, String> {
        let definition = match self.definition {
            None => before.definition.clone(),
            Some(number) => Definition::from_changes(number, &self.changes)
                .map_err(|error| error.to_string())?,
        };
        Ok(Directory {
            version: self.version,
            definition,
            devices: self.devices,
        })
    }
}

/// The directory as [`put`] left it; empty before the first.
pub(crate) fn read(storage: &dyn Storage) -> Result<Directory, StorageError> {
    let corrupt = |error| StorageError::corrupt(Table::Meta, DIRECTORY.as_bytes(), error);
    match storage::large(storage, DIRECTORY)? {
        Some(bytes) => decode(&bytes).map_err(corrupt),
        None => Ok(Directory::empty()),
    }
}

fn decode(mut bytes: &[u8]) -> Result<Directory, DecodeError> {
    let rest = &mut bytes;
    let (version, number) = codec::take(DIRECTORY, rest)?;
    let changes: Vec<DefinitionChange> = codec::take_list(DIRECTORY, rest)?;
    let definition = Definition::from_changes(number, &changes);
    Ok(Directory {
        version,
        definition: definition.map_err(|error| DecodeError::Malformed {
            what: DIRECTORY,
            reason: error.to_string(),
        })?,
        devices: codec::take_list(DIRECTORY, rest)?,
    })
}

pub(crate) fn put(directory: &Directory, batch: &mut Batch) {
    let definition = &directory.definition;
    let mut bytes = codec::encode(&(directory.version, definition.number));
    codec::put_list(&mut bytes, Definition::default().changes_to(definition));
    codec::put_list(&mut bytes, &directory.devices);
    storage::put_large(DIRECTORY, &bytes, batch);
}
