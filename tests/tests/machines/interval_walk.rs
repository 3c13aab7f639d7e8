//! Random intervals, edits and cuts: what an edit is taken to have seen is what
//! its author saw, and in the end everybody holds their scope.

use crate::intervals::with_intervals;
use crate::world::World;
use cairn_agent::{Input, ModeChange, Request, SyncMode};
use cairn_model::{RecordId, Version};
use cairn_relay::past::Moment;
use proptest::prelude::*;
use proptest::sample::select;

const DEVICES: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Write(usize, usize, bool),
    Unlink(usize),
    Link(usize),
    Some(usize),
    CrashDevice(usize),
    CrashRelay,
    Wait(u64),
    SyncNow(usize),
    Manual(usize, bool),
    Interval(&'static str, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0..DEVICES;
    prop_oneof![
        2 => device.clone().prop_map(Step::Create),
        10 => (device.clone(), 0..64_usize, any::<bool>())
            .prop_map(|(device, at, away)| Step::Write(device, at, away)),
        1 => device.clone().prop_map(Step::Unlink),
        3 => device.clone().prop_map(Step::Link),
        2 => (1..6_usize).prop_map(Step::Some),
        1 => device.clone().prop_map(Step::CrashDevice),
        1 => Just(Step::CrashRelay),
        5 => (1..90_u64).prop_map(Step::Wait),
        1 => device.clone().prop_map(Step::SyncNow),
        1 => (device, any::<bool>()).prop_map(|(device, on)| Step::Manual(device, on)),
        1 => (select(vec!["account", "product"]), select(vec![0, 1, 15, 60, 1_440]))
            .prop_map(|(of, minutes)| Step::Interval(of, minutes)),
    ]
}

/// What a device holds of a record is what the relay had at `base`.
fn assert_seen(world: &World, device: usize, record: RecordId, base: Version) {
    let past = world.relay.past();
    let then = past.as_of(Moment::Version(base)).unwrap();
    // Bundles are folded whole: inside of one there is no such moment.
    if then.version() != base {
        return;
    }
    let image = world.devices[device].agent.image(record).unwrap();
    let known = then.record(record).filter(|_| image.is_some());
    for field in ["name", "phone", "city"] {
        let field = world.field("account", field);
        let seen = image.as_ref().and_then(|image| image.field(field));
        let stood = known.and_then(|known| known.field(field));
        assert_eq!(seen, stood, "of {record} on device {device} at {base}");
    }
}

/// Writes on a record, if the device has it; out of reach of the relay if
/// `away`, so that what the write claims to have seen can be looked at.
fn write(world: &mut World, device: usize, record: RecordId, text: &str, away: bool) {
    let shown = world.shown(device, record);
    if !shown.is_some_and(|shown| shown.is_alive()) {
        return;
    }
    let was_linked = world.devices[device].linked;
    if away {
        world.unlink(device);
    }
    let field = if away { "phone" } else { "city" };
    world.set(device, record, field, text);
    let unsent = world.devices[device].agent.unsent().last();
    let base = unsent.map(|(_, operation)| operation.mutations()[0].base);
    let image = world.devices[device].agent.image(record).unwrap();
    if let Some(base) = base.filter(|base| image.is_some() && *base > Version(0)) {
        assert_seen(world, device, record, base);
    }
    if away && was_linked {
        world.link(device);
        world.run();
    }
}

fn take(world: &mut World, step: &Step, number: usize, accounts: &mut Vec<RecordId>) {
    match step {
        Step::Create(device) => {
            accounts.push(world.create_account(*device, "Shop", &format!("A-{number}")));
        }
        Step::Write(device, at, away) => {
            if let Some(record) = accounts.get(at % accounts.len().max(1)).copied() {
                write(world, *device, record, &format!("text {number}"), *away);
            }
        }
        Step::Unlink(device) => world.unlink(*device),
        Step::Link(device) => {
            world.link(*device);
            world.run();
        }
        Step::Some(rounds) => {
            for device in 0..DEVICES {
                world.link(device);
            }
            world.run_steps(*rounds);
        }
        Step::CrashDevice(device) => world.crash_device(*device),
        Step::CrashRelay => world.crash_relay(),
        Step::Wait(minutes) => world.wait(*minutes),
        Step::SyncNow(device) => {
            world.devices[*device].linked = true;
            world.tell(*device, Input::SyncNow);
        }
        Step::Manual(device, on) => {
            let sync = Some(if *on {
                SyncMode::Manual
            } else {
                SyncMode::Live
            });
            let change = ModeChange {
                sync,
                unmetered_only: None,
            };
            world.request(*device, Request::Mode(change)).unwrap();
        }
        Step::Interval(of, minutes) => {
            let record_type = world.type_id(of);
            world.publish(|definition| {
                let crew = definition.profiles.get_mut("crew").unwrap();
                crew.types.get_mut(&record_type).unwrap().interval = *minutes;
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_cut_everybody_ends_with_their_scope(
        steps in prop::collection::vec(step(), 1..60)
    ) {
        let mut world = World::new("flag", DEVICES);
        world.publish(with_intervals);
        world.sync_all();
        let mut accounts = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            take(&mut world, step, number, &mut accounts);
        }
        let live = ModeChange { sync: Some(SyncMode::Live), unmetered_only: None };
        for device in 0..DEVICES {
            world.request(device, Request::Mode(live)).unwrap();
            world.link(device);
        }
        world.sync_all();
        world.wait(2 * 1_440);
        for device in 0..DEVICES {
            prop_assert!(world.devices[device].agent.is_synced());
        }
        world.assert_agreed();
    }
}
