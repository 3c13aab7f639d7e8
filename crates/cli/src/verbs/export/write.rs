//! Records of one type as text, in the order of their ids.

use crate::holding::Holding;
use crate::verbs::import::Format;
use cairn_model::{RecordId, RecordType};
use cairn_oplog::StorageError;
use cairn_projection::Record;
use serde_json::{Map, Value as Json};
use std::io::{self, BufWriter, Write};

/// The column that says which record a row is.
const ID: &str = "id";
/// The column that says of which type, where a file holds several.
const TYPE: &str = "type";
/// The column that says whether it is deleted, where deleted ones are written.
const DELETED: &str = "deleted";

/// Records as text. They are gathered before they are written: a device holds
/// its records in the order they came, and a file has them in that of their ids.
pub(super) struct Text {
    heading: Option<Vec<u8>>,
    rows: Vec<(RecordId, Vec<u8>)>,
}

impl Text {
    /// How many records there are.
    pub(super) fn records(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Writes the lines.
    pub(super) fn write_to(self, file: impl Write) -> io::Result<()> {
        let mut file = BufWriter::new(file);
        let rows = self.rows.into_iter().map(|(_, row)| row);
        for row in self.heading.into_iter().chain(rows) {
            file.write_all(&row)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }
}

/// The records of a type.
pub(super) fn records(
    holding: &dyn Holding,
    record_type: &RecordType,
    format: Format,
    deleted: bool,
    tagged: bool,
) -> Result<Text, StorageError> {
    let columns = columns(record_type, deleted);
    let mut rows: Vec<(RecordId, Vec<u8>)> = Vec::new();
    holding.visit(&mut |record| {
        if record.record_type != record_type.id || !(deleted || record.is_alive()) {
            return;
        }
        let cells = cells(holding, record_type, record, deleted, tagged);
        let row = match format {
            Format::Jsonl => Json::Object(cells).to_string().into_bytes(),
            Format::Csv => line(
                columns
                    .iter()
                    .map(|column| cells.get(column).map(text).unwrap_or_default()),
            ),
        };
        rows.push((record.id, row));
    })?;
    rows.sort_by_key(|(id, _)| *id);
    let heading = match format {
        Format::Jsonl => None,
        Format::Csv => Some(line(columns.iter().cloned())),
    };
    Ok(Text { heading, rows })
}

fn columns(record_type: &RecordType, deleted: bool) -> Vec<String> {
    let fields = record_type.live_fields().map(|field| field.name.clone());
    let ahead = [(true, ID), (deleted, DELETED)];
    let ahead = ahead
        .into_iter()
        .filter(|(wanted, _)| *wanted)
        .map(|(_, name)| own(record_type, name));
    ahead.chain(fields).collect()
}

/// A column of our own; with an underscore where a field is called so.
fn own(record_type: &RecordType, name: &str) -> String {
    match record_type.field_named(name) {
        Some(_) => format!("_{name}"),
        None => name.to_owned(),
    }
}

fn cells(
    holding: &dyn Holding,
    record_type: &RecordType,
    record: &Record,
    deleted: bool,
    tagged: bool,
) -> Map<String, Json> {
    let mut cells = Map::new();
    cells.insert(own(record_type, ID), record.id.to_string().into());
    if tagged {
        cells.insert(own(record_type, TYPE), record_type.name.clone().into());
    }
    if deleted {
        cells.insert(own(record_type, DELETED), (!record.is_alive()).into());
    }
    cells.extend(record.to_json(holding.definition()));
    cells
}

/// A value as a cell of CSV, in a form that an import reads back.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(elements) => {
            let plain = elements
                .iter()
                .all(|element| element.as_str().is_some_and(|text| !text.contains(',')));
            let texts: Vec<&str> = elements.iter().filter_map(Json::as_str).collect();
            if plain {
                texts.join(",")
            } else {
                value.to_string()
            }
        }
        other => other.to_string(),
    }
}

/// Cells as a row of CSV, without its end.
fn line(cells: impl Iterator<Item = String>) -> Vec<u8> {
    let quoted = cells.map(|cell| {
        if cell.contains(['"', ',', ';', '\t', '\n', '\r'])
            || cell.starts_with(' ')
            || cell.ends_with(' ')
        {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    quoted.collect::<Vec<_>>().join(",").into_bytes()
}
