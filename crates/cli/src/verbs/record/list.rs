//! `cairn record list`.

use super::conditions::Condition;
use super::look::At;
use crate::args::record::ListArgs;
use crate::exit::Failure;
use crate::fields;
use crate::holding::Holding;
use crate::host::Host;
use crate::output::Output;
use crate::record_ref;
use crate::render::RecordView;
use cairn_model::{FieldId, Kind, RecordId, RecordType, Value};
use cairn_projection::{FieldState, Record};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Columns a list has unless they are named.
const COLUMNS_MAX: usize = 6;

/// What shall be listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Listing {
    record_type: String,
    conditions: Vec<String>,
    deleted: bool,
    limit: usize,
    sort: Option<String>,
    columns: Vec<String>,
    as_of: Option<String>,
}

impl Listing {
    /// Of the records of a type that are here.
    pub(super) fn here(record_type: String, args: ListArgs) -> Listing {
        let ListArgs {
            conditions,
            deleted,
            limit,
            sort,
            columns,
            as_of,
            ..
        } = args;
        Listing {
            record_type,
            conditions,
            deleted,
            limit,
            sort,
            columns,
            as_of,
        }
    }
}

#[cfg(test)]
impl Listing {
    /// Records of a type for which conditions hold, in an order.
    pub(super) fn of(record_type: &str, conditions: &[&str], sort: Option<&str>) -> Listing {
        Listing {
            record_type: record_type.to_owned(),
            conditions: conditions.iter().map(|&text| text.to_owned()).collect(),
            deleted: false,
            limit: 50,
            sort: sort.map(str::to_owned),
            columns: Vec::new(),
            as_of: None,
        }
    }
}

/// Records of a list.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Listed {
    columns: Vec<String>,
    /// The records, in order.
    pub(super) records: Vec<RecordView>,
    /// How many there are without the limit.
    all: usize,
}

/// Lists records.
pub(super) async fn list(host: &Host, listing: Listing) -> Result<Listed, Failure> {
    let at = At::read(listing.as_of.as_deref())?;
    at.look(host, move |holding| select(holding, &listing))
        .await
}

fn select(holding: &dyn Holding, listing: &Listing) -> Result<Listed, Failure> {
    let record_type = record_ref::type_named(holding, &listing.record_type)?;
    let conditions: Vec<Condition> = listing
        .conditions
        .iter()
        .map(|text| Condition::read(holding, record_type, text))
        .collect::<Result<_, _>>()?;
    let order = listing
        .sort
        .as_deref()
        .map(|text| Order::read(record_type, text))
        .transpose()?;
    let falling = order.as_ref().is_some_and(|order| order.falling);
    // The best so far, never more than asked for.
    let mut best: BTreeMap<(Option<Value>, RecordId), Record> = BTreeMap::new();
    let mut all = 0;
    holding.visit(&mut |record| {
        let here = record.record_type == record_type.id && record.is_alive() != listing.deleted;
        if !here || !conditions.iter().all(|condition| condition.holds(record)) {
            return;
        }
        all += 1;
        let key = order.as_ref().and_then(|order| order.key(record));
        best.insert((key, record.id), record.clone());
        if best.len() > listing.limit {
            if falling {
                best.pop_first()
            } else {
                best.pop_last()
            };
        }
    })?;
    let mut records: Vec<Record> = best.into_values().collect();
    if falling {
        records.reverse();
    }
    Ok(Listed {
        columns: columns(record_type, &listing.columns)?,
        records: records
            .iter()
            .map(|record| RecordView::of(holding, record))
            .collect::<Result<_, _>>()?,
        all,
    })
}

/// By which field, in which direction.
struct Order {
    field: FieldId,
    kind: Kind,
    falling: bool,
}

impl Order {
    fn read(record_type: &RecordType, text: &str) -> Result<Order, Failure> {
        let (name, falling) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        let field = fields::field_named(record_type, name)?;
        Ok(Order {
            field: field.id,
            kind: field.kind.clone(),
            falling,
        })
    }

    /// Choices sort as the definition lists them, everything else by value.
    fn key(&self, record: &Record) -> Option<Value> {
        match (&self.kind, record.field(self.field)?) {
            (Kind::Choice { options }, FieldState::Register(register)) => {
                let shown = register.value()?.to_string();
                let place = options.iter().position(|option| *option == shown);
                Some(Value::Integer(place.map_or(i64::MAX, |place| place as i64)))
            }
            (_, FieldState::Register(register)) => register.value().cloned(),
            (_, FieldState::Counter(total)) => Some(Value::Integer(*total)),
            (kind, state) => Some(Value::Text(state.to_text(kind))),
        }
    }
}

/// The columns asked for; otherwise what tells records of the type apart.
fn columns(record_type: &RecordType, asked: &[String]) -> Result<Vec<String>, Failure> {
    for name in asked {
        fields::field_named(record_type, name)?;
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let key = record_type
        .keys
        .first()
        .map(|key| key.fields.clone())
        .unwrap_or_default();
    let telling = record_type.live_fields().filter(|field| match field.kind {
        Kind::Choice { .. } => true,
        _ => field.required,
    });
    let others = record_type.live_fields();
    let mut columns: Vec<String> = Vec::new();
    let ids = key.into_iter().chain(record_type.title);
    let first = ids.filter_map(|id| record_type.fields.get(&id));
    for field in first.chain(telling).chain(others) {
        if columns.len() < COLUMNS_MAX && !columns.contains(&field.name) {
            columns.push(field.name.clone());
        }
    }
    Ok(columns)
}

impl Listed {
    /// A table.
    pub(super) fn show(&self, output: &Output) -> Result<(), Failure> {
        let heading: Vec<&str> = self
            .columns
            .iter()
            .map(String::as_str)
            .chain(["", "id"])
            .collect();
        let rows = self.records.iter().map(|record| {
            let cells = self.columns.iter().map(|column| record.cell(column));
            cells.chain([record.marks(), record.id.clone()]).collect()
        });
        output.table(&heading, rows.collect())?;
        if self.all > self.records.len() {
            output.say(format!(
                "{} of {} records; --limit shows more.",
                self.records.len(),
                self.all
            ));
        }
        Ok(())
    }
}
