//! Edits travel, conflicts are decided, everybody ends with the same.

use crate::world::World;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind, Request};
use cairn_model::definition::{Kind, User};
use cairn_model::{FieldId, Value, Write};
use cairn_projection::Code;
use cairn_projection::page::Page;
use cairn_proto::ServerMessage;
use cairn_relay::AdminRequest;

fn text(field: FieldId, text: &str) -> (FieldId, FieldEdit) {
    (
        field,
        FieldEdit::Write(Write::Set(Value::Text(text.to_owned()))),
    )
}

#[test]
fn an_edit_on_one_device_is_seen_on_the_others() {
    let mut world = World::new("flag", 3);
    world.sync_all();
    let account = world.create_account(0, "Harbour Bakery", "A-1");
    assert_eq!(
        world.text(1, account, "name").as_deref(),
        Some("Harbour Bakery")
    );
    world.set(2, account, "name", "Harbour Bakery Ltd");
    assert_eq!(
        world.text(0, account, "name").as_deref(),
        Some("Harbour Bakery Ltd")
    );
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn people_read_what_they_wrote_before_during_and_after_a_sync() {
    let mut world = World::new("server-wins", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    world.set(0, account, "phone", "1");
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("1"));
    world.set(1, account, "name", "Old Mill");
    world.set(0, account, "phone", "2");
    world.sync_all();
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("2"));
    assert_eq!(world.text(0, account, "name").as_deref(), Some("Old Mill"));
    world.assert_agreed();
}

#[test]
fn changes_that_overtake_an_acknowledgement_lose_nothing() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let one = world.create_account(0, "Mill", "A-1");
    let other = world.create_account(1, "Bakery", "A-2");
    world.devices[0].acknowledgements_wait = true;
    world.set(0, one, "phone", "1");
    world.set(1, other, "phone", "2");
    assert_eq!(world.text(0, one, "phone").as_deref(), Some("1"));
    world.devices[0].acknowledgements_wait = false;
    world.run();
    assert_eq!(world.text(0, one, "phone").as_deref(), Some("1"));
    assert_eq!(world.text(0, other, "phone").as_deref(), Some("2"));
    world.assert_agreed();
}

#[test]
fn what_builds_on_a_rejected_edit_is_not_in_the_images() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    world.create_account(0, "Mill", "A-1");
    let bakery = world.create_account(0, "Bakery", "A-2");
    let before = world.relay.state().version();
    world.set(0, bakery, "number", "A-1");
    let fields = vec![text(world.field("account", "phone"), "1")];
    let edit = RecordEdit {
        record: Some(bakery),
        record_type: world.type_id("account"),
        kind: RecordEditKind::Update(fields),
        base: Some(before),
    };
    world.request(0, Request::Edit(vec![edit])).unwrap();
    let issues = world.relay.state().issues();
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].code, Code::KeyTaken);
    assert_eq!(issues[0].dependents.len(), 1);
    assert_eq!(world.text(0, bakery, "phone"), None);
    world.assert_agreed();
}

#[test]
fn a_flagged_conflict_is_resolved_from_a_device() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(0);
    world.unlink(1);
    world.set(0, account, "phone", "111");
    world.set(1, account, "phone", "222");
    world.sync_all();
    let open: Vec<_> = world
        .relay
        .state()
        .journal()
        .iter()
        .filter(|c| c.is_open())
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].base, Some(None));
    assert!(world.shown(0, account).unwrap().in_conflict());
    world.resolve_phone(1, account, "333");
    world.sync_all();
    assert!(world.relay.state().journal().iter().all(|c| !c.is_open()));
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("333"));
    world.assert_agreed();
}

#[test]
fn a_rejected_edit_becomes_an_issue_that_is_resubmitted() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    world.unlink(1);
    world.create_account(0, "First", "A-1");
    let second = world.create_account(1, "Second", "A-1");
    world.set(1, second, "phone", "5");
    world.sync_all();
    assert_eq!(
        world.shown(1, second),
        None,
        "a rejected record is no record"
    );
    let issues: Vec<_> = world.devices[1].agent.issues().cloned().collect();
    assert_eq!(issues.len(), 1);
    assert_eq!(
        (issues[0].code, issues[0].dependents.len()),
        (Code::KeyTaken, 1)
    );
    let number = world.field("account", "number");
    let instead = vec![(
        number,
        cairn_agent::FieldEdit::Write(cairn_model::Write::Set(cairn_model::Value::Text(
            "A-2".into(),
        ))),
    )];
    world
        .request(
            1,
            Request::Resubmit {
                issue: issues[0].number,
                instead,
            },
        )
        .unwrap();
    world.sync_all();
    assert_eq!(world.text(0, second, "number").as_deref(), Some("A-2"));
    assert_eq!(world.text(0, second, "phone").as_deref(), Some("5"));
    assert!(
        world.devices[1]
            .agent
            .issues()
            .all(|issue| !issue.is_open())
    );
    world.assert_agreed();
}

