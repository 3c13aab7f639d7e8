//! What makes a definition or a change of one wrong.

use super::{
    AlternateKey, Definition, DefinitionChange, Field, Filter, Group, Kind, OnDelete, Profile,
    ProfileType, PublishError, RecordType, Team, User,
};
use crate::id::{FieldId, KeyId, TypeId};
use crate::value::{Money, Value};
use std::collections::BTreeSet;

const SITE: TypeId = TypeId(1);

/// A definition of one type, `site`, with a text field `name` and a key on it.
fn sites() -> Definition {
    let mut definition = Definition {
        name: "Test".to_owned(),
        ..Definition::default()
    };
    let site = RecordType {
        fields: [
            field(1, "name", Kind::text()),
            field(2, "floor", Kind::integer()),
        ]
        .into(),
        keys: vec![key(1, "name", &[1])],
        ..RecordType::new(SITE, "site", "Site")
    };
    definition.types.insert(SITE, site);
    definition
}

fn field(id: u16, name: &str, kind: Kind) -> (FieldId, Field) {
    let id = FieldId(id);
    (id, Field::new(id, name, name, kind))
}

fn key(id: u16, name: &str, fields: &[u16]) -> AlternateKey {
    AlternateKey {
        id: KeyId(id),
        name: name.to_owned(),
        fields: fields.iter().copied().map(FieldId).collect(),
    }
}

/// The definition of sites, with something done to the type.
fn with(change: impl FnOnce(&mut RecordType)) -> Definition {
    let mut definition = sites();
    change(definition.types.get_mut(&SITE).expect("the type"));
    definition
}

/// The definition of sites, with one more field that something is done to.
fn with_field(kind: Kind, change: impl FnOnce(&mut Field)) -> Definition {
    let (id, mut field) = field(3, "extra", kind);
    change(&mut field);
    with(|site| {
        site.fields.insert(id, field);
    })
}

