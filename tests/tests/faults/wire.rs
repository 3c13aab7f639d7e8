//! Bytes off the wire and out of files: random, cut short, with bits flipped,
//! with lengths nobody could mean. Everything that reads them says no in a
//! typed way, and what it says yes to, it can say again.

use crate::hostile;
use crate::runner;
use bytes::Bytes;
use cairn_model::{
    Hash, LogId, Operation, OrganizationId, PublicKey, RecordId, Timestamp, TypeId, codec,
};
use cairn_net::frame::Decoder;
use cairn_oplog::SecretKey;
use cairn_oplog::archive::{Header, Reader, Subject, Writer};
use cairn_oplog::bundle::{self, BUNDLE_BYTES_MAX, LogHead, Parsed};
use cairn_oplog::verify::verify_archive;
use cairn_projection::Image;
use cairn_projection::page::Page;
use cairn_proto::limit::FRAME_BYTES_MAX;
use cairn_proto::{ClientMessage, ServerMessage, Ticket};
use proptest::prelude::*;

const ORGANIZATION: OrganizationId = OrganizationId([0xfc; 16]);

/// Hands bytes to everything that reads bytes.
fn read_as_everything(bytes: &[u8]) {
    if let Ok(message) = ClientMessage::decode(bytes) {
        assert_eq!(ClientMessage::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = ServerMessage::decode(bytes) {
        assert_eq!(ServerMessage::decode(&message.encode()), Ok(message));
    }
    if let Ok(operation) = bundle::decode_operation(bytes) {
        let again = codec::encode(&operation);
        assert_eq!(bundle::decode_operation(&again), Ok(operation));
    }
    if let Ok(parsed) = Parsed::parse(bytes) {
        assert!(parsed.first() >= 1 && parsed.last() >= parsed.first());
        let _ = parsed.verify(&ORGANIZATION, &PublicKey([7; 32]));
    }
    if let Ok(image) = Image::read(bytes)
        && let Some(record) = image.over(None)
    {
        let again = Image::read(&record.to_image()).expect("it was just written");
        assert_eq!(again.over(None), Some(record));
    }
    let page = Page {
        index: vec![(RecordId([0; 16]), TypeId(0))],
        body: bytes.to_vec(),
    };
    let _ = page.unpack();
    let _ = Reader::new(bytes).map(|mut archive| verify_archive(&mut archive));
    let _ = String::from_utf8_lossy(bytes).parse::<Ticket>();
    let mut decoder = Decoder::new(FRAME_BYTES_MAX);
    decoder.push(Bytes::copy_from_slice(bytes));
    while let Ok(Some(_)) = decoder.next_frame() {}
}

fn sealed(operations: Vec<Vec<u8>>) -> Vec<u8> {
    let key = SecretKey::from_seed(&[7; 32]);
    let log = LogId {
        device: key.public().device(),
        generation: 0,
    };
    let at = LogHead::genesis(&ORGANIZATION, &log);
    let bundle = bundle::seal(&ORGANIZATION, log, &at, operations, &key);
    bundle.bytes().to_vec()
}

/// Something true: an operation, a bundle, a message, a page, an archive, a
/// ticket.
fn truth() -> impl Strategy<Value = Vec<u8>> {
    let operations = || prop::collection::vec(hostile::operation(), 1..3);
    let bundle = move || {
        operations().prop_map(|operations| {
            sealed(operations.iter().map(codec::encode::<Operation>).collect())
        })
    };
    let archive = bundle().prop_map(|bundle| {
        let subject = Subject::Device {
            key: SecretKey::from_seed(&[7; 32]).public(),
            user: "ada".into(),
        };
        let (organization, relay) = (ORGANIZATION, PublicKey([1; 32]));
        let header = Header {
            organization,
            relay,
            subject,
        };
        let mut writer = Writer::new(Vec::new(), &header).expect("memory takes it");
        writer.bundle(&bundle).expect("memory takes it");
        writer.finish().expect("memory takes it")
    });
    let page = prop::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| {
        let records = (0..40).map(|n| (RecordId([n; 16]), TypeId(1), bytes.clone()));
        let page = Page::pack(records.collect());
        let began = cairn_model::Version(3);
        ServerMessage::Page { page, began }.encode()
    });
    let ticket = any::<[u8; 16]>().prop_map(|secret| {
        let ticket = Ticket {
            address: "relay.example:4433".into(),
            relay: PublicKey([1; 32]),
            organization: ORGANIZATION,
            secret,
            expires: Timestamp(4),
        };
        ticket.to_string().into_bytes()
    });
    prop_oneof![
        hostile::operation().prop_map(|operation| codec::encode(&operation)),
        bundle(),
        bundle().prop_map(|bundle| ClientMessage::Upload(bundle).encode()),
        archive,
        page,
        ticket,
    ]
}

#[derive(Debug, Clone)]
enum Damage {
    Cut(prop::sample::Index),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index),
    /// A length that claims 2^64 - 1, and less.
    Length(prop::sample::Index, u32),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        at().prop_map(Damage::Cut),
        (at(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        (at(), prop::collection::vec(any::<u8>(), 1..9)).prop_map(|(at, b)| Damage::Insert(at, b)),
        at().prop_map(Damage::Remove),
        (at(), 0..64_u32).prop_map(|(at, shift)| Damage::Length(at, shift)),
    ]
}

fn harm(bytes: &mut Vec<u8>, damage: Damage) {
    if bytes.is_empty() {
        return;
    }
    match damage {
        Damage::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Damage::Flip(at, bit) => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Damage::Insert(at, more) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more);
        }
        Damage::Remove(at) => {
            bytes.remove(at.index(bytes.len()));
        }
        Damage::Length(at, shift) => {
            let at = at.index(bytes.len());
            let length = [&[253][..], &(u64::MAX >> shift).to_le_bytes()].concat();
            bytes.splice(at..=at, length);
        }
    }
}

