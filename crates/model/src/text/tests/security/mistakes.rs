use super::{WHOLE, read, shown};
use crate::definition::Definition;

/// What is told of the whole organization with some files written otherwise.
fn told(instead: &[(&str, &str)]) -> String {
    let mut parts = WHOLE.to_vec();
    parts.retain(|(path, _)| instead.iter().all(|(other, _)| other != path));
    parts.extend(instead);
    match read(&parts, &Definition::default()) {
        Ok(_) => String::new(),
        Err(faults) => shown(&faults),
    }
}

#[test]
fn names_of_nothing_are_told_with_the_nearest_one() {
    let expected = r#"
field_security.toml:1:18: there is no team `ofice`; did you mean `office`?
field_security.toml:1:36: job has no field `prise`; did you mean `price`?
field_security.toml:1:50: there is no record type `jop`; did you mean `job`?
field_security.toml:1:63: `price` does not name a field; write TYPE.FIELD, such as "work_order.status"
profiles/technician.toml:1:11: there is no role `technican`; did you mean `technician`?
profiles/technician.toml:2:8: there is no record type `sight`; name a record type, or add types/sight.toml
profiles/technician.toml:4:8: there is no record type `truck`; name a record type, or add types/truck.toml
profiles/technician.toml:8:12: job has no field `nmae`; did you mean `name`?
profiles/technician.toml:9:12: there is no record type `jobs`; did you mean `job`?
profiles/technician.toml:9:36: job has no field `sites`; did you mean `site`?
profiles/technician.toml:9:63: `near by` is not a relationship; write "pointed at by TYPE.FIELD" or "pointing at TYPE by FIELD", with ", at most 3 steps" where it shall end
profiles/technician.toml:9:74: `pointing at site by site, at least 3` is not a relationship; write "pointed at by TYPE.FIELD" or "pointing at TYPE by FIELD", with ", at most 3 steps" where it shall end
roles/technician.toml:2:1: `raed` is not known here; did you mean `read`?
roles/technician.toml:3:9: `write` cannot be `users`; did you mean `user`?
roles/technician.toml:4:8: there is no record type `jop`; did you mean `job`?
teams.toml:1:45: there is no business unit `ik`; did you mean `uk`?
users.toml:1:39: there is no business unit `nort`; did you mean `north`?
users.toml:1:55: `bne` is no user; did you mean `ben`?
users.toml:1:73: there is no position `boss`; name a position, or add it to positions.toml
users.toml:1:90: there is no role `tech`; name a role, or add it as roles/NAME.toml
"#;
    let instead = [
        (
            "field_security.toml",
            "prices = {teams=[\"ofice\"], read = [\"job.prise\",  \"jop.price\", \"price\"]}\n",
        ),
        (
            "roles/technician.toml",
            "[others]\nraed = \"user\"\nwrite = \"users\"\n[types.jop]\n",
        ),
        (
            "teams.toml",
            "office = { name = \"Office\", business_unit = \"ik\" }\n",
        ),
        (
            "users.toml",
            "ada = { name = \"Ada\", business_unit = \"nort\", manager=\"bne\", position = \"boss\", roles = [\"tech\"] }\nben = { name = \"Ben\" }\n",
        ),
        (
            "profiles/technician.toml",
            "roles = [ \"technican\" ]\n[types.sight]\nfilter = \"all\"\n[types.truck]\nfilter = \"all\"\n[types.job]\nfilter = \"all\"\ncolumns = [\"nmae\"]\nrelated = [\"pointed at by jobs.x\", \"pointed at by job.sites\", \"near by\", \"pointing at site by site, at least 3\"]\n",
        ),
    ];
    assert_eq!(told(&instead), expected.trim());
}

#[test]
fn forms_that_are_wrong_are_told_where_they_are() {
    let instead = [
        (
            "organization.toml",
            "name = \"Test\"\nhierarchy = { by = \"boss\" }\nutc_offset = \"CET\"\nwithout_profile = \"none\"\n",
        ),
        (
            "profiles/technician.toml",
            "grace = \"a week\"\nwithout = [\"job\"]\n[types.job]\ninterval = \"often\"\ncolour = 1\n[types.site]\nfilter = \"all\"\nwhere = \"true\"\n[types.user]\nfilter = [\"mine\", \"yours\"]\n",
        ),
        ("profiles/other.toml", "based_on = \"technicien\"\n"),
    ];
    let expected = r#"
organization.toml:2:1: the hierarchy has no `levels`; write { by = "manager", levels = 3 }
organization.toml:2:20: `by` cannot be `boss`; write manager or position
organization.toml:3:14: `CET` is not an offset from UTC; write hours and minutes with a sign, such as "+01:00"
organization.toml:4:19: `without_profile` cannot be `none`; write everything or nothing
profiles/other.toml:1:12: there is no default profile `technicien`; did you mean `technician`?
profiles/technician.toml:1:9: `a week` is not a span of time; write a number of minutes, hours or days, such as "15m", "4h" or "1d"
profiles/technician.toml:2:11: a profile that is based on none has nothing to leave out; remove `without`
profiles/technician.toml:3:8: it does not say which records are let in; write "all", "related-only", or a list out of "mine", "my-teams" and "my-business-unit" as `filter`, or an expression as `where`
profiles/technician.toml:4:12: `often` is not a span of time; write a number of minutes, hours or days, such as "15m", "4h" or "1d"
profiles/technician.toml:5:1: `colour` is not known here; a type of a profile takes filter, where, related, combine, columns, interval, files, rank
profiles/technician.toml:8:9: it has a `filter` and a `where`; keep one of them
profiles/technician.toml:10:19: `filter` cannot be `yours`; write "all", "related-only", or a list out of "mine", "my-teams" and "my-business-unit"
"#;
    assert_eq!(told(&instead), expected.trim());
}

