//! What an import did.

use super::rows::RowFault;
use serde::{Deserialize, Serialize};

/// Faults told one by one; more are counted.
const FAULTS_TOLD_MAX: usize = 10_000;

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Table by table.
    pub(crate) tables: Vec<TableReport>,
}

/// What became of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TableReport {
    /// The file, as named.
    pub(crate) file: String,
    /// The record type.
    #[serde(rename = "type")]
    pub(crate) record_type: String,
    /// Rows read.
    pub(crate) rows: u64,
    /// Records made.
    pub(crate) created: u64,
    /// Records changed.
    pub(crate) updated: u64,
    /// Rows whose records said the same already.
    pub(crate) unchanged: u64,
    /// Rows left out.
    pub(crate) left_out: u64,
    /// Why, row by row.
    pub(crate) faults: Vec<RowFault>,
    /// What else is worth knowing.
    pub(crate) notes: Vec<String>,
}

impl TableReport {
    /// Notes a row that is left out.
    pub(crate) fn fault(&mut self, fault: RowFault) {
        self.left_out += 1;
        if self.faults.len() < FAULTS_TOLD_MAX {
            self.faults.push(fault);
        }
    }
}

impl Report {
    /// Rows left out, in all tables.
    pub(crate) fn left_out(&self) -> u64 {
        self.tables.iter().map(|table| table.left_out).sum()
    }
}
