//! What a device's log may and may not do.

use super::lift;
use crate::world::{Log, ORGANIZATION, World};
use cairn_model::{Access, Action, HybridTime, Operation, Timestamp, User, codec};
use cairn_oplog::bundle::LogHead;

fn log<'a>(world: &'a mut World, device: &str) -> &'a mut Log {
    &mut world.devices.get_mut(device).expect(device).log
}

fn update(world: &World, device: &str, title: &str) -> Vec<u8> {
    let mutation = world.update(device, "lift", &[("title", title)]);
    codec::encode(&Operation {
        time: HybridTime::new(Timestamp(1), 0),
        definition: 1,
        action: Action::Edit(vec![mutation]),
    })
}

#[test]
fn a_revoked_devices_work_is_kept_as_an_issue() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("bob", "lift", &[("title", "New")]);
    let device = log(&mut world, "bob").id.device;
    assert_eq!(world.administers(Action::Revoke { device }), "admitted");
    assert_eq!(world.uploads("bob"), ["device.revoked"]);
    assert_eq!(world.shows("lift", "title"), "Old");
    let issue = &world.state.issues()[0];
    assert_eq!(
        issue.what,
        "The device had been revoked when the change arrived."
    );
    assert_eq!(issue.user, "bob");
    assert!(!issue.payload.is_empty());
}

#[test]
fn a_device_nobody_enrolled_changes_nothing() {
    let mut world = lift("flag", &[("title", "Old")]);
    let mut stranger = Log::new(99);
    let operation = update(&world, "bob", "New");
    let bundle = stranger.seal(vec![operation]);
    assert_eq!(world.takes_in(bundle), ["device.unknown"]);
    assert_eq!(world.state.issues()[0].author, None);
    assert_eq!(world.shows("lift", "title"), "Old");
}

#[test]
fn a_gap_is_refused_and_closes_nothing() {
    let mut world = lift("flag", &[("title", "Old")]);
    let first = update(&world, "bob", "First");
    let second = update(&world, "bob", "Second");
    let first = log(&mut world, "bob").seal(vec![first]);
    let second = log(&mut world, "bob").seal(vec![second]);
    assert_eq!(world.takes_in(second.clone()), ["log.gap"]);
    assert_eq!(world.takes_in(first), ["admitted"]);
    assert_eq!(world.takes_in(second), ["admitted"]);
    assert_eq!(world.shows("lift", "title"), "Second");
}

#[test]
fn a_gap_in_a_new_generation_does_not_close_the_old() {
    let mut world = lift("flag", &[("title", "Old")]);
    let mut restored = Log::new(11);
    assert_eq!(restored.id, log(&mut world, "bob").id);
    restored.restart();
    let lost = update(&world, "bob", "Lost");
    restored.seal(vec![lost.clone()]);
    let early = restored.seal(vec![lost]);
    assert_eq!(world.takes_in(early), ["log.gap"]);
    world.updates("bob", "lift", &[("title", "New")]);
    assert_eq!(world.uploads("bob"), ["admitted"]);
}

#[test]
fn a_log_written_twice_is_quarantined_loudly() {
    let mut world = lift("flag", &[("title", "Old")]);
    let before = log(&mut world, "bob").head;
    world.updates("bob", "lift", &[("title", "New")]);
    assert_eq!(world.uploads("bob"), ["admitted"]);
    let digest = world.state.digest();
    let other = update(&world, "bob", "Another");
    log(&mut world, "bob").head = before;
    let forged = log(&mut world, "bob").seal(vec![other.clone()]);
    assert_eq!(world.takes_in(forged), ["log.equivocation"]);
    let more = log(&mut world, "bob").seal(vec![other]);
    assert_eq!(world.takes_in(more), ["log.quarantined"]);
    assert_eq!(world.state.digest(), digest);
    let issues = world.state.issues();
    assert_eq!(
        issues[0].what,
        "The device's log was written twice: another operation stands at this place already."
    );
    assert_eq!(
        issues[1].what,
        "The device's log is quarantined, because it was written twice."
    );
    let noticed = issues[0].version;
    let device = log(&mut world, "bob").id.device;
    let bob = world.state.author(&device).expect("enrolled");
    let device = world.state.device(bob).expect("enrolled");
    assert_eq!(device.quarantined, Some(noticed));
}

