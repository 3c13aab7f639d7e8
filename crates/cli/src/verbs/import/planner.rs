//! From rows to edits of records, given what is there already.

use super::index::{Index, NotFound};
use super::plan::{FieldPlan, Identity, Piece, Plan, Source};
use super::rows::{Row, RowFault};
use crate::fields::Wanted;
use crate::holding::Holding;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind};
use cairn_model::{FieldId, Hash, Kind, RecordId, TypeId, Value, Write, codec};
use cairn_oplog::StorageError;
use cairn_projection::Record;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// What a row comes to.
#[derive(Debug)]
pub(crate) struct RowEdit {
    /// Where the row is.
    pub(crate) row: u64,
    /// The edit.
    pub(crate) edit: RecordEdit,
    /// Bytes it takes in an operation, about.
    pub(crate) bytes: usize,
}

impl RowEdit {
    /// Whether it makes a new record.
    pub(crate) fn creates(&self) -> bool {
        match self.edit.kind {
            RecordEditKind::Create(_) => true,
            _ => false,
        }
    }
}

/// What some rows come to.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    /// Records to create or change, in this order.
    pub(crate) edits: Vec<RowEdit>,
    /// Rows whose records say the same already.
    pub(crate) unchanged: u64,
    /// Rows that are left out.
    pub(crate) faults: Vec<RowFault>,
}

/// Plans the rows of one table.
pub(crate) struct Planner {
    /// What is planned by.
    pub(crate) plan: Plan,
    index: Index,
    /// Records met in this table, and the row of each.
    met: BTreeMap<RecordId, u64>,
    /// How often a row of this content came.
    contents: BTreeMap<Hash, u64>,
    /// Rows that point at rows further down.
    waiting: Vec<Row>,
    /// Columns that no row has had yet.
    pub(crate) unseen: BTreeSet<String>,
}

/// Why a row gives no edit.
enum Left {
    /// Its record says the same already.
    Unchanged,
    /// It points at a record of its own type that is not there yet.
    Waiting(RowFault),
    /// It is wrong.
    Fault(RowFault),
    /// Storage failed.
    Storage(StorageError),
}

impl From<RowFault> for Left {
    fn from(fault: RowFault) -> Left {
        Left::Fault(fault)
    }
}

impl From<StorageError> for Left {
    fn from(error: StorageError) -> Left {
        Left::Storage(error)
    }
}

impl Planner {
    /// Gets to know what is there.
    pub(crate) fn new(plan: Plan, holding: &dyn Holding) -> Result<Planner, StorageError> {
        let index = Index::build(&plan, holding)?;
        let unseen = plan.columns().into_iter().map(str::to_owned).collect();
        Ok(Planner { plan, index, met: BTreeMap::new(), contents: BTreeMap::new(), waiting: Vec::new(), unseen })
    }

    /// Plans some rows.
    pub(crate) fn rows(&mut self, holding: &dyn Holding, rows: Vec<Row>) -> Result<Planned, StorageError> {
        let mut planned = Planned::default();
        for row in rows {
            self.unseen.retain(|column| !row.cells.contains_key(column));
            if self.take(holding, &row, &mut planned)?.is_some() {
                self.waiting.push(row);
            }
        }
        Ok(planned)
    }

    /// Plans the rows that waited for others. Call it when there are no more.
    pub(crate) fn rest(&mut self, holding: &dyn Holding) -> Result<Planned, StorageError> {
        let mut planned = Planned::default();
        loop {
            let waiting = std::mem::take(&mut self.waiting);
            let before = waiting.len();
            let mut faults = Vec::new();
            for row in waiting {
                if let Some(fault) = self.take(holding, &row, &mut planned)? {
                    faults.push(fault);
                    self.waiting.push(row);
                }
            }
            if self.waiting.is_empty() || self.waiting.len() == before {
                self.waiting.clear();
                planned.faults.append(&mut faults);
                return Ok(planned);
            }
        }
    }

