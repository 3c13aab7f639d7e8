//! Exit codes as documented, JSON that parses, sentences that help.

use crate::network::Network;
use crate::program::{Done, cairn, cairn_fed};
use serde_json::Value;

#[test]
fn exit_codes_are_as_documented() {
    let (network, relay) = Network::with_devices(1);
    let none = network.path("nowhere");
    let none = none.to_str().unwrap();
    cairn(&["device", "status", "--dir", none]).fails(3, "there is no relay and no device");
    cairn(&["device", "status", "--dri", none]).fails(2, "unexpected argument '--dri'");
    cairn(&["org", "check", none]).fails(3, "is no folder");
    network
        .cairn("callum", &["device", "enroll", "hello"])
        .fails(2, "this is not a ticket");
    network
        .cairn("hq", &["relay", "device", "revoke", "nothing"])
        .fails(3, "nothing");

    let ticket = network
        .ok("hq", &["relay", "ticket", "--user", "callum"])
        .out;
    network.ok("callum", &["device", "enroll", ticket.trim()]);
    network
        .cairn("dilys", &["device", "enroll", ticket.trim()])
        .fails(5, "was used already");
    // Nothing that a device does needs the relay, but a sync.
    network.sync("amara");
    assert_eq!(relay.terminate(), 0);
    network.ok("amara", &["device", "status"]);
    let create = ["record", "create", "account", "name=Mill", "number=A-1"];
    network.ok("amara", &create);
    let unreachable = network.cairn("amara", &["device", "sync"]);
    unreachable.fails(5, "127.0.0.1");
    let meanwhile = "Waiting for the relay at 127.0.0.1";
    assert!(unreachable.err.starts_with(meanwhile), "{unreachable:?}");
}

#[test]
fn a_failure_is_one_json_object_on_request() {
    let network = Network::new();
    let told = |arguments: &[&str]| network.cairn("hq", &[arguments, &["--json"]].concat());
    let create = ["record", "create", "account", "name=Mill", "number=A-1"];
    let says = |done: Done, code: i32, words: &str| {
        let failure = done.failure();
        assert_eq!(done.code, code, "{done:?}");
        assert!(
            failure["error"].as_str().unwrap().contains(words),
            "{done:?}"
        );
        assert_eq!(failure.as_object().map(|object| object.len()), Some(2));
    };
    says(
        told(&["record", "get", "account:A-1"]),
        3,
        "no account with",
    );
    says(
        told(&["relay", "ticket", "--usr", "amara"]),
        2,
        "unexpected argument '--usr' found",
    );
    says(told(&["relay"]), 2, "requires a subcommand");
    says(cairn(&["--json", "record"]), 2, "the command is not whole");
    says(
        told(&["relay", "status", "--help=me"]),
        2,
        "unexpected value",
    );
    network.ok("hq", &create);
    // Held by this process, and by another.
    for running in [None, Some(network.run("hq"))] {
        let rejected = told(&create);
        let failure = rejected.failure();
        assert_eq!(failure["exit"], 1, "{rejected:?}");
        assert_eq!(failure["code"], "key.taken");
        let (error, hint) = (failure["error"].as_str(), failure["hint"].as_str());
        assert!(error.unwrap().ends_with(hint.unwrap()), "{rejected:?}");
        drop(running);
    }
}

#[test]
fn records_are_imported_from_standard_input() {
    let network = Network::new();
    let hq = network.path("hq");
    let import = |input: &str, format: &[&str]| {
        let arguments = [
            "import",
            "-",
            "--type",
            "account",
            "--dir",
            hq.to_str().unwrap(),
        ];
        cairn_fed(&[&arguments, format].concat(), input)
    };
    let rows = "number,name\nA-1,Mill\nA-2,\n";
    let taken = import(rows, &["--format", "csv"]);
    assert_eq!(taken.code, 2, "{taken:?}");
    assert!(taken.out.contains("standard input"), "{taken:?}");
    let mill = network.ok("hq", &["record", "get", "account:A-1"]);
    assert!(mill.out.starts_with("account  "), "{mill:?}");
    import(rows, &[]).fails(2, "standard input: is it CSV or JSON Lines?");
    let out = network.ok("hq", &["export", "account"]).out;
    let again = import(&out, &["--format", "jsonl", "--json"]).json();
    assert_eq!(again["tables"][0]["unchanged"], 1, "{again}");
    let left = std::fs::read_dir(&hq)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left
        .filter(|name| name.to_string_lossy().ends_with(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    let nowhere = network.path("nowhere");
    let nowhere = ["import", "-", "--dir", nowhere.to_str().unwrap()];
    cairn_fed(&nowhere, "").fails(3, "there is no relay and no device");
}

#[test]
fn a_rejected_operation_waits_for_its_author_as_code_6() {
    let (network, _relay) = Network::with_devices(2);
    for user in ["amara", "callum"] {
        network.sync(user);
    }
    for user in ["amara", "callum"] {
        let create = ["record", "create", "account", "name=Mill", "number=A-1"];
        network.ok(user, &create);
    }
    network.sync("amara");
    let second = network.cairn("callum", &["device", "sync", "--json"]);
    assert_eq!(second.code, 6, "{second:?}");
    assert_eq!(second.json()["open_issues"], 1);
    let issues = network.cairn("callum", &["issue", "list", "--json"]);
    assert_eq!(
        issues.json().as_array().map(Vec::len),
        Some(1),
        "{issues:?}"
    );
}

#[test]
fn every_answer_is_json_on_request() {
    let (network, _relay) = Network::with_devices(1);
    network.sync("amara");
    let create = [
        "record",
        "create",
        "account",
        "name=Mill",
        "number=A-1",
        "--json",
    ];
    network.ok("amara", &create).json();
    let asked: [(&str, &[&str]); 12] = [
        ("hq", &["relay", "status", "--digest"]),
        ("hq", &["relay", "device", "list"]),
        ("hq", &["relay", "ticket", "--user", "dilys"]),
        ("hq", &["log", "show"]),
        ("hq", &["log", "verify"]),
        ("amara", &["device", "sync"]),
        ("amara", &["device", "status", "--digest"]),
        ("amara", &["record", "list", "account"]),
        ("amara", &["record", "get", "account:A-1"]),
        ("amara", &["record", "history", "account:A-1", "--sync"]),
        ("amara", &["record", "blame", "account:A-1", "--sync"]),
        ("amara", &["log", "verify"]),
    ];
    for (name, verb) in asked {
        let answer = network.ok(name, &[verb, &["--json"]].concat());
        assert!(!answer.json().is_null(), "{verb:?}");
        // And for a person it is something else.
        let read = network.ok(name, verb);
        assert!(
            serde_json::from_str::<Value>(&read.out).is_err(),
            "{read:?}"
        );
    }
}