fn resubmit(world: &World, device: usize) -> Request {
    let open = world.devices[device].agent.issues().find(|it| it.is_open());
    Request::Resubmit {
        issue: open.expect("an issue waits").number,
        instead: Vec::new(),
    }
}

/// Device 1's write of "222" was superseded by device 0's "111".
fn superseded() -> (World, cairn_model::RecordId) {
    let mut world = World::new("server-wins", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(1);
    world.set(0, account, "phone", "111");
    world.set(1, account, "phone", "222");
    world.set(1, account, "city", "Oslo");
    world.sync_all();
    (world, account)
}

#[test]
fn what_was_written_since_stays_when_an_older_edit_is_resubmitted() {
    let (mut world, account) = superseded();
    world.set(1, account, "phone", "333");
    for sent in [false, true] {
        if sent {
            world.sync_all();
        } else {
            world.unlink(1);
        }
        let refused = world.request(1, resubmit(&world, 1));
        assert!(
            matches!(refused, Err(cairn_agent::EditError::WrittenSince(_))),
            "{refused:?}"
        );
        assert_eq!(world.text(1, account, "phone").as_deref(), Some("333"));
    }
    // Named, it is written whatever stands there.
    let Request::Resubmit { issue, .. } = resubmit(&world, 1) else {
        unreachable!("it was just made");
    };
    let instead = vec![text(world.field("account", "phone"), "222")];
    let named = Request::Resubmit { issue, instead };
    world.request(1, named).unwrap();
    world.sync_all();
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("222"));
    world.assert_agreed();
}

#[test]
fn a_resubmitted_edit_leaves_out_only_what_was_written_since() {
    let mut world = World::new("server-wins", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(1);
    world.set(0, account, "phone", "111");
    world.set(0, account, "city", "Bergen");
    let both = vec![
        text(world.field("account", "phone"), "222"),
        text(world.field("account", "city"), "Oslo"),
    ];
    world.edit(1, Some(account), "account", RecordEditKind::Update(both));
    world.sync_all();
    world.set(1, account, "city", "Molde");
    world.request(1, resubmit(&world, 1)).unwrap();
    world.sync_all();
    assert_eq!(world.text(0, account, "phone").as_deref(), Some("222"));
    assert_eq!(world.text(0, account, "city").as_deref(), Some("Molde"));
    world.assert_agreed();
}

#[test]
fn a_record_deleted_since_does_not_come_back_when_an_edit_is_resubmitted() {
    let (mut world, account) = superseded();
    world.edit(1, Some(account), "account", RecordEditKind::Delete);
    let refused = world.request(1, resubmit(&world, 1));
    assert!(
        matches!(refused, Err(cairn_agent::EditError::WrittenSince(_))),
        "{refused:?}"
    );
    assert!(
        world
            .shown(1, account)
            .is_some_and(|record| !record.is_alive())
    );
}

#[test]
fn a_superseded_edit_can_be_discarded() {
    let mut world = World::new("server-wins", 2);
    world.sync_all();
    let account = world.create_account(0, "Mill", "A-1");
    world.unlink(1);
    world.set(0, account, "phone", "111");
    world.set(1, account, "phone", "222");
    world.sync_all();
    assert_eq!(world.text(1, account, "phone").as_deref(), Some("111"));
    let issue = world.devices[1].agent.issues().next().unwrap().clone();
    assert_eq!(issue.code, Code::Superseded);
    world
        .request(
            1,
            Request::Discard {
                issue: issue.number,
            },
        )
        .unwrap();
    assert!(
        world
            .request(
                1,
                Request::Discard {
                    issue: issue.number
                }
            )
            .is_err()
    );
    world.sync_all();
    assert!(
        world
            .relay
            .state()
            .issues()
            .iter()
            .all(|issue| !issue.is_open())
    );
    world.assert_agreed();
}

#[test]
fn thousands_of_records_arrive_on_a_new_device_whatever_cuts_the_line() {
    let mut world = World::new("flag", 1);
    world.sync_all();
    for number in 0..1500 {
        world.create_account(0, &format!("Account {number}"), &format!("A-{number}"));
    }
    let fresh = world.add_device(50, "user0");
    let mut cuts = 0;
    while !world.devices[fresh].agent.is_synced() {
        world.link(fresh);
        world.run_steps(3);
        if !world.devices[fresh].agent.is_synced() && cuts < 10 {
            cuts += 1;
            world.crash_device(fresh);
        } else {
            world.run();
        }
    }
    world.sync_all();
    world.assert_agreed();
    assert!(cuts > 2, "the line was cut {cuts} times");
}

#[test]
fn one_operation_may_change_more_than_a_message_holds() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let relation = world.field("account", "relation");
    for number in 0..3000 {
        let fields = vec![
            text(world.field("account", "name"), &format!("Account {number}")),
            (
                relation,
                FieldEdit::Write(Write::Set(Value::Choice("supplier".into()))),
            ),
        ];
        world.edit(0, None, "account", RecordEditKind::Create(fields));
    }
    let before = world.relay.state().version();

    let mut wider = (**world.relay.state().definition()).clone();
    let account = world.type_id("account");
    let fields = &mut wider.types.get_mut(&account).unwrap().fields;
    let relation = fields.get_mut(&relation).unwrap();
    relation.kind = Kind::text();
    relation.default = Some(Value::Text("customer".to_owned()));
    world.admin(AdminRequest::Publish(Box::new(wider))).unwrap();

    assert_eq!(world.relay.state().version(), before.next());
    world.sync_all();
    world.assert_agreed();
}