#[test]
fn random_bytes_are_read_as_nothing() {
    let anything = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(0..4_u8, 0..200),
        (0..20_u8, prop::collection::vec(any::<u8>(), 0..99)).prop_map(|(first, mut rest)| {
            rest.insert(0, first);
            rest
        }),
    ];
    runner()
        .run(&anything, |bytes| {
            read_as_everything(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn damaged_truth_is_read_without_harm() {
    let damages = prop::collection::vec(damage(), 0..4);
    runner()
        .run(&(truth(), damages), |(mut bytes, damages)| {
            damages
                .into_iter()
                .for_each(|damage| harm(&mut bytes, damage));
            read_as_everything(&bytes);
            // As a message is in a frame, and an archive's body in its file.
            bytes.insert(0, 2);
            read_as_everything(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_signed_bundle_bears_no_change_at_all() {
    let bundle = sealed(vec![b"one".to_vec(), b"two".to_vec()]);
    let key = SecretKey::from_seed(&[7; 32]).public();
    runner()
        .run(&prop::collection::vec(damage(), 1..4), |damages| {
            let mut bytes = bundle.clone();
            damages
                .into_iter()
                .for_each(|damage| harm(&mut bytes, damage));
            let accepted = Parsed::parse(bytes.clone()).and_then(|b| b.verify(&ORGANIZATION, &key));
            prop_assert_eq!(accepted.is_ok(), bytes == bundle);
            Ok(())
        })
        .unwrap();
}

/// The most that any process of these tests should ever need.
const RESIDENT_BYTES_MAX: u64 = 512 * 1024 * 1024;

#[test]
fn what_claims_much_is_given_little() {
    // Every place where a message has a length, filled with the largest claim.
    for variant in 0..10_u8 {
        for fields in 0..40 {
            for length in [u64::MAX, 1 << 40, 1 << 31, 4 << 20] {
                let mut bytes = vec![variant];
                bytes.extend(std::iter::repeat_n(1, fields));
                bytes.push(253);
                bytes.extend(length.to_le_bytes());
                bytes.extend([1; 64]);
                read_as_everything(&bytes);
            }
        }
    }
    // A whole frame of the smallest elements: nothing but ones and zeros.
    for fill in 0..3_u8 {
        for variant in 0..10_u8 {
            let mut frame = vec![fill; FRAME_BYTES_MAX];
            frame[0] = variant;
            let _ = ClientMessage::decode(&frame);
            let _ = ServerMessage::decode(&frame);
            let _ = Parsed::parse(&frame[..BUNDLE_BYTES_MAX]);
            let _ = Image::read(&frame);
            let _ = bundle::decode_operation(&frame[..BUNDLE_BYTES_MAX]);
        }
    }
    assert!(resident_bytes_max() < RESIDENT_BYTES_MAX);
}

#[test]
fn a_page_unpacks_to_no_more_than_a_value_may_be() {
    // 64 MiB and more of nothing, in some kilobytes.
    let records = (0..200).map(|n| (RecordId([n; 16]), TypeId(1), vec![0; 400_000]));
    let bomb = Page::pack(records.collect());
    assert!(
        bomb.body.len() < 100_000,
        "it is small: {}",
        bomb.body.len()
    );
    let refused = bomb.unpack().unwrap_err().to_string();
    assert!(
        refused.starts_with("the bytes do not form a page"),
        "{refused}"
    );
    assert!(resident_bytes_max() < RESIDENT_BYTES_MAX);
}

#[test]
fn kinds_within_kinds_end_soon() {
    // A published field whose kind is a set of sets of sets of …
    let mut operation = vec![0, 0, 2, 0, 1, 2, 1, 1, 1, b'f', 1, b'F'];
    operation.extend([12; 60_000]);
    let refused = bundle::decode_operation(&operation)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("expected variant index 0 <= i < 10"),
        "{refused}"
    );
}

#[test]
fn times_and_hashes_at_their_ends_can_be_shown() {
    for number in [0, 1, u64::MAX >> 16, u64::MAX] {
        let time = Timestamp(number);
        let hybrid = cairn_model::HybridTime::new(time, u16::MAX);
        assert!(hybrid.wall() <= time);
        let shown = format!("{time} {hybrid:?} {}", Hash([0xff; 32]));
        assert!(!shown.is_empty());
        let mut clock = cairn_model::HybridClock::resuming_after(hybrid);
        assert!(clock.tick(time) >= hybrid);
        clock.observe(hybrid, time, u64::MAX);
    }
}

/// The most memory this process ever had, where the system tells.
fn resident_bytes_max() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
