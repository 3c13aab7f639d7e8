//! Who may come in.

use crate::world::World;
use cairn_oplog::SecretKey;
use cairn_proto::{Refusal, ServerMessage};
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
