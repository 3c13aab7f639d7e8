//! Every message, and the frames they travel in.

use crate::file::{Group, Read, check, words};
use crate::sample::{
    DEVICE, MORNING, ORGANIZATION, RELAY, edit, key, log, record, sealed, secret, start,
};
use bytes::Bytes;
use cairn_model::definition::{Definition, User};
use cairn_model::{
    AuthorId, Hash, OperationId, RecordId, SettleOutcome, Timestamp, TypeId, Value, Version,
};
use cairn_net::frame::{self, Decoder};
use cairn_oplog::bundle::Verified;
use cairn_oplog::{Checkpoint, LedgerHead};
use cairn_projection::issue::Dependent;
use cairn_projection::page::Page;
use cairn_projection::{Code, Issue};
use cairn_proto::limit::FRAME_BYTES_MAX;
use cairn_proto::message::ImageBytes;
use cairn_proto::{
    Ack, ClientMessage, DirectoryDevice, DirectoryPart, Era, Hello, HistoryEntry, Incorporated,
    Lag, Leave, LeaveReason, Refusal, ServerMessage, Welcome, Wish,
};
use serde_json::json;

fn bundle() -> Verified {
    let id = log(DEVICE, 0);
    sealed(
        DEVICE,
        id,
        &start(id),
        vec![edit(0, Value::Integer(5)), edit(1, Value::Integer(6))],
    )
}

fn lag() -> Lag {
    Lag {
        record_type: TypeId(7),
        through: Version(250),
        at: Timestamp(1_700_000_000_000),
    }
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let hello = |cursor, held: &[RecordId]| {
        ClientMessage::Hello(Hello {
            organization: ORGANIZATION,
            cursor,
            held: held.iter().copied().collect(),
            views: vec![(TypeId(7), 0x0102_0304_0506_0708)],
            directory: Version(2),
            issues: Version(40),
            era: Some(Era([0xe4; 16])),
            told: Version(300),
            lags: vec![lag()],
            generation: 1,
            incorporated: 12,
            wish: Wish::Due,
        })
    };
    let enrol = ClientMessage::Enrol {
        secret: [0x5e; 16],
        name: "Ada's phone".into(),
    };
    vec![
        ("enrol", enrol),
        ("hello", hello(Version(300), &[record(4), record(5)])),
        (
            "hello of a device that has nothing yet",
            hello(Version(0), &[]),
        ),
        (
            "held",
            ClientMessage::Held {
                records: vec![record(4), record(5)],
                last: true,
            },
        ),
        ("upload", ClientMessage::Upload(bundle().bytes().to_vec())),
        (
            "log hashes",
            ClientMessage::LogHashes {
                generation: 1,
                first: 7,
            },
        ),
        (
            "history",
            ClientMessage::History {
                record: record(1),
                after: Version(12),
            },
        ),
        (
            "upload, in short form",
            ClientMessage::UploadNext(bundle().continuation()),
        ),
    ]
}

fn welcome() -> Welcome {
    let at = LedgerHead::genesis(&ORGANIZATION, &secret(RELAY).public());
    let at = at.after(MORNING, bundle().bytes(), 2);
    Welcome {
        now: MORNING,
        version: Version(2),
        generation: 0,
        head: bundle().head(),
        revoked: false,
        checkpoint: Checkpoint::sign(&ORGANIZATION, &at, &secret(RELAY)),
        era: Era([0xe5; 16]),
        shared: Version(2),
    }
}

fn directory() -> DirectoryPart {
    let ada = User::new("Ada");
    let definition = Definition {
        number: 1,
        name: "Pumps and Sons".into(),
        users: [("ada".to_owned(), ada)].into(),
        ..Definition::default()
    };
    let device = |seed, user: &str| DirectoryDevice {
        key: secret(seed).public(),
        user: user.into(),
        name: user.into(),
        revoked: false,
    };
    let devices = [device(RELAY, "relay"), device(DEVICE, "ada")];
    DirectoryPart {
        version: Version(2),
        definition: Some(1),
        changes: Definition::default().changes_to(&definition),
        devices: (0..).map(AuthorId).zip(devices).collect(),
        last: true,
    }
}

fn issue() -> Issue {
    Issue {
        number: 3,
        version: Version(60),
        operation: OperationId {
            log: log(DEVICE, 0),
            sequence: 9,
        },
        author: Some(cairn_model::AuthorId(1)),
        user: "ada".into(),
        code: Code::ValueInvalid,
        record: Some(record(1)),
        field: Some(cairn_model::FieldId(3)),
        what: "Pressure: 900 is above the largest possible, 16.".into(),
        payload: edit(0, Value::Integer(900)),
        dependents: vec![Dependent {
            version: Version(61),
            payload: edit(1, Value::Integer(901)),
        }],
        settled: Some((SettleOutcome::Discarded, Version(70))),
        changed: Version(70),
    }
}

fn history() -> ServerMessage {
    let entry = HistoryEntry {
        position: 4,
        received: MORNING,
        first_version: Version(12),
        bundle: bundle().redacted(|index| index == 1),
        verdicts: vec![(Version(13), Some(Code::ValueInvalid))],
        settled: Some(SettleOutcome::Resubmitted),
    };
    ServerMessage::History {
        record: record(1),
        entries: vec![entry],
        last: true,
    }
}

