//! Logs in files: a small ledger with everything a verifier meets, and a
//! device's log.

use crate::file::{Group, Read, check, words};
use crate::sample::{
    DEVICE, MORNING, ORGANIZATION, OTHER, RELAY, edit, key, log, operation, sealed, secret, start,
};
use cairn_model::{Action, Timestamp, Value, codec};
use cairn_oplog::archive::{Frame, Header, Reader, Subject, Writer};
use cairn_oplog::bundle::Verified;
use cairn_oplog::verify::{Summary, VerifyFault, verify_archive};
use cairn_oplog::{Checkpoint, LedgerHead};
use serde_json::{Value as Json, json};

fn number(number: u16) -> Vec<u8> {
    edit(number, Value::Integer(number.into()))
}

/// Device 2's log: two bundles, and one of a later generation.
fn device_log() -> [Verified; 3] {
    let (old, new) = (log(DEVICE, 0), log(DEVICE, 1));
    let first = sealed(DEVICE, old, &start(old), vec![number(1), number(2)]);
    let second = sealed(DEVICE, old, &first.head(), vec![number(3)]);
    let restarted = sealed(DEVICE, new, &start(new), vec![number(4)]);
    [first, second, restarted]
}

/// Enrolments, two devices, a bundle that comes twice, one that contradicts
/// another, and a later generation.
fn ledger() -> Vec<Verified> {
    let relay = log(RELAY, 0);
    let enrol = |seed, user: &str| {
        let action = Action::Enrol {
            key: secret(seed).public(),
            user: user.into(),
            name: "phone".into(),
        };
        codec::encode(&operation(seed.into(), action))
    };
    let enrolled = vec![enrol(DEVICE, "ada"), enrol(OTHER, "ben")];
    let enrolled = sealed(RELAY, relay, &start(relay), enrolled);
    let [first, second, restarted] = device_log();
    let other = log(OTHER, 0);
    let theirs = sealed(OTHER, other, &start(other), vec![number(5), number(6)]);
    let contradicting = sealed(OTHER, other, &start(other), vec![number(7)]);
    let again = first.clone();
    vec![
        enrolled,
        first,
        theirs,
        second,
        again,
        contradicting,
        restarted,
    ]
}

fn received(position: u64) -> Timestamp {
    MORNING.plus(1_000 * position)
}

/// An archive of these bundles under a checkpoint for `signed` of them.
fn archive_of(bundles: &[Verified], signed: usize, by: u8) -> Vec<u8> {
    let relay = secret(RELAY).public();
    let mut head = LedgerHead::genesis(&ORGANIZATION, &relay);
    let header = Header {
        organization: ORGANIZATION,
        relay,
        subject: Subject::Ledger,
    };
    let mut writer = Writer::new(Vec::new(), &header).expect("memory takes it");
    for (position, bundle) in (1..).zip(bundles) {
        let at = received(position);
        writer
            .entry(position, at, bundle.bytes())
            .expect("memory takes it");
        if position <= signed as u64 {
            head = head.after(at, bundle.bytes(), bundle.slots().len() as u64);
        }
    }
    head.position = bundles.len() as u64;
    let checkpoint = Checkpoint::sign(&ORGANIZATION, &head, &secret(by));
    writer.checkpoint(&checkpoint).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

fn ledger_archive(bundles: &[Verified]) -> Vec<u8> {
    archive_of(bundles, bundles.len(), RELAY)
}

fn device_archive(bundles: &[Verified]) -> Vec<u8> {
    let header = Header {
        organization: ORGANIZATION,
        relay: secret(RELAY).public(),
        subject: Subject::Device {
            key: secret(DEVICE).public(),
            user: "ada".into(),
        },
    };
    let mut writer = Writer::new(Vec::new(), &header).expect("memory takes it");
    for bundle in bundles {
        writer.bundle(bundle.bytes()).expect("memory takes it");
    }
    writer.finish().expect("memory takes it")
}

fn read(bytes: &[u8]) -> Result<Read, String> {
    let verified =
        |bytes: &[u8]| -> Result<Summary, VerifyFault> { verify_archive(&mut Reader::new(bytes)?) };
    let summary = verified(bytes).map_err(words)?;
    Ok(Read {
        says: shown(&summary),
        again: rewritten(bytes),
    })
}

fn shown(summary: &Summary) -> Json {
    json!({
        "entries": summary.entries,
        "operations": summary.operations,
        "devices": summary.devices,
        "duplicates": summary.duplicates,
        "equivocations": summary.equivocations,
        "head": summary.head.to_string(),
    })
}

/// The archive as this program writes what it read.
fn rewritten(bytes: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(bytes).expect("it was just verified");
    let mut writer = Writer::new(Vec::new(), reader.header()).expect("memory takes it");
    while let Some(frame) = reader.next_frame().expect("it was just verified") {
        let written = match frame {
            Frame::Entry {
                position,
                received,
                bundle,
            } => writer.entry(position, received, &bundle),
            Frame::Checkpoint(checkpoint) => writer.checkpoint(&checkpoint),
            Frame::Bundle(bundle) => writer.bundle(&bundle),
        };
        written.expect("memory takes it");
    }
    writer.finish().expect("memory takes it")
}

#[test]
fn archives_read_as_they_did() {
    let context = json!({
        "organization": ORGANIZATION.to_string(),
        "relay": key(RELAY),
        "devices": [key(DEVICE), key(OTHER)],
    });
    let bundles = ledger();
    let whole = ledger_archive(&bundles);
    let group = Group::new("ledgers", read)
        .with(context)
        .valid("empty", ledger_archive(&[]))
        .valid("seven entries", whole.clone());
    let group = damaged_file(group, &whole);
    let group = dishonest(group, &bundles);
    let own = device_log();
    let [first, second, restarted] = own.clone();
    let mut renamed = device_archive(&own);
    renamed[12 + 5 + 49 + 32] = b'A';
    let devices = Group::new("device logs", read)
        .valid("three bundles", device_archive(&own))
        .valid("none", device_archive(&[]))
        .invalid("ARCHIVE-7", "the user's name changed", renamed)
        .invalid(
            "LOG-4",
            "one left out",
            device_archive(std::slice::from_ref(&second)),
        )
        .invalid(
            "LOG-4",
            "out of order",
            device_archive(&[first.clone(), restarted, second]),
        )
        .invalid(
            "LOG-4",
            "one twice",
            device_archive(&[first.clone(), first.clone()]),
        )
        .invalid(
            "VERIFY-4",
            "one of another device",
            device_archive(&[bundles[2].clone()]),
        )
        .invalid(
            "VERIFY-3",
            "operations withheld",
            device_archive(&[withheld(&first)]),
        );
    check("archives.json", "Logs in files.", vec![group, devices]);
}

fn withheld(bundle: &Verified) -> Verified {
    let parsed = cairn_oplog::Parsed::parse(bundle.redacted(|index| index == 0));
    parsed.expect("it is a bundle").trust_own_storage()
}

fn damaged_file(group: Group, whole: &[u8]) -> Group {
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.to_vec();
        bytes[at] = byte;
        bytes
    };
    let first_entry = 12 + 5 + 49;
    let mut huge = whole[..12].to_vec();
    huge.extend([0, 1, 0, 0x81, 1]);
    group
        .invalid("ARCHIVE-1", "something else", "hello, this is no archive")
        .invalid("ARCHIVE-1", "a newer format", with(11, 2))
        .invalid("ARCHIVE-1", "with a byte behind it", [whole, &[0]].concat())
        .invalid("ARCHIVE-2", "a frame that is too long", huge)
        .invalid("ARCHIVE-3", "no header", with(16, 2))
        .invalid("ARCHIVE-3", "of something unknown", with(65, 7))
        .invalid("ARCHIVE-8", "a frame of no kind", with(first_entry + 4, 9))
        .invalid(
            "BUNDLE-8",
            "a byte of a bundle changed",
            with(200, !whole[200]),
        )
        .invalid(
            "ARCHIVE-7",
            "a byte of the trailer changed",
            with(whole.len() - 1, !whole[whole.len() - 1]),
        )
        .invalid("ARCHIVE-7", "cut off within a frame", &whole[..400])
        .invalid(
            "ARCHIVE-7",
            "without its trailer",
            &whole[..whole.len() - 45],
        )
}

