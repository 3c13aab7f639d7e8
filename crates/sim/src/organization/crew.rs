//! An organization in which people hold and see different parts: its jobs
//! belong to people and teams of two business units.

use super::{field, login};
use cairn_model::definition::{
    BusinessUnit, Combine, Depth, FieldSecurity, Filter, Hierarchy, Members, OnDelete, Owned,
    Profile, ProfileType, Relationship, Right, Role, Team,
};
use cairn_model::{Definition, FieldId, Kind, RecordId, RecordType, TypeId, User};
use std::collections::{BTreeMap, BTreeSet};

/// Minutes that what somebody creates stays with them.
const GRACE: u32 = 60;
/// The types of jobs, users and teams.
const JOB: TypeId = TypeId(1);
const USER: TypeId = TypeId(2);
const TEAM: TypeId = TypeId(3);

/// What is due within four hours: time alone lets jobs in and out.
pub const SOON: &str = "record.due >= now && record.due < now + hours(4)";
/// What is due on the organization's day.
pub const TODAY: &str = "record.due >= today && record.due < today + days(1)";

/// Filters of the crew's profile, by their names in a scenario; with `none`
/// there is no profile.
pub const FILTERS: [&str; 8] = [
    "none",
    "all",
    "related-only",
    "mine",
    "my-teams",
    "my-business-unit",
    "soon",
    "today",
];
/// Roles of the crew.
pub const ROLES: [&str; 3] = ["dispatcher", "worker", "reader"];
/// Teams of the crew.
pub const TEAMS: [&str; 2] = ["red", "blue"];
/// Business units of the crew below the first.
pub const UNITS: [&str; 2] = ["north", "south"];
/// Profiles of the crew.
pub const PROFILES: [&str; 2] = ["field", "planner"];

/// A filter by its name.
pub(super) fn filter_named(name: &str) -> Option<Filter> {
    let owned = |mine, my_teams, my_business_unit| {
        Filter::Owned(Owned {
            mine,
            my_teams,
            my_business_unit,
        })
    };
    Some(match name {
        "all" => Filter::All,
        "related-only" => Filter::RelatedOnly,
        "mine" => owned(true, false, false),
        "my-teams" => owned(true, true, false),
        "my-business-unit" => owned(false, false, true),
        "soon" => Filter::Where(SOON.to_owned()),
        "today" => Filter::Where(TODAY.to_owned()),
        _ => return None,
    })
}

/// The record that stands for a user or a team.
pub fn party(name: &str) -> RecordId {
    match TEAMS.contains(&name) {
        true => Definition::team_record(name),
        false => Definition::user_record(name),
    }
}

fn unit_of(user: u32) -> String {
    UNITS[user as usize % UNITS.len()].to_owned()
}

fn people(id: TypeId, name: &str) -> RecordType {
    let fields = [(1, "login"), (2, "name")];
    let fields = fields.map(|(id, name)| (FieldId(id), field(FieldId(id), name, Kind::text())));
    RecordType {
        title: Some(FieldId(2)),
        fields: fields.into(),
        ..RecordType::new(id, name, name)
    }
}

fn lookup(targets: impl Into<BTreeSet<TypeId>>) -> Kind {
    Kind::Lookup {
        targets: targets.into(),
        on_delete: OnDelete::Clear,
    }
}

/// The workbench of these kinds, with owners, teams, units, roles, a secured
/// price and a profile with this filter.
pub(super) fn crew(kinds: &[String], filter: Option<&str>, users: u32) -> Definition {
    let mut definition = super::workbench(kinds);
    "Crew".clone_into(&mut definition.name);
    definition.types.insert(USER, people(USER, "user"));
    definition.types.insert(TEAM, people(TEAM, "team"));
    if let Some(job) = definition.types.get_mut(&JOB) {
        let mut add = |name: &str, kind| {
            let next = FieldId(job.fields.len() as u16 + 1);
            job.fields.insert(next, field(next, name, kind));
            next
        };
        let parties = || Kind::Set {
            of: Box::new(lookup([USER, TEAM])),
        };
        let owner = add("owner", lookup([USER, TEAM]));
        let readers = add("readers", parties());
        let writers = add("writers", parties());
        add("parent", lookup([JOB]));
        add("due", Kind::Timestamp);
        let price = add("price", Kind::integer());
        (job.owner, job.readers, job.writers) = (Some(owner), Some(readers), Some(writers));
        if let Some(price) = job.fields.get_mut(&price) {
            price.secured = true;
        }
    }
    definition.business_units = units();
    definition.roles = roles();
    definition.hierarchy = Hierarchy::Manager(1);
    for number in 0..users {
        let role = if number == 0 { "dispatcher" } else { "worker" };
        let user = User {
            business_unit: Some(unit_of(number)),
            manager: (number > 1).then(|| login(number - 1)),
            roles: BTreeSet::from([role.to_owned()]),
            ..User::new(&format!("User {number}"))
        };
        definition.users.insert(login(number), user);
    }
    definition.teams = teams(users);
    definition.field_security = security(&definition);
    definition.profiles = profiles(&definition, filter, users);
    definition
}

