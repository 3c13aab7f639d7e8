//! What happened, event by event, and a hash over all of it: two runs of one
//! seed are the same exactly if their hashes are.

use crate::host::Host;
use crate::time::VirtualTime;
use cairn_model::{FieldId, Hash, LogId, RecordId, TypeId, Version, codec};
use cairn_oplog::Parsed;
use cairn_proto::{ClientMessage, ServerMessage};
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: VirtualTime,
    /// To whom; `None` is the world.
    pub host: Option<Host>,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The chaos ends: from here on the core is healed and must agree.
    Healed {
        /// The devices that must agree with the relay.
        core: Vec<u32>,
    },
    /// The run ends.
    Ended,
    /// An entry of the schedule came, by its place in it.
    Scheduled {
        /// Its place.
        entry: u32,
    },
    /// An entry could not be done, and why.
    Skipped {
        /// Its place.
        entry: u32,
        /// Why.
        why: String,
    },
    /// A person asked for something.
    Requested {
        /// The request's number in the run.
        request: u64,
        /// Records it is to touch.
        records: Vec<RecordId>,
    },
    /// The person was told that it is done and safe on the device.
    Acknowledged {
        /// The request's number.
        request: u64,
        /// The log it stands in.
        log: LogId,
        /// Its place there.
        sequence: u64,
    },
    /// The person was told that it is not done.
    Declined {
        /// The request's number.
        request: u64,
        /// The reason.
        words: String,
    },
    /// An administrator asked for something.
    AdminAsked {
        /// The request's number in the run.
        request: u64,
        /// What, in a word.
        what: String,
    },
    /// The administrator was answered.
    AdminAnswered {
        /// The request's number.
        request: u64,
        /// Verdicts' count, or the reason.
        answer: Result<u32, String>,
    },
    /// A message left.
    Sent {
        /// The session.
        session: u64,
        /// What it says.
        message: Message,
        /// How large it is.
        bytes: u32,
    },
    /// What the message that leaves next tells of records, where people see
    /// different parts.
    Disclosed {
        /// The session.
        session: u64,
        /// Whether it is what was done to a record, and not what it holds.
        history: bool,
        /// The records.
        records: Vec<Disclosed>,
    },
    /// A message arrived and is handed to the machine.
    Received {
        /// The session.
        session: u64,
        /// What it says.
        message: Message,
        /// How large it is.
        bytes: u32,
    },
    /// A message was corrupted on the way: its session ends.
    Corrupted {
        /// The session.
        session: u64,
    },
    /// The device's dial did not succeed.
    DialFailed,
    /// A session began, seen by this host.
    Connected {
        /// The session.
        session: u64,
    },
    /// A session ended, seen by this host.
    Disconnected {
        /// The session.
        session: u64,
    },
    /// A batch went to storage.
    Persisting {
        /// Its number.
        batch: u64,
        /// Its changes.
        changes: u32,
        /// Whether it must last.
        synced: bool,
    },
    /// It is as durable as it should be, and the machine is told.
    Persisted {
        /// Its number.
        batch: u64,
    },
    /// It could not be stored.
    PersistFailed {
        /// Its number.
        batch: u64,
        /// Why.
        words: String,
    },
    /// A machine started.
    Started,
    /// A machine could not start, and why.
    NotStarted {
        /// Why.
        words: String,
    },
    /// A machine crashed; batches written behind that were lost with it.
    Crashed {
        /// How many.
        lost: u32,
    },
    /// A machine stopped in order.
    Stopped,
    /// A machine does not run for a while.
    Paused,
    /// It runs again.
    Resumed,
    /// A link was blocked or freed.
    Link {
        /// Whether anything passes up.
        up: bool,
        /// Whether anything passes down.
        down: bool,
    },
    /// A clock was set, or set right.
    Clock {
        /// How far it is off now, in milliseconds.
        off: i64,
    },
    /// Storage went wrong, or was set right, in words.
    Disk {
        /// How.
        words: String,
    },
    /// What was stored is what it was earlier.
    Restored {
        /// When it was copied aside.
        from: VirtualTime,
    },
    /// All that was stored is gone.
    Wiped,
    /// A person gives up what the device has from the relay.
    StartedOver,
    /// A copy of a device begins.
    Cloned {
        /// Of which.
        of: u32,
    },
    /// Somebody misused a device's key, in words.
    Hostile {
        /// How.
        words: String,
    },
    /// A device's program does not fit the relay's, or was updated, in words.
    Program {
        /// How.
        words: String,
    },
    /// The relay put on another face for this device, in words.
    Face {
        /// How.
        words: String,
    },
    /// The relay's state moved on.
    Folded {
        /// To this version.
        version: Version,
    },
    /// A device has everything up to a version.
    CaughtUp {
        /// Which.
        cursor: Version,
    },
    /// A device and the relay stand at the same version: what each holds.
    Compared {
        /// The version.
        version: Version,
        /// The device's digest.
        device: Hash,
        /// The relay's.
        relay: Hash,
    },
    /// The path between a device and the relay is another, in words.
    Path {
        /// How.
        words: String,
    },
}

/// What is told of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosed {
    /// Which.
    pub record: RecordId,
    /// Its type.
    pub record_type: TypeId,
    /// The fields whose values, or writes, are told.
    pub fields: Vec<FieldId>,
}