#[test]
fn a_chain_that_forks_between_two_bundles_is_noticed() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("bob", "lift", &[("title", "New")]);
    world.uploads("bob");
    let next = update(&world, "bob", "Next");
    let id = log(&mut world, "bob").id;
    let sequence = log(&mut world, "bob").head.sequence;
    let elsewhere = LogHead {
        sequence,
        ..LogHead::genesis(&ORGANIZATION, &id)
    };
    log(&mut world, "bob").head = elsewhere;
    let forked = log(&mut world, "bob").seal(vec![next]);
    assert_eq!(world.takes_in(forked), ["log.equivocation"]);
}

#[test]
fn a_restored_device_begins_a_new_log_and_the_old_one_closes() {
    let mut world = lift("flag", &[("title", "Old")]);
    let late = update(&world, "bob", "Late");
    let mut old = Log::new(11);
    old.head = log(&mut world, "bob").head;
    log(&mut world, "bob").restart();
    world.updates("bob", "lift", &[("title", "New")]);
    assert_eq!(world.uploads("bob"), ["admitted"]);
    let late = old.seal(vec![late]);
    assert_eq!(world.takes_in(late), ["log.closed"]);
    assert_eq!(world.shows("lift", "title"), "New");
    let what = "The device has begun a new log; this change is from the old one.";
    assert_eq!(world.state.issues()[0].what, what);
}

#[test]
fn what_a_device_wrote_in_its_old_log_is_still_its_own() {
    let mut world = lift("flag", &[("title", "Old")]);
    world.updates("bob", "lift", &[("title", "Before")]);
    world.uploads("bob");
    log(&mut world, "bob").restart();
    world.updates("bob", "lift", &[("title", "After")]);
    assert_eq!(world.uploads("bob"), ["admitted"]);
    assert!(world.journal().is_empty());
}

#[test]
fn only_the_relay_changes_the_definition_and_the_devices() {
    let mut world = lift("flag", &[]);
    let key = Log::new(50).key.public();
    let device = log(&mut world, "ann").id.device;
    let actions = [
        Action::Publish {
            base: 1,
            changes: Vec::new(),
            more: false,
        },
        Action::Enrol {
            key,
            user: "bob".to_owned(),
            name: "mine".to_owned(),
        },
        Action::Revoke { device },
    ];
    for action in actions {
        world.acts("bob", action);
    }
    assert_eq!(world.uploads("bob"), ["privilege.administration"; 3]);
    let what = "A device tried to change the definition or the devices.";
    assert_eq!(world.state.issues()[0].what, what);
    assert_eq!(world.state.devices().len(), 4);
}

#[test]
fn the_relay_may_act_even_where_a_user_has_its_name() {
    let mut world = lift("flag", &[]);
    world.publishes(|next| {
        let relay = User {
            access: Access::Read,
            ..User::new("Relay")
        };
        next.users.insert("relay".to_owned(), relay);
    });
    let mutation = world.update("ann", "lift", &[("title", "Imported")]);
    assert_eq!(world.administers(Action::Edit(vec![mutation])), "admitted");
}

#[test]
fn devices_are_enrolled_once_for_users_who_exist() {
    let mut world = lift("flag", &[]);
    let key = Log::new(50).key.public();
    let enrol = |user: &str| Action::Enrol {
        key,
        user: user.to_owned(),
        name: "new".to_owned(),
    };
    assert_eq!(world.administers(enrol("nobody")), "privilege.denied");
    assert_eq!(world.administers(enrol("bob")), "admitted");
    assert_eq!(world.administers(enrol("bob")), "record.exists");
    let device = Log::new(51).id.device;
    assert_eq!(
        world.administers(Action::Revoke { device }),
        "device.unknown"
    );
}

#[test]
fn bytes_that_are_no_operation_are_refused_one_by_one() {
    let mut world = lift("flag", &[("title", "Old")]);
    let good = update(&world, "bob", "New");
    let mut long = good.clone();
    long.resize(61 * 1024, 0);
    let trailing = [good.clone(), vec![0]].concat();
    for bytes in [b"scribble".to_vec(), Vec::new(), trailing] {
        let bundle = log(&mut world, "bob").seal(vec![bytes]);
        assert_eq!(world.takes_in(bundle), ["structure.malformed"]);
    }
    let bundle = log(&mut world, "bob").seal(vec![long]);
    assert_eq!(world.takes_in(bundle), ["limit.exceeded"]);
    let bundle = log(&mut world, "bob").seal(vec![good]);
    assert_eq!(world.takes_in(bundle), ["admitted"]);
    assert!(
        world.state.issues()[0]
            .what
            .starts_with("The change cannot be read: ")
    );
    assert!(
        world.state.issues()[3]
            .what
            .starts_with("The change has 62464 bytes")
    );
}