fn units() -> BTreeMap<String, BusinessUnit> {
    let unit = |name: &str, parent: Option<&str>| {
        let unit = BusinessUnit {
            label: name.to_owned(),
            parent: parent.map(str::to_owned),
        };
        (name.to_owned(), unit)
    };
    BTreeMap::from([
        unit("all", None),
        unit("north", Some("all")),
        unit("south", Some("all")),
    ])
}

fn role(label: &str, of_jobs: &[(Right, Depth)]) -> Role {
    Role {
        label: label.to_owned(),
        others: BTreeMap::from([
            (Right::Read, Depth::Organization),
            (Right::Append, Depth::Organization),
        ]),
        types: BTreeMap::from([(JOB, of_jobs.iter().copied().collect())]),
    }
}

fn roles() -> BTreeMap<String, Role> {
    let everything = Right::ALL.map(|right| (right, Depth::Organization));
    let worker = [
        (Right::Create, Depth::BusinessUnit),
        (Right::Read, Depth::BusinessUnit),
        (Right::Write, Depth::BusinessUnit),
        (Right::Delete, Depth::User),
        (Right::Assign, Depth::User),
        (Right::Share, Depth::User),
        (Right::Append, Depth::Organization),
    ];
    let reader = [(Right::Read, Depth::Organization)];
    BTreeMap::from([
        ("dispatcher".to_owned(), role("Dispatcher", &everything)),
        ("worker".to_owned(), role("Worker", &worker)),
        ("reader".to_owned(), role("Reader", &reader)),
    ])
}

fn teams(users: u32) -> BTreeMap<String, Team> {
    let of = |count: u32, at: u32| (0..users).filter(move |n| n % count == at).map(login);
    let team = |name: &str, members: BTreeSet<String>, unit: &str| {
        let team = Team {
            business_unit: Some(unit.to_owned()),
            ..Team::new(name, members)
        };
        (name.to_owned(), team)
    };
    BTreeMap::from([
        team("red", of(2, 1).collect(), "south"),
        team("blue", of(3, 2).collect(), "north"),
    ])
}

fn of_jobs(definition: &Definition, name: &str) -> Option<FieldId> {
    Some(definition.types.get(&JOB)?.field_named(name)?.id)
}

/// Columns of jobs: these fields and those that every profile must have; `None`
/// where there is no such field.
pub(super) fn columns(definition: &Definition, fields: &[String]) -> Option<BTreeSet<FieldId>> {
    let always = ["title", "owner", "parent"].into_iter();
    let names = always.chain(fields.iter().map(String::as_str));
    names.map(|name| of_jobs(definition, name)).collect()
}

fn security(definition: &Definition) -> BTreeMap<String, FieldSecurity> {
    let prices: BTreeSet<(TypeId, FieldId)> = of_jobs(definition, "price")
        .into_iter()
        .map(|field| (JOB, field))
        .collect();
    let those = |users: &[u32], teams: &[&str]| Members {
        users: users.iter().copied().map(login).collect(),
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        ..Members::default()
    };
    let know = FieldSecurity {
        label: "Those who know prices".to_owned(),
        members: those(&[], &["red"]),
        read: prices.clone(),
        update: BTreeSet::new(),
    };
    let set = FieldSecurity {
        label: "Those who set prices".to_owned(),
        members: those(&[0], &[]),
        read: BTreeSet::new(),
        update: prices,
    };
    BTreeMap::from([("know".to_owned(), know), ("set".to_owned(), set)])
}

fn profiles(
    definition: &Definition,
    filter: Option<&str>,
    users: u32,
) -> BTreeMap<String, Profile> {
    let Some(filter) = filter.and_then(filter_named) else {
        return BTreeMap::new();
    };
    let Some(parent) = of_jobs(definition, "parent") else {
        return BTreeMap::new();
    };
    let profile = |label: &str, users: BTreeSet<String>, jobs: ProfileType| Profile {
        members: Members {
            users,
            ..Members::default()
        },
        grace: GRACE,
        types: BTreeMap::from([
            (JOB, jobs),
            (USER, ProfileType::new(Filter::All)),
            (TEAM, ProfileType::new(Filter::All)),
        ]),
        ..Profile::new(label)
    };
    let jobs = ProfileType {
        related: vec![Relationship::PointedAtBy {
            record_type: JOB,
            field: parent,
            depth: Some(2),
        }],
        combine: Combine::Or,
        ..ProfileType::new(filter)
    };
    // The first is in no profile and holds whatever they may read.
    let field = (1..users).map(login).collect();
    let planned = ProfileType {
        columns: columns(definition, &["due".to_owned()]),
        ..ProfileType::new(Filter::All)
    };
    BTreeMap::from([
        ("field".to_owned(), profile("Field", field, jobs)),
        (
            "planner".to_owned(),
            profile("Planner", BTreeSet::new(), planned),
        ),
    ])
}
