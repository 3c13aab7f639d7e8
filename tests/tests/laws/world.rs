//! A world to tell stories in: an organization, devices with real keys, and a
//! relay that assigns ledger positions and folds.
//!
//! Records and devices go by names, fields by their names, values by what a
//! person would type. Each pull also checks that what the device holds is what
//! the relay has.

pub(crate) mod organization;
mod telling;

use cairn_model::{
    Action, Change, Definition, FieldId, HybridClock, Kind, LogId, Mutation, Operation,
    OperationId, OrganizationId, RecordId, RecordType, SettleOutcome, Timestamp, Value, Version,
    Write, codec,
};
use cairn_oplog::bundle::{self, LogHead, Slot};
use cairn_oplog::{Entry, SecretKey, Verified};
use cairn_projection::digest::Digest;
use cairn_projection::{Code, FieldState, Image, Record, State, Verdict, document};
use std::collections::BTreeMap;

pub(crate) const ORGANIZATION: OrganizationId = OrganizationId([7; 16]);
/// When the stories begin, in milliseconds since 1970.
const MORNING: u64 = 1_760_000_000_000;

/// Fields by name, with values as a person types them; see [`World::write`].
pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

/// A log and who signs it.
pub(crate) struct Log {
    pub(crate) key: SecretKey,
    pub(crate) id: LogId,
    pub(crate) head: LogHead,
}

impl Log {
    pub(crate) fn new(seed: u8) -> Log {
        let key = SecretKey::from_seed(&[seed; 32]);
        let id = LogId {
            device: key.public().device(),
            generation: 0,
        };
        Log {
            head: LogHead::genesis(&ORGANIZATION, &id),
            key,
            id,
        }
    }

    /// Starts the log anew, as a device restored from a backup does.
    pub(crate) fn restart(&mut self) {
        self.id.generation += 1;
        self.head = LogHead::genesis(&ORGANIZATION, &self.id);
    }

    pub(crate) fn seal(&mut self, operations: Vec<Vec<u8>>) -> Verified {
        let bundle = bundle::seal(&ORGANIZATION, self.id, &self.head, operations, &self.key);
        self.head = bundle.head();
        bundle
    }
}

/// A device: what it holds and what it has not sent.
pub(crate) struct Device {
    pub(crate) log: Log,
    pub(crate) clock: HybridClock,
    /// Milliseconds that its clock is ahead of the relay's.
    pub(crate) ahead: i64,
    /// Everything up to here is in its images.
    pub(crate) cursor: Version,
    pub(crate) images: BTreeMap<RecordId, Record>,
    pub(crate) unsent: Vec<Operation>,
    /// Sent, and not in its images yet.
    sent: Vec<Operation>,
    /// The definition it works under.
    pub(crate) definition: Definition,
}

impl Device {
    /// What it did to a record that is not in its images yet, oldest first.
    pub(crate) fn pending(&self, record: RecordId) -> impl Iterator<Item = &Mutation> {
        let operations = self.sent.iter().chain(&self.unsent);
        let mutations = operations.flat_map(|operation| operation.mutations());
        mutations.filter(move |mutation| mutation.record == record)
    }

    /// Whether a record is alive as the device shows it; `None` when it has no
    /// such record.
    pub(crate) fn sees(&self, record: RecordId) -> Option<bool> {
        let pending = self
            .pending(record)
            .filter_map(|mutation| match mutation.change {
                Change::Follow | Change::Unfollow => None,
                Change::Delete => Some(false),
                _ => Some(true),
            });
        let image = self.images.get(&record).map(Record::is_alive);
        pending.last().or(image)
    }
}

/// The world.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) ledger: Vec<Entry>,
    pub(crate) devices: BTreeMap<String, Device>,
    names: BTreeMap<String, RecordId>,
    relay: Log,
    now: u64,
}

impl World {
    /// A world with a published organization and no devices.
    pub(crate) fn new(definition: Definition) -> World {
        let relay = Log::new(1);
        let mut world = World {
            state: State::new(ORGANIZATION, relay.key.public()),
            ledger: Vec::new(),
            devices: BTreeMap::new(),
            names: BTreeMap::new(),
            relay,
            now: MORNING,
        };
        let changes = Definition::default().changes_to(&definition);
        assert_eq!(
            world.administers(Action::Publish {
                base: 0,
                changes,
                more: false
            }),
            "admitted"
        );
        world
    }

    /// A world of [`organization::organization`] by field, with devices.
    pub(crate) fn of(policy: &str, devices: &[&str]) -> World {
        World::granular(policy, cairn_model::Granularity::Field, devices)
    }

