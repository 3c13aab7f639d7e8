//! Records leave: with a reason, never with work that is not settled.

use super::{accounts, give, mine, with_roles};
use crate::world::{World, definition};
use cairn_agent::RecordEditKind;
use cairn_model::definition::{Filter, WithoutProfile};
use cairn_model::{Value, Write};
use cairn_projection::Code;

#[test]
fn a_record_that_belongs_to_somebody_else_now_goes_and_says_so() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.assign(2, record, 1);
    assert!(!world.holds(0, record) && world.holds(1, record));
    let (code, words) = world.why_left(0, record);
    assert_eq!(code, "read.owner");
    assert!(words.contains("belongs to somebody else now"), "{words}");
    let left = world.devices[0].agent.left(record).unwrap();
    assert_eq!(left.title, "", "its title may not be known either");
    world.assign(2, record, 0);
    assert!(world.holds(0, record) && !world.holds(1, record));
    assert!(world.devices[0].agent.left(record).is_none(), "it is back");
    world.assert_scoped();
}

#[test]
fn a_pending_edit_outlives_the_right_to_the_record() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    world.set(0, record, "phone", "0117");
    world.assign(2, record, 1);
    world.sync_all();
    assert!(!world.holds(0, record));
    let issues: Vec<_> = world.devices[0].agent.issues().collect();
    let [issue] = issues[..] else {
        panic!("{issues:?}");
    };
    assert_eq!(issue.code, Code::PrivilegeWrite);
    assert!(
        !issue.what.contains("user1"),
        "nor whose it is now: {}",
        issue.what
    );
    let payload = cairn_oplog::bundle::decode_operation(&issue.payload).unwrap();
    let writes = payload.mutations()[0].change.writes();
    assert_eq!(writes[0].1, Write::Set(Value::Text("0117".to_owned())));
    world.assert_scoped();
}

#[test]
fn a_role_that_is_lost_between_edit_and_upload_is_lost() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    world.set(0, record, "phone", "0117");
    world.publish(|definition| give(definition, 0, &[]));
    world.sync_all();
    let issue = world.devices[0].agent.issues().next().unwrap();
    assert!(issue.is_open() && issue.code == Code::PrivilegeWrite);
    assert_eq!(world.devices[0].agent.status().records, 0);
    world.publish(|definition| give(definition, 0, &["worker"]));
    world.run();
    assert!(
        world.holds(0, record),
        "the right is back, and so is the record"
    );
    assert_eq!(world.text(0, record, "phone"), None);
    world.assert_scoped();
}

#[test]
fn a_user_who_was_removed_keeps_what_was_written_and_nothing_else() {
    let mut world = World::of(&with_roles("flag", 3), 3);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    world.set(0, record, "phone", "0117");
    world.publish(|definition| {
        definition.users.remove("user0");
    });
    world.sync_all();
    let agent = &world.devices[0].agent;
    assert_eq!(agent.status().records, 0);
    let issue = agent.issues().next().unwrap();
    assert_eq!(issue.code, Code::PrivilegeDenied);
    assert!(!issue.payload.is_empty());
    world.assert_scoped();
}

#[test]
fn a_record_out_of_scope_stays_until_its_work_is_settled() {
    let mut template = definition("server-wins", 2);
    let profile = accounts(&template, mine(), &[0]);
    template.profiles.insert("own".to_owned(), profile);
    let mut world = World::of(&template, 2);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.unlink(0);
    world.set(0, record, "phone", "mine");
    world.set(1, record, "phone", "theirs");
    world.assign(1, record, 1);
    world.sync_all();
    assert!(world.holds(0, record), "its issue waits for its author");
    let issue = world.devices[0].agent.issues().next().unwrap();
    let (version, number) = (issue.version, issue.number);
    assert!(issue.is_open() && version.0 > 0);
    world
        .request(0, cairn_agent::Request::Discard { issue: number })
        .expect("an issue can be discarded");
    assert!(!world.holds(0, record));
    let (code, words) = world.why_left(0, record);
    assert_eq!(code, "settled", "{words}");
    world.assert_scoped();
}

#[test]
fn following_keeps_a_record_and_brings_one_back() {
    let mut template = definition("flag", 2);
    let profile = accounts(&template, mine(), &[0]);
    template.profiles.insert("own".to_owned(), profile);
    let mut world = World::of(&template, 2);
    let record = world.account_of(0, "Elm Grove");
    world.sync_all();
    world.assign(1, record, 1);
    assert!(!world.holds(0, record));
    let left = world.devices[0].agent.left(record).unwrap();
    assert_eq!(left.title, "Elm Grove", "it may be read");
    assert!(!left.kept);
    world.edit(0, Some(record), "account", RecordEditKind::Follow);
    assert!(world.holds(0, record));
    world.set(1, record, "phone", "0117");
    assert_eq!(world.text(0, record, "phone").as_deref(), Some("0117"));
    world.assert_scoped();
    world.edit(0, Some(record), "account", RecordEditKind::Unfollow);
    assert!(!world.holds(0, record));
    assert_eq!(world.why_left(0, record).0, "unfollowed");
    world.assert_scoped();
}

#[test]
fn what_a_user_creates_stays_for_its_grace_and_leaves_at_its_end() {
    let mut template = definition("flag", 2);
    template.without_profile = WithoutProfile::Nothing;
    let filter = Filter::Where("record.relation == \"customer\"".to_owned());
    let mut profile = accounts(&template, filter, &[0]);
    profile.grace = 60;
    template.profiles.insert("customers".to_owned(), profile);
    let mut world = World::of(&template, 2);
    world.sync_all();
    let record = world.create_account(0, "Prospect", "P-1");
    let relation = world.field("account", "relation");
    world.write(
        0,
        record,
        relation,
        Write::Set(Value::Choice("prospect".to_owned())),
    );
    assert!(world.holds(0, record));
    assert!(world.devices[0].agent.left(record).is_none());
    let over = world.relay.deadline().expect("its grace ends");
    world.tick_relay(cairn_model::Timestamp(over.0 - 1));
    assert!(world.holds(0, record), "a moment before");
    world.tick_relay(over);
    assert!(!world.holds(0, record), "at its end");
    let (code, words) = world.why_left(0, record);
    assert_eq!(code, "grace.over", "{words}");
    world.assert_scoped();
}

#[test]
fn a_team_that_changes_takes_its_records_along() {
    let mut template = with_roles("flag", 3);
    let team = cairn_model::definition::Team {
        name: "North".to_owned(),
        members: ["user0".to_owned()].into(),
        business_unit: None,
        roles: [].into(),
    };
    template.teams.insert("north".to_owned(), team);
    let mut world = World::of(&template, 3);
    let record = world.account_of(2, "Elm Grove");
    let owner = world.field("account", "owner");
    world.sync_all();
    let team = cairn_model::Definition::team_record("north");
    world.write(2, record, owner, Write::Set(Value::Lookup(team)));
    assert!(world.holds(0, record) && !world.holds(1, record));
    world.unlink(0);
    world.publish(|definition| {
        let team = definition.teams.get_mut("north").unwrap();
        team.members = ["user1".to_owned()].into();
    });
    for rounds in 0..6 {
        world.link(0);
        world.run_steps(rounds);
        world.crash_device(0);
    }
    world.sync_all();
    assert!(!world.holds(0, record) && world.holds(1, record));
    assert_eq!(world.why_left(0, record).0, "read.role");
    world.assert_scoped();
}
