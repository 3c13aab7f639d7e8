//! Power cuts, backups, copies: nothing acknowledged is lost, nothing doubles.

use crate::world::World;
use cairn_agent::{Input, Output};
use cairn_model::Timestamp;
use cairn_oplog::memory::MemoryStorage;
use cairn_proto::{ServerMessage, Welcome};
use std::sync::Arc;

#[test]
fn nothing_acknowledged_is_lost_when_everybody_loses_power() {
    let mut world = World::new("flag", 3);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    for round in 0..20 {
        let device = round % 3;
        world.set(device, account, "phone", &round.to_string());
        match round % 4 {
            0 => world.crash_relay(),
            1 => world.crash_device(device),
            2 => world.unlink((device + 1) % 3),
            _ => {}
        }
        world.sync_all();
        world.assert_agreed();
    }
    let operations = world.relay.state().version().0;
    world.crash_relay();
    assert_eq!(world.relay.state().version().0, operations);
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn offline_edits_survive_a_power_cut_and_are_sent_once() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    for number in 0..300 {
        world.set(0, account, "phone", &number.to_string());
        if number % 70 == 0 {
            world.crash_device(0);
        }
    }
    let before = world.relay.state().version().0;
    world.sync_all();
    assert_eq!(world.relay.state().version().0, before + 300);
    assert_eq!(world.text(1, account, "phone").as_deref(), Some("299"));
    world.assert_agreed();
}

#[test]
fn a_device_restored_from_a_backup_starts_a_new_log_and_keeps_its_unsent_work() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    world.set(0, account, "phone", "in the backup, sent later");
    let backup: MemoryStorage = world.devices[0].storage.crash();
    world.sync_all();
    world.set(0, account, "name", "after the backup");
    let before = world.relay.state().version().0;

    world.restart_device(0, Arc::new(backup));
    world.set(0, account, "email", "unsent@mill.example");
    world.sync_all();
    assert_eq!(world.devices[0].agent.status().generation, 1);
    assert_eq!(
        world.relay.state().version().0,
        before + 1,
        "only the unsent edit is new"
    );
    assert_eq!(
        world.text(1, account, "email").as_deref(),
        Some("unsent@mill.example")
    );
    assert_eq!(
        world.text(1, account, "name").as_deref(),
        Some("after the backup")
    );
    world.set(0, account, "phone", "goes on");
    world.sync_all();
    assert_eq!(world.text(1, account, "phone").as_deref(), Some("goes on"));
    world.assert_agreed();
}

#[test]
fn a_relay_that_restarts_from_a_checkpoint_folds_the_same() {
    let mut world = World::new("last-writer-wins", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.set(1, account, "phone", "1");
    world.admin(cairn_relay::AdminRequest::Checkpoint).unwrap();
    world.set(0, account, "phone", "2");
    world.crash_relay();
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn a_backup_restored_twice_sends_nothing_twice() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    world.set(0, account, "phone", "in the backup, sent later");
    let backup = world.devices[0].storage.crash();
    world.sync_all();
    for round in 1..=2 {
        let sent = world.relay.state().version().0;
        world.restart_device(0, Arc::new(backup.crash()));
        world.set(0, account, "email", &format!("{round}@mill.example"));
        world.sync_all();
        assert_eq!(world.devices[0].agent.status().generation, round);
        assert_eq!(world.relay.state().version().0, sent + 1, "round {round}");
    }
    world.assert_agreed();
}

#[test]
fn what_is_not_durable_at_the_relay_is_acknowledged_by_nothing() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    world.set(0, account, "phone", "1");
    world.relay_storage_stalled = true;
    world.link(0);
    world.run();
    // The bundle is at the relay, on its way to storage, when the device dials again.
    world.unlink(0);
    world.link(0);
    world.run();
    assert_eq!(world.devices[0].agent.status().unsent, 1);
    world.crash_relay();
    world.relay_storage_stalled = false;
    world.sync_all();
    assert_eq!(world.text(1, account, "phone").as_deref(), Some("1"));
    world.assert_agreed();
}

