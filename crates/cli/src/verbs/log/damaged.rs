//! What is left of a log in a damaged directory: its beginning, up to the
//! first thing that cannot be read. Nothing is written there.

use super::read::{About, Bytes, WireBundle};
use crate::exit::Failure;
use crate::key_file;
use crate::settings::{DeviceSettings, Directory, Owner, RelaySettings};
use cairn_model::LogId;
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::storage::{Batch, Storage, Table};
use cairn_oplog::verify::DeviceVerifier;
use cairn_oplog::{Checkpoint, LedgerHead, ledger_log};
use cairn_store::{Options, SledStorage};
use std::sync::Arc;

/// What is left of a log.
pub(super) struct Left {
    /// The damaged directory, to be read only.
    pub(super) storage: Arc<dyn Storage>,
    /// Whose log it is, and where the readable part ends.
    pub(super) about: About,
    /// A device's readable bundles.
    pub(super) bundles: Vec<WireBundle>,
    /// What is missing, in a sentence.
    pub(super) missing: String,
}

/// Opens a damaged directory.
pub(super) fn open(directory: &Directory) -> Result<Left, Failure> {
    let options = Options {
        damaged: true,
        ..Options::default()
    };
    let storage = Arc::new(SledStorage::open(directory.data(), options)?);
    match directory.owner().ok_or_else(|| directory.nothing_here())? {
        Owner::Relay => ledger(directory, storage),
        Owner::Device => device(directory, storage),
    }
}

/// The relay signs for the part that is left: the archive is whole, and says
/// where it ends.
fn ledger(directory: &Directory, storage: Arc<SledStorage>) -> Result<Left, Failure> {
    let organization = RelaySettings::read(directory)?.organization;
    let secret = key_file::read(&directory.relay_key())?;
    let relay = secret.public();
    let mut head = LedgerHead::genesis(&organization, &relay);
    while let Some(stored) = ledger_log::entries(head.position + 1, 1, &*storage)
        .ok()
        .and_then(|mut found| found.pop())
    {
        let entry = &stored.entry;
        let next = head.after(
            entry.received,
            entry.bundle.bytes(),
            entry.bundle.slots().len() as u64,
        );
        if entry.position != next.position || stored.head != next.head {
            break;
        }
        head = next;
    }
    let missing = match ledger_log::head(&organization, &relay, &*storage) {
        Ok(end) if end.position == head.position => {
            "Every entry of the ledger is there.".to_owned()
        }
        Ok(end) => format!(
            "Of {} entries the first {} are there.",
            end.position, head.position
        ),
        Err(_) => format!(
            "The first {} entries of the ledger are there; how many there were cannot be read.",
            head.position
        ),
    };
    let checkpoint = Some(Checkpoint::sign(&organization, &head, &secret));
    let about = About {
        organization,
        relay,
        checkpoint,
        device: None,
    };
    Ok(Left {
        storage,
        about,
        bundles: Vec::new(),
        missing,
    })
}

/// The tail is sealed here and not written down: nobody will seal it again in
/// this directory.
fn device(directory: &Directory, storage: Arc<SledStorage>) -> Result<Left, Failure> {
    let settings = DeviceSettings::read(directory)?;
    let secret = key_file::read(&directory.device_key())?;
    let mut verifier = DeviceVerifier::new(settings.organization, secret.public());
    let mut bundles = Vec::new();
    let mut whole = true;
    let mut from = Vec::new();
    while whole {
        let found = storage.range(Table::Bundles, &from, 1);
        let Some((key, bytes)) = found.as_ref().ok().and_then(|found| found.first()) else {
            whole = found.is_ok();
            break;
        };
        whole = verifier.bundle(bytes).is_ok();
        if whole {
            bundles.push(WireBundle {
                key: String::new(),
                bundle: Bytes(bytes.clone()),
            });
        }
        from.clone_from(key);
        from.push(0);
    }
    let log = LogId {
        device: secret.public().device(),
        generation: 0,
    };
    let tail = DeviceLog::open(settings.organization, log, &*storage)
        .ok()
        .filter(|_| whole);
    let missing = match tail {
        Some(mut log) => {
            while let Some(bundle) = log.seal(&secret, &mut Batch::default()) {
                bundles.push(WireBundle {
                    key: String::new(),
                    bundle: Bytes(bundle.bytes().to_vec()),
                });
            }
            "Everything this device did is there.".to_owned()
        }
        None => format!(
            "The first {} bundles are there, and not what was done after them.",
            bundles.len()
        ),
    };
    let device = Some((secret.public(), settings.user));
    let about = About {
        organization: settings.organization,
        relay: settings.relay,
        checkpoint: None,
        device,
    };
    Ok(Left {
        storage,
        about,
        bundles,
        missing,
    })
}
