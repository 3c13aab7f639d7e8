//! Where a policy says that it does not depend on the order of arrival, it does
//! not: every ledger order that respects causality gives the same candidates
//! and the same winners.

use super::holds;
use crate::history::{DEVICES, drawn_write};
use crate::world::organization::organization;
use crate::world::{ORGANIZATION, World};
use cairn_model::{
    Change, DeviceId, Field, FieldId, Granularity, Kind, Mutation, RecordId, RecordType, Timestamp,
    Value, Version, Write,
};
use cairn_oplog::{Entry, Verified};
use cairn_projection::register::Register;
use cairn_projection::{FieldState, Record, State, document};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Between two rounds, what was sent arrives in one order or another.
#[derive(Debug, Clone)]
struct Turn {
    device: usize,
    edits: Vec<Edit>,
    sends: bool,
    fetches: bool,
    /// Where among the others its bundle arrives in the other order.
    place: u8,
}

#[derive(Debug, Clone)]
struct Edit {
    record: u8,
    kind: u8,
    writes: Vec<(u8, u8)>,
}

fn rounds() -> impl Strategy<Value = Vec<Vec<Turn>>> {
    let writes = prop::collection::vec((any::<u8>(), any::<u8>()), 1..4);
    let edit = (0..6u8, any::<u8>(), writes).prop_map(|(record, kind, writes)| Edit {
        record,
        kind,
        writes,
    });
    let edits = prop::collection::vec(edit, 0..4);
    let mostly = || prop::bool::weighted(0.8);
    let turn = move |device| {
        (edits.clone(), mostly(), mostly(), any::<u8>()).prop_map(
            move |(edits, sends, fetches, place)| Turn {
                device,
                edits,
                sends,
                fetches,
                place,
            },
        )
    };
    prop::collection::vec(
        (turn(0), turn(1), turn(2)).prop_map(|(a, b, c)| vec![a, b, c]),
        1..6,
    )
}

/// Fields that admission does not compare between records.
const FIELDS: [&str; 13] = [
    "title",
    "start",
    "priority",
    "hours",
    "cost",
    "urgent",
    "status",
    "flags",
    "photo",
    "visits",
    "tags",
    "note",
    "checklist",
];

fn id(record: u8, device: usize) -> RecordId {
    match record {
        0..3 => RecordId::derive(b"lift", &record.to_string()),
        _ => RecordId::mint(u64::from(record), [device as u8; 10]),
    }
}

/// What a person may do with a record as they see it.
fn edit(world: &mut World, turn: &Turn, edit: &Edit) {
    let device = DEVICES[turn.device];
    let record_type = world.type_named("order");
    let known: Vec<RecordId> = world.devices[device]
        .images
        .values()
        .filter(|record| record.record_type == record_type.id)
        .map(|record| record.id)
        .collect();
    let new = id(edit.record, turn.device);
    let record = match known.get(usize::from(edit.kind) % 8) {
        Some(known) => *known,
        None => new,
    };
    let seen = world.devices[device].images.get(&record);
    let alive = world.devices[device].sees(record);
    let writes = |contested: bool| -> Vec<(FieldId, Write)> {
        let fields: Vec<&Field> = record_type
            .fields
            .values()
            .filter(|field| FIELDS.contains(&field.name.as_str()))
            .filter(|field| !contested || seen.is_some_and(|seen| is_open(seen, field.id)))
            .collect();
        let mut writes: BTreeMap<FieldId, Write> = BTreeMap::new();
        for (number, seed) in edit.writes.iter().filter(|_| !fields.is_empty()) {
            let field = fields[usize::from(*number) % fields.len()];
            writes.insert(field.id, drawn_write(world, device, record, field, *seed));
        }
        writes.into_iter().collect()
    };
    let life_is_open = seen.is_some_and(|seen| seen.life.open.is_some());
    let change = match (alive, edit.kind % 16) {
        (None, _) => Change::Create(writes(false)),
        (Some(false), _) => Change::Restore,
        (Some(true), 0..3) => Change::Delete,
        (Some(true), 3) if life_is_open => Change::Resolve {
            fields: Vec::new(),
            keep: Some(edit.kind < 128),
        },
        (Some(true), 4..8) => match writes(true) {
            fields if fields.is_empty() => Change::Update(writes(false)),
            fields => Change::Resolve { fields, keep: None },
        },
        (Some(true), _) => Change::Update(writes(false)),
    };
    let base = if seen.is_some() {
        world.devices[device].cursor
    } else {
        Version(0)
    };
    world.edits(
        device,
        vec![Mutation {
            record,
            record_type: record_type.id,
            base,
            change,
        }],
    );
}

fn is_open(record: &Record, field: FieldId) -> bool {
    match record.field(field) {
        Some(FieldState::Register(register)) => register.open.is_some(),
        _ => false,
    }
}

