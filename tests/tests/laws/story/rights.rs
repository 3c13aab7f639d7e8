//! Who may do what: roles with their depths, owners, sharing, secured fields.
//! Rights are judged by the rules in force when an edit arrives.

use crate::world::World;
use crate::world::organization::{field, field_mut, organization, type_mut};
use cairn_model::definition::{
    BusinessUnit, Depth, FieldSecurity, Hierarchy, Members, Right, Role,
};
use cairn_model::{
    Action, Change, Definition, FieldId, Granularity, Kind, Mutation, OnDelete, RecordId,
    SettleOutcome, TypeId, Value, Version, Write,
};

const ORDER: TypeId = TypeId(2);
const OWNER: FieldId = FieldId(30);

/// Ann and Bob in the North, Cho in the South, Dee at the top; orders are
/// owned, can be shared, and have a cost that is secured.
fn offices(roles: &[(&str, &[(Right, Depth)])]) -> Definition {
    let mut next = organization("flag", Granularity::Field);
    let unit = |parent: Option<&str>| BusinessUnit {
        label: String::new(),
        parent: parent.map(str::to_owned),
    };
    for (name, parent) in [
        ("top", None),
        ("north", Some("top")),
        ("south", Some("top")),
    ] {
        next.business_units.insert(name.to_owned(), unit(parent));
    }
    for (login, unit) in [
        ("ann", "north"),
        ("bob", "north"),
        ("cho", "south"),
        ("dee", "top"),
    ] {
        let user = next.users.get_mut(login).expect(login);
        user.business_unit = Some(unit.to_owned());
    }
    let people = Kind::Lookup {
        targets: [TypeId(4), TypeId(5)].into(),
        on_delete: OnDelete::Clear,
    };
    let set = Kind::Set {
        of: Box::new(people.clone()),
    };
    let order = type_mut(&mut next, "order");
    for (id, name, kind) in [
        (30, "owner", people),
        (31, "seen_by", set.clone()),
        (32, "shared", set),
    ] {
        order.fields.insert(FieldId(id), field(id, name, kind));
    }
    order.owner = Some(OWNER);
    order.readers = Some(FieldId(31));
    order.writers = Some(FieldId(32));
    for (name, rights) in roles {
        give(&mut next, name, rights);
    }
    next
}

/// Gives a user a role of their own, with these rights on orders and every
/// right on anything else.
fn give(next: &mut Definition, login: &str, rights: &[(Right, Depth)]) {
    let role = Role {
        label: String::new(),
        others: Right::ALL.map(|right| (right, Depth::Organization)).into(),
        types: [(ORDER, rights.iter().copied().collect())].into(),
    };
    next.roles.insert(login.to_owned(), role);
    let user = next.users.get_mut(login).expect(login);
    user.roles = [login.to_owned()].into();
}

const EVERYTHING: &[(Right, Depth)] = &[
    (Right::Create, Depth::Organization),
    (Right::Read, Depth::Organization),
    (Right::Write, Depth::Organization),
    (Right::Delete, Depth::Organization),
    (Right::Assign, Depth::Organization),
    (Right::Share, Depth::Organization),
    (Right::Append, Depth::Organization),
];

/// A world where Dee may do everything, and the others what is said. Each of
/// them has an order of their own, made by Dee; `loose` is nobody's, and
/// `crew` is the team's of Ann and Bob.
fn world(roles: &[(&str, &[(Right, Depth)])]) -> World {
    let mut all = vec![("dee", EVERYTHING)];
    all.extend(roles);
    let mut world = World::new(offices(&all));
    for login in ["ann", "bob", "cho", "dee"] {
        world.enrols(login, login);
        world.calls(&format!("user {login}"), Definition::user_record(login));
    }
    world.calls("team lifts", Definition::team_record("lifts"));
    for login in ["ann", "bob", "cho", "dee"] {
        let owner = format!("user {login}");
        world.creates(
            "dee",
            login,
            "order",
            &[("title", login), ("owner", &owner)],
        );
    }
    world.creates("dee", "crew", "order", &[("owner", "team lifts")]);
    world.creates("dee", "loose", "order", &[]);
    assert_eq!(world.all_sync(), ["admitted"; 6]);
    world
}

fn every(depth: Depth) -> Vec<(Right, Depth)> {
    Right::ALL.map(|right| (right, depth)).to_vec()
}

