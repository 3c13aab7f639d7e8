//! Security and profiles as text: a whole organization, its mistakes, and
//! random ones for the round trip.

mod mistakes;
mod random;

pub(super) use random::secure;

use super::{POLICIES, files, read, read_whole, shown};
use crate::definition::{
    Combine, Definition, Depth, Files, Filter, Hierarchy, Owned, Relationship, Right,
    WithoutProfile,
};
use crate::text::{describe, export, parse, template};

/// An organization that uses every part.
const WHOLE: &[(&str, &str)] = &[
    (
        "organization.toml",
        "name = \"Test\"\nhierarchy = { by = \"manager\", levels = 3 }\nutc_offset = \"-03:30\"\nwithout_profile = \"nothing\"\n",
    ),
    (
        "business_units.toml",
        "uk = {}\nnorth = { label = \"The North\", parent = \"uk\" }\n",
    ),
    (
        "positions.toml",
        "head = {}\nlead = { label = \"Team lead\", parent = \"head\" }\n",
    ),
    (
        "users.toml",
        "ada = { name = \"Ada\", business_unit = \"north\", manager = \"ben\", position = \"lead\", roles = [\"technician\"] }\nben = { name = \"Ben\" }\n",
    ),
    (
        "teams.toml",
        "office = { name = \"Office\", members = [\"ben\"], business_unit = \"uk\", roles = [\"technician\"] }\n",
    ),
    (
        "field_security.toml",
        "prices = { teams = [\"office\"], read = [\"job.price\"], update = [\"job.price\"] }\n",
    ),
    ("types/user.toml", "[fields]\nlogin = { kind = \"text\" }\n"),
    (
        "types/site.toml",
        "title = \"name\"\n[fields]\nname = { kind = \"text\" }\nparent = { kind = \"lookup\", target = \"site\" }\n",
    ),
    (
        "types/job.toml",
        r#"
title = "name"
owner = "owner"
readers = "seen_by"
writers = "shared_with"
offline_where = "record.name != ''"
[fields]
name = { kind = "text" }
owner = { kind = "lookup", target = "user" }
seen_by = { kind = "set", of = "lookup", target = "user" }
shared_with = { kind = "set", of = "lookup", target = "user" }
site = { kind = "lookup", target = "site" }
price = { kind = "money", currency = "EUR", secured = true }
"#,
    ),
    (
        "types/secret.toml",
        "offline = false\n[fields]\nname = { kind = \"text\" }\n",
    ),
    (
        "roles/technician.toml",
        "label = \"Technician\"\n[others]\nread = \"organization\"\n[types.job]\nread = \"business-unit-and-below\"\nwrite = \"user\"\nappend = \"none\"\n",
    ),
    (
        "profiles/technician.toml",
        r#"
label = "Field technicians"
users = ["ada"]
exclusive = true
grace = "36h"
[types.job]
filter = ["mine", "my-teams"]
columns = ["name", "site"]
interval = "15m"
files = "eager"
rank = 1
[types.site]
where = "record.name != ''"
related = ["pointed at by job.site", "pointing at site by parent, at most 3 steps"]
combine = "and"
"#,
    ),
];

#[test]
fn a_whole_organization_is_read() {
    let definition = read_whole(WHOLE, &Definition::default());
    assert_eq!(definition.hierarchy, Hierarchy::Manager(3));
    assert_eq!(definition.utc_offset, -210);
    assert_eq!(definition.without_profile, WithoutProfile::Nothing);
    let north = &definition.business_units["north"];
    assert_eq!(
        (north.label.as_str(), north.parent.as_deref()),
        ("The North", Some("uk"))
    );
    assert_eq!(definition.positions["head"].label, "Head");
    let job = definition.type_named("job").expect("job");
    let site = definition.type_named("site").expect("site");
    let named = |name: &str| job.field_named(name).map(|field| field.id);
    assert_eq!(
        [job.owner, job.readers, job.writers],
        [named("owner"), named("seen_by"), named("shared_with")]
    );
    assert!(!definition.type_named("secret").expect("secret").offline);
    let role = &definition.roles["technician"];
    assert_eq!(role.others, [(Right::Read, Depth::Organization)].into());
    assert_eq!(
        role.types[&job.id],
        [
            (Right::Read, Depth::BusinessUnitAndBelow),
            (Right::Write, Depth::User),
            (Right::Append, Depth::None),
        ]
        .into()
    );
    let price = (job.id, named("price").expect("price"));
    assert_eq!(definition.field_security["prices"].update, [price].into());
    let profile = &definition.profiles["technician"];
    assert_eq!((profile.exclusive, profile.grace), (true, 36 * 60));
    let rule = &profile.types[&job.id];
    let owned = Owned {
        mine: true,
        my_teams: true,
        my_business_unit: false,
    };
    assert_eq!(rule.filter, Filter::Owned(owned));
    assert_eq!((rule.interval, rule.rank), (15, 1));
    assert_eq!(rule.files, Files::Eager);
    let rule = &profile.types[&site.id];
    let by_job = Relationship::PointedAtBy {
        record_type: job.id,
        field: named("site").expect("site"),
        depth: None,
    };
    let by_parent = Relationship::PointingAt {
        record_type: site.id,
        field: site.field_named("parent").expect("parent").id,
        depth: Some(3),
    };
    assert_eq!(rule.related, [by_job, by_parent]);
    assert_eq!(rule.combine, Combine::And);
    let text = export(&definition);
    assert_eq!(parse(&text, &definition, POLICIES), Ok(definition));
}

