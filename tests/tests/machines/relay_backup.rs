//! A relay that comes back from an old backup: who knows more than it is told
//! so, whether or not its ledger has grown again, and loses nothing.

use crate::world::World;
use cairn_agent::{Reply, Request};
use cairn_oplog::memory::MemoryStorage;
use cairn_proto::Refusal;

const HOUR_MS: u64 = 3_600_000;

/// Two devices in agreement, an account, and what the relay has stored then.
fn with_backup() -> (World, cairn_model::RecordId, MemoryStorage) {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.sync_all();
    let backup = world.relay_storage.crash();
    (world, account, backup)
}

fn refused(world: &World, device: usize) -> Option<Refusal> {
    world.devices[device].agent.status().refused
}

#[test]
fn a_device_that_knows_more_is_refused_and_asks_again_every_hour_or_when_asked_to() {
    let (mut world, account, backup) = with_backup();
    world.set(1, account, "phone", "lost");
    world.sync_all();
    world.restore_relay(backup);
    world.link(0);
    world.run();
    assert_eq!(refused(&world, 0), Some(Refusal::AheadOfLedger));
    let device = &world.devices[0].agent;
    assert_eq!(device.deadline(), Some(world.now.plus(HOUR_MS)));
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("lost"));
    world.refusals.clear();
    world.link(0);
    world.run();
    assert_eq!(world.refusals, [Refusal::AheadOfLedger]);
}

#[test]
fn a_ledger_that_has_grown_again_is_another_ledger() {
    let (mut world, account, backup) = with_backup();
    world.set(1, account, "phone", "lost");
    world.unlink(0);
    world.restore_relay(backup);
    let fresh = world.add_device(9, "user1");
    world.link(fresh);
    world.run();
    for city in ["Oslo", "Bergen", "Molde"] {
        world.set(fresh, account, "city", city);
    }
    let known = world.devices[0].agent.status().cursor;
    assert!(
        world.relay.state().version() > known,
        "it has grown past {known}"
    );
    world.link(0);
    world.run();
    assert_eq!(refused(&world, 0), Some(Refusal::OtherLedger));
    assert_eq!(world.text(0, account, "city"), None, "nothing is mixed");

    // Restarts later, the relay still knows.
    world.crash_relay();
    world.link(0);
    world.run();
    assert_eq!(refused(&world, 0), Some(Refusal::OtherLedger));
}

#[test]
fn whoever_knows_no_more_than_the_backup_goes_on() {
    let (mut world, account, backup) = with_backup();
    world.unlink(0);
    world.set(1, account, "phone", "lost");
    world.set(0, account, "city", "Oslo");
    world.restore_relay(backup);
    world.link(0);
    world.run();
    assert!(world.devices[0].agent.is_synced());
    let record = world.relay.state().record(account).expect("it is there");
    let city = world.field("account", "city");
    assert_eq!(
        record.value(city).map(ToString::to_string).as_deref(),
        Some("Oslo")
    );
}

#[test]
fn a_restart_turns_nobody_away() {
    let (mut world, account, _) = with_backup();
    for round in 0..4 {
        world.crash_relay();
        world.set(round % 2, account, "phone", &round.to_string());
        world.sync_all();
    }
    assert_eq!(world.refusals, []);
    world.assert_agreed();
}

#[test]
fn who_starts_over_sends_again_what_the_relay_has_lost_and_overwrites_nothing() {
    let (mut world, account, backup) = with_backup();
    world.set(0, account, "phone", "sent, and lost with the relay");
    world.sync_all();
    let lost = world.create_account(0, "Dairy", "A-2");
    world.sync_all();
    world.unlink(0);
    world.set(0, account, "city", "not sent yet");
    world.unlink(1);
    world.restore_relay(backup);
    let fresh = world.add_device(9, "user1");
    world.link(fresh);
    world.run();
    world.set(fresh, account, "phone", "written meanwhile");
    for number in 0..9 {
        world.set(fresh, account, "email", &format!("{number}@mill.example"));
    }
    for device in [0, 1] {
        world.link(device);
        world.run();
        assert_eq!(refused(&world, device), Some(Refusal::OtherLedger));
        let done = world.request(device, Request::StartOver);
        assert_eq!(done, Ok(Reply::StartedOver));
        assert!(
            world.devices[device].agent.is_synced(),
            "it goes on at once"
        );
    }
    world.sync_all();
    world.assert_agreed();
    assert_eq!(
        world.text(1, account, "city").as_deref(),
        Some("not sent yet")
    );
    assert_eq!(world.text(1, lost, "name").as_deref(), Some("Dairy"));
    let open = world
        .relay
        .state()
        .journal()
        .iter()
        .filter(|it| it.is_open());
    assert_eq!(open.count(), 1, "both phones are there to be chosen from");
    assert!(
        world
            .shown(1, account)
            .is_some_and(|record| record.in_conflict())
    );

    // The same once more: a later power cut finds everything as it is.
    world.crash_device(0);
    world.crash_relay();
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn a_backup_restored_twice_fools_nobody() {
    let (mut world, account, backup) = with_backup();
    world.unlink(0);
    world.restore_relay(backup.crash());
    world.link(0);
    world.run();
    world.set(0, account, "phone", "told by the first");
    world.unlink(0);
    world.unlink(1);
    world.restore_relay(backup);
    let fresh = world.add_device(9, "user1");
    world.link(fresh);
    world.run();
    for number in 0..9 {
        world.set(fresh, account, "phone", &number.to_string());
    }
    world.link(0);
    world.run();
    assert_eq!(refused(&world, 0), Some(Refusal::OtherLedger));
}
