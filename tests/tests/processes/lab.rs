//! The policy lab as people run it: histories by name, shards, broken input.

use crate::network::Network;
use crate::program::{Done, cairn};
use cairn_tests::workspace;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Every file below a folder, by its path in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// Compares on a small real history and a synthetic one.
fn compare(out: &Path, more: &[&str]) -> Done {
    let depot = workspace::root().join("simulations/histories/depot");
    let (depot, out) = (depot.to_str().unwrap(), out.to_str().unwrap());
    let policies = "last-writer-wins,flag,oracle";
    let line = ["lab", "compare", depot, "synthetic:office", "--out", out];
    let options = ["--policies", policies, "--resamples", "200"];
    cairn(&[&line[..], &options, more].concat())
}

#[test]
fn a_comparison_is_gone_on_with_and_merged_from_shards() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = compare(&at("whole"), &["--seeds", "3", "--json"]).json();
    let metrics = &whole["scenarios"]["office"]["flag"]["metrics"];
    assert_eq!(metrics["silent_loss_rate"]["whole"], 0.0);
    assert_eq!(metrics["silent_loss_rate"]["n"], 3);
    assert_eq!(whole["fields"]["depot"]["/state"]["flag"]["wrong"], 0);
    let written = files(&at("whole"));
    for name in [
        "manifest.json",
        "metrics.csv",
        "summary.json",
        "report.html",
    ] {
        assert!(written.contains_key(name), "{name}");
    }
    assert_eq!(
        written.keys().filter(|n| n.starts_with("units/")).count(),
        4
    );

    let lost = written.keys().find(|n| n.starts_with("units/")).unwrap();
    fs::remove_file(at("whole").join(lost)).unwrap();
    assert_eq!(compare(&at("whole"), &["--seeds", "3"]).code, 0);
    assert_eq!(files(&at("whole")), written);
    let other = compare(&at("whole"), &["--seeds", "4"]);
    other.fails(2, "is of another comparison");

    for (shard, name) in [("0/2", "zero"), ("1/2", "one")] {
        let done = compare(&at(name), &["--seeds", "3", "--shard", shard]);
        assert_eq!((done.code, done.out.as_str()), (0, ""), "{done:?}");
        assert!(!at(name).join("report.html").exists());
    }
    let [zero, one, merged] = ["zero", "one", "merged"].map(at);
    let [zero, one, merged] = [&zero, &one, &merged].map(|path| path.to_str().unwrap());
    let half = cairn(&["lab", "merge", zero, "--out", merged]);
    half.fails(2, "2 of 4 units are missing");
    let both = cairn(&["lab", "merge", zero, one, "--out", merged]);
    assert_eq!(both.code, 0, "{both:?}");
    assert_eq!(files(&at("merged")), written);
}

#[test]
fn a_log_becomes_advice_that_says_when_there_is_too_little() {
    let (network, _relay) = Network::with_devices(2);
    network.sync("amara");
    let create = ["record", "create", "account", "name=Elm", "number=A-1"];
    network.ok("amara", &create);
    network.sync("amara");
    network.sync("callum");
    for (user, name) in [("amara", "name=Elm Grove"), ("callum", "name=Elm & Co")] {
        network.ok(user, &["record", "set", "account:A-1", name]);
        network.sync(user);
    }
    let ledger = network.path("ledger.cairn");
    let ledger = ledger.to_str().unwrap();
    network.ok("hq", &["log", "export", ledger]);

    let advice = cairn(&["lab", "recommend", ledger, "--json"]).json();
    let proposals = advice["proposals"].as_array().unwrap();
    let about = |p: &&serde_json::Value| p["type"] == "account" && p["field"] == "name";
    let of_name = proposals.iter().find(about).unwrap();
    assert_eq!(of_name["advice"]["is"], "too_thin", "{of_name}");
    assert_eq!(of_name["advice"]["sets"], 1);
    assert_eq!(of_name["evidence"]["last-writer-wins"]["lost_silently"], 1);
    assert_eq!(of_name["evidence"]["flag"]["asked"], 1);
    assert_eq!(advice["changed"].as_array().unwrap().len(), 0);

    let out = network.path("comparison");
    let line = ["lab", "compare", ledger, "--out", out.to_str().unwrap()];
    let compared = cairn(&[&line[..], &["--json"]].concat()).json();
    let flag = &compared["scenarios"]["ledger.cairn"]["flag"]["metrics"];
    assert_eq!(flag["silent_loss_rate"]["whole"], 0.0);
    assert!(flag["silent_loss_rate"]["versus"].is_null(), "of one block");
}

