//! Random histories: what several people do on several devices, with and
//! without a connection, some of it wrong.

use crate::world::organization::{GRANULARITIES, POLICIES, field, field_mut, organization};
use crate::world::{ORGANIZATION, World};
use cairn_model::{
    Action, Change, Definition, Field, FieldId, Granularity, Kind, Mutation, OperationId, RecordId,
    RecordType, SettleOutcome, Value, Version, Write,
};
use cairn_oplog::bundle;
use cairn_projection::FieldState;
use cairn_projection::record::FieldSlot;
use proptest::prelude::*;

/// The devices, by the logins of their users. Eve may only read.
pub(crate) const DEVICES: [&str; 4] = ["ann", "bob", "cho", "eve"];

/// A history: the rules it happens under, and what happens.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) policy: &'static str,
    pub(crate) granularity: Granularity,
    pub(crate) steps: Vec<Step>,
}

/// A field by its place in the type, and a seed for what is written.
type Writes = Vec<(u8, u8)>;

/// What happens. Devices, records and fields go by number, modulo how many
/// there are.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Create(u8, u8, Writes),
    Update(u8, u8, Writes),
    /// One operation on two records.
    Both(u8, (u8, Writes), (u8, Writes)),
    Delete(u8, u8),
    Restore(u8, u8),
    Resolve(u8, u8, Writes, Option<bool>),
    Follow(u8, u8, bool),
    Settle(u8, u8),
    Upload(u8),
    Sync(u8),
    Publish(u8),
    Wrong(u8, u8, u8),
    /// The device's log is restored from a backup, or written twice.
    Fork(u8, bool),
}

/// What a history may hold beside plain edits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spice {
    pub(crate) publishes: bool,
    pub(crate) wrongs: bool,
}

/// Histories of up to `length` steps.
pub(crate) fn histories(length: usize, spice: Spice) -> impl Strategy<Value = History> {
    let rules = (
        prop_oneof![
            3 => prop::sample::select(&POLICIES[..3]),
            2 => prop::sample::select(&POLICIES[..]),
        ],
        prop::sample::select(&GRANULARITIES[..]),
    );
    (rules, prop::collection::vec(step(spice), 1..length)).prop_map(
        |((policy, granularity), steps)| History {
            policy,
            granularity,
            steps,
        },
    )
}

fn step(spice: Spice) -> impl Strategy<Value = Step> {
    let writes = || prop::collection::vec((any::<u8>(), any::<u8>()), 0..4);
    let device = || prop_oneof![9 => 0..3u8, 1 => Just(3)];
    let record = || 0..RECORDS as u8;
    let mut steps = vec![
        (
            2,
            (device(), record(), writes())
                .prop_map(|(d, r, w)| Step::Create(d, r, w))
                .boxed(),
        ),
        (
            24,
            (device(), record(), writes())
                .prop_map(|(d, r, w)| Step::Update(d, r, w))
                .boxed(),
        ),
        (
            2,
            (device(), (record(), writes()), (record(), writes()))
                .prop_map(|(d, one, two)| Step::Both(d, one, two))
                .boxed(),
        ),
        (
            4,
            (device(), record())
                .prop_map(|(d, r)| Step::Delete(d, r))
                .boxed(),
        ),
        (
            2,
            (device(), record())
                .prop_map(|(d, r)| Step::Restore(d, r))
                .boxed(),
        ),
        (
            8,
            (device(), record(), writes(), any::<Option<bool>>())
                .prop_map(|(d, r, w, keep)| Step::Resolve(d, r, w, keep))
                .boxed(),
        ),
        (
            1,
            (device(), record(), any::<bool>())
                .prop_map(|(d, r, on)| Step::Follow(d, r, on))
                .boxed(),
        ),
        (
            1,
            (device(), any::<u8>())
                .prop_map(|(d, i)| Step::Settle(d, i))
                .boxed(),
        ),
        (4, device().prop_map(Step::Upload).boxed()),
        (6, device().prop_map(Step::Sync).boxed()),
    ];
    if spice.publishes {
        steps.push((1, any::<u8>().prop_map(Step::Publish).boxed()));
    }
    if spice.wrongs {
        let wrong = (device(), record(), any::<u8>());
        steps.push((
            2,
            wrong
                .prop_map(|(d, r, kind)| Step::Wrong(d, r, kind))
                .boxed(),
        ));
        let fork = (device(), any::<bool>());
        steps.push((1, fork.prop_map(|(d, twice)| Step::Fork(d, twice)).boxed()));
    }
    prop::strategy::Union::new_weighted(steps)
}

