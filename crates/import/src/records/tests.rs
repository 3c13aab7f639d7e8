use super::*;
use crate::key::Pointer;
use crate::patterns::Patterns;
use serde_json::json;

fn plan(key: &str, place: &str, rows: &[&str]) -> Plan {
    Plan {
        paths: Patterns::new(["**"]).expect("a pattern"),
        key: key.parse().expect("a key"),
        format: None,
        place: place.parse::<Pointer>().expect("a pointer"),
        rows: rows
            .iter()
            .map(|rows| rows.parse().expect("rows"))
            .collect(),
        strict: false,
    }
}

fn read(json: &Json, plan: &Plan) -> Result<Records, String> {
    super::read(json.to_string().as_bytes(), Format::Json, plan)
}

/// What each record holds, by key.
fn held(json: Json, plan: &Plan) -> Json {
    let records = read(&json, plan).expect("records");
    records
        .all
        .into_iter()
        .map(|record| {
            (
                record.key,
                Json::Object(record.fields.into_iter().collect()),
            )
        })
        .collect::<Map<_, _>>()
        .into()
}

#[test]
fn a_record_is_laid_flat() {
    let json = json!({"id": "x", "a/b": {"c~": [1, {"d": 2}], "e": {}, "f": null}});
    let flat =
        json!({"x": {"/id": "x", "/a~1b/c~0": [1, {"d": 2}], "/a~1b/e": {}, "/a~1b/f": null}});
    assert_eq!(held(json, &plan("/id", "", &[])), flat);
    assert_eq!(held(json!({}), &plan("file", "", &[])), json!({"": {}}));
    assert_eq!(
        held(json!([1]), &plan("file", "", &[])),
        json!({"": {"": [1]}})
    );
}

#[test]
fn rows_are_fields_where_each_has_its_own_key() {
    let plan = plan("file", "", &["/r=id"]);
    let rows = json!({"r": [{"id": "a/b", "v": 1}, {"id": 2, "v": 2}]});
    let flat =
        json!({"": {"/r/[a~1b]/id": "a/b", "/r/[a~1b]/v": 1, "/r/[2]/id": 2, "/r/[2]/v": 2}});
    assert_eq!(held(rows, &plan), flat);
    for list in [json!([{"id": 1}, {"id": 1}]), json!([{"v": 1}]), json!([])] {
        assert_eq!(held(json!({"r": list}), &plan), json!({"": {"/r": list}}));
    }
}

#[test]
fn a_file_may_hold_many_records() {
    let inside = json!({"all": {"b": {"v": 1}, "a": {"v": 2}}});
    let flat = json!({"a": {"/v": 2}, "b": {"/v": 1}});
    assert_eq!(held(inside, &plan("keys", "/all", &[])), flat);
    let list = json!([{"n": "x", "v": 1}, {"v": 9}, {"n": "x", "v": 2}, {"n": "w"}]);
    let records = read(&list, &plan("[n]", "", &[])).expect("records");
    let keys: Vec<&str> = records.all.iter().map(|r| r.key.as_str()).collect();
    assert_eq!(keys, ["w", "x"]);
    assert_eq!(records.all[1].fields["/v"], 2, "the last of two counts");
    assert_eq!(records.doubled, ["x"]);
    assert_eq!(records.nameless, 1);
    assert_eq!(held(Json::Null, &plan("keys", "", &[])), json!({}));
}

#[test]
fn what_holds_no_records_is_told() {
    for (json, key, place, told) in [
        (json!({"v": 1}), "/id", "", "no key at `/id`"),
        (json!({"id": null}), "/id", "", "no key at `/id`"),
        (json!([1]), "keys", "", "no map of records"),
        (json!({"a": 1}), "[id]", "", "no list of records"),
        (json!({"a": 1}), "keys", "/b", "nothing at `/b`"),
        (Json::Null, "file", "", "empty"),
    ] {
        let said = read(&json, &plan(key, place, &[])).err().expect(told);
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn digests_are_equal_where_content_is() {
    let digest = |json: Json| digest(&fields(json, &[]));
    let same = digest(json!({"a": [{"x": 1, "y": 2}], "b": "c"}));
    assert_eq!(same, digest(json!({"b": "c", "a": [{"y": 2, "x": 1}]})));
    for other in [
        json!({"a": [{"x": 1, "y": 2}], "b": "d"}),
        json!({"a": [{"x": 1, "y": 2}, null], "b": "c"}),
        json!({"a": ["{\"x\":1,\"y\":2}"], "b": "c"}),
        json!({"a": [{"x": 1, "y": 2}]}),
    ] {
        assert_ne!(same, digest(other));
    }
}
