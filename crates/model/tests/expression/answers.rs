//! What each word of the language means.

use super::*;

/// A booking with something in every field.
fn full() -> World {
    let mut world = World::new();
    let ada = Definition::user_record(ADA).to_string();
    let field = Definition::team_record("field").to_string();
    for (name, values) in [
        ("title", vec!["Fix the lift, Harbour"]),
        ("status", vec!["on site"]),
        ("safety", vec!["heights"]),
        ("minutes", vec!["90"]),
        ("miles", vec!["12.5"]),
        ("price", vec!["100 GBP"]),
        ("urgent", vec!["yes"]),
        ("due", vec!["2026-03-12"]),
        ("starts_at", vec!["2026-03-11T08:00:00Z"]),
        ("ends_at", vec!["2026-03-11T10:00:00Z"]),
        ("account", vec![&CUSTOMER.to_string()]),
        ("owner", vec![&ada]),
        ("tags", vec!["vip", "lift"]),
        ("crew", vec![&field]),
        ("visits", vec!["3"]),
    ] {
        world.set(SUBJECT, name, &values);
    }
    world.set(CUSTOMER, "city", &["Bristol"]);
    world.set(CUSTOMER, "tags", &["harbour"]);
    world.set(CUSTOMER, "owner", &[&field]);
    world.set(Definition::user_record(ADA), "region", &["Bristol"]);
    world.set(Definition::user_record(ADA), "skills", &["lift", "gas"]);
    world.set(Definition::user_record(ADA), "is_lead", &["yes"]);
    world.set(Definition::team_record("field"), "name", &["Field"]);
    let subject = world.records.get_mut(&SUBJECT).unwrap();
    subject.created = Some(time("2026-03-01T00:00:00Z"));
    subject.modified = Some(time("2026-03-10T11:59:00Z"));
    world
}

#[track_caller]
fn check(world: &World, holds: bool, texts: &[&str]) {
    for text in texts {
        assert_eq!(world.holds(text), holds, "{text}");
    }
}

#[test]
fn values_compare_by_their_kind() {
    let world = full();
    check(
        &world,
        true,
        &[
            "record.title == 'Fix the lift, Harbour'",
            "record.title < 'G'",
            "record.status == \"on site\"",
            "record.minutes == 90 && record.minutes == 90.0",
            "record.minutes > 60 * 2 - 31",
            "60 < record.minutes",
            "record.miles == 12.50 && record.miles > -3.25",
            "record.visits >= 3",
            "record.price == 100 && record.price < money(\"100.01 GBP\")",
            "record.urgent && record.urgent == true && record.urgent != false",
            "record.due == date(\"2026-03-12\") && record.due > date(\"2026-03-05\") + days(6)",
            "record.starts_at == timestamp(\"2026-03-11T09:00:00+01:00\")",
            "record.starts_at < record.ends_at && record.ends_at >= record.starts_at",
            "record.account == \"02020202-0202-0202-0202-020202020202\"",
            "record.created < record.modified",
            "record.id == '01010101-0101-0101-0101-010101010101'",
            // A comment, over lines.
            "record.minutes == 90 // so it is\n  && !(record.minutes == 91)",
        ],
    );
    check(
        &world,
        false,
        &[
            "record.title == 'fix the lift, harbour'",
            "record.status != 'on site'",
            "record.minutes < 90 || record.minutes > 90",
            "record.price == money(\"100 EUR\") || record.price < money(\"900 EUR\")",
        ],
    );
    assert!(world.holds("record.price != money(\"100 EUR\")"));
}

#[test]
fn texts_are_searched_with_their_case() {
    let world = full();
    check(
        &world,
        true,
        &[
            "record.title.startsWith('Fix') && record.title.endsWith('Harbour')",
            "record.title.contains('lift') && !record.title.contains('Lift')",
            "record.tags.exists(t, t.startsWith('v') || t == 'none')",
        ],
    );
}

#[test]
fn lists_sets_and_options_have_members() {
    let world = full();
    check(
        &world,
        true,
        &[
            "record.status in ['open', 'on site']",
            "record.minutes in [1, 90, 7]",
            "record.price in [money(\"100 EUR\"), money(\"100 GBP\")]",
            "record.due in [today, today + days(2)]",
            "'vip' in record.tags && !('VIP' in record.tags)",
            "'heights' in record.safety && !('asbestos' in record.safety)",
            "'harbour' in record.account.tags",
            "record.tags.exists(t, t in ['a', 'lift'])",
            "record.account.city in [record.title, 'Bristol']",
            "!(record.owner in record.crew)",
        ],
    );
}

#[test]
fn an_empty_field_is_null_and_equals_nothing_else() {
    let fields = ["title", "minutes", "due", "starts_at", "account", "owner"];
    let world = World::new();
    for field in fields {
        check(&world, true, &[&format!("record.{field} == null")]);
        check(&world, false, &[&format!("has(record.{field})")]);
        let same = format!("record.{field} == record.{field}");
        check(&world, false, &[&same]);
    }
    check(
        &world,
        false,
        &[
            "record.title == ''",
            "record.minutes < 5 || record.minutes >= 5",
            "record.due < today || record.due >= today",
            "record.urgent",
            "record.urgent == false",
            "has(record.tags) || has(record.safety) || record.tags != null",
            "record.account.city == 'Bristol'",
            "record.owner == user.id || record.owner in user.teams",
        ],
    );
    check(
        &world,
        true,
        &[
            "record.title != 'x'",
            "!record.urgent",
            "!(record.minutes < 5)",
            "record.account.city == null",
            "record.owner != user.id",
        ],
    );
    let world = full();
    check(&world, true, &["has(record.tags) && record.title != null"]);
}