/// Two accounts, then orders, the last two of which anybody may derive.
const RECORDS: usize = 6;

fn name(record: u8) -> String {
    format!("r{}", usize::from(record) % RECORDS)
}

fn id(record: u8) -> RecordId {
    let number = record % RECORDS as u8;
    match number {
        4.. => RecordId::derive(b"lift", &name(number)),
        _ => RecordId::mint(u64::from(number), [number; 10]),
    }
}

impl History {
    /// The world after it happened and everybody sent what they had.
    pub(crate) fn happens(&self) -> World {
        let mut world = self.begins();
        for step in &self.steps {
            step.happens(&mut world);
        }
        for device in DEVICES {
            world.uploads(device);
        }
        world
    }

    /// The world before it.
    pub(crate) fn begins(&self) -> World {
        let mut world = World::new(organization(self.policy, self.granularity));
        for record in 0..RECORDS as u8 {
            world.calls(&name(record), id(record));
        }
        for (number, device) in (0..).zip(DEVICES) {
            world.enrols(device, device);
            world.devices.get_mut(device).expect(device).ahead = 700 * (number % 3);
        }
        for record in [0, 2, 3, 4] {
            Step::Create(0, record, vec![(0, 1), (5, 1), (200, 2)]).happens(&mut world);
        }
        world.all_sync();
        world
    }
}

impl Step {
    pub(crate) fn happens(&self, world: &mut World) {
        match self {
            Step::Create(device, record, writes) => {
                let change = Change::Create(draw(world, *device, *record, writes));
                plain(world, *device, *record, change);
            }
            Step::Update(device, record, writes) => {
                let change = sensible(world, *device, *record, writes);
                plain(world, *device, *record, change);
            }
            Step::Both(device, one, two) => {
                let mutations = [one, two].map(|(record, writes)| {
                    let change = sensible(world, *device, *record, writes);
                    on(world, *device, *record, change)
                });
                world.edits(named(*device), mutations.to_vec());
            }
            Step::Delete(device, record) => plain(world, *device, *record, Change::Delete),
            Step::Restore(device, record) => plain(world, *device, *record, Change::Restore),
            Step::Follow(device, record, true) => plain(world, *device, *record, Change::Follow),
            Step::Follow(device, record, false) => plain(world, *device, *record, Change::Unfollow),
            Step::Resolve(device, record, writes, keep) => {
                let change = decision(world, *device, *record, writes, *keep);
                plain(world, *device, *record, change);
            }
            Step::Settle(device, issue) => {
                let issues = world.state.issues().len();
                if issues > 0 {
                    let issue = usize::from(*issue) % issues + 1;
                    world.settles(named(*device), issue, SettleOutcome::Discarded);
                }
            }
            Step::Upload(device) => drop(world.uploads(named(*device))),
            Step::Sync(device) => drop(world.syncs(named(*device))),
            Step::Publish(kind) => drop(world.publishes(|next| republish(next, *kind))),
            Step::Wrong(device, record, kind) => wrong(world, *device, *record, *kind),
            Step::Fork(device, twice) => fork(world, named(*device), *twice),
        }
    }
}

/// What a person would do to change a record: create it when it is not there,
/// restore it when it is deleted.
fn sensible(world: &World, device: u8, record: u8, writes: &Writes) -> Change {
    let drawn = || draw(world, device, record, writes);
    match world.devices[named(device)].sees(id(record)) {
        None => Change::Create(drawn()),
        Some(false) => Change::Restore,
        Some(true) => Change::Update(drawn()),
    }
}

