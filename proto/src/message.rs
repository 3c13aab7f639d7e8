//! The messages.
//!
//! A session is one connection. The device begins with [`ClientMessage::Enrol`]
//! when it has a ticket and no place in the ledger yet, and with
//! [`ClientMessage::Hello`] otherwise. After the relay's welcome it uploads,
//! and the relay sends pages (a first download), then changes, then each
//! further change as it is committed.

use cairn_model::codec::{self, DecodeError};
use cairn_model::{
    AuthorId, Definition, DefinitionChange, DeviceId, Hash, OrganizationId, PublicKey, RecordId,
    SettleOutcome, Timestamp, TypeId, Version,
};
use cairn_oplog::bundle::byte_string;
use cairn_oplog::{Checkpoint, LogHead};
use cairn_projection::page::Page;
use cairn_projection::{Code, Issue};
use serde::{Deserialize, Serialize};

/// From a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientMessage {
    /// Asks to be enrolled.
    Enrol {
        /// The ticket's one-time secret.
        secret: [u8; 16],
        /// What people shall call the device.
        name: String,
    },
    /// Begins a session.
    Hello(Hello),
    /// Hands in a sealed bundle.
    Upload(#[serde(with = "byte_string")] Vec<u8>),
    /// Asks for the hashes the relay has of the device's own log.
    LogHashes {
        /// In which generation.
        generation: u32,
        /// From which sequence.
        first: u64,
    },
    /// Asks for the signed operations behind a record.
    History {
        /// Which record.
        record: RecordId,
        /// From which version.
        after: Version,
    },
    /// Hands in the sealed bundle that follows the one last handed in in this
    /// session, in its short form.
    UploadNext(#[serde(with = "byte_string")] Vec<u8>),
    /// Names records that the device holds, as it was asked to.
    Held {
        /// Which.
        records: Vec<RecordId>,
        /// Whether those were all.
        last: bool,
    },
}

/// A time between two starts of a relay. What a device was told in one era
/// holds up to where the ledger stood when the next one began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Era(pub [u8; 16]);

/// Where a device stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The organization it was enrolled in.
    pub organization: OrganizationId,
    /// Every change up to this version is incorporated in the records it
    /// holds; 0 before the first record came.
    pub cursor: Version,
    /// The records it holds.
    pub held: HeldDigest,
    /// What they lack, by type, where they lack something.
    pub views: Vec<View>,
    /// The version of the directory it holds.
    pub directory: Version,
    /// Issues changed up to this version are known.
    pub issues: Version,
    /// The era of its last welcome.
    pub era: Option<Era>,
    /// It holds nothing of the ledger that is newer than this.
    pub told: Version,
    /// The types whose changes come in intervals, and how far each has come.
    pub lags: Vec<Lag>,
    /// The generation of its log.
    pub generation: u32,
    /// Own operations up to here in that log are in the records it holds.
    pub incorporated: u64,
    /// What it wants of this session.
    pub wish: Wish,
}

/// What a device wants of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// What is due: what comes live, and the rest in its intervals.
    Due,
    /// Everything now, whatever its interval.
    Everything,
    /// Nothing but to hand in its work.
    HandIn,
}

/// How far a device has come with the records of a type whose changes come in
/// intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lag {
    /// The type.
    pub record_type: TypeId,
    /// Every change of its records up to here is in those that the device
    /// holds.
    pub through: Version,
    /// When that was so, by the relay's clock.
    pub at: Timestamp,
}

/// Which records a device holds, in short: how many, and the sum of their ids,
/// mixed. Two sets with the same digest are taken for the same; a device that
/// made up a digest would only mislead itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HeldDigest {
    /// How many.
    pub count: u64,
    /// The sum.
    pub sum: u64,
}

impl HeldDigest {
    /// With a record that was not in it.
    pub fn add(&mut self, record: RecordId) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed(record));
    }

    /// Without a record that was in it.
    pub fn remove(&mut self, record: RecordId) {
        self.count -= 1;
        self.sum = self.sum.wrapping_sub(mixed(record));
    }
}

impl FromIterator<RecordId> for HeldDigest {
    fn from_iter<I: IntoIterator<Item = RecordId>>(records: I) -> HeldDigest {
        let mut digest = HeldDigest::default();
        for record in records {
            digest.add(record);
        }
        digest
    }
}

