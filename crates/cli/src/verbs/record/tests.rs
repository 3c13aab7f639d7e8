//! Records, conflicts and issues on two devices and at the relay.

use super::{RecordAnswer, RecordCommand, list};
use crate::control::{Answer, Command};
use crate::exit::{Exit, Failure};
use crate::fields::Assignment;
use crate::host::Host;
use crate::render::{ConflictView, IssueView, RecordView};
use crate::verbs::conflict::{Choice, ConflictAnswer, ConflictCommand};
use crate::verbs::issue::{IssueAnswer, IssueCommand};
use crate::world::{Device, World, execute};
use serde_json::{Value as Json, json};

fn fields(arguments: &[&str]) -> Vec<Assignment> {
    arguments
        .iter()
        .map(|argument| Assignment::read(argument).expect("NAME=VALUE"))
        .collect()
}

async fn record(host: &Host, command: RecordCommand) -> Result<RecordAnswer, Failure> {
    match execute(host, Command::Record(command)).await? {
        Answer::Record(answer) => Ok(answer),
        other => panic!("{other:?}"),
    }
}

async fn edited(host: &Host, command: RecordCommand) -> String {
    match record(host, command).await {
        Ok(RecordAnswer::Edited(view)) => view.id,
        other => panic!("{other:?}"),
    }
}

async fn create(host: &Host, record_type: &str, arguments: &[&str]) -> String {
    let command = RecordCommand::Create {
        record_type: record_type.to_owned(),
        fields: fields(arguments),
        id: None,
    };
    edited(host, command).await
}

async fn set(host: &Host, reference: &str, arguments: &[&str]) -> String {
    let command = RecordCommand::Set {
        reference: reference.to_owned(),
        fields: fields(arguments),
        base: None,
    };
    edited(host, command).await
}

async fn get_as_of(
    host: &Host,
    reference: &str,
    as_of: Option<&str>,
) -> Result<RecordView, Failure> {
    let command = RecordCommand::Get {
        reference: reference.to_owned(),
        as_of: as_of.map(str::to_owned),
    };
    match record(host, command).await? {
        RecordAnswer::Record(view) => Ok(*view),
        other => panic!("{other:?}"),
    }
}

async fn get(host: &Host, reference: &str) -> RecordView {
    get_as_of(host, reference, None).await.expect(reference)
}

/// A command's answer as programs read it.
async fn json_of(host: &Host, command: RecordCommand) -> Result<Json, Failure> {
    let answer = match record(host, command).await? {
        RecordAnswer::History(view) => serde_json::to_value(view),
        RecordAnswer::Blame(view) => serde_json::to_value(view),
        other => panic!("{other:?}"),
    };
    Ok(answer.expect("views are JSON"))
}

async fn conflicts(host: &Host, all: bool) -> Vec<ConflictView> {
    match execute(host, Command::Conflict(ConflictCommand::List { all })).await {
        Ok(Answer::Conflict(ConflictAnswer::Listed(views))) => views,
        other => panic!("{other:?}"),
    }
}

async fn resolve(host: &Host, number: u64, choice: Choice) -> Result<(), Failure> {
    execute(
        host,
        Command::Conflict(ConflictCommand::Resolve { number, choice }),
    )
    .await
    .map(|_| ())
}

async fn issues(host: &Host) -> Vec<IssueView> {
    match execute(host, Command::Issue(IssueCommand::List { all: false })).await {
        Ok(Answer::Issue(IssueAnswer::Listed(views))) => views,
        other => panic!("{other:?}"),
    }
}

/// Two devices that both have one account.
async fn two_devices() -> (World, Device, Device) {
    let world = World::new().await;
    let (amara, callum) = (
        world.device("amara", 1).await,
        world.device("callum", 2).await,
    );
    create(
        &amara.host,
        "account",
        &["number=A-1", "name=Mill", "phone=1", "tags=old"],
    )
    .await;
    amara.sync().await;
    callum.sync().await;
    (world, amara, callum)
}

const MILL: &str = "account:A-1";

