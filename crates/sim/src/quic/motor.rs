//! What drives the machines in this tier: errands for the services, and sled
//! under the stores.

use super::rot::{self, Rotten};
use super::site::Backward;
use super::storage::{Differences, Owner, Twin, leave};
use crate::disk::SimStore;
use crate::host::Host;
use crate::streams::Stream;
use crate::world::motor::{Errand, Motor};
use cairn_oplog::{Storage, StorageError};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Errands that wait for whoever runs the services.
#[derive(Clone, Default)]
pub(super) struct Errands(Arc<Mutex<VecDeque<Errand>>>);

impl Errands {
    pub(super) fn next(&self) -> Option<Errand> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.pop_front()
    }

    fn push(&self, errand: Errand) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(errand);
    }
}

/// Drives the machines through services.
pub(super) struct Services {
    pub(super) errands: Errands,
    pub(super) changed: Arc<Notify>,
    pub(super) site: Backward,
    pub(super) differences: Differences,
    /// Whether hosts are going to lose their power.
    pub(super) copies: bool,
    /// Whether stored values are going to rot.
    pub(super) rots: bool,
    pub(super) disks: BTreeMap<Host, Arc<Twin>>,
    /// Where a host starts next, when it is not where it was.
    pub(super) left: BTreeMap<Host, (Arc<SimStore>, PathBuf)>,
    /// Hosts of whose stored values one is flipped before they start again, and
    /// which.
    pub(super) flips: BTreeMap<Host, u32>,
    /// Directories with a value that was flipped.
    pub(super) rotten: BTreeMap<PathBuf, Rotten>,
    pub(super) next: u64,
    pub(super) root: TempDir,
}

impl Drop for Services {
    fn drop(&mut self) {
        // Before the directory goes.
        self.disks.values().for_each(|twin| twin.power_off());
    }
}

impl Services {
    fn fresh_directory(&mut self) -> PathBuf {
        self.next += 1;
        self.root.path().join(self.next.to_string())
    }
}

impl Motor for Services {
    fn storage(
        &mut self,
        host: Host,
        life: u32,
        store: &Arc<SimStore>,
    ) -> Result<Arc<dyn Storage>, StorageError> {
        if let Some(old) = self.disks.remove(&host) {
            old.power_off();
        }
        let directory = match self.left.remove(&host) {
            Some((known, directory)) if Arc::ptr_eq(&known, store) => directory,
            _ => self.fresh_directory(),
        };
        if let Some(pick) = self.flips.remove(&host) {
            let flipped = rot::flip(&directory, store, pick)?;
            self.rotten
                .extend(flipped.map(|value| (directory.clone(), value)));
        }
        let owner = Owner {
            host,
            life,
            site: self.site.clone(),
            differences: self.differences.clone(),
            copies: self.copies,
        };
        self.left.insert(host, (store.clone(), directory.clone()));
        let rotten = self.rotten.get(&directory);
        let twin = Arc::new(Twin::open(directory, store.clone(), owner, rotten)?);
        self.disks.insert(host, twin.clone());
        Ok(twin)
    }

    fn stopped(
        &mut self,
        host: Host,
        store: &Arc<SimStore>,
        in_order: bool,
        stream: &mut Stream,
    ) -> (Arc<SimStore>, u32) {
        let twin = self.disks.remove(&host);
        let durable = twin.as_ref().and_then(|twin| twin.last_durable());
        let directory = twin.map(|twin| {
            if self.rots {
                // What was only written behind may be lost without a word, to
                // rot as to a power cut. Here nothing else may.
                twin.sync();
            }
            twin.power_off();
            twin.directory.clone()
        });
        if in_order && !store.is_poisoned() {
            let (left, _) = store.stop(stream);
            self.left
                .extend(directory.map(|directory| (host, (left.clone(), directory))));
            return (left, 0);
        }
        let lost = store.behind() as u32;
        let left = SimStore::from_backup(&store.backup());
        self.left.remove(&host);
        if let Some((durable, last)) = durable {
            let directory = self.fresh_directory();
            if leave(&directory, durable, &last, stream).is_ok() {
                self.left.insert(host, (left.clone(), directory));
            }
        }
        (left, lost)
    }

    fn rot(&mut self, host: Host, pick: u32) {
        self.flips.insert(host, pick);
    }

    fn errand(&mut self, errand: Errand) {
        if let Errand::Kill(host) = &errand
            && let Some(site) = self.site.forward()
        {
            // At once: nothing it has under way may leave any more.
            drop(site.fabric().close_all(*host));
            if let Some(twin) = self.disks.get(host) {
                twin.power_off();
            }
        }
        self.errands.push(errand);
        self.changed.notify_one();
    }
}
