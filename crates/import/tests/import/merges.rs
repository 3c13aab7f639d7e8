//! What becomes of what meets, by hand-written expectations.

use crate::repository::{Script, plan};
use cairn_lab::history::read::{self, File};

/// A record on lines of its own, so that git merges fields that are apart.
fn record(fields: &[(&str, &str)]) -> String {
    let lines = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\": {value},\n\n\n"));
    format!("{{\n{}\"z\": 0\n}}\n", lines.collect::<String>())
}

#[test]
fn every_way_in_which_two_sides_can_meet() {
    let file = |a: &str, b: &str, c: &str| record(&[("a", a), ("b", b), ("c", c)]);
    let base = file("1", "1", "1");
    let [a2, a3, a4] = ["2", "3", "4"].map(|a| file(a, "1", "1"));
    let b3 = file("1", "3", "1");
    let both = file("2", "3", "1");
    let same_left = file("2", "2", "1");
    let same_right = file("2", "1", "1");
    let names = [
        "d/apart",
        "d/deleted",
        "d/edited",
        "d/kept",
        "d/left",
        "d/list",
        "d/neither",
        "d/right",
        "d/same",
        "d/untouched",
    ];
    let mut script = Script::default();
    let list = |items: &str| format!("{{\"tags\": {items}}}\n");
    let [l0, l1, l2, l3] = [
        r#"["x","y"]"#,
        r#"["y"]"#,
        r#"["x","y","w"]"#,
        r#"["w","y"]"#,
    ]
    .map(list);
    let first: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (*name, if *name == "d/list" { &*l0 } else { &*base }))
        .collect();
    let with = |changes: &[(&'static str, &str)]| -> Vec<(String, String)> {
        let mut files: std::collections::BTreeMap<String, String> = first
            .iter()
            .map(|(p, c)| (format!("{p}.json"), (*c).to_owned()))
            .collect();
        for (path, content) in changes {
            let path = format!("{path}.json");
            match *content {
                "" => files.remove(&path),
                content => files.insert(path, content.to_owned()),
            };
        }
        files.into_iter().collect()
    };
    let mut commit = |parents: &[usize], author: &str, changes: &[(&'static str, &str)]| {
        let files = with(changes);
        let files: Vec<(&str, &str)> = files.iter().map(|(p, c)| (&**p, &**c)).collect();
        script.commit(parents, author, &files)
    };
    commit(&[], "ann", &[]);
    commit(
        &[0],
        "ann",
        &[
            ("d/apart", &a2),
            ("d/deleted", ""),
            ("d/edited", &a2),
            ("d/kept", ""),
            ("d/left", &a2),
            ("d/list", &l1),
            ("d/neither", &a2),
            ("d/right", &a2),
            ("d/same", &same_left),
            ("d/twice", &a2),
        ],
    );
    commit(
        &[0],
        "bob",
        &[
            ("d/apart", &b3),
            ("d/deleted", &a3),
            ("d/edited", ""),
            ("d/kept", &a3),
            ("d/left", &a3),
            ("d/list", &l2),
            ("d/neither", &a3),
            ("d/right", &a3),
            ("d/same", &same_right),
            ("d/twice", &a3),
        ],
    );
    commit(
        &[1, 2],
        "ann",
        &[
            ("d/apart", &both),
            ("d/deleted", ""),
            ("d/edited", &a2),
            ("d/kept", &a3),
            ("d/left", &a2),
            ("d/list", &l3),
            ("d/neither", &a4),
            ("d/right", &a3),
            ("d/same", &same_right),
            ("d/twice", &a3),
        ],
    );
    let repository = script.build(3);
    let history = repository.import(&plan("d/*.json", "name"));
    let expected = "\
m0000 apart /a clean_left 1 2 1 2 kept clean
m0000 apart /b clean_right 1 1 3 3 kept clean
m0000 deleted deleted by left, edited [\"/a\"]: deleted, conflict
m0000 edited deleted by right, edited [\"/a\"]: kept_edited, conflict
m0000 kept deleted by left, edited [\"/a\"]: kept_edited, conflict
m0000 left /a conflict 1 2 3 2 left conflict
m0000 list /tags conflict [\"x\",\"y\"] [\"y\"] [\"x\",\"y\",\"w\"] [\"w\",\"y\"] set_union conflict
m0000 neither /a conflict 1 2 3 4 other conflict
m0000 right /a conflict 1 2 3 3 right conflict
m0000 same /a same 1 2 2 2 agreed clean
m0000 same /b clean_left 1 2 1 1 lost clean
m0000 twice /a add_conflict - 2 3 3 right conflict
m0000 twice /b add_same - 1 1 1 agreed conflict
m0000 twice /c add_same - 1 1 1 agreed conflict
m0000 twice /z add_same - 0 0 0 agreed conflict
";
    assert_eq!(history.outcomes(), expected);
    let merge = &history.merges[0];
    assert_eq!(history.merges.len(), 1);
    for (name, value) in [
        ("commit", "\"c00003\""),
        ("left", "[\"c00001\"]"),
        ("right", "[\"c00002\"]"),
        ("time", "1600000180"),
        ("base_time", "1600000000"),
        ("server", "\"left\""),
        ("left_commits", "1"),
        ("right_commits", "1"),
        ("records", "10"),
        ("git_files", "10"),
        ("git_conflict_files", "8"),
    ] {
        assert_eq!(merge[name].to_string(), value, "{name}");
    }
    let conflict = history
        .outcomes
        .iter()
        .find(|o| o["rec"] == "left")
        .unwrap();
    let step = |id: &str| {
        history
            .steps
            .iter()
            .find(|s| s["id"] == conflict[id])
            .unwrap()
    };
    assert_eq!(step("lop")["commit"], "c00001");
    assert_eq!(step("rop")["commit"], "c00002");
    assert_eq!(
        (&conflict["lt"], &conflict["rt"]),
        (&step("lop")["time"], &step("rop")["time"])
    );
    assert_eq!(step("lop")["time"], 1_600_000_060);
    assert_eq!(conflict.get("list"), None);
    let listed = history
        .outcomes
        .iter()
        .find(|o| o["rec"] == "list")
        .unwrap();
    assert_eq!(listed["list"], true);

    let summary = &history.summary;
    assert_eq!(
        (summary.commits, summary.commits_seen, summary.authors),
        (4, 4, 2)
    );
    assert_eq!(
        (summary.records, summary.merges, summary.merges_diverged),
        (11, 1, 1)
    );
    assert_eq!((summary.conflicts, summary.conflicts_by_hand), (5, 5));
    assert_eq!(summary.left_out, cairn_import::LeftOut::default());

    // The lab reads what was written.
    let file = |name| File {
        name,
        bytes: Box::new(std::fs::File::open(history.folder.join(name)).unwrap()),
    };
    assert_eq!(
        read::steps(file("ops.jsonl")).unwrap().len(),
        history.steps.len()
    );
    let merges = read::merges(file("merges.jsonl"), file("outcomes.jsonl")).unwrap();
    assert_eq!(merges[0].records.len(), 10);
}

/// A history of one file, from the parents of each commit and what it holds.
fn of_one(commits: &[(&[usize], &str)], head: usize) -> crate::repository::History {
    let mut script = Script::default();
    for (parents, content) in commits {
        let files: &[(&str, &str)] = match *content {
            "" => &[("other", "")],
            content => &[("r.json", content)],
        };
        script.commit(parents, "ann", files);
    }
    script.build(head).import(&plan("*.json", "name"))
}

#[test]
fn steps_follow_what_their_author_had_seen() {
    let history = of_one(
        &[
            (&[], r#"{"a":1}"#),
            (&[0], r#"{"a":2}"#),
            (&[0], r#"{"a":1,"b":1}"#),
            // The merge as one would expect it, and the next change.
            (&[1, 2], r#"{"a":2,"b":1}"#),
            (&[3], ""),
            (&[4], r#"{"c":null}"#),
            // Both sides changed it alike; the next change follows both.
            (&[5], r#"{"c":5}"#),
            (&[5], r#"{"c":5}"#),
            (&[6, 7], r#"{"c":5}"#),
            (&[8], r#"{"c":6}"#),
            // A merge that takes nothing of what it merges.
            (&[9], r#"{"c":7}"#),
            (&[9, 10], r#"{"c":6}"#),
        ],
        11,
    );
    let expected = "\
o000000 c00000 r edit  new set{\"/a\":1}
o000001 c00001 r edit o000000 set{\"/a\":2}
o000002 c00002 r edit o000000 set{\"/b\":1}
o000003 c00003 r merge o000001+o000002 set{\"/b\":1}
o000004 c00004 r edit o000003 gone
o000005 c00005 r edit o000004 new set{\"/c\":null}
o000006 c00006 r edit o000005 set{\"/c\":5}
o000007 c00007 r edit o000005 set{\"/c\":5}
o000008 c00008 r edit o000006+o000007 set{\"/c\":6}
o000009 c00009 r edit o000008 set{\"/c\":7}
o000010 c00010 r merge o000009 set{\"/c\":6}
";
    assert_eq!(history.steps(), expected);
    assert_eq!(
        history.commits[8]["parents"],
        serde_json::json!(["c00006", "c00007"])
    );
    assert_eq!(history.summary.records_alike, 1);
    assert_eq!(
        (history.summary.merges, history.summary.merges_diverged),
        (1, 2)
    );
}

#[test]
fn a_value_that_the_other_side_had_before_is_no_true_conflict() {
    let history = of_one(
        &[
            (&[], r#"{"a":1}"#),
            (&[0], r#"{"a":2}"#),
            (&[1], r#"{"a":3}"#),
            (&[0], r#"{"a":2}"#),
            (&[2, 3], r#"{"a":3}"#),
        ],
        4,
    );
    let expected = "m0000 r /a conflict 1 3 2 3 left conflict left_after_right\n";
    assert_eq!(history.outcomes(), expected);
    assert_eq!(
        (history.summary.conflicts, history.summary.conflicts_sequel),
        (1, 1)
    );
    assert!(history.summary.resolved.is_empty());
}

#[test]
fn the_server_is_the_side_that_the_branch_went_through() {
    let commits: &[(&[usize], &str)] = &[
        (&[], r#"{"a":1}"#),
        (&[0], r#"{"a":2}"#),
        (&[0], r#"{"a":3}"#),
        (&[2, 1], r#"{"a":4}"#),
        (&[1], r#"{"a":5}"#),
    ];
    for (head, server) in [(3, "left"), (4, "right")] {
        assert_eq!(of_one(commits, head).merges[0]["server"], server);
    }
    let mut aside = commits.to_vec();
    aside.push((&[0], r#"{"a":1}"#));
    assert_eq!(of_one(&aside, 5).merges[0]["server"], "unknown");
}

#[test]
fn who_wrote_a_value_is_found_behind_merges() {
    let history = of_one(
        &[
            (&[], r#"{"a":1,"b":1}"#),
            (&[0], r#"{"a":2,"b":1}"#),
            (&[0], r#"{"a":1,"b":2}"#),
            (&[1, 2], r#"{"a":2,"b":2}"#),
            (&[0], r#"{"a":1,"b":3}"#),
            (&[3, 4], r#"{"a":2,"b":3}"#),
        ],
        5,
    );
    let last = history.outcomes.iter().filter(|o| o["merge"] == "m0001");
    let who: Vec<String> = last
        .map(|o| format!("{} {} {} {}", o["field"], o["kind"], o["lop"], o["rop"]))
        .collect();
    let expected = [
        "\"/a\" \"clean_left\" \"o000001\" null",
        "\"/b\" \"conflict\" \"o000002\" \"o000004\"",
    ];
    assert_eq!(who, expected);
}

#[test]
fn merges_that_prove_nothing_are_left_out_and_counted() {
    // Both sides merged each other: two last common commits.
    let crossed: &[(&[usize], &str)] = &[
        (&[], r#"{"a":1}"#),
        (&[0], r#"{"a":2}"#),
        (&[0], r#"{"a":3}"#),
        (&[1, 2], r#"{"a":2}"#),
        (&[2, 1], r#"{"a":3}"#),
        (&[3], r#"{"a":4}"#),
        (&[4], r#"{"a":5}"#),
        (&[5, 6], r#"{"a":4}"#),
    ];
    let history = of_one(crossed, 7);
    assert_eq!(history.summary.left_out.records_without_base, 1);
    assert_eq!(history.summary.merges, 2);

    // What both of them agree on is a base.
    let mut script = Script::default();
    let files = |a: &'static str, b: &'static str| [("a.json", a), ("b.json", b)];
    for (parents, a, b) in [
        (&[][..], "{\"v\":1}", "{\"v\":1}"),
        (&[0], "{\"v\":2}", "{\"v\":1}"),
        (&[0], "{\"v\":3}", "{\"v\":1}"),
        (&[1, 2], "{\"v\":3}", "{\"v\":5}"),
        (&[2, 1], "{\"v\":3}", "{\"v\":6}"),
        (&[3, 4], "{\"v\":3}", "{\"v\":6}"),
    ] {
        script.commit(parents, "ann", &files(a, b));
    }
    let history = script.build(5).import(&plan("*.json", "name"));
    let text = history.outcomes();
    let of_b: Vec<&str> = text.lines().filter(|line| line.contains(" b ")).collect();
    assert_eq!(of_b, ["m0002 b /v conflict 1 5 6 6 right conflict"]);

    // Three at once.
    let history = of_one(
        &[
            (&[], r#"{"a":1}"#),
            (&[0], r#"{"a":2}"#),
            (&[0], r#"{"a":3}"#),
            (&[0], r#"{"a":4}"#),
            (&[1, 2, 3], r#"{"a":5}"#),
        ],
        4,
    );
    assert_eq!(history.summary.left_out.merges_of_many, 1);
    assert_eq!(history.summary.merges, 0);
    let last = history.steps.last().unwrap();
    assert_eq!(
        last["parents"],
        serde_json::json!(["o000001", "o000002", "o000003"])
    );
    assert_eq!(last["kind"], "merge");

    // Nothing in common; and the same merge again.
    let history = of_one(
        &[
            (&[], r#"{"a":1}"#),
            (&[], r#"{"a":2}"#),
            (&[0, 1], r#"{"a":1}"#),
            (&[0], r#"{"a":3}"#),
            (&[0], r#"{"a":4}"#),
            (&[3, 4], r#"{"a":3}"#),
            (&[3, 4], r#"{"a":3}"#),
        ],
        6,
    );
    assert_eq!(history.summary.left_out.merges_of_strangers, 1);
    assert_eq!(history.summary.left_out.merges_repeated, 1);
    assert_eq!(history.summary.merges, 1);
}

#[test]
fn a_renamed_file_keeps_its_record_if_the_key_is_in_it() {
    let mut script = Script::default();
    script.commit(&[], "ann", &[("old.json", r#"{"id":"x","v":1}"#)]);
    script.commit(&[0], "ann", &[("new.json", r#"{"id":"x","v":1}"#)]);
    script.commit(&[1], "ann", &[("new.json", r#"{"id":"x","v":2}"#)]);
    script.commit(&[0], "bob", &[("old.json", r#"{"id":"x","v":3}"#)]);
    script.commit(&[2, 3], "ann", &[("new.json", r#"{"id":"x","v":3}"#)]);
    let repository = script.build(4);
    let history = repository.import(&plan("*.json", "/id"));
    assert_eq!(
        history.outcomes(),
        "m0000 x /v conflict 1 2 3 3 right conflict\n"
    );
    assert_eq!((history.summary.records, history.summary.steps), (1, 4));

    let by_path = crate::repository::History::import(
        &repository.path(),
        &plan("*.json", "file"),
        &repository.beside("by-path"),
    );
    let expected = "m0000 old.json deleted by left, edited [\"/v\"]: deleted, conflict\n";
    assert_eq!(by_path.outcomes(), expected);
}
