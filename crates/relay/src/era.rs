//! Eras: each time a relay opens its doors, a new one begins. A device says in
//! which era it was told what it knows; so a relay that was restored from a
//! backup finds what it has told and no longer has, however long its ledger
//! has grown again since.

use crate::machine::Relay;
use cairn_model::{Timestamp, Version, codec};
use cairn_oplog::storage::{self, Batch, Storage, StorageError, Table};
use cairn_proto::{Era, Hello, Refusal};

const NEWEST: &str = "era";

/// The era of a relay that runs.
#[derive(Debug)]
pub(crate) struct Eras {
    /// This one.
    pub(crate) now: Era,
    /// Where the ledger stood when it began: what earlier eras have told is
    /// shared up to here, and no further.
    began: Version,
    phase: Phase,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nobody has connected yet.
    Unknown,
    /// It waits for the batch before it; nobody is welcome yet.
    Waiting,
    /// It is on its way to storage.
    Leaving,
    Open,
}

impl Eras {
    pub(crate) fn new(now: Era, began: Version) -> Eras {
        Eras {
            now,
            began,
            phase: Phase::Unknown,
        }
    }

    /// What waited is on its way to storage.
    pub(crate) fn leaves(&mut self) {
        if self.phase == Phase::Waiting {
            self.phase = Phase::Leaving;
        }
    }
}

/// Where the end of an era that is over is kept.
fn end_key(era: Era) -> Vec<u8> {
    [NEWEST.as_bytes(), &era.0].concat()
}

impl Relay {
    /// The era that a device is welcomed in now.
    pub fn era(&self) -> Era {
        self.eras.now
    }

    /// Somebody has connected: the era is put on record, and the end of the
    /// one before.
    pub(crate) fn begin_era(&mut self) {
        if self.eras.phase != Phase::Unknown {
            return;
        }
        self.eras.phase = Phase::Waiting;
        let mut batch = Batch::default();
        match storage::meta::<Era>(&*self.storage, NEWEST) {
            Ok(Some(before)) => {
                batch.put(
                    Table::Meta,
                    end_key(before),
                    codec::encode(&self.eras.began),
                );
            }
            Ok(None) => {}
            Err(error) => return self.fail(error),
        }
        batch.put(Table::Meta, NEWEST, codec::encode(&self.eras.now));
        self.with_next_batch(batch);
    }

    /// Whether anybody may be welcomed yet.
    pub(crate) fn is_open(&self) -> bool {
        self.eras.phase == Phase::Open
    }

    /// A batch is durable, and what was put on record before it.
    pub(crate) fn open_era(&mut self, now: Timestamp) {
        if self.eras.phase != Phase::Leaving {
            return;
        }
        self.eras.phase = Phase::Open;
        let waiting: Vec<_> = self
            .sessions
            .iter_mut()
            .filter_map(|(id, session)| Some((*id, session.greeting.take()?)))
            .collect();
        for (id, hello) in waiting {
            if let Err(refusal) = self.hello(now, id, hello) {
                self.refuse(id, refusal);
            }
        }
    }

    /// Up to which version the ledger is the one that the device was told of;
    /// a device that knows more than that is refused.
    pub(crate) fn shared_with(&self, hello: &Hello) -> Result<Version, Refusal> {
        let version = self.state.version();
        let told = hello.told.max(hello.cursor);
        if told > version {
            return Err(Refusal::AheadOfLedger);
        }
        let ended = match hello.era {
            None => Some(version),
            Some(era) if era == self.eras.now => Some(version),
            Some(era) => end_of(era, &*self.storage).map_err(|_| Refusal::RelayFailed)?,
        };
        let shared = ended.unwrap_or(Version(0)).min(version);
        match told > shared {
            true => Err(Refusal::OtherLedger),
            false => Ok(shared),
        }
    }
}

/// Where an era ended; `None` if the ledger knows nothing of it.
fn end_of(era: Era, storage: &dyn Storage) -> Result<Option<Version>, StorageError> {
    let key = end_key(era);
    let Some(bytes) = storage.get(Table::Meta, &key)? else {
        return Ok(None);
    };
    let version = codec::decode("the end of an era", &bytes);
    version
        .map(Some)
        .map_err(|error| StorageError::corrupt(Table::Meta, &key, error))
}
