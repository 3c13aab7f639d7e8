//! A relay, devices, and the wires between them.

use cairn_agent::{Agent, Config, FieldEdit, RecordEdit, RecordEditKind, Reply, Request};
use cairn_model::definition::{Definition, User};
use cairn_model::text::{parse, template};
use cairn_model::{FieldId, OrganizationId, RecordId, Timestamp, TypeId, Value, Write};
use cairn_oplog::memory::MemoryStorage;
use cairn_oplog::{Batch, Durability, SecretKey, Storage};
use cairn_projection::Record;
use cairn_proto::{ClientMessage, Era, Refusal, ServerMessage};
use cairn_relay::{AdminReply, AdminRequest, Relay, SessionId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId([0x0c; 16]);

/// One device: its machine, its storage, its wire.
pub(crate) struct DeviceBox {
    pub(crate) agent: Agent,
    pub(crate) storage: Arc<MemoryStorage>,
    pub(crate) secret: SecretKey,
    session: Option<SessionId>,
    /// Whether frames pass.
    pub(crate) linked: bool,
    /// Whether acknowledgements stay on the way, as on a lane that lost a packet.
    pub(crate) acknowledgements_wait: bool,
    replies: BTreeMap<u64, Result<Reply, cairn_agent::EditError>>,
    /// Batches on their way to storage: what comes meanwhile meets a machine
    /// whose storage does not have them yet.
    unwritten: VecDeque<(cairn_agent::PersistId, Batch, Durability)>,
    /// Whether changes wait on their lane while everything else passes.
    pub(crate) changes_stalled: bool,
    /// How far its clock is ahead of everybody's, in milliseconds.
    pub(crate) clock_ahead: i64,
    /// Images that reached it.
    pub(crate) records_received: usize,
    to_relay: VecDeque<ClientMessage>,
    to_device: VecDeque<ServerMessage>,
}

impl DeviceBox {
    /// Hands an input to the machine, with the time that its clock shows.
    pub(crate) fn handle(&mut self, now: Timestamp, input: cairn_agent::Input) {
        let shown = Timestamp(now.0.wrapping_add_signed(self.clock_ahead));
        self.agent.handle(shown, input);
    }

    /// The next message that arrives.
    fn next_message(&mut self) -> Option<ServerMessage> {
        let waits = |message: &ServerMessage| match message {
            ServerMessage::Ack(_) => self.acknowledgements_wait,
            ServerMessage::Changes { .. } => self.changes_stalled,
            _ => false,
        };
        let at = self.to_device.iter().position(|message| !waits(message))?;
        self.to_device.remove(at)
    }
}

pub(crate) struct World {
    pub(crate) relay: Relay,
    pub(crate) relay_storage: Arc<MemoryStorage>,
    /// Whether the relay's storage takes batches and never finishes.
    pub(crate) relay_storage_stalled: bool,
    relay_starts: u8,
    relay_secret: SecretKey,
    pub(crate) devices: Vec<DeviceBox>,
    pub(crate) now: Timestamp,
    next: u64,
    answers: BTreeMap<u64, AdminReply>,
    pub(crate) refusals: Vec<Refusal>,
}

/// The field-service template with one user per device.
pub(crate) fn definition(policy: &str, users: usize) -> Definition {
    let files = template("field-service").expect("the template is built in");
    let mut definition =
        parse(&files, &Definition::default(), &cairn_policy::ids()).expect("the template is right");
    definition.policy = policy.to_owned();
    for number in 0..users {
        let user = User::new(&format!("User {number}"));
        definition.users.insert(format!("user{number}"), user);
    }
    definition
}

impl World {
    pub(crate) fn new(policy: &str, devices: usize) -> World {
        let relay_secret = SecretKey::from_seed(&[200; 32]);
        let relay_storage = Arc::new(MemoryStorage::new());
        let relay = Relay::open(
            relay_secret.clone(),
            ORGANIZATION,
            relay_storage.clone(),
            Era([0; 16]),
        )
        .unwrap();
        let mut world = World {
            relay,
            relay_storage,
            relay_storage_stalled: false,
            relay_starts: 0,
            relay_secret,
            devices: Vec::new(),
            now: Timestamp(1_800_000_000_000),
            next: 1,
            answers: BTreeMap::new(),
            refusals: Vec::new(),
        };
        let answer = world.admin(AdminRequest::Publish(Box::new(definition(policy, devices))));
        assert!(
            answer
                .unwrap()
                .iter()
                .all(|verdict| verdict.rejected.is_none())
        );
        for number in 0..devices {
            world.add_device(number as u8, &format!("user{number}"));
        }
        world
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn admin(&mut self, request: AdminRequest) -> AdminReply {
        let reply = self.fresh();
        self.relay.handle(
            self.now,
            cairn_relay::Input::Admin {
                reply: cairn_relay::ReplyId(reply),
                request,
            },
        );
        self.run();
        self.answers.remove(&reply).expect("the relay answered")
    }

    /// Enrols a device with a ticket and opens its machine, offline.
    pub(crate) fn add_device(&mut self, seed: u8, user: &str) -> usize {
        let secret = SecretKey::from_seed(&[seed; 32]);
        let ticket = [seed; 16];
        let expires = self.now.plus(1000);
        self.admin(AdminRequest::Ticket {
            user: user.to_owned(),
            secret: ticket,
            expires,
        })
        .unwrap();
        let answer = self.enrol_with(&secret, ticket);
        assert!(
            matches!(answer, Some(ServerMessage::Enrolled { .. })),
            "{answer:?}"
        );
        let storage = Arc::new(MemoryStorage::new());
        let agent = self.open_agent(&secret, storage.clone());
        self.devices.push(DeviceBox {
            agent,
            storage,
            secret,
            session: None,
            linked: false,
            acknowledgements_wait: false,
            replies: BTreeMap::new(),
            unwritten: VecDeque::new(),
            changes_stalled: false,
            clock_ahead: 0,
            records_received: 0,
            to_relay: VecDeque::new(),
            to_device: VecDeque::new(),
        });
        self.devices.len() - 1
    }

    /// Says `Enrol` on a session of its own; gives what the relay answered.
    pub(crate) fn enrol_with(
        &mut self,
        secret: &SecretKey,
        ticket: [u8; 16],
    ) -> Option<ServerMessage> {
        let session = SessionId(self.fresh());
        self.relay.handle(
            self.now,
            cairn_relay::Input::Connected {
                session,
                key: secret.public(),
            },
        );
        let message = ClientMessage::Enrol {
            secret: ticket,
            name: "a phone".to_owned(),
        };
        self.relay
            .handle(self.now, cairn_relay::Input::Received { session, message });
        let mut answer = None;
        while let Some(output) = self.relay.poll_output() {
            match output {
                cairn_relay::Output::Send {
                    session: to,
                    message,
                } if to == session => answer = Some(message),
                other => self.relay_output(other),
            }
        }
        self.relay
            .handle(self.now, cairn_relay::Input::Disconnected { session });
        answer
    }

    /// Says something to the relay in a session with a device's key.
    pub(crate) fn say_as(&mut self, device: usize, messages: Vec<ClientMessage>) {
        let session = self.talk_as(device, messages);
        self.relay
            .handle(self.now, cairn_relay::Input::Disconnected { session });
    }

    /// Says something in such a session, and gives the answers to the last of
    /// it that need no storage.
    pub(crate) fn answers_as(
        &mut self,
        device: usize,
        before: Vec<ClientMessage>,
        message: ClientMessage,
    ) -> Vec<ServerMessage> {
        let session = self.talk_as(device, before);
        self.relay
            .handle(self.now, cairn_relay::Input::Received { session, message });
        let mut answers = Vec::new();
        while let Some(output) = self.relay.poll_output() {
            if let cairn_relay::Output::Send { message, .. } = output {
                answers.push(message);
            }
        }
        answers
    }

    fn talk_as(&mut self, device: usize, messages: Vec<ClientMessage>) -> SessionId {
        let session = SessionId(self.fresh());
        let key = self.devices[device].secret.public();
        let now = self.now;
        self.relay
            .handle(now, cairn_relay::Input::Connected { session, key });
        self.run();
        for message in messages {
            self.relay
                .handle(now, cairn_relay::Input::Received { session, message });
            self.run();
        }
        session
    }

    fn open_agent(&self, secret: &SecretKey, storage: Arc<MemoryStorage>) -> Agent {
        let config = Config {
            organization: ORGANIZATION,
            relay: self.relay_secret.public(),
            secret: secret.clone(),
            seed: 7,
        };
        Agent::open(config, storage).unwrap()
    }

    /// What a power cut leaves of a device, started again.
    pub(crate) fn crash_device(&mut self, device: usize) {
        self.unlink(device);
        let storage = Arc::new(self.devices[device].storage.crash());
        self.restart_device(device, storage);
    }

    /// Whether the relay has a session of a device.
    pub(crate) fn is_connected(&self, device: usize) -> bool {
        self.devices[device].session.is_some()
    }

    pub(crate) fn restart_device(&mut self, device: usize, storage: Arc<MemoryStorage>) {
        self.unlink(device);
        self.devices[device].unwritten.clear();
        let secret = self.devices[device].secret.clone();
        self.devices[device].agent = self.open_agent(&secret, storage.clone());
        self.devices[device].storage = storage;
    }

    /// What a power cut leaves of the relay, started again; every link drops.
    pub(crate) fn crash_relay(&mut self) {
        self.restore_relay(self.relay_storage.crash());
    }

    /// The relay starts again on what was stored once; every link drops.
    pub(crate) fn restore_relay(&mut self, stored: MemoryStorage) {
        for device in 0..self.devices.len() {
            self.unlink(device);
        }
        self.relay_storage = Arc::new(stored);
        self.relay_starts += 1;
        self.relay = Relay::open(
            self.relay_secret.clone(),
            ORGANIZATION,
            self.relay_storage.clone(),
            Era([self.relay_starts; 16]),
        )
        .unwrap();
    }

    pub(crate) fn link(&mut self, device: usize) {
        self.devices[device].linked = true;
        self.devices[device].handle(self.now, cairn_agent::Input::GoOnline);
    }

    pub(crate) fn unlink(&mut self, device: usize) {
        let now = self.now;
        self.devices[device].linked = false;
        self.devices[device].handle(now, cairn_agent::Input::GoOffline);
        while let Some(output) = self.devices[device].agent.poll_output() {
            self.device_output(device, output);
        }
        let boxed = &mut self.devices[device];
        boxed.to_relay.clear();
        boxed.to_device.clear();
        if let Some(session) = boxed.session.take() {
            self.relay
                .handle(now, cairn_relay::Input::Disconnected { session });
        }
    }

    /// Links everybody, runs until nothing moves, and leaves them linked.
    pub(crate) fn sync_all(&mut self) {
        for device in 0..self.devices.len() {
            if !self.devices[device].linked {
                self.link(device);
            }
        }
        self.run();
        for (number, device) in self.devices.iter().enumerate() {
            assert!(
                device.agent.is_synced(),
                "device {number}: {:?}",
                device.agent.status()
            );
        }
    }

    /// Hands an input to a device, and passes on what comes of it.
    pub(crate) fn tell(&mut self, device: usize, input: cairn_agent::Input) {
        self.devices[device].handle(self.now, input);
        self.run();
    }

    /// Time passes: what is due in it comes, on the relay's clock.
    pub(crate) fn wait(&mut self, minutes: u64) {
        let end = self.now.plus(minutes * 60_000);
        loop {
            let due = self.relay.deadline().filter(|due| *due <= end);
            self.now = due.unwrap_or(end).max(self.now);
            if due.is_none() {
                return self.run();
            }
            self.relay.handle(self.now, cairn_relay::Input::Due);
            self.run();
        }
    }

    /// Passes on what moves in a few rounds.
    pub(crate) fn run_steps(&mut self, rounds: usize) {
        for _ in 0..rounds {
            while let Some(output) = self.relay.poll_output() {
                self.relay_output(output);
            }
            for device in 0..self.devices.len() {
                self.run_device(device);
            }
        }
    }

    /// Passes everything on until nothing moves.
    pub(crate) fn run(&mut self) {
        for round in 0.. {
            assert!(round < 10_000, "the machines never come to rest");
            let mut moved = false;
            while let Some(output) = self.relay.poll_output() {
                moved = true;
                self.relay_output(output);
            }
            for device in 0..self.devices.len() {
                moved |= self.run_device(device);
            }
            if !moved {
                return;
            }
        }
    }

    fn relay_output(&mut self, output: cairn_relay::Output) {
        match output {
            cairn_relay::Output::Persist {
                id,
                batch,
                durability,
            } => {
                if self.relay_storage_stalled {
                    return;
                }
                self.relay_storage.commit(batch, durability).unwrap();
                self.relay
                    .handle(self.now, cairn_relay::Input::Persisted(id));
            }
            cairn_relay::Output::Send { session, message } => {
                if let Some(device) = self
                    .devices
                    .iter_mut()
                    .find(|device| device.session == Some(session))
                {
                    device
                        .to_device
                        .push_back(through_bytes_to_device(&message));
                }
            }
            cairn_relay::Output::Close { session, refusal } => {
                self.refusals.push(refusal);
                if let Some(device) = self
                    .devices
                    .iter_mut()
                    .find(|device| device.session == Some(session))
                {
                    device.session = None;
                }
            }
            cairn_relay::Output::Reply { reply, answer } => {
                self.answers.insert(reply.0, answer);
            }
        }
    }

    fn run_device(&mut self, number: usize) -> bool {
        let mut moved = false;
        while let Some(output) = self.devices[number].agent.poll_output() {
            moved = true;
            self.device_output(number, output);
        }
        while let Some(message) = self.devices[number].to_relay.pop_front() {
            moved = true;
            if let Some(session) = self.devices[number].session {
                self.relay
                    .handle(self.now, cairn_relay::Input::Received { session, message });
            }
        }
        if let Some(message) = self.devices[number].next_message() {
            moved = true;
            self.devices[number].records_received += images_in(&message);
            self.devices[number].handle(self.now, cairn_agent::Input::Received(message));
            if let Some(session) = self.devices[number].session {
                self.relay
                    .handle(self.now, cairn_relay::Input::Sent { session });
            }
        }
        if let Some((id, batch, durability)) = self.devices[number].unwritten.pop_front() {
            moved = true;
            self.devices[number]
                .storage
                .commit(batch, durability)
                .unwrap();
            self.devices[number].handle(self.now, cairn_agent::Input::Persisted(id));
        }
        moved
    }

    fn device_output(&mut self, number: usize, output: cairn_agent::Output) {
        let now = self.now;
        match output {
            cairn_agent::Output::Dial => {
                if self.devices[number].linked {
                    let session = SessionId(self.fresh());
                    let key = self.devices[number].secret.public();
                    self.devices[number].session = Some(session);
                    self.relay
                        .handle(now, cairn_relay::Input::Connected { session, key });
                    self.devices[number].handle(now, cairn_agent::Input::Connected);
                }
            }
            cairn_agent::Output::HangUp => {
                self.devices[number].to_relay.clear();
                self.devices[number].to_device.clear();
                if let Some(session) = self.devices[number].session.take() {
                    self.relay
                        .handle(now, cairn_relay::Input::Disconnected { session });
                }
            }
            cairn_agent::Output::Persist {
                id,
                batch,
                durability,
            } => {
                self.devices[number]
                    .unwritten
                    .push_back((id, batch, durability));
            }
            cairn_agent::Output::Send(message) => {
                let message = through_bytes_to_relay(&message);
                self.devices[number].to_relay.push_back(message);
            }
            cairn_agent::Output::Reply { reply, answer } => {
                self.devices[number].replies.insert(reply.0, answer);
            }
            cairn_agent::Output::Changed => {}
        }
    }

    pub(crate) fn request(
        &mut self,
        device: usize,
        request: Request,
    ) -> Result<Reply, cairn_agent::EditError> {
        let seed = self.next + 1;
        let random = (0..4)
            .map(|n| [seed as u8, (seed >> 8) as u8, n, 0, 0, 0, 0, 0, 0, 0])
            .collect();
        self.ask(device, |reply| cairn_agent::Input::Request {
            reply,
            random,
            request,
        })
    }

    /// Hands a device an input that is answered.
    pub(crate) fn ask(
        &mut self,
        device: usize,
        input: impl FnOnce(cairn_agent::ReplyId) -> cairn_agent::Input,
    ) -> Result<Reply, cairn_agent::EditError> {
        self.now = self.now.plus(1);
        let reply = self.fresh();
        let input = input(cairn_agent::ReplyId(reply));
        self.devices[device].handle(self.now, input);
        self.run();
        self.devices[device]
            .replies
            .remove(&reply)
            .expect("the device answered")
    }

    /// The relay's clock comes to `now`.
    pub(crate) fn tick_relay(&mut self, now: Timestamp) {
        self.now = now;
        self.relay.handle(now, cairn_relay::Input::Tick);
        self.run();
    }

    pub(crate) fn type_id(&self, name: &str) -> TypeId {
        self.relay
            .state()
            .definition()
            .type_named(name)
            .expect(name)
            .id
    }

    pub(crate) fn field(&self, record_type: &str, name: &str) -> FieldId {
        let definition = self.relay.state().definition();
        definition
            .type_named(record_type)
            .expect(record_type)
            .field_named(name)
            .expect(name)
            .id
    }

    pub(crate) fn edit(
        &mut self,
        device: usize,
        record: Option<RecordId>,
        record_type: &str,
        kind: RecordEditKind,
    ) -> RecordId {
        let record_type = self.type_id(record_type);
        let edit = RecordEdit {
            record,
            record_type,
            kind,
            base: None,
        };
        match self.request(device, Request::Edit(vec![edit])) {
            Ok(Reply::Logged { records, .. }) => records[0],
            other => panic!("{other:?}"),
        }
    }

    /// Creates an account by name and number.
    pub(crate) fn create_account(&mut self, device: usize, name: &str, number: &str) -> RecordId {
        let fields = vec![
            (
                self.field("account", "name"),
                FieldEdit::Write(Write::Set(Value::Text(name.to_owned()))),
            ),
            (
                self.field("account", "number"),
                FieldEdit::Write(Write::Set(Value::Text(number.to_owned()))),
            ),
        ];
        self.edit(device, None, "account", RecordEditKind::Create(fields))
    }

    /// Writes a text field of an account.
    pub(crate) fn set(&mut self, device: usize, record: RecordId, field: &str, text: &str) {
        let fields = vec![(
            self.field("account", field),
            FieldEdit::Write(Write::Set(Value::Text(text.to_owned()))),
        )];
        self.edit(
            device,
            Some(record),
            "account",
            RecordEditKind::Update(fields),
        );
    }

    /// Resolves the conflict on an account's phone.
    pub(crate) fn resolve_phone(&mut self, device: usize, record: RecordId, phone: &str) {
        let write = FieldEdit::Write(Write::Set(Value::Text(phone.to_owned())));
        let fields = vec![(self.field("account", "phone"), write)];
        self.edit(
            device,
            Some(record),
            "account",
            RecordEditKind::Resolve { fields, keep: None },
        );
    }

    pub(crate) fn shown(&self, device: usize, record: RecordId) -> Option<Record> {
        self.devices[device].agent.record(record).unwrap()
    }

    pub(crate) fn text(&self, device: usize, record: RecordId, field: &str) -> Option<String> {
        let field = self.field("account", field);
        self.shown(device, record)?
            .value(field)
            .map(ToString::to_string)
    }

    /// Asserts that everybody holds what the relay has, and that the relay's
    /// state is what its ledger folds into from the beginning.
    pub(crate) fn assert_agreed(&self) {
        let digest = self.relay.state().digest();
        for (number, device) in self.devices.iter().enumerate() {
            assert_eq!(
                device.agent.digest().unwrap(),
                digest,
                "device {number} differs from the relay"
            );
        }
        let folded = self
            .relay
            .past()
            .as_of(cairn_relay::past::Moment::Version(
                self.relay.state().version(),
            ))
            .unwrap();
        assert_eq!(
            folded.full_digest(),
            self.relay.state().full_digest(),
            "the relay differs from its ledger"
        );
    }
}

/// How many images a message has.
fn images_in(message: &ServerMessage) -> usize {
    match message {
        ServerMessage::Page { page, .. } => page.index.len(),
        ServerMessage::Changes { images, .. } => images.len(),
        _ => 0,
    }
}

fn through_bytes_to_device(message: &ServerMessage) -> ServerMessage {
    let bytes = message.encode();
    assert!(bytes.len() <= cairn_proto::limit::FRAME_BYTES_MAX);
    ServerMessage::decode(&bytes).unwrap()
}

fn through_bytes_to_relay(message: &ClientMessage) -> ClientMessage {
    let bytes = message.encode();
    assert!(bytes.len() <= cairn_proto::limit::FRAME_BYTES_MAX);
    ClientMessage::decode(&bytes).unwrap()
}
