//! A client that speaks the protocol by hand, and need not keep to it.

use crate::world::{ORGANIZATION, RELAY_SEED, World, within};
use cairn_model::{
    Action, Change, LogId, Mutation, Operation, RecordId, Timestamp, Value, Version, Write, codec,
};
use cairn_net::{DialLimits, Dialer, Event, Lane, Received, Session, SessionEnd, SessionId};
use cairn_oplog::bundle::seal;
use cairn_oplog::{LogHead, SecretKey, Verified};
use cairn_proto::{Ack, ClientMessage, Hello, Refusal, ServerMessage, Welcome};
use std::collections::BTreeSet;
use tokio::sync::mpsc;

/// Frames from the relay that wait until they are asked for; no more are read.
const INBOX_FRAMES: usize = 1;

/// One session with the relay.
pub(crate) struct Raw {
    pub(crate) session: Session,
    inbox: mpsc::Receiver<Received>,
}

/// A dialler for the device of a secret, towards the world's relay.
pub(crate) fn dialer(secret: &SecretKey) -> Dialer {
    let relay = SecretKey::from_seed(&RELAY_SEED).public();
    Dialer::new(&secret.seed(), relay.0, DialLimits::default())
}

impl Raw {
    /// Connects and says nothing.
    pub(crate) async fn connect(world: &World, secret: &SecretKey) -> Raw {
        Raw::redial(world, &dialer(secret)).await
    }

    /// Connects with a dialler that may have been connected before.
    pub(crate) async fn redial(world: &World, dialer: &Dialer) -> Raw {
        let (events, inbox) = mpsc::channel(INBOX_FRAMES);
        let address = world.address().to_string();
        let session = within(dialer.dial(&address, SessionId(1), events)).await;
        Raw {
            session: session.unwrap(),
            inbox,
        }
    }

    /// Connects and says hello as a device that has everything up to `cursor`.
    pub(crate) async fn hello(world: &World, secret: &SecretKey, cursor: Version) -> Raw {
        let mut raw = Raw::connect(world, secret).await;
        raw.send(&hello(cursor, &BTreeSet::new())).await;
        raw.welcome().await;
        raw
    }

    pub(crate) async fn send(&self, message: &ClientMessage) {
        self.send_bytes(message.encode()).await;
    }

    pub(crate) async fn send_bytes(&self, bytes: Vec<u8>) {
        let outbox = self.session.outbox(Lane::Control);
        within(outbox.send(bytes)).await.unwrap();
    }

    pub(crate) async fn upload(&self, bundle: &Verified) {
        self.send(&ClientMessage::Upload(bundle.bytes().to_vec()))
            .await;
    }

    /// The next message, or how the session ended.
    pub(crate) async fn next(&mut self) -> Result<ServerMessage, SessionEnd> {
        match within(self.inbox.recv())
            .await
            .expect("an end comes first")
            .event
        {
            Event::Frame { bytes, .. } => Ok(ServerMessage::decode(&bytes).unwrap()),
            Event::Ended(end) => Err(end),
        }
    }

    pub(crate) async fn welcome(&mut self) -> Welcome {
        loop {
            if let ServerMessage::Welcome(welcome) = self.next().await.unwrap() {
                return welcome;
            }
        }
    }

    pub(crate) async fn ack(&mut self) -> Ack {
        loop {
            if let ServerMessage::Ack(ack) = self.next().await.unwrap() {
                return ack;
            }
        }
    }

    pub(crate) async fn refusal(&mut self) -> Refusal {
        loop {
            if let ServerMessage::Refused(refusal) = self.next().await.unwrap() {
                return refusal;
            }
        }
    }

    /// How the session ends, whatever is said before.
    pub(crate) async fn end(&mut self) -> SessionEnd {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }
}

pub(crate) fn hello(cursor: Version, held: &BTreeSet<RecordId>) -> ClientMessage {
    ClientMessage::Hello(Hello {
        organization: ORGANIZATION,
        cursor,
        held: held.iter().copied().collect(),
        views: Vec::new(),
        directory: Version(0),
        issues: cursor,
        era: None,
        told: cursor,
        lags: Vec::new(),
        generation: 0,
        incorporated: 0,
        wish: cairn_proto::Wish::Due,
    })
}

/// A log that its owner writes as it likes.
pub(crate) struct RawLog {
    pub(crate) secret: SecretKey,
    pub(crate) head: LogHead,
}

impl RawLog {
    pub(crate) fn new(secret: &SecretKey) -> RawLog {
        let log = log_of(secret);
        RawLog {
            secret: secret.clone(),
            head: LogHead::genesis(&ORGANIZATION, &log),
        }
    }

    /// Seals operations behind the head and moves it on.
    pub(crate) fn append(&mut self, operations: Vec<Vec<u8>>) -> Verified {
        let bundle = self.beside(operations);
        self.head = bundle.head();
        bundle
    }

    /// Seals operations behind the head and leaves it.
    pub(crate) fn beside(&self, operations: Vec<Vec<u8>>) -> Verified {
        let log = log_of(&self.secret);
        seal(&ORGANIZATION, log, &self.head, operations, &self.secret)
    }
}

fn log_of(secret: &SecretKey) -> LogId {
    LogId {
        device: secret.public().device(),
        generation: 0,
    }
}

/// An operation that creates an account of this number.
pub(crate) async fn creates_account(world: &World, number: &str) -> (RecordId, Vec<u8>) {
    let number = number.to_owned();
    let look = move |relay: &cairn_relay::Relay| {
        let definition = relay.state().definition();
        let account = definition.type_named("account").unwrap();
        let set = |field: &str, text: &str| {
            let id = account.field_named(field).unwrap().id;
            (id, Write::Set(Value::Text(text.to_owned())))
        };
        let record = RecordId::derive(b"raw", &number);
        let mutation = Mutation {
            record,
            record_type: account.id,
            base: Version(0),
            change: Change::Create(vec![set("name", "By hand"), set("number", &number)]),
        };
        let operation = Operation {
            time: cairn_model::HybridTime::new(Timestamp(1_700_000_000_000), 0),
            definition: definition.number,
            action: Action::Edit(vec![mutation]),
        };
        (record, codec::encode(&operation))
    };
    world.look(look).await
}
