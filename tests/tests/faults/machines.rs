//! Relay and device are handed every message there is, in every order, with
//! numbers at the ends of their ranges. A relay answers or refuses, a device
//! takes or leaves it, and neither says anything that fits no frame.

use crate::hostile;
use crate::runner;
use cairn_agent::{Agent, Config, FieldEdit, RecordEdit, RecordEditKind, Request};
use cairn_model::{
    Action, AuthorId, Change, Definition, FieldId, Hash, HybridTime, LogId, Mutation, Operation,
    OperationId, OrganizationId, RecordId, Timestamp, TypeId, Value, Version, Write, codec,
};
use cairn_oplog::bundle::{self, LogHead};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{Checkpoint, LedgerHead, SecretKey, Storage};
use cairn_projection::issue::Dependent;
use cairn_projection::page::Page;
use cairn_projection::{Code, Issue};
use cairn_proto::limit::FRAME_BYTES_MAX;
use cairn_proto::message::ImageBytes;
use cairn_proto::{
    Ack, ClientMessage, DirectoryDevice, DirectoryPart, Era, HeldDigest, Hello, HistoryEntry,
    Incorporated, Lag, Leave, LeaveReason, Refusal, ServerMessage, Welcome, Wish,
};
use cairn_relay::{AdminRequest, Relay, ReplyId, SessionId};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::sync::Arc;

const ORGANIZATION: OrganizationId = OrganizationId([0xfb; 16]);
const NOW: Timestamp = Timestamp(1_800_000_000_000);
const TICKET: [u8; 16] = [9; 16];

fn secret(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn any_number() -> impl Strategy<Value = u64> {
    let border = select(vec![
        0,
        1,
        1 << 32,
        (1 << 63) - 1,
        1 << 63,
        u64::MAX - 1,
        u64::MAX,
    ]);
    prop_oneof![0..60_u64, border]
}

fn any_generation() -> impl Strategy<Value = u32> {
    select(vec![0, 0, 1, 2, u32::MAX])
}

fn record() -> impl Strategy<Value = RecordId> {
    select(hostile::records())
}

/// A relay, what it keeps, and where its devices' logs end.
struct Attacked {
    relay: Relay,
    storage: Arc<MemoryStorage>,
    heads: BTreeMap<u8, LogHead>,
    /// Messages it sent.
    said: Vec<ServerMessage>,
}

impl Attacked {
    /// One with a definition, and device 1 enrolled for `user`.
    fn new(user: &str) -> Attacked {
        let storage = Arc::new(MemoryStorage::new());
        let relay = Relay::open(secret(0), ORGANIZATION, storage.clone(), Era([1; 16]))
            .expect("it is empty");
        let mut attacked = Attacked {
            relay,
            storage,
            heads: BTreeMap::new(),
            said: Vec::new(),
        };
        attacked.admin(AdminRequest::Publish(Box::new(hostile::definition())));
        attacked.admin(AdminRequest::Ticket {
            user: user.into(),
            secret: TICKET,
            expires: NOW,
        });
        attacked.connect(1);
        let name = "phone".into();
        attacked.say(
            1,
            ClientMessage::Enrol {
                secret: TICKET,
                name,
            },
        );
        assert!(matches!(
            attacked.said[..],
            [ServerMessage::Enrolled { .. }]
        ));
        attacked
    }

    fn admin(&mut self, request: AdminRequest) {
        let reply = ReplyId(1);
        self.handle(cairn_relay::Input::Admin { reply, request });
    }

    /// Connects device `seed`, as the session of that number.
    fn connect(&mut self, seed: u8) {
        let session = SessionId(u64::from(seed));
        self.handle(cairn_relay::Input::Disconnected { session });
        let key = secret(seed).public();
        self.handle(cairn_relay::Input::Connected { session, key });
    }

    fn say(&mut self, seed: u8, message: ClientMessage) {
        let message = ClientMessage::decode(&message.encode()).expect("it was just encoded");
        let session = SessionId(u64::from(seed));
        self.handle(cairn_relay::Input::Received { session, message });
    }

    fn greet(&mut self, seed: u8) {
        self.connect(seed);
        let nothing = Hello {
            organization: ORGANIZATION,
            cursor: Version(0),
            held: HeldDigest::default(),
            views: Vec::new(),
            directory: Version(0),
            issues: Version(0),
            era: None,
            told: Version(0),
            lags: Vec::new(),
            generation: 0,
            incorporated: 0,
            wish: cairn_proto::Wish::Due,
        };
        self.say(seed, ClientMessage::Hello(nothing));
    }

    /// Uploads operations under a true signature, behind what came before.
    fn upload(&mut self, seed: u8, form: Form, generation: u32, operations: Vec<Vec<u8>>) {
        let device = secret(seed).public().device();
        let log = LogId { device, generation };
        let at = self
            .heads
            .entry(seed)
            .or_insert_with(|| LogHead::genesis(&ORGANIZATION, &log));
        let bundle = bundle::seal(&ORGANIZATION, log, at, operations, &secret(seed));
        *at = bundle.head();
        self.say(
            seed,
            match form {
                Form::Long => ClientMessage::Upload(bundle.bytes().to_vec()),
                Form::Short => ClientMessage::UploadNext(bundle.continuation()),
            },
        );
    }

    fn handle(&mut self, input: cairn_relay::Input) {
        self.relay.handle(NOW, input);
        while let Some(output) = self.relay.poll_output() {
            match output {
                cairn_relay::Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    self.storage
                        .commit(batch, durability)
                        .expect("memory takes it");
                    self.relay.handle(NOW, cairn_relay::Input::Persisted(id));
                }
                cairn_relay::Output::Send { session, message } => {
                    let bytes = message.encode();
                    assert!(
                        bytes.len() <= FRAME_BYTES_MAX,
                        "{} bytes fit no frame",
                        bytes.len()
                    );
                    assert_eq!(ServerMessage::decode(&bytes).as_ref(), Ok(&message));
                    self.said.push(message);
                    self.relay.handle(NOW, cairn_relay::Input::Sent { session });
                }
                cairn_relay::Output::Close { .. } | cairn_relay::Output::Reply { .. } => {}
            }
        }
        assert_eq!(self.relay.failure(), None);
    }

    /// A relay that opens what this one has stored comes to the same state.
    fn check(&mut self) {
        self.handle(cairn_relay::Input::Tick);
        let storage = self.storage.clone();
        let again = Relay::open(secret(0), ORGANIZATION, storage, Era([2; 16]))
            .expect("it can be opened again");
        assert_eq!(
            again.state().full_digest(),
            self.relay.state().full_digest()
        );
    }
}