    /// Plans one row. Gives a fault if it waits for another row.
    fn take(&mut self, holding: &dyn Holding, row: &Row, planned: &mut Planned) -> Result<Option<RowFault>, StorageError> {
        match self.row(holding, row) {
            Ok(edit) => planned.edits.push(edit),
            Err(Left::Unchanged) => planned.unchanged += 1,
            Err(Left::Waiting(fault)) => return Ok(Some(fault)),
            Err(Left::Fault(fault)) => planned.faults.push(fault),
            Err(Left::Storage(error)) => return Err(error),
        }
        Ok(None)
    }

    fn row(&mut self, holding: &dyn Holding, row: &Row) -> Result<RowEdit, Left> {
        let cells: Vec<Option<Json>> = self.plan.fields.iter().map(|field| cell(field, row)).collect();
        let wanted = self.wanted(holding, row, &cells)?;
        let (id, held) = self.record(holding, row, &cells, &wanted)?;
        if let Some(first) = self.met.insert(id, row.line) {
            self.met.insert(id, first);
            let words = format!("row {first} is of the same record already; keep one of the two");
            return Err(self.key_fault(row, words).into());
        }
        self.check_keys(row, id, held.as_ref(), &wanted)?;
        let edit = self.edit(row, id, held.as_ref(), &wanted)?;
        let register = |field: FieldId| match wanted.get(&field) {
            Some(Wanted::Value(value)) => value.clone(),
            Some(_) => None,
            None => match &held {
                Some(record) => record.value(field).cloned(),
                None => self.plan.record_type.fields.get(&field)?.default.clone(),
            },
        };
        self.index.add(&self.plan.record_type, id, &register);
        Ok(edit)
    }

    /// What each field shall hold; fields whose column the row lacks are left
    /// alone.
    fn wanted(&self, holding: &dyn Holding, row: &Row, cells: &[Option<Json>]) -> Result<BTreeMap<FieldId, Wanted>, Left> {
        let mut wanted = BTreeMap::new();
        for (plan, cell) in self.plan.fields.iter().zip(cells) {
            let Some(cell) = cell else { continue };
            let empty = cell.is_null() || cell.as_str() == Some("");
            if empty && let Some(default) = &plan.field.default {
                wanted.insert(plan.field.id, Wanted::Value(Some(default.clone())));
                continue;
            }
            let mut waits = false;
            let mut resolve = |kind: &Kind, text: &str| self.resolve(holding, plan, kind, text, &mut waits);
            match Wanted::from_json(&plan.field, cell, &mut resolve) {
                Ok(value) => {
                    wanted.insert(plan.field.id, value);
                }
                Err(reason) => {
                    let fault = RowFault::cell(row.line, plan.column(), format!("{}: {reason}", plan.field.name));
                    return Err(if waits { Left::Waiting(fault) } else { Left::Fault(fault) });
                }
            }
        }
        Ok(wanted)
    }

    fn resolve(&self, holding: &dyn Holding, plan: &FieldPlan, kind: &Kind, text: &str, waits: &mut bool) -> Result<RecordId, String> {
        let Kind::Lookup { targets, .. } = kind else {
            return Err(format!("it takes {}", kind.describe()));
        };
        let label = |id: &TypeId| holding.definition().types.get(id).map_or("record", |target| target.name.as_str());
        let (found, way) = match plan.lookup {
            Some((target, by)) => {
                let field = holding.definition().types.get(&target).and_then(|target| target.fields.get(&by));
                let kind = field.map_or(kind, |field| &field.kind);
                let name = field.map_or("field", |field| field.name.as_str());
                (self.index.by_field((target, by), kind, text), format!("{} with {name} `{text}`", label(&target)))
            }
            None => {
                if let Ok(id) = text.parse::<RecordId>()
                    && (holding.type_of(id).is_some_and(|t| targets.contains(&t)) || self.met.contains_key(&id))
                {
                    return Ok(id);
                }
                let names: Vec<&str> = targets.iter().map(label).collect();
                (self.index.by_name(targets, text), format!("{} with the id, key or title `{text}`", names.join(" or ")))
            }
        };
        found.map_err(|why| {
            *waits = why == NotFound::Missing && targets.contains(&self.plan.record_type.id);
            match why {
                NotFound::Missing => format!("there is no {way}; import it first, or correct the cell"),
                NotFound::Several => format!("there is more than one {way}; name it by something only it has"),
            }
        })
    }