#[test]
fn an_acknowledgement_that_overtakes_changes_hides_none_of_them() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let mill = world.create_account(1, "Mill", "A-1");
    let bakery = world.create_account(0, "Bakery", "A-2");
    world.sync_all();
    world.devices[0].changes_stalled = true;
    world.create_account(0, "Dairy", "A-3");
    world.set(1, mill, "phone", "1");
    world.set(0, bakery, "phone", "2");
    assert_eq!(world.devices[0].agent.status().unsent, 0);
    // What was under way is gone with the session.
    world.unlink(0);
    world.devices[0].changes_stalled = false;
    world.sync_all();
    assert_eq!(world.text(0, mill, "phone").as_deref(), Some("1"));
    world.assert_agreed();
}

#[test]
fn sessions_that_bring_nothing_come_ever_more_seldom() {
    let mut world = World::new("flag", 1);
    world.sync_all();
    world.unlink(0);
    world.create_account(0, "Harbour Bakery", "A-1");
    let state = world.relay.state();
    let welcome = Welcome {
        now: world.now,
        version: state.version(),
        generation: 0,
        head: state.devices()[1].head,
        revoked: false,
        checkpoint: world.relay.checkpoint(),
        era: world.relay.era(),
        shared: state.version(),
    };
    let device = &mut world.devices[0].agent;
    let mut now = world.now;
    device.handle(now, Input::GoOnline);
    for _ in 0..12 {
        device.handle(now, Input::Connected);
        let welcome = ServerMessage::Welcome(welcome.clone());
        device.handle(now, Input::Received(welcome));
        device.handle(now, Input::Disconnected);
        let next = device.deadline().expect("it dials again");
        now = next;
        device.handle(now, Input::Tick);
    }
    let waited = now.since(world.now);
    assert!(waited > 150_000, "12 sessions in {waited} ms");
}

#[test]
fn a_clock_that_is_set_back_holds_no_dial_up() {
    let mut world = World::new("flag", 1);
    let device = &mut world.devices[0].agent;
    device.handle(world.now, Input::GoOnline);
    device.handle(world.now, Input::DialFailed);
    let last_year = Timestamp(world.now.0 - 365 * 86_400_000);
    device.handle(last_year, Input::Tick);
    let deadline = device.deadline().expect("it dials again");
    assert!(
        deadline.since(last_year) <= 60_000,
        "it waits until {deadline}"
    );
    while device.poll_output().is_some() {}
    device.handle(deadline, Input::Tick);
    let dials = |output| matches!(output, Some(Output::Dial));
    assert!(dials(device.poll_output()));
}

#[test]
fn what_overtakes_the_welcome_waits_for_it() {
    let mut world = World::new("flag", 1);
    world.sync_all();
    world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    let state = world.relay.state();
    let through = cairn_model::Version(state.version().0 + 1);
    let welcome = Welcome {
        now: world.now,
        version: through,
        generation: 0,
        head: state.devices()[1].head,
        revoked: false,
        checkpoint: world.relay.checkpoint(),
        era: world.relay.era(),
        shared: state.version(),
    };
    let changes = ServerMessage::Changes {
        images: Vec::new(),
        leaves: Vec::new(),
        views: Vec::new(),
        issues: Vec::new(),
        lags: None,
        through,
        last: true,
    };
    let now = world.now;
    let device = &mut world.devices[0].agent;
    let before = device.status().cursor;
    device.handle(now, Input::GoOnline);
    device.handle(now, Input::Connected);
    device.handle(now, Input::Received(changes));
    assert_eq!(device.status().cursor, before);
    device.handle(now, Input::Received(ServerMessage::Welcome(welcome)));
    assert_eq!(device.status().cursor, through);
}

#[test]
fn what_comes_of_a_dial_that_was_given_up_changes_nothing() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.sync_all();
    let device = &mut world.devices[1].agent;
    device.handle(world.now, Input::DialFailed);
    assert!(device.status().connected);
    assert_eq!(device.deadline(), None);
    world.set(0, account, "phone", "1");
    world.sync_all();
    assert_eq!(world.text(1, account, "phone").as_deref(), Some("1"));
}
