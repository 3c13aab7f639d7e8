//! Edits travel, conflicts are decided, everybody ends with the same.

use crate::world::World;
use cairn_agent::Request;
use cairn_projection::Code;

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