/// What becomes of one edit.
fn after(world: &mut World, device: &str, edit: impl FnOnce(&mut World)) -> &'static str {
    edit(world);
    let outcomes = world.syncs(device);
    assert_eq!(outcomes.len(), 1);
    outcomes[0]
}

/// Whether an edit of each of the orders stands.
fn admitted(depth: Depth, edit: impl Fn(&mut World, &str)) -> Vec<&'static str> {
    let names = ["bob", "crew", "ann", "dee", "cho", "loose"];
    let outcome = |name: &&str| {
        let mut world = world(&[("bob", &every(depth))]);
        after(&mut world, "bob", |world| edit(world, name)) == "admitted"
    };
    names.into_iter().filter(outcome).collect()
}

#[test]
fn every_right_reaches_as_deep_as_the_role_says() {
    let edits: [fn(&mut World, &str); 6] = [
        |world, name| world.updates("bob", name, &[("title", "Bob's")]),
        |world, name| world.deletes("bob", name),
        |world, name| world.updates("bob", name, &[("owner", "user cho")]),
        |world, name| world.updates("bob", name, &[("shared", "+team-lifts")]),
        |world, name| world.creates("bob", "stub", "part", &[("fits", &format!("+{name}"))]),
        |world, name| world.changes("bob", name, Change::Follow),
    ];
    for edit in edits {
        let edit = |world: &mut World, name: &str| {
            world.calls("team-lifts", Definition::team_record("lifts"));
            edit(world, name);
        };
        assert_eq!(admitted(Depth::None, edit), [""; 0]);
        assert_eq!(admitted(Depth::User, edit), ["bob", "crew"]);
        assert_eq!(admitted(Depth::BusinessUnit, edit), ["bob", "crew", "ann"]);
        let everything = ["bob", "crew", "ann", "dee", "cho", "loose"];
        assert_eq!(admitted(Depth::Organization, edit), everything);
    }
}

#[test]
fn units_below_are_reached_from_above() {
    let roles = every(Depth::BusinessUnitAndBelow);
    let mut definition = offices(&[("dee", &roles), ("ann", &roles)]);
    give(&mut definition, "bob", EVERYTHING);
    let mut world = World::new(definition);
    for login in ["ann", "bob", "cho", "dee"] {
        world.enrols(login, login);
        world.calls(&format!("user {login}"), Definition::user_record(login));
    }
    world.creates("bob", "south", "order", &[("owner", "user cho")]);
    assert_eq!(world.all_sync(), ["admitted"]);
    world.updates("ann", "south", &[("title", "Ann's")]);
    world.updates("dee", "south", &[("title", "Dee's")]);
    assert_eq!(world.all_sync(), ["privilege.write", "admitted"]);
}

#[test]
fn a_record_is_created_for_whom_the_right_reaches() {
    for (depth, outcomes) in [
        (Depth::None, ["privilege.create"; 4]),
        (
            Depth::User,
            [
                "admitted",
                "privilege.create",
                "privilege.create",
                "privilege.create",
            ],
        ),
        (
            Depth::BusinessUnit,
            [
                "admitted",
                "admitted",
                "privilege.create",
                "privilege.create",
            ],
        ),
        (Depth::Organization, ["admitted"; 4]),
    ] {
        let mut world = world(&[("bob", &[(Right::Create, depth)])]);
        for (name, owner) in [("a", "user bob"), ("b", "user ann"), ("c", "user cho")] {
            world.creates("bob", name, "order", &[("owner", owner)]);
        }
        world.creates("bob", "d", "order", &[]);
        assert_eq!(world.syncs("bob"), outcomes, "{depth:?}");
    }
}

#[test]
fn an_existing_child_is_not_changed_under_the_name_of_a_creation() {
    let mut world = world(&[("bob", &[(Right::Create, Depth::Organization)])]);
    let fields = [("title", "Dee's"), ("owner", "user dee")];
    world.derives("dee", "child", "loose", "order", &fields);
    world.syncs("dee");
    world.derives("bob", "child", "loose", "order", &[("title", "Bob's")]);
    assert_eq!(world.syncs("bob"), ["privilege.write"]);
    assert_eq!(world.shows("child", "title"), "Dee's");
}

