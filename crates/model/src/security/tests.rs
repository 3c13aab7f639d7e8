//! Rights, told and compared with a naive reading of the definition.

mod naive;

use super::{Ownership, Reach, Security};
use crate::definition::{
    Access, BusinessUnit, Definition, Depth, Field, FieldSecurity, Hierarchy, Kind, Members,
    OnDelete, Position, RecordType, Right, Role, Team, User,
};
use crate::id::{FieldId, RecordId, TypeId};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const USER: TypeId = TypeId(1);
/// Owned, shared, with a secured field.
const JOB: TypeId = TypeId(2);
/// Nobody's.
const SITE: TypeId = TypeId(3);
const OWNER: FieldId = FieldId(1);
const PRICE: FieldId = FieldId(4);

fn types() -> BTreeMap<TypeId, RecordType> {
    let lookup = Kind::Lookup {
        targets: [USER].into(),
        on_delete: OnDelete::Clear,
    };
    let set = Kind::Set {
        of: Box::new(lookup.clone()),
    };
    let mut price = Field::new(PRICE, "price", "Price", Kind::integer());
    price.secured = true;
    let fields = [
        Field::new(OWNER, "owner", "Owner", lookup),
        Field::new(FieldId(2), "readers", "Readers", set.clone()),
        Field::new(FieldId(3), "writers", "Writers", set),
        price,
    ];
    let job = RecordType {
        fields: fields.into_iter().map(|field| (field.id, field)).collect(),
        owner: Some(OWNER),
        readers: Some(FieldId(2)),
        writers: Some(FieldId(3)),
        ..RecordType::new(JOB, "job", "Job")
    };
    let user = RecordType::new(USER, "user", "User");
    let site = RecordType::new(SITE, "site", "Site");
    [(USER, user), (JOB, job), (SITE, site)].into()
}

/// Ben and Cy in the North below the UK, Ada in the UK; Cy's team is in France.
fn organization() -> Definition {
    let unit = |parent: Option<&str>| BusinessUnit {
        label: String::new(),
        parent: parent.map(str::to_owned),
    };
    let user = |unit: &str, role: &str| User {
        business_unit: Some(unit.to_owned()),
        roles: [role.to_owned()].into(),
        ..User::new("")
    };
    let role = |depth: Depth| Role {
        label: String::new(),
        others: Right::ALL.map(|right| (right, depth)).into(),
        types: BTreeMap::new(),
    };
    let fr = Team {
        business_unit: Some("fr".to_owned()),
        ..Team::new("", ["cy".to_owned()].into())
    };
    Definition {
        name: "Test".to_owned(),
        types: types(),
        business_units: [
            ("all".to_owned(), unit(None)),
            ("fr".to_owned(), unit(Some("all"))),
            ("north".to_owned(), unit(Some("uk"))),
            ("uk".to_owned(), unit(Some("all"))),
        ]
        .into(),
        roles: [
            ("own".to_owned(), role(Depth::User)),
            ("unit".to_owned(), role(Depth::BusinessUnit)),
            ("below".to_owned(), role(Depth::BusinessUnitAndBelow)),
            ("all".to_owned(), role(Depth::Organization)),
            ("nothing".to_owned(), role(Depth::None)),
        ]
        .into(),
        users: [
            ("ada".to_owned(), user("uk", "below")),
            ("ben".to_owned(), user("north", "unit")),
            ("cy".to_owned(), user("north", "own")),
            ("dee".to_owned(), user("fr", "nothing")),
            ("eve".to_owned(), User::new("")),
        ]
        .into(),
        teams: [("crew".to_owned(), fr)].into(),
        ..Definition::default()
    }
}

fn owned_by(owner: RecordId) -> Ownership {
    Ownership {
        owner: Some(owner),
        ..Ownership::default()
    }
}

fn users_of(login: &str) -> Ownership {
    owned_by(Definition::user_record(login))
}