#[tokio::test]
async fn a_conflict_is_seen_and_decided_by_its_number() {
    let (world, amara, callum) = two_devices().await;
    set(&amara.host, MILL, &["phone=22", "tags=+a,-old"]).await;
    set(&callum.host, MILL, &["phone=33", "tags=+b"]).await;
    let seen = get(&amara.host, MILL).await;
    assert_eq!(
        (seen.pending, seen.pending_fields),
        (true, vec!["phone".to_owned(), "tags".to_owned()])
    );
    for device in [&amara, &callum, &amara] {
        device.sync().await;
    }
    let seen = get(&amara.host, MILL).await;
    assert_eq!(seen.fields["phone"], "22");
    assert_eq!(seen.fields["tags"], json!(["a", "b"]));
    let [conflict] = conflicts(&amara.host, false)
        .await
        .try_into()
        .expect("one conflict");
    assert_eq!(conflicts(&world.host(), false).await.len(), 1);
    assert_eq!(
        (conflict.field.as_deref(), &conflict.base),
        (Some("phone"), &json!("1"))
    );
    let sides: Vec<(&Json, bool, bool)> = conflict
        .candidates
        .iter()
        .map(|side| (&side.value, side.shown, side.mine))
        .collect();
    assert_eq!(
        sides,
        [(&json!("22"), true, true), (&json!("33"), false, false)]
    );
    let number = conflict.number;
    let keep = resolve(&amara.host, number, Choice::Keep(true))
        .await
        .expect_err("about a field");
    assert_eq!(keep.exit, Exit::Usage);
    let other = Choice::Values(fields(&["name=x"]));
    let other = resolve(&amara.host, number, other)
        .await
        .expect_err("not in conflict");
    assert!(
        other.message.starts_with("name is not in conflict"),
        "{other}"
    );
    resolve(&amara.host, number, Choice::Theirs)
        .await
        .expect("a decision");
    amara.sync().await;
    assert_eq!(get(&world.host(), MILL).await.fields["phone"], "33");
    let again = resolve(&world.host(), number, Choice::Mine)
        .await
        .expect_err("decided");
    assert_eq!(again.exit, Exit::NotFound);
    assert!(again.message.contains("is resolved already"), "{again}");
    assert_eq!(conflicts(&world.host(), true).await[0].outcome, "resolved");
}

#[tokio::test]
async fn a_deletion_against_a_change_is_decided_either_way() {
    let (_world, amara, callum) = two_devices().await;
    edited(&amara.host, RecordCommand::Delete(MILL.to_owned())).await;
    assert!(get(&amara.host, MILL).await.deleted);
    set(&callum.host, MILL, &["phone=33"]).await;
    for device in [&amara, &callum] {
        device.sync().await;
    }
    let [conflict] = conflicts(&callum.host, false)
        .await
        .try_into()
        .expect("one conflict");
    assert_eq!((conflict.field, conflict.candidates.len()), (None, 2));
    resolve(&callum.host, conflict.number, Choice::Keep(false))
        .await
        .expect("a decision");
    callum.sync().await;
    amara.sync().await;
    assert!(get(&amara.host, MILL).await.deleted);
    edited(&amara.host, RecordCommand::Restore(MILL.to_owned())).await;
    assert!(!get(&amara.host, MILL).await.deleted);
}

#[tokio::test]
async fn rejected_work_is_done_again_with_another_value() {
    let (world, amara, callum) = two_devices().await;
    create(&callum.host, "account", &["number=A-2", "name=Bakery"]).await;
    create(&amara.host, "account", &["number=A-2", "name=Forge"]).await;
    for device in [&callum, &amara] {
        device.sync().await;
    }
    let [issue] = issues(&amara.host).await.try_into().expect("one issue");
    assert_eq!(
        (issue.code.as_str(), issue.field.as_deref()),
        ("key.taken", Some("number"))
    );
    assert_eq!(issue.wanted[0].fields["name"], "Forge");
    let command = || IssueCommand::Resubmit {
        number: issue.number,
        fields: fields(&["number=A-3"]),
    };
    let elsewhere = execute(&world.host(), Command::Issue(command()))
        .await
        .expect_err("not its author");
    assert_eq!(elsewhere.exit, Exit::Usage);
    execute(&amara.host, Command::Issue(command()))
        .await
        .expect("done again");
    assert!(issues(&amara.host).await.is_empty());
    amara.sync().await;
    assert_eq!(
        get(&world.host(), "account:A-3").await.fields["name"],
        "Forge"
    );
    assert!(issues(&world.host()).await.is_empty());
}

