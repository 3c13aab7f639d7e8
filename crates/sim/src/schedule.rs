//! What happens in a run, as data: a person's edits, an administrator's acts,
//! reach and faults, each at its time. Entries can be taken out or simplified
//! and the rest still runs, which is what shrinking does.

use crate::host::Host;
use crate::time::VirtualTime;
use serde::{Deserialize, Serialize};

/// The entries of a run, in the order of their times.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schedule {
    /// In order.
    pub entries: Vec<Entry>,
}

/// Something that happens at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: VirtualTime,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Action {
    /// A person edits records, as one operation.
    Edit {
        /// On which device.
        device: u32,
        /// The records.
        edits: Vec<Edit>,
    },
    /// A person resolves a conflict they see.
    Resolve {
        /// On which device.
        device: u32,
        /// Which of the conflicts shown, counted round.
        pick: u32,
        /// Which of the candidates wins, counted round.
        choose: u32,
    },
    /// A person answers an issue they see.
    Settle {
        /// On which device.
        device: u32,
        /// Which of the open issues, counted round.
        pick: u32,
        /// Done again on a fresh base, or given up.
        resubmit: bool,
    },
    /// A person asks what was done to a record.
    LookBack {
        /// On which device.
        device: u32,
        /// The record, by its number in the run.
        record: u32,
    },
    /// A device comes within reach of the relay and wants to talk.
    Online {
        /// Which.
        device: u32,
    },
    /// A device goes out of reach: the session ends without a goodbye.
    Offline {
        /// Which.
        device: u32,
    },
    /// A person ends the talk in order.
    HangUp {
        /// On which device.
        device: u32,
    },
    /// An administrator enrols a device.
    Enrol {
        /// Which.
        device: u32,
    },
    /// An administrator revokes a device.
    Revoke {
        /// Which.
        device: u32,
    },
    /// An administrator publishes a changed definition.
    Publish {
        /// The change.
        change: DefinitionStep,
    },
    /// An administrator edits records in the relay's own name.
    Import {
        /// The records, one operation each.
        edits: Vec<Edit>,
    },
    /// The relay has been quiet for a while: it writes a checkpoint when one is
    /// due.
    Checkpoint,
    /// Something goes wrong.
    Fault {
        /// What.
        fault: Fault,
    },
}

/// One record edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The record, by its number in the run.
    pub record: u32,
    /// Its type, by name.
    #[serde(rename = "type")]
    pub record_type: String,
    /// What happens to it.
    pub kind: EditKind,
    /// Fields by name, and what is written to them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, FieldWrite)>,
    /// Versions by which the base is older than what the device has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<u64>,
}

/// What happens to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EditKind {
    /// It is created.
    Create,
    /// It is changed.
    Update,
    /// It is deleted.
    Delete,
    /// It is restored.
    Restore,
    /// It is followed.
    Follow,
    /// It is no longer followed.
    Unfollow,
}

/// What is written to a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldWrite {
    /// A register takes a value.
    Set(serde_json::Value),
    /// A lookup takes a record, by its number in the run.
    Point(u32),
    /// A register becomes empty.
    Clear,
    /// A counter moves.
    Add(i64),
    /// A set gains and loses elements.
    Change {
        /// Gained.
        add: Vec<String>,
        /// Lost.
        remove: Vec<String>,
    },
    /// A lookup takes the record of a user or a team, by its name.
    Party(String),
    /// A set of lookups gains and loses users and teams.
    Share {
        /// Gained.
        add: Vec<String>,
        /// Lost.
        remove: Vec<String>,
    },
    /// A rich text or JSON document shall read like this.
    Document(serde_json::Value),
}

