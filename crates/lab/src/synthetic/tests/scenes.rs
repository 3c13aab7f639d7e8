//! That what a scene is for really occurs in it.

use super::super::laws::{HOUR, MINUTE, Outages};
use super::super::{counters, field_service};
use super::*;
use crate::door::Run;
use cairn_model::{Action, DeviceId, FieldId, HybridTime, Kind, Mutation, RecordId, Value};
use cairn_oplog::bundle::{Slot, decode_operation};
use cairn_projection::FieldState;
use std::collections::BTreeSet;

const DOMAINS: [&str; 5] = ["field-service-day", "sales", "text", "counters", "moves"];

pub(super) fn scene(name: &str) -> Scene {
    Scene::named(name).expect(name)
}

pub(super) fn folded(study: &Study, trial: Trial) -> State {
    let ledger = &study.ledger;
    let mut state = State::on_trial(ledger.organization(), ledger.relay(), trial);
    for entry in ledger.entries() {
        state.fold(entry);
    }
    state
}

/// What each device did, and by its own clock when.
fn doings(study: &Study) -> BTreeMap<DeviceId, Vec<(HybridTime, Vec<Mutation>)>> {
    let mut doings: BTreeMap<DeviceId, Vec<_>> = BTreeMap::new();
    for entry in study.ledger.entries() {
        for slot in entry.bundle.slots() {
            let Slot::Whole(bytes) = slot else { continue };
            let operation = decode_operation(bytes).expect("it was written here");
            if let Action::Edit(mutations) = operation.action {
                let of = doings.entry(entry.bundle.log().device).or_default();
                of.push((operation.time, mutations));
            }
        }
    }
    doings
}

#[test]
fn one_seed_is_one_ledger_everywhere() {
    for name in DOMAINS {
        let entries = |seed| generate(scene(name), seed).ledger.entries().to_vec();
        assert_eq!(entries(1), entries(1), "{name}");
        assert_ne!(entries(1), entries(2), "{name}");
    }
}

/// What one person does, and when by their clock, does not depend on how many
/// others there are.
#[test]
fn people_do_not_depend_on_how_many_there_are() {
    let of = |devices| {
        let study = generate(
            Workload {
                devices,
                ..Workload::default()
            },
            4,
        );
        let undated = |(time, mutations): (HybridTime, Vec<Mutation>)| {
            let changes = mutations.into_iter().map(|m| (m.record, m.change));
            (time, changes.collect::<Vec<_>>())
        };
        doings(&study)
            .into_iter()
            .map(|(device, done)| (device, done.into_iter().map(undated).collect::<Vec<_>>()))
            .collect::<BTreeMap<_, _>>()
    };
    let (few, many) = (of(3), of(6));
    assert_eq!((few.len(), many.len()), (3, 6));
    for (device, done) in &few {
        assert_eq!(Some(done), many.get(device));
    }
}

#[test]
fn every_kind_of_field_is_written_somewhere() {
    let mut kinds: BTreeSet<&str> = BTreeSet::new();
    for name in DOMAINS {
        let study = generate(scene(name), 1);
        let written: BTreeSet<(cairn_model::TypeId, FieldId)> = doings(&study)
            .into_values()
            .flatten()
            .flat_map(|(_, mutations)| mutations)
            .flat_map(|m| {
                let fields = m.change.writes().iter().map(|(field, _)| *field);
                fields
                    .map(|field| (m.record_type, field))
                    .collect::<Vec<_>>()
            })
            .collect();
        for record_type in scene(name).domain.types() {
            let used = |id: &FieldId| written.contains(&(record_type.id, *id));
            let fields = record_type.fields.values().filter(|field| used(&field.id));
            kinds.extend(fields.map(|field| field.kind.name()));
        }
    }
    let all = [
        Kind::text(),
        Kind::integer(),
        Kind::decimal(),
        Kind::money("EUR"),
        Kind::Boolean,
        Kind::Date,
        Kind::Timestamp,
        Kind::Choice {
            options: Vec::new(),
        },
        Kind::Lookup {
            targets: [TYPE].into(),
            on_delete: cairn_model::OnDelete::Clear,
        },
        Kind::Counter,
        Kind::Set {
            of: Box::new(Kind::text()),
        },
        Kind::RichText,
        Kind::Json,
    ];
    for kind in &all {
        assert!(kinds.contains(kind.name()), "{} in {kinds:?}", kind.name());
    }
}