fn faults(definition: &Definition) -> Vec<String> {
    definition
        .faults()
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn refused(outcome: Result<Definition, PublishError>) -> Vec<String> {
    match outcome {
        Err(PublishError::Faulty(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => panic!("it should have faults: {other:?}"),
    }
}

#[test]
fn keys_that_cannot_be_told_apart_are_wrong() {
    assert_eq!(faults(&sites()), [""; 0]);
    let same_name = with(|site| site.keys.push(key(2, "name", &[2])));
    assert_eq!(
        faults(&same_name),
        ["site, key name: two keys have this name; rename one"]
    );
    let mut same_id = with(|site| site.keys.push(key(1, "floor", &[2])));
    let told = ["site, key floor: two keys have the id 1; give each its own"];
    assert_eq!(faults(&same_id), told);
    same_id.types.get_mut(&SITE).expect("the type").retired = true;
    assert_eq!(faults(&same_id), told, "records of it are still looked up");
}

#[test]
fn a_key_names_a_field_once() {
    let twice = with(|site| site.keys[0].fields = vec![FieldId(1), FieldId(2), FieldId(1)]);
    assert_eq!(
        faults(&twice),
        ["site, key name: it names `name` twice; name each field once"]
    );
}

#[test]
fn a_required_lookup_does_not_become_empty() {
    for (on_delete, told) in [
        (OnDelete::Restrict, vec![]),
        (OnDelete::Cascade, vec![]),
        (
            OnDelete::Clear,
            vec![
                "site.extra: it is required, but becomes empty when its target is deleted; write `on_delete = \"restrict\"` or `on_delete = \"cascade\"`, or remove `required`",
            ],
        ),
    ] {
        let lookup = Kind::Lookup {
            targets: [SITE].into(),
            on_delete,
        };
        assert_eq!(
            faults(&with_field(lookup, |field| field.required = true)),
            told
        );
    }
}

#[test]
fn what_merges_by_itself_has_no_conflict_policy() {
    let of = || Box::new(Kind::text());
    for (kind, name) in [
        (Kind::Counter, "counter"),
        (Kind::Set { of: of() }, "set"),
        (Kind::RichText, "rich-text"),
        (Kind::Json, "json"),
    ] {
        let told = format!(
            "site.extra: a {name} merges by itself, so a conflict policy has nothing to decide; remove `policy`"
        );
        let set = |field: &mut Field| field.policy = Some("flag".to_owned());
        assert_eq!(faults(&with_field(kind, set)), [told]);
    }
    let set = |field: &mut Field| field.policy = Some("flag".to_owned());
    assert_eq!(faults(&with_field(Kind::text(), set)), [""; 0]);
}

#[test]
fn a_currency_is_three_capitals() {
    for wrong in ["", "eur", "EURO", "E1R", "€€€"] {
        assert_eq!(
            faults(&with_field(Kind::money(wrong), |_| {})),
            [format!(
                "site.extra: `{wrong}` is not a currency; write its three letters, such as \"EUR\""
            )]
        );
    }
    assert_eq!(faults(&with_field(Kind::money("EUR"), |_| {})), [""; 0]);
}

#[test]
fn a_default_is_within_the_limits_of_its_field() {
    let options = vec!["low".to_owned()];
    let number = |text: &str| text.parse().expect("a decimal");
    let money = |amount: &str| {
        Value::from(Money {
            amount: number(amount),
            currency: "EUR".to_owned(),
        })
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let most = Some(number("10"));
    for (kind, default, reason) in [
        (
            Kind::Text {
                length_max: Some(3),
            },
            text("long"),
            "the text has 4 characters; at most 3 are possible",
        ),
        (
            Kind::Integer {
                min: Some(1),
                max: None,
            },
            Value::Integer(0),
            "0 is below the smallest possible, 1",
        ),
        (
            Kind::Decimal {
                min: None,
                max: None,
                scale: Some(1),
            },
            Value::Decimal(number("1.25")),
            "1.25 has more than 1 digits after the point",
        ),
        (
            Kind::Money {
                currency: "EUR".to_owned(),
                min: None,
                max: most,
            },
            money("10.01"),
            "10.01 is above the largest possible, 10",
        ),
        (
            Kind::Choice {
                options: options.clone(),
            },
            Value::Choice("high".to_owned()),
            "`high` is not one of low",
        ),
        (
            Kind::MultiChoice { options },
            Value::MultiChoice(["high".to_owned()].into()),
            "`high` is not one of low",
        ),
        (Kind::Boolean, text("yes"), "`yes` is not a boolean value"),
    ] {
        let told =
            format!("site.extra: its default is wrong: {reason}; give a value the field takes");
        let stale = |field: &mut Field| field.default = Some(default.clone());
        assert_eq!(faults(&with_field(kind.clone(), stale)), [told.as_str()]);
        let retired = with_field(kind, |field| {
            stale(field);
            field.retired = true;
        });
        assert_eq!(faults(&retired), [""; 0], "nobody is given it");
        let mut back = retired.types[&SITE].fields[&FieldId(3)].clone();
        back.retired = false;
        let change = DefinitionChange::Field(SITE, back);
        assert_eq!(refused(retired.changed(&[change])), [told]);
    }
}

#[test]
fn every_narrowing_is_told_at_once_with_the_faults_of_the_result() {
    let mut target = with(|site| {
        for field in site.fields.values_mut() {
            field.kind = Kind::Boolean;
        }
    });
    target.name.clear();
    let before = sites();
    assert_eq!(
        refused(before.changed(&before.changes_to(&target))),
        [
            "site.name: it cannot become boolean: it is text, and only widening is possible; retire it and add a new field",
            "site.floor: it cannot become boolean: it is integer, and only widening is possible; retire it and add a new field",
            "organization: it has no name; give it a `name`",
        ]
    );
}

#[test]
fn the_id_of_a_key_does_not_pass_to_another_one_in_one_change() {
    let changed = |keys: Vec<AlternateKey>| {
        let target = with(|site| site.keys = keys);
        let before = sites();
        before.changed(&before.changes_to(&target))
    };
    assert_eq!(
        refused(changed(vec![key(1, "floor", &[2])])),
        [
            "site, key floor: it has the id of key `name`, which is another one; give it an id of its own"
        ]
    );
    for same in [key(1, "called", &[1]), key(1, "name", &[1, 2])] {
        let keys = vec![same];
        assert_eq!(
            changed(keys.clone()).expect("the same key").types[&SITE].keys,
            keys
        );
    }
}

#[test]
fn what_a_target_lacks_is_retired() {
    let mut before = sites();
    let mut plan = before.types[&SITE].clone();
    plan.id = TypeId(2);
    plan.name = "plan".to_owned();
    before.types.insert(plan.id, plan);
    let mut target = before.clone();
    target.types.remove(&TypeId(2));
    let site = target.types.get_mut(&SITE).expect("the type");
    site.fields.remove(&FieldId(2));
    let after = before
        .changed(&before.changes_to(&target))
        .expect("no fault");
    assert!(after.types[&TypeId(2)].retired);
    assert_eq!(
        after.types[&TypeId(2)].fields,
        before.types[&TypeId(2)].fields
    );
    assert!(after.types[&SITE].fields[&FieldId(2)].retired);
    assert_eq!(after.changes_to(&target), [], "it is retired already");
}

#[test]
fn a_group_of_any_size_fits_into_changes_of_a_bounded_one() {
    let before = sites();
    let mut target = sites();
    let logins: BTreeSet<String> = (0..12_000).map(|number| format!("user.{number}")).collect();
    for login in &logins {
        target.users.insert(login.clone(), User::new(login));
    }
    let team = Team::new("Everybody", logins.clone());
    target.teams.insert("all".to_owned(), team);
    let mut profile = Profile::new("Everybody");
    profile.members.users = logins;
    let rule = ProfileType::new(Filter::All);
    profile.types.insert(SITE, rule);
    target.profiles.insert("all".to_owned(), profile);
    let changes = before.changes_to(&target);
    let sizes = changes
        .iter()
        .map(|change| crate::codec::encode(change).len());
    assert!(sizes.max() < Some(crate::limit::OPERATION_BYTES_MAX / 2));
    let after = before.changed(&changes).expect("no fault");
    assert_eq!(
        (&after.teams, &after.profiles),
        (&target.teams, &target.profiles)
    );
    let mut smaller = after.clone();
    let team = smaller.teams.get_mut("all").expect("the team");
    assert!(team.members.remove("user.7"));
    smaller
        .profiles
        .get_mut("all")
        .expect("the profile")
        .types
        .clear();
    let changes = after.changes_to(&smaller);
    assert_eq!(
        crate::text::describe(&changes, &after),
        ["team all: without user.7", "profile all, site: removed"]
    );
    let after = after.changed(&changes).expect("no fault");
    assert_eq!(
        (&after.teams, &after.profiles),
        (&smaller.teams, &smaller.profiles)
    );
}

#[test]
fn parts_of_what_is_not_there_are_told() {
    let users = DefinitionChange::Users(Group::Team("crew".to_owned()), ["ada".to_owned()].into());
    let rule = ProfileType::new(Filter::All);
    let rule = DefinitionChange::ProfileType("field".to_owned(), SITE, Some(rule));
    assert_eq!(
        refused(sites().changed(&[users, rule])),
        [
            "organization: users are published of team crew, which does not exist; add it before its users",
            "profile field: a type of it is published, but there is no such profile; add the profile before its types",
        ]
    );
}

#[test]
fn a_field_of_no_type_is_told_by_name() {
    let (_, lost) = field(1, "lost", Kind::text());
    let change = DefinitionChange::Field(TypeId(9), lost);
    assert_eq!(
        refused(sites().changed(&[change])),
        [
            "lost: it is a field of record type 9, which does not exist; add the record type before its fields"
        ]
    );
}