/// A change of the organization definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "step")]
pub enum DefinitionStep {
    /// A policy is set: of the organization, of a record type, or of a field.
    Policy {
        /// The record type, by name.
        #[serde(default, rename = "type")]
        record_type: Option<String>,
        /// The field, by name.
        #[serde(default)]
        field: Option<String>,
        /// The policy's id.
        policy: String,
    },
    /// What counts as one thing changes: `field` or `record`.
    Granularity {
        /// Which.
        granularity: String,
    },
    /// A field is added.
    AddField {
        /// The record type, by name.
        #[serde(rename = "type")]
        record_type: String,
        /// The field's name.
        field: String,
        /// The kind's name.
        kind: String,
    },
    /// A field is retired, or comes back.
    RetireField {
        /// The record type, by name.
        #[serde(rename = "type")]
        record_type: String,
        /// The field's name.
        field: String,
        /// Retired, or back in use.
        retired: bool,
    },
    /// A field must, or need not, have a value.
    Require {
        /// The record type, by name.
        #[serde(rename = "type")]
        record_type: String,
        /// The field's name.
        field: String,
        /// Whether it must.
        required: bool,
    },
    /// A user may edit, or only read.
    Access {
        /// The user's number.
        user: u32,
        /// Whether they may edit.
        edit: bool,
    },
    /// A user is given a role, or loses it.
    Role {
        /// The user's number.
        user: u32,
        /// The role's name.
        role: String,
        /// Whether they have it.
        held: bool,
    },
    /// A user comes into a team, or leaves it.
    Member {
        /// The user's number.
        user: u32,
        /// The team's name.
        team: String,
        /// Whether they are in it.
        member: bool,
    },
    /// A user moves to another business unit.
    Unit {
        /// The user's number.
        user: u32,
        /// The unit's name.
        unit: String,
    },
    /// A user is removed, or comes back with nothing but the name.
    User {
        /// The user's number.
        user: u32,
        /// Whether there is such a user.
        there: bool,
    },
    /// A right of a role on jobs reaches further, or less far.
    Depth {
        /// The role's name.
        role: String,
        /// The right's name.
        right: String,
        /// The depth's name.
        depth: String,
    },
    /// A field is secured, or no longer.
    Secure {
        /// The record type, by name.
        #[serde(rename = "type")]
        record_type: String,
        /// The field's name.
        field: String,
        /// Whether it is.
        secured: bool,
    },
    /// A user may read what is secured, or no longer.
    Trust {
        /// The user's number.
        user: u32,
        /// Whether they may.
        trusted: bool,
    },
    /// A profile lets in other jobs than before.
    Filter {
        /// The profile's name.
        profile: String,
        /// The filter's name.
        filter: String,
    },
    /// A profile has other columns of jobs.
    Columns {
        /// The profile's name.
        profile: String,
        /// Fields by name; all when there is none.
        fields: Vec<String>,
    },
    /// A user comes into a profile, or leaves it.
    Profile {
        /// The user's number.
        user: u32,
        /// The profile's name.
        profile: String,
        /// Whether they are in it.
        member: bool,
    },
    /// A record type is held offline, or no longer.
    Offline {
        /// The record type, by name.
        #[serde(rename = "type")]
        record_type: String,
        /// Whether it is.
        offline: bool,
    },
}

/// One way of a link, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the device to the relay.
    Up,
    /// From the relay to the device.
    Down,
    /// Both.
    Both,
}

/// Something that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "fault")]
pub enum Fault {
    /// The power goes, and comes back later.
    Crash {
        /// Of whom.
        host: Host,
        /// After so many more outputs of its machine; at once if `None`.
        after_outputs: Option<u32>,
        /// How long until it starts again, in microseconds.
        down: u64,
    },
    /// An orderly stop and a start.
    Stop {
        /// Of whom.
        host: Host,
        /// How long until it starts again, in microseconds.
        down: u64,
    },
    /// The machine does not run for a while, and does not notice.
    Pause {
        /// Whose.
        host: Host,
        /// How long, in microseconds.
        lasts: u64,
    },
    /// Nothing passes on a link in a direction.
    Block {
        /// Whose link.
        device: u32,
        /// Which way.
        direction: Direction,
        /// How long, in microseconds.
        lasts: u64,
    },
    /// The session ends for both, what was under way is gone.
    Cut {
        /// Whose.
        device: u32,
    },
    /// Messages take longer.
    Slow {
        /// Whose.
        device: u32,
        /// So many times as long.
        factor: u32,
        /// How long, in microseconds.
        lasts: u64,
    },
    /// The next message in a direction is corrupted.
    Corrupt {
        /// Whose.
        device: u32,
        /// Which way.
        direction: Direction,
    },
    /// The session ends after the next upload arrives and before it is
    /// answered, so that it comes again.
    Duplicate {
        /// Whose.
        device: u32,
    },
    /// The path to the relay carries other packets than before: larger ones are
    /// lost without a word.
    Mtu {
        /// Whose.
        device: u32,
        /// The largest packet, in bytes.
        bytes: u32,
        /// How long, in microseconds.
        lasts: u64,
    },
    /// What a device sends comes from another address from now on; nobody is
    /// told.
    Address {
        /// Whose.
        device: u32,
        /// Which part of it is another.
        change: AddressChange,
    },
    /// Storage misbehaves.
    Disk {
        /// Whose.
        host: Host,
        /// How.
        disk: DiskFault,
    },
    /// What is stored is copied aside.
    Backup {
        /// Whose.
        host: Host,
    },
    /// The copy set aside last takes the place of what is stored; without one,
    /// nothing happens.
    Restore {
        /// Whose.
        host: Host,
    },
    /// All that is stored is gone; the key is kept.
    Wipe {
        /// Whose.
        device: u32,
    },
    /// A second device begins with a copy of what this one has stored, its key
    /// included.
    Clone {
        /// Of which.
        device: u32,
    },
    /// A clock goes wrong.
    Clock {
        /// Whose.
        host: Host,
        /// How.
        clock: ClockFault,
    },
    /// Somebody who has a device's key misuses it.
    Hostile {
        /// Whose key.
        device: u32,
        /// How.
        act: HostileAct,
    },
    /// The relay does not tell a device the truth.
    Face {
        /// Whom.
        device: u32,
        /// How.
        face: Face,
        /// How long, in microseconds.
        lasts: u64,
    },
    /// A device runs a program of another version than the relay's, until it
    /// is updated.
    Program {
        /// Which device.
        device: u32,
        /// Which program.
        program: Program,
        /// How long, in microseconds.
        lasts: u64,
    },
}