/// Files that are whole, of ledgers that are not.
fn dishonest(group: Group, bundles: &[Verified]) -> Group {
    let without = |left_out: usize| {
        let mut bundles = bundles.to_vec();
        bundles.remove(left_out);
        bundles
    };
    let mut swapped = bundles.to_vec();
    swapped.swap(1, 2);
    let mut withheld_one = bundles.to_vec();
    withheld_one[1] = withheld(&bundles[1]);
    let id = log(DEVICE, 0);
    let forged = sealed(OTHER, id, &start(id), vec![number(9)]);
    let forged = [bundles[0].clone(), forged];
    let mut early = ledger_archive(&bundles[..2]);
    let second = 12 + 5 + 49 + 5 + 16 + bundles[0].bytes().len();
    early[second + 5 + 8 + 7] ^= 0x40;
    early[second + 5 + 8 + 2] ^= 1;
    let mut jump = ledger_archive(&bundles[..2]);
    jump[second + 5 + 7] = 3;
    group
        .invalid(
            "VERIFY-1",
            "entry 2 says that it is entry 3",
            retrailed(jump),
        )
        .invalid(
            "VERIFY-2",
            "entry 2 was received before entry 1",
            retrailed(early),
        )
        .invalid(
            "VERIFY-4",
            "a device that nobody enrolled",
            ledger_archive(&without(0)),
        )
        .invalid(
            "VERIFY-5",
            "a device's log begins in its middle",
            ledger_archive(&[bundles[0].clone(), bundles[3].clone()]),
        )
        .invalid(
            "VERIFY-3",
            "operations withheld",
            ledger_archive(&withheld_one),
        )
        .invalid(
            "BUNDLE-8",
            "signed by another device's key",
            ledger_archive(&forged),
        )
        .invalid(
            "VERIFY-7",
            "checkpoint of other entries",
            archive_of(&swapped, 2, RELAY),
        )
        .invalid(
            "VERIFY-6",
            "checkpoint signed by a device",
            archive_of(bundles, 7, DEVICE),
        )
}

/// The same file with a trailer that fits it.
fn retrailed(mut bytes: Vec<u8>) -> Vec<u8> {
    let at = bytes.len() - 45;
    let hash = cairn_model::Hash::of(&bytes[..at]);
    bytes.truncate(bytes.len() - 32);
    bytes.extend(hash.0);
    bytes
}