/// Flagging loses no register silently in any scene; nothing but what asks for
/// a taken number is refused.
#[test]
fn nothing_is_lost_silently_under_flag_in_any_scene() {
    for name in DOMAINS {
        for seed in 0..2 {
            let study = generate(scene(name), seed);
            let state = folded(&study, named("flag"));
            let trace = traced(&study);
            let tally = judge(&trace, &state, &study.truth, false);
            let is_set = |class: &str| ["work_order.tags", "opportunity.rivals"].contains(&class);
            for (class, tally) in tally.classes.iter().filter(|(class, _)| !is_set(class)) {
                assert_eq!(tally.whole.lost_silently, 0, "{name} {seed} {class}");
            }
            assert!(
                tally.whole.conflict_sets > 0,
                "{name} {seed}: nothing meets"
            );
            if name != "field-service-day" {
                let issues: Vec<_> = state.issues().iter().map(|i| &i.what).collect();
                assert_eq!(tally.whole.refused, 0, "{name} {seed}: {issues:?}");
            }
        }
    }
}

/// Of orders that were made under one number, all but the first are refused.
#[test]
fn order_numbers_collide() {
    let mut taken = 0;
    for seed in 0..4 {
        let state = folded(&generate(scene("field-service-day"), seed), named("flag"));
        let is_taken = |code| code == cairn_projection::Code::KeyTaken;
        taken += state
            .issues()
            .iter()
            .filter(|issue| is_taken(issue.code))
            .count();
        let unexpected = state.issues().iter().find(|issue| !is_taken(issue.code));
        assert_eq!(unexpected, None, "seed {seed}");
    }
    assert!(taken > 0);
}

/// While the office has no uplink nothing of it arrives; once it is back, the
/// dispatchers come within half a minute of each other.
#[test]
fn an_outage_strikes_the_whole_office() {
    let service = field_service::FieldService::default();
    let law = service.sites()[0];
    let (mut outages, mut bursts) = (0, 0);
    for seed in 0..6 {
        let study = generate(scene("field-service-day"), seed);
        let mut office = Outages::new(law, Stream::new(seed, "site 0"));
        let devices: Vec<DeviceId> = people(&study)[..service.dispatchers].to_vec();
        let mut back: BTreeMap<u64, BTreeSet<DeviceId>> = BTreeMap::new();
        let mut ends = BTreeSet::new();
        for minute in 0..11 * 60 {
            ends.extend(office.end(BEGIN.0 + minute * MINUTE));
        }
        for entry in study.ledger.entries() {
            let device = entry.bundle.log().device;
            if devices.contains(&device) && entry.received > BEGIN {
                let time = entry.received.0;
                assert_eq!(office.end(time), None, "seed {seed}, at {time}");
                let just = ends.range(..=time).next_back();
                if let Some(end) = just.filter(|end| time - **end <= 30_000) {
                    back.entry(*end).or_default().insert(device);
                }
            }
        }
        outages += ends.len();
        bursts += back.values().filter(|devices| devices.len() == 2).count();
    }
    assert!(outages >= 6, "{outages}");
    assert!(bursts >= 3, "{bursts} of {outages}");
}

/// Devices by order of their people.
fn people(study: &Study) -> Vec<DeviceId> {
    let state = folded(study, named("flag"));
    state.devices()[1..]
        .iter()
        .map(|device| device.id)
        .collect()
}

