//! The organization, keys and operations that all vectors are about.

use cairn_model::{
    Action, Change, FieldId, HybridTime, LogId, Mutation, Operation, OrganizationId, RecordId,
    Timestamp, TypeId, Value, Version, Write, codec,
};
use cairn_oplog::SecretKey;
use cairn_oplog::bundle::{LogHead, Verified, seal};
use serde_json::{Value as Json, json};

/// 00 01 02 … 0f.
pub(crate) const ORGANIZATION: OrganizationId =
    OrganizationId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

/// Keys are those of seeds that repeat one byte.
pub(crate) const RELAY: u8 = 1;
pub(crate) const DEVICE: u8 = 2;
pub(crate) const OTHER: u8 = 3;

/// 2026-05-04T09:30:00Z.
pub(crate) const MORNING: Timestamp = Timestamp(1_777_887_000_000);

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

/// A key as vectors name it.
pub(crate) fn key(seed: u8) -> Json {
    let secret = secret(seed);
    json!({
        "seed": crate::file::hex(&[seed; 32]),
        "public": secret.public().to_string(),
        "device": secret.public().device().to_string(),
    })
}

pub(crate) fn log(seed: u8, generation: u32) -> LogId {
    let device = secret(seed).public().device();
    LogId { device, generation }
}

pub(crate) fn start(log: LogId) -> LogHead {
    LogHead::genesis(&ORGANIZATION, &log)
}

pub(crate) fn record(number: u8) -> RecordId {
    RecordId::mint(MORNING.0, [number; 10])
}

/// An action under a time and a definition.
pub(crate) fn operation(number: u16, action: Action) -> Operation {
    Operation {
        time: HybridTime::new(MORNING, number),
        definition: 1,
        action,
    }
}

/// The bytes of an operation that changes one field of a record.
pub(crate) fn edit(number: u16, value: Value) -> Vec<u8> {
    let writes = vec![(FieldId(3), Write::Set(value))];
    let mutation = Mutation {
        record: record(1),
        record_type: TypeId(7),
        base: Version(41),
        change: Change::Update(writes),
    };
    codec::encode(&operation(number, Action::Edit(vec![mutation])))
}

/// A bundle that continues `at`.
pub(crate) fn sealed(seed: u8, log: LogId, at: &LogHead, operations: Vec<Vec<u8>>) -> Verified {
    seal(&ORGANIZATION, log, at, operations, &secret(seed))
}