#[test]
fn each_depth_reaches_its_owners() {
    let definition = organization();
    assert_eq!(definition.faults(), []);
    let security = Security::of(&definition);
    let reached = |login: &str| -> Vec<&str> {
        let owners = ["ada", "ben", "cy", "dee", "eve"];
        let may = |owner: &&str| {
            security
                .may(login, Right::Delete, JOB, &users_of(owner))
                .is_ok()
        };
        owners.into_iter().filter(may).collect()
    };
    assert_eq!(reached("ada"), ["ada", "ben", "cy"]);
    assert_eq!(reached("ben"), ["ben", "cy"]);
    assert_eq!(reached("cy"), ["cy"]);
    assert_eq!(reached("dee"), [""; 0]);
    assert_eq!(reached("eve"), [""; 0]);
    let crew = owned_by(Definition::team_record("crew"));
    assert!(security.may("cy", Right::Delete, JOB, &crew).is_ok());
    assert!(security.may("ben", Right::Delete, JOB, &crew).is_err());
    let north = ["cy"].map(Definition::user_record);
    assert_eq!(
        security.reach("cy", JOB, Right::Write),
        Reach {
            owners: north
                .into_iter()
                .chain([Definition::team_record("crew")])
                .collect(),
            shared: true,
            ..Reach::default()
        }
    );
    let ada = security.reach("ada", JOB, Right::Append);
    assert_eq!(ada.units, ["north", "uk"].map(str::to_owned).into());
    assert!(!ada.shared && !ada.everything);
    assert!(security.reach("dee", JOB, Right::Read).is_nothing());
    assert_eq!(
        security.unit_of(Definition::team_record("crew")),
        Some("fr")
    );
    assert_eq!(security.unit_of(Definition::user_record("eve")), None);
}

#[test]
fn a_denial_names_the_depth_that_would_do() {
    let mut definition = organization();
    definition.users.get_mut("ben").expect("ben").access = Access::Read;
    let security = Security::of(&definition);
    let told = |login: &str, right: Right, of: TypeId, ownership: Ownership| {
        let denial = security
            .may(login, right, of, &ownership)
            .expect_err("denied");
        denial.to_string()
    };
    assert_eq!(
        told("cy", Right::Write, JOB, users_of("ben")),
        "cy may change a Job with depth `user` only, and this one belongs to ben; `write` with depth `business-unit` would do."
    );
    assert_eq!(
        told(
            "ada",
            Right::Delete,
            JOB,
            owned_by(Definition::team_record("crew"))
        ),
        "ada may delete a Job with depth `business-unit-and-below` only, and this one belongs to team crew; `delete` with depth `organization` would do."
    );
    assert_eq!(
        told("dee", Right::Assign, JOB, users_of("dee")),
        "No role of dee's lets them assign a Job; this one belongs to dee, so `assign` with depth `user` would do."
    );
    assert_eq!(
        told("eve", Right::Append, SITE, Ownership::default()),
        "eve has no role and may not point at a Site; this one has no owner, as all of its type, so a role with `append` of depth `organization` would do."
    );
    assert_eq!(
        told("cy", Right::Share, JOB, Ownership::default()),
        "cy may share a Job with depth `user` only, and this one belongs to nobody; `share` with depth `organization` would do."
    );
    assert_eq!(
        told("ada", Right::Read, JOB, users_of("gone")),
        "ada may read a Job with depth `business-unit-and-below` only, and this one belongs to somebody who is no user or team any more; `read` with depth `organization` would do."
    );
    assert_eq!(
        told("ben", Right::Write, JOB, users_of("ben")),
        "ben may read records but not change them."
    );
    assert_eq!(
        told("zoe", Right::Read, JOB, users_of("ben")),
        "zoe is no longer a user."
    );
}

#[test]
fn without_roles_access_alone_decides() {
    let mut definition = organization();
    definition.roles.clear();
    for user in definition.users.values_mut() {
        user.roles.clear();
    }
    definition.users.get_mut("ben").expect("ben").access = Access::Read;
    let security = Security::of(&definition);
    let everything = Reach {
        everything: true,
        ..Reach::default()
    };
    for right in Right::ALL {
        assert_eq!(security.reach("eve", SITE, right), everything);
        let nobody = Ownership::default();
        assert!(security.may("eve", right, JOB, &nobody).is_ok());
        let reads = right == Right::Read;
        assert_eq!(security.may("ben", right, JOB, &nobody).is_ok(), reads);
        assert!(security.reach("zoe", JOB, right).is_nothing());
    }
}

