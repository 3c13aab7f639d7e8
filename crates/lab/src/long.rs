//! Logs as long as wanted, written straight into an archive: what the lab is
//! measured on, and what shows that its memory does not follow the length of a
//! log.

use cairn_model::{
    Action, Change, Definition, Field, FieldId, HybridTime, Kind, LogId, Mutation, Operation,
    OrganizationId, PublicKey, RecordId, RecordType, Timestamp, TypeId, User, Value, Version,
    Write, codec,
};
use cairn_oplog::archive::{Header, Subject, Writer};
use cairn_oplog::bundle::{BUNDLE_OPERATIONS_MAX, fitting, seal};
use cairn_oplog::{Checkpoint, LedgerHead, LogHead, SecretKey};
use std::io;

/// The record type of a long log, and the user of its devices.
const TYPE: TypeId = TypeId(1);
const USER: &str = "somebody";
/// When it begins.
const BEGIN: Timestamp = Timestamp(1_800_000_000_000);
/// From one bundle to the next, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// What devices do: one after another sends some edits, and sees what the
/// others sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Laws {
    /// Devices.
    pub devices: u64,
    /// Records that all of them edit, each as often as any other.
    pub records: u64,
    /// Fields of a record, all whole numbers; an edit writes one.
    pub fields: u16,
    /// Edits that a device makes between two syncs.
    pub apart: usize,
    /// Edits altogether.
    pub edits: u64,
}

impl Laws {
    /// Many records: in a hundred edits about one meets another.
    pub fn calm(edits: u64) -> Laws {
        Laws {
            devices: 20,
            records: 10_000,
            fields: 8,
            apart: 30,
            edits,
        }
    }

    /// Few records: every third edit meets another.
    pub fn contested(edits: u64) -> Laws {
        Laws {
            devices: 5,
            records: 40,
            fields: 8,
            apart: 30,
            edits,
        }
    }

    /// Operations that there will be: the edits, what creates the records, and
    /// what sets the organization up.
    pub fn operations(&self) -> u64 {
        self.edits + self.records + self.devices + 1
    }
}

struct Device {
    key: SecretKey,
    log: LogId,
    at: LogHead,
    /// What it has seen of the ledger.
    base: Version,
}

struct Long<W: io::Write> {
    organization: OrganizationId,
    writer: Writer<W>,
    head: LedgerHead,
    relay: Device,
    received: Timestamp,
    dice: u64,
}

/// Writes a log as `cairn log export` would. The same laws give the same bytes.
pub fn write<W: io::Write>(output: W, laws: &Laws) -> io::Result<W> {
    let organization = OrganizationId(*b"a long lab's log");
    let relay = device(&organization, 0);
    let key = relay.key.public();
    let header = Header {
        organization,
        relay: key,
        subject: Subject::Ledger,
    };
    let mut long = Long {
        organization,
        writer: Writer::new(output, &header)?,
        head: LedgerHead::genesis(&organization, &key),
        relay,
        received: BEGIN,
        dice: 0x9e37_79b9_7f4a_7c15,
    };
    let mut devices: Vec<Device> = (1..=laws.devices)
        .map(|number| device(&organization, number))
        .collect();
    long.set_up(laws, devices.iter().map(|device| device.key.public()))?;
    long.create(laws, &mut devices[0])?;
    let mut left = laws.edits;
    while left > 0 {
        for device in &mut devices {
            let edits = left.min(laws.apart as u64);
            long.sync(laws, edits, device)?;
            left -= edits;
        }
    }
    let signed = Checkpoint::sign(&organization, &long.head, &long.relay.key);
    long.writer.checkpoint(&signed)?;
    long.writer.finish()
}

fn device(organization: &OrganizationId, number: u64) -> Device {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let key = SecretKey::from_seed(&seed);
    let log = LogId {
        device: key.public().device(),
        generation: 0,
    };
    Device {
        at: LogHead::genesis(organization, &log),
        key,
        log,
        base: Version(0),
    }
}

impl<W: io::Write> Long<W> {
    fn set_up(&mut self, laws: &Laws, keys: impl Iterator<Item = PublicKey>) -> io::Result<()> {
        let mut record_type = RecordType::new(TYPE, "item", "Item");
        for id in 1..=laws.fields {
            let name = format!("number_{id}");
            let field = Field::new(FieldId(id), &name, &name, Kind::integer());
            record_type.fields.insert(FieldId(id), field);
        }
        let definition = Definition {
            name: "long".to_owned(),
            types: [(TYPE, record_type)].into(),
            users: [(USER.to_owned(), User::new(USER))].into(),
            ..Definition::default()
        };
        let publish = Action::Publish {
            base: 0,
            changes: Definition::default().changes_to(&definition),
            more: false,
        };
        let enrol = keys.map(|key| Action::Enrol {
            key,
            user: USER.to_owned(),
            name: "a device".to_owned(),
        });
        let actions = [publish].into_iter().chain(enrol);
        let operations = actions
            .map(|action| operation(self.received, 0, action))
            .collect();
        let mut relay = std::mem::replace(&mut self.relay, device(&self.organization, 0));
        let sent = self.send(&mut relay, operations);
        self.relay = relay;
        sent
    }

