//! Who holds what offline, as an administrator and the person at a device see
//! it: explained, previewed, published, followed, assigned and shared.

use crate::network::Network;
use crate::program::{Done, Running, typed};
use serde_json::Value;
use std::fs;

/// Field technicians hold what is scheduled, and the customers of that.
const SCHEDULED: &str = r#"
label = "Field technicians"
teams = ["field"]
[types.work_order]
where = 'record.status == "scheduled"'
rank = 10
[types.account]
filter = "related-only"
related = ["pointed at by work_order.account"]
rank = 20
"#;

/// A relay with the sample and the profile above, its definition in the folder
/// `drafts`, and a synced device of callum's, who is a field technician.
fn world() -> (Network, Running) {
    let network = Network::new();
    let relay = network.run("hq");
    network.ok("hq", &["sample", "--load"]);
    let done = typed("cairn org export drafts", &network.path(""), "hq");
    assert_eq!(done.code, 0, "{done:?}");
    draft(&network, SCHEDULED);
    network.ok("hq", &["profile", "publish", &drafts(&network)]);
    network.enrol("callum");
    network.sync("callum");
    (network, relay)
}

fn drafts(network: &Network) -> String {
    network.path("drafts").to_str().unwrap().to_owned()
}

fn draft(network: &Network, profile: &str) {
    fs::write(network.path("drafts/profiles/technician.toml"), profile).unwrap();
}

/// Changes a file of the draft.
fn redraft(network: &Network, file: &str, change: impl FnOnce(String) -> String) {
    let path = network.path("drafts").join(file);
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, change(text)).unwrap();
}

fn explain(network: &Network, user: &str, record: &str) -> Done {
    let verb = ["profile", "explain", "--user", user, "--record", record];
    network.cairn("hq", &verb)
}

fn explained(network: &Network, user: &str, record: &str, held: bool) -> Value {
    let verb = [
        "profile", "explain", "--user", user, "--record", record, "--json",
    ];
    let done = network.cairn("hq", &verb);
    assert_eq!(done.code, i32::from(!held), "{done:?}");
    let view: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(view["held"], held, "{view}");
    view
}

fn codes(explained: &Value) -> Vec<&str> {
    let because = explained["because"].as_array().unwrap();
    let codes = because.iter().map(|one| one["code"].as_str().unwrap());
    codes.collect()
}

fn number_of(view: &Value, path: &str) -> u64 {
    view.pointer(path).and_then(Value::as_u64).unwrap()
}

#[test]
fn explain_says_by_which_filter_or_path_and_what_would_do() {
    let (network, _relay) = world();
    let by_filter = explained(&network, "callum", "work_order:WO-5001", true);
    assert_eq!(codes(&by_filter), ["profile.filter"]);
    assert_eq!(by_filter["devices"], serde_json::json!(["callum"]));

    let account = network
        .ok("hq", &["record", "get", "work_order:WO-5001", "--json"])
        .json()["fields"]["account"]
        .as_str()
        .unwrap()
        .to_owned();
    let by_path = explained(&network, "callum", &account, true);
    assert_eq!(codes(&by_path), ["profile.relationship"]);
    let path = by_path["because"][0]["path"].as_array().unwrap();
    assert_eq!(path.len(), 2, "{by_path}");
    assert_eq!(path[0]["way"], "points by account at account");
    let read = explain(&network, "callum", &account);
    assert!(
        read.out.starts_with("Yes: callum holds account "),
        "{read:?}"
    );
    assert!(
        read.out
            .contains("      points by account at account\n    account "),
        "one stop a line: {read:?}"
    );

    let complete = ["record", "set", "work_order:WO-5001", "status=completed"];
    network.ok("hq", &complete);
    let no = explained(&network, "callum", "work_order:WO-5001", false);
    assert_eq!(codes(&no), ["profile.filter"]);
    let words = no["because"][0]["words"].as_str().unwrap();
    assert!(words.contains("but Status is \"completed\""), "{words}");
    let remedies = no["remedies"].as_array().unwrap();
    assert!(
        remedies[1] == "Change it so that Status is \"scheduled\".",
        "{no}"
    );
    assert!(
        remedies[0]
            .as_str()
            .unwrap()
            .starts_with("Have callum follow it"),
        "{no}"
    );
    let read = explain(&network, "callum", "work_order:WO-5001");
    assert_eq!(read.code, 1, "{read:?}");
    assert!(
        read.out.starts_with("No: callum does not hold work_order "),
        "{read:?}"
    );

    // Who is in no profile holds everything, and says so.
    let all = explained(&network, "amara", "work_order:WO-5001", true);
    assert_eq!(codes(&all), ["no-profile"]);
    explain(&network, "calum", "work_order:WO-5001").fails(3, "did you mean `callum`?");
    explain(&network, "callum", "work_order:WO-9").fails(3, "WO-9");
    let at_device = [
        "profile",
        "explain",
        "--user",
        "callum",
        "--record",
        "work_order:WO-5001",
    ];
    network.cairn("callum", &at_device).fails(2, "for a relay");
}