#[test]
fn lookups_lead_on_to_every_type_they_may_point_at() {
    let mut world = full();
    let through = "record.account.owner.name == 'Field' && record.account.parent == null";
    check(&world, true, &[through, "record.owner.name == null"]);
    // Field 0 of an account is its city: a lookup that leads to a type which is
    // no target any more leads nowhere.
    world.add(PARENT, ACCOUNT);
    world.set(PARENT, "city", &["Field"]);
    world.set(CUSTOMER, "owner", &[&PARENT.to_string()]);
    check(&world, false, &["record.account.owner.name == 'Field'"]);
    world.set(CUSTOMER, "parent", &[&PARENT.to_string()]);
    check(&world, true, &["record.account.parent.city == 'Field'"]);
    world.records.remove(&CUSTOMER);
    check(&world, false, &["record.account.parent.city == 'Field'"]);
    check(
        &world,
        true,
        &["has(record.account) && !has(record.account.parent)"],
    );
}

#[test]
fn the_user_is_met_by_equality_and_membership() {
    let mut world = full();
    check(
        &world,
        true,
        &[
            "record.owner == user.id && user.id == record.owner",
            "record.owner in [user.id, user.manager]",
            "record.account.owner in user.teams",
            "user.teams.exists(t, t == record.account.owner)",
            "record.crew.exists(c, c in user.teams || c == user.id)",
            "!(user.id in record.crew)",
            "record.account.city == user.region",
            "record.tags.exists(t, t in user.skills)",
            "user.business_unit == 'north' && user.login in ['bob', 'ada'] && user.is_lead",
            "user.login != 'bob'",
        ],
    );
    check(
        &world,
        false,
        &[
            "record.owner == user.manager",
            "record.status == user.region",
        ],
    );
    world.records.remove(&Definition::user_record(ADA));
    check(&world, false, &["record.account.city == user.region"]);
}

#[test]
fn keys_of_record_and_user_have_one_form() {
    let world = full();
    let Expression::Keyed(keyed) = world.compile("record.status == user.region") else {
        panic!("a keyed comparison");
    };
    assert_eq!(keyed.keys(SUBJECT, &world), [Value::Text("on site".into())]);
    assert_eq!(
        keyed.user_keys(&world.ada(), &world),
        [Value::Text("Bristol".into())]
    );
    let Expression::Keyed(keyed) = world.compile("record.crew.exists(c, c in user.teams)") else {
        panic!("a keyed comparison");
    };
    assert_eq!(
        keyed.keys(SUBJECT, &world),
        keyed.user_keys(&world.ada(), &world)
    );
}

#[test]
fn paths_name_the_lookups_they_go_through() {
    let world = World::new();
    let expression = world.compile("record.account.owner.name == 'Field'");
    let paths = expression.paths();
    assert_eq!(
        paths[0].hops(),
        [vec![(BOOKING, FieldId(10))], vec![(ACCOUNT, FieldId(3))]]
    );
    let ends: Vec<TypeId> = paths[0].steps()[2].keys().copied().collect();
    assert_eq!(ends, [USER, TEAM]);
    assert_eq!(paths[0].reads().count(), 4);
}

#[test]
fn days_are_those_of_the_organization() {
    let mut world = World::new();
    world.set(SUBJECT, "due", &["2026-03-11"]);
    world.set(SUBJECT, "starts_at", &["2026-03-10T23:00:00Z"]);
    let at = |text: &str, now: &str| {
        let now = time(now);
        let moment = Moment { now, ..noon() };
        let answer = world.answer(text, &moment);
        (answer.holds, answer.until)
    };
    let midnight = Some(time("2026-03-10T23:00:00Z"));
    let next = Some(time("2026-03-11T23:00:00Z"));
    assert_eq!(
        at("record.due == today", "2026-03-10T22:59:59Z"),
        (false, midnight)
    );
    assert_eq!(
        at("record.due == today", "2026-03-10T23:00:00Z"),
        (true, next)
    );
    assert_eq!(
        at("record.due == today", "2026-03-11T23:00:00Z"),
        (false, None)
    );
    // The day begins at 23:00 in Greenwich: the start is no earlier.
    let before = "record.starts_at < today + days(1)";
    assert_eq!(at(before, "2026-03-10T12:00:00Z"), (false, midnight));
    let not_after = "record.starts_at <= today + days(1)";
    assert_eq!(at(not_after, "2026-03-10T12:00:00Z"), (true, None));
    let afternoon = "record.starts_at >= today + hours(15)";
    assert_eq!(at(afternoon, "2026-03-10T12:00:00Z"), (true, midnight));
    let past = "record.starts_at <= now - duration('1h30m')";
    let turn = Some(time("2026-03-11T00:30:00Z"));
    assert_eq!(at(past, "2026-03-10T12:00:00Z"), (false, turn));
    assert_eq!(
        at("today >= date('2026-03-11')", "2026-03-10T12:00:00Z"),
        (false, midnight)
    );
    assert_eq!(
        at(
            "now < timestamp('2026-03-10T23:00:00Z')",
            "2026-03-10T12:00:00Z"
        ),
        (true, midnight)
    );
}