#[derive(Debug, Clone)]
enum Step {
    Connect,
    Greet,
    Say(ClientMessage),
    Upload(Form, u32, Vec<Vec<u8>>),
}

/// How a bundle is handed in.
#[derive(Debug, Clone, Copy)]
enum Form {
    Long,
    Short,
}

/// The eras of the relay and of an earlier one, or one that never was.
fn any_era() -> impl Strategy<Value = Era> {
    (0_u8..4).prop_map(|era| Era([era; 16]))
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    let version = || any_number().prop_map(Version);
    let held = prop::option::of((any_number(), any_number())).prop_map(|held| {
        held.map_or_else(HeldDigest::default, |(count, sum)| HeldDigest {
            count,
            sum,
        })
    });
    let era = (prop::option::of(any_era()), version());
    let wish = select(vec![Wish::Due, Wish::Everything, Wish::HandIn]);
    let at = any_number().prop_map(Timestamp);
    let lag = (0_u16..20, version(), at).prop_map(|(of, through, at)| Lag {
        record_type: cairn_model::TypeId(of),
        through,
        at,
    });
    let lags = prop::collection::vec(lag, 0..3);
    let sync = (lags, any_generation(), any_number(), wish);
    let hello = (version(), held, version(), version(), era, sync);
    prop_oneof![
        any::<bool>().prop_map(|long| ClientMessage::Enrol {
            secret: TICKET,
            name: "x".repeat(if long { 101 } else { 3 }),
        }),
        hello.prop_map(
            |(cursor, held, directory, issues, (era, told), sync)| ClientMessage::Hello(Hello {
                organization: ORGANIZATION,
                cursor,
                held,
                views: vec![(cairn_model::TypeId(1), 7)],
                directory,
                issues,
                era,
                told,
                lags: sync.0,
                generation: sync.1,
                incorporated: sync.2,
                wish: sync.3,
            })
        ),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(ClientMessage::Upload),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(ClientMessage::UploadNext),
        (any_generation(), any_number())
            .prop_map(|(generation, first)| ClientMessage::LogHashes { generation, first }),
        (record(), version()).prop_map(|(record, after)| ClientMessage::History { record, after }),
        (prop::collection::vec(record(), 0..4), any::<bool>())
            .prop_map(|(records, last)| ClientMessage::Held { records, last }),
    ]
}