#[test]
fn each_right_that_is_missing_has_its_own_code_and_its_own_words() {
    let mut world = world(&[("bob", &[(Right::Read, Depth::Organization)])]);
    world.calls("user-bob", Definition::user_record("bob"));
    world.creates("bob", "new", "order", &[("owner", "user bob")]);
    world.updates("bob", "bob", &[("title", "Mine")]);
    world.deletes("bob", "ann");
    world.updates("bob", "cho", &[("owner", "user bob")]);
    world.updates("bob", "dee", &[("seen_by", "+user-bob")]);
    world.creates("bob", "part", "part", &[("fits", "+loose")]);
    world.changes("bob", "crew", Change::Follow);
    let outcomes = [
        "privilege.create",
        "privilege.write",
        "privilege.delete",
        "privilege.assign",
        "privilege.share",
        "privilege.append",
        "admitted",
    ];
    assert_eq!(world.uploads("bob"), outcomes);
    let issue = &world.state.issues()[2];
    assert_eq!(
        issue.what,
        "No role of bob's lets them delete a order; this one belongs to ann, so `delete` with depth `business-unit` would do."
    );
    assert_eq!(
        (issue.user.as_str(), issue.record),
        ("bob", Some(world.id("ann")))
    );
    assert_eq!(world.state.issues()[3].field, Some(OWNER));
    let mut world = World::new(offices(&[("dee", EVERYTHING), ("bob", &[])]));
    world.enrols("bob", "bob");
    world.enrols("dee", "dee");
    world.creates("dee", "lift", "order", &[]);
    world.all_sync();
    world.changes("bob", "lift", Change::Follow);
    assert_eq!(world.syncs("bob"), ["privilege.read"]);
}

#[test]
fn a_role_lost_between_edit_and_upload_rejects_the_edit_and_keeps_it() {
    let mut world = world(&[("bob", EVERYTHING)]);
    world.updates("bob", "ann", &[("title", "Bob's")]);
    world.publishes(|next| give(next, "bob", &[(Right::Read, Depth::Organization)]));
    assert_eq!(world.uploads("bob"), ["privilege.write"]);
    assert_eq!(world.shows("ann", "title"), "ann");
    let issue = world.state.issues()[0].clone();
    assert!(issue.is_open() && issue.is_rejection());
    let payload = cairn_oplog::bundle::decode_operation(&issue.payload).expect("the edit");
    let Action::Edit(mutations) = payload.action else {
        panic!("an edit");
    };
    assert_eq!(mutations[0].record, world.id("ann"));
    world.publishes(|next| give(next, "bob", EVERYTHING));
    world.pulls("bob");
    world.settles("bob", 1, SettleOutcome::Resubmitted);
    let base = world.devices["bob"].cursor;
    world.edits(
        "bob",
        vec![Mutation {
            base,
            ..mutations[0].clone()
        }],
    );
    assert_eq!(world.syncs("bob"), ["admitted", "admitted"]);
    assert_eq!(world.shows("ann", "title"), "Bob's");
}

#[test]
fn a_right_gained_before_upload_counts() {
    let mut world = world(&[("bob", &[])]);
    world.updates("bob", "ann", &[("title", "Bob's")]);
    world.publishes(|next| give(next, "bob", EVERYTHING));
    assert_eq!(world.uploads("bob"), ["admitted"]);
}

#[test]
fn a_record_reassigned_meanwhile_is_out_of_reach() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.updates("bob", "bob", &[("title", "First")]);
    world.updates("dee", "bob", &[("owner", "user cho")]);
    assert_eq!(world.uploads("dee"), ["admitted"]);
    assert_eq!(world.uploads("bob"), ["privilege.write"]);
    assert_eq!(world.shows("bob", "title"), "bob");
}

#[test]
fn who_gives_a_record_away_may_do_so_and_not_take_it_back() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.updates("bob", "bob", &[("title", "Last"), ("owner", "user cho")]);
    world.updates("bob", "bob", &[("owner", "user bob")]);
    assert_eq!(world.uploads("bob"), ["admitted", "privilege.assign"]);
    assert_eq!(world.shows("bob", "title"), "Last");
}

#[test]
fn a_team_is_left_with_what_it_owns() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.updates("bob", "crew", &[("title", "Crew's")]);
    world.publishes(|next| {
        let team = next.teams.get_mut("lifts").expect("the team");
        team.members.remove("bob");
    });
    assert_eq!(world.uploads("bob"), ["privilege.write"]);
    world.publishes(|next| {
        let team = next.teams.get_mut("lifts").expect("the team");
        team.members.insert("bob".to_owned());
    });
    world.pulls("bob");
    world.updates("bob", "crew", &[("title", "Crew's")]);
    assert_eq!(world.syncs("bob"), ["admitted"]);
}