#[test]
fn what_left_a_device_says_why_and_can_be_followed() {
    let (network, _relay) = world();
    let (order, get) = (
        "work_order:WO-5001",
        ["record", "get", "work_order:WO-5001"],
    );
    assert!(network.ok("callum", &get).out.contains("scheduled"));
    network.ok("hq", &["record", "set", order, "status=completed"]);
    network.sync("callum");

    let left = network.ok("callum", &get);
    assert!(left.out.contains("not on this device any more"), "{left:?}");
    assert!(left.out.contains("Status is \"scheduled\""), "{left:?}");
    assert!(left.err.contains("cairn record follow"), "{left:?}");
    let view = network
        .ok("callum", &[&get[..], &["--json"]].concat())
        .json();
    assert_eq!(view["left"], true, "{view}");
    assert_eq!(view["code"], "profile.filter");
    assert!(view["since"].is_string(), "{view}");
    let id = view["id"].as_str().unwrap();
    for reference in [id, &id[..23]] {
        let again = network.ok("callum", &["record", "get", reference, "--json"]);
        assert_eq!(again.json()["code"], "profile.filter", "{again:?}");
    }
    let listed = network.ok(
        "callum",
        &["record", "list", "--left", "work_order", "--json"],
    );
    assert_eq!(listed.json()[0]["id"], id, "{listed:?}");
    let status = network.ok("callum", &["device", "status", "--json"]).json();
    assert_ne!(status["left_lately"], 0, "{status}");
    assert_eq!(status["kept"], 0, "{status}");
    assert!(status["records_by_type"]["account"].is_u64(), "{status}");

    network.ok("callum", &["record", "follow", order]);
    network.sync("callum");
    assert!(network.ok("callum", &get).out.contains("completed"));
    let followed = explained(&network, "callum", order, true);
    assert_eq!(codes(&followed), ["followed"]);
    network.ok("callum", &["record", "unfollow", order]);
    network.sync("callum");
    let view = network
        .ok("callum", &[&get[..], &["--json"]].concat())
        .json();
    assert_eq!(view["code"], "unfollowed", "{view}");
    network
        .cairn("hq", &["record", "follow", order])
        .fails(2, "for a device");
}

#[test]
fn what_never_was_on_a_device_is_followed_as_explain_says() {
    let (network, _relay) = world();
    let record = "work_order:WO-5006";
    let no = explained(&network, "callum", record, false);
    network
        .cairn("callum", &["record", "get", record])
        .fails(3, "WO-5006");
    network
        .cairn("callum", &["record", "follow", record])
        .fails(3, "its type and whole id");
    let remedy = no["remedies"][0].as_str().unwrap();
    let command = remedy.split('`').nth(1).unwrap();
    let done = typed(command, &network.path(""), "callum");
    assert_eq!(done.code, 0, "{done:?}");
    network.sync("callum");
    network.ok("callum", &["record", "get", record]);
    // What no device holds does not come either.
    redraft(&network, "types/note.toml", |text| {
        format!("offline = false\n{text}")
    });
    network.ok("hq", &["org", "publish", &drafts(&network)]);
    let notes = network
        .ok("hq", &["record", "list", "note", "--json"])
        .json();
    let note = format!("note:{}", notes[0]["id"].as_str().unwrap());
    network.ok("callum", &["record", "follow", &note]);
    network.sync("callum");
    network
        .cairn("callum", &["record", "get", &note])
        .fails(3, "note");
    // Nothing says that any of them left, for they never did.
    let listed = network.ok("callum", &["record", "list", "--left", "--json"]);
    assert_eq!(listed.json(), serde_json::json!([]));
}

