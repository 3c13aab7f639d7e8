//! Record types that come in intervals: what waits, what does not, and what an
//! edit on a record that lags is taken to have seen.

use crate::world::World;
use cairn_agent::{FieldEdit, Input, RecordEdit, RecordEditKind, Reply, Request};
use cairn_model::definition::{Filter, Profile, ProfileType};
use cairn_model::{Definition, RecordId, Value, Write};
use cairn_projection::Code;

const YEAR_MS: i64 = 365 * 86_400_000;

/// A profile for everybody, of everything: accounts come once an hour,
/// products every quarter of an hour, the rest live.
pub(crate) fn with_intervals(definition: &mut Definition) {
    let mut profile = Profile::new("Crew");
    profile.members.users = definition.users.keys().cloned().collect();
    for of_type in definition.types.values() {
        let mut rule = ProfileType::new(Filter::All);
        rule.interval = match of_type.name.as_str() {
            "account" => 60,
            "product" => 15,
            _ => 0,
        };
        profile.types.insert(of_type.id, rule);
    }
    definition.profiles.insert("crew".to_owned(), profile);
}

/// Devices in step, and an account that all have.
pub(crate) fn world(policy: &str, devices: usize) -> (World, RecordId) {
    let mut world = World::new(policy, devices);
    world.publish(with_intervals);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.wait(60);
    assert_eq!(
        world.text(devices - 1, account, "name").as_deref(),
        Some("Mill")
    );
    (world, account)
}

fn text(world: &World, of: &str, name: &str, text: &str) -> (cairn_model::FieldId, FieldEdit) {
    let write = Write::Set(Value::Text(text.to_owned()));
    (world.field(of, name), FieldEdit::Write(write))
}

fn create_product(world: &mut World, device: usize, number: &str) -> RecordId {
    let fields = vec![
        text(world, "product", "number", number),
        text(world, "product", "name", "Pump"),
    ];
    world.edit(device, None, "product", RecordEditKind::Create(fields))
}

fn phone(world: &World, device: usize, account: RecordId) -> Option<String> {
    world.text(device, account, "phone")
}

fn open_conflicts(world: &World) -> usize {
    let journal = world.relay.state().journal();
    journal.iter().filter(|conflict| conflict.is_open()).count()
}

#[test]
fn a_change_waits_until_its_interval_is_over_and_drags_no_other_type_along() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    let product = create_product(&mut world, 0, "P-1");
    assert_eq!(
        phone(&world, 0, account).as_deref(),
        Some("1"),
        "one's own is there"
    );
    assert_eq!(phone(&world, 1, account), None);
    assert!(world.devices[1].agent.is_synced());
    world.wait(15);
    assert!(
        world.shown(1, product).is_some(),
        "products come every quarter"
    );
    assert_eq!(phone(&world, 1, account), None);
    world.wait(44);
    assert_eq!(phone(&world, 1, account), None);
    world.wait(1);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.assert_agreed();
}

#[test]
fn nobody_is_woken_for_nothing() {
    let (mut world, _) = world("flag", 2);
    for _ in 0..100 {
        let due = world.relay.deadline().expect("intervals go on");
        assert!(due > world.now);
        world.now = due;
        world.relay.handle(due, cairn_relay::Input::Due);
        assert!(world.relay.poll_output().is_none());
    }
}

#[test]
fn an_edit_on_a_change_that_has_come_is_no_conflict() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    world.wait(60);
    create_product(&mut world, 0, "P-1");
    world.set(1, account, "phone", "2");
    world.wait(60);
    assert_eq!(open_conflicts(&world), 0);
    assert_eq!(phone(&world, 0, account).as_deref(), Some("2"));
    world.assert_agreed();
}

#[test]
fn an_edit_before_a_withheld_change_has_come_is_a_conflict() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    // What comes meanwhile moves the cursor past the withheld change.
    world.publish(|definition| definition.name.push('!'));
    let version = world.relay.state().version();
    assert_eq!(world.devices[1].agent.status().cursor, version);
    world.set(1, account, "phone", "2");
    assert_eq!(open_conflicts(&world), 1);
    assert!(world.shown(1, account).unwrap().in_conflict());
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn a_record_with_own_work_comes_at_once_and_the_work_is_done() {
    let (mut world, account) = world("flag", 2);
    let other = world.create_account(0, "Bakery", "A-2");
    world.set(0, account, "phone", "1");
    world.set(1, account, "city", "Oslo");
    assert!(world.devices[1].agent.is_synced(), "nothing stays pending");
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    assert_eq!(world.shown(1, other), None, "the others wait");
    // What came early counts as seen.
    world.set(1, account, "phone", "2");
    assert_eq!(open_conflicts(&world), 0);
    let own = world.create_account(1, "Forge", "A-3");
    assert!(world.devices[1].agent.is_synced());
    assert!(world.devices[1].agent.image(own).unwrap().is_some());
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn an_edit_after_a_known_rejection_builds_on_nothing_rejected() {
    let (mut world, account) = world("flag", 2);
    world.create_account(0, "Bakery", "A-2");
    world.wait(60);
    world.set(1, account, "number", "A-2");
    let issues: Vec<Code> = world.devices[1].agent.issues().map(|it| it.code).collect();
    assert_eq!(issues, [Code::KeyTaken]);
    world.set(1, account, "phone", "5");
    assert_eq!(world.relay.state().issues()[0].dependents.len(), 0);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("5"));
}

