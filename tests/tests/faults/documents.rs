//! Automerge changes as an enemy writes them: rich text and JSON fields take
//! bytes that another library reads.

use crate::runner;
use cairn_model::{DeviceId, Kind, LogId, OperationId};
use cairn_projection::document;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn operation(device: u8, sequence: u64) -> OperationId {
    let device = DeviceId([device; 16]);
    let log = LogId {
        device,
        generation: 0,
    };
    OperationId { log, sequence }
}

fn change(kind: &Kind, saved: &[u8], wanted: &Json, by: u8) -> Vec<u8> {
    document::edit(kind, saved, wanted, &operation(by, 1))
        .expect("the edit is fine")
        .expect("it changes something")
}

/// A saved document, and changes that fit it.
fn sample(kind: &Kind) -> (Vec<u8>, Vec<Vec<u8>>) {
    let texts = match kind {
        Kind::RichText => [
            json!("pump checked"),
            json!("the pump was checked twice"),
            json!(""),
        ],
        _ => [
            json!({"steps": ["drain", "refill"], "done": false, "count": 3}),
            json!({"steps": ["drain", "wait", "refill"], "by": {"name": "Ada"}}),
            json!({}),
        ],
    };
    let [first, second, third] = texts;
    let begun = change(kind, &[], &first, 1);
    let saved = document::merge(kind, &[], &begun).expect("it fits");
    let second = change(kind, &saved, &second, 2);
    let third = change(kind, &saved, &third, 3);
    (saved, vec![begun, second, third])
}

fn kinds() -> [Kind; 2] {
    [Kind::RichText, Kind::Json]
}

/// Merges what may be anything, and goes on with what comes of it.
fn bear(kind: &Kind, saved: &[u8], bytes: &[u8], valid: &[Vec<u8>]) {
    let Ok(merged) = document::merge(kind, saved, bytes) else {
        return;
    };
    assert!(merged.len() <= document::DOCUMENT_BYTES_MAX);
    document::heads(kind, &merged);
    assert!(
        document::read(kind, &merged).is_ok(),
        "what was merged can be read"
    );
    for change in valid {
        let _ = document::merge(kind, &merged, change);
    }
    let _ = document::edit(kind, &merged, &json!("typed later"), &operation(9, 2));
    let _ = document::edit(kind, &merged, &json!({"typed": "later"}), &operation(9, 2));
}

#[test]
fn changes_with_changed_bytes_do_no_harm() {
    for kind in kinds() {
        let (saved, valid) = sample(&kind);
        let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4);
        runner()
            .run(&(0..valid.len(), damage), |(which, damage)| {
                let mut bytes = valid[which].clone();
                for (at, byte) in damage {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                bear(&kind, &saved, &bytes, &valid);
                bear(&kind, &[], &bytes, &valid);
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn a_saved_document_with_changed_bytes_does_no_harm() {
    for kind in kinds() {
        let (saved, valid) = sample(&kind);
        runner()
            .run(
                &(any::<prop::sample::Index>(), any::<u8>()),
                |(at, byte)| {
                    let mut bytes = saved.clone();
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                    let _ = document::read(&kind, &bytes);
                    document::heads(&kind, &bytes);
                    for change in &valid {
                        let _ = document::merge(&kind, &bytes, change);
                    }
                    Ok(())
                },
            )
            .unwrap();
    }
}

/// A change of `rows` operations that each put nothing under one key, as runs:
/// some 60 bytes and the key, whatever `rows` is.
fn repeating(rows: u64, key: &str) -> Vec<u8> {
    let run = |value: &[u8]| [leb128(rows), value.to_vec()].concat();
    let key = [leb128(key.len() as u64), key.as_bytes().to_vec()].concat();
    let columns: [(u8, Vec<u8>); 5] = [
        (0x15, run(&key)),
        (0x34, leb128(rows)),
        (0x42, run(&[1])),
        (0x56, run(&[0])),
        (0x70, run(&[0])),
    ];
    let mut body = vec![0, 1, 7, 1, 1, 0, 0, 0, columns.len() as u8];
    for (specification, column) in &columns {
        body.push(*specification);
        body.extend(leb128(column.len() as u64));
    }
    body.extend(columns.iter().flat_map(|(_, column)| column));
    let head = [0x85, 0x6f, 0x4a, 0x83, 0, 0, 0, 0, 1];
    [head.to_vec(), leb128(body.len() as u64), body].concat()
}

/// A number as signed LEB128, which reads the same unsigned.
fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x40 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

#[test]
fn a_change_that_repeats_itself_without_end_is_refused() {
    let merge = |rows, key: &str| document::merge(&Kind::Json, &[], &repeating(rows, key));
    assert!(
        merge(3, "a").is_ok(),
        "the form is right: {:?}",
        merge(3, "a")
    );
    let refused = |rows, key: &str| {
        let refused = merge(rows, key).unwrap_err().to_string();
        assert!(refused.contains("more than one change may"), "{refused}");
    };
    for rows in [1 << 17, 1 << 40, 1 << 62] {
        refused(rows, "a");
    }
    refused(1 << 16, &"k".repeat(40_000));
}