#[test]
fn what_is_no_history_or_policy_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(at("text"), "no log at all").unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("broken")).unwrap();
    fs::write(at("broken") + "/merges.jsonl", "{\"id\":\n").unwrap();
    fs::write(at("broken") + "/outcomes.jsonl", "").unwrap();
    let out = at("out");
    let compare = |history: &str, more: &[&str]| {
        let line = ["lab", "compare", history, "--out", out.as_str()];
        cairn(&[&line[..], more].concat())
    };
    compare(&at("nowhere"), &[]).fails(3, "is not there; name a file");
    compare(&at("text"), &[]).fails(2, "this is no log archive");
    compare(&at("empty"), &[]).fails(3, "has neither merges.jsonl nor");
    compare(&at("broken"), &[]).fails(2, "merges.jsonl, line 1");
    compare("synthetic:nobody", &[]).fails(3, "hot-records: a few records");
    compare("synthetic:office", &["--policies", "flog"]).fails(3, "there is no policy `flog`");
    compare("synthetic:office", &["--shard", "4/4"]).fails(2, "the last is 3/4");
    compare("synthetic:office", &["--margin", "0"]).fails(2, "a number above 0");
    cairn(&["lab", "recommend", &at("text")]).fails(2, "this is no log archive");
    cairn(&["lab", "merge", &at("empty")]).fails(3, "holds no comparison");
    cairn(&["lab", "check-policy", "oracle"]).fails(2, "is no policy that could be tried");
}

/// Git, told by nothing but its arguments.
fn git(folder: &Path, time: &str, arguments: &[&str]) {
    let who = ["GIT_AUTHOR", "GIT_COMMITTER"];
    let mut git = Command::new("git");
    git.current_dir(folder).args(arguments);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for role in who {
        git.env(format!("{role}_NAME"), "ann")
            .env(format!("{role}_EMAIL"), "ann@example.com");
        git.env(format!("{role}_DATE"), format!("{time} +0000"));
    }
    let done = git.output().unwrap();
    assert!(done.status.success() || arguments[0] == "merge", "{done:?}");
}

#[test]
fn a_git_repository_of_records_becomes_a_history_that_is_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (repository, history) = (path("pumps"), path("history"));
    fs::create_dir(&repository).unwrap();
    let commit = |time: &str, state: &str| {
        let record = format!("{{\"state\": \"{state}\"}}\n");
        fs::write(Path::new(&repository).join("p1.json"), record).unwrap();
        git(repository.as_ref(), time, &["add", "--all"]);
        git(
            repository.as_ref(),
            time,
            &["commit", "--quiet", "-m", state],
        );
    };
    git(
        repository.as_ref(),
        "1600000000",
        &["init", "--quiet", "--initial-branch", "main"],
    );
    commit("1600000000", "fine");
    git(
        repository.as_ref(),
        "1600000001",
        &["checkout", "--quiet", "-b", "field"],
    );
    commit("1600000002", "leaks");
    git(
        repository.as_ref(),
        "1600000003",
        &["checkout", "--quiet", "main"],
    );
    commit("1600000004", "off");
    git(
        repository.as_ref(),
        "1600000005",
        &["merge", "--quiet", "field"],
    );
    commit("1600000006", "leaks");

    let line = [
        "lab",
        "import-git",
        &repository,
        "--path",
        "*.json",
        "--key",
        "name",
    ];
    let import = |out: &str, more: &[&str]| cairn(&[&line[..], &["--out", out], more].concat());
    let told = import(&history, &["--json"]).json();
    assert_eq!(
        (&told["records"], &told["merges"], &told["conflicts"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(told["resolved"]["right"], 1);
    import(&history, &[]).fails(2, "is there already and not empty");
    let nothing = [
        "lab",
        "import-git",
        &repository,
        "--path",
        "*.yml",
        "--out",
        &path("none"),
    ];
    cairn(&nothing).fails(3, "fits --path");
    cairn(&[
        "lab",
        "import-git",
        &path("nowhere"),
        "--path",
        "*",
        "--out",
        &path("none"),
    ])
    .fails(3, "it is not there");

    let out = path("comparison");
    let compared = cairn(&[
        "lab",
        "compare",
        &history,
        "--policies",
        "last-writer-wins,client-wins,flag",
        "--out",
        &out,
        "--json",
    ])
    .json();
    let of_state = &compared["fields"]["history"]["/state"];
    assert_eq!(
        of_state["last-writer-wins"]["wrong"], 1,
        "the later write was not what people took"
    );
    assert_eq!(of_state["client-wins"]["wrong"], 0);
}

/// Lines of a log that a relay recorded, and what two policies make of it.
#[test]
fn a_recorded_log_is_written_out_for_other_programs() {
    let (network, _relay) = Network::with_devices(1);
    network.ok("hq", &["sample", "--load"]);
    let log = network.path("ledger.cairn");
    let log = log.to_str().unwrap();
    network.ok("hq", &["log", "export", log]);
    let lines = cairn(&["lab", "export", log, "--policies", "flag,client-wins"]);
    assert_eq!(lines.code, 0, "{lines:?}");
    let lines: Vec<serde_json::Value> = lines
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str, policy: Option<&str>| {
        let own = lines.iter().filter(|line| line["line"] == kind);
        own.filter(|line| line["policy"].as_str() == policy).count()
    };
    assert!(of("operation", None) > 0);
    assert!(of("record", Some("flag")) > 0);
    assert_eq!(
        of("record", Some("flag")),
        of("record", Some("client-wins"))
    );
}
