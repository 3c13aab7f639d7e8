//! The organizations of runs: the built-in ones, and a workbench with one
//! field of every kind that is wanted, and a crew that works on it with
//! different rights.

mod crew;
mod rights;

pub use crew::{FILTERS, PROFILES, ROLES, SOON, TEAMS, TODAY, UNITS, party};

use crate::scenario::OrganizationPlan;
use crate::schedule::DefinitionStep;
use cairn_model::definition::OnDelete;
use cairn_model::text::{parse, template};
use cairn_model::{
    Access, AlternateKey, Definition, Field, FieldId, Granularity, KeyId, Kind, RecordType, TypeId,
    User,
};
use std::collections::{BTreeMap, BTreeSet};

/// The kinds of field a workbench may have, by their names.
pub const KINDS: [&str; 14] = [
    "text",
    "integer",
    "decimal",
    "money",
    "boolean",
    "date",
    "timestamp",
    "choice",
    "multi-choice",
    "lookup",
    "counter",
    "set",
    "rich-text",
    "json",
];

/// The organization whose members hold and see different parts.
pub const CREW: &str = "crew";

/// The login of a user, by number.
pub fn login(user: u32) -> String {
    format!("user{user}")
}

/// The definition that a run begins with.
///
/// # Errors
/// In words, when the plan names what there is not.
pub fn definition(plan: &OrganizationPlan, users: u32) -> Result<Definition, String> {
    let mut definition = if plan.template == "workbench" {
        workbench(&plan.kinds)
    } else if plan.template == CREW {
        crew::crew(&plan.kinds, plan.filter.as_deref(), users)
    } else {
        let files = template(&plan.template)
            .ok_or_else(|| format!("there is no organization `{}`", plan.template))?;
        parse(&files, &Definition::default(), &cairn_policy::ids())
            .map_err(|faults| format!("{}: {}", plan.template, faults[0]))?
    };
    definition.policy.clone_from(&plan.policy);
    definition.granularity = granularity(&plan.granularity);
    for (name, policy) in &plan.policies {
        let place = name
            .split_once('.')
            .and_then(|(record_type, field)| find_field(&mut definition, record_type, field));
        let field = place.ok_or_else(|| format!("there is no field `{name}`"))?;
        field.policy = Some(policy.clone());
    }
    for number in 0..users {
        let user = definition.users.entry(login(number));
        user.or_insert_with(|| User::new(&format!("User {number}")));
    }
    Ok(definition)
}

fn granularity(name: &str) -> Granularity {
    match name {
        "record" => Granularity::Record,
        _ => Granularity::Field,
    }
}

fn find_field<'a>(
    definition: &'a mut Definition,
    record_type: &str,
    field: &str,
) -> Option<&'a mut Field> {
    let record_type = definition
        .types
        .values_mut()
        .find(|known| known.name == record_type)?;
    record_type
        .fields
        .values_mut()
        .find(|known| known.name == field)
}

fn kind_named(name: &str, own: TypeId) -> Kind {
    let options = || ["open", "done", "late"].map(str::to_owned).to_vec();
    match name {
        "integer" => Kind::integer(),
        "decimal" => Kind::decimal(),
        "money" => Kind::money("EUR"),
        "boolean" => Kind::Boolean,
        "date" => Kind::Date,
        "timestamp" => Kind::Timestamp,
        "choice" => Kind::Choice { options: options() },
        "multi-choice" => Kind::MultiChoice { options: options() },
        "lookup" => Kind::Lookup {
            targets: BTreeSet::from([own]),
            on_delete: OnDelete::Clear,
        },
        "counter" => Kind::Counter,
        "set" => Kind::Set {
            of: Box::new(Kind::text()),
        },
        "rich-text" => Kind::RichText,
        "json" => Kind::Json,
        _ => Kind::text(),
    }
}

fn field(id: FieldId, name: &str, kind: Kind) -> Field {
    Field::new(id, name, name, kind)
}

/// One record type, `job`: a title, a number that no two jobs share, and a
/// field for each of the kinds, called like it.
fn workbench(kinds: &[String]) -> Definition {
    let id = TypeId(1);
    let mut fields = BTreeMap::new();
    let mut add = |name: &str, kind| {
        let next = FieldId(fields.len() as u16 + 1);
        fields.insert(next, field(next, name, kind));
        next
    };
    let title = add("title", Kind::text());
    let number = add("number", Kind::text());
    for name in kinds {
        add(&name.replace('-', "_"), kind_named(name, id));
    }
    let job = RecordType {
        title: Some(title),
        fields,
        keys: vec![AlternateKey {
            id: KeyId(1),
            name: "number".to_owned(),
            fields: vec![number],
        }],
        ..RecordType::new(id, "job", "Job")
    };
    Definition {
        name: "Workbench".to_owned(),
        types: BTreeMap::from([(id, job)]),
        ..Definition::default()
    }
}

