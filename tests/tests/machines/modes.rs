//! When a device syncs: as it is set, and as things are around it.

use crate::intervals::world;
use crate::world::World;
use cairn_agent::{Condition, EditError, Input, ModeChange, Reply, Request, SyncMode, Waiting};
use cairn_model::RecordId;

fn set(world: &mut World, device: usize, sync: SyncMode, unmetered_only: bool) {
    let change = ModeChange {
        sync: Some(sync),
        unmetered_only: Some(unmetered_only),
    };
    let done = world.request(device, Request::Mode(change));
    assert_eq!(done, Ok(Reply::ModeSet));
}

fn say(world: &mut World, device: usize, condition: Condition) {
    world.tell(device, Input::Condition(condition));
}

fn phone(world: &World, device: usize, account: RecordId) -> Option<String> {
    world.text(device, account, "phone")
}

fn at_relay(world: &World, account: RecordId, field: &str) -> Option<String> {
    let record = world.relay.state().record(account)?;
    let value = record.value(world.field("account", field));
    value.map(ToString::to_string)
}

fn waiting(world: &World, device: usize) -> Option<Waiting> {
    world.devices[device].agent.status().waiting
}

#[test]
fn a_manual_device_syncs_when_asked_and_hangs_up() {
    let (mut world, account) = world("flag", 2);
    set(&mut world, 1, SyncMode::Manual, false);
    assert!(!world.is_connected(1), "it hangs up");
    world.set(0, account, "phone", "1");
    world.set(1, account, "city", "Oslo");
    assert_eq!(world.devices[1].agent.status().unsent, 1);
    assert_eq!(waiting(&world, 1), Some(Waiting::Manual));
    world.crash_device(1);
    world.link(1);
    world.run();
    assert!(!world.is_connected(1), "the mode is kept");
    assert_eq!(phone(&world, 1, account), None);

    world.tell(1, Input::SyncNow);
    assert_eq!(
        phone(&world, 1, account).as_deref(),
        Some("1"),
        "whatever the interval"
    );
    assert!(world.devices[1].agent.is_synced());
    assert_eq!(at_relay(&world, account, "city").as_deref(), Some("Oslo"));
    assert!(!world.is_connected(1), "and hangs up");
    assert_eq!(world.devices[1].agent.deadline(), None);

    world.set(1, account, "city", "Bergen");
    assert!(!world.devices[1].agent.is_synced());
    set(&mut world, 1, SyncMode::Live, false);
    assert!(world.devices[1].agent.is_synced());
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn what_was_asked_for_goes_on_after_a_cut() {
    let (mut world, account) = world("flag", 2);
    set(&mut world, 1, SyncMode::Manual, false);
    world.set(0, account, "phone", "1");
    world.devices[1].linked = false;
    world.tell(1, Input::SyncNow);
    world.tell(1, Input::DialFailed);
    let next = world.devices[1].agent.deadline().expect("it dials again");
    world.devices[1].linked = true;
    world.now = next;
    world.tell(1, Input::Tick);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    assert!(!world.is_connected(1));
}

#[test]
fn over_a_metered_network_nothing_goes_unless_asked() {
    let (mut world, account) = world("flag", 2);
    set(&mut world, 1, SyncMode::Live, true);
    assert!(world.is_connected(1));
    say(&mut world, 1, Condition::Metered(true));
    assert!(!world.is_connected(1));
    world.set(0, account, "city", "Oslo");
    world.set(1, account, "phone", "1");
    assert_eq!(phone(&world, 0, account), None, "unsent work waits too");
    assert_eq!(waiting(&world, 1), Some(Waiting::Metered));
    world.tell(1, Input::SyncNow);
    assert_eq!(world.text(1, account, "city").as_deref(), Some("Oslo"));
    assert_eq!(world.devices[1].agent.status().unsent, 0);
    assert!(!world.is_connected(1));
    world.set(1, account, "phone", "2");
    say(&mut world, 1, Condition::Metered(false));
    assert!(world.is_connected(1), "it goes on by itself");
    assert_eq!(world.devices[1].agent.status().unsent, 0);
    set(&mut world, 1, SyncMode::Live, false);
    say(&mut world, 1, Condition::Metered(true));
    assert!(world.is_connected(1));
}

#[test]
fn in_the_background_a_new_definition_waits() {
    let (mut world, account) = world("flag", 2);
    say(&mut world, 1, Condition::Background(true));
    let product = world.type_id("product");
    let before = world.devices[1].agent.directory().definition.number;
    world.set(1, account, "phone", "1");
    assert!(world.devices[1].agent.is_synced(), "it goes on");

    world.publish(|definition| {
        definition.types.get_mut(&product).unwrap().label.push('!');
    });
    let number = |world: &World| world.devices[1].agent.directory().definition.number;
    assert_eq!(number(&world), before);
    assert!(!world.is_connected(1));
    assert_eq!(waiting(&world, 1), Some(Waiting::Definition));
    world.crash_device(1);
    say(&mut world, 1, Condition::Background(true));
    world.link(1);
    world.run();
    assert!(!world.is_connected(1), "that is remembered");

    // Work is handed in, and nothing comes.
    world.set(0, account, "city", "Oslo");
    let cursor = world.devices[1].agent.status().cursor;
    world.set(1, account, "phone", "2");
    assert_eq!(world.devices[1].agent.status().unsent, 0);
    assert_eq!(world.devices[1].agent.status().cursor, cursor);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("2"));
    assert_eq!(world.text(1, account, "city"), None);
    assert!(!world.is_connected(1));
    assert_eq!(at_relay(&world, account, "phone").as_deref(), Some("2"));

    let refused = world.request(1, Request::AcceptDefinition);
    assert_eq!(refused, Err(EditError::InBackground));
    say(&mut world, 1, Condition::Background(false));
    assert_eq!(number(&world), before, "it is accepted by a person");
    let done = world.request(1, Request::AcceptDefinition);
    assert_eq!(done, Ok(Reply::ModeSet));
    assert_eq!(number(&world), before + 1);
    assert!(world.devices[1].agent.is_synced());
    assert_eq!(waiting(&world, 1), None);
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn another_device_is_no_new_definition() {
    let (mut world, account) = world("flag", 2);
    say(&mut world, 1, Condition::Background(true));
    let newcomer = world.add_device(50, "user0");
    world.link(newcomer);
    world.run();
    assert!(world.is_connected(1));
    assert_eq!(world.devices[1].agent.directory().devices.len(), 4);
    world.set(newcomer, account, "phone", "1");
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn in_front_a_definition_is_applied_at_once() {
    let (mut world, _) = world("flag", 2);
    world.publish(|definition| definition.name.push('!'));
    let published = world.relay.state().definition().number;
    let known = world.devices[1].agent.directory().definition.number;
    assert_eq!(known, published);
    assert_eq!(waiting(&world, 1), None);
}

#[test]
fn a_device_that_is_locked_or_signed_out_makes_no_connection() {
    for reason in [Waiting::Locked, Waiting::SignInExpired] {
        let condition = match reason {
            Waiting::Locked => Condition::Locked,
            _ => Condition::SignInExpired,
        };
        let (mut world, account) = world("flag", 2);
        say(&mut world, 1, condition(true));
        assert!(!world.is_connected(1));
        world.set(1, account, "phone", "1");
        world.tell(1, Input::SyncNow);
        world.tell(1, Input::GoOnline);
        world.tell(1, Input::Tick);
        assert!(!world.is_connected(1), "{reason:?}");
        assert_eq!(waiting(&world, 1), Some(reason));
        world.crash_device(1);
        say(&mut world, 1, condition(true));
        world.link(1);
        world.run();
        assert!(!world.is_connected(1));
        assert_eq!(
            phone(&world, 1, account).as_deref(),
            Some("1"),
            "it is safe"
        );
        say(&mut world, 1, condition(false));
        assert!(world.devices[1].agent.is_synced());
        assert_eq!(at_relay(&world, account, "phone").as_deref(), Some("1"));
    }
}

#[test]
fn a_lock_may_come_at_any_point_of_a_session() {
    for steps in 0..8 {
        let (mut world, account) = world("flag", 2);
        world.unlink(1);
        world.set(1, account, "phone", "1");
        world.set(0, account, "city", "Oslo");
        world.link(1);
        world.run_steps(steps);
        say(&mut world, 1, Condition::Locked(true));
        assert!(!world.is_connected(1));
        say(&mut world, 1, Condition::Locked(false));
        assert!(world.devices[1].agent.is_synced(), "after {steps} steps");
        world.wait(60);
        world.assert_agreed();
    }
}

#[test]
fn every_reason_is_told_in_sentences_that_say_what_to_do() {
    let reasons = [
        (Waiting::Locked, "unlock"),
        (Waiting::SignInExpired, "signed in again"),
        (Waiting::Definition, "accept the change"),
        (Waiting::Manual, "cairn device sync"),
        (Waiting::Metered, "metered"),
    ];
    for (reason, says) in reasons {
        let words = reason.words(3);
        assert!(words.contains(says), "{words}");
        assert!(
            words.contains("3 changes of yours are safe here"),
            "{words}"
        );
        assert!(words.ends_with('.'), "{words}");
        assert!(!reason.words(0).contains("0 changes"), "{reason:?}");
    }
}

#[test]
fn what_changes_nothing_is_answered_all_the_same() {
    let mut world = World::new("flag", 1);
    world.sync_all();
    let done = world.request(0, Request::AcceptDefinition);
    assert!(done.is_ok(), "nothing waits to be stored: {done:?}");
}