    /// The row's record: its id, and what it is now.
    fn record(
        &mut self,
        holding: &dyn Holding,
        row: &Row,
        cells: &[Option<Json>],
        wanted: &BTreeMap<FieldId, Wanted>,
    ) -> Result<(RecordId, Option<Record>), Left> {
        let record_type = &self.plan.record_type;
        let id = match &self.plan.identity {
            Identity::Key(columns) => {
                let mut parts = Vec::with_capacity(columns.len());
                for column in columns {
                    match row.cells.get(column).map(text).filter(|text| !text.is_empty()) {
                        Some(part) => parts.push(part),
                        None => return Err(RowFault::cell(row.line, column, "it is empty, and rows are told apart by it").into()),
                    }
                }
                RecordId::derive(record_type.name.as_bytes(), &parts.join("\u{1f}"))
            }
            Identity::Id(column) => {
                let text = row.cells.get(column).map(text).unwrap_or_default();
                text.parse().map_err(|error| RowFault::cell(row.line, column, format!("{error}")))?
            }
            Identity::Content => {
                let content = Hash::of(&serde_json::to_vec(cells).unwrap_or_default());
                let times = self.contents.entry(content).or_default();
                *times += 1;
                RecordId::derive(record_type.name.as_bytes(), &format!("content\u{1f}{content}\u{1f}{times}"))
            }
        };
        let (id, held) = match holding.record(id)? {
            None => match self.same_key(wanted) {
                Some(id) => (id, holding.record(id)?),
                None => (id, None),
            },
            held => (id, held),
        };
        match &held {
            Some(record) if record.record_type != record_type.id => {
                Err(self.key_fault(row, format!("record {id} is not a {}", record_type.name)).into())
            }
            Some(record) if !record.is_alive() => {
                let words = format!("its record was deleted; restore it with `cairn record restore {id}`, or leave the row out");
                Err(self.key_fault(row, words).into())
            }
            None if self.plan.update_only => {
                Err(self.key_fault(row, format!("there is no such {}, and this table only changes records", record_type.name)).into())
            }
            _ => Ok((id, held)),
        }
    }

    /// The record that has the row's values in an alternate key.
    fn same_key(&self, wanted: &BTreeMap<FieldId, Wanted>) -> Option<RecordId> {
        self.keys(|field| match wanted.get(&field) {
            Some(Wanted::Value(value)) => value.clone(),
            _ => None,
        })
        .find_map(|(_, holder, _)| holder)
        .filter(|id| !self.met.contains_key(id))
    }

    /// The alternate keys that `value_of` fills: the key's place, who has the
    /// values now, and the values.
    fn keys(&self, value_of: impl Fn(FieldId) -> Option<Value>) -> impl Iterator<Item = (usize, Option<RecordId>, Vec<Value>)> {
        let keys = self.plan.record_type.keys.iter().enumerate();
        let filled = keys.filter_map(|(place, key)| {
            let values: Vec<Value> = key.fields.iter().map(|field| value_of(*field)).collect::<Option<_>>()?;
            Some((place, self.index.with_key(place, &values), values))
        });
        filled.collect::<Vec<_>>().into_iter()
    }

    /// No two records share an alternate key.
    fn check_keys(&self, row: &Row, id: RecordId, held: Option<&Record>, wanted: &BTreeMap<FieldId, Wanted>) -> Result<(), RowFault> {
        let value_of = |field: FieldId| match wanted.get(&field) {
            Some(Wanted::Value(value)) => value.clone(),
            _ => held?.value(field).cloned(),
        };
        for (place, holder, values) in self.keys(value_of) {
            let Some(holder) = holder.filter(|holder| *holder != id) else { continue };
            let record_type = &self.plan.record_type;
            let key = &record_type.keys[place];
            let plan = self.plan.fields.iter().find(|plan| key.fields.contains(&plan.field.id));
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            let by = match self.met.get(&holder) {
                Some(first) => format!("row {first}"),
                None => format!("record {holder}"),
            };
            let words = format!("{by} has {} {} already, and no two {} records share it", key.name, values.join(", "), record_type.name);
            return Err(RowFault { row: row.line, column: plan.map(|plan| plan.column().to_owned()), reason: words });
        }
        Ok(())
    }