/// How long technicians are away: long tails, not alike.
#[test]
fn technicians_are_away_for_hours() {
    let mut away = Vec::new();
    for seed in 0..4 {
        let study = generate(scene("field-service-day"), seed);
        let technicians = people(&study)[4..].to_vec();
        let mut last: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for entry in study.ledger.entries() {
            let (device, time) = (entry.bundle.log().device, entry.received.0);
            if technicians.contains(&device) {
                let before = last.insert(device, time).unwrap_or(BEGIN.0);
                away.push(time - before);
            }
        }
    }
    assert!(away.iter().any(|span| *span > 3 * HOUR));
    assert!(away.iter().any(|span| *span < 10 * MINUTE));
}

/// Two runs that had not seen each other, in one text.
fn met(runs: &[Run]) -> impl Iterator<Item = (&Run, &Run)> {
    runs.iter().enumerate().flat_map(move |(at, one)| {
        let others = runs[at + 1..].iter();
        let same = |other: &&Run| (other.record, other.field) == (one.record, one.field);
        let apart = |other: &&Run| other.base < one.first && one.base < other.first;
        let by_others = |other: &&Run| other.author != one.author;
        others
            .filter(same)
            .filter(apart)
            .filter(by_others)
            .map(move |other| (one, other))
    })
}

fn text_of(state: &State, record: RecordId, field: FieldId) -> String {
    let Some(FieldState::Document(saved)) = state.record(record).unwrap().field(field) else {
        panic!("there is a text");
    };
    let text = cairn_projection::document::read(&Kind::RichText, saved).unwrap();
    text.as_str().unwrap().to_owned()
}

/// Every piece is there once, each run in its own order; and some runs that met
/// stand alternately.
#[test]
fn notes_that_were_written_apart_interleave() {
    let (mut pairs, mut interleaved) = (0, 0);
    for seed in 0..3 {
        let study = generate(scene("text"), seed);
        let state = folded(&study, named("flag"));
        let place = |run: &Run, piece: &String| {
            let text = text_of(&state, run.record, run.field);
            assert_eq!(text.matches(piece.as_str()).count(), 1, "{piece}");
            text.find(piece.as_str()).unwrap()
        };
        for run in &study.truth.runs {
            let places: Vec<usize> = run.pieces.iter().map(|piece| place(run, piece)).collect();
            assert!(places.is_sorted(), "{run:?}");
        }
        for (one, other) in met(&study.truth.runs) {
            let mut order: Vec<(usize, bool)> = Vec::new();
            order.extend(one.pieces.iter().map(|piece| (place(one, piece), true)));
            order.extend(
                other
                    .pieces
                    .iter()
                    .map(|piece| (place(other, piece), false)),
            );
            order.sort_unstable();
            let blocks = 1 + order
                .windows(2)
                .filter(|pair| pair[0].1 != pair[1].1)
                .count();
            pairs += 1;
            interleaved += usize::from(blocks > 2);
        }
    }
    assert!(interleaved > 0, "none of {pairs}");
}

/// Two moves apart make a circle that neither of them saw.
#[test]
fn moves_make_circles() {
    let mut circular = 0;
    for seed in 0..6 {
        let study = generate(scene("moves"), seed);
        let trace = traced(&study);
        circular += judged(&study, &trace, named("last-writer-wins")).circular;
    }
    assert!(circular > 0);
}