#[test]
fn work_that_is_not_settled_keeps_its_record() {
    let (network, _relay) = world();
    // Both take the same number; the second is rejected and waits for callum.
    let number = |user: &str, of: &str| {
        network.ok(user, &["record", "set", of, "number=WO-7777"]);
    };
    number("callum", "work_order:WO-5001");
    number("hq", "work_order:WO-5002");
    network.sync("callum");
    network.ok(
        "hq",
        &["record", "set", "work_order:WO-5001", "status=completed"],
    );
    network.sync("callum");
    let pinned = explained(&network, "callum", "work_order:WO-5001", true);
    assert_eq!(codes(&pinned), ["issue"]);
    network.ok("callum", &["record", "get", "work_order:WO-5001"]);
}

#[test]
fn a_draft_is_previewed_published_and_taken_back() {
    let (network, _relay) = world();
    let drafts = drafts(&network);
    let preview = |arguments: &[&str]| {
        let verb = [&["profile", "preview"], arguments, &["--json"]].concat();
        network.ok("hq", &verb).json()
    };
    let now = preview(&["--user", "callum"]);
    let held = number_of(&now, "/users/0/records");
    let status = network.ok("callum", &["device", "status", "--json"]).json();
    assert_eq!(status["records"], held, "a device holds what is foretold");
    assert_eq!(now["draft"], false);
    assert_eq!(number_of(&now, "/users/0/loses"), 0);
    let slow = preview(&["--user", "callum", "--bandwidth", "16kbit"]);
    let seconds = |view: &Value| view["users"][0]["first_sync_seconds"].as_f64().unwrap();
    assert!(seconds(&slow) > seconds(&now), "{slow}");
    // The members of the team, when nobody is named.
    let team = preview(&[]);
    assert_eq!(team["users"].as_array().unwrap().len(), 4, "{team}");

    draft(
        &network,
        &SCHEDULED.replace("== \"scheduled\"", "== \"in progress\""),
    );
    let diff = network.ok("hq", &["profile", "diff", &drafts, "technician"]);
    assert!(diff.out.contains("in progress"), "{diff:?}");
    let view = preview(&[&drafts, "--user", "callum"]);
    let (gains, loses) = (
        number_of(&view, "/users/0/gains"),
        number_of(&view, "/users/0/loses"),
    );
    assert!(gains > 0 && loses > 0, "{view}");
    let read = network.ok("hq", &["profile", "preview", &drafts, "--user", "callum"]);
    assert!(
        read.out.contains("Repair lift door drive"),
        "by title: {read:?}"
    );
    assert!(read.err.contains("is an estimate"), "{read:?}");
    // Nothing was published by looking.
    let history = |network: &Network| {
        let verb = ["profile", "history", "technician", "--json"];
        network.ok("hq", &verb).json()
    };
    let before = history(&network);
    assert_eq!(before.as_array().unwrap().len(), 2, "{before}");

    network.ok("hq", &["profile", "publish", &drafts, "technician"]);
    network.sync("callum");
    let status = network.ok("callum", &["device", "status", "--json"]).json();
    let after = preview(&["--user", "callum"]);
    assert_eq!(status["records"], number_of(&after, "/users/0/records"));
    assert_eq!(held + gains - loses, number_of(&after, "/users/0/records"));

    let first = before[1]["version"].to_string();
    let revert = ["profile", "revert", "technician", "--to", &first];
    let reverted = network.ok("hq", &revert);
    assert!(reverted.out.contains("scheduled"), "{reverted:?}");
    let changes = history(&network);
    assert_eq!(changes.as_array().unwrap().len(), 4, "{changes}");
    network.sync("callum");
    let status = network.ok("callum", &["device", "status", "--json"]).json();
    assert_eq!(status["records"], held);
    let again = network.ok("hq", &revert);
    assert!(again.err.contains("Nothing to publish"), "{again:?}");

    network
        .cairn("hq", &["profile", "revert", "technician", "--to", "999999"])
        .fails(3, "there is no version 999999");
    network
        .cairn("hq", &["profile", "show", "technican"])
        .fails(3, "did you mean `technician`?");
    let show = network.ok("hq", &["profile", "show", "technician"]);
    assert!(
        show.out
            .contains("those that a held work_order points at by account"),
        "{show:?}"
    );
}

