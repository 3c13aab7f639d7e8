//! Writes real ledgers: keys, logs, sealed bundles, a checkpoint. What it
//! writes is what relays hold, so that the lab needs no fold of its own.

use crate::ledger::Held;
use cairn_model::{
    Action, Definition, HybridTime, LogId, Mutation, Operation, OrganizationId, PublicKey,
    RecordType, SettleOutcome, Timestamp, User, Version, codec, limit,
};
use cairn_oplog::bundle::{fitting, seal};
use cairn_oplog::{Checkpoint, Entry, LedgerHead, LogHead, SecretKey};

/// The user that every device of a written ledger belongs to.
const USER: &str = "history";

/// A change that no operation has room for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a change of {mutations} records has {bytes} bytes; an operation has room for {most} bytes and {most_mutations} records",
    most = limit::OPERATION_BYTES_MAX,
    most_mutations = limit::MUTATIONS_MAX
)]
pub struct TooLarge {
    /// Its bytes.
    pub bytes: usize,
    /// Its records.
    pub mutations: usize,
}

/// A device whose log is written; the relay is the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pen(usize);

const RELAY: Pen = Pen(0);

/// Writes one ledger.
#[derive(Debug)]
pub struct Scribe {
    organization: OrganizationId,
    name: String,
    devices: Vec<(SecretKey, LogId, LogHead)>,
    head: LedgerHead,
    entries: Vec<Entry>,
    version: Version,
    /// The operations to be sealed next, all of one device.
    open: (Pen, Vec<Vec<u8>>),
    received: Timestamp,
}

impl Scribe {
    /// Begins the ledger of an organization with these record types. All keys
    /// and ids follow from its name, so that one history is one ledger.
    pub fn new(name: &str, types: Vec<RecordType>, received: Timestamp) -> Scribe {
        let organization = hash(&[b"cairn lab organization", name.as_bytes()]);
        let organization = OrganizationId(organization[..16].try_into().expect("16 of 32 bytes"));
        let mut scribe = Scribe {
            organization,
            name: name.to_owned(),
            devices: Vec::new(),
            head: LedgerHead::genesis(&organization, &PublicKey([0; 32])),
            entries: Vec::new(),
            version: Version(0),
            open: (RELAY, Vec::new()),
            received,
        };
        let relay = scribe.device();
        let key = scribe.devices[relay.0].0.public();
        scribe.head = LedgerHead::genesis(&organization, &key);
        let definition = Definition {
            name: name.to_owned(),
            types: types.into_iter().map(|t| (t.id, t)).collect(),
            users: [(USER.to_owned(), User::new(USER))].into(),
            ..Definition::default()
        };
        scribe.publish(&definition);
        scribe
    }

    /// Publishes a whole definition in operations of a bounded size.
    fn publish(&mut self, definition: &Definition) {
        const CHANGES: usize = 256;
        let changes = Definition::default().changes_to(definition);
        let parts: Vec<_> = changes.chunks(CHANGES).collect();
        for (number, part) in (1..).zip(&parts) {
            let action = Action::Publish {
                base: 0,
                changes: part.to_vec(),
                more: number < parts.len(),
            };
            self.write(RELAY, HybridTime::new(self.received, 0), action)
                .expect("a part of a definition fits");
        }
    }

    fn device(&mut self) -> Pen {
        let number = self.devices.len();
        let seed = hash(&[
            b"cairn lab device",
            self.name.as_bytes(),
            &number.to_be_bytes(),
        ]);
        let key = SecretKey::from_seed(&seed);
        let log = LogId {
            device: key.public().device(),
            generation: 0,
        };
        let at = LogHead::genesis(&self.organization, &log);
        self.devices.push((key, log, at));
        Pen(number)
    }

    /// Enrols one more device.
    pub fn enrol(&mut self) -> Pen {
        let pen = self.device();
        let action = Action::Enrol {
            key: self.devices[pen.0].0.public(),
            user: USER.to_owned(),
            name: format!("device {}", pen.0),
        };
        self.write(RELAY, HybridTime::new(self.received, 0), action)
            .expect("an enrolment fits");
        pen
    }

    /// Whose ledger it is.
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// The relay's key.
    pub fn relay(&self) -> PublicKey {
        self.devices[RELAY.0].0.public()
    }

    /// The entries that are sealed.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The version of the last operation written.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The device behind a pen.
    pub fn log(&self, pen: Pen) -> LogId {
        self.devices[pen.0].1
    }

    /// From now on, entries are received at this time, or at the last one's if
    /// that is later.
    pub fn receive_at(&mut self, time: Timestamp) {
        if time > self.received {
            self.seal();
            self.received = time;
        }
    }

    /// Writes an edit behind the others. Gives its version.
    pub fn edit(
        &mut self,
        pen: Pen,
        time: HybridTime,
        mutations: Vec<Mutation>,
    ) -> Result<Version, TooLarge> {
        self.write(pen, time, Action::Edit(mutations))
    }

    /// Writes that an author settled the issue of an operation.
    pub fn settle(&mut self, pen: Pen, time: HybridTime, of: Version, outcome: SettleOutcome) {
        let action = Action::Settle {
            operation: of,
            outcome,
        };
        self.write(pen, time, action).expect("two words fit");
    }

    fn write(&mut self, pen: Pen, time: HybridTime, action: Action) -> Result<Version, TooLarge> {
        let operation = Operation {
            time,
            definition: u32::from(pen != RELAY),
            action,
        };
        let bytes = codec::encode(&operation);
        let mutations = operation.mutations().len();
        if bytes.len() > limit::OPERATION_BYTES_MAX || mutations > limit::MUTATIONS_MAX {
            return Err(TooLarge {
                bytes: bytes.len(),
                mutations,
            });
        }
        if self.open.0 != pen {
            self.seal();
            self.open.0 = pen;
        }
        self.open.1.push(bytes);
        if fitting(self.open.1.iter().map(Vec::len)) < self.open.1.len() {
            let last = self.open.1.pop();
            self.seal();
            self.open.1.extend(last);
        }
        self.version = self.version.next();
        Ok(self.version)
    }

    /// Seals what was written so far into an entry: the end of an upload.
    pub fn seal(&mut self) {
        let (pen, operations) = &mut self.open;
        let operations = std::mem::take(operations);
        if operations.is_empty() {
            return;
        }
        let count = operations.len() as u64;
        let (key, log, at) = &mut self.devices[pen.0];
        let bundle = seal(&self.organization, *log, at, operations, key);
        *at = bundle.head();
        self.head = self.head.after(self.received, bundle.bytes(), count);
        self.entries.push(Entry {
            position: self.head.position,
            received: self.received,
            bundle,
        });
    }

    /// Ends the ledger.
    pub fn finish(mut self) -> Held {
        self.seal();
        let relay = &self.devices[0].0;
        Held {
            organization: self.organization,
            relay: relay.public(),
            checkpoint: Checkpoint::sign(&self.organization, &self.head, relay),
            entries: self.entries,
        }
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}