    fn edit(&self, row: &Row, id: RecordId, held: Option<&Record>, wanted: &BTreeMap<FieldId, Wanted>) -> Result<RowEdit, Left> {
        if held.is_none() {
            self.check_required(row, wanted)?;
        }
        let fields: Vec<(FieldId, FieldEdit)> = self
            .plan
            .fields
            .iter()
            .filter_map(|plan| {
                let wanted = wanted.get(&plan.field.id)?.clone();
                Some((plan.field.id, wanted.towards(&plan.field, held)?))
            })
            .collect();
        let bytes = fields.iter().map(|(_, edit)| weight(edit)).sum::<usize>() + MUTATION_BYTES;
        let kind = match held {
            None => RecordEditKind::Create(fields),
            Some(_) if fields.is_empty() => return Err(Left::Unchanged),
            Some(_) => RecordEditKind::Update(fields),
        };
        let edit = RecordEdit { record: Some(id), record_type: self.plan.record_type.id, kind, base: None };
        Ok(RowEdit { row: row.line, edit, bytes })
    }

    fn check_required(&self, row: &Row, wanted: &BTreeMap<FieldId, Wanted>) -> Result<(), RowFault> {
        for field in self.plan.record_type.live_fields().filter(|field| field.required && field.default.is_none()) {
            match wanted.get(&field.id) {
                Some(Wanted::Value(Some(_))) => {}
                _ => {
                    let plan = self.plan.fields.iter().find(|plan| plan.field.id == field.id);
                    let column = plan.map(|plan| plan.column().to_owned());
                    let reason = format!("{}: it must not be empty in a new {}", field.name, self.plan.record_type.name);
                    return Err(RowFault { row: row.line, column, reason });
                }
            }
        }
        Ok(())
    }

    /// A fault in what tells rows apart.
    fn key_fault(&self, row: &Row, reason: String) -> RowFault {
        let column = match &self.plan.identity {
            Identity::Key(columns) => Some(columns.join(", ")),
            Identity::Id(column) => Some(column.clone()),
            Identity::Content => None,
        };
        RowFault { row: row.line, column, reason }
    }
}

/// Bytes of a mutation besides its writes: id, type, base.
const MUTATION_BYTES: usize = 32;
/// Bytes of an Automerge change besides its text.
const CHANGE_BYTES: usize = 160;

/// Bytes of a write, about.
fn weight(edit: &FieldEdit) -> usize {
    match edit {
        FieldEdit::Write(Write::Merge(changes)) => changes.len() + 8,
        FieldEdit::Write(write) => codec::encode(write).len() + 3,
        FieldEdit::Document(json) => json.to_string().len() * 2 + CHANGE_BYTES,
    }
}

/// What a row has for a field; `None` when it has nothing to say.
fn cell(plan: &FieldPlan, row: &Row) -> Option<Json> {
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
            Some(if columns > 0 && empty == columns { Json::Null } else { filled.trim().into() })
        }
    };
    let given = match plan.map.is_empty() {
        true => given?,
        false => mapped(plan, given)?,
    };
    Some(match (&plan.split, given) {
        (Some(split), Json::String(text)) => {
            text.split(split.as_str()).map(str::trim).filter(|part| !part.is_empty()).map(Json::from).collect()
        }
        (_, given) => given,
    })
}

fn mapped(plan: &FieldPlan, given: Option<Json>) -> Option<Json> {
    let key = given.as_ref().map(text).unwrap_or_default();
    let instead = plan.map.get(&key).or_else(|| plan.map.get("*").filter(|_| !key.is_empty()));
    instead.cloned().or(given)
}

/// A cell as text.
fn text(cell: &Json) -> String {
    match cell {
        Json::Null => String::new(),
        Json::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}