#[test]
fn superiors_read_far_and_write_near() {
    let mut definition = organization();
    definition.hierarchy = Hierarchy::Manager(2);
    for (below, above) in [("ben", "cy"), ("dee", "ben"), ("eve", "dee")] {
        let user = definition.users.get_mut(below).expect(below);
        user.manager = Some(above.to_owned());
    }
    let by_manager = Security::of(&definition);
    definition.hierarchy = Hierarchy::Position(2);
    for (index, login) in ["cy", "ben", "dee", "eve"].into_iter().enumerate() {
        let parent = index.checked_sub(1).map(|above| above.to_string());
        let position = Position {
            label: String::new(),
            parent,
        };
        definition.positions.insert(index.to_string(), position);
        let user = definition.users.get_mut(login).expect(login);
        user.position = Some(index.to_string());
    }
    for security in [by_manager, Security::of(&definition)] {
        let may = |right, owner| security.may("cy", right, JOB, &users_of(owner)).is_ok();
        let told = |right| ["ben", "dee", "eve"].map(|owner| may(right, owner));
        assert_eq!(told(Right::Read), [true, true, false]);
        assert_eq!(told(Right::Write), [true, false, false]);
        assert_eq!(told(Right::Append), [true, false, false]);
        assert_eq!(told(Right::Delete), [false, false, false]);
    }
}

#[test]
fn secured_fields_are_for_those_who_are_named() {
    let mut definition = organization();
    let members = |users: &[&str], teams: &[&str], roles: &[&str]| {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Members {
            users: set(users),
            teams: set(teams),
            roles: set(roles),
        }
    };
    let price: BTreeSet<(TypeId, FieldId)> = [(JOB, PRICE)].into();
    let readers = FieldSecurity {
        label: String::new(),
        members: members(&["dee"], &["crew"], &[]),
        read: price.clone(),
        update: BTreeSet::new(),
    };
    let updaters = FieldSecurity {
        members: members(&[], &[], &["below"]),
        read: BTreeSet::new(),
        update: price,
        ..readers.clone()
    };
    definition.field_security.insert("see".to_owned(), readers);
    definition.field_security.insert("set".to_owned(), updaters);
    let security = Security::of(&definition);
    assert!(security.has_secured_fields());
    let told = ["ada", "ben", "cy", "dee", "zoe"].map(|login| {
        let hidden = !security.hidden_fields(login, JOB).is_empty();
        (hidden, security.may_update_field(login, JOB, PRICE))
    });
    let expected = [
        (false, true),
        (true, false),
        (false, false),
        (false, false),
        (true, false),
    ];
    assert_eq!(told, expected);
    assert!(security.may_update_field("ben", JOB, OWNER));
    let retired = definition.types.get_mut(&JOB).expect("job");
    retired.fields.get_mut(&PRICE).expect("price").retired = true;
    definition.field_security.clear();
    let security = Security::of(&definition);
    assert_eq!(security.hidden_fields("ada", JOB), [PRICE].into());
}

/// Numbers that a random organization is made of.
#[derive(Debug, Clone)]
struct Draw {
    units: Vec<usize>,
    positions: Vec<usize>,
    roles: Vec<Vec<u8>>,
    users: Vec<[usize; 5]>,
    teams: Vec<[usize; 3]>,
    hierarchy: u8,
}

fn draw() -> impl Strategy<Value = Draw> {
    use proptest::collection::vec;
    (
        vec(0usize..4, 0..5),
        vec(0usize..4, 0..4),
        vec(vec(0u8..7, 21), 0..4),
        vec(
            any::<[u8; 5]>().prop_map(|draw| draw.map(usize::from)),
            1..7,
        ),
        vec(
            any::<[u8; 3]>().prop_map(|draw| draw.map(usize::from)),
            0..3,
        ),
        0u8..7,
    )
        .prop_map(|(units, positions, roles, users, teams, hierarchy)| Draw {
            units,
            positions,
            roles,
            users,
            teams,
            hierarchy,
        })
}