#[test]
fn a_relay_bears_every_message_in_every_order() {
    let operations = prop::collection::vec(hostile::operation_bytes(), 1..4);
    let form = select(vec![Form::Long, Form::Short]);
    let step = prop_oneof![
        1 => Just(Step::Connect),
        2 => Just(Step::Greet),
        4 => client_message().prop_map(Step::Say),
        6 => (form, prop_oneof![9 => Just(0), 1 => any_generation()], operations)
            .prop_map(|(form, generation, operations)| Step::Upload(form, generation, operations)),
    ];
    let steps = prop::collection::vec((1..3_u8, step), 1..20);
    runner()
        .run(&steps, |steps| {
            let mut attacked = Attacked::new("ada");
            for (seed, step) in steps {
                match step {
                    Step::Connect => attacked.connect(seed),
                    Step::Greet => attacked.greet(seed),
                    Step::Say(message) => attacked.say(seed, message),
                    Step::Upload(form, generation, operations) => {
                        attacked.upload(seed, form, generation, operations);
                    }
                }
            }
            attacked.check();
            Ok(())
        })
        .unwrap();
}

/// An edit of nearly as many bytes as an operation may have.
fn large_edit(number: u8, of: RecordId, base: Version) -> Vec<u8> {
    let text = char::from(b'a' + number % 26).to_string().repeat(14_000);
    let writes = (0..4).map(|field| {
        let text = Value::Text(text.clone());
        (FieldId(field), Write::Set(text))
    });
    let mutation = Mutation {
        record: of,
        record_type: TypeId(0),
        base,
        change: Change::Update(writes.collect()),
    };
    codec::encode(&Operation {
        time: HybridTime::new(NOW, u16::from(number)),
        definition: 1,
        action: Action::Edit(vec![mutation]),
    })
}

#[test]
fn many_large_rejected_edits_are_told_in_frames() {
    // A user who may only read; each edit becomes an issue that holds it whole.
    let mut attacked = Attacked::new("cy");
    attacked.greet(1);
    for number in 0..30 {
        let of = RecordId::derive(&[number], "many");
        attacked.upload(1, Form::Long, 0, vec![large_edit(number, of, Version(0))]);
    }
    // The same record again and again: each builds on the rejected one before.
    let of = RecordId::derive(b"one", "many");
    for number in 0..20 {
        attacked.upload(1, Form::Long, 0, vec![large_edit(number, of, Version(0))]);
    }
    attacked.said.clear();
    attacked.greet(1);
    let told = attacked.said.iter().filter_map(|message| match message {
        ServerMessage::Changes { issues, .. } => Some(issues),
        _ => None,
    });
    let told: usize = told.flatten().map(|issue| 1 + issue.dependents.len()).sum();
    assert_eq!(told, 50, "every edit is told of");
    attacked.check();
}

/// A device under attack by its relay.
struct Device {
    agent: Agent,
    storage: Arc<MemoryStorage>,
}

impl Device {
    fn new() -> Device {
        let storage = Arc::new(MemoryStorage::new());
        Device {
            agent: Device::open(storage.clone()),
            storage,
        }
    }

    fn open(storage: Arc<MemoryStorage>) -> Agent {
        let config = Config {
            organization: ORGANIZATION,
            relay: secret(0).public(),
            secret: secret(1),
            seed: 7,
        };
        Agent::open(config, storage).expect("its own storage can be read")
    }

    fn handle(&mut self, input: cairn_agent::Input) {
        self.agent.handle(NOW, input);
        while let Some(output) = self.agent.poll_output() {
            match output {
                cairn_agent::Output::Persist {
                    id,
                    batch,
                    durability,
                } => {
                    self.storage
                        .commit(batch, durability)
                        .expect("memory takes it");
                    self.agent.handle(NOW, cairn_agent::Input::Persisted(id));
                }
                cairn_agent::Output::Dial => self.agent.handle(NOW, cairn_agent::Input::Connected),
                cairn_agent::Output::Send(message) => {
                    let bytes = message.encode();
                    assert!(
                        bytes.len() <= FRAME_BYTES_MAX,
                        "{} bytes fit no frame",
                        bytes.len()
                    );
                }
                cairn_agent::Output::HangUp
                | cairn_agent::Output::Reply { .. }
                | cairn_agent::Output::Changed => {}
            }
        }
    }

    fn hear(&mut self, message: ServerMessage) {
        let message = ServerMessage::decode(&message.encode()).expect("it was just encoded");
        self.handle(cairn_agent::Input::Received(message));
    }