    /// A world of [`organization::organization`], with devices.
    pub(crate) fn granular(
        policy: &str,
        granularity: cairn_model::Granularity,
        devices: &[&str],
    ) -> World {
        let mut world = World::new(organization::organization(policy, granularity));
        for name in devices {
            world.enrols(name, name);
        }
        world
    }

    /// Enrols a device called `name` for `user` and gives it everything.
    pub(crate) fn enrols(&mut self, name: &str, user: &str) {
        let log = Log::new(10 + self.devices.len() as u8);
        let (key, user) = (log.key.public(), user.to_owned());
        let enrol = Action::Enrol {
            key,
            user,
            name: name.to_owned(),
        };
        assert_eq!(self.administers(enrol), "admitted");
        self.devices.insert(
            name.to_owned(),
            Device {
                log,
                clock: HybridClock::default(),
                ahead: 0,
                cursor: Version(0),
                images: BTreeMap::new(),
                unsent: Vec::new(),
                sent: Vec::new(),
                definition: Definition::default(),
            },
        );
        self.pulls(name);
    }

    /// The administrator acts at the relay. Gives what became of it.
    pub(crate) fn administers(&mut self, action: Action) -> &'static str {
        let definition = self.state.definition().number;
        let time = cairn_model::HybridTime::new(Timestamp(self.now), 0);
        let operation = Operation {
            time,
            definition,
            action,
        };
        let bundle = self.relay.seal(vec![codec::encode(&operation)]);
        self.takes_in(bundle)[0]
    }

    /// The administrator publishes a changed definition.
    pub(crate) fn publishes(&mut self, change: impl FnOnce(&mut Definition)) -> &'static str {
        let current = self.state.definition().clone();
        let mut next = (*current).clone();
        change(&mut next);
        let changes = current.changes_to(&next);
        self.administers(Action::Publish {
            base: current.number,
            changes,
            more: false,
        })
    }

    /// The relay takes a bundle into the ledger. Gives what became of its
    /// operations: `admitted`, or a code.
    pub(crate) fn takes_in(&mut self, bundle: Verified) -> Vec<&'static str> {
        self.now += 1_000;
        let position = self.ledger.len() as u64 + 1;
        let entry = Entry {
            position,
            received: Timestamp(self.now),
            bundle,
        };
        let verdicts = self.state.fold(&entry);
        self.ledger.push(entry);
        verdicts.into_iter().map(outcome).collect()
    }

    /// Time passes.
    pub(crate) fn passes(&mut self, milliseconds: u64) {
        self.now += milliseconds;
    }

    /// Somebody creates a record and calls it `name`.
    pub(crate) fn creates(&mut self, device: &str, name: &str, record_type: &str, fields: Fields) {
        let number = self.names.len() as u64;
        let id = RecordId::mint(MORNING + number, [number as u8; 10]);
        self.creates_as(device, name, id, record_type, fields);
    }

    /// Somebody gets or creates the child `name` of `parent`.
    pub(crate) fn derives(
        &mut self,
        device: &str,
        name: &str,
        parent: &str,
        record_type: &str,
        fields: Fields,
    ) {
        let id = RecordId::derive(parent.as_bytes(), name);
        self.creates_as(device, name, id, record_type, fields);
    }

    fn creates_as(&mut self, device: &str, name: &str, id: RecordId, of: &str, fields: Fields) {
        self.names.insert(name.to_owned(), id);
        let record_type = self.type_named(of);
        let writes = self.writes(device, id, &record_type, fields);
        let held = self.devices[device].images.contains_key(&id);
        let base = if held {
            self.devices[device].cursor
        } else {
            Version(0)
        };
        let mutation = Mutation {
            record: id,
            record_type: record_type.id,
            base,
            change: Change::Create(writes),
        };
        self.edits(device, vec![mutation]);
    }

    /// Somebody changes fields of a record.
    pub(crate) fn updates(&mut self, device: &str, name: &str, fields: Fields) {
        let mutation = self.update(device, name, fields);
        self.edits(device, vec![mutation]);
    }

    pub(crate) fn deletes(&mut self, device: &str, name: &str) {
        self.changes(device, name, Change::Delete);
    }

    pub(crate) fn restores(&mut self, device: &str, name: &str) {
        self.changes(device, name, Change::Restore);
    }

    /// Somebody decides open conflicts of fields.
    pub(crate) fn resolves(&mut self, device: &str, name: &str, fields: Fields) {
        self.decides(device, name, fields, None);
    }

    /// Somebody decides open conflicts of fields, and whether to keep the record.
    pub(crate) fn decides(&mut self, device: &str, name: &str, fields: Fields, keep: Option<bool>) {
        let record = self.id(name);
        let record_type = self.type_of(record);
        let fields = self.writes(device, record, &record_type, fields);
        self.changes(device, name, Change::Resolve { fields, keep });
    }

    pub(crate) fn changes(&mut self, device: &str, name: &str, change: Change) {
        let mutation = self.mutation(device, name, change);
        self.edits(device, vec![mutation]);
    }

    /// The user of a device settles an issue, given by its number.
    pub(crate) fn settles(&mut self, device: &str, issue: usize, outcome: SettleOutcome) {
        let operation = self.state.issues()[issue - 1].version;
        self.acts(device, Action::Settle { operation, outcome });
    }

    /// An update of a record that its author has not logged yet.
    pub(crate) fn update(&self, device: &str, name: &str, fields: Fields) -> Mutation {
        let record = self.id(name);
        let record_type = self.type_of(record);
        let writes = self.writes(device, record, &record_type, fields);
        self.mutation(device, name, Change::Update(writes))
    }

    /// A change of a record on what its author has seen.
    pub(crate) fn mutation(&self, device: &str, name: &str, change: Change) -> Mutation {
        let record = self.id(name);
        let record_type = self.type_of(record).id;
        let base = self.devices[device].cursor;
        Mutation {
            record,
            record_type,
            base,
            change,
        }
    }

    /// Logs an edit on a device.
    pub(crate) fn edits(&mut self, device: &str, mutations: Vec<Mutation>) {
        self.acts(device, Action::Edit(mutations));
    }

    /// Logs an operation on a device.
    pub(crate) fn acts(&mut self, device: &str, action: Action) {
        self.now += 1;
        let device = self.devices.get_mut(device).expect(device);
        let time = device
            .clock
            .tick(Timestamp(self.now.saturating_add_signed(device.ahead)));
        let definition = device.definition.number;
        device.unsent.push(Operation {
            time,
            definition,
            action,
        });
    }

    /// A device sends what it has not sent, as one bundle. Gives what became
    /// of each operation.
    pub(crate) fn uploads(&mut self, device: &str) -> Vec<&'static str> {
        let device = self.devices.get_mut(device).expect(device);
        if device.unsent.is_empty() {
            return Vec::new();
        }
        let operations = device.unsent.iter().map(codec::encode).collect();
        let bundle = device.log.seal(operations);
        device.sent.append(&mut device.unsent);
        self.takes_in(bundle)
    }

    /// A device fetches what changed, and then holds what the relay has.
    pub(crate) fn pulls(&mut self, device: &str) {
        let device = self.devices.get_mut(device).expect(device);
        for record in self.state.changed_since(device.cursor) {
            let image = Image::read(&record.to_partial_image(device.cursor)).expect("own image");
            let held = device.images.remove(&image.id());
            let record = image.over(held).expect("a partial image fits what is held");
            device.images.insert(record.id, record);
        }
        device.cursor = self.state.version();
        device.sent.clear();
        device.definition = (**self.state.definition()).clone();
        let mut digest = Digest::default();
        for record in device.images.values() {
            digest.add(record, &device.definition);
        }
        assert_eq!(
            digest.finish(),
            self.state.digest(),
            "a device holds what the relay has"
        );
    }

    /// A device sends, then fetches.
    pub(crate) fn syncs(&mut self, device: &str) -> Vec<&'static str> {
        let outcomes = self.uploads(device);
        self.pulls(device);
        outcomes
    }

    /// Every device sends, in the order of their names, then every one fetches.
    pub(crate) fn all_sync(&mut self) -> Vec<&'static str> {
        let names: Vec<String> = self.devices.keys().cloned().collect();
        let outcomes = names.iter().flat_map(|name| self.uploads(name)).collect();
        names.iter().for_each(|name| self.pulls(name));
        outcomes
    }

    /// The relay's public key.
    pub(crate) fn relay_key(&self) -> cairn_model::PublicKey {
        self.relay.key.public()
    }

    /// A log from its beginning.
    fn log_of(&self, id: LogId) -> Log {
        let logs = self
            .devices
            .values()
            .map(|device| &device.log)
            .chain([&self.relay]);
        let mut logs = logs.filter(|log| log.id.device == id.device);
        let key = logs.next().expect("a log of this world").key.clone();
        Log {
            key,
            id,
            head: LogHead::genesis(&ORGANIZATION, &id),
        }
    }

    /// The record called `name`.
    pub(crate) fn id(&self, name: &str) -> RecordId {
        self.names[name]
    }

    /// Calls a record `name`.
    pub(crate) fn calls(&mut self, name: &str, id: RecordId) {
        self.names.insert(name.to_owned(), id);
    }

    pub(crate) fn type_named(&self, name: &str) -> RecordType {
        let definition = self.state.definition();
        definition
            .types
            .values()
            .find(|t| t.name == name)
            .expect(name)
            .clone()
    }

    fn type_of(&self, id: RecordId) -> RecordType {
        let held = self.state.record(id).map(|record| record.record_type);
        let pending = || {
            let mut made = self.devices.values().flat_map(|device| device.pending(id));
            made.next().expect("somebody made it").record_type
        };
        self.state.definition().types[&held.unwrap_or_else(pending)].clone()
    }

    fn writes(
        &self,
        device: &str,
        record: RecordId,
        record_type: &RecordType,
        fields: Fields,
    ) -> Vec<(FieldId, Write)> {
        let write = |(name, text): &(&str, &str)| {
            let field = record_type
                .fields
                .values()
                .find(|field| field.name == *name)
                .expect(name);
            (
                field.id,
                self.write(device, record, field.id, &field.kind, text),
            )
        };
        fields.iter().map(write).collect()
    }

    /// What a person typed into a field, as a write: a value, or nothing to
    /// empty it; `+2` for a counter; `+new -old` for a set; the whole new text
    /// or JSON for a document; the name of a record for a lookup.
    pub(crate) fn write(
        &self,
        device: &str,
        record: RecordId,
        field: FieldId,
        kind: &Kind,
        text: &str,
    ) -> Write {
        match kind {
            Kind::Counter => Write::Add(text.parse().expect("a change of a counter")),
            Kind::Set { of } => {
                let side = |sign: char| {
                    let words = text.split_whitespace();
                    let words = words.filter_map(|word| word.strip_prefix(sign));
                    words.map(|word| self.value(of, word)).collect()
                };
                Write::Change {
                    add: side('+'),
                    remove: side('-'),
                }
            }
            Kind::RichText => self.document(device, record, field, kind, text.into()),
            Kind::Json => {
                let wanted = serde_json::from_str(text).expect("JSON");
                self.document(device, record, field, kind, wanted)
            }
            _ if text.is_empty() => Write::Clear,
            _ => Write::Set(self.value(kind, text)),
        }
    }

    fn value(&self, kind: &Kind, text: &str) -> Value {
        match kind {
            Kind::Lookup { .. } => Value::Lookup(self.id(text)),
            _ => Value::from_text(kind, text).expect(text),
        }
    }

    fn document(
        &self,
        device: &str,
        record: RecordId,
        field: FieldId,
        kind: &Kind,
        wanted: serde_json::Value,
    ) -> Write {
        let saved = self.saved(device, record, field, kind);
        let device = &self.devices[device];
        let sequence = device.log.head.sequence + device.unsent.len() as u64 + 1;
        let operation = OperationId {
            log: device.log.id,
            sequence,
        };
        let changes = document::edit(kind, &saved, &wanted, &operation).expect("an edit");
        Write::Merge(changes.unwrap_or_default())
    }

    /// What a person reads in a document on a device.
    pub(crate) fn reads(
        &self,
        device: &str,
        record: RecordId,
        field: FieldId,
        kind: &Kind,
    ) -> serde_json::Value {
        document::read(kind, &self.saved(device, record, field, kind)).expect("a document")
    }

    /// A document as a device has it, with the edits it has not sent.
    fn saved(&self, device: &str, record: RecordId, field: FieldId, kind: &Kind) -> Vec<u8> {
        let device = &self.devices[device];
        let mut saved = match device
            .images
            .get(&record)
            .and_then(|record| record.field(field))
        {
            Some(FieldState::Document(saved)) => saved.clone(),
            _ => Vec::new(),
        };
        for mutation in device.pending(record) {
            for (_, write) in mutation
                .change
                .writes()
                .iter()
                .filter(|(id, _)| *id == field)
            {
                if let Write::Merge(changes) = write {
                    saved = document::merge(kind, &saved, changes).unwrap_or(saved);
                }
            }
        }
        saved
    }
}

/// The ledger with a bundle for every operation, received when it was.
pub(crate) fn bundled_one_by_one(world: &World) -> Vec<Entry> {
    let mut logs: BTreeMap<LogId, Log> = BTreeMap::new();
    let mut entries = Vec::new();
    for entry in &world.ledger {
        let id = entry.bundle.log();
        let log = logs.entry(id).or_insert_with(|| world.log_of(id));
        for slot in entry.bundle.slots() {
            let Slot::Whole(bytes) = slot else { continue };
            let bundle = log.seal(vec![bytes.clone()]);
            let position = entries.len() as u64 + 1;
            entries.push(Entry {
                position,
                received: entry.received,
                bundle,
            });
        }
    }
    entries
}

fn outcome(verdict: Verdict) -> &'static str {
    verdict.rejected.map_or("admitted", Code::code)
}