#[test]
fn publishing_profiles_leaves_everything_else_as_it_is() {
    let (network, _relay) = world();
    let drafts = drafts(&network);
    redraft(&network, "types/work_order.toml", |text| {
        text + "shelf_mark = { kind = \"text\" }\n"
    });
    draft(&network, &SCHEDULED.replace("rank = 10", "rank = 11"));
    network.ok("hq", &["profile", "publish", &drafts]);
    let left = network.ok("hq", &["org", "diff", &drafts, "--json"]).json();
    let changes = left["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "only the field is left: {left}");
    assert!(
        changes[0].as_str().unwrap().contains("shelf_mark"),
        "{left}"
    );

    draft(
        &network,
        &SCHEDULED.replace(
            "rank = 10",
            "rank = 12\ncolumns = [\"number\", \"summary\", \"status\", \"account\", \"shelf_mark\"]",
        ),
    );
    network
        .cairn("hq", &["profile", "publish", &drafts])
        .fails(2, "field `work_order.shelf_mark` is not published yet");
    let list = network.ok("hq", &["profile", "list", "--json"]).json();
    assert_eq!(list["profiles"][0]["user_count"], 4, "{list}");
    assert_eq!(list["without"]["holds"], "everything");
    network.ok("hq", &["org", "publish", &drafts]);
    let show = network.ok("hq", &["profile", "show", "technician", "--json"]);
    assert_eq!(show.json()["types"][0]["rank"], 12, "{show:?}");
}

#[test]
fn a_record_is_assigned_and_shared() {
    let (network, _relay) = world();
    let drafts = drafts(&network);
    network
        .cairn("hq", &["record", "share", "work_order:WO-5006", "callum"])
        .fails(
            2,
            "work_order names no field for its readers, and no record type does",
        );
    redraft(&network, "types/work_order.toml", |text| {
        let shared = "{ kind = \"set\", of = \"lookup\", target = [\"user\", \"team\"] }";
        let named = "readers = \"shared_with\"\nwriters = \"shared_to_write\"\n";
        format!("{named}{text}shared_with = {shared}\nshared_to_write = {shared}\n")
    });
    redraft(&network, "roles/technician.toml", |_| {
        let own = "read = \"user\"\nwrite = \"user\"\nassign = \"user\"\nshare = \"user\"\n";
        format!(
            "label = \"Technician\"\n[others]\nread = \"organization\"\n[types.work_order]\n{own}"
        )
    });
    redraft(&network, "teams.toml", |text| {
        text.replace(
            "name = \"Field technicians\",",
            "name = \"Field technicians\", roles = [\"technician\"],",
        )
    });
    network.ok("hq", &["org", "publish", &drafts]);
    let order = "work_order:WO-5001";
    let refused = explained(&network, "callum", order, false);
    assert_eq!(codes(&refused), ["read.none"]);
    assert!(refused["reading"].is_null(), "{refused}");

    let id = refused["record"].as_str().unwrap();
    network.sync("callum");
    let gone = network.ok("callum", &["record", "get", id]);
    assert!(
        !gone.out.contains("Repair lift"),
        "nothing it says is kept: {gone:?}"
    );
    assert!(!gone.err.contains("follow"), "{gone:?}");

    network
        .cairn("callum", &["record", "get", order])
        .fails(3, "record list --left work_order");

    network.ok("hq", &["record", "share", order, "callum"]);
    let shared = explained(&network, "callum", order, true);
    assert!(
        shared["reading"]
            .as_str()
            .unwrap()
            .contains("shared with callum"),
        "{shared}"
    );
    network
        .cairn("hq", &["record", "share", order, "callum"])
        .fails(2, "shared with callum already");
    network.ok("hq", &["record", "unshare", order, "callum"]);
    explained(&network, "callum", order, false);
    network.ok("hq", &["record", "share", order, "team:field", "--write"]);
    explained(&network, "jonas", order, true);
    let record = network.ok("hq", &["record", "get", order, "--json"]).json();
    let writers = record["fields"]["shared_to_write"].as_array();
    assert_eq!(writers.map(Vec::len), Some(1), "{record}");

    network.ok("hq", &["record", "unshare", order, "team:field"]);
    network.ok("hq", &["record", "assign", order, "callum"]);
    let own = explained(&network, "callum", order, true);
    assert_eq!(own["reading"], "It belongs to callum.");
    network.sync("callum");
    network.ok("callum", &["record", "assign", order, "team:field"]);
    network.sync("callum");
    let team = explained(&network, "callum", order, true);
    assert!(
        team["reading"].as_str().unwrap().contains("team `field`"),
        "{team}"
    );
    network
        .cairn("hq", &["record", "assign", order, "team:feild"])
        .fails(3, "did you mean `field`?");
    let part = ["record", "assign", "product:nothing", "callum"];
    network.cairn("hq", &part).fails(3, "nothing");
}

/// Whether a word stands in any file of a device.
fn is_on_disk(network: &Network, device: &str, word: &str) -> bool {
    let mut folders = vec![network.path(device)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = fs::read(path).unwrap();
                if bytes
                    .windows(word.len())
                    .any(|part| part == word.as_bytes())
                {
                    return true;
                }
            }
        }
    }
    false
}