#[test]
fn a_directory_larger_than_a_message_arrives_in_parts() {
    let mut world = World::new("flag", 2);
    world.sync_all();
    let mut larger = (**world.relay.state().definition()).clone();
    for number in 0..12_000 {
        let user = User {
            email: Some(format!("user.number.{number}@subsidiary.example")),
            ..User::new(&format!(
                "User {number}, of the department with the long name"
            ))
        };
        larger.users.insert(format!("user.number.{number}"), user);
    }
    world
        .admin(AdminRequest::Publish(Box::new(larger)))
        .unwrap();
    world.sync_all();
    let newcomer = world.add_device(60, "user.number.11999");
    world.sync_all();
    for device in [0, 1, newcomer] {
        world.crash_device(device);
        let directory = world.devices[device].agent.directory();
        let state = world.relay.state();
        assert_eq!(directory.version, state.directory_changed());
        assert_eq!(directory.definition, **state.definition());
        assert_eq!(directory.devices.len(), state.devices().len());
    }
}

#[test]
fn a_directory_cut_off_begins_anew() {
    let mut world = World::new("flag", 1);
    let mut larger = (**world.relay.state().definition()).clone();
    for number in 0..4_000 {
        let user = User::new(&format!(
            "User {number}, of the department with the long name"
        ));
        larger.users.insert(format!("user.number.{number}"), user);
    }
    world
        .admin(AdminRequest::Publish(Box::new(larger)))
        .unwrap();
    let mut cuts = 0;
    for rounds in 1..6 {
        world.link(0);
        world.run_steps(rounds);
        cuts += usize::from(world.devices[0].agent.directory().definition.number == 0);
        world.unlink(0);
    }
    world.sync_all();
    let directory = world.devices[0].agent.directory();
    assert_eq!(directory.definition, **world.relay.state().definition());
    assert!(cuts > 0, "no cut came before the directory was whole");
}

#[test]
fn a_page_that_cannot_be_read_is_not_kept() {
    let mut world = World::new("flag", 1);
    world.sync_all();
    let account = world.create_account(0, "Harbour Bakery", "A-1");
    let fresh = world.add_device(50, "user0");
    world.link(fresh);
    let page = Page {
        index: vec![(account, world.type_id("account"))],
        body: vec![9; 40],
    };
    let began = world.relay.state().version();
    let said = ServerMessage::Page { page, began };
    let device = &mut world.devices[fresh].agent;
    device.handle(world.now, cairn_agent::Input::Received(said));
    assert_eq!(device.record(account), Ok(None));
    assert_eq!(device.failure(), None);
    world.unlink(fresh);
    world.sync_all();
    world.assert_agreed();
}
