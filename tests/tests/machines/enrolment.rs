//! Who may come in.

use crate::world::{ORGANIZATION, World};
use cairn_model::{LogId, Version};
use cairn_oplog::{LogHead, SecretKey, Verified, bundle};
use cairn_proto::{ClientMessage, Hello, Refusal, ServerMessage};
use cairn_relay::{AdminError, AdminRequest};

fn refusal(message: Option<ServerMessage>) -> Refusal {
    match message {
        Some(ServerMessage::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_ticket_works_once_until_it_expires() {
    let mut world = World::new("flag", 1);
    let late = world.now.plus(50);
    world
        .admin(AdminRequest::Ticket {
            user: "user0".into(),
            secret: [9; 16],
            expires: late,
        })
        .unwrap();
    let first = SecretKey::from_seed(&[101; 32]);
    let second = SecretKey::from_seed(&[102; 32]);
    assert!(matches!(
        world.enrol_with(&first, [9; 16]),
        Some(ServerMessage::Enrolled { .. })
    ));
    assert!(
        matches!(
            world.enrol_with(&first, [9; 16]),
            Some(ServerMessage::Enrolled { .. })
        ),
        "a retry after a cut"
    );
    assert_eq!(
        refusal(world.enrol_with(&second, [9; 16])),
        Refusal::TicketInvalid
    );
    assert_eq!(
        refusal(world.enrol_with(&second, [8; 16])),
        Refusal::TicketInvalid
    );
    world
        .admin(AdminRequest::Ticket {
            user: "user0".into(),
            secret: [7; 16],
            expires: late,
        })
        .unwrap();
    world.now = world.now.plus(1000);
    assert_eq!(
        refusal(world.enrol_with(&second, [7; 16])),
        Refusal::TicketExpired
    );
    let nobody = AdminRequest::Ticket {
        user: "nobody".into(),
        secret: [1; 16],
        expires: late,
    };
    assert_eq!(
        world.admin(nobody),
        Err(AdminError::UnknownUser("nobody".into()))
    );
}

#[test]
fn a_revoked_device_hands_in_its_work_as_issues_and_is_sent_nothing() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(1);
    world.set(1, account, "phone", "from the lost phone");
    let device = world.devices[1].agent.key().device();
    world.admin(AdminRequest::Revoke(device)).unwrap();
    world.set(0, account, "name", "secret from now on");
    world.link(1);
    world.run();
    assert_eq!(world.text(0, account, "phone"), None);
    let issues = world.relay.state().issues();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].code, cairn_projection::Code::DeviceRevoked);
    assert_eq!(world.text(1, account, "name").as_deref(), Some("Mill"));
    assert!(world.devices[1].agent.status().revoked);
    assert!(world.devices[1].agent.is_synced(), "all is handed in");
}

/// What somebody who has a device's key writes at the place of its first
/// operation.
fn forged(world: &World, device: usize) -> Verified {
    let secret = &world.devices[device].secret;
    let log = LogId {
        device: secret.public().device(),
        generation: 0,
    };
    let genesis = LogHead::genesis(&ORGANIZATION, &log);
    bundle::seal(&ORGANIZATION, log, &genesis, vec![vec![7]], secret)
}

fn greeting() -> ClientMessage {
    ClientMessage::Hello(Hello {
        organization: ORGANIZATION,
        cursor: Version(0),
        held: cairn_proto::HeldDigest::default(),
        views: Vec::new(),
        directory: Version(0),
        issues: Version(0),
        era: None,
        told: Version(0),
        lags: Vec::new(),
        generation: 0,
        incorporated: 0,
        wish: cairn_proto::Wish::Due,
    })
}

fn upload(bundle: &Verified) -> ClientMessage {
    ClientMessage::Upload(bundle.bytes().to_vec())
}

#[test]
fn where_a_log_was_written_twice_a_resend_is_answered_as_what_it_is() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    world.create_account(1, "Mill", "A-1");
    let genuine = world.relay.state().version();
    let forged = forged(&world, 1);
    world.say_as(1, vec![greeting(), upload(&forged)]);
    assert_eq!(world.relay.state().version(), genuine.next());
    let answers = world.answers_as(1, vec![greeting()], upload(&forged));
    let acknowledged = answers.iter().find_map(|answer| match answer {
        ServerMessage::Ack(ack) => Some(ack.version),
        _ => None,
    });
    assert_eq!(acknowledged, Some(genuine.next()));
}

#[test]
fn a_revoked_device_whose_log_was_written_twice_hands_in_everything_once() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(1, "Mill", "A-1");
    let forged = forged(&world, 1);
    let log = forged.log();
    world.say_as(1, vec![greeting(), upload(&forged)]);
    // More bundles than a revoked device may hand in at a time.
    world.unlink(1);
    world.link(1);
    world.run();
    world.relay_storage_stalled = true;
    for number in 0..100 {
        world.set(1, account, "phone", &number.to_string());
    }
    world.crash_relay();
    world.relay_storage_stalled = false;
    world.admin(AdminRequest::Revoke(log.device)).unwrap();
    let before = world.relay.state().version().0;
    for _ in 0..3 {
        world.link(1);
        world.run();
        world.unlink(1);
    }
    assert_eq!(world.relay.state().version().0, before + 100);
    world.link(1);
    world.run();
    assert!(world.devices[1].agent.is_synced(), "all is handed in");
    assert_eq!(world.relay.state().version().0, before + 100);
}