    fn create(&mut self, laws: &Laws, device: &mut Device) -> io::Result<()> {
        let mut next = 0;
        while next < laws.records {
            let end = laws.records.min(next + BUNDLE_OPERATIONS_MAX as u64);
            let creation = |record| {
                let writes = (1..=laws.fields).map(|field| number(field, 0)).collect();
                self.edit(record, Version(0), Change::Create(writes))
            };
            let operations = (next..end).map(creation).collect();
            self.send(device, operations)?;
            next = end;
        }
        Ok(())
    }

    fn sync(&mut self, laws: &Laws, edits: u64, device: &mut Device) -> io::Result<()> {
        self.received = self.received.plus(PAUSE_MS);
        let operations = (0..edits)
            .map(|_| {
                let record = self.draw(laws.records);
                let field = 1 + self.draw(laws.fields.into()) as u16;
                let write = number(field, self.draw(1_000) as i64);
                self.edit(record, device.base, Change::Update(vec![write]))
            })
            .collect();
        self.send(device, operations)?;
        device.base = Version(self.head.version);
        Ok(())
    }

    fn edit(&self, record: u64, base: Version, change: Change) -> Vec<u8> {
        let mutation = Mutation {
            record: RecordId::derive(b"long", &record.to_string()),
            record_type: TYPE,
            base,
            change,
        };
        operation(self.received, 1, Action::Edit(vec![mutation]))
    }

    /// Seals operations, as few bundles as they fit into.
    fn send(&mut self, device: &mut Device, mut operations: Vec<Vec<u8>>) -> io::Result<()> {
        while !operations.is_empty() {
            let rest = operations.split_off(fitting(operations.iter().map(Vec::len)));
            let count = operations.len() as u64;
            let (log, key) = (device.log, &device.key);
            let bundle = seal(&self.organization, log, &device.at, operations, key);
            device.at = bundle.head();
            self.head = self.head.after(self.received, bundle.bytes(), count);
            let position = self.head.position;
            self.writer.entry(position, self.received, bundle.bytes())?;
            operations = rest;
        }
        Ok(())
    }

    /// A number below `below`: splitmix64, as Steele, Lea and Flood have it.
    fn draw(&mut self, below: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.dice;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (drawn ^ (drawn >> 31)) % below.max(1)
    }
}

fn operation(time: Timestamp, definition: u32, action: Action) -> Vec<u8> {
    codec::encode(&Operation {
        time: HybridTime::new(time, 0),
        definition,
        action,
    })
}

fn number(field: u16, value: i64) -> (FieldId, Write) {
    (FieldId(field), Write::Set(Value::Integer(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Archived, Ledger};
    use crate::policies::Contestant;
    use crate::trace::Trace;
    use cairn_projection::State;

    /// Folds a log; gives its operations, and in a thousand those that met.
    fn folded(laws: &Laws) -> (u64, u64) {
        let bytes = write(Vec::new(), laws).expect("memory takes it");
        let ledger = Archived::new(|| Ok(bytes.as_slice())).expect("it is genuine");
        let trial = Contestant::named("flag").expect("it is there").trial();
        let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
        let fold = |entry: &_| drop(state.fold(entry));
        let trace = Trace::of(&ledger, &mut { fold }).expect("it is genuine");
        assert_eq!(state.issues().len(), 0, "nothing is rejected");
        let met = trace.contention().map(|(_, [_, met, _])| met).sum::<u64>();
        (state.version().0, 1_000 * met / trace.totals().writes)
    }

    #[test]
    fn a_long_log_is_what_its_laws_say() {
        let calm = Laws {
            records: 1_000,
            ..Laws::calm(5_000)
        };
        let (operations, met_calm) = folded(&calm);
        assert_eq!(operations, calm.operations());
        let (operations, met_contested) = folded(&Laws::contested(5_000));
        assert_eq!(operations, Laws::contested(5_000).operations());
        assert!(
            met_calm < 150 && met_contested > 300,
            "{met_calm} {met_contested}"
        );
    }
}
