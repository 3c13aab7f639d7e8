use super::{ORGANIZATION, read, read_whole, shown};
use crate::definition::Definition;

const BROKEN: &[(&str, &str)] = &[
    (
        "organization.toml",
        r#"nmae = "Tidewell"
policy = "client-win"
granularity = "row"
"#,
    ),
    (
        "users.toml",
        r#"ada = { name = "Ada", acess = "read" }
ben = { email = "ben@example.com", access = "write" }
carl = "Carl"
"#,
    ),
    (
        "teams.toml",
        r#"crew = { name = "Crew", members = ["ada", "bem", 7] }
"#,
    ),
    ("user.toml", ""),
    ("README.md", "Not TOML, and nobody minds."),
    (
        "types/account.toml",
        r#"title = "nam"
retierd = true

[keys]
number = ["numbr"]
tags = ["skills"]
none = []
pair = ["number", "founded", "number"]

[fields]
name = { kind = "string" }
number = { kind = "text", lenght_max = 20, required = "yes" }
revenue = { kind = "money", min = 10, max = 1.5 }
limit = { kind = "money", currency = "GBP", min = 10, max = 1.5 }
tags = { kind = "set", of = "integer" }
skills = { kind = "set", of = "text", target = "site", default = "none", required = true }
Size = { kind = "integer", default = 12.5 }
founded = { kind = "date", default = "2026-02-30" }
colour = { kind = "choice", options = ["red", "green", "red"], default = "blue" }
mood = { kind = "choice" }
parent = { kind = "lookup", target = ["acount", "site", "wormhole"], on_delete = "forget" }
visits = { kind = "counter", policy = "highest" }
open = { default = true }
score = { kind = "integer", min = 1, max = 5, default = 9 }
story = { kind = "rich-text", policy = "flag" }
owner = { kind = "lookup", target = "account", required = true, on_delete = "clear" }
fee = { kind = "money", currency = "euro" }
"#,
    ),
    (
        "types/site.toml",
        "retired = true\n[fields]\nname = { kind = \"text\" }\n",
    ),
    (
        "types/task.toml",
        "title = \"subject\"\n[fields\nsubject = 1\n",
    ),
    (
        "types/Visit Plan.toml",
        "[fields.task]\nkind = \"lookup\"\ntarget = \"task\"\n\n[fields.length]\nkind = \"decimal\"\nscale = 99\nmax = nan\n",
    ),
];

const TOLD: &str = r#"
organization.toml:1:1: `nmae` is not known here; did you mean `name`?
organization.toml:1:1: it has no name; give it a `name`
organization.toml:2:10: there is no policy `client-win`; did you mean `client-wins`?
organization.toml:3:15: `granularity` cannot be `row`; write field or record
teams.toml:1:43: `bem` is no user; did you mean `ben`?
teams.toml:1:50: `members` holds an integer; write a text in quotes
types/Visit Plan.toml:1:1: this cannot name a record type; use lower-case letters, digits and underscores, starting with a letter
types/Visit Plan.toml:7:9: 99 is not possible here; write a number from 0 to 28
types/Visit Plan.toml:8:7: `nan` is not a decimal number; write a decimal number, such as 12.50
types/account.toml:1:9: there is no field `nam`; did you mean `name`?
types/account.toml:2:1: `retierd` is not known here; did you mean `retired`?
types/account.toml:5:11: there is no field `numbr`; did you mean `number`?
types/account.toml:6:8: `skills` is a set, which cannot be part of a key; use fields that hold one value
types/account.toml:7:8: key `none` names no field; list the fields that no two records share
types/account.toml:8:8: it names `number` twice; name each field once
types/account.toml:11:17: there is no kind `string`; did you mean `text`?
types/account.toml:12:27: `lenght_max` is not known here; did you mean `length_max`?
types/account.toml:12:55: `required` is a string; write true or false
types/account.toml:13:1: the money has no currency; give a `currency`, such as "EUR"
types/account.toml:13:35: min 10 is above max 1.5; swap them
types/account.toml:14:51: min 10 is above max 1.5; swap them
types/account.toml:15:29: a set of integer is not possible; write `of = "text"` or `of = "lookup"`
types/account.toml:16:39: `target` is not known here; a set of texts takes kind, label, required, default, policy, secured, retired, renamed_from, of, length_max
types/account.toml:16:66: a set starts empty and cannot have a default; remove `default`
types/account.toml:16:85: a set is never empty, so it cannot be required; remove `required`
types/account.toml:17:1: this cannot name a field; use lower-case letters, digits and underscores, starting with a letter
types/account.toml:17:38: the default is of the wrong type: float; write a whole number, such as 42
types/account.toml:18:38: the default `2026-02-30` is not a date, such as 2026-05-04; give a value the field takes
types/account.toml:19:39: option `red` is listed twice; list it once
types/account.toml:19:74: the default `blue` is not one of red, green, red; give a value the field takes
types/account.toml:20:1: it offers no option; list its `options`
types/account.toml:21:39: there is no record type `acount`; did you mean `account`?
types/account.toml:21:49: record type `site` is retired; name one in use
types/account.toml:21:57: there is no record type `wormhole`; name a record type, or add types/wormhole.toml
types/account.toml:21:82: `on_delete` cannot be `forget`; write restrict, cascade or clear
types/account.toml:22:39: there is no policy `highest`; write client-wins, server-wins, flag, last-writer-wins, first-writer-wins, max or min
types/account.toml:23:1: the field has no kind; give it a `kind`: text, integer, decimal, money, boolean, date, timestamp, choice, multi-choice, lookup, file, counter, set, rich-text or json
types/account.toml:24:57: its default is wrong: 9 is above the largest possible, 5; give a value the field takes
types/account.toml:25:40: a rich-text merges by itself, so a conflict policy has nothing to decide; remove `policy`
types/account.toml:26:77: it is required, but becomes empty when its target is deleted; write `on_delete = "restrict"` or `on_delete = "cascade"`, or remove `required`
types/account.toml:27:36: `euro` is not a currency; write its three letters, such as "EUR"
types/task.toml:2:8: this is not TOML: unclosed table, expected `]`; correct it; the rest of this file is checked then
user.toml:1:1: this file is not part of a definition; did you mean `users.toml`?
users.toml:1:23: `acess` is not known here; did you mean `access`?
users.toml:2:1: user `ben` has no name; give a `name`
users.toml:2:45: `access` cannot be `write`; write edit or read
users.toml:3:8: `carl` is a string; write a user as { name = "Ada Okafor", email = "ada@example.com" }
"#;

