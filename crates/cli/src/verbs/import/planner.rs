//! From rows to edits of records, given what is there already.

mod identity;
mod values;

use super::index::Index;
use super::plan::Plan;
use super::rows::{Row, RowFault};
use crate::fields::Wanted;
use crate::holding::Holding;
use cairn_agent::{FieldEdit, RecordEdit, RecordEditKind};
use cairn_model::{FieldId, Hash, RecordId, Write, codec};
use cairn_oplog::StorageError;
use cairn_projection::Record;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use values::cell;

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
        matches!(self.edit.kind, RecordEditKind::Create(_))
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
        Ok(Planner {
            plan,
            index,
            met: BTreeMap::new(),
            contents: BTreeMap::new(),
            waiting: Vec::new(),
            unseen,
        })
    }

    /// Plans some rows.
    pub(crate) fn rows(
        &mut self,
        holding: &dyn Holding,
        rows: Vec<Row>,
    ) -> Result<Planned, StorageError> {
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
    fn take(
        &mut self,
        holding: &dyn Holding,
        row: &Row,
        planned: &mut Planned,
    ) -> Result<Option<RowFault>, StorageError> {
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
        let cells: Vec<Option<Json>> = self
            .plan
            .fields
            .iter()
            .map(|field| cell(field, row))
            .collect();
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

    fn edit(
        &self,
        row: &Row,
        id: RecordId,
        held: Option<&Record>,
        wanted: &BTreeMap<FieldId, Wanted>,
    ) -> Result<RowEdit, Left> {
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
        let edit = RecordEdit {
            record: Some(id),
            record_type: self.plan.record_type.id,
            kind,
            base: None,
        };
        Ok(RowEdit {
            row: row.line,
            edit,
            bytes,
        })
    }

    fn check_required(
        &self,
        row: &Row,
        wanted: &BTreeMap<FieldId, Wanted>,
    ) -> Result<(), RowFault> {
        for field in self
            .plan
            .record_type
            .live_fields()
            .filter(|field| field.required && field.default.is_none())
        {
            match wanted.get(&field.id) {
                Some(Wanted::Value(Some(_))) => {}
                _ => {
                    let plan = self
                        .plan
                        .fields
                        .iter()
                        .find(|plan| plan.field.id == field.id);
                    let column = plan.map(|plan| plan.column().to_owned());
                    let reason = format!(
                        "{}: it must not be empty in a new {}",
                        field.name, self.plan.record_type.name
                    );
                    return Err(RowFault {
                        row: row.line,
                        column,
                        reason,
                    });
                }
            }
        }
        Ok(())
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