#[test]
fn trees_have_one_top_and_no_circles() {
    let instead = [
        (
            "business_units.toml",
            "uk = {}\nfr = {}\na = { parent = \"b\" }\nb = { parent = \"a\" }\nnorth = { parent = \"ku\" }\n",
        ),
        (
            "positions.toml",
            "head = { parent = \"lead\" }\nlead = { parent = \"head\" }\n",
        ),
        (
            "users.toml",
            "ada = { name = \"Ada\", manager = \"ada\" }\nben = { name = \"Ben\" }\n",
        ),
        (
            "organization.toml",
            "name = \"Test\"\nutc_offset = \"+15:00\"\nhierarchy = { by = \"position\", levels = 0 }\n",
        ),
    ];
    let expected = r#"
business_units.toml:1:1: `fr` and `uk` both have no parent, but there is one top; give it a `parent`, such as "fr"
business_units.toml:3:16: these go round in a circle: a, b, a; leave out one `parent`
business_units.toml:5:20: there is no business unit `ku`; did you mean `uk`?
organization.toml:2:14: no place is 900 minutes ahead of UTC; write an offset from "-12:00" to "+14:00"
organization.toml:3:13: it reaches no level; write `levels` of 1 and more, or leave out `hierarchy`
positions.toml:1:19: these go round in a circle: head, lead, head; leave out one `parent`
users.toml:1:33: `ada` is above itself; leave out one `manager`
"#;
    assert_eq!(told(&instead), expected.trim());
}

#[test]
fn owners_sharing_and_secured_fields_must_make_sense() {
    let job = r#"
title = "name"
owner = "site"
readers = "owner"
writers = "tags"
offline_where = " "
[keys]
number = ["number"]
[fields]
name = { kind = "text", secured = true }
number = { kind = "text", secured = true }
owner = { kind = "lookup", target = "user", secured = true }
site = { kind = "lookup", target = "site", required = true, secured = true }
tags = { kind = "set", of = "text" }
price = { kind = "money", currency = "EUR" }
"#;
    let expected = r#"
field_security.toml:1:39: `job.price` is not secured, so that everybody sees it; write `secured = true` at the field, or leave it out here
field_security.toml:1:63: `job.price` is not secured, so that everybody sees it; write `secured = true` at the field, or leave it out here
types/job.toml:3:9: `site` is a lookup to site, which no record can belong to; name a lookup whose target is `user`, `team` or both
types/job.toml:4:11: `owner` is a lookup to user, which names nobody to share with; name a set of lookups whose target is `user`, `team` or both
types/job.toml:5:11: `tags` is a set of text, which names nobody to share with; name a set of lookups whose target is `user`, `team` or both
types/job.toml:6:17: the expression is empty; say which records of job it lets in
types/job.toml:10:35: it cannot be secured: it is the title, and readers without the right could not tell records apart; remove `secured`, or keep what is secret in a field of its own
types/job.toml:11:37: it cannot be secured: it is part of a key, and a value that is taken gives away what others hold; remove `secured`, or keep what is secret in a field of its own
types/job.toml:12:55: it cannot be secured: it says whom a record is shared with, and they must know; remove `secured`, or keep what is secret in a field of its own
types/job.toml:13:71: it cannot be secured: it is the owner, and readers without the right could not tell whose a record is; remove `secured`, or keep what is secret in a field of its own
"#;
    let profile = ("profiles/technician.toml", "");
    assert_eq!(told(&[("types/job.toml", job), profile]), expected.trim());
    let same = "readers = \"to\"\nwriters = \"to\"\nowner = \"ownre\"\n[fields]\nowner = { kind = \"lookup\", target = \"user\" }\nto = { kind = \"set\", of = \"lookup\", target = \"user\" }\nprice = { kind = \"counter\", secured = true }\npart = { kind = \"integer\", required = true, secured = true }\n";
    let role = ("roles/technician.toml", "");
    let expected = r#"
types/job.toml:2:11: readers and writers are the same field; give each a field of its own
types/job.toml:3:9: there is no field `ownre`; did you mean `owner`?
types/job.toml:8:55: it cannot be secured: it is required, and readers without the right could not make a record; remove `secured`, or keep what is secret in a field of its own
"#;
    assert_eq!(
        told(&[("types/job.toml", same), profile, role]),
        expected.trim()
    );
}