/// What a person would decide about the conflicts they see; an update when
/// there are none, or, carelessly, a decision all the same.
fn decision(world: &World, device: u8, record: u8, writes: &Writes, keep: Option<bool>) -> Change {
    let seen = world.devices[named(device)].images.get(&id(record));
    let is_open = |slot: &&FieldSlot| match &slot.state {
        FieldState::Register(register) => register.open.is_some(),
        _ => false,
    };
    let open = seen
        .into_iter()
        .flat_map(|seen| seen.fields.iter().filter(is_open));
    let open: Vec<FieldId> = open.map(|slot| slot.id).collect();
    let life_is_open = seen.is_some_and(|seen| seen.life.open.is_some());
    let careless = writes.len() == 3 && keep == Some(true);
    if open.is_empty() && !life_is_open && !careless {
        return sensible(world, device, record, writes);
    }
    let record_type = type_of(world, record);
    let decide = |(number, seed): &(u8, u8)| {
        let field = open.get(usize::from(*number) % open.len().max(1))?;
        let field = &record_type.fields[field];
        Some((
            field.id,
            drawn_write(world, named(device), id(record), field, *seed),
        ))
    };
    let fields = writes.iter().filter_map(decide).collect();
    Change::Resolve {
        fields,
        keep: keep.filter(|_| life_is_open),
    }
}

fn named(device: u8) -> &'static str {
    DEVICES[usize::from(device) % DEVICES.len()]
}

fn type_of(world: &World, record: u8) -> RecordType {
    let of = if record % (RECORDS as u8) < 2 {
        "account"
    } else {
        "order"
    };
    world.type_named(of)
}

fn on(world: &World, device: u8, record: u8, change: Change) -> Mutation {
    let record_type = type_of(world, record).id;
    let device = &world.devices[named(device)];
    let held = device.images.contains_key(&id(record));
    let base = if held { device.cursor } else { Version(0) };
    Mutation {
        record: id(record),
        record_type,
        base,
        change,
    }
}

fn plain(world: &mut World, device: u8, record: u8, change: Change) {
    let mutation = on(world, device, record, change);
    world.edits(named(device), vec![mutation]);
}

fn draw(world: &World, device: u8, record: u8, writes: &Writes) -> Vec<(FieldId, Write)> {
    let record_type = type_of(world, record);
    let fields: Vec<&Field> = record_type.fields.values().collect();
    let mut drawn = Vec::new();
    for (number, seed) in writes {
        let few = if *number < 128 { 3 } else { fields.len() };
        let field = fields[usize::from(*number) % few];
        let is_document = matches!(field.kind, Kind::RichText | Kind::Json);
        if !(is_document && drawn.iter().any(|(id, _)| *id == field.id)) {
            drawn.push((
                field.id,
                drawn_write(world, named(device), id(record), field, *seed),
            ));
        }
    }
    drawn
}

/// A write out of few, so that people often agree and often collide.
pub(crate) fn drawn_write(
    world: &World,
    device: &str,
    record: RecordId,
    field: &Field,
    seed: u8,
) -> Write {
    let pick = |options: [&str; 4]| options[usize::from(seed) % 4].to_owned();
    let text = match &field.kind {
        Kind::Text { .. } => pick(["", "left", "right", "up"]),
        Kind::Integer { .. } => pick(["1", "2", "3", "4"]),
        Kind::Decimal { .. } => pick(["1", "2.5", "", "-3.25"]),
        Kind::Money { .. } => pick(["1 EUR", "2.5", "", "1 USD"]),
        Kind::Boolean => pick(["yes", "no", "", "no"]),
        Kind::Date => pick(["2026-01-01", "2026-01-02", "2026-01-01", ""]),
        Kind::Timestamp => pick(["2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", "", ""]),
        Kind::Choice { .. } => pick(["open", "done", "billed", ""]),
        Kind::MultiChoice { .. } => pick(["open", "done", "open, done", ""]),
        Kind::File => {
            let photo = r#"{"hash":"HASH","size":SIZE,"name":"lift.jpg"}"#;
            let photo = photo.replace("HASH", &"ab".repeat(32));
            let photo = photo.replace("SIZE", &(seed % 3).to_string());
            let json = serde_json::from_str(&photo).expect("JSON");
            return Write::Set(Value::from_json(&Kind::File, &json).expect("a file"));
        }
        Kind::Lookup { targets, .. } => {
            let account = targets.contains(&cairn_model::TypeId(1));
            let order = pick(["r2", "r3", "r4", ""]);
            if account {
                pick(["r0", "r1", "r0", ""])
            } else {
                order
            }
        }
        Kind::Counter => pick(["1", "-2", "5", "1"]),
        Kind::Set { .. } => pick(["+a", "+b -a", "+a +c", "-a -b"]),
        Kind::RichText => typed(world, device, record, field, seed),
        Kind::Json => ticked(world, device, record, field, seed),
    };
    world.write(device, record, field.id, &field.kind, &text)
}