#[test]
fn every_part_is_said_in_words() {
    let definition = read_whole(WHOLE, &Definition::default());
    let nothing = Definition::default();
    let changes = nothing.changes_to(&definition);
    let said = describe(&changes, &nothing);
    let about_fields = |line: &&String| line.split(": ").next().is_none_or(|of| !of.contains('.'));
    let said: Vec<&str> = said
        .iter()
        .filter(about_fields)
        .map(String::as_str)
        .collect();
    let expected = "\
organization: name Test (was ), hierarchy by manager, levels 3 (was none), offset from UTC -03:30 (was +00:00), without a profile nothing (was everything)
job: new record type, title name, owner owner, readers seen_by, writers shared_with, offline where record.name != ''
secret: new record type, not offline
site: new record type, title name
user: new record type
business unit north: new, The North, parent uk
business unit uk: new, Uk
position head: new, Head
position lead: new, Team lead, parent head
role technician: new, Technician, others read organization, job read business-unit-and-below and write user
user ada: new, Ada, access edit, business unit north, manager ben, position lead, roles with technician
user ben: new, Ben, access edit
team office: new, Office, with ben, business unit uk, roles with technician
field security prices: new, Prices, teams with office, read with job.price, update with job.price
profile technician: new, Field technicians, users with ada, now exclusive, grace 36h (was 7d)
profile technician, job: new, lets in mine or my-teams, columns name and site, interval 15m (was live), files eager (was on-view), rank 1 (was 100)
profile technician, site: new, lets in where record.name != '' and pointed at by job.site or pointing at site by parent, at most 3 steps";
    assert_eq!(said.join("\n"), expected);
}

#[test]
fn what_changes_is_said_in_words() {
    let before = read_whole(WHOLE, &Definition::default());
    let mut text = WHOLE.to_vec();
    for (path, content) in &mut text {
        match *path {
            "organization.toml" => *content = "name = \"Test\"\n",
            "business_units.toml" => *content = "uk = {}\nnorth = { parent = \"uk\" }\n",
            "roles/technician.toml" => {
                *content = "label = \"Technician\"\n[others]\nread = \"organization\"\n[types.job]\nread = \"user\"\n[types.site]\n";
            }
            "profiles/technician.toml" => {
                *content = "label = \"Field technicians\"\nteams = [\"office\"]\n[types.job]\nfilter = \"all\"\n";
            }
            _ => {}
        }
    }
    text.retain(|(path, _)| *path != "field_security.toml");
    let after = read_whole(&text, &before);
    let expected = "\
organization: hierarchy none (was by manager, levels 3), offset from UTC +00:00 (was -03:30), without a profile everything (was nothing)
business unit north: label North (was The North)
role technician: job read user (was business-unit-and-below) and write none (was user), site nothing
field security prices: removed
profile technician: users without ada, teams with office, no longer exclusive, grace 7d (was 36h)
profile technician, job: lets in all (was mine or my-teams), no columns any more (was name and site), interval live (was 15m), files on-view (was eager), rank 100 (was 1)
profile technician, site: removed";
    let said = describe(&before.changes_to(&after), &before);
    assert_eq!(said.join("\n"), expected);
}

#[test]
fn a_copied_default_gets_what_nobody_edited() {
    let mut text = template("field-service").expect("a template");
    text.extend(files(&[(
        "profiles/mine.toml",
        "based_on = \"technician\"\nteams = [\"office\"]\nwithout = [\"product\"]\n[types.account]\nfilter = \"all\"\n",
    )]));
    let base = Definition::default();
    let definition =
        parse(&text, &base, POLICIES).unwrap_or_else(|faults| panic!("{}", shown(&faults)));
    let (default, mine) = (
        &definition.profiles["technician"],
        &definition.profiles["mine"],
    );
    let id = |name: &str| definition.type_named(name).expect(name).id;
    assert_eq!(mine.types.get(&id("product")), None);
    assert_eq!(mine.types[&id("account")].filter, Filter::All);
    assert_eq!(mine.types[&id("booking")], default.types[&id("booking")]);
    assert_eq!(mine.types.len(), default.types.len() - 1);
    let exported = export(&definition);
    let own = exported
        .iter()
        .find(|file| file.path == "profiles/mine.toml");
    assert_eq!(
        own.expect("it is written").text,
        "teams = [\"office\"]\nbased_on = \"technician\"\nwithout = [\"product\"]\n\n[types.account]\nfilter = \"all\"\n"
    );
    assert_eq!(parse(&exported, &definition, POLICIES), Ok(definition));
}

#[test]
fn a_copied_default_leaves_out_what_the_organization_has_not() {
    let text = &[
        super::ORGANIZATION,
        (
            "types/product.toml",
            "[fields]\nname = { kind = \"text\" }\n",
        ),
        ("profiles/mine.toml", "based_on = \"technician\"\n"),
    ];
    let definition = read_whole(text, &Definition::default());
    assert_eq!(definition.profiles["mine"].types, [].into());
}