#[test]
fn a_record_comes_with_its_issue() {
    let (mut world, account) = world("server-wins", 2);
    world.unlink(1);
    world.set(1, account, "phone", "222");
    world.set(0, account, "phone", "111");
    world.set(0, account, "city", "Oslo");
    world.link(1);
    world.run();
    let superseded = world.devices[1].agent.issues().map(|it| it.code);
    assert_eq!(superseded.collect::<Vec<_>>(), [Code::Superseded]);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("111"));
    assert_eq!(world.text(1, account, "city").as_deref(), Some("Oslo"));
}

#[test]
fn what_is_followed_comes_at_once() {
    let (mut world, _) = world("flag", 2);
    let second = world.add_device(50, "user1");
    world.link(second);
    world.run();
    let bakery = world.create_account(0, "Bakery", "A-2");
    assert_eq!(world.shown(1, bakery), None);
    let record_type = world.type_id("account");
    let follow = |record| RecordEdit {
        record: Some(record),
        record_type,
        kind: RecordEditKind::Follow,
        base: None,
    };
    // The other device of the same person has it by following it here.
    world.wait(60);
    let mill = world.create_account(0, "Forge", "A-3");
    world.unlink(second);
    world.tell(1, Input::SyncNow);
    assert!(world.shown(1, mill).is_some());
    world.request(1, Request::Edit(vec![follow(mill)])).unwrap();
    world.link(second);
    world.run();
    assert!(world.shown(second, mill).is_some());
}

#[test]
fn what_may_not_be_seen_any_more_goes_at_once() {
    let (mut world, account) = world("flag", 2);
    let city = world.field("account", "city");
    let record_type = world.type_id("account");
    world.publish(|definition| {
        let crew = definition.profiles.get_mut("crew").unwrap();
        let rule = crew.types.get_mut(&record_type).unwrap();
        rule.filter = Filter::Where("record.city != 'Bergen'".to_owned());
    });
    let fields = vec![(
        city,
        FieldEdit::Write(Write::Set(Value::Text("Bergen".into()))),
    )];
    world.edit(0, Some(account), "account", RecordEditKind::Update(fields));
    assert_eq!(world.shown(1, account), None);
    let left = world.devices[1].agent.left(account).expect("it says why");
    assert!(!left.words().is_empty());
}

#[test]
fn a_type_that_becomes_live_is_caught_up_at_once() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    assert_eq!(phone(&world, 1, account), None);
    let record_type = world.type_id("account");
    world.publish(|definition| {
        let crew = definition.profiles.get_mut("crew").unwrap();
        crew.types.get_mut(&record_type).unwrap().interval = 0;
    });
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.set(0, account, "phone", "2");
    assert_eq!(phone(&world, 1, account).as_deref(), Some("2"));
    world.set(1, account, "phone", "3");
    assert_eq!(open_conflicts(&world), 0);
    world.assert_agreed();
}

#[test]
fn a_type_that_was_live_and_comes_in_intervals_now_waits_from_then_on() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.set(0, account, "phone", "1");
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.publish(with_intervals);
    world.set(0, account, "phone", "2");
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.wait(60);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("2"));
    world.assert_agreed();
}

#[test]
fn an_interval_goes_on_over_whatever_is_cut() {
    for cut in 0..4 {
        let (mut world, account) = world("flag", 2);
        world.set(0, account, "phone", "1");
        world.wait(30);
        match cut {
            0 => world.unlink(1),
            1 => world.crash_device(1),
            2 => world.crash_relay(),
            _ => {
                world.crash_relay();
                world.crash_device(1);
            }
        }
        world.sync_all();
        assert_eq!(
            phone(&world, 1, account),
            None,
            "cut {cut}: half an hour is left"
        );
        world.set(1, account, "city", "Oslo");
        assert_eq!(phone(&world, 1, account).as_deref(), Some("1"), "cut {cut}");
        world.set(0, account, "phone", "2");
        world.wait(29);
        assert_eq!(phone(&world, 1, account).as_deref(), Some("1"), "cut {cut}");
        world.wait(1);
        assert_eq!(phone(&world, 1, account).as_deref(), Some("2"), "cut {cut}");
        world.assert_agreed();
    }
}

