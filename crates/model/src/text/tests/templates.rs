use super::POLICIES;
use crate::definition::{Definition, Filter, Kind, Members, OnDelete};
use crate::text::{TEMPLATES, export, parse, template};
use std::collections::BTreeSet;

fn definition(name: &str) -> Definition {
    let files = template(name).expect(name);
    parse(&files, &Definition::default(), POLICIES)
        .unwrap_or_else(|faults| panic!("{name}: {}", super::shown(&faults)))
}

#[test]
fn every_template_is_a_whole_and_can_be_published() {
    for name in TEMPLATES {
        let definition = definition(name);
        let changes = Definition::default().changes_to(&definition);
        let published = Definition::default().changed(&changes).expect(name);
        assert_eq!(
            published,
            Definition {
                number: 1,
                ..definition
            }
        );
    }
    assert_eq!(template("payroll"), None);
}

#[test]
fn exported_templates_read_as_themselves_even_from_nothing() {
    for name in TEMPLATES {
        let definition = definition(name);
        let text = export(&definition);
        assert_eq!(
            parse(&text, &definition, POLICIES).as_ref(),
            Ok(&definition)
        );
        assert_eq!(
            parse(&text, &Definition::default(), POLICIES),
            Ok(definition)
        );
    }
}

#[test]
fn together_the_templates_cover_field_service_and_sales() {
    let names: BTreeSet<String> = TEMPLATES
        .iter()
        .flat_map(|name| definition(name).types.into_values())
        .map(|record_type| record_type.name)
        .collect();
    let expected = [
        "account",
        "appointment",
        "booking",
        "case",
        "competitor",
        "competitor_address",
        "connection",
        "connection_role",
        "contact",
        "customer_asset",
        "email",
        "lead",
        "note",
        "opportunity",
        "opportunity_product",
        "phone_call",
        "position",
        "product",
        "task",
        "team",
        "user",
        "work_order",
        "work_order_product",
        "work_order_service_task",
    ];
    assert_eq!(
        names.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn the_templates_use_every_kind_and_every_answer_to_a_deletion() {
    let mut kinds = BTreeSet::new();
    let mut answers = Vec::new();
    for definition in TEMPLATES.iter().map(|name| definition(name)) {
        for field in definition
            .types
            .values()
            .flat_map(|record_type| record_type.fields.values())
        {
            kinds.insert(field.kind.name());
            if let Kind::Lookup { on_delete, .. } = &field.kind {
                answers.push(*on_delete);
            }
        }
    }
    assert_eq!(kinds.len(), 15, "{kinds:?}");
    for answer in [OnDelete::Restrict, OnDelete::Cascade, OnDelete::Clear] {
        assert!(answers.contains(&answer), "{answer:?}");
    }
}

#[test]
fn the_default_profiles_work_and_have_no_members() {
    for (name, profile) in [("field-service", "technician"), ("sales", "seller")] {
        let definition = definition(name);
        let profile = &definition.profiles[profile];
        assert_eq!(profile.members, Members::default());
        let mut filters = 0;
        for (id, rule) in &profile.types {
            if let Filter::Where(text) = &rule.filter {
                let compiled = crate::expression::compile(text, &definition, *id);
                assert!(compiled.is_ok(), "{text}: {compiled:?}");
                filters += 1;
            }
        }
        assert!(filters > 0, "{name}");
        assert_eq!(definition.roles.len(), 0, "rights are as without roles");
    }
}

#[test]
fn users_and_teams_have_the_fields_that_the_fold_fills_in() {
    for name in TEMPLATES {
        let definition = definition(name);
        assert_eq!((definition.users.len(), definition.teams.len()), (8, 2));
        for type_name in ["user", "team"] {
            let record_type = definition.type_named(type_name).expect(type_name);
            for field in ["login", "name", "email"] {
                assert!(
                    record_type.field_named(field).is_some(),
                    "{name}: {type_name}.{field}"
                );
            }
            let filled = ["login", "name"];
            let others = record_type.live_fields().filter(|field| field.required);
            assert!(
                others.map(|field| field.name.as_str()).eq(filled),
                "{name}: {type_name}"
            );
        }
    }
}