/// The text with one new word somewhere between the others.
fn typed(world: &World, device: &str, record: RecordId, field: &Field, seed: u8) -> String {
    let text = world.reads(device, record, field.id, &field.kind);
    let mut words: Vec<String> = text
        .as_str()
        .expect("text")
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let at = usize::from(seed) % (words.len() + 1);
    words.insert(at, new_word(world, device));
    format!("{} ", words.join(" "))
}

/// A word that nobody has typed before.
fn new_word(world: &World, device: &str) -> String {
    let device_state = &world.devices[device];
    let sequence = device_state.log.head.sequence + device_state.unsent.len() as u64 + 1;
    format!("{device}{}x{sequence}", device_state.log.id.generation)
}

/// The checklist with one more step ticked.
fn ticked(world: &World, device: &str, record: RecordId, field: &Field, seed: u8) -> String {
    let mut json = world.reads(device, record, field.id, &field.kind);
    json[format!("step {}", seed % 3)] = new_word(world, device).into();
    json.to_string()
}

fn republish(next: &mut Definition, kind: u8) {
    match kind % 8 {
        0 => next.policy = POLICIES[usize::from(kind / 8) % POLICIES.len()].to_owned(),
        1 => next.granularity = GRANULARITIES[usize::from(kind / 8) % 2],
        2 => field_mut(next, "order", "urgent").retired ^= true,
        3 => field_mut(next, "order", "priority").kind = Kind::decimal(),
        4 => field_mut(next, "order", "hours").kind = Kind::text(),
        5 => {
            let added = field(21, "seal", Kind::text());
            next.types
                .entry(cairn_model::TypeId(2))
                .and_modify(|order| {
                    order.fields.insert(added.id, added);
                });
        }
        6 => {
            let ann = next.users.get_mut("ann").expect("ann");
            ann.name = format!("Ann the {kind}th");
        }
        _ => field_mut(next, "order", "title").policy = Some("max".to_owned()),
    }
}

fn wrong(world: &mut World, device: u8, record: u8, kind: u8) {
    let device_name = named(device);
    let order = world.type_named("order");
    let set = |field: u16, value: Value| Change::Update(vec![(FieldId(field), Write::Set(value))]);
    let change = match kind % 8 {
        0 => set(99, Value::Boolean(true)),
        1 => set(4, Value::Integer(99)),
        2 => set(1, Value::Text("long".repeat(100))),
        3 => set(1, Value::Boolean(true)),
        4 => set(12, Value::Lookup(RecordId([9; 16]))),
        5 => Change::Update(vec![(FieldId(17), Write::Merge(b"no change".to_vec()))]),
        6 => Change::Create(Vec::new()),
        _ => {
            return world.acts(
                device_name,
                Action::Revoke {
                    device: world.devices["ann"].log.id.device,
                },
            );
        }
    };
    let mut mutation = on(world, device, record, change);
    if kind.is_multiple_of(8) {
        mutation.record_type = order.id;
    }
    if kind > 200 {
        mutation.base = Version(1_000_000);
    }
    world.edits(device_name, vec![mutation]);
}

/// A device writes on as if its last bundle had never been sent: on its old
/// log, or, better, on a new one.
fn fork(world: &mut World, device: &str, twice: bool) {
    world.uploads(device);
    let log = &mut world.devices.get_mut(device).expect(device).log;
    if twice && log.head.sequence > 0 {
        let genesis = bundle::LogHead::genesis(&ORGANIZATION, &log.id);
        log.head = genesis;
    } else {
        log.restart();
    }
}

/// Whose operation stands at a version.
pub(crate) fn operation_at(world: &World, version: Version) -> OperationId {
    let mut first = 1;
    for entry in &world.ledger {
        let after = first + entry.bundle.slots().len() as u64;
        if version.0 < after {
            let sequence = entry.bundle.first() + (version.0 - first);
            return OperationId {
                log: entry.bundle.log(),
                sequence,
            };
        }
        first = after;
    }
    panic!("version {version} is not in the ledger")
}