#[tokio::test]
async fn history_and_blame_rest_on_verified_signatures() {
    let (world, amara, callum) = two_devices().await;
    set(&callum.host, MILL, &["phone=33"]).await;
    callum.sync().await;
    let history = |sync| RecordCommand::History {
        reference: MILL.to_owned(),
        sync,
    };
    let offline = json_of(&amara.host, history(false))
        .await
        .expect_err("offline");
    assert_eq!(offline.exit, Exit::Relay);
    let told = json_of(&amara.host, history(true))
        .await
        .expect("a history");
    assert_eq!(
        told,
        json_of(&world.host(), history(false))
            .await
            .expect("a history")
    );
    let [made, changed] = told["operations"]
        .as_array()
        .expect("operations")
        .as_slice()
    else {
        panic!("{told}")
    };
    assert_eq!(
        (&made["change"], &made["user"], &made["verdict"]),
        (&json!("create"), &json!("amara"), &json!("admitted"))
    );
    let phone = json!([{"field": "phone", "before": "1", "wrote": "33", "after": "33"}]);
    assert_eq!(
        (&changed["device"], &changed["fields"]),
        (&json!("callum's phone"), &phone)
    );
    set(&amara.host, MILL, &["name=Old Mill"]).await;
    let blame = RecordCommand::Blame {
        reference: MILL.to_owned(),
        sync: true,
    };
    let told = json_of(&amara.host, blame).await.expect("blame");
    let by: Vec<(&str, &str)> = told["values"]
        .as_array()
        .expect("values")
        .iter()
        .filter(|value| value["verified"] == true)
        .filter_map(|value| Some((value["field"].as_str()?, value["user"].as_str()?)))
        .collect();
    assert!(
        by.contains(&("number", "amara")) && by.contains(&("phone", "callum")),
        "{told}"
    );
}

#[tokio::test]
async fn the_relay_shows_the_past() {
    let (world, amara, _callum) = two_devices().await;
    let before = world
        .look(cairn_projection::State::version)
        .await
        .to_string();
    set(&amara.host, MILL, &["phone=2"]).await;
    amara.sync().await;
    let then = get_as_of(&world.host(), MILL, Some(before.as_str()))
        .await
        .expect("the past");
    assert_eq!(then.fields["phone"], "1");
    assert_eq!(get(&world.host(), MILL).await.fields["phone"], "2");
    let late = get_as_of(&world.host(), MILL, Some("999"))
        .await
        .expect_err("not yet");
    assert_eq!(late.exit, Exit::NotFound);
    let early = get_as_of(&world.host(), MILL, Some("2001-01-01T00:00:00Z"))
        .await
        .expect_err("before the ledger");
    assert_eq!(early.exit, Exit::NotFound);
    assert!(early.message.contains("the ledger begins later"), "{early}");
    let device = get_as_of(&amara.host, MILL, Some("1"))
        .await
        .expect_err("no past here");
    assert_eq!(device.exit, Exit::Usage);
}

#[tokio::test]
async fn lists_filter_and_sort() {
    let (world, _amara, _callum) = two_devices().await;
    let host = world.host();
    create(
        &host,
        "account",
        &["number=A-2", "name=Bakery", "credit_limit=20", "tags=x"],
    )
    .await;
    create(
        &host,
        "account",
        &[
            "number=A-3",
            "name=Forge",
            "credit_limit=100",
            "parent=Bakery",
        ],
    )
    .await;
    let check = async |conditions: &[&str], sort: Option<&str>, expected: &[&str]| {
        let listing = list::Listing::of("account", conditions, sort);
        let Ok(RecordAnswer::Listed(listed)) = record(&host, RecordCommand::List(listing)).await
        else {
            panic!("{conditions:?}")
        };
        let titles: Vec<&str> = listed
            .records
            .iter()
            .map(|view| view.title.as_str())
            .collect();
        assert_eq!(titles, expected, "{conditions:?} {sort:?}");
    };
    check(&[], Some("name"), &["Bakery", "Forge", "Mill"]).await;
    check(&[], Some("-credit_limit"), &["Forge", "Bakery", "Mill"]).await;
    check(&["credit_limit>=20", "credit_limit<100"], None, &["Bakery"]).await;
    check(&["credit_limit="], None, &["Mill"]).await;
    check(&["tags=x"], None, &["Bakery"]).await;
    check(&["tags!=x"], Some("name"), &["Forge", "Mill"]).await;
    check(&["parent=A-2"], None, &["Forge"]).await;
    check(&["name~IL"], None, &["Mill"]).await;
    let wrong = list::Listing::of("account", &["nam=x"], None);
    let wrong = record(&host, RecordCommand::List(wrong))
        .await
        .expect_err("no such field");
    assert_eq!(wrong.exit, Exit::Usage);
}
