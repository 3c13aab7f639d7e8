//! Logs in files: what is written is read back and proves itself; what was
//! changed is noticed; and the bytes of the format stay what they are.

use crate::sample::{DEVICE, Entry, ORGANIZATION, RELAY, Sample, key};
use cairn_model::{Hash, Timestamp};
use cairn_oplog::archive::{
    self, ArchiveFault, FRAME_BYTES_MAX, Header, Reader, Subject, Writer, export_ledger,
};
use cairn_oplog::ledger::Checkpoint;
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::storage::{Batch, Durability, Storage, StorageError, Table};
use cairn_oplog::verify::{Summary, VerifyFault, verify_archive};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::path::Path;

fn verify(bytes: &[u8]) -> Result<Summary, VerifyFault> {
    verify_archive(&mut Reader::new(bytes)?)
}

/// An archive with any entries, under a trailer that fits them.
fn ledger_archive(entries: &[Entry], checkpoint: &Checkpoint) -> Vec<u8> {
    let header = Header {
        organization: ORGANIZATION,
        relay: key(RELAY).public(),
        subject: Subject::Ledger,
    };
    let mut writer = Writer::new(Vec::new(), &header).unwrap();
    for (position, received, bundle) in entries {
        writer.entry(*position, *received, bundle).unwrap();
    }
    writer.checkpoint(checkpoint).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_ledger_proves_itself() {
    let sample = Sample::make();
    let expected = Summary {
        entries: 7,
        operations: 13,
        devices: 2,
        duplicates: 0,
        equivocations: 1,
        head: sample.checkpoint.head,
    };
    assert_eq!(verify(&sample.ledger_archive()), Ok(expected));
    let rewritten = ledger_archive(&sample.entries, &sample.checkpoint);
    assert_eq!(rewritten, sample.ledger_archive());
}

#[test]
fn a_device_log_proves_itself() {
    let sample = Sample::make();
    let summary = verify(&sample.device_archive()).unwrap();
    assert_eq!((summary.entries, summary.operations), (3, 6));
    let archive = sample.device_archive();
    let reader = Reader::new(archive.as_slice()).unwrap();
    assert_eq!(
        reader.header().subject,
        Subject::Device {
            key: key(DEVICE).public(),
            user: "Ada".into()
        }
    );
}

#[test]
fn the_format_stays_what_it_is() {
    let sample = Sample::make();
    golden("ledger-1.cairnlog", &sample.ledger_archive());
    golden("device-1.cairnlog", &sample.device_archive());
}

/// Compares with the bytes kept beside this file; `CAIRN_BLESS=1` keeps new
/// ones, which is right only together with a new format number.
fn golden(name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/golden");
    let path = path.join(name);
    if std::env::var_os("CAIRN_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    verify(&kept).unwrap();
    assert!(kept == bytes, "{name} is written in other bytes now");
}

#[test]
fn every_changed_byte_is_noticed() {
    let sample = Sample::make();
    for archive in [sample.ledger_archive(), sample.device_archive()] {
        for at in 0..archive.len() {
            let mut changed = archive.clone();
            changed[at] ^= 1 << (at % 8);
            assert!(verify(&changed).is_err(), "byte {at} was changed unnoticed");
        }
    }
}

#[test]
fn every_missing_end_is_noticed() {
    let archive = Sample::make().ledger_archive();
    for length in 0..archive.len() {
        let fault = verify(&archive[..length]).unwrap_err();
        let cut_off = matches!(
            fault,
            VerifyFault::Archive(ArchiveFault::CutOff { .. } | ArchiveFault::NoArchive)
        );
        assert!(cut_off, "{length}: {fault}");
    }
}

#[test]
fn any_damage_is_noticed_and_nothing_panics() {
    let archive = Sample::make().ledger_archive();
    let damage = prop::collection::vec((0..archive.len(), any::<u8>()), 1..20);
    runner()
        .run(&(damage, 0..archive.len()), |(damage, cut)| {
            let mut bytes = archive.clone();
            for (at, byte) in damage {
                bytes[at] = byte;
            }
            prop_assert_eq!(verify(&bytes).is_ok(), bytes == archive);
            let mut moved = bytes.split_off(cut);
            moved.extend(bytes);
            prop_assert!(cut == 0 || verify(&moved).is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn anything_else_is_no_archive() {
    runner()
        .run(&prop::collection::vec(any::<u8>(), 0..200), |bytes| {
            prop_assert_eq!(verify(&bytes), Err(ArchiveFault::NoArchive.into()));
            let mut prefixed = archive::MAGIC.to_vec();
            prefixed.extend(archive::FORMAT.to_be_bytes());
            prefixed.extend(bytes);
            prop_assert!(verify(&prefixed).is_err());
            Ok(())
        })
        .unwrap();
}

#[test]
fn faults_say_what_and_where() {
    let archive = Sample::make().ledger_archive();
    let says = |bytes: &[u8], expected: &str| {
        let fault = verify(bytes).unwrap_err().to_string();
        assert!(fault.contains(expected), "{fault}");
    };
    let mut newer = archive.clone();
    newer[11] = 2;
    says(&newer, "has format 2; this program reads up to format 1");

    let mut joined = archive.clone();
    joined.extend_from_slice(&archive);
    says(&joined, "bytes follow the end of the archive");

    let cut = &archive[..archive.len() - 100];
    says(cut, "it was cut off; copy it again");

    let mut huge = archive[..12].to_vec();
    huge.extend_from_slice(&(FRAME_BYTES_MAX as u32 + 1).to_be_bytes());
    huge.push(1);
    says(
        &huge,
        "frame 0 at byte 12 is invalid: it claims 65665 bytes",
    );

    let mut odd = archive.clone();
    let first_entry = 12 + 5 + 49;
    odd[first_entry + 4] = 9;
    says(
        &odd,
        "frame 1 at byte 66 is invalid: a frame of kind 9 has no place here",
    );
}

#[test]
fn a_store_with_a_hole_is_not_exported() {
    let sample = Sample::make();
    let storage: &MemoryStorage = &sample.relay_storage;
    let mut batch = Batch::default();
    batch.remove(Table::Ledger, 3_u64.to_be_bytes());
    storage.commit(batch, Durability::Synced).unwrap();
    let relay = key(RELAY).public();
    let exported = export_ledger(ORGANIZATION, relay, &sample.checkpoint, storage, Vec::new());
    let error = exported.unwrap_err();
    let expected = StorageError::corrupt(Table::Ledger, &3_u64.to_be_bytes(), "it is missing");
    assert_eq!(error.to_string(), expected.to_string());
}

/// What someone may do to a ledger who can also write a fitting trailer.
#[derive(Debug, Clone)]
enum Tampering {
    Remove(usize),
    Double(usize),
    Swap(usize, usize),
    Delay(usize, u64),
}

#[test]
fn entries_removed_swapped_doubled_or_delayed_are_noticed() {
    let sample = Sample::make();
    let at = || 0..sample.entries.len();
    let tampering = prop_oneof![
        at().prop_map(Tampering::Remove),
        at().prop_map(Tampering::Double),
        (at(), at()).prop_map(|(one, other)| Tampering::Swap(one, other)),
        (at(), 1..9_u64).prop_map(|(at, by)| Tampering::Delay(at, by)),
    ];
    let tamperings = prop::collection::vec(tampering, 1..4);
    runner()
        .run(&tamperings, |tamperings| {
            let mut entries = sample.entries.clone();
            for tampering in &tamperings {
                tamper(&mut entries, tampering);
            }
            let positions = 1..;
            for (position, entry) in positions.zip(&mut entries) {
                entry.0 = position;
            }
            prop_assert_eq!(
                checked(&sample, &entries).is_ok(),
                entries == sample.entries
            );
            Ok(())
        })
        .unwrap();
}

fn tamper(entries: &mut Vec<Entry>, tampering: &Tampering) {
    let of = |at: &usize| at % entries.len().max(1);
    match tampering {
        Tampering::Remove(at) if !entries.is_empty() => {
            entries.remove(of(at));
        }
        Tampering::Double(at) if !entries.is_empty() => {
            entries.insert(of(at), entries[of(at)].clone());
        }
        Tampering::Swap(one, other) if !entries.is_empty() => {
            let (one, other) = (of(one), of(other));
            entries.swap(one, other);
        }
        Tampering::Delay(at, by) if !entries.is_empty() => {
            let at = of(at);
            entries[at].1 = Timestamp(entries[at].1.0 + by);
        }
        _ => {}
    }
}

/// The entries under the relay's own checkpoint.
fn checked(sample: &Sample, entries: &[Entry]) -> Result<Summary, VerifyFault> {
    let mut verifier = sample.verifier();
    for (position, received, bundle) in entries {
        verifier.entry(*position, *received, bundle)?;
    }
    verifier.finish(&sample.checkpoint)
}

#[test]
fn a_checkpoint_of_another_relay_or_place_is_noticed() {
    let sample = Sample::make();
    let forged = Checkpoint::sign(&ORGANIZATION, &sample.head, &key(DEVICE));
    let fault = verify(&ledger_archive(&sample.entries, &forged)).unwrap_err();
    assert!(
        matches!(fault, VerifyFault::CheckpointSignature { position: 7, .. }),
        "{fault}"
    );

    let mut elsewhere = sample.head;
    elsewhere.head = Hash::ZERO;
    let other_face = Checkpoint::sign(&ORGANIZATION, &elsewhere, &key(RELAY));
    let fault = verify(&ledger_archive(&sample.entries, &other_face)).unwrap_err();
    assert!(
        matches!(fault, VerifyFault::Checkpoint { signed: 7, .. }),
        "{fault}"
    );
}

pub(crate) fn runner() -> TestRunner {
    let config = Config {
        cases: 200,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}
