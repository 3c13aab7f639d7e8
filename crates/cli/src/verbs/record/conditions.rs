//! Conditions on records, as `--where` has them.

use crate::exit::Failure;
use crate::fields;
use crate::holding::Holding;
use crate::record_ref;
use cairn_model::{Field, FieldId, Kind, RecordType, Value};
use cairn_projection::{FieldState, Record};
use std::cmp::Ordering;

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    field: FieldId,
    kind: Kind,
    relation: Relation,
    wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Is,
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
    Contains,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Nothing,
    Value(Value),
    Text(String),
}

/// Longer ones first: `<=` is not `<` and a value that begins with `=`.
const RELATIONS: [(&str, Relation); 7] = [
    ("!=", Relation::IsNot),
    ("<=", Relation::AtMost),
    (">=", Relation::AtLeast),
    ("=", Relation::Is),
    ("<", Relation::Below),
    (">", Relation::Above),
    ("~", Relation::Contains),
];

impl Condition {
    /// Reads `NAME=VALUE` and its relatives.
    pub(super) fn read(
        holding: &dyn Holding,
        record_type: &RecordType,
        text: &str,
    ) -> Result<Condition, Failure> {
        let at = text.find(['=', '!', '<', '>', '~']).filter(|at| *at > 0);
        let found = at.and_then(|at| {
            let (sign, relation) = RELATIONS
                .into_iter()
                .find(|(sign, _)| text[at..].starts_with(sign))?;
            Some((text[..at].trim(), relation, text[at + sign.len()..].trim()))
        });
        let (name, relation, value) = found.ok_or_else(|| {
            Failure::usage(format!(
                "`{text}` is not a condition, such as status=completed or promised_by<2026-07-01"
            ))
        })?;
        let field = fields::field_named(record_type, name)?;
        let wanted = match relation {
            _ if value.is_empty() => Wanted::Nothing,
            Relation::Contains => Wanted::Text(value.to_lowercase()),
            _ => Condition::wanted(holding, field, &field.kind, value)?,
        };
        Ok(Condition {
            field: field.id,
            kind: field.kind.clone(),
            relation,
            wanted,
        })
    }

    fn wanted(
        holding: &dyn Holding,
        field: &Field,
        kind: &Kind,
        value: &str,
    ) -> Result<Wanted, Failure> {
        Ok(match kind {
            Kind::Lookup { targets, .. } => {
                Wanted::Value(Value::Lookup(record_ref::lookup(holding, targets, value)?))
            }
            Kind::Set { of } => return Condition::wanted(holding, field, of, value),
            Kind::Counter => Condition::wanted(holding, field, &Kind::integer(), value)?,
            Kind::RichText | Kind::Json | Kind::File => Wanted::Text(value.to_owned()),
            kind => Wanted::Value(
                Value::from_text(kind, value)
                    .map_err(|error| Failure::usage(format!("{}: {error}", field.name)))?,
            ),
        })
    }

    /// Whether it holds for a record.
    pub(super) fn holds(&self, record: &Record) -> bool {
        let state = record.field(self.field);
        let text = || {
            state
                .map(|state| state.to_text(&self.kind))
                .unwrap_or_default()
        };
        let orders: Vec<Ordering> = match (&self.wanted, state) {
            (_, _) if self.relation == Relation::Contains => {
                return match &self.wanted {
                    Wanted::Text(part) => text().to_lowercase().contains(part.as_str()),
                    _ => true,
                };
            }
            (Wanted::Nothing, _) => vec![text().as_str().cmp("")],
            (Wanted::Text(wanted), _) => vec![text().as_str().cmp(wanted)],
            (Wanted::Value(wanted), Some(FieldState::Set(set))) => {
                set.elements().map(|held| held.cmp(wanted)).collect()
            }
            (Wanted::Value(wanted), Some(FieldState::Counter(total))) => {
                vec![Value::Integer(*total).cmp(wanted)]
            }
            (Wanted::Value(wanted), Some(FieldState::Register(register))) => register
                .value()
                .map(|held| held.cmp(wanted))
                .into_iter()
                .collect(),
            (Wanted::Value(_), _) => Vec::new(),
        };
        let any = |test: fn(Ordering) -> bool| orders.iter().copied().any(test);
        match self.relation {
            Relation::Is => any(Ordering::is_eq),
            Relation::IsNot => !any(Ordering::is_eq),
            Relation::Below => any(Ordering::is_lt),
            Relation::AtMost => any(Ordering::is_le),
            Relation::Above => any(Ordering::is_gt),
            Relation::AtLeast => any(Ordering::is_ge),
            Relation::Contains => true,
        }
    }
}