/// What a message says, as far as checkers and readers care.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A device asks to be enrolled.
    Enrol,
    /// A device begins.
    Hello {
        /// It has everything up to here.
        cursor: Version,
    },
    /// A bundle, whole.
    Upload {
        /// Of this log.
        log: LogId,
        /// From here.
        first: u64,
        /// To here.
        last: u64,
    },
    /// The bundle after the last.
    UploadNext,
    /// A question about a log.
    AskLogHashes,
    /// A question about a record.
    AskHistory,
    /// The relay's answer to an enrolment.
    Enrolled,
    /// The relay's greeting.
    Welcome {
        /// Where the ledger ends.
        version: Version,
        /// The generation of the device's log it has.
        generation: u32,
        /// The last sequence of it.
        sequence: u64,
        /// Whether the device is revoked.
        revoked: bool,
    },
    /// The relay ends the session, in words.
    Refused {
        /// Why.
        refusal: String,
    },
    /// Definition and devices.
    Directory {
        /// As of.
        version: Version,
    },
    /// Operations are in the ledger.
    Ack {
        /// Up to this sequence.
        through: u64,
        /// At this version.
        version: Version,
        /// So many were rejected.
        rejected: u32,
        /// Whether the device's own images with them are the relay's.
        incorporated: bool,
    },
    /// Records that enter.
    Page {
        /// So many records.
        records: u32,
        /// Where it began.
        began: Version,
    },
    /// What changed.
    Changes {
        /// Images.
        images: u32,
        /// Records that leave.
        leaves: u32,
        /// Issues.
        issues: u32,
        /// Up to here.
        through: Version,
        /// Whether that is all.
        last: bool,
    },
    /// What does the device hold?
    TellHeld,
    /// These.
    Held {
        /// So many.
        records: u32,
    },
    /// An answer about a log.
    LogHashes,
    /// An answer about a record.
    History,
    /// What could not be read.
    Noise,
}

impl Message {
    /// Of a device's message.
    pub fn of_client(message: &ClientMessage) -> Message {
        match message {
            ClientMessage::Enrol { .. } => Message::Enrol,
            ClientMessage::Hello(hello) => Message::Hello {
                cursor: hello.cursor,
            },
            ClientMessage::Upload(bytes) => match Parsed::parse(bytes.as_slice()) {
                Ok(bundle) => Message::Upload {
                    log: bundle.log(),
                    first: bundle.first(),
                    last: bundle.last(),
                },
                Err(_) => Message::Noise,
            },
            ClientMessage::UploadNext(_) => Message::UploadNext,
            ClientMessage::LogHashes { .. } => Message::AskLogHashes,
            ClientMessage::History { .. } => Message::AskHistory,
            ClientMessage::Held { records, .. } => Message::Held {
                records: records.len() as u32,
            },
        }
    }

    /// Of the relay's message.
    pub fn of_server(message: &ServerMessage) -> Message {
        match message {
            ServerMessage::Enrolled { .. } => Message::Enrolled,
            ServerMessage::Welcome(welcome) => Message::Welcome {
                version: welcome.version,
                generation: welcome.generation,
                sequence: welcome.head.sequence,
                revoked: welcome.revoked,
            },
            ServerMessage::Refused(refusal) => Message::Refused {
                refusal: format!("{refusal:?}"),
            },
            ServerMessage::Directory(directory) => Message::Directory {
                version: directory.version,
            },
            ServerMessage::Ack(ack) => Message::Ack {
                through: ack.through,
                version: ack.version,
                rejected: ack.rejected.len() as u32,
                incorporated: ack.incorporated.is_some(),
            },
            ServerMessage::Page { page, began } => Message::Page {
                records: page.index.len() as u32,
                began: *began,
            },
            ServerMessage::Changes {
                images,
                leaves,
                issues,
                through,
                last,
                views: _,
                lags: _,
            } => Message::Changes {
                images: images.len() as u32,
                leaves: leaves.len() as u32,
                issues: issues.len() as u32,
                through: *through,
                last: *last,
            },
            ServerMessage::LogHashes { .. } => Message::LogHashes,
            ServerMessage::History { .. } => Message::History,
            ServerMessage::TellHeld => Message::TellHeld,
        }
    }
}

/// The events of a run and the hash over them.
#[derive(Debug, Clone)]
pub struct Trace {
    kept: Option<Vec<Event>>,
    hasher: blake3::Hasher,
    /// Events as bytes that are not hashed yet.
    unhashed: Vec<u8>,
    count: u64,
}

/// Bytes that are hashed together: many at once take a fraction of the time.
const HASHED_TOGETHER: usize = 64 * 1024;

impl Trace {
    /// An empty one, which keeps its events or only hashes them.
    pub fn new(keep: bool) -> Trace {
        Trace {
            kept: keep.then(Vec::new),
            hasher: blake3::Hasher::new(),
            unhashed: Vec::with_capacity(HASHED_TOGETHER),
            count: 0,
        }
    }

    /// Takes note of an event.
    pub fn note(&mut self, event: &Event) {
        self.count += 1;
        codec::encode_onto(event, &mut self.unhashed);
        if self.unhashed.len() >= HASHED_TOGETHER {
            self.hasher.update(&self.unhashed);
            self.unhashed.clear();
        }
        if let Some(kept) = &mut self.kept {
            kept.push(event.clone());
        }
    }

    /// The events, if they are kept.
    pub fn events(&self) -> &[Event] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash over all of them.
    pub fn hash(&self) -> Hash {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.unhashed);
        Hash(*hasher.finalize().as_bytes())
    }
}
