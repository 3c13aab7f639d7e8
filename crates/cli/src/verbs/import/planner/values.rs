//! What a row has for each field, and what the field shall hold then.

use super::super::index::NotFound;
use super::super::plan::{FieldPlan, Piece, Source};
use super::super::rows::{Row, RowFault};
use super::{Left, Planner};
use crate::fields::Wanted;
use crate::holding::Holding;
use cairn_model::{FieldId, Kind, RecordId, TypeId};
use serde_json::Value as Json;
use std::collections::BTreeMap;

impl Planner {
    /// What each field shall hold; fields whose column the row lacks are left
    /// alone.
    pub(super) fn wanted(
        &self,
        holding: &dyn Holding,
        row: &Row,
        cells: &[Option<Json>],
    ) -> Result<BTreeMap<FieldId, Wanted>, Left> {
        let mut wanted = BTreeMap::new();
        for (plan, cell) in self.plan.fields.iter().zip(cells) {
            let Some(cell) = cell else { continue };
            let empty = cell.is_null() || cell.as_str() == Some("");
            if empty && let Some(default) = &plan.field.default {
                wanted.insert(plan.field.id, Wanted::Value(Some(default.clone())));
                continue;
            }
            let mut waits = false;
            let mut resolve =
                |kind: &Kind, text: &str| self.resolve(holding, plan, kind, text, &mut waits);
            match Wanted::from_json(&plan.field, cell, &mut resolve) {
                Ok(value) => {
                    wanted.insert(plan.field.id, value);
                }
                Err(reason) => {
                    let fault = RowFault::cell(
                        row.line,
                        plan.column(),
                        format!("{}: {reason}", plan.field.name),
                    );
                    return Err(if waits {
                        Left::Waiting(fault)
                    } else {
                        Left::Fault(fault)
                    });
                }
            }
        }
        Ok(wanted)
    }

    fn resolve(
        &self,
        holding: &dyn Holding,
        plan: &FieldPlan,
        kind: &Kind,
        text: &str,
        waits: &mut bool,
    ) -> Result<RecordId, String> {
        let Kind::Lookup { targets, .. } = kind else {
            return Err(format!("it takes {}", kind.describe()));
        };
        let label = |id: &TypeId| {
            holding
                .definition()
                .types
                .get(id)
                .map_or("record", |target| target.name.as_str())
        };
        let (found, way) = match plan.lookup {
            Some((target, by)) => {
                let field = holding
                    .definition()
                    .types
                    .get(&target)
                    .and_then(|target| target.fields.get(&by));
                let kind = field.map_or(kind, |field| &field.kind);
                let name = field.map_or("field", |field| field.name.as_str());
                (
                    self.index.by_field((target, by), kind, text),
                    format!("{} with {name} `{text}`", label(&target)),
                )
            }
            None => {
                if let Ok(id) = text.parse::<RecordId>()
                    && (holding.type_of(id).is_some_and(|t| targets.contains(&t))
                        || self.met.contains_key(&id))
                {
                    return Ok(id);
                }
                let names: Vec<&str> = targets.iter().map(label).collect();
                (
                    self.index.by_name(targets, text),
                    format!("{} with the id, key or title `{text}`", names.join(" or ")),
                )
            }
        };
        found.map_err(|why| {
            *waits = why == NotFound::Missing && targets.contains(&self.plan.record_type.id);
            match why {
                NotFound::Missing => {
                    format!("there is no {way}; import it first, or correct the cell")
                }
                NotFound::Several => {
                    format!("there is more than one {way}; name it by something only it has")
                }
            }
        })
    }
}

/// What a row has for a field; `None` when it has nothing to say.
pub(super) fn cell(plan: &FieldPlan, row: &Row) -> Option<Json> {
    let given = match &plan.source {
        Source::Constant(value) => Some(value.clone()),
        Source::Column(column) => row.cells.get(column).cloned(),
        Source::Text(pieces) => {
            let mut filled = String::new();
            let mut columns = 0;
            let mut empty = 0;
            for piece in pieces {
                match piece {
                    Piece::Plain(plain) => filled.push_str(plain),
                    Piece::Column(column) => {
                        let part = row.cells.get(column).map(text).unwrap_or_default();
                        columns += 1;
                        empty += usize::from(part.is_empty());
                        filled.push_str(&part);
                    }
                }
            }
            // Text without anything from the row says nothing about it.
            Some(if columns > 0 && empty == columns {
                Json::Null
            } else {
                filled.trim().into()
            })
        }
    };
    let given = match plan.map.is_empty() {
        true => given?,
        false => mapped(plan, given)?,
    };
    Some(match (&plan.split, given) {
        (Some(split), Json::String(text)) => text
            .split(split.as_str())
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(Json::from)
            .collect(),
        (_, given) => given,
    })
}

fn mapped(plan: &FieldPlan, given: Option<Json>) -> Option<Json> {
    let key = given.as_ref().map(text).unwrap_or_default();
    let instead = plan
        .map
        .get(&key)
        .or_else(|| plan.map.get("*").filter(|_| !key.is_empty()));
    instead.cloned().or(given)
}

/// A cell as text.
pub(super) fn text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}
