use super::*;
use serde_json::json;

fn read(format: Format, text: &str) -> Result<Json, String> {
    format.read(text.as_bytes(), &mut Vec::new())
}

#[test]
fn every_format_says_the_same() {
    let json = json!({"name": "a/b", "n": 7, "part": {"x": 1.5, "on": true}, "list": ["p", "q"]});
    for (format, text) in [
        (
            Format::Json,
            r#"{"name":"a/b","n":7,"part":{"x":1.5,"on":true},"list":["p","q"]}"#,
        ),
        (
            Format::Yaml,
            "name: a/b\nn: 7\npart: {x: 1.5, on: true}\nlist:\n- p\n- q\n",
        ),
        (
            Format::Toml,
            "name = 'a/b'\nn = 7\nlist = ['p', 'q']\n[part]\nx = 1.5\non = true\n",
        ),
        (
            Format::FrontMatter,
            "---\nname: a/b\nn: 7\npart: {x: 1.5, on: true}\nlist: [p, q]\n---\n# Title\n---\n",
        ),
    ] {
        assert_eq!(read(format, text), Ok(json.clone()), "{format}");
    }
}

#[test]
fn a_table_is_a_list_of_texts() {
    let rows = json!([{"id": "1", "name": "a, b"}, {"id": "2"}]);
    let csv = "\u{feff}id,name\n1,\"a, b\"\n2,\n";
    assert_eq!(read(Format::Csv, csv), Ok(rows.clone()));
    assert_eq!(read(Format::Tsv, "id\tname\n1\ta, b\n2\t\n"), Ok(rows));
    let uneven = read(Format::Csv, "id,name\n1\n").expect_err("uneven");
    assert!(uneven.contains("fields"), "{uneven}");
    let twice = read(Format::Csv, "id,id\n1,2\n").expect_err("twice");
    assert!(twice.contains("`id` is there twice"), "{twice}");
}

#[test]
fn yaml_is_read_by_its_core_schema() {
    let text = "[no, ~, null, True, 0x1f, 0o17, 1.10, '1', !!str 2, 2020-01-02, 1.2.3, .inf, -3, 99999999999999999999, e1, +.5]";
    let json = json!([
        "no",
        null,
        null,
        true,
        31,
        15,
        1.1,
        "1",
        "2",
        "2020-01-02",
        "1.2.3",
        ".inf",
        -3,
        "99999999999999999999",
        "e1",
        0.5
    ]);
    assert_eq!(read(Format::Yaml, text), Ok(json));
    let text = "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 0}, *a]}\n1.0: one\n";
    let json = json!({
        "a": {"x": 1, "y": 2},
        "b": {"y": 3, "x": 1},
        "c": {"z": 0, "x": 1, "y": 2},
        "1.0": "one"
    });
    assert_eq!(read(Format::Yaml, text), Ok(json));
    assert_eq!(
        read(Format::Yaml, "a: 1\n---\na: 2\n"),
        Ok(json!([{"a": 1}, {"a": 2}]))
    );
    assert_eq!(read(Format::Yaml, ""), Ok(Json::Null));
}

#[test]
fn toml_has_times_and_tables() {
    let text = "at = 2020-01-02T03:04:05Z\nnan = nan\n[[row]]\nid = 1\n[[row]]\nid = 2\n";
    let json = json!({"at": "2020-01-02T03:04:05Z", "nan": "NaN", "row": [{"id": 1}, {"id": 2}]});
    assert_eq!(read(Format::Toml, text), Ok(json));
}

#[test]
fn what_cannot_be_read_is_told() {
    for (format, text, told) in [
        (Format::Json, "{\"a\": 1", "EOF"),
        (Format::Json, "{} {}", "trailing"),
        (Format::Json, &"[".repeat(1_000), "recursion limit"),
        (Format::Yaml, "a: [1", "line"),
        (Format::Yaml, "{[1]: 2}", "a key is a list"),
        (Format::Yaml, "a: &a [*a]", "repeats what it is part of"),
        (Format::Yaml, &"- ".repeat(1_000), "deep in each other"),
        (Format::Yaml, "a: {<<: 1}", "no map"),
        (Format::Toml, "a = 1\na = 2\n", "line 2"),
        (
            Format::Toml,
            &format!("a = {}", "[".repeat(1_000)),
            "line 1",
        ),
        (Format::FrontMatter, "a: 1\n", "does not begin"),
        (Format::FrontMatter, "---\na: 1\n", "no second line"),
        (Format::Json, "\0", "binary"),
    ] {
        let said = read(format, text).expect_err(told);
        assert!(said.contains(told), "{said} should say {told}");
    }
    let said = Format::Json
        .read(&[b'"', 0xff, b'"'], &mut Vec::new())
        .expect_err("no UTF-8");
    assert!(said.contains("UTF-8"), "{said}");
}

#[test]
fn a_small_file_never_becomes_a_large_one() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{},", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let said = read(Format::Yaml, &text).expect_err("a billion laughs");
    assert!(said.contains("more than 2000000 values"), "{said}");
}

#[test]
fn of_members_with_one_key_the_last_counts() {
    for (format, text) in [
        (Format::Json, r#"{"x": {"a": 1, "a": 2}, "b": 1, "b": 3}"#),
        (Format::Yaml, "x: {a: 1, a: 2}\nb: 1\nb: 3\n"),
    ] {
        let mut doubled = Vec::new();
        let said = format.read(text.as_bytes(), &mut doubled);
        assert_eq!(said, Ok(json!({"x": {"a": 2}, "b": 3})), "{format}");
        assert_eq!(doubled, ["a", "b"], "{format}");
    }
}