/// The finalizer of splitmix64 (Steele, Lea and Flood 2014) over both halves
/// of the id.
fn mixed(record: RecordId) -> u64 {
    let id = u128::from_be_bytes(record.0);
    let mut z = (id as u64) ^ ((id >> 64) as u64).rotate_left(32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From the relay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerMessage {
    /// The device is enrolled.
    Enrolled {
        /// In this organization.
        organization: OrganizationId,
        /// Bound to this user.
        user: String,
    },
    /// The session begins.
    Welcome(Welcome),
    /// The session ends, for this reason.
    Refused(Refusal),
    /// What of the definition and the devices is new.
    Directory(DirectoryPart),
    /// A bundle is in the ledger, durably.
    Ack(Ack),
    /// Records that the device shall hold from now on, whole.
    Page {
        /// The most useful first.
        page: Page,
        /// Every change up to here is in all that was sent so far, or will
        /// still be told: the cursor of a device that had none.
        began: Version,
    },
    /// What changed.
    Changes {
        /// Images, whole or partial, oldest change first.
        images: Vec<ImageBytes>,
        /// Records that the device shall not hold any more.
        leaves: Vec<Leave>,
        /// What records of these types lack from now on: all that are held
        /// were sent anew.
        views: Vec<View>,
        /// New or changed issues of the device's user.
        issues: Vec<Issue>,
        /// The types whose changes come in intervals from now on, all of
        /// them; nothing when they are as they were.
        lags: Option<Vec<Lag>>,
        /// Every change up to here has been sent, but for those of types whose
        /// changes come in intervals.
        through: Version,
        /// Whether the device now has everything.
        last: bool,
    },
    /// The hashes asked for; fewer than asked when the log ends.
    LogHashes {
        /// In this generation.
        generation: u32,
        /// From this sequence.
        first: u64,
        /// One per operation.
        hashes: Vec<Hash>,
    },
    /// The signed operations behind a record.
    History {
        /// Which record.
        record: RecordId,
        /// In ledger order.
        entries: Vec<HistoryEntry>,
        /// Whether that was all.
        last: bool,
    },
    /// Asks which records the device holds: the relay does not know, or
    /// thinks otherwise.
    TellHeld,
}

/// A record that a device shall not hold any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// Which.
    pub record: RecordId,
    /// Why.
    pub reason: LeaveReason,
}

/// Why a device shall not hold a record any more. Says nothing of what is in
/// the record: its reader may have lost the right to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaveReason {
    /// The stable code, for programs: `profile.filter`.
    pub code: String,
    /// A sentence, for the person at the device.
    pub words: String,
    /// Since when it has been so, where that is known.
    pub since: Option<Timestamp>,
    /// Whether the user may still read the record, so that it can stay until
    /// work on it is settled.
    pub readable: bool,
}

/// What a device does not get of records of a type, in short: a number that
/// the relay makes of the fields left out; 0 when none is.
pub type View = (TypeId, u64);

/// An encoded image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageBytes(#[serde(with = "byte_string")] pub Vec<u8>);

/// How the relay knows the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The relay's clock.
    pub now: Timestamp,
    /// The last committed operation.
    pub version: Version,
    /// The generation of the device's log that the ledger has.
    pub generation: u32,
    /// Where that log ends in the ledger.
    pub head: LogHead,
    /// Whether the device was revoked: it may hand in its unsent work, and is
    /// sent nothing.
    pub revoked: bool,
    /// The relay's signed word for its ledger.
    pub checkpoint: Checkpoint,
    /// The era that begins or goes on with this session.
    pub era: Era,
    /// Up to here the ledger is the one that the device was told of before.
    pub shared: Version,
}

/// Why the relay ends a session. Whose fault it is and what to do is in
/// [`Refusal::words`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The key is not enrolled.
    NotEnrolled,
    /// The device asked for another organization.
    OtherOrganization,
    /// The ticket is unknown or was used.
    TicketInvalid,
    /// The ticket has expired.
    TicketExpired,
    /// The message is not allowed here.
    OutOfOrder,
    /// A bundle does not verify.
    BundleInvalid,
    /// A bundle does not continue the log the relay has.
    BundleGap,
    /// The device has more unacknowledged bundles than it may.
    TooMuchInFlight,
    /// The device was revoked while it was connected.
    Revoked,
    /// A revoked device has handed in all it may.
    RevokedLimit,
    /// The relay cannot write: its disk is full or damaged.
    RelayFailed,
    /// The device claims to have more of the ledger than there is: the relay
    /// was restored from an old backup.
    AheadOfLedger,
    /// The device was told what is not in this ledger: the relay was restored
    /// from an old backup, and others have written since.
    OtherLedger,
}

impl Refusal {
    /// Whether trying again is of no use until a person has done something.
    pub fn needs_person(self) -> bool {
        match self {
            Refusal::NotEnrolled
            | Refusal::OtherOrganization
            | Refusal::AheadOfLedger
            | Refusal::OtherLedger => true,
            Refusal::TicketInvalid
            | Refusal::TicketExpired
            | Refusal::OutOfOrder
            | Refusal::BundleInvalid
            | Refusal::BundleGap
            | Refusal::TooMuchInFlight
            | Refusal::Revoked
            | Refusal::RevokedLimit
            | Refusal::RelayFailed => false,
        }
    }