/// The bundles of each round, in two orders.
fn arrivals(policy: &str, rounds: &[Vec<Turn>]) -> [Vec<Verified>; 2] {
    let mut world = World::new(organization(policy, Granularity::Field));
    DEVICES
        .iter()
        .for_each(|device| world.enrols(device, device));
    for (number, device) in (0..).zip(DEVICES) {
        world.devices.get_mut(device).expect(device).ahead = 3 * (number % 2);
    }
    let mut orders = [bundles(&world, 0), bundles(&world, 0)];
    for turns in rounds {
        let before = world.ledger.len();
        for turn in turns {
            turn.edits.iter().for_each(|it| edit(&mut world, turn, it));
        }
        let mut senders: Vec<&Turn> = turns.iter().filter(|turn| turn.sends).collect();
        senders.retain(|turn| !world.uploads(DEVICES[turn.device]).is_empty());
        for turn in turns.iter().filter(|turn| turn.fetches) {
            world.pulls(DEVICES[turn.device]);
        }
        let sent = bundles(&world, before);
        let mut other: Vec<(u8, Verified)> = senders
            .iter()
            .map(|turn| turn.place)
            .zip(sent.clone())
            .collect();
        other.sort_by_key(|(place, _)| *place);
        orders[0].extend(sent);
        orders[1].extend(other.into_iter().map(|(_, bundle)| bundle));
    }
    orders
}

fn bundles(world: &World, from: usize) -> Vec<Verified> {
    world.ledger[from..]
        .iter()
        .map(|entry| entry.bundle.clone())
        .collect()
}

/// Everything received at one moment.
fn folded(relay: cairn_model::PublicKey, bundles: Vec<Verified>) -> State {
    let mut state = State::new(ORGANIZATION, relay);
    let received = Timestamp(1_800_000_000_000);
    for (position, bundle) in (1..).zip(bundles) {
        let verdicts = state.fold(&Entry {
            position,
            received,
            bundle,
        });
        assert!(
            verdicts.iter().all(|verdict| verdict.rejected.is_none()),
            "{:?}",
            state.issues()
        );
    }
    state
}

/// A write, by whose it is and its place in their log.
type Writer = Option<(DeviceId, u64)>;

/// A register without what depends on the ledger's numbering.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    candidates: BTreeMap<Writer, Option<Value>>,
    winner: Option<(Writer, Option<Value>)>,
    open: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Register(Told),
    Counter(i64),
    Set(BTreeMap<Value, BTreeSet<Writer>>),
    Document(Vec<[u8; 32]>),
}

fn writer(state: &State, record: &Record, version: Version) -> Writer {
    let origin = record.origin(version)?;
    Some((
        state.device(origin.author).expect("enrolled").id,
        origin.sequence,
    ))
}

fn told(state: &State, record: &Record, register: &Register, flag: bool) -> Told {
    let by = |version| writer(state, record, version);
    let shown = register.shown().filter(|_| !flag);
    Told {
        candidates: register
            .writes
            .iter()
            .map(|w| (by(w.version), w.value.clone()))
            .collect(),
        winner: shown.map(|write| (by(write.version), write.value.clone())),
        open: register.open.is_some(),
    }
}

fn fields(state: &State, record: &Record, of: &RecordType, flag: bool) -> BTreeMap<FieldId, Shown> {
    let by = |version: &Version| writer(state, record, *version);
    let tell = |kind: &Kind, state_of: &FieldState| match state_of {
        FieldState::Register(register) => Shown::Register(told(state, record, register, flag)),
        FieldState::Counter(sum) => Shown::Counter(*sum),
        FieldState::Set(set) => Shown::Set(
            set.additions
                .iter()
                .map(|(e, by_whom)| (e.clone(), by_whom.iter().map(by).collect()))
                .collect(),
        ),
        FieldState::Document(saved) => Shown::Document(document::heads(kind, saved)),
    };
    let slots = record.fields.iter();
    slots
        .map(|slot| (slot.id, tell(&of.fields[&slot.id].kind, &slot.state)))
        .collect()
}

type Everything = BTreeMap<RecordId, (bool, Told, BTreeMap<FieldId, Shown>)>;

fn everything(state: &State, flag: bool) -> Everything {
    let types = &state.definition().types;
    let of_orders = state
        .records()
        .filter(|r| types[&r.record_type].name == "order");
    of_orders
        .map(|record| {
            let life = told(state, record, &record.life, true);
            let fields = fields(state, record, &types[&record.record_type], flag);
            (record.id, (record.is_alive(), life, fields))
        })
        .collect()
}

#[test]
fn candidates_and_winners_do_not_depend_on_the_order_of_arrival() {
    let insensitive: Vec<&str> = cairn_policy::all()
        .filter(|policy| policy.order_insensitive())
        .map(|policy| policy.id())
        .collect();
    assert_eq!(insensitive.len(), 6);
    let relay = crate::world::Log::new(1).key.public();
    holds(
        150,
        (prop::sample::select(insensitive), rounds()),
        |(policy, rounds)| {
            let [one, other] = arrivals(policy, &rounds);
            let flag = policy == "flag";
            let one = everything(&folded(relay, one), flag);
            assert_eq!(one, everything(&folded(relay, other), flag));
        },
    );
}