    fn ask(&mut self, request: Request) {
        let random = vec![[3; 10]; 4];
        let reply = cairn_agent::ReplyId(1);
        self.handle(cairn_agent::Input::Request {
            reply,
            random,
            request,
        });
    }

    /// It shows what can be shown, and is the same device after a restart. Pages
    /// are stored as they come, so what is wrong in one is damage to its own
    /// storage when it is first looked at: then the device stops.
    fn check(&self) {
        let show = |agent: &Agent| {
            let visited = agent.visit(|record| {
                record.to_json(&agent.directory().definition);
            });
            let status = agent.status();
            (
                visited,
                agent.digest(),
                status.generation,
                status.sequence,
                status.cursor,
            )
        };
        let again = Device::open(self.storage.clone());
        let (now, after) = (show(&self.agent), show(&again));
        assert!(
            now == after || self.agent.failure().is_some(),
            "{now:?} {after:?}"
        );
    }
}

/// Images as a relay sends them, whole and partial, some of them damaged.
fn image() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>()));
    let since = (0..2_u64).prop_map(Version);
    (record(), 1..30_u64, since, any_number(), damage).prop_map(
        |(id, version, since, number, damage)| {
            let mut bytes = hostile_image(id, version, since, number);
            if let Some((at, byte)) = damage {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

/// An image in its form alone: id, type, version, created, origins, life,
/// whether whole, fields.
fn hostile_image(id: RecordId, version: u64, since: Version, number: u64) -> Vec<u8> {
    type Registered = (Vec<(u64, Option<Value>)>, u32, Option<()>);
    #[derive(serde::Serialize)]
    enum Life {
        Unchanged,
        Kept,
        Told(u64, Registered),
    }
    let origin = (
        number % (version + 1),
        0_u32,
        0_u32,
        number,
        number,
        number as i64,
    );
    let life = match number % 3 {
        0 => Life::Unchanged,
        1 => Life::Kept,
        _ => Life::Told(0, (vec![(number % 2, Some(Value::Boolean(true)))], 0, None)),
    };
    let whole = since == Version(0);
    codec::encode(&(
        (id, hostile::type_of(&id), version, number % version),
        vec![origin],
        life,
        whole,
        vec![(1_u16, 0_u64, 2_u32, number as i64), (2, 1, 2, 5)],
    ))
}

fn page() -> impl Strategy<Value = Page> {
    let entries = prop::collection::vec((record(), 0..5_u16, image()), 0..4);
    let body = prop::option::weighted(0.2, prop::collection::vec(any::<u8>(), 0..40));
    (entries, body).prop_map(|(mut entries, body)| {
        entries.sort();
        entries.dedup_by_key(|(id, _, _)| *id);
        let of_type = |(id, record_type, image)| (id, TypeId(record_type), image);
        let mut page = Page::pack(entries.into_iter().map(of_type).collect());
        page.body = body.unwrap_or(page.body);
        page
    })
}

fn issue() -> impl Strategy<Value = Issue> {
    (
        any_number(),
        any_number(),
        hostile::operation_bytes(),
        record(),
    )
        .prop_map(|(number, version, payload, record)| Issue {
            number,
            version: Version(version),
            operation: OperationId {
                log: LogId {
                    device: secret(1).public().device(),
                    generation: 0,
                },
                sequence: number,
            },
            author: None,
            user: "ada".into(),
            code: Code::Superseded,
            record: Some(record),
            field: None,
            what: String::new(),
            payload: payload.clone(),
            dependents: vec![Dependent {
                version: Version(version),
                payload,
            }],
            settled: None,
            changed: Version(version),
        })
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let version = || any_number().prop_map(Version);
    let hashes = || prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..4);
    let welcome = (
        any_number(),
        version(),
        any_generation(),
        any_number(),
        any::<[bool; 2]>(),
        any_era(),
        version(),
    );
    let entry = (
        any_number(),
        version(),
        prop::collection::vec((version(), Just(None)), 0..3),
    );
    let reason = any::<bool>().prop_map(|readable| LeaveReason {
        code: "profile.filter".into(),
        words: "It is not of today.".into(),
        since: Some(NOW),
        readable,
    });
    let leave = (record(), reason).prop_map(|(record, reason)| Leave { record, reason });
    prop_oneof![
        4 => welcome.prop_map(|(now, version, generation, sequence, [revoked, signed], era, shared)| {
            let at = LedgerHead::genesis(&ORGANIZATION, &secret(0).public());
            ServerMessage::Welcome(Welcome {
                now: Timestamp(now),
                version,
                generation,
                head: LogHead { sequence, head: Hash::ZERO },
                revoked,
                checkpoint: Checkpoint::sign(&ORGANIZATION, &at, &secret(u8::from(!signed))),
                era,
                shared,
            })
        }),
        1 => Just(ServerMessage::Refused(Refusal::BundleGap)),
        2 => (version(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(version, known, gap, last)| {
            let device = DirectoryDevice {
                key: secret(if known { 1 } else { 2 }).public(),
                user: "ada".into(),
                name: "phone".into(),
                revoked: false,
            };
            let definition = hostile::definition();
            ServerMessage::Directory(DirectoryPart {
                version,
                definition: Some(definition.number),
                changes: Definition::default().changes_to(&definition),
                devices: vec![(AuthorId(u32::from(gap)), device)],
                last,
            })
        }),
        3 => (any_number(), version(), prop::option::of((hostile::number(), any_number())), any::<u16>()).prop_map(
            |(through, version, incorporated, back)| {
                let rejected = vec![(back, Code::Limit)];
                let incorporated = incorporated
                    .map(|(received_after, messages)| Incorporated { received_after, messages });
                ServerMessage::Ack(Ack { through, version, rejected, incorporated })
            }
        ),
        3 => (page(), version()).prop_map(|(page, began)| ServerMessage::Page { page, began }),
        1 => Just(ServerMessage::TellHeld),
        5 => (
            prop::collection::vec(image().prop_map(ImageBytes), 0..3),
            prop::collection::vec(leave, 0..3),
            prop::collection::vec(issue(), 0..2),
            (prop::option::of(any_number()), version()),
            any::<bool>(),
        )
            .prop_map(|(images, leaves, issues, (lag, through), last)| {
                let views = vec![(cairn_model::TypeId(1), 7)];
                let lags = lag.map(|at| vec![Lag {
                    record_type: cairn_model::TypeId(1),
                    through: Version(at),
                    at: Timestamp(at),
                }]);
                ServerMessage::Changes { images, leaves, views, issues, lags, through, last }
            }),
        2 => (any_generation(), any_number(), hashes())
            .prop_map(|(generation, first, hashes)| ServerMessage::LogHashes { generation, first, hashes }),
        1 => (record(), entry, any::<bool>()).prop_map(|(record, entry, last)| {
            let (position, first_version, verdicts) = entry;
            let entry = HistoryEntry {
                position,
                received: NOW,
                first_version,
                bundle: Vec::new(),
                verdicts,
                settled: None,
            };
            ServerMessage::History { record, entries: vec![entry], last }
        }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let field = FieldId(1);
    let edit = (record(), hostile::number()).prop_map(move |(record, number)| {
        let write = FieldEdit::Write(Write::Set(Value::Integer(number)));
        Request::Edit(vec![RecordEdit {
            record: Some(record),
            record_type: hostile::type_of(&record),
            kind: RecordEditKind::Create(vec![(field, write)]),
            base: None,
        }])
    });
    let resubmit = any_number().prop_map(|issue| Request::Resubmit {
        issue,
        instead: Vec::new(),
    });
    let discard = any_number().prop_map(|issue| Request::Discard { issue });
    let start_over = Just(Request::StartOver);
    prop_oneof![6 => edit, 2 => resubmit, 2 => discard, 1 => start_over]
}

#[test]
fn a_device_bears_every_message_in_every_order() {
    #[derive(Debug, Clone)]
    enum Step {
        Connect,
        Hear(Box<ServerMessage>),
        Ask(Request),
        AskHistory(RecordId),
    }
    let step = prop_oneof![
        2 => Just(Step::Connect),
        6 => server_message().prop_map(|message| Step::Hear(Box::new(message))),
        2 => request().prop_map(Step::Ask),
        1 => record().prop_map(Step::AskHistory),
    ];
    runner()
        .run(&prop::collection::vec(step, 1..25), |steps| {
            let mut device = Device::new();
            for step in steps {
                match step {
                    Step::Connect => {
                        device.handle(cairn_agent::Input::GoOffline);
                        device.handle(cairn_agent::Input::GoOnline);
                    }
                    Step::Hear(message) => device.hear(*message),
                    Step::Ask(request) => device.ask(request),
                    Step::AskHistory(record) => {
                        let reply = cairn_agent::ReplyId(2);
                        device.handle(cairn_agent::Input::History { reply, record });
                    }
                }
            }
            device.check();
            Ok(())
        })
        .unwrap();
}