/// The definition after a step, as a target to publish. `None` when there is
/// nothing to step on, or nothing would change.
pub fn stepped(current: &Definition, step: &DefinitionStep) -> Option<Definition> {
    let mut next = current.clone();
    match step {
        DefinitionStep::Policy {
            record_type: None,
            policy,
            ..
        } => next.policy.clone_from(policy),
        DefinitionStep::Policy {
            record_type: Some(record_type),
            field: Some(field),
            policy,
        } => find_field(&mut next, record_type, field)?.policy = Some(policy.clone()),
        DefinitionStep::Policy {
            record_type: Some(record_type),
            field: None,
            policy,
        } => type_named(&mut next, record_type)?.policy = Some(policy.clone()),
        DefinitionStep::Granularity { granularity: name } => next.granularity = granularity(name),
        DefinitionStep::AddField {
            record_type,
            field: name,
            kind,
        } => {
            let record_type = type_named(&mut next, record_type)?;
            if record_type.fields.values().any(|known| known.name == *name) {
                return None;
            }
            let last = record_type.fields.keys().next_back()?;
            let id = FieldId(last.0 + 1);
            let kind = kind_named(kind, record_type.id);
            record_type.fields.insert(id, field(id, name, kind));
        }
        DefinitionStep::RetireField {
            record_type,
            field,
            retired,
        } => find_field(&mut next, record_type, field)?.retired = *retired,
        DefinitionStep::Require {
            record_type,
            field,
            required,
        } => find_field(&mut next, record_type, field)?.required = *required,
        DefinitionStep::Access { user, edit } => {
            let access = if *edit { Access::Edit } else { Access::Read };
            next.users.get_mut(&login(*user))?.access = access;
        }
        other => rights::change(&mut next, other)?,
    }
    (next != *current).then_some(next)
}

fn type_named<'a>(definition: &'a mut Definition, name: &str) -> Option<&'a mut RecordType> {
    definition
        .types
        .values_mut()
        .find(|known| known.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(template: &str) -> OrganizationPlan {
        OrganizationPlan {
            template: template.to_owned(),
            policy: "flag".to_owned(),
            granularity: "field".to_owned(),
            kinds: KINDS.map(str::to_owned).to_vec(),
            policies: BTreeMap::new(),
            filter: None,
            records: 0,
        }
    }

    #[test]
    fn a_workbench_has_every_kind_and_can_be_published() {
        let definition = definition(&plan("workbench"), 2).unwrap();
        let changes = Definition::default().changes_to(&definition);
        Definition::default().changed(&changes).unwrap();
        let job = definition.type_named("job").unwrap();
        let kinds: BTreeSet<&str> = job.live_fields().map(|field| field.kind.name()).collect();
        assert_eq!(kinds, BTreeSet::from(KINDS));
    }

    #[test]
    fn a_crew_can_be_published_with_every_filter() {
        for filter in FILTERS {
            let mut plan = plan(CREW);
            plan.filter = Some(filter.to_owned());
            let definition = definition(&plan, 4).unwrap();
            let changes = Definition::default().changes_to(&definition);
            let published = Definition::default().changed(&changes).unwrap();
            let profiles = if filter == "none" { 0 } else { PROFILES.len() };
            assert_eq!(published.profiles.len(), profiles, "{filter}");
        }
    }

    #[test]
    fn a_step_changes_what_it_names_or_nothing() {
        let definition = definition(&plan("workbench"), 1).unwrap();
        let step = DefinitionStep::Policy {
            record_type: Some("job".to_owned()),
            field: Some("integer".to_owned()),
            policy: "max".to_owned(),
        };
        let next = stepped(&definition, &step).unwrap();
        let field = next.type_named("job").unwrap().field_named("integer");
        assert_eq!(field.unwrap().policy.as_deref(), Some("max"));
        assert_eq!(stepped(&next, &step), None);
        let unknown = DefinitionStep::Access {
            user: 9,
            edit: false,
        };
        assert_eq!(stepped(&definition, &unknown), None);
    }
}