#[test]
fn a_team_gives_its_roles_in_its_unit() {
    let mut world = world(&[]);
    world.publishes(|next| {
        give(next, "ann", &every(Depth::BusinessUnit));
        next.users.get_mut("ann").expect("ann").roles.clear();
        let team = next.teams.get_mut("lifts").expect("the team");
        team.roles = ["ann".to_owned()].into();
        team.business_unit = Some("south".to_owned());
    });
    world.pulls("ann");
    world.updates("ann", "cho", &[("title", "Ann's")]);
    world.updates("ann", "bob", &[("title", "Ann's")]);
    assert_eq!(world.syncs("ann"), ["admitted", "privilege.write"]);
}

#[test]
fn a_user_who_was_removed_with_work_pending_is_told_so() {
    let mut world = world(&[("bob", EVERYTHING)]);
    world.updates("bob", "ann", &[("title", "Bob's")]);
    world.publishes(|next| {
        next.users.remove("bob");
        let team = next.teams.get_mut("lifts").expect("the team");
        team.members.remove("bob");
    });
    assert_eq!(world.uploads("bob"), ["privilege.denied"]);
    let issue = &world.state.issues()[0];
    assert_eq!(issue.what, "bob is no longer a user.");
    assert!(!issue.payload.is_empty());
}

#[test]
fn what_is_shared_may_be_written_by_those_it_is_shared_with_for_writing() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.calls("lifts", Definition::team_record("lifts"));
    world.calls("user-bob", Definition::user_record("bob"));
    world.updates("dee", "cho", &[("seen_by", "+user-bob")]);
    world.updates("dee", "dee", &[("shared", "+lifts")]);
    world.all_sync();
    world.updates("bob", "cho", &[("title", "Bob's")]);
    world.updates("bob", "dee", &[("title", "Bob's")]);
    world.changes("bob", "cho", Change::Follow);
    world.deletes("bob", "dee");
    let outcomes = [
        "privilege.write",
        "admitted",
        "admitted",
        "privilege.delete",
    ];
    assert_eq!(world.syncs("bob"), outcomes);
    world.updates("dee", "dee", &[("shared", "-lifts")]);
    world.syncs("dee");
    world.pulls("bob");
    world.updates("bob", "dee", &[("title", "Again")]);
    assert_eq!(world.syncs("bob"), ["privilege.write"]);
}

#[test]
fn sharing_gives_no_right_that_no_role_grants() {
    let mut world = world(&[("bob", &[(Right::Read, Depth::User)])]);
    world.calls("user-bob", Definition::user_record("bob"));
    world.updates("dee", "cho", &[("shared", "+user-bob")]);
    world.all_sync();
    world.changes("bob", "cho", Change::Follow);
    world.updates("bob", "cho", &[("title", "Bob's")]);
    assert_eq!(world.syncs("bob"), ["admitted", "privilege.write"]);
}

#[test]
fn superiors_write_what_those_directly_below_own() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.publishes(|next| {
        next.hierarchy = Hierarchy::Manager(2);
        next.users.get_mut("cho").expect("cho").manager = Some("bob".to_owned());
        next.users.get_mut("dee").expect("dee").manager = Some("cho".to_owned());
    });
    world.pulls("bob");
    world.updates("bob", "cho", &[("title", "Bob's")]);
    world.updates("bob", "dee", &[("title", "Bob's")]);
    world.changes("bob", "dee", Change::Unfollow);
    world.deletes("bob", "cho");
    assert_eq!(
        world.syncs("bob"),
        [
            "admitted",
            "privilege.write",
            "admitted",
            "privilege.delete"
        ]
    );
}

#[test]
fn a_deletion_takes_along_what_it_must_without_rights_of_its_own() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.updates("dee", "cho", &[("parent", "bob")]);
    world.updates("dee", "ann", &[("backup", "bob")]);
    world.all_sync();
    world.deletes("bob", "bob");
    assert_eq!(world.syncs("bob"), ["admitted"]);
    assert!(!world.is_alive("cho"));
    assert_eq!(world.shows("ann", "backup"), "");
}

