use super::{ORGANIZATION, read, read_whole, shown};
use crate::definition::{Definition, RecordType};
use crate::id::{FieldId, KeyId, TypeId};

const BEFORE: &str = r#"
[keys]
number = ["number"]

[fields]
number = { kind = "text" }
state = { kind = "choice", options = ["open"] }
"#;

fn site(definition: &Definition) -> &RecordType {
    definition.types.values().next().expect("one type")
}

fn before() -> Definition {
    read_whole(
        &[ORGANIZATION, ("types/site.toml", BEFORE)],
        &Definition::default(),
    )
}

#[test]
fn ids_are_given_in_the_order_of_the_text() {
    let definition = before();
    assert_eq!(site(&definition).id, TypeId(1));
    assert_eq!(
        site(&definition).field_named("state").map(|field| field.id),
        Some(FieldId(2))
    );
    assert_eq!(site(&definition).keys[0].id, KeyId(1));
}

#[test]
fn a_renamed_type_and_field_keep_their_ids_from_then_on() {
    let text = r#"
renamed_from = "site"
[keys]
number = ["number"]
[fields]
phase = { kind = "choice", options = ["open"], renamed_from = "state" }
number = { kind = "text" }
extra = { kind = "text" }
"#;
    let folder = [ORGANIZATION, ("types/place.toml", text)];
    let renamed = read_whole(&folder, &before());
    assert_eq!(renamed.types.len(), 1);
    let place = renamed.type_named("place").expect("the new name");
    assert_eq!((place.id, place.label.as_str()), (TypeId(1), "Place"));
    assert_eq!(
        place.field_named("phase").map(|field| field.id),
        Some(FieldId(2))
    );
    assert_eq!(
        place.field_named("extra").map(|field| field.id),
        Some(FieldId(3))
    );
    assert_eq!(read_whole(&folder, &renamed), renamed);
}

#[test]
fn what_the_text_leaves_out_is_retired_and_its_id_is_never_used_again() {
    let without = "[fields]\nnumber = { kind = \"text\" }\nother = { kind = \"json\" }\n";
    let next = read_whole(&[ORGANIZATION, ("types/site.toml", without)], &before());
    assert!(site(&next).fields[&FieldId(2)].retired);
    assert_eq!(
        site(&next).field_named("other").map(|field| field.id),
        Some(FieldId(3))
    );
    let empty = read_whole(&[ORGANIZATION, ("types/new.toml", "")], &next);
    assert!(empty.types[&TypeId(1)].retired);
    assert_eq!(empty.type_named("new").map(|new| new.id), Some(TypeId(2)));
    let back = read_whole(&[ORGANIZATION, ("types/site.toml", BEFORE)], &empty);
    assert_eq!(back.type_named("site").map(|site| site.id), Some(TypeId(1)));
    assert!(!back.types[&TypeId(1)].fields[&FieldId(2)].retired);
}

#[test]
fn users_and_teams_that_the_text_leaves_out_are_removed() {
    let users = (
        "users.toml",
        "ada = { name = \"Ada\" }\nben = { name = \"Ben\", access = \"read\" }\n",
    );
    let teams = (
        "teams.toml",
        "all = { name = \"All\", members = [\"ada\"] }\n",
    );
    let base = read_whole(&[ORGANIZATION, users, teams], &Definition::default());
    assert_eq!((base.users.len(), base.teams.len()), (2, 1));
    let next = read_whole(&[ORGANIZATION], &base);
    assert_eq!((next.users.len(), next.teams.len()), (0, 0));
}

#[test]
fn a_rename_of_nothing_and_one_done_twice_are_told() {
    let text = r#"[fields]
a = { kind = "text", renamed_from = "stat" }
b = { kind = "text", renamed_from = "number" }
c = { kind = "text", renamed_from = "number" }
"#;
    let faults = read(&[ORGANIZATION, ("types/site.toml", text)], &before()).unwrap_err();
    assert_eq!(
        shown(&faults),
        "\
types/site.toml:2:37: there is no field `stat` to rename; did you mean `state`?
types/site.toml:4:37: field `number` goes on under another name already; leave out `renamed_from` for a new one"
    );
}

#[test]
fn both_spellings_of_tables_mean_the_same() {
    let tables = "[keys]\nnumber = [\"number\"]\n[fields.number]\nkind = \"text\"\n[fields.state]\nkind = \"choice\"\noptions = [\"open\"]\n";
    let spelled = read_whole(
        &[ORGANIZATION, ("types/site.toml", tables)],
        &Definition::default(),
    );
    assert_eq!(spelled, before());
}

#[test]
fn a_star_points_at_every_type_in_use() {
    let folder = [
        ORGANIZATION,
        ("types/a.toml", ""),
        ("types/b.toml", "retired = true"),
        (
            "types/note.toml",
            "[fields]\nabout = { kind = \"lookup\", target = \"*\" }\n",
        ),
    ];
    let definition = read_whole(&folder, &Definition::default());
    let changes = Definition::default().changes_to(&definition);
    let lines = crate::text::describe(&changes, &Definition::default());
    assert!(
        lines.contains(&"note.about: new field, lookup to a or note, on delete clear".to_owned()),
        "{lines:?}"
    );
}