    /// The reason and what to do, for the person at the device.
    pub fn words(self) -> &'static str {
        match self {
            Refusal::NotEnrolled => {
                "This device is not enrolled at the relay. Ask your administrator for a ticket and enrol it."
            }
            Refusal::OtherOrganization => {
                "The relay serves another organization than the one this device belongs to. Check the address."
            }
            Refusal::TicketInvalid => {
                "The ticket was used already, or the relay never issued it. Ask your administrator for a new one."
            }
            Refusal::TicketExpired => {
                "The ticket has expired. Ask your administrator for a new one."
            }
            Refusal::OutOfOrder => {
                "The relay did not expect this message. Update the program on this device."
            }
            Refusal::BundleInvalid => {
                "The relay could not verify a change from this device. Check the device's storage with `cairn log verify`."
            }
            Refusal::BundleGap => {
                "A change from this device does not continue its log at the relay. Sync again; nothing is lost."
            }
            Refusal::TooMuchInFlight => {
                "This device sent faster than it may. Update the program on this device."
            }
            Refusal::Revoked => {
                "This device was revoked. What it has not sent yet is handed in when it connects again; it is sent nothing any more."
            }
            Refusal::RevokedLimit => {
                "This device was revoked and has handed in as much as it may at a time. Sync again to hand in more, or export the rest with `cairn log export`."
            }
            Refusal::RelayFailed => {
                "The relay cannot write to its disk. Nothing is lost on this device; tell your administrator."
            }
            Refusal::AheadOfLedger => {
                "The relay knows less than this device: it was restored from an old backup. Tell your administrator, who may have a newer one; nothing is lost on this device. If there is none, `cairn device start-over` takes over what the relay has, and sends what you wrote again."
            }
            Refusal::OtherLedger => {
                "The relay was restored from an old backup and others have written since, so that it and this device remember different things. Tell your administrator; nothing is lost on this device. `cairn device start-over` takes over what the relay has, and sends what you wrote again."
            }
        }
    }
}

/// Definition and devices as of a version, as a device holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// The newest version that changed it.
    pub version: Version,
    /// The definition in force.
    pub definition: Definition,
    /// Devices by order of enrolment.
    pub devices: Vec<DirectoryDevice>,
}

impl Directory {
    /// A directory in which nothing is.
    pub fn empty() -> Directory {
        Directory {
            version: Version(0),
            definition: Definition::default(),
            devices: Vec::new(),
        }
    }

    /// The author number of a device.
    pub fn author(&self, device: &DeviceId) -> Option<AuthorId> {
        let at = self
            .devices
            .iter()
            .position(|known| known.key.device() == *device)?;
        Some(AuthorId(at as u32))
    }

    /// A device by its author number.
    pub fn device(&self, author: AuthorId) -> Option<&DirectoryDevice> {
        self.devices.get(author.0 as usize)
    }
}

/// A part of what a directory has that an older one has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryPart {
    /// The newest version that changed the directory; the same in all parts.
    pub version: Version,
    /// The number of the definition in force, if the changes of this and the
    /// following parts make it from nothing. The same in all parts.
    pub definition: Option<u32>,
    /// Its changes, continued from the part before.
    pub changes: Vec<DefinitionChange>,
    /// Devices that are new or were revoked, by author number.
    pub devices: Vec<(AuthorId, DirectoryDevice)>,
    /// Whether the directory is whole with this part.
    pub last: bool,
}

/// A device as the others know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryDevice {
    /// Its key: the others verify its operations with it.
    pub key: PublicKey,
    /// Its user.
    pub user: String,
    /// What people call it.
    pub name: String,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// Operations in the ledger: those up to `through` of the device's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The last sequence of the acknowledged bundle.
    pub through: u64,
    /// The version of that operation; the bundle's others come right before.
    pub version: Version,
    /// Operations of the bundle that were rejected: distance back from
    /// `through`, and why.
    pub rejected: Vec<(u16, Code)>,
    /// Set when the device's images with these operations on top are the
    /// relay's, so that the relay sends no images for them. The device's
    /// cursor moves to `version`.
    pub incorporated: Option<Incorporated>,
}

/// When a device may make the images of its own operations itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incorporated {
    /// When the relay received the bundle, in milliseconds after the last
    /// operation's own time.
    pub received_after: i64,
    /// Pages and changes that the relay had sent in this session: the device
    /// takes as many before it makes the images. Acknowledgements overtake
    /// them.
    pub messages: u64,
}

/// A bundle behind a record, with what the reader may see of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Its place in the ledger.
    pub position: u64,
    /// When the relay received it.
    pub received: Timestamp,
    /// The version of its first operation.
    pub first_version: Version,
    /// The bundle, other operations reduced to their hashes.
    #[serde(with = "byte_string")]
    pub bundle: Vec<u8>,
    /// Verdicts of the operations shown: version, and why if rejected.
    pub verdicts: Vec<(Version, Option<Code>)>,
    /// How the author settled a rejection, where they did.
    pub settled: Option<SettleOutcome>,
}

impl ClientMessage {
    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<ClientMessage, DecodeError> {
        codec::decode("message from a device", bytes)
    }
}

impl ServerMessage {
    /// The message as bytes.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// Reads a message.
    pub fn decode(bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
        codec::decode("message from a relay", bytes)
    }
}