fn server_messages() -> Vec<(String, ServerMessage)> {
    let ack = |rejected, incorporated| {
        ServerMessage::Ack(Ack {
            through: 9,
            version: Version(300),
            rejected,
            incorporated,
        })
    };
    let enrolled = ServerMessage::Enrolled {
        organization: ORGANIZATION,
        user: "ada".into(),
    };
    let page = ServerMessage::Page {
        page: Page::pack(vec![(record(1), TypeId(7), b"an image goes here".to_vec())]),
        began: Version(280),
    };
    let leave = Leave {
        record: record(9),
        reason: LeaveReason {
            code: "profile.filter".into(),
            words: "It is not of today.".into(),
            since: Some(Timestamp(1_700_000_000_000)),
            readable: true,
        },
    };
    let changes = ServerMessage::Changes {
        images: vec![ImageBytes(b"an image goes here".to_vec())],
        leaves: vec![leave],
        views: vec![(TypeId(7), 0x0102_0304_0506_0708)],
        issues: vec![issue()],
        lags: Some(vec![lag()]),
        through: Version(70),
        last: true,
    };
    let hashes = ServerMessage::LogHashes {
        generation: 1,
        first: 7,
        hashes: vec![Hash::of(b"one"), Hash::of(b"two")],
    };
    let codes = Code::ALL.iter().zip(0..).map(|(code, back)| (back, *code));
    let mut messages = vec![
        ("enrolled".to_owned(), enrolled),
        ("welcome".to_owned(), ServerMessage::Welcome(welcome())),
        (
            "directory".to_owned(),
            ServerMessage::Directory(directory()),
        ),
        ("acknowledgement".to_owned(), ack(Vec::new(), None)),
        (
            "acknowledgement that spares an image".to_owned(),
            ack(
                Vec::new(),
                Some(Incorporated {
                    received_after: -250,
                    messages: 1,
                }),
            ),
        ),
        (
            "acknowledgement with every code".to_owned(),
            ack(codes.collect(), None),
        ),
        ("page".to_owned(), page),
        ("changes".to_owned(), changes),
        ("log hashes".to_owned(), hashes),
        ("history".to_owned(), history()),
        ("tell held".to_owned(), ServerMessage::TellHeld),
    ];
    messages.extend(REFUSALS.iter().map(|refusal| {
        let name = format!("refused: {refusal:?}");
        (name, ServerMessage::Refused(*refusal))
    }));
    messages
}

/// In the order of their numbers.
pub(crate) const REFUSALS: &[Refusal] = &[
    Refusal::NotEnrolled,
    Refusal::OtherOrganization,
    Refusal::TicketInvalid,
    Refusal::TicketExpired,
    Refusal::OutOfOrder,
    Refusal::BundleInvalid,
    Refusal::BundleGap,
    Refusal::TooMuchInFlight,
    Refusal::Revoked,
    Refusal::RevokedLimit,
    Refusal::RelayFailed,
    Refusal::AheadOfLedger,
    Refusal::OtherLedger,
];

#[test]
fn messages_read_as_they_did() {
    let mut up = Group::of::<ClientMessage>("from a device");
    for (name, message) in client_messages() {
        up = up.valid(name, message.encode());
    }
    let hello = client_messages()[1].1.encode();
    let up = up
        .invalid("MSG-1", "empty", [])
        .invalid("MSG-1", "of no kind", [7])
        .invalid("MSG-1", "cut short", &hello[..hello.len() - 1])
        .invalid(
            "ENC-12",
            "with a byte behind it",
            [hello.as_slice(), &[0]].concat(),
        )
        .invalid(
            "ENC-11",
            "claims 2^60 bytes",
            [2, 253, 0, 0, 0, 0, 0, 0, 0, 16],
        );
    let mut down = Group::of::<ServerMessage>("from a relay");
    for (name, message) in server_messages() {
        down = down.valid(name, message.encode());
    }
    let down = down
        .with(json!({"relay": key(RELAY), "device": key(DEVICE)}))
        .invalid("MSG-2", "of no kind", [10])
        .invalid("MSG-2", "refused for no known reason", [2, 13])
        .invalid(
            "ENC-11",
            "claims 2^60 hashes",
            [7, 0, 0, 253, 0, 0, 0, 0, 0, 0, 0, 16],
        );
    check(
        "messages.json",
        "What devices and relays say.",
        vec![up, down],
    );
}

#[test]
fn frames_read_as_they_did() {
    let read = |bytes: &[u8]| {
        let mut decoder = Decoder::new(FRAME_BYTES_MAX);
        decoder.push(Bytes::copy_from_slice(bytes));
        let mut frames = Vec::new();
        while let Some(frame) = decoder.next_frame().map_err(words)? {
            frames.push(Bytes::from(frame));
        }
        decoder.finish().map_err(words)?;
        let says = frames
            .iter()
            .map(|frame| json!({"bytes": frame.len()}))
            .collect();
        let mut chunks = Vec::new();
        frame::encode(frames, &mut chunks);
        let again = chunks.concat();
        Ok(Read { says, again })
    };
    let framed = |lengths: &[usize]| {
        let mut chunks = Vec::new();
        let frames = lengths.iter().map(|length| Bytes::from(vec![7; *length]));
        frame::encode(frames, &mut chunks);
        chunks.concat()
    };
    let group = Group::new("streams of frames", read)
        .valid("nothing yet", [])
        .valid("one byte, 63 and 64", framed(&[1, 63, 64]))
        .valid("300 bytes", framed(&[300]))
        .invalid("FRAME-2", "an empty frame", [0])
        .invalid("FRAME-2", "5 in two bytes", [0x40, 5])
        .invalid("FRAME-2", "0 in four bytes", [0x80, 0, 0, 0])
        .invalid("FRAME-3", "one byte too many", [0x80, 0x10, 0, 1])
        .invalid("FRAME-4", "the stream ends in a length", [0x40])
        .invalid("FRAME-4", "the stream ends in a frame", [3, 1, 2]);
    check(
        "frames.json",
        "How messages are told apart on a stream.",
        vec![group],
    );
}