#[test]
fn an_interval_that_is_over_while_the_device_is_away_brings_all_when_it_is_back() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    world.unlink(1);
    world.wait(60);
    world.link(1);
    world.run();
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.assert_agreed();
}

#[test]
fn own_work_that_was_handed_in_and_not_shown_yet_comes_after_a_cut() {
    for steps in 1..8 {
        let (mut world, account) = world("flag", 2);
        world.set(0, account, "phone", "1");
        world.unlink(1);
        world.set(1, account, "city", "Oslo");
        world.link(1);
        world.run_steps(steps);
        world.crash_device(1);
        world.crash_relay();
        world.sync_all();
        assert_eq!(
            phone(&world, 1, account).as_deref(),
            Some("1"),
            "{steps} steps"
        );
        assert_eq!(world.text(1, account, "city").as_deref(), Some("Oslo"));
        world.wait(60);
        world.assert_agreed();
    }
}

#[test]
fn an_acknowledgement_that_overtakes_a_catch_up_loses_no_own_work() {
    let (mut world, _) = world("flag", 2);
    // It came early, and comes again, whole, with what was withheld.
    let own = world.create_account(1, "Forge", "A-2");
    world.unlink(1);
    world.wait(60);
    world.devices[1].changes_stalled = true;
    world.link(1);
    world.run();
    world.set(1, own, "phone", "1");
    world.devices[1].changes_stalled = false;
    world.run();
    assert!(world.devices[1].agent.is_synced());
    assert_eq!(phone(&world, 1, own).as_deref(), Some("1"));
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn a_long_catch_up_survives_cuts_between_its_messages() {
    let (mut world, _) = world("flag", 2);
    let accounts: Vec<RecordId> = (0..600)
        .map(|number| world.create_account(0, "Shop", &format!("B-{number}")))
        .collect();
    world.wait(60);
    let long = "漢".repeat(200);
    for account in &accounts {
        world.set(0, *account, "address_line", &long);
    }
    assert_eq!(world.text(1, accounts[0], "address_line"), None);
    world.now = world.now.plus(60 * 60_000);
    let mut cuts = 0;
    loop {
        world.link(1);
        world.run_steps(3);
        let came = accounts
            .iter()
            .filter(|id| world.text(1, **id, "address_line").is_some());
        if came.count() == accounts.len() {
            break;
        }
        cuts += 1;
        world.crash_device(1);
        assert!(cuts < 50, "it never comes");
        if cuts == 4 {
            world.sync_all();
        }
    }
    assert!(cuts > 1, "the line was cut {cuts} times");
    world.sync_all();
    world.wait(60);
    world.assert_agreed();
}

#[test]
fn intervals_are_of_the_relays_clock() {
    for ahead in [YEAR_MS, -YEAR_MS] {
        let (mut world, account) = world("flag", 2);
        world.unlink(1);
        world.devices[1].clock_ahead = ahead;
        world.link(1);
        world.run();
        world.set(0, account, "phone", "1");
        world.wait(30);
        world.crash_device(1);
        world.link(1);
        world.run();
        assert_eq!(phone(&world, 1, account), None);
        world.wait(30);
        assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
        world.assert_agreed();
    }
}

#[test]
fn a_first_download_brings_everything() {
    let (mut world, _) = world("flag", 1);
    for number in 0..200 {
        world.create_account(0, "Shop", &format!("B-{number}"));
    }
    let fresh = world.add_device(50, "user0");
    world.link(fresh);
    world.run_steps(2);
    world.create_account(0, "Late", "C-1");
    world.run();
    world.wait(60);
    world.assert_agreed();
    // Whoever starts over begins anew.
    let done = world.request(fresh, Request::StartOver);
    assert_eq!(done, Ok(Reply::StartedOver));
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn whoever_asks_gets_everything_now() {
    let (mut world, account) = world("flag", 2);
    world.set(0, account, "phone", "1");
    world.tell(1, Input::SyncNow);
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    assert!(world.devices[1].agent.status().connected, "it goes on live");
    world.set(0, account, "phone", "2");
    assert_eq!(phone(&world, 1, account).as_deref(), Some("1"));
    world.wait(60);
    world.assert_agreed();
}