fn drawn(draw: &Draw) -> Definition {
    let mut definition = Definition {
        types: types(),
        hierarchy: match draw.hierarchy {
            0 => Hierarchy::None,
            levels @ 1..=3 => Hierarchy::Manager(levels),
            levels => Hierarchy::Position(levels - 3),
        },
        ..Definition::default()
    };
    let above = |index: usize, pick: usize| index.checked_sub(1 + pick % index.max(1));
    for (index, pick) in draw.units.iter().enumerate() {
        let parent = above(index, *pick).map(|parent| format!("unit{parent}"));
        let label = String::new();
        let unit = BusinessUnit { label, parent };
        definition
            .business_units
            .insert(format!("unit{index}"), unit);
    }
    for (index, pick) in draw.positions.iter().enumerate() {
        let parent = above(index, *pick).map(|parent| format!("position{parent}"));
        let label = String::new();
        let position = Position { label, parent };
        definition
            .positions
            .insert(format!("position{index}"), position);
    }
    for (index, depths) in draw.roles.iter().enumerate() {
        let rights = |from: usize| {
            let depth = |(place, right): (usize, Right)| {
                let depth = Depth::ALL.get(usize::from(depths[from + place]))?;
                Some((right, *depth))
            };
            let rights = Right::ALL.into_iter().enumerate();
            rights.filter_map(depth).collect::<BTreeMap<_, _>>()
        };
        let mut role = Role {
            label: String::new(),
            others: rights(0),
            types: BTreeMap::new(),
        };
        if depths[0] % 2 == 0 {
            role.types.insert(JOB, rights(7));
        }
        if depths[1] % 2 == 0 {
            role.types.insert(SITE, rights(14));
        }
        definition.roles.insert(format!("role{index}"), role);
    }
    let one = |what: &str, count: usize, pick: usize| {
        (pick % (count + 1))
            .checked_sub(1)
            .map(|index| format!("{what}{index}"))
    };
    let roles = |pick: usize| {
        let chosen = (0..draw.roles.len()).filter(|index| pick >> index & 1 == 1);
        chosen.map(|index| format!("role{index}")).collect()
    };
    for (index, [unit, manager, position, held, access]) in draw.users.iter().enumerate() {
        let user = User {
            access: if access % 5 == 0 {
                Access::Read
            } else {
                Access::Edit
            },
            business_unit: one("unit", draw.units.len(), *unit),
            manager: one("user", index, *manager),
            position: one("position", draw.positions.len(), *position),
            roles: roles(*held),
            ..User::new("")
        };
        definition.users.insert(format!("user{index}"), user);
    }
    for (index, [members, unit, held]) in draw.teams.iter().enumerate() {
        let chosen = (0..draw.users.len()).filter(|index| members >> index & 1 == 1);
        let team = Team {
            business_unit: one("unit", draw.units.len(), *unit),
            roles: roles(*held),
            ..Team::new("", chosen.map(|index| format!("user{index}")).collect())
        };
        definition.teams.insert(format!("team{index}"), team);
    }
    definition
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rights_are_what_a_naive_reading_says(draw in draw()) {
        let definition = drawn(&draw);
        let security = Security::of(&definition);
        let records = naive::principals(&definition);
        let shares: Vec<BTreeSet<RecordId>> =
            records.iter().map(|record| BTreeSet::from([*record])).chain([BTreeSet::new()]).collect();
        for (login, right) in definition.users.keys().flat_map(|login| Right::ALL.map(|right| (login, right))) {
            for id in [JOB, SITE] {
                let reach = security.reach(login, id, right);
                for owner in records.iter().copied().map(Some).chain([None]) {
                    for (readers, writers) in shares.iter().map(|s| (s.clone(), BTreeSet::new())).chain(shares.iter().map(|s| (BTreeSet::new(), s.clone()))) {
                        let ownership = Ownership { owner, readers, writers };
                        let naive = naive::may(&definition, login, right, id, &ownership);
                        let may = security.may(login, right, id, &ownership);
                        prop_assert_eq!(may.is_ok(), naive, "{} {:?} {:?} {:?}", login, right, id, ownership);
                        let reached = naive::reached(&security, &reach, login, right, id, &ownership);
                        prop_assert_eq!(reached, naive, "{:?} of {} {:?} {:?} {:?}", reach, login, right, id, ownership);
                    }
                }
            }
        }
    }
}