#[test]
fn a_role_reaches_by_owner_only_what_has_one() {
    let role = "[types.site]\nread = \"organization\"\nwrite = \"user\"\n";
    let expected = "roles/technician.toml:3:9: a site has no owner, so `user` reaches none; write \"organization\" or \"none\", or name the type's `owner`";
    assert_eq!(told(&[("roles/technician.toml", role)]), expected);
    let role = ("roles/Technician.toml", "");
    let people = [
        (
            "users.toml",
            "ada = { name = \"Ada\" }\nben = { name = \"Ben\" }\n",
        ),
        ("teams.toml", "office = { name = \"Office\" }\n"),
        ("roles/technician.toml", ""),
        role,
    ];
    assert_eq!(
        told(&people),
        "roles/Technician.toml:1:1: this cannot name a role; use lower-case letters, digits and underscores, starting with a letter"
    );
}

#[test]
fn profiles_that_could_never_work_are_told() {
    let profile = r#"
users = ["ada"]
grace = "400d"
[types.site]
filter = "related-only"
columns = ["parent"]
interval = "2d"
[types.job]
filter = "related-only"
combine = "and"
related = [
  "pointed at by site.parent",
  "pointing at site by owner",
  "pointing at site by site, at most 0 steps",
]
columns = ["name"]
[types.user]
filter = []
[types.secret]
filter = "all"
combine = "and"
"#;
    let expected = r#"
profiles/technician.toml:3:9: 576000 minutes are too long; at most 366 days are possible
profiles/technician.toml:4:8: it lets in related records only, but names no relationship; list ways to records of this type under `related`
profiles/technician.toml:6:11: `name` is missing, the title of a site; list it, too
profiles/technician.toml:7:12: 2880 minutes are too long; write "live" or a span of at most one day, such as "15m" or "1d"
profiles/technician.toml:10:11: records must meet a filter and be reached, but it has no filter; give it a `filter` or a `where`, or remove `combine`
profiles/technician.toml:12:3: `site.parent` never leads to a job; a site has no lookup to a job
profiles/technician.toml:13:3: `job.owner` never leads to a site; a job leads to a site by site
profiles/technician.toml:14:3: it takes no step; write at least 1 step, or none
profiles/technician.toml:16:11: `owner` is missing, which a relationship of the profile goes along; list it, too
profiles/technician.toml:16:11: `site` is missing, which a relationship of the profile goes along; list it, too
profiles/technician.toml:18:10: a user has no owner, so it lets in none; write `filter = "all"` or a `where`, or name the type's `owner`
profiles/technician.toml:18:10: it lets in nobody's records; list "mine", "my-teams" or "my-business-unit"
profiles/technician.toml:19:8: record type `secret` is not enabled for offline; remove `offline = false` there, or leave the type out here
profiles/technician.toml:21:11: records must meet the filter and be reached, but it names no relationship; list ways to records of this type under `related`, or remove `combine`
"#;
    assert_eq!(
        told(&[("profiles/technician.toml", profile)]),
        expected.trim()
    );
}

#[test]
fn exclusive_profiles_that_share_a_member_are_told_by_both_names() {
    let mine = "roles = [\"technician\"]\n";
    let expected = "profiles/technician.toml:4:13: ada is a member of profile `technician` and of profile `mine`, but `technician` is exclusive; take ada out of one of them, or leave out `exclusive`";
    assert_eq!(told(&[("profiles/mine.toml", mine)]), expected);
}

#[test]
fn a_relationship_along_a_secured_field_is_told() {
    let job = "[fields]\nsite = { kind = \"lookup\", target = \"site\", secured = true }\n";
    let profile =
        "[types.job]\nfilter = \"related-only\"\nrelated = [\"pointing at site by site\"]\n";
    let expected = "profiles/technician.toml:3:12: `job.site` is secured, and which records are held would give it away; name another way, or remove `secured` there";
    let parts = [
        ("types/job.toml", job),
        ("profiles/technician.toml", profile),
        ("roles/technician.toml", ""),
        ("field_security.toml", ""),
    ];
    assert_eq!(told(&parts), expected);
}

#[test]
fn a_broken_type_is_told_alone() {
    let parts = [("types/job.toml", "[fields\n")];
    let expected = "types/job.toml:1:8: this is not TOML: unclosed table, expected `]`; correct it; the rest of this file is checked then";
    assert_eq!(told(&parts), expected);
}

#[test]
fn a_retired_type_is_left_out_of_roles_and_profiles() {
    let site = "retired = true\n[fields]\nname = { kind = \"text\" }\nparent = { kind = \"lookup\", target = \"site\" }\n";
    let job = "title = \"name\"\nowner = \"owner\"\n[fields]\nname = { kind = \"text\" }\nowner = { kind = \"lookup\", target = \"user\" }\nprice = { kind = \"text\", secured = true }\n";
    let profile = "[types.site]\nfilter = \"all\"\n";
    let expected = "profiles/technician.toml:1:8: record type `site` is retired; name one in use";
    let parts = [
        ("types/site.toml", site),
        ("types/job.toml", job),
        ("profiles/technician.toml", profile),
    ];
    assert_eq!(told(&parts), expected);
}