/// How a device's address changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressChange {
    /// Its router has forgotten it: another port of the same address.
    Port,
    /// It is in another network: another address.
    Network,
}

/// How storage misbehaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "disk")]
pub enum DiskFault {
    /// The next sync fails; what became of the batch shows at the next start.
    FailSync,
    /// There is no room left, until somebody makes some.
    Full {
        /// How long, in microseconds.
        lasts: u64,
    },
    /// A stored value is flipped, and noticed when read.
    Rot {
        /// Which of those stored, counted round.
        pick: u32,
    },
    /// Batches take longer.
    Slow {
        /// So many times as long.
        factor: u32,
        /// How long, in microseconds.
        lasts: u64,
    },
}

/// A program of another version than the relay's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// It speaks another version of the protocol: no session begins.
    OtherProtocol,
    /// It cannot read what a definition says that is newer than its own.
    Older,
}

/// How a clock goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "clock")]
pub enum ClockFault {
    /// It is set forward or back.
    Step {
        /// By so many milliseconds.
        milliseconds: i64,
    },
    /// It runs fast or slow from now on.
    Drift {
        /// By so many parts in a million.
        million: i32,
    },
    /// It stands still for a while.
    Freeze {
        /// How long, in microseconds.
        lasts: u64,
    },
    /// Its battery is dead: it begins again at 1970 now and at every start.
    Dead,
    /// It is set right.
    Right,
}

/// What somebody who has a device's key, or none, tries at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostileAct {
    /// A bundle whose signature is not the device's.
    Forge,
    /// A bundle of another device's log.
    Impersonate,
    /// Bundles that are in the ledger already.
    Replay,
    /// Another bundle at a used place of the log.
    Equivocate,
    /// A bundle that leaves a gap.
    Gap,
    /// An operation dated long ago.
    BackDate,
    /// An operation dated far in the future.
    FutureDate,
    /// A base that no ledger has reached.
    FutureBase,
    /// An operation over every limit.
    Oversized,
    /// An operation that only the relay may make.
    Usurp,
    /// Bytes that mean nothing, signed.
    Garbage,
    /// A message that is none.
    Noise,
}

/// How a relay that is not honest treats a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Face {
    /// It sends no changes.
    Withhold,
    /// It sends no acknowledgements.
    Silent,
    /// It holds changes back and sends them in another order than
    /// acknowledgements.
    Reorder,
    /// It says that its ledger ends earlier than it did.
    Rewind,
}

impl Schedule {
    /// Puts the entries into the order of their times; those of one time keep
    /// theirs.
    pub fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.at);
    }

    /// Adds an entry.
    pub fn push(&mut self, at: VirtualTime, action: Action) {
        self.entries.push(Entry { at, action });
    }
}