/// The stock leaves its bounds though nobody took what they knew was not
/// there; money in counters comes to what it was, written numbers lose some.
#[test]
fn counters_pass_their_bounds_and_keep_their_sums() {
    let (mut outside, mut made) = (0, 0);
    for seed in 0..6 {
        let study = generate(scene("counters"), seed);
        let state = folded(&study, named("last-writer-wins"));
        let bound = study.truth.bounds[0];
        let count = |record: &cairn_projection::Record, field| match record.field(field) {
            Some(FieldState::Counter(count)) => *count,
            _ => match record.value(field) {
                Some(Value::Integer(number)) => *number,
                _ => 0,
            },
        };
        let of = |record_type| {
            state
                .records()
                .filter(move |r| r.record_type == record_type)
        };
        let within = bound.min.unwrap()..=bound.max.unwrap();
        let stock = of(counters::ITEM).map(|item| count(item, counters::ON_HAND));
        outside += stock.filter(|stock| !within.contains(stock)).count();
        for sum in &study.truth.sums {
            let found: i64 = of(sum.record_type).map(|r| count(r, sum.field)).sum();
            match sum.field == counters::BALANCE {
                true => assert_eq!(found, sum.expected, "seed {seed}"),
                false => made += usize::from(found != sum.expected),
            }
        }
    }
    assert!(outside > 0);
    assert!(made > 0);
}

#[test]
fn a_file_of_parameters_is_a_workload() {
    let text = "devices = 9\nzipf = 1.1\nhours = { from = 8, to = 17 }\n\
                offline = { law = \"weibull\", scale = 7_200_000, shape = 0.7 }\n\
                agents = { fighter = 3, delay = 60_000 }\n";
    let read = Workload::from_toml("depot", text).expect("it is sound");
    assert_eq!(
        (read.name.as_str(), read.devices, read.edits),
        ("depot", 9, 60)
    );
    assert_eq!(read.agents.fighter, 3);
    let few = Workload {
        devices: 2,
        edits: 5,
        records: 3,
        ..read
    };
    let study = generate(&few, 1);
    assert_eq!(doings(&study).len(), 2);
    let at_night = doings(&study).into_values().flatten().filter(|(time, _)| {
        let hour = time.wall().0 / HOUR % 24;
        !(8..17).contains(&hour)
    });
    assert_eq!(at_night.count(), 0);
}

#[test]
fn what_is_wrong_with_a_file_is_said() {
    let said = |text: &str| Workload::from_toml("mine", text).unwrap_err();
    assert!(
        said("devises = 3").contains("unknown field `devises`"),
        "{}",
        said("devises = 3")
    );
    for (text, words) in [
        ("devices = 0", "`devices` is 0; 1 to 1000 is possible"),
        (
            "fields = 2\nwrites = 3",
            "`writes` is 3; 1 to 2 is possible",
        ),
        ("deletions = 1.5", "`deletions` is 1.5; 0 to 1 is possible"),
        ("zipf = nan", "`zipf` is NaN; 0 to 10 is possible"),
        ("name = \"\"", "`name` must have 1 to 60 characters"),
        ("hours = { from = 9, to = 9 }", "`hours` are from 9 to 9"),
        (
            "devices = 1000\nedits = 1_000_000",
            "more than 20000000 writes",
        ),
        (
            "offline = { law = \"weibull\", scale = 5, shape = 0.0 }",
            "`offline`: its shape",
        ),
        (
            "agents = { answers = 2.0 }",
            "`agents`: `answers` is 2; a share from 0 to 1",
        ),
        (
            "agents = { oblivious = 0, corrector = 0, deferrer = 0, fighter = 0, inattentive = 0 }",
            "`agents`: the weights",
        ),
        ("agents = { delay = 0 }", "`agents`: `delay` is 0 ms"),
    ] {
        assert!(
            said(text).starts_with(words) || said(text).contains(words),
            "{}",
            said(text)
        );
    }
}

/// … nor in a scene with lookups, sets and counters.
#[test]
fn nobody_satisfies_more_than_the_oracle_here_either() {
    for name in ["sales", "moves"] {
        for seed in 0..3 {
            let study = generate(scene(name), seed);
            let trace = super::traced(&study);
            let oracle = super::judged(&study, &trace, hindsight(&trace, &study.truth));
            for policy in ["last-writer-wins", "client-wins", "min"] {
                let tally = super::judged(&study, &trace, super::named(policy));
                let (own, best) = (tally.satisfied, oracle.satisfied);
                assert!(own <= best, "{policy}, {name} {seed}: {own} of {best}");
            }
        }
    }
}
