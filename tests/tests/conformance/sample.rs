//! A small ledger and device log with everything in them that a verifier
//! meets: enrolments, two devices, an equivocation, a new generation.

use cairn_model::{
    Action, Change, HybridTime, LogId, Mutation, Operation, OrganizationId, RecordId, Timestamp,
    TypeId, Version, codec,
};
use cairn_oplog::archive::{Header, Subject, export_device_log, export_ledger};
use cairn_oplog::bundle::{LogHead, Verified, seal};
use cairn_oplog::device_log::DeviceLog;
use cairn_oplog::ledger::{Checkpoint, LedgerHead};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::storage::{Batch, Durability, Storage};
use cairn_oplog::verify::LedgerVerifier;
use cairn_oplog::{SecretKey, ledger_log};

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);
/// Seeds of the keys.
pub(crate) const RELAY: u8 = 1;
pub(crate) const DEVICE: u8 = 2;
pub(crate) const OTHER_DEVICE: u8 = 3;

/// Position, received-at, bundle.
pub(crate) type Entry = (u64, Timestamp, Vec<u8>);

pub(crate) struct Sample {
    pub(crate) relay_storage: MemoryStorage,
    pub(crate) device_storage: MemoryStorage,
    pub(crate) entries: Vec<Entry>,
    pub(crate) head: LedgerHead,
    pub(crate) checkpoint: Checkpoint,
}

pub(crate) fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn log(seed: u8, generation: u32) -> LogId {
    let device = key(seed).public().device();
    LogId { device, generation }
}

/// An operation's bytes; `number` tells them apart.
pub(crate) fn edit(number: u64) -> Vec<u8> {
    let mutation = Mutation {
        record: RecordId::mint(1_000 + number, [number as u8; 10]),
        record_type: TypeId(1),
        base: Version(number),
        change: Change::Delete,
    };
    operation(number, Action::Edit(vec![mutation]))
}

pub(crate) fn operation(number: u64, action: Action) -> Vec<u8> {
    codec::encode(&Operation {
        time: HybridTime::new(Timestamp(1_767_225_600_000 + number), 0),
        definition: 1,
        action,
    })
}

/// The relay's operations that enrol the two devices.
pub(crate) fn enrolments() -> Vec<Vec<u8>> {
    let enrol = |seed: u8, user: &str| Action::Enrol {
        key: key(seed).public(),
        user: user.into(),
        name: "tablet".into(),
    };
    vec![
        operation(1, enrol(DEVICE, "Ada")),
        operation(2, enrol(OTHER_DEVICE, "Grace")),
    ]
}

/// A bundle of `operations` that continues `at`.
pub(crate) fn sealed(seed: u8, log: LogId, at: &LogHead, operations: Vec<Vec<u8>>) -> Verified {
    seal(&ORGANIZATION, log, at, operations, &key(seed))
}

pub(crate) fn start(log: &LogId) -> LogHead {
    LogHead::genesis(&ORGANIZATION, log)
}

impl Sample {
    pub(crate) fn make() -> Sample {
        let (relay, other) = (log(RELAY, 0), log(OTHER_DEVICE, 0));
        let (device_storage, own) = device_log();
        let enrolled = sealed(RELAY, relay, &start(&relay), enrolments());
        let theirs = sealed(
            OTHER_DEVICE,
            other,
            &start(&other),
            vec![edit(20), edit(21)],
        );
        let contradicting = sealed(OTHER_DEVICE, other, &start(&other), vec![edit(22)]);
        let later = vec![edit(23), edit(24)];
        let later = sealed(OTHER_DEVICE, other, &theirs.head(), later);
        let [first, second, restarted] = own.try_into().expect("three bundles");
        let order = [
            enrolled,
            first,
            theirs,
            second,
            contradicting,
            restarted,
            later,
        ];
        let relay_storage = MemoryStorage::new();
        let head = append(&relay_storage, &order);
        let entries = ledger_log::entries(1, 99, &relay_storage).unwrap();
        let entry = |entry: cairn_oplog::Entry| {
            let bundle = entry.bundle.bytes().to_vec();
            (entry.position, entry.received, bundle)
        };
        Sample {
            entries: entries.into_iter().map(|e| entry(e.entry)).collect(),
            checkpoint: Checkpoint::sign(&ORGANIZATION, &head, &key(RELAY)),
            relay_storage,
            device_storage,
            head,
        }
    }

    pub(crate) fn verifier(&self) -> LedgerVerifier {
        LedgerVerifier::new(ORGANIZATION, key(RELAY).public())
    }

    pub(crate) fn ledger_archive(&self) -> Vec<u8> {
        let relay = key(RELAY).public();
        let storage = &self.relay_storage;
        let exported = export_ledger(ORGANIZATION, relay, &self.checkpoint, storage, Vec::new());
        let (bytes, entries) = exported.unwrap();
        assert_eq!(entries, self.checkpoint.position);
        bytes
    }

    pub(crate) fn device_archive(&self) -> Vec<u8> {
        let header = Header {
            organization: ORGANIZATION,
            relay: key(RELAY).public(),
            subject: Subject::Device {
                key: key(DEVICE).public(),
                user: "Ada".into(),
            },
        };
        let exported = export_device_log(&header, &self.device_storage, Vec::new());
        let (bytes, bundles) = exported.unwrap();
        assert_eq!(bundles, 3);
        bytes
    }
}

/// The device's log: two bundles, and one of a new generation.
fn device_log() -> (MemoryStorage, Vec<Verified>) {
    let storage = MemoryStorage::new();
    let mut device = DeviceLog::open(ORGANIZATION, log(DEVICE, 0), &storage).unwrap();
    let mut batch = Batch::default();
    let mut bundles = Vec::new();
    for operations in [10..13, 13..14, 14..16] {
        if operations.start == 14 {
            device.restart(1, &mut batch);
        }
        for number in operations {
            device.append(edit(number), &mut batch);
        }
        bundles.extend(device.seal(&key(DEVICE), &mut batch));
    }
    storage.commit(batch, Durability::Synced).unwrap();
    (storage, bundles)
}

fn append(storage: &MemoryStorage, bundles: &[Verified]) -> LedgerHead {
    let mut head = LedgerHead::genesis(&ORGANIZATION, &key(RELAY).public());
    let mut batch = Batch::default();
    for (second, bundle) in (1..).zip(bundles) {
        let received = Timestamp(1_767_225_700_000 + second * 1_000);
        ledger_log::append(&mut head, received, bundle, &mut batch);
    }
    ledger_log::put_head(&head, &mut batch);
    storage.commit(batch, Durability::Synced).unwrap();
    head
}