#[test]
fn what_may_not_be_read_any_more_is_in_no_file_of_the_device() {
    let (network, _relay) = world();
    let secret = "Zanzibar Holdings";
    let create = [
        "record",
        "create",
        "work_order",
        "number=WO-7777",
        "status=scheduled",
        "account=A-1001",
    ];
    let summary = format!("summary={secret}");
    network.ok("hq", &[&create[..], &[&summary]].concat());
    network.sync("callum");
    network.ok("callum", &["record", "get", "work_order:WO-7777"]);
    assert!(is_on_disk(&network, "callum", secret), "it is held");
    redraft(&network, "roles/technician.toml", |_| {
        "label = \"T\"\n[others]\nread = \"organization\"\n[types.work_order]\nread = \"user\"\n"
            .to_owned()
    });
    redraft(&network, "teams.toml", |text| {
        let name = "name = \"Field technicians\",";
        text.replace(name, &format!("{name} roles = [\"technician\"],"))
    });
    network.ok("hq", &["org", "publish", &drafts(&network)]);
    network.sync("callum");
    network
        .cairn("callum", &["record", "get", "work_order:WO-7777"])
        .fails(3, "may not read any more");
    assert!(!is_on_disk(&network, "callum", secret));
    network.ok("callum", &["record", "list", "account"]);
}

#[test]
fn a_user_who_joins_an_exclusive_profile_is_moved() {
    let (network, _relay) = world();
    redraft(&network, "profiles/lead.toml", |_| {
        "label = \"Leads\"\nexclusive = true\n[types.account]\nfilter = \"all\"\n".to_owned()
    });
    network.ok("hq", &["profile", "publish", &drafts(&network)]);
    let members = |change: &[&str]| {
        let verb = [&["profile", "members"], change].concat();
        network.cairn("hq", &verb)
    };
    let joined = members(&["technician", "--add", "amara"]);
    assert!(!joined.err.contains("warning"), "{joined:?}");
    let moved = members(&["lead", "--add", "amara"]);
    assert!(
        moved.err.contains(
            "warning: amara left profile `technician` for `lead`, because `lead` is exclusive."
        ),
        "{moved:?}"
    );
    let held = explained(&network, "amara", "account:A-1001", true);
    assert_eq!(held["because"][0]["profile"], "lead", "{held}");
    explained(&network, "amara", "work_order:WO-5001", false);
    let back = members(&["technician", "--add", "amara"]);
    assert!(back.err.contains("left profile `lead`"), "{back:?}");
    explained(&network, "amara", "work_order:WO-5001", true);
    // Who is a member through a team cannot be moved out of it.
    let team = members(&["lead", "--add", "callum"]);
    assert_eq!(team.code, 2, "{team:?}");
    assert!(team.err.contains("`lead` is exclusive"), "{team:?}");
    members(&["technician", "--remove", "dilys"]).fails(2, "is not named as a member");
    members(&["technician", "--add", "amaro"]).fails(3, "did you mean `amara`?");
    members(&["technician", "--remove", "amara"]);
    explained(&network, "amara", "work_order:WO-5001", true);
}