#[test]
fn every_mistake_of_a_folder_is_told_at_once() {
    let faults = read(BROKEN, &Definition::default()).unwrap_err();
    assert_eq!(shown(&faults), TOLD.trim());
}

#[test]
fn the_order_of_files_does_not_matter() {
    let mut reversed = BROKEN.to_vec();
    reversed.reverse();
    let base = Definition::default();
    assert_eq!(read(&reversed, &base), read(BROKEN, &base));
}

#[test]
fn a_folder_without_its_main_file_says_so() {
    let faults = read(&[], &Definition::default()).unwrap_err();
    let expected = "organization.toml:1:1: this file is missing; write one with a `name`";
    assert_eq!(shown(&faults), expected);
}

#[test]
fn a_change_that_would_lose_values_is_told_where_it_is_written() {
    let before = "[fields]\nsize = { kind = \"text\" }\ngone = { kind = \"money\", currency = \"EUR\" }\nn = { kind = \"integer\" }\n";
    let base = read_whole(
        &[ORGANIZATION, ("types/site.toml", before)],
        &Definition::default(),
    );
    let retired = "[fields]\nsize = { kind = \"text\" }\nn = { kind = \"integer\" }\n";
    let base = read_whole(&[ORGANIZATION, ("types/site.toml", retired)], &base);
    let after = "[fields]\nlength = { kind = \"integer\", renamed_from = \"size\" }\ngone = { kind = \"boolean\" }\nn = { kind = \"decimal\" }\n";
    let faults = read(&[ORGANIZATION, ("types/site.toml", after)], &base).unwrap_err();
    assert_eq!(
        shown(&faults),
        "\
types/site.toml:2:19: `length` cannot become integer: it is text, and only widening is possible; keep the kind, or retire the field and add a new one
types/site.toml:3:17: `gone` cannot become boolean: it is money, and only widening is possible; it is the retired field that comes back; give a new field another name"
    );
}

#[test]
fn text_of_every_sort_is_read_without_a_panic() {
    let base = Definition::default();
    for text in [
        "",
        "\u{feff}",
        "[[fields]]",
        "fields = 3",
        "fields.a.kind = 1",
        "keys = { a = { b = 1 } }",
        "[fields]\na = [1]\n\"\" = {}",
    ] {
        for path in [
            "organization.toml",
            "users.toml",
            "teams.toml",
            "types/.toml",
            "types/a.toml",
            "roles/a.toml",
            "profiles/a.toml",
            "business_units.toml",
            "field_security.toml",
            ".toml",
        ] {
            let parsed = read(&[(path, text)], &base);
            assert!(
                parsed.is_err() || path == "organization.toml",
                "{path}: {text}"
            );
        }
    }
}

#[test]
fn a_retired_field_comes_back_with_the_limits_it_has_now() {
    let before =
        "[fields]\nstate = { kind = \"choice\", options = [\"open\"], default = \"open\" }\n";
    let base = read_whole(
        &[ORGANIZATION, ("types/site.toml", before)],
        &Definition::default(),
    );
    let retired = "[fields]\nstate = { kind = \"choice\", options = [\"shut\"], retired = true }\n";
    let base = read_whole(&[ORGANIZATION, ("types/site.toml", retired)], &base);
    let back =
        "[fields]\nstate = { kind = \"choice\", options = [\"shut\"], default = \"open\" }\n";
    let faults = read(&[ORGANIZATION, ("types/site.toml", back)], &base).unwrap_err();
    assert_eq!(
        shown(&faults),
        "types/site.toml:2:58: the default `open` is not one of shut; give a value the field takes"
    );
}