#[test]
fn restoring_and_resolving_are_writing() {
    let mut world = world(&[("bob", &every(Depth::User)), ("cho", EVERYTHING)]);
    world.deletes("dee", "ann");
    world.deletes("dee", "bob");
    world.updates("dee", "crew", &[("title", "Dee's")]);
    world.updates("cho", "crew", &[("title", "Cho's")]);
    world.updates("dee", "dee", &[("title", "Dee's")]);
    world.updates("cho", "dee", &[("title", "Cho's")]);
    world.all_sync();
    world.restores("bob", "ann");
    world.restores("bob", "bob");
    world.resolves("bob", "crew", &[("title", "Both")]);
    world.resolves("bob", "dee", &[("title", "Both")]);
    assert_eq!(
        world.syncs("bob"),
        ["privilege.write", "admitted", "admitted", "privilege.write"]
    );
}

#[test]
fn one_edit_may_use_what_it_makes() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    let stub = |number: u8| RecordId::mint(u64::from(number), [number; 10]);
    let (mine, lost) = (stub(1), stub(2));
    let create = |world: &World, id: RecordId, owner: &str| Mutation {
        record: id,
        record_type: ORDER,
        base: Version(0),
        change: Change::Create(vec![(OWNER, Write::Set(Value::Lookup(world.id(owner))))]),
    };
    for (id, name) in [(mine, "mine"), (lost, "lost")] {
        world.calls(name, id);
    }
    let point = |at: RecordId| Mutation {
        record: stub(at.0[15] + 7),
        record_type: TypeId(3),
        base: Version(0),
        change: Change::Create(vec![(
            FieldId(3),
            Write::Change {
                add: [Value::Lookup(at)].into(),
                remove: [].into(),
            },
        )]),
    };
    let edits = vec![create(&world, mine, "user bob"), point(mine)];
    world.edits("bob", edits);
    let edits = vec![create(&world, lost, "user cho"), point(lost)];
    world.edits("bob", edits);
    assert_eq!(world.syncs("bob"), ["admitted", "privilege.create"]);
}

#[test]
fn secured_fields_are_changed_by_those_who_are_named() {
    let mut world = World::new(organization("flag", Granularity::Field));
    for login in ["ann", "bob"] {
        world.enrols(login, login);
    }
    world.publishes(|next| {
        field_mut(next, "order", "cost").secured = true;
        let prices = FieldSecurity {
            label: String::new(),
            members: Members {
                users: ["ann".to_owned()].into(),
                ..Members::default()
            },
            read: [].into(),
            update: [(ORDER, FieldId(6))].into(),
        };
        next.field_security.insert("prices".to_owned(), prices);
    });
    world.creates("bob", "a", "order", &[("cost", "5 EUR")]);
    world.creates("bob", "b", "order", &[("title", "B")]);
    world.creates("ann", "c", "order", &[("cost", "5 EUR")]);
    assert_eq!(
        world.all_sync(),
        ["admitted", "privilege.field", "admitted"]
    );
    world.updates("bob", "c", &[("cost", "")]);
    world.updates("bob", "b", &[("title", "B too")]);
    world.updates("ann", "c", &[("cost", "6 EUR")]);
    assert_eq!(
        world.all_sync(),
        ["admitted", "privilege.field", "admitted"]
    );
    assert_eq!(
        world.state.issues()[0].what,
        "bob may not change cost, which is secured."
    );
}

#[test]
fn words_tell_nothing_of_records_that_their_reader_may_not_read() {
    let mut world = world(&[("bob", &every(Depth::User))]);
    world.updates("dee", "dee", &[("number", "7")]);
    world.creates("dee", "shop", "account", &[("name", "Shop")]);
    world.updates("dee", "cho", &[("account", "shop")]);
    world.all_sync();
    world.updates("bob", "bob", &[("number", "7")]);
    world.deletes("bob", "shop");
    assert_eq!(world.syncs("bob"), ["key.taken", "record.referenced"]);
    let told: Vec<&str> = world
        .state
        .issues()
        .iter()
        .map(|issue| issue.what.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "Another order has number 7 already: one that you may not read.",
            "A record that bob may not read points at it."
        ]
    );
}

#[test]
fn the_relay_itself_needs_no_role() {
    let mut world = world(&[]);
    let mutation = world.update("dee", "ann", &[("title", "Imported")]);
    assert_eq!(world.administers(Action::Edit(vec![mutation])), "admitted");
}
