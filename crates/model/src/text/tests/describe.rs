use super::{ORGANIZATION, read_whole};
use crate::definition::Definition;
use crate::text::describe;

const BEFORE: &[(&str, &str)] = &[
    ORGANIZATION,
    (
        "users.toml",
        "ada = { name = \"Ada\" }\nben = { name = \"Ben\" }\n",
    ),
    (
        "teams.toml",
        "crew = { name = \"Crew\", members = [\"ada\"] }\n",
    ),
    (
        "types/job.toml",
        r#"
[keys]
number = ["number"]
[fields]
number = { kind = "text" }
state = { kind = "choice", options = ["open", "shut"], default = "open" }
hours = { kind = "integer" }
old = { kind = "text" }
"#,
    ),
];

const AFTER: &[(&str, &str)] = &[
    (
        "organization.toml",
        "name = \"Test\"\npolicy = \"client-wins\"\ngranularity = \"record\"\n",
    ),
    (
        "users.toml",
        "ada = { name = \"Ada\", access = \"read\" }\ncy = { name = \"Cy\", email = \"cy@example.com\" }\n",
    ),
    (
        "teams.toml",
        "crew = { name = \"Crew\", members = [\"cy\"] }\n",
    ),
    (
        "types/site.toml",
        "[fields]\nname = { kind = \"text\", length_max = 9 }\n",
    ),
    (
        "types/work_order.toml",
        r#"
renamed_from = "job"
title = "number"
policy = "flag"
[keys]
site = ["site"]
[fields]
number = { kind = "text", required = true }
state = { kind = "choice", options = ["open", "done"], default = "done", policy = "max" }
effort = { kind = "decimal", min = 0, renamed_from = "hours" }
priority = { kind = "choice", options = ["low", "normal", "high"] }
site = { kind = "lookup", target = "site", required = true }
cost = { kind = "money", currency = "EUR", max = 10, default = 1.50 }
"#,
    ),
];

#[test]
fn a_change_is_said_in_one_line_each() {
    let before = read_whole(BEFORE, &Definition::default());
    let after = read_whole(AFTER, &before);
    let lines = describe(&before.changes_to(&after), &before);
    let expected = "\
organization: policy client-wins (was flag), granularity record (was field)
work_order: renamed from job, title number, policy flag, key site on site, no key number any more
work_order.number: now required
work_order.state: new option done, no option shut any more, default done (was open), policy max
work_order.effort: renamed from hours, decimal from 0 (was integer)
work_order.old: retired
work_order.priority: new field, choice of low, normal, high
work_order.site: new field, lookup to site, on delete restrict, required
work_order.cost: new field, money in EUR up to 10, default 1.5 EUR
site: new record type
site.name: new field, text of at most 9 characters
user ada: access read (was edit)
user cy: new, Cy, email cy@example.com, access edit
user ben: removed
team crew: with cy, without ada";
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn nothing_changed_is_nothing_said() {
    let before = read_whole(BEFORE, &Definition::default());
    assert_eq!(
        describe(&before.changes_to(&before), &before),
        Vec::<String>::new()
    );
}
