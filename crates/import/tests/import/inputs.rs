//! Files of every format, and those that are none.

use crate::repository::{History, Script, plan, plan_of};
use cairn_import::{Format, LeftOut, Plan};

/// Both sides change field `a` of record `x`, one adds `b`; left is kept.
fn met(path: &str, files: [&str; 3], plan: &Plan) -> History {
    let [base, left, right] = files;
    let mut script = Script::default();
    script.commit(&[], "ann", &[(path, base)]);
    script.commit(&[0], "ann", &[(path, left)]);
    script.commit(&[0], "bob", &[(path, right)]);
    script.commit(&[1, 2], "ann", &[(path, left)]);
    script.build(3).import(plan)
}

#[test]
fn every_format_makes_the_same_history() {
    let expected = "\
m0000 x /a conflict \"1\" \"2\" \"3\" \"2\" left conflict
m0000 x /b clean_right - - \"1\" - lost conflict
";
    let csv = plan("**/*.csv", "[id]");
    let list = plan("d/*", "[id]");
    let in_place = Plan {
        place: "/all".parse().unwrap(),
        ..plan("**", "keys")
    };
    for (path, files, plan) in [
        (
            "d/x.json",
            [r#"{"a":"1"}"#, r#"{"a":"2"}"#, r#"{"a":"3","b":"1"}"#],
            plan("d/*.json", "name"),
        ),
        (
            "d/x.yml",
            ["a: '1'\n", "a: '2'\n", "a: '3'\nb: '1'\n"],
            plan("d/*.yml", "name"),
        ),
        (
            "x.toml",
            ["a = '1'\n", "a = '2'\n", "a = '3'\nb = '1'\n"],
            plan("*.toml", "name"),
        ),
        (
            "x.md",
            [
                "---\na: '1'\n---\nText",
                "---\na: '2'\n---\n",
                "---\na: '3'\nb: '1'\n---\n",
            ],
            plan("*.md", "name"),
        ),
        (
            "all.yaml",
            [
                "all: {x: {a: '1'}}\n",
                "all: {x: {a: '2'}}\n",
                "all: {x: {a: '3', b: '1'}}\n",
            ],
            in_place,
        ),
        (
            "d/e/t.csv",
            [
                "a,b,id\n1,,x\n4,5,y\n",
                "a,b,id\n2,,x\n4,5,y\n",
                "a,b,id\n3,1,x\n4,5,y\n",
            ],
            csv,
        ),
        (
            "t.txt",
            [
                "a\tb\tid\n1\t\tx\n",
                "a\tb\tid\n2\t\tx\n",
                "a\tb\tid\n3\t1\tx\n",
            ],
            plan_of(Format::Tsv, "t.txt", "[id]"),
        ),
        (
            "d/l.json",
            [
                r#"[{"id":"x","a":"1"}]"#,
                r#"[{"id":"x","a":"2"}]"#,
                r#"[{"id":"x","a":"3","b":"1"}]"#,
            ],
            list,
        ),
    ] {
        let history = met(path, files, &plan);
        assert_eq!(history.outcomes(), expected, "{path}");
        assert_eq!(history.summary.left_out, LeftOut::default(), "{path}");
    }
}

#[test]
fn rows_of_a_list_are_fields() {
    let rows = Plan {
        rows: vec!["/r=n".parse().unwrap()],
        ..plan("x.json", "name")
    };
    let files = [
        r#"{"r":[{"n":"p","v":1},{"n":"q","v":1}]}"#,
        r#"{"r":[{"n":"p","v":2},{"n":"q","v":1}]}"#,
        r#"{"r":[{"n":"q","v":2},{"n":"p","v":1}]}"#,
    ];
    let expected = "\
m0000 x /r/[p]/v clean_left 1 2 1 2 kept conflict
m0000 x /r/[q]/v clean_right 1 1 2 1 lost conflict
";
    assert_eq!(met("x.json", files, &rows).outcomes(), expected);
    let whole = met("x.json", files, &plan("x.json", "name"));
    assert!(
        whole.outcomes().starts_with("m0000 x /r conflict"),
        "{}",
        whole.outcomes()
    );
}

/// A version that cannot be read changes nothing, and the next one is compared
/// with the last that could.
#[test]
fn records_stay_as_they_were_while_their_file_cannot_be_read() {
    let mut script = Script::default();
    let huge = format!("\"{}\"", "x".repeat(33 * 1024 * 1024));
    for (parents, content) in [
        (&[][..], r#"{"x":{"v":1},"y":{"v":1}}"#),
        (&[0], "<<<<<<< left"),
        (&[1], "\0"),
        (&[2], &*huge),
        (&[3], r#"{"x":{"v":2}}"#),
        // Meets a side that could not be read.
        (&[1], "<<<<<<< right"),
        (&[4, 5], r#"{"x":{"v":3}}"#),
    ] {
        script.commit(parents, "ann", &[("all.json", content)]);
    }
    let repository = script.build(6);
    let keys = plan("*.json", "keys");
    let history = repository.import(&keys);
    let expected = "\
o000000 c00000 x edit  new set{\"/v\":1}
o000001 c00000 y edit  new set{\"/v\":1}
o000002 c00001 x edit o000000 set{\"/v\":2}
o000003 c00001 y edit o000001 gone
o000004 c00002 x merge o000002 set{\"/v\":3}
";
    assert_eq!(history.steps(), expected);
    let left_out = &history.summary.left_out;
    assert_eq!(
        (left_out.files_unreadable, left_out.files_too_large),
        (4, 1)
    );
    assert_eq!(history.summary.examples.len(), 4);
    let first = &history.summary.examples[0];
    assert!(
        first.starts_with("all.json in commit ") && first.contains("line 1"),
        "{first}"
    );
    let strict = repository.refuse(&Plan {
        strict: true,
        ..keys
    });
    assert!(
        strict.contains("all.json in commit") && strict.contains("(--strict)"),
        "{strict}"
    );
}

#[test]
fn a_merge_with_a_version_that_cannot_be_read_proves_nothing() {
    let files = [r#"{"a":"1"}"#, "{", r#"{"a":"3"}"#];
    let mut script = Script::default();
    script.commit(&[], "ann", &[("x.json", files[0])]);
    script.commit(&[0], "ann", &[("x.json", r#"{"a":"2"}"#)]);
    script.commit(&[1], "ann", &[("x.json", files[1])]);
    script.commit(&[0], "bob", &[("x.json", files[2])]);
    script.commit(&[2, 3], "ann", &[("x.json", files[2])]);
    let history = script.build(4).import(&plan("*.json", "name"));
    assert_eq!(
        (
            history.summary.merges,
            history.summary.left_out.records_unreadable
        ),
        (0, 1)
    );
}

#[test]
fn keys_that_collide_are_counted_and_told() {
    let mut script = Script::default();
    let list = r#"[{"id":"x","v":1},{"id":"x","v":2},{"v":3}]"#;
    script.commit(
        &[],
        "ann",
        &[("a.json", list), ("b.json", r#"[{"id":"x","v":9}]"#)],
    );
    script.commit(
        &[0],
        "ann",
        &[("a.json", list), ("b.json", r#"[{"id":"x","v":8}]"#)],
    );
    let repository = script.build(1);
    let columns = plan("*.json", "[id]");
    let history = repository.import(&columns);
    assert_eq!(
        history.steps(),
        "o000000 c00000 x edit  new set{\"/id\":\"x\",\"/v\":2}\n"
    );
    let left_out = &history.summary.left_out;
    assert_eq!(
        (
            left_out.keys_doubled,
            left_out.keys_taken,
            left_out.records_nameless
        ),
        (1, 2, 1)
    );
    let examples = history.summary.examples.join("\n");
    assert!(
        examples.contains("the key `x` is there several times"),
        "{examples}"
    );
    assert!(
        examples.contains("b.json: the key `x` is that of a record in another file"),
        "{examples}"
    );
    let strict = repository.refuse(&Plan {
        strict: true,
        ..columns
    });
    assert!(
        strict.contains("the key `x` is there several times"),
        "{strict}"
    );
    let apart = History::import(
        &repository.path(),
        &plan("*.json", "file+[id]"),
        &repository.beside("apart"),
    );
    assert_eq!(apart.summary.left_out.keys_taken, 0);
    assert_eq!(apart.summary.records, 2);
    assert_eq!(apart.steps.last().unwrap()["rec"], "b.json#x");
}

#[test]
fn links_submodules_and_strange_paths_count_for_nothing() {
    let mut script = Script::default();
    script.commit(
        &[],
        "ann",
        &[
            ("a.json", "{\"v\":1}"),
            ("b.json", "link to a.json"),
            ("t.txt", "v"),
        ],
    );
    script.raw(b"commit refs/heads/c0\nmark :2\ncommitter x <x@example.com> 1600000060 +0000\ndata 0\nfrom :1\n");
    script.raw(b"M 160000 1111111111111111111111111111111111111111 c.json\n");
    script.raw(b"M 100644 inline \"d\\377.json\"\ndata 2\n{}\n");
    let history = script.build(0).import(&plan("**", "file"));
    assert_eq!(history.summary.records, 1);
    let left_out = &history.summary.left_out;
    assert_eq!(
        (left_out.paths_no_utf8, left_out.files_of_no_format),
        (1, 1)
    );
    let examples = history.summary.examples.join("\n");
    assert!(
        examples.contains("t.txt: its name does not tell how it is written"),
        "{examples}"
    );
    assert!(examples.contains("the path is no UTF-8"), "{examples}");
}

#[test]
fn a_plan_that_fits_nothing_is_refused() {
    let mut script = Script::default();
    script.commit(&[], "ann", &[("a.csv", "id\n1\n"), ("b.json", "{")]);
    let repository = script.build(0);
    for (path, key, told) in [
        ("*.yml", "file", "no file of any of 1 commits fits --path"),
        ("*.csv", "file", "`a.csv` is a table of many records"),
        (
            "*.json",
            "file",
            "no record could be read; the first file: b.json in commit",
        ),
    ] {
        let said = repository.refuse(&plan(path, key));
        assert!(said.contains(told), "{said}");
    }
}
